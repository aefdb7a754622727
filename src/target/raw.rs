//! Inputs of a decoder as raw bytes, which stand behind a request: nothing in them is escaped, so that they are written and
//! read faster than JSON. The form is in `docs/driver.md`.

use crate::suite::Frame;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// Inputs of a decoder as raw bytes, one after the other. They can be looked at again.
#[derive(Clone, Debug, Default)]
pub struct RawInputs {
    bytes: Vec<u8>,
    /// All that is text among them, so that nobody need find out again that it is.
    texts: String,
    /// Where the frames of each input begin.
    begins: Vec<Place>,
    kinds: Vec<Kind>,
}

/// A place in the frames and in the texts.
#[derive(Clone, Copy, Debug)]
struct Place {
    frame: usize,
    text: usize,
}

/// A frame with its length in bytes; of bytes with their begin before it.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text(usize),
    Binary(usize, usize),
    Reset,
}

/// The frames of one of them.
#[derive(Clone, Copy, Debug)]
pub struct RawFrames<'a> {
    kinds: &'a [Kind],
    texts: &'a str,
    bytes: &'a [u8],
}

/// A frame that is only looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RawFrame<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
    /// The decoder is reset.
    Reset,
}

impl RawInputs {
    /// Takes all of them out; their memory stays.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.texts.clear();
        self.begins.clear();
        self.kinds.clear();
    }

    /// Appends an input. `false`, with nothing appended, where it has a frame that is neither text nor bytes nor a reset.
    pub fn push(&mut self, frames: &[Frame]) -> bool {
        if frames.iter().any(|frame| matches!(frame, Frame::Odd(_))) {
            return false;
        }
        self.begins.push(Place {
            frame: self.kinds.len(),
            text: self.texts.len(),
        });
        for frame in frames {
            self.kinds.push(match frame {
                Frame::Text(text) => {
                    push_frame(b't', text.as_bytes(), &mut self.bytes);
                    self.texts.push_str(text);
                    Kind::Text(text.len())
                }
                Frame::Binary(bytes) => {
                    push_frame(b'b', bytes, &mut self.bytes);
                    Kind::Binary(self.bytes.len() - bytes.len(), bytes.len())
                }
                Frame::Reset | Frame::Odd(_) => {
                    self.bytes.push(b'r');
                    Kind::Reset
                }
            });
        }
        self.bytes.push(b';');
        true
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.begins.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.begins.is_empty()
    }

    /// All of them, as they stand behind a request.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The frames of one of them; none where there is no such input.
    pub fn frames(&self, index: usize) -> RawFrames<'_> {
        let nowhere = Place {
            frame: self.kinds.len(),
            text: 0,
        };
        let begin = self.begins.get(index).copied().unwrap_or(nowhere);
        let end = self
            .begins
            .get(index + 1)
            .map_or(self.kinds.len(), |next| next.frame);
        RawFrames {
            kinds: &self.kinds[begin.frame..end],
            texts: &self.texts[begin.text..],
            bytes: &self.bytes,
        }
    }
}

impl<'a> Iterator for RawFrames<'a> {
    type Item = RawFrame<'a>;

    fn next(&mut self) -> Option<RawFrame<'a>> {
        let (kind, kinds) = self.kinds.split_first()?;
        self.kinds = kinds;
        Some(match kind {
            Kind::Text(length) => {
                let (text, texts) = self.texts.split_at(*length);
                self.texts = texts;
                RawFrame::Text(text)
            }
            Kind::Binary(begin, length) => RawFrame::Binary(&self.bytes[*begin..begin + length]),
            Kind::Reset => RawFrame::Reset,
        })
    }
}

impl RawFrames<'_> {
    /// Makes these the frames in a list, whose memory is used again.
    pub fn fill(self, frames: &mut Vec<Frame>) {
        let mut filled = 0;
        for raw in self {
            match (raw, frames.get_mut(filled)) {
                (RawFrame::Text(text), Some(Frame::Text(old))) => {
                    old.clear();
                    old.push_str(text);
                }
                (_, Some(old)) => *old = raw.to_frame(),
                (_, None) => frames.push(raw.to_frame()),
            }
            filled += 1;
        }
        frames.truncate(filled);
    }
}

impl RawFrame<'_> {
    fn to_frame(self) -> Frame {
        match self {
            Self::Text(text) => Frame::Text(text.to_owned()),
            Self::Binary(bytes) => Frame::Binary(bytes.to_vec()),
            Self::Reset => Frame::Reset,
        }
    }
}

/// The inputs of a request, if all can be raw.
pub(super) fn raw_inputs(inputs: &[Value]) -> Option<RawInputs> {
    let mut raw = RawInputs::default();
    for input in inputs {
        let frames: Option<Vec<Frame>> = input.as_array()?.iter().map(frame).collect();
        raw.push(&frames?).then_some(())?;
    }
    Some(raw)
}

fn frame(value: &Value) -> Option<Frame> {
    if let Value::String(text) = value {
        return Some(Frame::Text(text.clone()));
    }
    if value.get("$reset").is_some() {
        return Some(Frame::Reset);
    }
    let bytes = STANDARD.decode(value.get("$binary")?.as_str()?).ok()?;
    Some(Frame::Binary(bytes))
}

fn push_frame(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut length = bytes.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789"[length % 10];
        length /= 10;
        if length == 0 {
            break;
        }
    }
    out.push(kind);
    out.extend_from_slice(&digits[at..]);
    out.push(b':');
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn inputs_are_raw_where_they_can_be() {
        let inputs = [
            json!(["2[\"é\"]", { "$binary": "AQr/" }, { "$reset": true }, ""]),
            json!([]),
            json!(["0123456789"]),
        ];
        let expected = [
            "t7:2[\"é\"]b3:".as_bytes(),
            &[1, 10, 255],
            b"rt0:;;t10:0123456789;",
        ]
        .concat();
        let raw = raw_inputs(&inputs).unwrap();
        assert_eq!((raw.bytes(), raw.len()), (&*expected, 3));
        for odd in [json!([{ "$special": "null" }]), json!([7]), json!("2")] {
            assert!(raw_inputs(&[odd]).is_none());
        }
    }

    #[test]
    fn what_was_appended_can_be_looked_at_again() {
        let inputs = [
            vec![
                Frame::Text("é;t1:\u{1f600}".to_owned()),
                Frame::Binary(vec![0, 255, b';']),
                Frame::Reset,
                Frame::Text(String::new()),
            ],
            Vec::new(),
            vec![Frame::Text("0123456789".to_owned()), Frame::Binary(Vec::new())],
        ];
        let mut raw = RawInputs::default();
        for _ in 0..2 {
            raw.clear();
            assert!(raw.is_empty());
            assert!(inputs.iter().all(|frames| raw.push(frames)));
            assert!(!raw.push(&[Frame::Reset, Frame::Odd(String::new())]));
            for (index, frames) in inputs.iter().enumerate() {
                let again: Vec<Frame> = raw.frames(index).map(RawFrame::to_frame).collect();
                assert_eq!(again, *frames);
            }
            assert_eq!((raw.len(), raw.frames(3).next()), (3, None));
        }
    }

    #[test]
    fn the_example_of_the_document_is_one() {
        let header = "51-[\"a\",{\"_placeholder\":true,\"num\":0}]";
        let raw = raw_inputs(&[json!(["2[\"a\"]"]), json!([header, { "$binary": "AQ==" }])]).unwrap();
        let raw = raw.bytes();
        let shown = String::from_utf8_lossy(raw).replace('\u{1}', "\\x01");
        let example = format!("\"bytes\": {}}}\n{shown}\n", raw.len());
        assert!(
            include_str!("../../docs/driver.md").contains(&example),
            "{example}"
        );
    }
}
