//! A finding: a class of mistakes, its smallest input, and the vector that shows it again.

use super::found::Difference;
use super::input::{Given, Input};
use crate::suite::{Codec, Frame, Level, Outcome};
use serde_json::Value;
use std::fmt::Write as _;

/// A class of mistakes, with the smallest input that shows it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// `codec/direction/kind/aspect`; manifests list classes by this name.
    pub class: String,
    /// The codec.
    pub codec: Codec,
    /// The rule that is broken.
    pub rule: String,
    /// Its level.
    pub level: Level,
    /// Whether it fails the campaign: it breaks a binding rule, or the target did not survive it.
    pub fails: bool,
    /// The run that showed it first.
    pub run: u64,
    /// How many runs showed it.
    pub seen: u64,
    /// What the reference made of the smallest input.
    pub expected: String,
    /// What came.
    pub came: String,
    /// The smallest input, as the driver protocol has it.
    pub input: String,
    /// Why it is known, where it is listed.
    pub known: Option<String>,
    /// The name of its vector.
    pub vector_id: String,
    /// A `[[vector]]` table that fails on replay; `None` where the mistake is known or could not be shown again.
    pub vector: Option<String>,
}

/// How often an input must be given until it has used up the memory: several times what it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times(pub(super) u32);

/// The name of a class's vector: letters, digits and `-`.
pub(super) fn vector_id(class: &str) -> String {
    let behind_codec = class.split_once('/').map_or(class, |(_, rest)| rest);
    let mut id = String::new();
    for c in behind_codec.chars() {
        match c {
            'a'..='z' | '0'..='9' => id.push(c),
            _ if !id.ends_with('-') => id.push('-'),
            _ => {}
        }
    }
    id.trim_matches('-').to_owned()
}

/// The table of a vector which expects what the reference made of the input.
pub(super) fn table(
    input: &Input,
    found: &Difference,
    reference: &[Outcome],
    times: Times,
    note: &str,
) -> String {
    let mut table = String::new();
    let comment = |text: &str| text.replace(|c: char| c.is_control(), " ");
    // Writing to a string never fails.
    let _ = writeln!(table, "# {}", comment(note));
    let _ = writeln!(
        table,
        "# expected {}, but came {}",
        comment(&found.expected),
        comment(&found.came)
    );
    let _ = writeln!(table, "[[vector]]");
    let _ = writeln!(table, "id = {}", quoted(&vector_id(&found.class)));
    let _ = writeln!(table, "rule = {}", quoted(found.rule));
    let expect = match &input.given {
        Given::Frames(frames) => {
            let frames: Vec<String> = frames.iter().map(frame).collect();
            let _ = writeln!(table, "decode = [{}]", frames.join(", "));
            expected(input, frames_of(input), reference)
        }
        Given::Packet(packet) => {
            let _ = writeln!(table, "encode = {}", quoted(&packet.value().to_string()));
            match reference {
                [Outcome::Frames(frames)] => frames.iter().map(frame).collect(),
                _ => vec![quoted("error")],
            }
        }
    };
    let _ = writeln!(table, "expect = [{}]", expect.join(", "));
    if times.0 > 1 {
        let _ = writeln!(table, "times = {}", times.0);
    }
    table
}

fn frames_of(input: &Input) -> &[Frame] {
    match &input.given {
        Given::Frames(frames) => frames,
        Given::Packet(_) => &[],
    }
}

/// The outcomes of the reference; after an error a decoder of Socket.IO is free until it is reset.
fn expected(input: &Input, frames: &[Frame], reference: &[Outcome]) -> Vec<String> {
    let mut lost = false;
    let mut fed = frames.iter();
    let mut expect = Vec::new();
    for outcome in reference {
        if input.codec == Codec::SocketPacket {
            while let Some(Frame::Reset) = fed.next() {
                lost = false;
            }
        }
        expect.push(match outcome {
            _ if lost => quoted("any"),
            Outcome::Packet(packet) => quoted(&packet.to_string()),
            Outcome::Wait => quoted("wait"),
            Outcome::Error(_) => quoted("error"),
            Outcome::Frames(_) | Outcome::Unsupported(_) => quoted("any"),
        });
        lost = lost || input.codec == Codec::SocketPacket && matches!(outcome, Outcome::Error(_));
    }
    expect
}

fn frame(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) => quoted(text),
        Frame::Binary(bytes) => {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{{ hex = \"{}\" }}", digits.join(" "))
        }
        Frame::Reset => "{ reset = true }".to_owned(),
        Frame::Odd(word) => format!("{{ odd = {} }}", quoted(word)),
    }
}

fn quoted(text: &str) -> String {
    // On one line, whatever it holds.
    let plain = !text.contains('\'') && !text.chars().any(|c| c.is_control() || !c.is_ascii());
    if plain {
        return format!("'{text}'");
    }
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            c if c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{a0}') => {
                let _ = write!(literal, "\\u{:04X}", u32::from(c));
            }
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// The input in one line.
pub(super) fn shown(input: &Input) -> String {
    let json: Value = input.to_json();
    json.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{load_builtin, parse_vectors};
    use serde_json::json;

    #[test]
    fn a_table_is_a_vector_of_the_input_and_of_what_the_reference_made_of_it() {
        let frames = vec![
            Frame::Text("7\u{0}é'\"\\\u{feff}".to_owned()),
            Frame::Text("2[\"b\"]".to_owned()),
            Frame::Reset,
            Frame::Binary(vec![1, 255]),
        ];
        let input = Input::frames(Codec::SocketPacket, frames.clone());
        let found = Difference {
            class: "socket-packet/decode/accepts/unknown-type".to_owned(),
            rule: "codec.sio.decode.unknown-type",
            expected: "an error\n[[vector]]".to_owned(),
            came: "a packet".to_owned(),
        };
        let outcomes = [
            Outcome::Error("x".to_owned()),
            Outcome::Error("x".to_owned()),
            Outcome::Wait,
        ];
        let text = format!(
            "codec = \"socket-packet\"\n\n{}",
            table(&input, &found, &outcomes, Times(1), "run 7")
        );
        let vectors = parse_vectors("x.toml", &text, &load_builtin().rules).unwrap();
        assert_eq!(vectors.len(), 1, "{text}");
        assert_eq!(vectors[0].id, "codec/socket-packet/decode-accepts-unknown-type");
        assert_eq!(vectors[0].operation, crate::suite::Operation::Decode(frames));
        assert!(text.contains("expect = ['error', 'any', 'wait']"), "{text}");
    }

    #[test]
    fn a_packet_is_expected_as_the_frames_of_the_reference() {
        let input = Input::packet(Codec::SocketPacket, &json!({ "type": "event", "data": ["a'b"] }));
        let found = Difference {
            class: "socket-packet/encode/differs/event-front".to_owned(),
            rule: "codec.sio.encode.event",
            expected: String::new(),
            came: String::new(),
        };
        let outcomes = [Outcome::Frames(vec![Frame::Text("2[\"a'b\"]".to_owned())])];
        let text = table(&input, &found, &outcomes, Times(1), "");
        let vectors = parse_vectors(
            "x.toml",
            &format!("codec = \"socket-packet\"\n{text}"),
            &load_builtin().rules,
        );
        assert!(vectors.is_ok(), "{text}");
        assert!(text.contains("expect = [\"2[\\\"a'b\\\"]\"]"), "{text}");
    }
}
