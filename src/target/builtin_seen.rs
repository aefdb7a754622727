//! Outcomes that are only looked at: borrowed from an answer, or from the packets of the reference, with values that are
//! made when somebody asks for them.

use super::builtin_codec;
use super::driver::mended;
use super::rest::Rest;
use crate::suite::{Frame, Outcome};
use reference_impl::codec::Packet;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;

/// What a codec made of an input or of a frame of it, as [`Outcome`] has it.
#[derive(Clone, Debug)]
pub enum Seen<'a> {
    /// A packet.
    Packet(SeenPacket<'a>),
    /// No packet yet.
    Wait,
    /// The input was refused, in these words.
    Error(Cow<'a, str>),
    /// The frames of an encoded packet.
    Frames(Cow<'a, [Frame]>),
    /// The codec has nothing of the kind.
    Unsupported(Cow<'a, str>),
}

/// A packet, of Engine.IO without `nsp` and `id`.
#[derive(Clone, Debug)]
pub struct SeenPacket<'a> {
    /// The word of its type.
    pub word: Cow<'a, str>,
    /// The namespace; empty if it was not said.
    pub nsp: Cow<'a, str>,
    /// The acknowledgement id.
    pub id: SeenValue<'a>,
    /// The payload.
    pub data: SeenValue<'a>,
}

/// A value of the driver protocol.
#[derive(Clone, Debug)]
pub enum SeenValue<'a> {
    /// There is none.
    Nothing,
    /// A text.
    Text(&'a str),
    /// A number, in digits.
    Digits(String),
    /// JSON text.
    Json(&'a RawValue),
    /// The value as such.
    Value(Cow<'a, Value>),
    /// The payload of a packet of the reference.
    Payload(Box<Packet<'a>>),
}

impl<'a> Seen<'a> {
    /// The outcomes of an input, from the list that an answer has for it. `None` where that is not written as most drivers
    /// write it, or has other outcomes than packets, waits and errors.
    pub fn list(text: &'a str) -> Option<Vec<Self>> {
        let mut rest = Rest::new(text);
        let all = Self::take_list(&mut rest)?;
        rest.is_empty().then_some(all)
    }

    /// The same from the front of an answer; where it is none, how far it got is open.
    pub(super) fn take_list(rest: &mut Rest<'a>) -> Option<Vec<Self>> {
        let mut all = Vec::new();
        rest.eat("[").then_some(())?;
        while !rest.eat("]") {
            (all.is_empty() || rest.eat(",")).then_some(())?;
            all.push(Self::next(rest)?);
        }
        Some(all)
    }

    fn next(rest: &mut Rest<'a>) -> Option<Self> {
        if rest.eat("{\"wait\":true}") {
            return Some(Self::Wait);
        }
        let seen = if rest.eat("{\"error\":") {
            Self::Error(rest.take_literal()?)
        } else if rest.eat("{\"unsupported\":") {
            Self::Unsupported(rest.take_literal()?)
        } else if rest.eat("{\"packet\":{\"type\":") {
            let word = rest.take_literal()?;
            let nsp = match rest.eat(",\"nsp\":") {
                true => rest.take_literal()?,
                false => Cow::Borrowed(""),
            };
            let mut value = |key| match rest.eat(key) {
                true => rest.take().map(SeenValue::Json),
                false => Some(SeenValue::Nothing),
            };
            let (id, data) = (value(",\"id\":")?, value(",\"data\":")?);
            rest.eat("}").then_some(())?;
            Self::Packet(SeenPacket { word, nsp, id, data })
        } else {
            return None;
        };
        rest.eat("}").then_some(seen)
    }

    /// The packet, if it is one.
    pub fn packet(&self) -> Option<&SeenPacket<'a>> {
        match self {
            Self::Packet(packet) => Some(packet),
            _ => None,
        }
    }

    /// The outcome that this was seen of. Of a packet the data may be left out.
    pub(super) fn outcome(&self, without_data: bool) -> Outcome {
        match self {
            Self::Packet(packet) => Outcome::Packet(packet.value(without_data)),
            Self::Wait => Outcome::Wait,
            Self::Error(why) => Outcome::Error(why.clone().into_owned()),
            Self::Frames(frames) => Outcome::Frames(frames.clone().into_owned()),
            Self::Unsupported(why) => Outcome::Unsupported(why.clone().into_owned()),
        }
    }
}

impl<'a> From<&'a Outcome> for Seen<'a> {
    fn from(outcome: &'a Outcome) -> Self {
        match outcome {
            Outcome::Packet(packet) => {
                let word = |key: &str| Cow::Borrowed(packet[key].as_str().unwrap_or_default());
                let value = |key: &str| match packet.get(key) {
                    None => SeenValue::Nothing,
                    Some(value) => SeenValue::Value(Cow::Borrowed(value)),
                };
                Self::Packet(SeenPacket {
                    word: word("type"),
                    nsp: word("nsp"),
                    id: value("id"),
                    data: value("data"),
                })
            }
            Outcome::Wait => Self::Wait,
            Outcome::Error(why) => Self::Error(Cow::Borrowed(why)),
            Outcome::Frames(frames) => Self::Frames(Cow::Borrowed(frames)),
            Outcome::Unsupported(why) => Self::Unsupported(Cow::Borrowed(why)),
        }
    }
}

impl SeenPacket<'_> {
    fn value(&self, without_data: bool) -> Value {
        let mut value = json!({ "type": self.word });
        if !self.nsp.is_empty() {
            value["nsp"] = json!(self.nsp);
        }
        if !self.id.is_null() {
            value["id"] = self.id.value().into_owned();
        }
        if !without_data && !self.data.is_null() {
            value["data"] = self.data.value().into_owned();
        }
        value
    }
}

impl SeenValue<'_> {
    /// Whether it is `null`, or there is none.
    pub fn is_null(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Json(json) => json.get() == "null",
            Self::Value(value) => value.is_null(),
            Self::Payload(packet) => packet.payload().is_none(),
            Self::Text(_) | Self::Digits(_) => false,
        }
    }

    /// Whether a value of an answer says the same, as far as that is seen without making values. `false` says nothing.
    pub fn says(&self, other: &SeenValue<'_>) -> bool {
        let SeenValue::Json(json) = other else {
            return false;
        };
        let mut rest = Rest::new(json.get());
        let same = match self {
            Self::Text(text) => rest.eat_literal(text),
            Self::Digits(digits) => rest.eat(digits),
            Self::Payload(packet) => packet
                .payload()
                .is_some_and(|payload| rest.eat_json(payload, packet.attachments())),
            Self::Nothing | Self::Json(_) | Self::Value(_) => false,
        };
        same && rest.is_empty()
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Value(value) => value.as_str().map(Cow::Borrowed),
            Self::Json(json) if json.get().starts_with('"') => match self.value().into_owned() {
                Value::String(text) => Some(Cow::Owned(text)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value, `null` where there is none.
    pub fn value(&self) -> Cow<'_, Value> {
        match self {
            Self::Nothing => Cow::Owned(Value::Null),
            Self::Text(text) => Cow::Owned(json!(text)),
            Self::Digits(digits) => Cow::Owned(json!({ "$number": digits })),
            Self::Json(json) => Cow::Owned(serde_json::from_str(&mended(json.get())).unwrap_or_default()),
            Self::Value(value) => Cow::Borrowed(value),
            Self::Payload(packet) => Cow::Owned(builtin_codec::payload(packet)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_of_an_outcome_is_all_of_it() {
        let outcomes = [
            Outcome::Packet(json!({ "type": "event", "nsp": "/a", "id": 7, "data": ["é", null] })),
            Outcome::Packet(json!({ "type": "ping", "data": "probe" })),
            Outcome::Packet(json!({ "type": "disconnect" })),
            Outcome::Wait,
            Outcome::Error("no \"a\"".to_owned()),
            Outcome::Unsupported("never".to_owned()),
            Outcome::Frames(vec![Frame::Text("2".to_owned()), Frame::Binary(vec![1])]),
        ];
        for outcome in &outcomes {
            assert_eq!(Seen::from(outcome).outcome(false), *outcome);
        }
        let Outcome::Packet(short) = Seen::from(&outcomes[0]).outcome(true) else {
            unreachable!("a packet stays a packet")
        };
        assert_eq!(short, json!({ "type": "event", "nsp": "/a", "id": 7 }));
    }

    #[test]
    fn answers_in_their_plainest_form_are_seen_and_others_are_not() {
        let text = r#"[{"packet":{"type":"event","nsp":"/","id":12,"data":["\u00e9"]}},{"wait":true},{"error":"a\"b"},{"unsupported":"x"}]"#;
        let seen = Seen::list(text).unwrap();
        let outcomes: Vec<Outcome> = seen.iter().map(|seen| seen.outcome(false)).collect();
        let packet = json!({ "type": "event", "nsp": "/", "id": 12, "data": ["é"] });
        let expected = [
            Outcome::Packet(packet),
            Outcome::Wait,
            Outcome::Error("a\"b".to_owned()),
            Outcome::Unsupported("x".to_owned()),
        ];
        assert_eq!(outcomes, expected);
        for text in [
            "{}",
            r#"[{"packet":7}]"#,
            r#"[{"packet":{"nsp":"/"}}]"#,
            r#"[{"wait":false}]"#,
            r#"[{"frames":[]}]"#,
            r#"[{"error":"\ud800"}]"#,
            r#"[{"error":1}]"#,
            "[{}]",
        ] {
            assert!(Seen::list(text).is_none(), "{text}");
        }
    }
}
