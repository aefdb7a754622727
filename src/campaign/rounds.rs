//! Rounds: inputs that are asked about together. They are made ahead of time, on a thread of their own.

use super::generate::{BATCH, Generator};
use super::input::{Given, Input};
use crate::suite::Outcome;
use crate::target::{BatchText, DriverError, Reply, Rest, agrees, agrees_encoded};
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many rounds are ready before they are needed.
const AHEAD: usize = 2;

/// Inputs that are asked about together.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The run of its first input.
    pub(super) first: u64,
    /// The inputs, of which there is one at least.
    pub(super) inputs: Vec<Input>,
    /// The request for them.
    pub(super) request: BatchText,
}

/// The outcomes of those inputs of a round that need a closer look, by their index.
pub(super) type Suspects = Vec<(usize, Vec<Outcome>)>;

/// All rounds of a campaign, in order.
#[derive(Debug)]
pub(super) struct Rounds {
    made: mpsc::Receiver<Round>,
    spent: mpsc::UnboundedSender<Round>,
}

/// As many rounds as there are runs, or without end. Must be called within a runtime.
pub(super) fn rounds(generator: Arc<Generator>, runs: Option<u64>) -> Rounds {
    let (sender, made) = mpsc::channel(AHEAD);
    let (spent, mut returned) = mpsc::unbounded_channel::<Round>();
    tokio::task::spawn_blocking(move || {
        let mut next = 0;
        loop {
            let left = runs.map_or(BATCH, |runs| runs.saturating_sub(next).min(BATCH));
            if left == 0 {
                return;
            }
            let mut round = returned.try_recv().unwrap_or_default();
            round.refill(next, left, &generator);
            next += left;
            if sender.blocking_send(round).is_err() {
                return;
            }
        }
    });
    Rounds { made, spent }
}

impl Rounds {
    /// The next one; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Round> {
        self.made.recv().await
    }

    /// Gives a round back, so that its memory is used again.
    pub(super) fn give_back(&self, round: Round) {
        let _all_are_made = self.spent.send(round);
    }
}

impl Round {
    /// Makes this the round of so many runs.
    fn refill(&mut self, first: u64, count: u64, generator: &Generator) {
        let Self { inputs, request, .. } = self;
        generator.fill(first, count, inputs);
        self.first = first;
        let Some(kind) = inputs.first() else { return };
        request.refill(kind.codec, kind.is_encoded(), inputs.len(), |text| {
            for (index, input) in inputs.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                input.write(text);
            }
        });
    }

    /// The run after its last one.
    pub(super) fn end(&self) -> u64 {
        self.first + self.inputs.len() as u64
    }

    /// Those inputs whose answer is not, letter for letter, what the reference would say.
    ///
    /// # Errors
    /// Where it is no proper answer.
    pub(super) fn suspects(&self, answer: &Reply) -> Result<Suspects, DriverError> {
        answer.differing(|index: usize, rest: &mut Rest<'_>| {
            let input = &self.inputs[index];
            match &input.given {
                Given::Frames(frames) => agrees(input.codec, frames, rest),
                Given::Packet(packet) => agrees_encoded(input.codec, packet, rest),
            }
        })
    }
}
