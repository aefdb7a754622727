//! Trials side by side: at most so many at once, the longest waits first, so that they overlap.
//!
//! What mostly waits for timers takes no room from the others, but where they are to be played one at a time.

use std::collections::HashMap;
use std::future::Future;
use tokio::task::{Id, JoinError, JoinSet};

/// A trial that is to be played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Turn {
    /// Which one.
    pub(super) index: usize,
    /// How long it waits for timers, in milliseconds.
    pub(super) wait_ms: f64,
}

/// A trial that waits for at least so many milliseconds does little else.
const MOSTLY_WAITS_MS: f64 = 250.0;
/// How many of those may go on besides, for each of the others.
const WAITING_PER_JOB: usize = 2;

/// What goes on at the same time. Dropping it ends all of it.
pub(super) struct Floor<Play, Out> {
    /// What is still to be played, the next one last.
    waiting: Vec<Turn>,
    running: JoinSet<Out>,
    turn_of: HashMap<Id, Turn>,
    /// How many of those that run mostly wait.
    mostly_waiting: usize,
    jobs: usize,
    play: Play,
}

impl<Play, Playing, Out> Floor<Play, Out>
where
    Play: Fn(Turn) -> Playing,
    Playing: Future<Output = Out> + Send + 'static,
    Out: Send + 'static,
{
    pub(super) fn new(mut turns: Vec<Turn>, jobs: usize, play: Play) -> Self {
        turns.sort_by(|a, b| a.wait_ms.total_cmp(&b.wait_ms).then(b.index.cmp(&a.index)));
        Self {
            waiting: turns,
            running: JoinSet::new(),
            turn_of: HashMap::new(),
            mostly_waiting: 0,
            jobs: jobs.max(1),
            play,
        }
    }

    /// Begins as many as there is room for, and says which.
    pub(super) fn fill(&mut self) -> Vec<usize> {
        let mut begun = Vec::new();
        while let Some(at) = self.waiting.iter().rposition(|turn| self.has_room_for(*turn)) {
            let turn = self.waiting.remove(at);
            self.mostly_waiting += usize::from(self.besides(turn));
            let task = self.running.spawn((self.play)(turn));
            self.turn_of.insert(task.id(), turn);
            begun.push(turn.index);
        }
        begun
    }

    fn has_room_for(&self, turn: Turn) -> bool {
        if self.besides(turn) {
            self.mostly_waiting < self.jobs * WAITING_PER_JOB
        } else {
            self.running.len() - self.mostly_waiting < self.jobs
        }
    }

    /// Whether this trial takes no room from the others.
    fn besides(&self, turn: Turn) -> bool {
        self.jobs > 1 && turn.wait_ms >= MOSTLY_WAITS_MS
    }

    /// Waits for the next one to end; `None` when all have.
    pub(super) async fn next(&mut self) -> Option<(usize, Result<Out, JoinError>)> {
        loop {
            let (id, out) = match self.running.join_next_with_id().await? {
                Ok((id, out)) => (id, Ok(out)),
                Err(error) => (error.id(), Err(error)),
            };
            // Only what `fill` began runs here; anything else must not end the whole floor.
            if let Some(turn) = self.turn_of.remove(&id) {
                self.mostly_waiting -= usize::from(self.besides(turn));
                return Some((turn.index, out));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn turns(waits: &[f64]) -> Vec<Turn> {
        waits
            .iter()
            .enumerate()
            .map(|(index, wait_ms)| Turn {
                index,
                wait_ms: *wait_ms,
            })
            .collect()
    }

    #[tokio::test]
    async fn the_longest_waits_come_first_and_equals_in_their_order() {
        let mut floor = Floor::new(turns(&[0.0, 500.0, 0.0, 900.0]), 1, |turn: Turn| async move {
            turn.index
        });
        let mut order = Vec::new();
        loop {
            order.append(&mut floor.fill());
            if floor.next().await.is_none() {
                break;
            }
        }
        assert_eq!(order, [3, 1, 0, 2]);
    }

    #[tokio::test]
    async fn never_more_than_allowed_at_once() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, seen) = (Arc::clone(&now), Arc::clone(&most));
        let mut floor = Floor::new(turns(&[0.0; 50]), 4, move |_| {
            let (counted, seen) = (Arc::clone(&counted), Arc::clone(&seen));
            async move {
                seen.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                counted.fetch_sub(1, Ordering::SeqCst);
            }
        });
        let mut ended = 0;
        floor.fill();
        while floor.next().await.is_some() {
            ended += 1;
            floor.fill();
        }
        assert_eq!((ended, most.load(Ordering::SeqCst)), (50, 4));
    }

    #[tokio::test]
    async fn what_mostly_waits_takes_no_room_but_one_at_a_time_is_one() {
        let never = |_| std::future::pending::<()>();
        let waits = [900.0, 800.0, 700.0, 600.0, 500.0, 0.0, 0.0, 0.0];
        let mut two = Floor::new(turns(&waits), 2, never);
        assert_eq!(two.fill(), [0, 1, 2, 3, 5, 6]);
        let mut two = Floor::new(turns(&waits[2..]), 2, never);
        assert_eq!(two.fill(), [0, 1, 2, 3, 4]);
        let mut one = Floor::new(turns(&waits), 1, never);
        assert_eq!(one.fill(), [0]);
    }

    #[tokio::test]
    async fn a_panic_names_its_trial() {
        let mut floor = Floor::new(turns(&[0.0]), 1, |_| async { panic!("on purpose") });
        floor.fill();
        let (index, out): (usize, Result<(), _>) = floor.next().await.unwrap();
        assert_eq!(index, 0);
        assert!(out.unwrap_err().is_panic());
    }
}
