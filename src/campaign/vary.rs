//! Siblings of an input: one value or one part of it is another one, and what was valid mostly stays so. That is much
//! cheaper than to make an input anew.

use super::random::Random;
use crate::suite::Frame;
use serde_json::{Value, json};

/// JSON values that take the place of another.
const VALUES: [&str; 26] = [
    "0",
    "1",
    "-1",
    "42",
    "1.5",
    "-0.25",
    "1e2",
    "9007199254740993",
    "4294967296",
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[1,[null]]",
    "{\"a\":{\"b\":[]}}",
    "\"\"",
    "\"a\"",
    "\"foo bar\"",
    "\"é€\"",
    "\"\\n\\\"\\\\\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"1\"",
    "\"__proto__\"",
    "\"message\"",
];
/// JSON strings that take the place of a name.
const NAMES: [&str; 6] = ["\"a\"", "\"b\"", "\"\"", "\"é\"", "\"num\"", "\"constructor\""];
/// What may stand between the type of a packet and its payload.
const HEADERS: [&str; 8] = ["/a,", "/admin,", "/é,", "/a/b,", "1", "12", "0", "/a,7"];
/// Namespaces, texts and bytes of packets that are encoded.
const NAMESPACES: [&str; 5] = ["/", "/a", "/admin", "/é", "/a b"];
const TEXTS: [&str; 8] = [
    "a",
    "",
    "é€",
    "\n\"\\",
    "\u{1f600}",
    "foo bar",
    "{\"a\":1}",
    "\u{0}",
];
const BYTES: [&str; 4] = ["", "AQ==", "AAEC/w==", "////"];

/// Changes a value in one of the frames.
pub(super) fn vary(frames: &mut [Frame], random: &mut Random) {
    let at = random.below(frames.len());
    match frames.get_mut(at) {
        Some(Frame::Text(text)) => vary_text(text, random),
        Some(Frame::Binary(bytes)) => {
            let at = random.below(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.next().to_le_bytes()[0];
            }
        }
        _ => {}
    }
}

fn vary_text(text: &mut String, random: &mut Random) {
    if random.once_in(6)
        && text
            .as_bytes()
            .get(1)
            .is_some_and(|byte| matches!(byte, b'[' | b'{'))
    {
        let header = random.pick(&HEADERS).copied().unwrap_or_default();
        return text.insert_str(1, header);
    }
    let bytes = text.as_bytes();
    let begins = |byte: &u8| matches!(byte, b'[' | b',' | b':');
    let from = random.below(bytes.len());
    let found = bytes[from..].iter().position(begins).map(|at| from + at);
    let Some(start) = found.or_else(|| bytes.iter().position(begins)).map(|at| at + 1) else {
        return text.push_str(random.pick(&VALUES).copied().unwrap_or_default());
    };
    let end = end_of_value(bytes, start);
    let names: &[&str] = if bytes.get(end) == Some(&b':') {
        &NAMES
    } else {
        &VALUES
    };
    let value = random.pick(names).copied().unwrap_or_default();
    let goes_on = end == start && !matches!(bytes.get(end), Some(b']' | b'}') | None);
    text.replace_range(start..end, value);
    if goes_on {
        text.insert(start + value.len(), ',');
    }
}

/// Where the text, number or word ends that begins here; a list or an object is not gone into.
fn end_of_value(bytes: &[u8], start: usize) -> usize {
    let rest = &bytes[start..];
    let length = match rest.first() {
        Some(b'"') => {
            let mut escaped = true;
            let ends = |byte: &u8| {
                let ends = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                ends
            };
            // The quotation mark that begins it is not the one that ends it.
            rest.iter().position(ends).map(|at| at + 1)
        }
        Some(b'[' | b'{') => Some(0),
        _ => rest
            .iter()
            .position(|byte| matches!(byte, b',' | b']' | b'}' | b':' | b'[' | b'{' | b'"')),
    };
    start + length.unwrap_or(rest.len())
}

/// Changes a value, a text or the namespace of a packet that is to be encoded, or one of a list of packets.
pub(super) fn vary_packet(packet: &mut Value, random: &mut Random) {
    if let Value::Array(packets) = packet {
        let at = random.below(packets.len());
        if let Some(packet) = packets.get_mut(at) {
            vary_packet(packet, random);
        }
        return;
    }
    let word = packet["type"].as_str().unwrap_or_default().to_owned();
    let is_list = word == "event" || word == "ack";
    let names = usize::from(word == "event");
    if word == "message" {
        // The separator of payloads is none of these texts.
        packet["data"] = match random.once_in(3) {
            true => json!({ "$binary": random.pick(&BYTES) }),
            false => json!(random.pick(&TEXTS)),
        };
    } else if is_list
        && !random.once_in(4)
        && let Some(Value::Array(items)) = packet.get_mut("data")
    {
        let value = plain_value(random);
        match items.len() > names {
            true => {
                let at = names + random.below(items.len() - names);
                replace_leaf(&mut items[at], value, random);
            }
            false => items.push(value),
        }
    } else if is_list || word.ends_with("connect") || word == "connect_error" {
        packet["nsp"] = json!(random.pick(&NAMESPACES));
    }
}

/// Puts another value in the place of one inside `value`, or of that one.
fn replace_leaf(value: &mut Value, by: Value, random: &mut Random) {
    match value {
        Value::Array(items) if !items.is_empty() && !random.once_in(4) => {
            let at = random.below(items.len());
            return replace_leaf(&mut items[at], by, random);
        }
        Value::Object(members) if !members.contains_key("$binary") => {
            let at = random.below(members.len());
            if let Some(inner) = members.values_mut().nth(at) {
                return replace_leaf(inner, by, random);
            }
        }
        _ => {}
    }
    *value = by;
}

/// A value that every library writes in the same way.
fn plain_value(random: &mut Random) -> Value {
    match random.below(8) {
        0 => Value::Null,
        1 => json!(random.once_in(2)),
        2 => json!(random.below(1000)),
        3 => json!(-0.25),
        4 => json!([]),
        5 => json!({ "$binary": random.pick(&BYTES) }),
        _ => json!(random.pick(&TEXTS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_of_json_are_mostly_json_and_hardly_ever_the_same() {
        let start = "2[\"a\",{\"b\":1,\"c\":[true,\"x\\\"]\"]},null,[]]";
        let (mut valid, mut different) = (0, std::collections::BTreeSet::new());
        for run in 0..1000 {
            let mut frames = vec![Frame::Text(start.to_owned())];
            vary(&mut frames, &mut Random::of_run(1, run));
            let Some(Frame::Text(text)) = frames.pop() else {
                unreachable!("a text stays a text")
            };
            let list = &text[text.find('[').unwrap()..];
            valid += usize::from(serde_json::from_str::<Value>(list).is_ok());
            different.insert(text);
        }
        assert!(valid > 850, "{valid}");
        assert!(different.len() > 100, "{}", different.len());
    }

    #[test]
    fn any_text_can_be_varied() {
        for text in [
            "",
            "é",
            "[",
            "[\"",
            "[\"\\",
            ",:",
            "4\u{1e}é,\u{1f600}",
            "5é-[\"é",
        ] {
            for run in 0..100 {
                let mut frames = vec![
                    Frame::Text(text.to_owned()),
                    Frame::Binary(Vec::new()),
                    Frame::Reset,
                ];
                vary(&mut frames, &mut Random::of_run(2, run));
                assert_eq!(frames.len(), 3);
            }
        }
    }

    #[test]
    fn siblings_of_packets_are_packets() {
        let event = json!({ "type": "event", "data": ["a", { "b": [{ "$binary": "AQ==" }] }] });
        for run in 0..1000 {
            let mut packet = event.clone();
            vary_packet(&mut packet, &mut Random::of_run(3, run));
            assert_ne!(packet, event);
            assert_eq!(
                (&packet["type"], &packet["data"][0]),
                (&json!("event"), &json!("a"))
            );
        }
        let mut packets = json!([{ "type": "ping" }, { "type": "message", "data": "x" }]);
        for run in 0..20 {
            vary_packet(&mut packets, &mut Random::of_run(4, run));
        }
        assert_eq!(packets[0], json!({ "type": "ping" }));
        assert_ne!(packets[1]["data"], json!("x"));
    }
}
