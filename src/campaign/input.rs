//! What is given to a codec: frames to decode or a packet to encode.

use crate::suite::{Codec, Frame};
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
    /// This packet is encoded; for a payload, a list of packets.
    Packet(Value),
}

impl Input {
    pub(super) fn frames(codec: Codec, frames: Vec<Frame>) -> Self {
        Self {
            codec,
            given: Given::Frames(frames),
        }
    }

    pub(super) fn packet(codec: Codec, packet: Value) -> Self {
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

    /// The input as the driver protocol has it.
    pub(super) fn to_json(&self) -> Value {
        match &self.given {
            Given::Frames(frames) => frames.iter().map(Frame::to_json).collect(),
            Given::Packet(packet) => packet.clone(),
        }
    }

    /// Appends the same as JSON text.
    pub(super) fn write(&self, out: &mut String) {
        let frames = match &self.given {
            Given::Packet(packet) => return out.push_str(&packet.to_string()),
            Given::Frames(frames) => frames,
        };
        out.push('[');
        for (index, frame) in frames.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            match frame {
                Frame::Text(text) => write_text(text, out),
                other => out.push_str(&other.to_json().to_string()),
            }
        }
        out.push(']');
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
                let text = packet.to_string();
                (1, text.len(), text.chars().map(oddness).sum())
            }
        }
    }
}

/// Appends a text as a JSON string.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            _ => out.push_str(&format!("\\u{byte:04x}")),
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_and_value_of_an_input_are_the_same() {
        let frames = vec![
            Frame::Text("\u{0}\n\"\\é\u{1f}\u{2028}".to_owned()),
            Frame::Binary(vec![1]),
            Frame::Reset,
        ];
        let inputs = [
            Input::frames(Codec::SocketPacket, frames),
            Input::frames(Codec::SocketPacket, Vec::new()),
            Input::packet(Codec::SocketPacket, json!({ "type": "event", "data": ["\n"] })),
        ];
        for input in inputs {
            let mut text = String::new();
            input.write(&mut text);
            assert_eq!(
                serde_json::from_str::<Value>(&text).unwrap(),
                input.to_json(),
                "{text}"
            );
        }
    }
}
