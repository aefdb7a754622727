//! The inputs of a round: all of one codec and of one direction, in a form in which many of them are made, sent and looked at
//! fast. Most agree with the reference, and are never looked at again.

use super::input::{Given, Input, Packet};
use crate::suite::{Codec, Frame};
use crate::target::{BatchText, RawFrame, RawFrames, RawInputs, Rest, agrees, push_bytes};

/// Inputs of one kind.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) codec: Codec,
    pub(super) encode: bool,
    /// What decoders are given.
    frames: RawInputs,
    /// What encoders are given; those behind the first `filled` are there for the sake of their memory.
    packets: Vec<Packet>,
    filled: usize,
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            codec: Codec::SocketPacket,
            encode: false,
            frames: RawInputs::default(),
            packets: Vec::new(),
            filled: 0,
        }
    }
}

impl Inputs {
    /// Takes all of them out; those that follow are of this kind.
    pub(super) fn begin(&mut self, codec: Codec, encode: bool) {
        (self.codec, self.encode) = (codec, encode);
        self.frames.clear();
        self.filled = 0;
    }

    /// Appends frames for a decoder.
    pub(super) fn push(&mut self, frames: &[Frame]) {
        let fits = self.frames.push(frames);
        debug_assert!(fits, "none of the frames that a campaign makes is odd");
    }

    /// Appends a packet for an encoder, which is still another one.
    pub(super) fn next_packet(&mut self) -> &mut Packet {
        if self.filled == self.packets.len() {
            self.packets.push(Packet::default());
        }
        self.filled += 1;
        &mut self.packets[self.filled - 1]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        if self.encode {
            self.filled
        } else {
            self.frames.len()
        }
    }

    /// One of them.
    pub(super) fn get(&self, index: usize) -> Input {
        let mut input = Input::frames(self.codec, Vec::new());
        self.fill(index, &mut input);
        input
    }

    /// Makes another input this one.
    pub(super) fn fill(&self, index: usize, input: &mut Input) {
        input.codec = self.codec;
        match (self.encode, &mut input.given) {
            (false, Given::Frames(frames)) => self.frames.frames(index).fill(frames),
            (true, given) => *given = Given::Packet(self.packets[index].clone()),
            (false, given) => {
                let mut frames = Vec::new();
                self.frames.frames(index).fill(&mut frames);
                *given = Given::Frames(frames);
            }
        }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = Input> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Takes the outcomes of one of them from an answer, if they are those of the reference.
    pub(super) fn agrees(&self, index: usize, rest: &mut Rest<'_>) -> bool {
        match self.encode {
            true => self.packets[index].agrees(rest),
            false => agrees(self.codec, self.frames.frames(index), rest),
        }
    }

    /// Makes the request for them, with raw bytes behind it where the driver reads such.
    pub(super) fn ask(&self, request: &mut BatchText, raw: bool) {
        if raw && !self.encode {
            return request.refill_raw(self.codec, &self.frames);
        }
        request.refill(self.codec, self.encode, self.len(), |text| {
            for index in 0..self.len() {
                if index > 0 {
                    text.push(',');
                }
                match self.encode {
                    true => push_ascii(self.packets[index].json(), text),
                    false => push_frames(self.frames.frames(index), text),
                }
            }
        });
    }

    /// What stands behind such a request.
    pub(super) fn behind(&self, raw: bool) -> &[u8] {
        if raw && !self.encode {
            self.frames.bytes()
        } else {
            &[]
        }
    }
}

/// Appends frames as JSON text, which is ASCII.
fn push_frames(frames: RawFrames<'_>, out: &mut String) {
    out.push('[');
    for (index, frame) in frames.enumerate() {
        if index > 0 {
            out.push(',');
        }
        match frame {
            RawFrame::Text(text) => push_literal(text, out),
            RawFrame::Binary(bytes) => push_bytes(bytes, out),
            RawFrame::Reset => out.push_str("{\"$reset\":true}"),
        }
    }
    out.push(']');
}

/// Appends a text as a JSON string of ASCII alone, which is read faster than others by many.
fn push_literal(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        match c {
            '"' | '\\' => {
                out.push_str(&text[plain..at]);
                out.push('\\');
                // It is what the next stretch begins with.
                plain = at;
            }
            ' '..='~' => {}
            c => {
                out.push_str(&text[plain..at]);
                push_escape(c, out);
                plain = at + c.len_utf8();
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Appends JSON with escapes for all that is not ASCII.
fn push_ascii(json: &str, out: &mut String) {
    if json.is_ascii() {
        return out.push_str(json);
    }
    for c in json.chars() {
        match c.is_ascii() {
            true => out.push(c),
            false => push_escape(c, out),
        }
    }
}

/// Appends the escape of a character.
fn push_escape(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.push_str("\\u");
        for shift in [12, 8, 4, 0] {
            let digit = char::from_digit(u32::from(*unit >> shift & 15), 16);
            out.push(digit.unwrap_or('0'));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_sent_is_what_the_inputs_are() {
        let frames = vec![
            Frame::Text("\u{0}\n\"\\é\u{1f}\u{2028} \u{1f600}x\u{7f}".to_owned()),
            Frame::Binary(vec![1]),
            Frame::Reset,
        ];
        let mut inputs = Inputs::default();
        inputs.push(&frames);
        inputs.push(&[]);
        assert_eq!(inputs.get(0), Input::frames(Codec::SocketPacket, frames));
        sent_as_they_are(&inputs);
        let packet = json!({ "type": "event", "data": ["\né", { "\u{1f600}": 1 }] });
        inputs.begin(Codec::SocketPacket, true);
        inputs.next_packet().fill(Codec::SocketPacket, &packet);
        assert_eq!(inputs.get(0), Input::packet(Codec::SocketPacket, &packet));
        sent_as_they_are(&inputs);
    }

    fn sent_as_they_are(inputs: &Inputs) {
        let mut request = BatchText::default();
        inputs.ask(&mut request, false);
        assert!(request.text().is_ascii(), "{}", request.text());
        let sent: Value = serde_json::from_str(&format!("{{{}}}", request.text())).unwrap();
        let expected: Value = inputs.iter().map(|input| input.to_json()).collect();
        assert_eq!(sent["inputs"], expected);
        assert!(inputs.behind(false).is_empty());
    }
}
