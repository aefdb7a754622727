//! Smaller inputs: what may be left out of an input or made plainer in it.

use super::input::{Given, Input};
use crate::suite::{Codec, Frame};
use serde_json::{Map, Value, json};

/// How many candidates are made of one input; those that leave out most come first.
const MOST: usize = 2_000;
/// How many lists and objects of a text are put in the place of what is around them.
const MOST_CONTAINERS: usize = 200;

/// Inputs that are smaller than this one, those that leave out most first.
pub(super) fn candidates(input: &Input) -> Vec<Input> {
    let mut all = match &input.given {
        Given::Frames(frames) => of_frames(input.codec, frames),
        Given::Packet(packet) => of_packet(&packet.value())
            .iter()
            .map(|packet| Input::packet(input.codec, packet))
            .collect(),
    };
    let size = input.size();
    all.retain(|candidate| candidate.size() < size);
    all.truncate(MOST);
    all
}

fn of_frames(codec: Codec, frames: &[Frame]) -> Vec<Input> {
    let mut all = Vec::new();
    let mut add = |frames: Vec<Frame>| all.push(Input::frames(codec, frames));
    if codec != Codec::EnginePayload && frames.len() > 1 {
        for frame in frames {
            add(vec![frame.clone()]);
        }
        for at in 0..frames.len() {
            let mut fewer = frames.to_vec();
            fewer.remove(at);
            add(fewer);
        }
        for at in 0..frames.len() {
            if let Some(fewer) = without_attachment(frames, at) {
                add(fewer);
            }
        }
    }
    for (at, frame) in frames.iter().enumerate() {
        let smaller = match frame {
            Frame::Text(text) => of_text(text).into_iter().map(Frame::Text).collect(),
            Frame::Binary(bytes) => of_bytes(bytes).into_iter().map(Frame::Binary).collect(),
            Frame::Reset | Frame::Odd(_) => Vec::new(),
        };
        for frame in smaller {
            let mut other = frames.to_vec();
            other[at] = frame;
            add(other);
        }
    }
    all
}

/// The frames without the attachment at `at`, which the text before it no longer announces.
fn without_attachment(frames: &[Frame], at: usize) -> Option<Vec<Frame>> {
    let Some(Frame::Binary(_)) = frames.get(at) else {
        return None;
    };
    let header = frames[..at]
        .iter()
        .rposition(|frame| matches!(frame, Frame::Text(_)))?;
    let Frame::Text(text) = &frames[header] else {
        return None;
    };
    let (count, rest) = text.get(1..)?.split_once('-')?;
    let count: u64 = count.parse().ok()?;
    let last = format!("{{\"_placeholder\":true,\"num\":{}}}", count.checked_sub(1)?);
    let rest = rest.replace(&format!(",{last}"), "").replace(&last, "1");
    let mut fewer = frames.to_vec();
    fewer[header] = Frame::Text(format!("{}{}-{rest}", &text[..1], count - 1));
    fewer.remove(at);
    Some(fewer)
}

fn of_text(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let without = |(start, end): (usize, usize)| chars[..start].iter().chain(&chars[end..]).collect();
    let (items, containers) = parts(&chars);
    let mut all: Vec<String> = items.into_iter().map(without).collect();
    for (begin, end) in containers.iter().take(MOST_CONTAINERS) {
        let around = containers.iter().filter(|(from, to)| from < begin && end < to);
        if let Some((from, to)) = around.min_by_key(|(from, to)| to - from) {
            let inner = chars[..*from].iter().chain(&chars[*begin..*end]);
            all.push(inner.chain(&chars[*to..]).collect());
        }
    }
    let mut length = chars.len();
    while length > 0 {
        // Windows that overlap by half find a part wherever it stands.
        let step = (length / 2).max(1);
        for start in (0..=chars.len() - length).step_by(step) {
            let rest = chars[..start].iter().chain(&chars[start + length..]);
            all.push(rest.collect());
        }
        length = if length > 24 { length / 2 } else { length - 1 };
        if all.len() > MOST {
            break;
        }
    }
    for (open, close) in pairs(&chars) {
        let kept = |(at, c): (usize, &char)| (at != open && at != close).then_some(*c);
        all.push(chars.iter().enumerate().filter_map(kept).collect());
    }
    for (at, c) in chars.iter().enumerate() {
        for plain in ['a', '0', '1'] {
            let fits = plain.is_ascii_digit() == c.is_ascii_digit() || !c.is_ascii();
            if fits && *c != plain && !c.is_ascii_punctuation() {
                let mut plainer = chars.clone();
                plainer[at] = plain;
                all.push(plainer.into_iter().collect());
            }
        }
    }
    all
}

/// From where to where something stands in a text.
type Place = (usize, usize);

/// Where the items of lists and the members of objects stand, each with the comma beside it, the longest first; and where
/// the lists and objects do.
fn parts(chars: &[char]) -> (Vec<Place>, Vec<Place>) {
    // Where each open container began, and its last item.
    let mut begins: Vec<Place> = Vec::new();
    let (mut found, mut containers) = (Vec::new(), Vec::new());
    let (mut in_text, mut escaped) = (false, false);
    for (at, c) in chars.iter().enumerate() {
        if in_text {
            in_text = escaped || *c != '"';
            escaped = *c == '\\' && !escaped;
            continue;
        }
        match c {
            '"' => in_text = true,
            '[' | '{' => begins.push((at, at + 1)),
            ',' => {
                if let Some((_, begin)) = begins.last_mut() {
                    found.push((std::mem::replace(begin, at + 1), at + 1));
                }
            }
            ']' | '}' => {
                if let Some((open, begin)) = begins.pop() {
                    let comma = usize::from(chars[begin - 1] == ',');
                    found.push((begin - comma, at));
                    containers.push((open, at + 1));
                }
            }
            _ => {}
        }
    }
    found.retain(|(begin, end)| begin < end);
    found.sort_by_key(|(begin, end)| std::cmp::Reverse(end - begin));
    (found, containers)
}

/// Where brackets and quotes open and close.
fn pairs(chars: &[char]) -> Vec<(usize, usize)> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut found = Vec::new();
    for (at, c) in chars.iter().enumerate() {
        let closes = match c {
            ']' => '[',
            '}' => '{',
            '"' => '"',
            _ => '\0',
        };
        match open.iter().rposition(|(_, opened)| *opened == closes) {
            Some(index) => {
                found.push((open[index].0, at));
                open.truncate(index);
            }
            None if matches!(c, '[' | '{' | '"') => open.push((at, *c)),
            None => {}
        }
    }
    found
}

fn of_bytes(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for length in [bytes.len(), bytes.len() / 2, 1] {
        if length > 0 && length <= bytes.len() {
            all.push(bytes[length..].to_vec());
            all.push(bytes[..bytes.len() - length].to_vec());
        }
    }
    if bytes.iter().any(|byte| *byte != 0) {
        all.push(vec![0; bytes.len()]);
    }
    all
}

/// A packet with less in it: it keeps its type, and an event its name.
fn of_packet(packet: &Value) -> Vec<Value> {
    if let Value::Array(packets) = packet {
        let mut all: Vec<Value> = packets.iter().map(|packet| json!([packet])).collect();
        for (at, packet) in packets.iter().enumerate() {
            if packets.len() > 1 {
                all.push(without(packets, at));
            }
            all.extend(
                of_packet(packet)
                    .into_iter()
                    .map(|smaller| with(packets, at, smaller)),
            );
        }
        return all;
    }
    let Value::Object(members) = packet else {
        return Vec::new();
    };
    let word = packet["type"].as_str().unwrap_or_default();
    let mut all = Vec::new();
    for (key, value) in members {
        let needed = key == "type" || key == "data" && word != "connect" || key == "id" && word == "ack";
        if !needed {
            let mut fewer = members.clone();
            fewer.shift_remove(key);
            all.push(Value::Object(fewer));
        }
        let smaller = match (key.as_str(), word) {
            ("type", _) => Vec::new(),
            ("nsp", _) => vec![json!("/a")],
            ("id", _) => vec![json!(0)],
            ("data", "event") => of_event(value),
            ("data", "ack") => of_value(value).into_iter().filter(Value::is_array).collect(),
            ("data", "connect" | "connect_error") => {
                let plain = |value: &Value| value.is_object() && value.get("$binary").is_none();
                of_value(value).into_iter().filter(plain).collect()
            }
            _ => of_value(value),
        };
        for value in smaller {
            let mut other = members.clone();
            other.insert(key.clone(), value);
            all.push(Value::Object(other));
        }
    }
    all
}

/// Smaller lists that begin with a name.
fn of_event(data: &Value) -> Vec<Value> {
    let smaller = of_value(data).into_iter();
    smaller
        .filter(|list| list.get(0).is_some_and(Value::is_string))
        .collect()
}

fn of_value(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    match value {
        Value::Null => {}
        Value::Bool(_) => all.push(Value::Null),
        Value::Number(_) => all.extend([json!(0), json!(1)]),
        Value::String(text) => all.extend(of_text(text).into_iter().map(Value::String)),
        Value::Array(items) => {
            all.push(json!([]));
            all.extend((0..items.len()).map(|at| without(items, at)));
            all.extend(items.iter().cloned());
            for (at, item) in items.iter().enumerate() {
                all.extend(of_value(item).into_iter().map(|smaller| with(items, at, smaller)));
            }
        }
        Value::Object(members) if members.contains_key("$binary") => {
            all.extend([json!({ "$binary": "" }), json!({ "$binary": "AA==" }), json!(0)]);
        }
        Value::Object(members) => all.append(&mut of_members(members)),
    }
    all
}

fn of_members(members: &Map<String, Value>) -> Vec<Value> {
    let mut all = vec![json!({})];
    for (key, value) in members {
        let mut fewer = members.clone();
        fewer.shift_remove(key);
        all.push(Value::Object(fewer.clone()));
        all.push(value.clone());
        for smaller in of_value(value) {
            let mut other = members.clone();
            other.insert(key.clone(), smaller);
            all.push(Value::Object(other));
        }
        if key != "a" && key != "message" && !key.starts_with('$') {
            fewer.insert("a".to_owned(), value.clone());
            all.push(Value::Object(fewer));
        }
    }
    all
}

fn without(items: &[Value], at: usize) -> Value {
    let mut fewer = items.to_vec();
    fewer.remove(at);
    Value::Array(fewer)
}

fn with(items: &[Value], at: usize, value: Value) -> Value {
    let mut other = items.to_vec();
    other[at] = value;
    Value::Array(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_left_out_with_their_commas() {
        let text: Vec<char> = "2[\"a,]\\\"\",{\"b\":[1,2]},3]".chars().collect();
        let (items, containers) = parts(&text);
        let parts: Vec<String> = items
            .into_iter()
            .map(|(begin, end)| text[begin..end].iter().collect())
            .collect();
        assert_eq!(
            parts,
            ["{\"b\":[1,2]},", "\"b\":[1,2]", "\"a,]\\\"\",", "1,", ",2", ",3"]
        );
        assert_eq!(containers, [(15, 20), (10, 21), (1, 24)]);
        let unwrapped = "2[\"a,]\\\"\",[1,2],3]".to_owned();
        assert!(of_text(&text.iter().collect::<String>()).contains(&unwrapped));
        assert_eq!(super::parts(&['[', ']', '}', ',']), (Vec::new(), vec![(0, 2)]));
    }

    /// Follows the first candidate that still shows it.
    fn shrunk(mut input: Input, shows: impl Fn(&str) -> bool) -> String {
        while let Some(smaller) = candidates(&input)
            .into_iter()
            .find(|candidate| shows(&candidate.to_json().to_string()))
        {
            input = smaller;
        }
        input.to_json().to_string()
    }

    fn socket(frames: &[&str]) -> Input {
        let frames = frames
            .iter()
            .map(|text| Frame::Text((*text).to_owned()))
            .collect();
        Input::frames(Codec::SocketPacket, frames)
    }

    #[test]
    fn what_is_left_is_what_matters() {
        let long = "2/admin,12[\"hello\",{\"x\":[1,2,{\"y\":\"oops\"}]},\"€\"]";
        let left = shrunk(socket(&["0", long, "1"]), |text| {
            text.contains("2") && text.contains("oops")
        });
        assert_eq!(left, "[\"2oops\"]");
        let nested = shrunk(socket(&["2[[[[\"abc\"]]],1]"]), |text| {
            serde_json::from_str::<Vec<String>>(text)
                .unwrap()
                .iter()
                .all(|frame| {
                    let json = frame
                        .strip_prefix('2')
                        .and_then(|rest| serde_json::from_str::<Value>(rest).ok());
                    json.is_some_and(|json| json.is_array() && frame.contains('b'))
                })
        });
        assert_eq!(nested, r#"["2[\"b\"]"]"#);
    }

    #[test]
    fn an_attachment_goes_with_what_announces_it() {
        let place = |num: u8| format!("{{\"_placeholder\":true,\"num\":{num}}}");
        let text = format!("52-[\"a\",{},{}]", place(0), place(1));
        let frames = [Frame::Text(text), Frame::Binary(vec![1]), Frame::Binary(vec![2])];
        let fewer = without_attachment(&frames, 2).unwrap();
        let expected = [
            Frame::Text(format!("51-[\"a\",{}]", place(0))),
            Frame::Binary(vec![1]),
        ];
        assert_eq!(fewer, expected);
        assert_eq!(without_attachment(&frames, 0), None);
    }

    #[test]
    fn packets_stay_packets() {
        let packet =
            json!({ "type": "event", "nsp": "/x", "id": 7, "data": ["hello", { "k": [1, "needle"] }] });
        let input = Input::packet(Codec::SocketPacket, &packet);
        let left = shrunk(input, |text| text.contains("needle"));
        assert!(
            left == "{\"type\":\"event\",\"data\":[\"needle\"]}"
                || left.ends_with("\"data\":[\"\",\"needle\"]}"),
            "{left}"
        );
        let payload = json!([{ "type": "ping" }, { "type": "message", "data": "xZz" }]);
        let left = shrunk(Input::packet(Codec::EnginePayload, &payload), |text| {
            text.contains('Z')
        });
        assert_eq!(left, "[{\"type\":\"message\",\"data\":\"Z\"}]");
    }

    #[test]
    fn every_candidate_is_smaller() {
        let input = socket(&["51-/a,1[\"é\",{\"b\":null}]", "2[\"b\"]"]);
        let all = candidates(&input);
        assert!(all.len() > 50 && all.iter().all(|candidate| candidate.size() < input.size()));
    }
}
