//! The reference's decoders against those of socketioxide. The first byte of the input selects what is decoded: `s`
//! Socket.IO messages, read as `targets::frames` says; `p` an Engine.IO payload, packet by packet.
//!
//! Both must accept and refuse the same, and give the same packets. Where they may differ is the list [`AGREED`], each
//! with its reason; a difference that is not in it is a finding. After the first difference of a connection, agreed or
//! not, and after the first error, nothing is compared any more: the two decoders are no longer at the same point.

use std::fmt;

use bytes::Bytes;
use engineioxide_core::{Packet as EnginePacketOfTheirs, ProtocolVersion};
use reference_impl::codec::{
    Arguments, DEFAULT_MAX_ATTACHMENTS, Decoder, EnginePacket, EnginePacketType, Packet, PacketError,
    PacketType, decode_payload,
};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::{Value, json};
use socketioxide_core::{
    Value as Payload,
    packet::PacketData,
    parser::{Parse as _, ParseConfig, ParseError, ParserState},
};
use socketioxide_parser_common::CommonParser;

use crate::targets::frames::{Frame, read};

/// What one decoder made of one frame.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    /// A packet: type, namespace, id and data.
    Packet(Value),
    /// Attachments are awaited.
    Wait,
    /// Refused.
    Refused(String),
}

/// One frame, and what both made of it.
struct Compared<'a> {
    /// The text of the packet, also where the frame is one of its attachments.
    text: &'a str,
    ours: &'a Outcome,
    theirs: &'a Outcome,
    /// Why ours refused, if it did.
    error: Option<PacketError>,
}

impl Compared<'_> {
    /// The reference refuses for this reason, and socketioxide does not.
    fn only_ours(&self, error: impl Fn(PacketError) -> bool) -> bool {
        !matches!(self.theirs, Outcome::Refused(_)) && self.error.is_some_and(error)
    }

    /// socketioxide refuses, and the reference does not.
    fn only_theirs(&self) -> bool {
        matches!(self.theirs, Outcome::Refused(_)) && !matches!(self.ours, Outcome::Refused(_))
    }

    fn is_binary(&self) -> bool {
        self.text.starts_with(['5', '6'])
    }

    /// What stands between the namespace and the payload, and all behind it.
    fn behind_namespace(&self) -> &str {
        let mut behind = self.text.get(1..).unwrap_or_default();
        if self.is_binary() {
            behind = behind
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .trim_start_matches('-');
        }
        match behind.starts_with('/') {
            true => behind.split_once(',').map_or("", |(_, behind)| behind),
            false => behind,
        }
    }
}

/// A difference that is no finding.
struct Agreed {
    /// What socketioxide does, and why that is its affair.
    reason: &'static str,
    applies: fn(&Compared<'_>) -> bool,
}

/// Where the two may differ.
const AGREED: &[Agreed] = &[
    Agreed {
        reason: "it decodes for a server, to which nobody sends a CONNECT_ERROR",
        applies: |compared| compared.text.starts_with('4') && compared.only_theirs(),
    },
    Agreed {
        reason: "the payload of a CONNECT is handed to the application, which says what it must be",
        applies: |compared| {
            compared.text.starts_with('0') && compared.only_ours(|error| error == PacketError::NotAnObject)
        },
    },
    Agreed {
        reason: "what follows a DISCONNECT is not looked at",
        applies: |compared| compared.only_ours(|error| error == PacketError::UnexpectedPayload),
    },
    Agreed {
        reason: "handlers are registered by name, and nobody can register a reserved one",
        applies: |compared| compared.only_ours(|error| error == PacketError::ReservedName),
    },
    Agreed {
        reason: "an id is an i64: an event with a longer one counts as one without, an acknowledgement is refused",
        applies: |compared| {
            let digits = compared.behind_namespace().trim_start_matches('0');
            digits.bytes().take_while(u8::is_ascii_digit).count() > 18
        },
    },
    Agreed {
        reason: "an id ends at a bracket only, so that white space before the payload makes it none",
        applies: |compared| {
            let behind = compared.behind_namespace();
            let rest = behind.trim_start_matches(|c: char| c.is_ascii_digit());
            rest.len() < behind.len() && rest.starts_with([' ', '\t', '\n', '\r'])
        },
    },
    Agreed {
        reason: "JSON is read up to the end of the array; what is left behind it is not looked at",
        applies: |compared| compared.only_ours(|error| matches!(error, PacketError::Trailing(_))),
    },
    Agreed {
        reason: "the name of an event and the first key of an object are borrowed from the text, so that those with an \
                 escape in them are refused",
        applies: |compared| compared.only_theirs() && compared.text.contains('\\'),
    },
    Agreed {
        reason: "a binary packet may announce no attachment, and is a packet then",
        applies: |compared| compared.only_ours(|error| error == PacketError::NoAttachments),
    },
    Agreed {
        reason: "the JSON of a binary packet is read when its attachments are there",
        applies: |compared| compared.is_binary() && compared.only_ours(|_| *compared.theirs == Outcome::Wait),
    },
    Agreed {
        reason: "attachments are put in in the order in which they came, whatever number a placeholder has, and only \
                 where the first members are `_placeholder` and `num`",
        applies: |compared| {
            compared.is_binary()
                && (compared.text.contains("\"_placeholder\"") || compared.text.contains('\\'))
        },
    },
];

/// Runs the target.
pub fn run(data: &[u8]) {
    match data {
        [b's', frames @ ..] => connection(frames),
        [b'p', body @ ..] => payload(body),
        _ => {}
    }
}

fn connection(data: &[u8]) {
    let config = ParseConfig {
        max_incoming_binaries: DEFAULT_MAX_ATTACHMENTS,
        ..ParseConfig::default()
    };
    let mut state = ParserState::default();
    let mut decoder = Decoder::default();
    let mut header = "";
    for frame in read(data) {
        let (ours, theirs, error) = match frame {
            Frame::Text(text) => {
                header = text;
                let ours = decoder.decode_text(text);
                let theirs = CommonParser.decode_str(&config, &state, text.to_owned().into());
                (told(&ours), theirs, ours.err())
            }
            Frame::Binary(data) => {
                let theirs = CommonParser.decode_bin(&config, &state, data.clone());
                let ours = decoder.decode_binary(data);
                (told(&ours), theirs, ours.err())
            }
            Frame::Reset => {
                decoder.reset();
                state = ParserState::default();
                continue;
            }
        };
        let theirs = match theirs {
            Ok(packet) => packet_of(packet).map_or_else(Outcome::Refused, Outcome::Packet),
            Err(ParseError::NeedsMoreBinaryData) => Outcome::Wait,
            Err(error) => Outcome::Refused(error.to_string()),
        };
        let same = match (&ours, &theirs) {
            (Outcome::Refused(_), Outcome::Refused(_)) => true,
            (ours, theirs) => ours == theirs,
        };
        let compared = Compared {
            text: header,
            ours: &ours,
            theirs: &theirs,
            error,
        };
        let is_agreed = || AGREED.iter().any(|agreed| (agreed.applies)(&compared));
        if !same && !is_agreed() {
            let reasons: Vec<&str> = AGREED.iter().map(|agreed| agreed.reason).collect();
            panic!(
                "{header:?}\n  reference    {ours:?}\n  socketioxide {theirs:?}\nis none of: {}",
                reasons.join("; ")
            );
        }
        if !same || matches!(ours, Outcome::Refused(_)) {
            return;
        }
    }
}

fn told(decoded: &Result<Option<Packet<'_>>, PacketError>) -> Outcome {
    match decoded {
        Ok(Some(packet)) => value_of(packet).map_or(
            // A number or depth that serde_json does not read: it refuses the packet there.
            Outcome::Refused("serde_json has no such value".to_owned()),
            Outcome::Packet,
        ),
        Ok(None) => Outcome::Wait,
        Err(error) => Outcome::Refused(error.to_string()),
    }
}

/// A packet of the reference as a value; `None` where serde_json cannot read its JSON.
fn value_of(packet: &Packet<'_>) -> Option<Value> {
    // Also for the depth of the whole, which serde_json limits.
    packet.payload().map_or(Some(Value::Null), parsed)?;
    let (word, data) = match packet.packet_type() {
        PacketType::Connect => ("connect", packet.payload().map(parsed)),
        PacketType::ConnectError => ("connect_error", packet.payload().map(parsed)),
        PacketType::Disconnect => ("disconnect", None),
        PacketType::Event => (
            "event",
            Some(list(Some(packet.name_literal()), &packet.arguments())),
        ),
        PacketType::Ack => ("ack", Some(list(None, &packet.arguments()))),
    };
    let data = match data {
        Some(data) => data?,
        None => Value::Null,
    };
    // The id of anything else says nothing.
    let answered = matches!(packet.packet_type(), PacketType::Event | PacketType::Ack);
    let id = packet.id().filter(|_| answered).map(ToString::to_string);
    Some(json!([word, packet.namespace(), id, data]))
}

fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn list(name: Option<&str>, arguments: &Arguments) -> Option<Value> {
    let mut next = 0;
    let values = arguments.iter().map(|text| {
        let mut value = parsed(text)?;
        if !arguments.attachments().is_empty() {
            put_in(&mut value, arguments.attachments(), &mut next);
        }
        Some(value)
    });
    name.map(parsed).into_iter().chain(values).collect()
}

/// Puts the attachments in place of their placeholders, which the reference has numbered in order and written in full.
fn put_in(value: &mut Value, attachments: &[Bytes], next: &mut usize) {
    if *value == json!({ "_placeholder": true, "num": *next }) {
        *value = attachment(&attachments[*next]);
        *next += 1;
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| put_in(item, attachments, next)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|item| put_in(item, attachments, next)),
        _ => {}
    }
}

fn attachment(data: &[u8]) -> Value {
    json!({ "bytes": data })
}

/// A packet of socketioxide as a value, with its data, which it decodes when a handler asks for it.
fn packet_of(packet: socketioxide_core::packet::Packet) -> Result<Value, String> {
    let (word, id, data) = match packet.inner {
        PacketData::Connect(None) => ("connect", None, Value::Null),
        PacketData::Connect(data) => {
            let data: Value = CommonParser
                .decode_default(data.as_ref())
                .map_err(|error| error.to_string())?;
            ("connect", None, data)
        }
        PacketData::Disconnect => ("disconnect", None, Value::Null),
        PacketData::Event(data, id) | PacketData::BinaryEvent(data, id) => {
            let name = CommonParser
                .read_event(&data)
                .map_err(|error| error.to_string())?;
            let mut list = vec![json!(name)];
            list.append(&mut values(data, true)?);
            ("event", id, Value::Array(list))
        }
        PacketData::EventAck(data, id) | PacketData::BinaryAck(data, id) => {
            ("ack", Some(id), Value::Array(values(data, false)?))
        }
        PacketData::ConnectError(message) => ("connect_error", None, json!(message)),
    };
    Ok(json!([
        word,
        packet.ns.as_str(),
        id.map(|id| id.to_string()),
        data
    ]))
}

fn values(mut data: Payload, with_event: bool) -> Result<Vec<Value>, String> {
    let elements: Elements = CommonParser
        .decode_value(&mut data, with_event)
        .map_err(|error| error.to_string())?;
    Ok(elements.0.iter().map(tell).collect())
}

/// Any arguments: socketioxide spreads what is deserialized as a tuple.
struct Elements(Vec<rmpv::Value>);

impl<'de> Deserialize<'de> for Elements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Elements;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of arguments")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Elements, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = sequence.next_element()? {
                    values.push(value);
                }
                Ok(Elements(values))
            }
        }

        // JSON does not need the length, which is not known yet.
        deserializer.deserialize_tuple(0, Collect)
    }
}

fn tell(value: &rmpv::Value) -> Value {
    match value {
        rmpv::Value::Nil => Value::Null,
        rmpv::Value::Boolean(value) => json!(value),
        rmpv::Value::Integer(value) => value
            .as_u64()
            .map_or_else(|| json!(value.as_i64()), |value| json!(value)),
        rmpv::Value::F32(value) => json!(value),
        rmpv::Value::F64(value) => json!(value),
        rmpv::Value::String(text) => json!(text.as_str()),
        rmpv::Value::Binary(data) | rmpv::Value::Ext(_, data) => attachment(data),
        rmpv::Value::Array(items) => items.iter().map(tell).collect(),
        rmpv::Value::Map(pairs) => {
            let pairs = pairs
                .iter()
                .map(|(key, item)| (key.as_str().unwrap_or_default().to_owned(), tell(item)));
            Value::Object(pairs.collect())
        }
    }
}

fn payload(body: &[u8]) {
    let Ok(body) = std::str::from_utf8(body) else {
        return;
    };
    // Their decoder of payloads is a stream; it takes apart at the separator and parses each part like this.
    for (ours, part) in decode_payload(body).zip(body.split('\u{1e}')) {
        let theirs = EnginePacketOfTheirs::parse(ProtocolVersion::V4, part.to_owned());
        same_engine_packet(part, ours.ok(), theirs.ok());
    }
}

fn same_engine_packet(text: &str, ours: Option<EnginePacket<'_>>, theirs: Option<EnginePacketOfTheirs>) {
    use EnginePacketOfTheirs as Theirs;
    let same = match (&ours, &theirs) {
        (None, None) => true,
        (Some(EnginePacket::Binary(ours)), Some(Theirs::Binary(theirs))) => ours == theirs,
        (Some(EnginePacket::Text(kind, data)), Some(theirs)) => match (kind, theirs) {
            (EnginePacketType::Message, Theirs::Message(text)) => *data == text.as_str(),
            // Agreed: what such a packet carries is dropped.
            (EnginePacketType::Ping, Theirs::Ping) | (EnginePacketType::Pong, Theirs::Pong) => {
                *data != "probe"
            }
            (EnginePacketType::Close, Theirs::Close)
            | (EnginePacketType::Upgrade, Theirs::Upgrade)
            | (EnginePacketType::Noop, Theirs::Noop) => true,
            (EnginePacketType::Ping, Theirs::PingUpgrade) | (EnginePacketType::Pong, Theirs::PongUpgrade) => {
                *data == "probe"
            }
            _ => false,
        },
        // Agreed: an open packet comes from a server, and engineioxide, which is one, reads none.
        (Some(EnginePacket::Text(EnginePacketType::Open, _)), None) => true,
        _ => false,
    };
    assert!(
        same,
        "{text:?}\n  reference    {ours:?}\n  engineioxide {theirs:?}"
    );
}

#[cfg(test)]
mod tests {
    use std::{fs, panic::catch_unwind, path::Path};

    use super::*;
    use crate::targets::seeds::seeds;

    #[test]
    fn nothing_differs_on_the_seeds_and_on_what_broke_once() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions/socketioxide_differential");
        let files = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|file| file.expect("a file").path());
        let regressions = files.map(|path| fs::read(path).expect("a file that can be read"));
        let inputs: Vec<Vec<u8>> = seeds("socketioxide_differential")
            .into_iter()
            .chain(regressions)
            .collect();
        assert!(inputs.len() > 300, "only {} inputs", inputs.len());
        let differ = |input: &&Vec<u8>| catch_unwind(|| run(input)).is_err();
        let found: Vec<String> = inputs
            .iter()
            .filter(differ)
            .map(|input| input.escape_ascii().to_string())
            .collect();
        assert!(found.is_empty(), "{found:#?}");
    }
}
