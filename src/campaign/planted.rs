//! A campaign notices what is wrong: faults are planted in the answers of the reference, for inputs as a campaign makes them.

use super::generate::Generator;
use super::inputs::Inputs;
use super::judge::{Judgement, judge_outcomes};
use crate::suite::{Codec, Frame, Outcome, load_builtin};
use crate::target::{Reply, Rest};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many of a hundred faults must be noticed at least, by codec: the others are within a freedom. Of Engine.IO many packets
/// carry what has no meaning, or what is no base64.
const NOTICED: [(Codec, usize); 3] = [
    (Codec::SocketPacket, 75),
    (Codec::EnginePacket, 65),
    (Codec::EnginePayload, 30),
];

/// A fault: whether there was anything to spoil.
type Fault = fn(&mut Vec<Outcome>) -> bool;

const DECODERS: [(&str, Fault); 20] = [
    ("attachments swapped", |all| {
        packets(all).any(|packet| {
            let mut found = Vec::new();
            collect(&packet["data"], &mut found);
            let (Some(first), Some(last)) = (found.first().cloned(), found.last().cloned()) else {
                return false;
            };
            first != last && {
                exchange(&mut packet["data"], &first, &last);
                true
            }
        })
    }),
    ("attachment altered", |all| {
        spoil(all, &|value| {
            is_binary(value).then(|| json!({ "$binary": "c3BvaWx0" }))
        })
    }),
    ("attachment lost", |all| {
        spoil(all, &|value| is_binary(value).then_some(Value::Null))
    }),
    ("placeholder left", |all| {
        spoil(all, &|value| {
            is_binary(value).then(|| json!({ "_placeholder": true, "num": 0 }))
        })
    }),
    ("text altered", |all| {
        spoil(all, &|value| value.as_str().map(|text| json!(format!("{text}x"))))
    }),
    ("number as text", |all| {
        spoil(all, &|value| {
            value.as_i64().map(|number| json!(number.to_string()))
        })
    }),
    ("number altered", |all| {
        spoil(all, &|value| {
            value
                .as_i64()
                .map(|number| json!(number / 2 + 1))
                .filter(|new| new != value)
        })
    }),
    ("boolean altered", |all| {
        spoil(all, &|value| value.as_bool().map(|bool| json!(!bool)))
    }),
    ("null as nothing", |all| {
        spoil(all, &|value| value.is_null().then(|| json!({})))
    }),
    ("argument lost", |all| {
        packets(all).any(|packet| {
            packet["data"]
                .as_array_mut()
                .is_some_and(|list| list.pop().is_some())
        })
    }),
    ("argument added", |all| {
        packets(all).any(|packet| {
            packet["data"]
                .as_array_mut()
                .map(|list| list.push(json!(7)))
                .is_some()
        })
    }),
    ("namespace altered", |all| {
        packets(all).any(|packet| {
            packet.get("nsp").is_some() && {
                packet["nsp"] = json!("/planted");
                true
            }
        })
    }),
    ("id lost", |all| {
        packets(all).any(|packet| {
            packet
                .as_object_mut()
                .is_some_and(|packet| packet.remove("id").is_some())
        })
    }),
    ("type altered", |all| {
        packets(all).any(|packet| {
            let other = if packet["type"] == "event" || packet["type"] == "message" {
                "connect"
            } else {
                "event"
            };
            packet["type"] = json!(other);
            true
        })
    }),
    ("waits", |all| {
        replace(
            all,
            |outcome| matches!(outcome, Outcome::Packet(_)),
            Outcome::Wait,
        )
    }),
    ("early", |all| {
        let packet = Outcome::Packet(json!({ "type": "event", "nsp": "/", "data": ["a"] }));
        replace(all, |outcome| *outcome == Outcome::Wait, packet)
    }),
    ("refuses", |all| {
        replace(
            all,
            |outcome| matches!(outcome, Outcome::Packet(_)),
            Outcome::Error("planted".to_owned()),
        )
    }),
    ("accepts", |all| {
        let packet = Outcome::Packet(json!({ "type": "connect", "nsp": "/planted" }));
        replace(all, |outcome| matches!(outcome, Outcome::Error(_)), packet)
    }),
    ("outcome lost", |all| all.pop().is_some()),
    ("outcome added", |all| {
        let last = all.last().cloned();
        last.map(|last| all.push(last)).is_some()
    }),
];

const ENCODERS: [(&str, Fault); 6] = [
    ("frame lost", |all| {
        frames(all).is_some_and(|frames| frames.pop().is_some())
    }),
    ("attachments swapped", |all| {
        frames(all).is_some_and(|frames| {
            let last = frames.len() - 1;
            last > 1 && frames[1] != frames[last] && {
                frames.swap(1, last);
                true
            }
        })
    }),
    ("attachment altered", |all| {
        frames(all).is_some_and(|frames| match frames.last_mut() {
            Some(Frame::Binary(bytes)) => {
                bytes.push(7);
                true
            }
            _ => false,
        })
    }),
    ("front altered", |all| {
        first_text(all).is_some_and(|text| {
            text.replace_range(..1, if text.starts_with('0') { "1" } else { "0" });
            true
        })
    }),
    ("text cut", |all| {
        first_text(all).is_some_and(|text| text.pop().is_some())
    }),
    ("refuses", |all| {
        replace(
            all,
            |outcome| matches!(outcome, Outcome::Frames(_)),
            Outcome::Error("planted".to_owned()),
        )
    }),
];

fn packets(all: &mut [Outcome]) -> impl Iterator<Item = &mut Value> {
    // After an error all is free.
    all.iter_mut()
        .take_while(|outcome| !matches!(outcome, Outcome::Error(_)))
        .filter_map(|outcome| match outcome {
            Outcome::Packet(packet) => Some(packet),
            _ => None,
        })
}

fn frames(all: &mut [Outcome]) -> Option<&mut Vec<Frame>> {
    match all {
        [Outcome::Frames(frames)] => Some(frames),
        _ => None,
    }
}

fn first_text(all: &mut [Outcome]) -> Option<&mut String> {
    match frames(all)?.first_mut() {
        Some(Frame::Text(text)) => Some(text),
        _ => None,
    }
}

/// Replaces the first outcome before the first error, or that one.
fn replace(all: &mut [Outcome], which: impl Fn(&Outcome) -> bool, by: Outcome) -> bool {
    let failed = all
        .iter()
        .position(|outcome| matches!(outcome, Outcome::Error(_)));
    let found = all.iter().position(which);
    match found.filter(|at| failed.is_none_or(|failed| *at <= failed)) {
        Some(at) => {
            all[at] = by;
            true
        }
        None => false,
    }
}

/// Replaces the first value in the data of a packet for which there is another.
fn spoil(all: &mut [Outcome], other: &dyn Fn(&Value) -> Option<Value>) -> bool {
    fn walk(value: &mut Value, other: &dyn Fn(&Value) -> Option<Value>) -> bool {
        if let Some(other) = other(value) {
            *value = other;
            return true;
        }
        match value {
            Value::Array(items) => items.iter_mut().any(|item| walk(item, other)),
            Value::Object(members) if !members.keys().any(|key| key.starts_with('$')) => {
                members.values_mut().any(|item| walk(item, other))
            }
            _ => false,
        }
    }
    packets(all).any(|packet| packet.get_mut("data").is_some_and(|data| walk(data, other)))
}

fn is_binary(value: &Value) -> bool {
    value.get("$binary").is_some()
}

fn collect(value: &Value, found: &mut Vec<Value>) {
    match value {
        _ if is_binary(value) => found.push(value.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|item| collect(item, found)),
        _ => {}
    }
}

fn exchange(value: &mut Value, one: &Value, other: &Value) {
    if value == one {
        *value = other.clone();
    } else if value == other {
        *value = one.clone();
    } else {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| exchange(item, one, other)),
            Value::Object(members) => members.values_mut().for_each(|item| exchange(item, one, other)),
            _ => {}
        }
    }
}

/// What came of the faults of one kind.
#[derive(Debug, Default)]
struct Noticed {
    all: usize,
    caught: usize,
    /// Some that were not.
    missed: Vec<String>,
}

#[test]
fn a_campaign_notices_what_is_planted() {
    let generator = Generator::new(1, &load_builtin().vectors, &Codec::ALL);
    let mut tally: BTreeMap<(Codec, &str, &str), Noticed> = BTreeMap::new();
    let mut inputs = Inputs::default();
    for batch in 0..generator.period() {
        generator.fill(
            batch * super::generate::BATCH,
            super::generate::BATCH,
            &mut inputs,
        );
        let (direction, faults) = match inputs.encode {
            true => ("encode", &ENCODERS[..]),
            false => ("decode", &DECODERS[..]),
        };
        for (index, input) in inputs.iter().enumerate() {
            let ours = input.by_reference();
            for (name, fault) in faults {
                let mut theirs = ours.clone();
                if !fault(&mut theirs) {
                    continue;
                }
                let judged = judge_outcomes(&input, &ours, &theirs);
                let answer = Reply::of(std::slice::from_ref(&theirs));
                let same = |_: usize, rest: &mut Rest<'_>| inputs.agrees(index, rest);
                let is_suspect = !answer.differing(same).unwrap().is_empty();
                let noticed = tally.entry((inputs.codec, direction, name)).or_default();
                noticed.all += 1;
                if is_suspect && matches!(judged, Judgement::Differs(_)) {
                    noticed.caught += 1;
                } else if noticed.missed.len() < 3 {
                    noticed
                        .missed
                        .push(format!("{} {theirs:?}: {judged:?}", input.to_json()));
                }
            }
        }
    }
    let least = |codec: Codec| {
        NOTICED
            .iter()
            .find(|(known, _)| *known == codec)
            .map_or(100, |(_, least)| *least)
    };
    let low: Vec<_> = tally
        .iter()
        .filter(|((codec, ..), each)| 100 * each.caught < least(*codec) * each.all)
        .collect();
    assert!(low.is_empty(), "{low:#?}");
    for (direction, faults) in [("decode", &DECODERS[..]), ("encode", &ENCODERS[..])] {
        for (name, _) in faults {
            assert!(
                tally.contains_key(&(Codec::SocketPacket, direction, name)),
                "{direction} {name}"
            );
        }
    }
}
