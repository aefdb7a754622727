//! What comes of the answer to a round. It is found out on a thread of its own, so that in the meantime the next answer is
//! read and the driver need not wait.

use super::found::{Difference, Found};
use super::input::Input;
use super::judge::{Judgement, judge};
use super::rounds::Round;
use crate::suite::Outcome;
use crate::target::{DriverError, Reply, Seen};
use std::collections::{BTreeMap, VecDeque};
use tokio::task::JoinHandle;

/// Rounds that are being judged, each on whatever thread is free.
#[derive(Debug, Default)]
pub(super) struct Judges(VecDeque<JoinHandle<Judged>>);

/// A round that was judged.
#[derive(Debug)]
pub(super) struct Judged {
    /// The round.
    pub(super) round: Round,
    /// Its answer.
    pub(super) answer: Reply,
    /// What came of it, unless it is no proper answer.
    pub(super) verdicts: Result<Verdicts, DriverError>,
}

/// What came of some inputs of a round.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// How often each freedom was taken.
    pub(super) freedoms: BTreeMap<&'static str, u64>,
    /// Each class that showed, in the order in which they did.
    pub(super) sightings: Vec<Sighting>,
}

/// A class of differences in a round.
#[derive(Debug)]
pub(super) struct Sighting {
    /// The first input that showed it.
    pub(super) index: usize,
    /// What it showed.
    pub(super) found: Found,
    /// Its class.
    pub(super) class: String,
    /// What the target made of that input.
    pub(super) outcomes: Vec<Outcome>,
    /// How many inputs did.
    pub(super) times: u64,
}

impl Sighting {
    /// The difference in words.
    pub(super) fn difference(&self, input: &Input) -> Difference {
        self.found.difference(&input.by_reference(), &self.outcomes)
    }
}

impl Judges {
    /// Has the answer to a round judged. Must be called within a runtime.
    pub(super) fn judge(&mut self, round: Round, answer: Reply) {
        self.0.push_back(tokio::task::spawn_blocking(move || {
            let verdicts = Verdicts::of_answer(&round, &answer);
            Judged {
                round,
                answer,
                verdicts,
            }
        }));
    }

    /// How many were not taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.0.len()
    }

    /// What came of the oldest of them; `None` where there is none.
    pub(super) async fn next(&mut self) -> Option<Judged> {
        match self.0.pop_front()?.await {
            Ok(judged) => Some(judged),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Verdicts {
    /// What came of the inputs of a round.
    ///
    /// # Errors
    /// Where its answer is none.
    fn of_answer(round: &Round, answer: &Reply) -> Result<Self, DriverError> {
        let mut verdicts = Self::default();
        let mut input = round.inputs.get(0);
        for suspect in round.suspects(answer)? {
            let index = suspect.input;
            match suspect.seen {
                Some(seen) => {
                    round.inputs.fill(index, &mut input);
                    if let Some(found) = verdicts.count(&input, &seen) {
                        verdicts.add(index, found, answer.read(suspect.list)?);
                    }
                }
                None => verdicts.take(round, index, answer.read(suspect.list)?),
            }
        }
        Ok(verdicts)
    }

    /// What came of one input of a round.
    pub(super) fn of(round: &Round, index: usize, outcomes: Vec<Outcome>) -> Self {
        let mut verdicts = Self::default();
        verdicts.take(round, index, outcomes);
        verdicts
    }

    fn take(&mut self, round: &Round, index: usize, outcomes: Vec<Outcome>) {
        let seen: Vec<Seen<'_>> = outcomes.iter().map(Seen::from).collect();
        if let Some(found) = self.count(&round.inputs.get(index), &seen) {
            self.add(index, found, outcomes);
        }
    }

    /// Counts what came of an input, and gives back a difference of a class that did not show before.
    fn count(&mut self, input: &Input, seen: &[Seen<'_>]) -> Option<Found> {
        match input.with_reference(|reference| judge(input, reference, seen)) {
            Judgement::Same | Judgement::Unsupported => None,
            Judgement::Free(name) => {
                *self.freedoms.entry(name).or_default() += 1;
                None
            }
            Judgement::Differs(found) => {
                let class = found.class();
                match self.sightings.iter_mut().find(|known| known.class == class) {
                    Some(known) => {
                        known.times += 1;
                        None
                    }
                    None => Some(found),
                }
            }
        }
    }

    fn add(&mut self, index: usize, found: Found, outcomes: Vec<Outcome>) {
        self.sightings.push(Sighting {
            index,
            class: found.class(),
            found,
            outcomes,
            times: 1,
        });
    }
}
