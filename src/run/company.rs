//! Trials that are played side by side, and what is taken in of each: a verdict, a doubt, or a loss of the target.

use super::alone::Reason;
use super::conduct::{Attempted, Conduct, attempt};
use super::fleet::Attempt;
use super::known;
use super::retry::{self, Doubt};
use super::schedule::{self, Turn};
use super::verdict::Played;
use crate::outcome::{RunEvent, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// How many trials that ended lately are remembered, should the target be lost.
const REMEMBERED: usize = 32;

/// How many doubts are looked at side by side at most: little company, of which most waits.
const AGAIN_AT_ONCE: usize = 10;

/// Who is played side by side.
pub(super) enum Company {
    /// All that are no hazards.
    All,
    /// What failed or passed in doubt, and accuses nobody of more than it would be lenient about.
    Again(BTreeMap<usize, (Doubt, Box<Played>)>),
    /// Hazards.
    Hazards,
}

impl Conduct<'_> {
    /// Plays these side by side, as many at once as are asked for.
    pub(super) async fn side_by_side(&mut self, turns: Vec<Turn>, mut company: Company) {
        let fleet = Arc::clone(&self.fleet);
        let trials = self.trials.clone();
        let jobs = match company {
            Company::Again(_) => self.options.jobs.min(AGAIN_AT_ONCE),
            Company::All | Company::Hazards => self.options.jobs,
        };
        let is_hazardous = matches!(company, Company::Hazards);
        let mut floor = schedule::Floor::new(turns, jobs, move |turn: Turn| {
            let (fleet, trial) = (Arc::clone(&fleet), Arc::clone(&trials[turn.index]));
            async move { attempt(&fleet, &trial, turn.wait_ms, is_hazardous).await }
        });
        let mut interrupted = self.interrupted.clone();
        loop {
            for index in floor.fill() {
                self.tell_begun(index, &company);
            }
            let next = tokio::select! {
                next = floor.next() => next,
                _ = interrupted.wait_for(|stop| *stop) => return,
            };
            match next {
                None => return,
                Some((index, Ok(attempted))) => self.take(index, attempted, &mut company),
                Some((index, Err(panic))) => self.finish(index, Played::panicked(&panic)),
            }
        }
    }

    fn tell_begun(&mut self, index: usize, company: &Company) {
        let (id, over) = (self.results[index].id.clone(), self.results[index].over.clone());
        match company {
            Company::Again(doubts) => {
                let reason = doubts.get(&index).map(|(doubt, _)| doubt.reason());
                let reason = reason.unwrap_or_default();
                (self.listener)(RunEvent::Retrying { id, reason });
            }
            Company::All | Company::Hazards => (self.listener)(RunEvent::TrialStarted { id, over }),
        }
    }

    /// Takes in what came of a trial that was played in company.
    fn take(&mut self, index: usize, attempted: Attempted, company: &mut Company) {
        match attempted {
            Attempted::NoTarget(why) => self.finish(index, Played::without_record(Verdict::Blocked, why)),
            Attempted::Panicked(panic) => self.finish(index, Played::panicked(&panic)),
            Attempted::At(place, _, Attempt::Lost(loss, _)) => {
                self.note_loss(&place, loss, index);
                self.alone.push_back((index, Reason::Suspect));
            }
            Attempted::At(place, _, Attempt::Played(played)) => {
                self.lately.push_back((Instant::now(), place, index));
                if self.lately.len() > REMEMBERED {
                    self.lately.pop_front();
                }
                match company {
                    Company::Again(doubts) => match doubts.remove(&index) {
                        Some((doubt, first)) => self.take_again(index, *first, doubt, *played),
                        None => self.finish(index, *played),
                    },
                    Company::All | Company::Hazards => {
                        let hazardous = matches!(company, Company::Hazards);
                        self.take_first(index, played, hazardous);
                    }
                }
            }
        }
    }

    fn take_first(&mut self, index: usize, played: Box<Played>, hazardous: bool) {
        let result = &self.results[index];
        let excused = known::excuses(&self.options.known, &result.id, &result.over, &played.message);
        let surprising =
            played.verdict == Verdict::Pass && known::lists(&self.options.known, &result.id, &result.over);
        let doubt = match retry::doubt(&played) {
            Some(Doubt::Company) if hazardous => Some(Doubt::Hazards),
            doubt => doubt.or_else(|| surprising.then_some(Doubt::Listed)),
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
        let told = matches!(again.verdict, Verdict::Pass | Verdict::Lenient) && !retry::hopeless(&again);
        if told {
            let settled = retry::combine(first, doubt, again);
            self.confirmed.note(&self.trials[index].loaded.id, &settled);
            self.finish(index, settled);
        } else {
            self.alone
                .push_back((index, Reason::Doubt(doubt, Box::new(first))));
        }
    }
}
