//! What is given to a codec: frames to decode or a packet to encode.

use crate::suite::{Codec, Frame, Outcome};
use crate::target::{Rest, Seen, agrees_encoded, answer_encoded, decided, decoded, encoded};
use serde_json::Value;

/// One input of a codec.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    pub(super) codec: Codec,
    pub(super) given: Given,
}

/// Which way it goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    /// These frames are given to one decoder, in order. A payload is a single text.
    Frames(Vec<Frame>),
    /// This packet is encoded.
    Packet(Packet),
}

/// A packet for an encoder; for a payload, a list of packets. There are many of them, and few are looked at again: what is
/// kept is text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Packet {
    json: String,
    /// What a driver would answer that encodes as the reference does; `None` where the reference has no such packet.
    answer: Option<String>,
}

impl Packet {
    /// Makes this the packet of a value.
    pub(super) fn fill(&mut self, codec: Codec, value: &Value) {
        self.json.clear();
        let mut bytes = std::mem::take(&mut self.json).into_bytes();
        // A value can always be written, and as text.
        self.json = match serde_json::to_writer(&mut bytes, value) {
            Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
            Err(_) => String::new(),
        };
        let mut answer = self.answer.take().unwrap_or_default();
        self.answer = answer_encoded(codec, value, &mut answer).then_some(answer);
    }

    /// The packet as a value.
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.json).unwrap_or_default()
    }

    /// The packet as JSON text.
    pub(super) fn json(&self) -> &str {
        &self.json
    }

    /// Takes the outcome of an encoder from an answer, if it is that of the reference.
    pub(super) fn agrees(&self, rest: &mut Rest<'_>) -> bool {
        agrees_encoded(self.answer.as_deref(), rest)
    }
}

impl Input {
    pub(super) fn frames(codec: Codec, frames: Vec<Frame>) -> Self {
        Self {
            codec,
            given: Given::Frames(frames),
        }
    }

    pub(super) fn packet(codec: Codec, value: &Value) -> Self {
        let mut packet = Packet::default();
        packet.fill(codec, value);
        Self {
            codec,
            given: Given::Packet(packet),
        }
    }

    pub(super) fn is_encoded(&self) -> bool {
        matches!(self.given, Given::Packet(_))
    }

    /// `decode` or `encode`.
    pub(super) fn direction(&self) -> &'static str {
        if self.is_encoded() { "encode" } else { "decode" }
    }

    /// What the reference makes of it.
    pub(super) fn by_reference(&self) -> Vec<Outcome> {
        match &self.given {
            Given::Frames(frames) => decoded(self.codec, frames, false),
            Given::Packet(packet) => vec![encoded(self.codec, &packet.value())],
        }
    }

    /// Has the same looked at, where no value is made before somebody asks for it.
    pub(super) fn with_reference<T>(&self, look: impl FnOnce(&[Seen<'_>]) -> T) -> T {
        match &self.given {
            Given::Frames(frames) => look(&decided(self.codec, frames)),
            Given::Packet(packet) => look(&[Seen::from(&encoded(self.codec, &packet.value()))]),
        }
    }

    /// The input as the driver protocol has it.
    pub(super) fn to_json(&self) -> Value {
        match &self.given {
            Given::Frames(frames) => frames.iter().map(Frame::to_json).collect(),
            Given::Packet(packet) => packet.value(),
        }
    }

    /// How big it is: frames, then bytes, then how far its characters are from the plainest.
    pub(super) fn size(&self) -> (usize, usize, u64) {
        match &self.given {
            Given::Frames(frames) => {
                let sizes = frames.iter().map(|frame| match frame {
                    Frame::Text(text) => (text.len(), text.chars().map(oddness).sum()),
                    Frame::Binary(bytes) => (bytes.len(), bytes.iter().copied().map(u64::from).sum()),
                    Frame::Reset | Frame::Odd(_) => (1, 0),
                });
                let (bytes, odd) = sizes.fold((0, 0), |sum: (usize, u64), each: (usize, u64)| {
                    (sum.0 + each.0, sum.1 + each.1)
                });
                (frames.len(), bytes, odd)
            }
            Given::Packet(packet) => {
                let text = &packet.json;
                (1, text.len(), text.chars().map(oddness).sum())
            }
        }
    }
}

/// Letters and digits are plainest as `a`, `0` and `1`; what has a meaning of its own is never odd.
fn oddness(c: char) -> u64 {
    match c {
        'a' | '0' => 0,
        '1' => 1,
        c if c.is_ascii_punctuation() => 1,
        c => u64::from(c) + 2,
    }
}
