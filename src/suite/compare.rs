//! Comparing what a codec made of an input with what its vector allows.

use super::vectors::{Allowed, Codec, Expected, Frame, Outcome, Vector};
use crate::outcome::Verdict;
use serde_json::{Map, Value, json};

/// How much of a value a message shows, in characters.
const SHOWN: usize = 300;

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, where there is no difference to show.
    pub message: String,
    /// What was expected, and what came.
    pub difference: Option<(String, String)>,
    /// Where right frames differ from the canonical ones.
    pub deviation: Option<String>,
}

impl Judged {
    /// A verdict without words.
    pub fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            message: String::new(),
            difference: None,
            deviation: None,
        }
    }
}

/// Judges the outcomes of a vector's last operation.
pub fn judge(vector: &Vector, outcomes: &[Outcome]) -> Judged {
    let unsupported = outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Unsupported(why) => Some(why.clone()),
        _ => None,
    });
    if let Some(message) = unsupported {
        return Judged {
            message,
            ..Judged::of(Verdict::Skip)
        };
    }
    let fits = |allowed: &Allowed| fits(vector, allowed, outcomes);
    if fits(&vector.expect) {
        return Judged {
            deviation: deviation(&vector.expect, outcomes),
            ..Judged::of(Verdict::Pass)
        };
    }
    if vector.also.iter().any(fits) {
        return Judged::of(Verdict::Pass);
    }
    let tolerated = vector.tolerated.iter().any(fits);
    let verdict = if vector.level.is_binding() && !tolerated {
        Verdict::Fail
    } else {
        Verdict::Lenient
    };
    Judged {
        difference: Some((say(&vector.expect), all(outcomes))),
        ..Judged::of(verdict)
    }
}

fn fits(vector: &Vector, allowed: &Allowed, outcomes: &[Outcome]) -> bool {
    match (allowed, outcomes) {
        (Allowed::Outcomes(expected), _) => {
            let pair = |(expected, outcome): (&Expected, &Outcome)| fits_outcome(vector, expected, outcome);
            expected.len() == outcomes.len() && expected.iter().zip(outcomes).all(pair)
        }
        (Allowed::Refusal, [Outcome::Error(_)]) => true,
        (Allowed::Frames(expected), [Outcome::Frames(frames)]) => {
            let same = |(expected, frame): (&Frame, &Frame)| {
                expected == frame || !vector.canonical && same_frame(expected, frame)
            };
            expected.len() == frames.len() && expected.iter().zip(frames).all(same)
        }
        _ => false,
    }
}

fn fits_outcome(vector: &Vector, expected: &Expected, outcome: &Outcome) -> bool {
    match (expected, outcome) {
        (Expected::Any, _)
        | (Expected::AnyPacket, Outcome::Packet(_))
        | (Expected::Wait, Outcome::Wait)
        | (Expected::Error, Outcome::Error(_)) => true,
        (Expected::Packet(expected), Outcome::Packet(packet)) => {
            let normal = |packet| normal(vector.codec, packet, vector.without_data);
            same(&normal(expected), &normal(packet))
        }
        _ => false,
    }
}

/// A packet with all that may be left out.
fn normal(codec: Codec, packet: &Value, without_data: bool) -> Value {
    let word = packet["type"].as_str().unwrap_or_default();
    let word = match word {
        "binary_event" => "event",
        "binary_ack" => "ack",
        other => other,
    };
    let mut data = packet["data"].clone();
    if codec != Codec::SocketPacket {
        if data.is_null() {
            data = json!("");
        }
        return json!({ "type": word, "data": data });
    }
    if without_data {
        data = Value::Null;
    }
    let nsp = packet["nsp"]
        .as_str()
        .filter(|nsp| !nsp.is_empty())
        .unwrap_or("/");
    json!({ "type": word, "nsp": nsp, "id": packet["id"], "data": data })
}

/// Whether two values are the same: the order of members is free, `1` is `1.0`, and `-0` is `0`.
pub fn same(a: &Value, b: &Value) -> bool {
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return a == b;
    }
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => same_members(a, b),
        _ => a == b,
    }
}

fn same_members(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    a.len() == b.len()
        && a.iter()
            .all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
}

/// A number in one form: digits where it is whole and exact, otherwise as a float is written.
fn number(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::Object(members) if members.len() == 1 => members.get("$number")?.as_str()?.to_owned(),
        _ => return None,
    };
    let is_whole = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_whole {
        let digits = text.trim_start_matches('0');
        return Some(if digits.is_empty() { "0" } else { digits }.to_owned());
    }
    match text.parse::<f64>() {
        Ok(0.0) => Some("0".to_owned()),
        Ok(float) => Some(format!("{float}")),
        Err(_) => Some(text),
    }
}

/// Whether two frames say the same: the front alike, the JSON behind it by value.
fn same_frame(a: &Frame, b: &Frame) -> bool {
    let (Frame::Text(a), Frame::Text(b)) = (a, b) else {
        return false;
    };
    let split = |text: &str| -> Option<(String, Value)> {
        let at = text.find(['[', '{', '"'])?;
        Some((text[..at].to_owned(), serde_json::from_str(&text[at..]).ok()?))
    };
    match (split(a), split(b)) {
        (Some((front_a, json_a)), Some((front_b, json_b))) => front_a == front_b && same(&json_a, &json_b),
        _ => false,
    }
}

fn deviation(allowed: &Allowed, outcomes: &[Outcome]) -> Option<String> {
    let (Allowed::Frames(expected), [Outcome::Frames(frames)]) = (allowed, outcomes) else {
        return None;
    };
    (expected != frames).then(|| {
        format!(
            "--- reference\n+++ target\n-{}\n+{}\n",
            say_frames(expected),
            say_frames(frames)
        )
    })
}

/// An allowed result in words.
pub fn say(allowed: &Allowed) -> String {
    match allowed {
        Allowed::Refusal => "an error".to_owned(),
        Allowed::Frames(frames) => say_frames(frames),
        Allowed::Outcomes(outcomes) if outcomes.is_empty() => "nothing".to_owned(),
        Allowed::Outcomes(outcomes) => {
            let words = outcomes.iter().map(|outcome| match outcome {
                Expected::Packet(packet) => cut(&packet.to_string()),
                Expected::AnyPacket => "a packet".to_owned(),
                Expected::Wait => "a wait".to_owned(),
                Expected::Error => "an error".to_owned(),
                Expected::Any => "anything".to_owned(),
            });
            words.collect::<Vec<_>>().join(" then ")
        }
    }
}

/// What came in words.
pub fn came(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Packet(packet) => cut(&packet.to_string()),
        Outcome::Wait => "a wait".to_owned(),
        Outcome::Error(why) => format!("an error ({})", cut(why)),
        Outcome::Frames(frames) => say_frames(frames),
        Outcome::Unsupported(why) => format!("unsupported ({})", cut(why)),
    }
}

fn all(outcomes: &[Outcome]) -> String {
    if outcomes.is_empty() {
        return "nothing".to_owned();
    }
    outcomes.iter().map(came).collect::<Vec<_>>().join(" then ")
}

fn say_frames(frames: &[Frame]) -> String {
    let words = frames.iter().map(|frame| match frame {
        Frame::Text(text) => cut(text),
        Frame::Binary(bytes) => {
            let hex: String = bytes.iter().take(32).map(|byte| format!(" {byte:02x}")).collect();
            format!("<Buffer{hex}>")
        }
        other => other.to_json().to_string(),
    });
    words.collect::<Vec<_>>().join(" + ")
}

/// The begin of a text, with control characters made visible.
fn cut(text: &str) -> String {
    let visible = |c: char| -> Vec<char> {
        if c.is_control() {
            c.escape_default().collect()
        } else {
            vec![c]
        }
    };
    let mut shown: String = text.chars().take(SHOWN).flat_map(visible).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_by_what_they_mean() {
        for (a, b) in [
            (json!(1), json!(1.0)),
            (json!(0), json!({ "$number": "-0" })),
            (json!({ "$number": "007" }), json!(7)),
            (json!({ "a": 1, "b": [] }), json!({ "b": [], "a": 1 })),
            (
                json!({ "$number": "9007199254740993" }),
                json!(9_007_199_254_740_993_u64),
            ),
        ] {
            assert!(same(&a, &b), "{a} {b}");
        }
        for (a, b) in [
            (json!(1), json!("1")),
            (json!({ "a": 1 }), json!({ "a": 1, "b": null })),
            (
                json!({ "$number": "9007199254740992" }),
                json!(9_007_199_254_740_993_u64),
            ),
            (json!({ "$binary": "AQ==" }), json!({ "$binary": "AA==" })),
            (json!([1, 2]), json!([2, 1])),
        ] {
            assert!(!same(&a, &b), "{a} {b}");
        }
    }

    #[test]
    fn frames_are_compared_by_front_and_json() {
        let text = |text: &str| Frame::Text(text.to_owned());
        assert!(same_frame(
            &text("2/a,[1,{\"b\":2}]"),
            &text("2/a,[1, {\"b\": 2}]")
        ));
        assert!(!same_frame(&text("2/a,[1]"), &text("2/b,[1]")));
        assert!(!same_frame(&text("2[1]"), &text("2[1")));
        assert!(!same_frame(&text("0"), &text("1")));
    }

    #[test]
    fn what_may_be_left_out_is_filled_in() {
        let short = json!({ "type": "binary_event", "data": ["a"] });
        let long = json!({ "type": "event", "nsp": "/", "id": null, "data": ["a"] });
        let normal = |packet| normal(Codec::SocketPacket, packet, false);
        assert_eq!(normal(&short), normal(&long));
        assert_ne!(
            normal(&json!({ "type": "ack", "id": 0 })),
            normal(&json!({ "type": "ack" }))
        );
    }
}
