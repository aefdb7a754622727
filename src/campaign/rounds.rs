//! Rounds: inputs that are asked about together. They are made ahead of time, on a thread of their own.

use super::generate::{BATCH, Generator};
use super::inputs::Inputs;
use crate::target::{BatchText, Differing, DriverError, Reply, Rest};
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many rounds are ready before they are needed.
const AHEAD: usize = 4;

/// Inputs that are asked about together.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The run of its first input.
    pub(super) first: u64,
    /// The inputs, of which there is one at least.
    pub(super) inputs: Inputs,
    request: BatchText,
    /// Whether the driver reads raw inputs.
    raw: bool,
}

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
        generator.fill(first, count, &mut self.inputs);
        (self.first, self.raw) = (first, raw);
        self.inputs.ask(&mut self.request, raw);
    }

    /// The request, and what stands behind it.
    pub(super) fn request(&self) -> (&BatchText, &[u8]) {
        (&self.request, self.inputs.behind(self.raw))
    }

    /// How many inputs it has.
    pub(super) fn runs(&self) -> u64 {
        self.inputs.len() as u64
    }

    /// The run after its last one.
    pub(super) fn end(&self) -> u64 {
        self.first + self.runs()
    }

    /// Those inputs whose answer is not, letter for letter, what the reference would say.
    ///
    /// # Errors
    /// Where it is no proper answer.
    pub(super) fn suspects<'a>(&self, answer: &'a Reply) -> Result<Vec<Differing<'a>>, DriverError> {
        answer.differing(|index: usize, rest: &mut Rest<'_>| self.inputs.agrees(index, rest))
    }
}
