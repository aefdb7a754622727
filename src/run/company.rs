//! Trials that are played side by side, and what is taken in of each: a verdict, a doubt, or a loss of the target.

use super::alone::Reason;
use super::budget::Budget;
use super::conduct::{Attempted, Conduct, attempt};
use super::fleet::{Attempt, Room};
use super::known;
use super::retry::{self, Doubt};
use super::schedule::{Company, Floor, Turn};
use super::verdict::Played;
use crate::outcome::{RunEvent, Verdict};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// How many trials that ended lately are remembered, should the target be lost.
const REMEMBERED: usize = 32;

impl Conduct<'_> {
    /// Plays these side by side, as many at once as are asked for; and what is for variants, as they come up.
    pub(super) async fn side_by_side(&mut self, turns: Vec<Turn>, budget: &mut Budget) {
        let (fleet, trials) = (Arc::clone(&self.fleet), self.trials.clone());
        let mut floor = Floor::new(turns, self.options.jobs, move |turn: Turn| {
            let (fleet, trial) = (Arc::clone(&fleet), Arc::clone(&trials[turn.index]));
            let is_hazardous = matches!(turn.company, Company::Hazards | Company::Nobody);
            async move { attempt(&fleet, turn.room, &trial, turn.wait_ms, is_hazardous).await }
        });
        // Dropping it ends the learning.
        let mut learning = JoinSet::new();
        if let Some(trials) = self.unlearnt.take() {
            let fleet = Arc::clone(&self.fleet);
            learning.spawn(async move {
                fleet.learn().await;
                (trials, fleet.about("").await)
            });
        }
        let coming = std::mem::take(&mut self.coming).into_iter();
        let mut coming: FuturesUnordered<_> = coming
            .map(|(variant, trials)| {
                let fleet = Arc::clone(&self.fleet);
                async move { (trials, fleet.about(&variant).await) }
            })
            .collect();
        let mut interrupted = self.interrupted.clone();
        loop {
            if learning.is_empty() && coming.is_empty() {
                floor.add(self.lethal());
                if floor.is_calm() {
                    floor.add(self.doubts_beside(budget));
                }
                floor.add(self.hazards_beside(&floor));
            }
            for turn in floor.fill() {
                self.tell_begun(turn);
            }
            if floor.is_empty() && learning.is_empty() && coming.is_empty() {
                return;
            }
            tokio::select! {
                Some(learnt) = learning.join_next() => match learnt {
                    Ok((trials, about)) => floor.add(self.take_up_own(&trials, &about)),
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                },
                Some((trials, about)) = coming.next(), if learning.is_empty() => {
                    floor.add(self.take_up(&trials, &about));
                }
                Some((turn, attempted)) = floor.next() => match attempted {
                    Ok(attempted) => self.take(turn, attempted),
                    Err(panic) => self.finish(turn.index, Played::panicked(&panic)),
                },
                _ = interrupted.wait_for(|stop| *stop) => return,
            }
        }
    }

    fn tell_begun(&mut self, turn: Turn) {
        let result = &self.results[turn.index];
        let (id, over) = (result.id.clone(), result.over.clone());
        match self.doubts.get(&turn.index) {
            Some((doubt, _)) => {
                let reason = doubt.reason();
                self.tell(RunEvent::Retrying { id, reason });
            }
            None => self.tell(RunEvent::TrialStarted { id, over }),
        }
    }

    /// Takes in what came of a trial that was played in company.
    fn take(&mut self, turn: Turn, attempted: Attempted) {
        let index = turn.index;
        match attempted {
            Attempted::NoTarget(why) => self.finish(index, Played::without_record(Verdict::Blocked, why)),
            Attempted::Panicked(panic) => self.finish(index, Played::panicked(&panic)),
            // Nothing else was played on this instance, and it was expected to end.
            Attempted::At(place, true, Attempt::Lost(loss, remains)) if turn.company == Company::Nobody => {
                self.note_loss(&place, loss.clone(), index);
                self.fleet.endurance.forgive();
                self.finish(index, Played::lost(&loss, *remains));
            }
            Attempted::At(place, _, Attempt::Lost(loss, _)) => {
                self.note_loss(&place, loss, index);
                self.alone.push_back((index, Reason::Suspect));
            }
            Attempted::At(place, _, Attempt::Played(played)) => {
                self.lately.push_back((Instant::now(), place, index));
                if self.lately.len() > REMEMBERED {
                    self.lately.pop_front();
                }
                match self.doubts.remove(&index) {
                    Some((doubt, first)) => self.take_again(index, *first, doubt, *played),
                    None => self.take_first(turn, played),
                }
            }
        }
    }

    fn take_first(&mut self, turn: Turn, played: Box<Played>) {
        let index = turn.index;
        if turn.room == Room::Calm && retry::stands_at_once(&played) {
            self.confirmed.note(&self.trials[index].loaded.id, &played);
            return self.finish(index, *played);
        }
        let result = &self.results[index];
        let excused = known::excuses(&self.options.known, &result.id, &result.over, &played.message);
        let surprising =
            played.verdict == Verdict::Pass && known::lists(&self.options.known, &result.id, &result.over);
        let doubt = match retry::doubt(&played) {
            Some(Doubt::Company) if turn.company == Company::Hazards => Some(Doubt::Hazards),
            _ if surprising => Some(Doubt::Listed),
            doubt => doubt,
        };
        match doubt {
            Some(doubt) if !excused && self.options.recheck => {
                self.alone.push_back((index, Reason::Doubt(doubt, played)));
            }
            _ => self.finish(index, *played),
        }
    }

    /// Takes in what came of a doubt that was looked at in small company. What still cannot be told is played alone.
    fn take_again(&mut self, index: usize, first: Played, doubt: Doubt, again: Played) {
        let result = &self.results[index];
        let excused = known::excuses(&self.options.known, &result.id, &result.over, &again.message);
        if excused {
            // It fails as it is listed, which is no surprise the first time either.
            self.finish(index, again);
        } else if retry::stands_in_small_company(&again) {
            let settled = retry::combine(first, doubt, again);
            self.confirmed.note(&self.trials[index].loaded.id, &settled);
            self.finish(index, settled);
        } else {
            self.alone
                .push_back((index, Reason::Doubt(doubt, Box::new(first))));
        }
    }
}
