//! Reading a table of vectors, and the errors that point into it.

use super::model::{Allowed, Codec, Expected, Frame, Operation, Vector};
use super::raw::{RawFrame, RawPart, RawReset, RawTable, RawVector};
use crate::notation::{Diagnostic, Role, nearest};
use crate::suite::Rules;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;

/// The longest frame that a vector may generate, in bytes.
const LONGEST: usize = 4 << 20;

/// How often a vector may be asked about.
const MOST_TIMES: u32 = 1 << 24;

/// What is wrong, where, and what would be right.
type Fault = (Range<usize>, String, String);

/// Reads a table. `path` is what diagnostics call the file; rules that are not `known` are errors where there are some.
///
/// # Errors
/// All that is wrong with it.
pub fn parse_vectors(path: &str, text: &str, rules: &Rules) -> Result<Vec<Vector>, Vec<Diagnostic>> {
    let table: RawTable = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        vec![Diagnostic::of_text(path, text, span, error.message(), None)]
    })?;
    let diagnostic =
        |(span, message, expected): Fault| Diagnostic::of_text(path, text, span, message, Some(expected));
    let word = table.codec.get_ref();
    let Some(codec) = Codec::ALL.into_iter().find(|codec| codec.word() == word) else {
        let words = Codec::ALL.map(Codec::word).join("`, `");
        return Err(vec![diagnostic((
            table.codec.span(),
            format!("`{word}` is no codec"),
            format!("`{words}`"),
        ))]);
    };
    let mut vectors = Vec::new();
    let mut diagnostics = Vec::new();
    let mut seen = BTreeSet::new();
    for spanned in table.vectors {
        let span = spanned.span();
        let raw = spanned.into_inner();
        if !seen.insert(raw.id.get_ref().clone()) {
            let message = format!("`{}` stands here twice", raw.id.get_ref());
            diagnostics.push(diagnostic((
                raw.id.span(),
                message,
                "each vector once".to_owned(),
            )));
            continue;
        }
        match vector(raw, codec, rules) {
            Ok(vector) => vectors.push(placed(vector, path, text, span)),
            Err(fault) => diagnostics.push(diagnostic(fault)),
        }
    }
    if diagnostics.is_empty() {
        Ok(vectors)
    } else {
        Err(diagnostics)
    }
}

/// Fills in where the vector stands.
fn placed(vector: Vector, path: &str, text: &str, span: Range<usize>) -> Vector {
    let line = text.get(..span.start).unwrap_or_default().matches('\n').count() + 1;
    let below = text.get(span.start..).unwrap_or_default();
    // The span of an array table is its header: the table goes on to the next one.
    let end = below[1.min(below.len())..]
        .find("\n[[")
        .map_or(below.len(), |at| at + 2);
    let table: Vec<&str> = below[..end]
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    Vector {
        path: path.to_owned(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        text: format!("{}\n", table.join("\n").trim_end()),
        ..vector
    }
}

fn vector(raw: RawVector, codec: Codec, rules: &Rules) -> Result<Vector, Fault> {
    let name = raw.id.get_ref();
    let is_id = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || !name.bytes().all(is_id) {
        return Err((
            raw.id.span(),
            "this is no id".to_owned(),
            "lower-case words joined by `-`".to_owned(),
        ));
    }
    let rule = raw.rule.get_ref();
    let Some(found) = rules.get(rule) else {
        let near = nearest(rule, rules.iter().map(|rule| rule.id.as_str()));
        let expected = near.map_or_else(
            || "an id of `rules.toml`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err((raw.rule.span(), format!("there is no rule `{rule}`"), expected));
    };
    if !found.roles.contains(&Role::Codec) {
        return Err((
            raw.rule.span(),
            format!("the rule `{rule}` does not bind a codec"),
            "a rule with the role `codec`".to_owned(),
        ));
    }
    let what = raw.id.span();
    let operation = operation(&raw, &what)?;
    let result = |list: &Spanned<Vec<Spanned<RawFrame>>>| allowed(&operation, list);
    let expect = match (&operation, &raw.expect) {
        (Operation::RoundTrip(packet), None) => Allowed::Outcomes(round_trip(codec, packet)),
        (Operation::RoundTrip(_), Some(list)) => {
            let message = "a round trip expects what it encoded".to_owned();
            return Err((list.span(), message, "no `expect`".to_owned()));
        }
        (_, Some(list)) => result(list)?,
        (_, None) => {
            let expected = "`expect`, the outcomes of `decode` or the frames of `encode`".to_owned();
            return Err((what, "the vector expects nothing".to_owned(), expected));
        }
    };
    if let (
        Codec::EnginePacket | Codec::SocketPacket,
        Operation::Decode(frames),
        Allowed::Outcomes(outcomes),
    ) = (codec, &operation, &expect)
    {
        let steps = frames.iter().filter(|frame| **frame != Frame::Reset).count();
        if steps != outcomes.len() {
            let message = format!("{steps} frames and {} outcomes", outcomes.len());
            let expected = "an outcome for each frame that is decoded".to_owned();
            return Err((raw.expect.as_ref().map_or(what, Spanned::span), message, expected));
        }
    }
    Ok(Vector {
        id: format!("codec/{}/{name}", codec.word()),
        codec,
        rule: rule.clone(),
        area: found.area.clone(),
        level: found.level,
        title: raw.title.clone().unwrap_or_else(|| found.text.clone()),
        also: raw.also.iter().map(result).collect::<Result<_, _>>()?,
        tolerated: raw.tolerated.iter().map(result).collect::<Result<_, _>>()?,
        expect,
        operation: operation.clone(),
        canonical: raw.canonical,
        without_data: raw.without_data,
        times: times(&raw)?,
        path: String::new(),
        line: 0,
        text: String::new(),
    })
}

/// What comes of a round trip: the packet itself, or each packet of a payload.
fn round_trip(codec: Codec, packet: &Value) -> Vec<Expected> {
    match packet {
        Value::Array(packets) => packets.iter().cloned().map(Expected::Packet).collect(),
        _ => {
            let waits = if codec == Codec::SocketPacket {
                binaries(packet)
            } else {
                0
            };
            let mut outcomes = vec![Expected::Wait; waits];
            outcomes.push(Expected::Packet(packet.clone()));
            outcomes
        }
    }
}

/// How many binary values a value holds.
fn binaries(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(binaries).sum(),
        Value::Object(members) if members.contains_key("$binary") => 1,
        Value::Object(members) => members.values().map(binaries).sum(),
        _ => 0,
    }
}

fn operation(raw: &RawVector, what: &Range<usize>) -> Result<Operation, Fault> {
    let repeat = match &raw.repeat {
        None => 1,
        Some(times) if raw.encode.is_some() && (1..=8).contains(times.get_ref()) => *times.get_ref(),
        Some(times) => {
            let message = "this cannot be repeated".to_owned();
            return Err((times.span(), message, "1 to 8, for `encode`".to_owned()));
        }
    };
    match (&raw.decode, &raw.encode, &raw.roundtrip) {
        (Some(frames), None, None) => Ok(Operation::Decode(
            frames.iter().map(frame).collect::<Result<_, _>>()?,
        )),
        (None, Some(packet), None) => Ok(Operation::Encode(value(packet)?, repeat)),
        (None, None, Some(packet)) => Ok(Operation::RoundTrip(value(packet)?)),
        _ => Err((
            what.clone(),
            "it is not clear what is to be done".to_owned(),
            "one of `decode`, `encode` and `roundtrip`".to_owned(),
        )),
    }
}

fn times(raw: &RawVector) -> Result<u32, Fault> {
    match &raw.times {
        None => Ok(1),
        Some(times) if raw.roundtrip.is_none() && (1..=MOST_TIMES).contains(times.get_ref()) => {
            Ok(*times.get_ref())
        }
        Some(times) => {
            let message = "this cannot be asked about so often".to_owned();
            let expected = format!("1 to {MOST_TIMES}, for `decode` or `encode`");
            Err((times.span(), message, expected))
        }
    }
}

fn value(text: &Spanned<String>) -> Result<Value, Fault> {
    serde_json::from_str(text.get_ref()).map_err(|error| {
        let message = format!("this is no JSON: {error}");
        (text.span(), message, "a packet as in `docs/driver.md`".to_owned())
    })
}

fn frame(raw: &Spanned<RawFrame>) -> Result<Frame, Fault> {
    let fault = |message: &str, expected: &str| (raw.span(), message.to_owned(), expected.to_owned());
    match raw.get_ref() {
        RawFrame::Text(text) => Ok(Frame::Text(text.clone())),
        RawFrame::Hex(hex) => bytes(&hex.hex)
            .map(Frame::Binary)
            .ok_or_else(|| fault("these are no bytes", "pairs of hex digits, such as `01 ff`")),
        RawFrame::Parts(parts) => {
            let length = |part: &RawPart| match part {
                RawPart::Text(text) => text.len(),
                RawPart::Repeated(part) => part.text.len().saturating_mul(part.times),
            };
            let total = parts.parts.iter().map(length).fold(0, usize::saturating_add);
            if total > LONGEST {
                return Err(fault("the frame is too long", "at most 4 MiB"));
            }
            let text = |part: &RawPart| match part {
                RawPart::Text(text) => text.clone(),
                RawPart::Repeated(part) => part.text.repeat(part.times),
            };
            Ok(Frame::Text(parts.parts.iter().map(text).collect()))
        }
        RawFrame::Reset(RawReset { reset: true }) => Ok(Frame::Reset),
        RawFrame::Reset(_) => Err(fault("this does nothing", "`reset = true`")),
        RawFrame::Odd(odd) if ["undefined", "null", "number"].contains(&odd.odd.as_str()) => {
            Ok(Frame::Odd(odd.odd.clone()))
        }
        RawFrame::Odd(_) => Err(fault("this is nothing odd", "`undefined`, `null` or `number`")),
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hex.bytes().filter(|b| *b != b' ').collect();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

fn allowed(operation: &Operation, list: &Spanned<Vec<Spanned<RawFrame>>>) -> Result<Allowed, Fault> {
    if matches!(operation, Operation::Decode(_) | Operation::RoundTrip(_)) {
        return Ok(Allowed::Outcomes(
            list.get_ref().iter().map(expected).collect::<Result<_, _>>()?,
        ));
    }
    let frames = list.get_ref().iter().map(frame).collect::<Result<Vec<_>, _>>()?;
    Ok(match frames.as_slice() {
        [Frame::Text(text)] if text == "error" => Allowed::Refusal,
        _ => Allowed::Frames(frames),
    })
}

fn expected(raw: &Spanned<RawFrame>) -> Result<Expected, Fault> {
    let none = || {
        let expected = "a packet as JSON, `wait`, `error`, `packet` or `any`".to_owned();
        (raw.span(), "this is no outcome of a decoder".to_owned(), expected)
    };
    let RawFrame::Text(text) = raw.get_ref() else {
        return Err(none());
    };
    Ok(match text.as_str() {
        "wait" => Expected::Wait,
        "error" => Expected::Error,
        "packet" => Expected::AnyPacket,
        "any" => Expected::Any,
        word if !word.starts_with('{') => return Err(none()),
        _ => Expected::Packet(value(&Spanned::new(raw.span(), text.clone()))?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const RULE: &str = "[[rule]]\nid = \"codec.x\"\nroles = [\"codec\"]\narea = \"codec-socket\"\nlevel = \"must\"\n\
        text = \"It works.\"\nsource = \"x\"\nimpact = \"y\"\n";

    fn parse(table: &str) -> Result<Vec<Vector>, String> {
        let rules = Rules::parse("rules.toml", RULE).unwrap();
        let text = format!("codec = \"socket-packet\"\n{table}");
        parse_vectors("x.toml", &text, &rules).map_err(|all| all.iter().map(ToString::to_string).collect())
    }

    const START: &str = "[[vector]]\nid = \"a\"\nrule = \"codec.x\"\n";

    #[test]
    fn a_vector_says_what_is_decoded_and_what_comes_of_it() {
        let text = format!(
            "{START}decode = ['51-[\"a\"]', {{ hex = \"01 ff\" }}, {{ reset = true }}]\nexpect = ['wait', '{{\"type\":\"event\"}}']\n"
        );
        let vectors = parse(&text).unwrap();
        let [vector] = vectors.as_slice() else {
            panic!("{vectors:?}")
        };
        assert_eq!((vector.id.as_str(), vector.line), ("codec/socket-packet/a", 2));
        assert_eq!(vector.title, "It works.");
        let frames = vec![
            Frame::Text("51-[\"a\"]".to_owned()),
            Frame::Binary(vec![1, 255]),
            Frame::Reset,
        ];
        assert_eq!(vector.operation, Operation::Decode(frames));
        let packet = Expected::Packet(json!({ "type": "event" }));
        assert_eq!(vector.expect, Allowed::Outcomes(vec![Expected::Wait, packet]));
        assert!(
            vector.text.starts_with("[[vector]]") && vector.text.contains("expect"),
            "{}",
            vector.text
        );
    }

    #[test]
    fn long_frames_are_put_together() {
        let text = format!(
            "{START}decode = [{{ parts = [\"2\", {{ text = \"[\", times = 3 }}] }}]\nexpect = [\"error\"]\n"
        );
        let vectors = parse(&text).unwrap();
        assert_eq!(
            vectors[0].operation,
            Operation::Decode(vec![Frame::Text("2[[[".to_owned())])
        );
        let huge = text.replace("times = 3", "times = 9999999");
        assert!(parse(&huge).unwrap_err().contains("at most 4 MiB"));
    }

    #[test]
    fn mistakes_are_underlined_where_they_stand() {
        for (table, line, words) in [
            (format!("{START}decode = [\"0\"]\n"), 3, "expects nothing"),
            (
                format!("{START}decode = [\"0\"]\nexpect = []\n"),
                6,
                "1 frames and 0 outcomes",
            ),
            (format!("{START}expect = []\n"), 3, "one of `decode`"),
            (
                format!("{START}decode = [{{ hex = \"0\" }}]\nexpect = [\"error\"]\n"),
                5,
                "pairs of hex",
            ),
            (
                format!("{START}encode = \"{{\"\nexpect = [\"0\"]\n"),
                5,
                "no JSON",
            ),
            (
                format!("{START}decode = [\"0\"]\nexpect = [\"what\"]\n"),
                6,
                "`wait`, `error`",
            ),
            (format!("{START}decod = [\"0\"]\n"), 5, "unknown field `decod`"),
            (
                format!("{START}decode = [\"0\"]\ntimes = 0\nexpect = [\"error\"]\n"),
                6,
                "asked about so often",
            ),
            (START.replace("codec.x", "codec.y"), 4, "did you mean `codec.x`"),
            (START.replace("\"a\"", "\"A b\""), 3, "no id"),
        ] {
            let error = parse(&table).map(|_| ()).unwrap_err();
            assert!(
                error.contains(words) && error.contains(&format!("x.toml:{line}:")),
                "{error}"
            );
        }
    }
}
