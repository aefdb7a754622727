//! Trials side by side: at most so many at once, the longest waits first, so that they overlap.
//!
//! What waits for timers takes no room from the others, but where they are to be played one at a time. What needs calm has its
//! turn once all others have begun and few of them are busy.

use super::fleet::Room;
use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::task::{Id, JoinError, JoinSet};

/// A trial that is to be played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Turn {
    /// Which one.
    pub(super) index: usize,
    /// How long it waits for timers, in milliseconds.
    pub(super) wait_ms: f64,
    /// Of those that wait for the same time, what may be looked at twice has its turn first, and then the one with more here.
    pub(super) urgency: (bool, f64),
    /// Beside whom.
    pub(super) company: Company,
    /// On which of the instances of its variant.
    pub(super) room: Room,
    /// The number of the variant that it is played on.
    pub(super) variant: usize,
}

impl Turn {
    /// What has its turn later comes first in this order.
    fn order(&self) -> (f64, (bool, f64), Reverse<usize>) {
        (self.wait_ms, self.urgency, Reverse(self.index))
    }
}

/// The number of the default among the variants.
pub(super) const DEFAULT: usize = 0;

/// Beside whom a trial is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    /// All that are no hazards.
    All,
    /// Few: its verdict was in doubt.
    Few,
    /// Hazards.
    Hazards,
    /// Nobody on the same instance: it is known to end the target.
    Nobody,
}

impl Company {
    const NUMBER: usize = 4;
}

/// A trial that waits for at least so many milliseconds leaves the target time for others.
const WAITS_MS: f64 = 100.0;
/// One that waits for at least so many does little else.
pub(super) const MOSTLY_WAITS_MS: f64 = 250.0;
const MOSTLY_WAITS: Duration = Duration::from_millis(250);
/// How many of those may go on besides, for each of the others.
const WAITING_PER_JOB: usize = 4;
/// How many are little company, of which most waits.
const FEW: usize = 20;

/// What goes on at the same time. Dropping it ends all of it.
pub(super) struct Floor<Play, Out> {
    /// What is still to be played, the next one last.
    waiting: Vec<Turn>,
    /// How many of those are to be played beside all others.
    waiting_for_all: usize,
    running: JoinSet<Out>,
    turn_of: HashMap<Id, Begun>,
    jobs: usize,
    play: Play,
}

/// A trial that goes on.
struct Begun {
    turn: Turn,
    since: Instant,
}

/// How much a trial takes from the others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Busy,
    /// It waits for a moment, as for an upgrade.
    Pausing,
    MostlyWaiting,
}

/// How many run, by company and pace.
type Running = [[usize; 3]; Company::NUMBER];

impl<Play, Out> Floor<Play, Out> {
    pub(super) fn new(turns: Vec<Turn>, jobs: usize, play: Play) -> Self {
        let mut floor = Self {
            waiting: Vec::new(),
            waiting_for_all: 0,
            running: JoinSet::new(),
            turn_of: HashMap::new(),
            jobs: jobs.max(1),
            play,
        };
        floor.add(turns);
        floor
    }

    /// Has these played too.
    pub(super) fn add(&mut self, mut turns: Vec<Turn>) {
        if turns.is_empty() {
            return;
        }
        self.waiting.append(&mut turns);
        self.waiting
            .sort_by(|a, b| a.order().partial_cmp(&b.order()).unwrap_or(Ordering::Equal));
        let for_all = |turn: &&Turn| turn.company == Company::All;
        self.waiting_for_all = self.waiting.iter().filter(for_all).count();
    }

    /// The next trial for which there is room.
    fn next_with_room(&self) -> Option<usize> {
        let running = self.running();
        self.waiting
            .iter()
            .rposition(|turn| self.has_room(turn, &running))
    }

    fn has_room(&self, turn: &Turn, running: &Running) -> bool {
        if self.jobs == 1 && !self.running.is_empty() {
            return false;
        }
        let of_company = running[turn.company as usize];
        match turn.company {
            Company::Nobody => of_company.iter().sum::<usize>() == 0,
            Company::Few => {
                self.waiting_for_all == 0 && self.busy() + of_company.iter().sum::<usize>() < self.few()
            }
            Company::All | Company::Hazards => {
                let pace = self.pace(turn);
                let most = match pace {
                    Pace::Busy => self.jobs,
                    Pace::Pausing if turn.company == Company::All => {
                        self.jobs + self.left_by_busy(of_company)
                    }
                    Pace::Pausing => self.jobs,
                    Pace::MostlyWaiting => self.jobs * WAITING_PER_JOB,
                };
                of_company[pace as usize] < most
            }
        }
    }

    /// How much room the busy ones leave, once all of them have begun.
    fn left_by_busy(&self, of_all: [usize; 3]) -> usize {
        let busy = |turn: &Turn| turn.company == Company::All && self.pace(turn) == Pace::Busy;
        if self.waiting.iter().any(busy) {
            return 0;
        }
        self.jobs.saturating_sub(of_all[Pace::Busy as usize])
    }

    /// Whether trials are left that a hazard could harm on the common instance of a variant.
    pub(super) fn are_others_left(&self, variant: usize) -> bool {
        let harmed = |turn: &Turn| {
            turn.variant == variant && turn.room == Room::Common && turn.company != Company::Hazards
        };
        self.waiting_for_all > 0 || self.waiting.iter().chain(self.turns()).any(harmed)
    }

    /// Whether trials of a variant go on that do little but wait, be it for what does not come.
    pub(super) fn are_waits_left(&self, variant: usize) -> bool {
        let waits = |begun: &Begun| {
            self.pace(&begun.turn) == Pace::MostlyWaiting || begun.since.elapsed() >= MOSTLY_WAITS
        };
        let is_one = |turn: &Turn| turn.variant == variant && turn.company == Company::All;
        self.turn_of
            .values()
            .any(|begun| is_one(&begun.turn) && waits(begun))
    }

    /// What goes on.
    fn turns(&self) -> impl Iterator<Item = &Turn> {
        self.turn_of.values().map(|begun| &begun.turn)
    }

    fn running(&self) -> Running {
        let mut running = Running::default();
        self.turns()
            .for_each(|turn| running[turn.company as usize][self.pace(turn) as usize] += 1);
        running
    }

    fn pace(&self, turn: &Turn) -> Pace {
        if self.jobs == 1 || turn.wait_ms < WAITS_MS {
            Pace::Busy
        } else if turn.wait_ms < MOSTLY_WAITS_MS {
            Pace::Pausing
        } else {
            Pace::MostlyWaiting
        }
    }

    /// Whether all that are played beside all others have begun, and few of those that are not done do more than wait.
    pub(super) fn is_calm(&self) -> bool {
        self.waiting_for_all == 0 && self.busy() < self.few()
    }

    /// How many of those that are played beside all others do more than wait.
    fn busy(&self) -> usize {
        let busy = |turn: &&Turn| turn.company == Company::All && self.pace(turn) != Pace::MostlyWaiting;
        self.turns().filter(busy).count()
    }

    fn few(&self) -> usize {
        FEW.min(self.jobs)
    }

    /// Whether nothing is left to be played.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }
}

impl<Play, Playing, Out> Floor<Play, Out>
where
    Play: Fn(Turn) -> Playing,
    Playing: Future<Output = Out> + Send + 'static,
    Out: Send + 'static,
{
    /// Begins as many as there is room for, and says which.
    pub(super) fn fill(&mut self) -> Vec<Turn> {
        let mut begun = Vec::new();
        while let Some(at) = self.next_with_room() {
            let turn = self.waiting.remove(at);
            self.waiting_for_all -= usize::from(turn.company == Company::All);
            let task = self.running.spawn((self.play)(turn));
            let since = Instant::now();
            self.turn_of.insert(task.id(), Begun { turn, since });
            begun.push(turn);
        }
        begun
    }

    /// Waits for the next one to end; `None` when all that were begun have.
    pub(super) async fn next(&mut self) -> Option<(Turn, Result<Out, JoinError>)> {
        loop {
            let (id, out) = match self.running.join_next_with_id().await? {
                Ok((id, out)) => (id, Ok(out)),
                Err(error) => (error.id(), Err(error)),
            };
            // Only what `fill` began runs here; anything else must not end the whole floor.
            if let Some(begun) = self.turn_of.remove(&id) {
                return Some((begun.turn, out));
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
                urgency: (false, 0.0),
                company: Company::All,
                room: Room::Common,
                variant: DEFAULT,
            })
            .collect()
    }

    fn indices(turns: &[Turn]) -> Vec<usize> {
        turns.iter().map(|turn| turn.index).collect()
    }

    #[tokio::test]
    async fn the_longest_waits_come_first_and_equals_in_their_order() {
        let mut floor = Floor::new(turns(&[0.0, 500.0, 0.0, 900.0]), 1, |turn: Turn| async move {
            turn.index
        });
        let mut order = Vec::new();
        loop {
            order.extend(indices(&floor.fill()));
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
        let waits = [
            900.0, 800.0, 700.0, 600.0, 500.0, 400.0, 300.0, 300.0, 300.0, 100.0, 100.0, 100.0, 0.0, 0.0, 0.0,
        ];
        let mut two = Floor::new(turns(&waits), 2, never);
        assert_eq!(indices(&two.fill()), [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 13]);
        let mut two = Floor::new(turns(&waits[8..]), 2, never);
        assert_eq!(indices(&two.fill()), [0, 1, 2, 4, 5]);
        let mut one = Floor::new(turns(&waits), 1, never);
        assert_eq!(indices(&one.fill()), [0]);
    }

    #[tokio::test]
    async fn what_pauses_takes_the_room_of_the_busy_once_they_are_few() {
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        let opened = Arc::clone(&gate);
        let waits = [100.0, 100.0, 100.0, 100.0, 0.0, 0.0, 0.0];
        let mut floor = Floor::new(turns(&waits), 2, move |turn: Turn| {
            let gate = Arc::clone(&opened);
            async move {
                if turn.wait_ms > 0.0 {
                    drop(gate.acquire().await);
                }
            }
        });
        assert_eq!(indices(&floor.fill()), [0, 1, 4, 5]);
        floor.next().await;
        assert_eq!(indices(&floor.fill()), [6]);
        floor.next().await;
        assert_eq!(indices(&floor.fill()), [2]);
        floor.next().await;
        assert_eq!(indices(&floor.fill()), [3]);
    }

    #[tokio::test]
    async fn what_needs_calm_begins_when_few_others_are_busy() {
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        let played = [
            (900.0, Company::All, 1),
            (0.0, Company::All, DEFAULT),
            (0.0, Company::All, DEFAULT),
            (5_000.0, Company::Few, DEFAULT),
            (5_000.0, Company::Few, DEFAULT),
            (0.0, Company::Nobody, DEFAULT),
            (0.0, Company::Nobody, DEFAULT),
        ];
        let mut turns = turns(&played.map(|(wait_ms, ..)| wait_ms));
        for (turn, (_, company, variant)) in turns.iter_mut().zip(played) {
            (turn.company, turn.variant) = (company, variant);
            turn.room = match company {
                Company::Few => Room::Calm,
                Company::Nobody => Room::Lethal,
                Company::All | Company::Hazards => Room::Common,
            };
        }
        let opened = Arc::clone(&gate);
        let mut floor = Floor::new(turns, 2, move |turn: Turn| {
            let gate = Arc::clone(&opened);
            async move {
                if !matches!(turn.index, 1 | 2) {
                    drop(gate.acquire().await);
                }
            }
        });
        // Who is to be played with nobody has an instance of its own, and waits for the one before.
        assert_eq!(indices(&floor.fill()), [0, 1, 2, 5]);
        assert!(!floor.is_calm());
        floor.next().await;
        assert!(floor.is_calm());
        assert_eq!(indices(&floor.fill()), [3]);
        assert!(floor.are_others_left(DEFAULT));
        floor.next().await;
        assert!(!floor.are_others_left(DEFAULT) && floor.are_others_left(1));
        assert!(!floor.are_waits_left(DEFAULT) && floor.are_waits_left(1));
        assert_eq!(indices(&floor.fill()), [4]);
        gate.add_permits(1);
        let mut order = Vec::new();
        while let Some((turn, _)) = floor.next().await {
            order.push(turn.index);
            floor.fill();
        }
        assert!(floor.is_empty() && order.contains(&6), "{order:?}");
    }

    #[tokio::test]
    async fn what_goes_on_for_long_waits_whatever_was_expected_of_it() {
        let mut floor = Floor::new(turns(&[0.0; 2]), 2, |_| std::future::pending::<()>());
        floor.fill();
        let now = Instant::now();
        let mut are_waits_left = |since| {
            floor.turn_of.values_mut().for_each(|begun| begun.since = since);
            floor.are_waits_left(DEFAULT)
        };
        assert!(!are_waits_left(now + Duration::from_secs(3600)));
        assert!(are_waits_left(now.checked_sub(MOSTLY_WAITS).unwrap()));
    }

    #[tokio::test]
    async fn a_panic_names_its_trial() {
        let mut floor = Floor::new(turns(&[0.0]), 1, |_| async { panic!("on purpose") });
        floor.fill();
        let (turn, out): (Turn, Result<(), _>) = floor.next().await.unwrap();
        assert_eq!(turn.index, 0);
        assert!(out.unwrap_err().is_panic());
    }
}
