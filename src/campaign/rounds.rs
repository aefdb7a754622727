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
#[derive(Debug)]
pub(super) struct Round {
    /// The run of its first input.
    pub(super) first: u64,
    /// The inputs, of which there is one at least.
    pub(super) inputs: Vec<Input>,
    /// The request for them.
    pub(super) request: BatchText,
}

/// The outcomes of those inputs of a round that need a closer look, with the numbers of their runs.
pub(super) type Suspects = Vec<(u64, Input, Vec<Outcome>)>;

/// All rounds of a campaign, in order, as many as there are runs, or without end. Must be called within a runtime.
pub(super) fn rounds(generator: Arc<Generator>, runs: Option<u64>) -> mpsc::Receiver<Round> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut next = 0;
        loop {
            let left = runs.map_or(BATCH, |runs| runs.saturating_sub(next).min(BATCH));
            let inputs = generator.inputs(next, left);
            let Some(round) = Round::new(next, inputs) else {
                return;
            };
            next += left;
            if sender.blocking_send(round).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Round {
    fn new(first: u64, inputs: Vec<Input>) -> Option<Self> {
        let (codec, encode) = inputs.first().map(|input| (input.codec, input.is_encoded()))?;
        let request = BatchText::new(codec, encode, inputs.len(), |text| {
            for (index, input) in inputs.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                input.write(text);
            }
        });
        Some(Self {
            first,
            inputs,
            request,
        })
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
        let agrees = |index: usize, rest: &mut Rest<'_>| {
            let input = &self.inputs[index];
            match &input.given {
                Given::Frames(frames) => agrees(input.codec, frames, rest),
                Given::Packet(packet) => agrees_encoded(input.codec, packet, rest),
            }
        };
        let suspect = |(index, outcomes): (usize, Vec<Outcome>)| {
            (self.first + index as u64, self.inputs[index].clone(), outcomes)
        };
        Ok(answer.differing(agrees)?.into_iter().map(suspect).collect())
    }
}
