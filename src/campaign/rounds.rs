//! Rounds: inputs that are asked about together. They are made ahead of time, on a thread of their own.

use super::generate::{BATCH, Generator};
use super::input::{Given, Input};
use crate::target::{BatchText, DriverError, Reply, Rest, agrees};
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

/// The outcomes, as JSON text, of those inputs of a round that need a closer look, by their index.
pub(super) type Suspects<'a> = Vec<(usize, &'a str)>;

/// All rounds of a campaign, in order.
#[derive(Debug)]
pub(super) struct Rounds {
    made: mpsc::Receiver<Round>,
    spent: mpsc::UnboundedSender<Round>,
}

/// As many rounds as there are runs, or without end, with inputs of decoders as raw bytes where that is asked for. Must be
/// called within a runtime.
pub(super) fn rounds(generator: Arc<Generator>, runs: Option<u64>, raw: bool) -> Rounds {
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
            round.refill(next, left, &generator, raw);
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
    fn refill(&mut self, first: u64, count: u64, generator: &Generator, raw: bool) {
        let Self { inputs, request, .. } = self;
        generator.fill(first, count, inputs);
        self.first = first;
        let Some(kind) = inputs.first() else { return };
        if raw && !kind.is_encoded() {
            return request.refill_raw(kind.codec, inputs.len(), |out| {
                for input in inputs.iter() {
                    input.write_raw(out);
                }
            });
        }
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
    pub(super) fn suspects<'a>(&self, answer: &'a Reply) -> Result<Suspects<'a>, DriverError> {
        answer.differing(|index: usize, rest: &mut Rest<'_>| {
            let input = &self.inputs[index];
            match &input.given {
                Given::Frames(frames) => agrees(input.codec, frames, rest),
                Given::Packet(packet) => packet.agrees(rest),
            }
        })
    }
}
