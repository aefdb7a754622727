//! What comes of the answer to a round. It is found out on a thread of its own, so that in the meantime the next answer is
//! read and the driver need not wait.

use super::input::Input;
use super::judge::{Difference, Judgement, judge};
use super::rounds::Round;
use crate::suite::Outcome;
use crate::target::{DriverError, Reply};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A round that is being judged.
#[derive(Debug)]
pub(super) struct Judging(JoinHandle<Judged>);

/// A round that was judged.
#[derive(Debug)]
pub(super) struct Judged {
    /// The round.
    pub(super) round: Arc<Round>,
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
    pub(super) difference: Difference,
    /// How many inputs did.
    pub(super) times: u64,
}

impl Judging {
    /// Begins to judge. Must be called within a runtime.
    pub(super) fn start(round: Arc<Round>, answer: Reply) -> Self {
        Self(tokio::task::spawn_blocking(move || {
            let verdicts = round.suspects(&answer).map(|suspects| {
                let mut verdicts = Verdicts::default();
                for (index, outcomes) in suspects {
                    verdicts.add(&round, index, &outcomes);
                }
                verdicts
            });
            Judged {
                round,
                answer,
                verdicts,
            }
        }))
    }

    /// Waits for its end.
    pub(super) async fn end(self) -> Judged {
        match self.0.await {
            Ok(judged) => judged,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Verdicts {
    /// What came of one input of a round.
    pub(super) fn of(round: &Round, index: usize, outcomes: &[Outcome]) -> Self {
        let mut verdicts = Self::default();
        verdicts.add(round, index, outcomes);
        verdicts
    }

    fn add(&mut self, round: &Round, index: usize, outcomes: &[Outcome]) {
        let input = &round.inputs[index];
        // Where the target has no packet, that of the reference counts by its type alone.
        let without_data = !outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Packet(_)));
        match judge(input, &input.by_reference(without_data), outcomes) {
            Judgement::Same | Judgement::Unsupported => {}
            Judgement::Free(name) => *self.freedoms.entry(name).or_default() += 1,
            Judgement::Differs(found) => {
                let class = found.class();
                let known = self
                    .sightings
                    .iter_mut()
                    .find(|known| known.difference.class == class);
                match known {
                    Some(known) => known.times += 1,
                    None => self.sightings.push(Sighting {
                        index,
                        difference: in_words(input, outcomes).unwrap_or_else(|| found.difference()),
                        times: 1,
                    }),
                }
            }
        }
    }
}

/// A difference in words, with the data of the packets.
fn in_words(input: &Input, outcomes: &[Outcome]) -> Option<Difference> {
    match judge(input, &input.by_reference(false), outcomes) {
        Judgement::Differs(found) => Some(found.difference()),
        _ => None,
    }
}
