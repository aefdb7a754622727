//! The reference's decoders against those of socketioxide. The first byte of the input selects what is decoded: `s`
//! Socket.IO messages, read as `targets::frames` says; `e` one Engine.IO packet; `p` a payload.
//!
//! Both must accept and refuse the same, and give the same packets. Where they may differ is the list [`AGREED`], each
//! with its reason; a difference that is not in it is a finding. After the first difference of a connection, agreed or
//! not, and after the first error, nothing is compared any more: the two decoders are no longer at the same point.

use std::fmt;

use bytes::Bytes;
use engineioxide_core::{Packet as EnginePacketOfTheirs, ProtocolVersion};
use reference_impl::codec::{
    Arguments, DEFAULT_MAX_ATTACHMENTS, Decoder, EnginePacket, EnginePacketType, Packet, PacketError, PacketType,
    decode_payload,
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
    /// The text of the packet, also where the frame is its last attachment.
    text: &'a str,
    ours: &'a Outcome,
    theirs: &'a Outcome,
    /// Why ours refused, if it did.
    error: Option<PacketError>,
}

/// A difference that both sides have a reason for.
struct Agreed {
    #[expect(dead_code, reason = "for those who read the list")]
    reason: &'static str,
    applies: fn(&Compared<'_>) -> bool,
}

/// Where the two may differ.
const AGREED: &[Agreed] = &[
    Agreed {
        reason: "socketioxide decodes for a server only, to which nobody sends a CONNECT_ERROR.",
        applies: |compared| compared.text.starts_with('4'),
    },
    Agreed {
        reason: "An id is an i64 there, and an event whose id is none counts as one without.",
        applies: |compared| compared.text.bytes().filter(u8::is_ascii_digit).count() > 18,
    },
    Agreed {
        reason: "The id ends there only at a bracket: white space before the payload takes it away.",
        applies: |compared| {
            let digits = compared.text[1..].trim_start_matches(|c| c != ',');
            let digits = digits.strip_prefix(',').unwrap_or(&compared.text[1..]);
            let behind = digits.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
            behind.len() < digits.len() && behind.starts_with([' ', '\t', '\n', '\r'])
        },
    },
];

/// Runs the target.
pub fn run(data: &[u8]) {
    match data {
        [b's', frames @ ..] => connection(frames),
        [b'e', text @ ..] => packet(text),
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
        let compared = Compared { text: header, ours: &ours, theirs: &theirs, error };
        if !same && !AGREED.iter().any(|agreed| (agreed.applies)(&compared)) {
            panic!("{header:?}\n  reference    {ours:?}\n  socketioxide {theirs:?}");
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
    let (word, data) = match packet.packet_type() {
        PacketType::Connect => ("connect", packet.payload().map(parsed)),
        PacketType::ConnectError => ("connect_error", packet.payload().map(parsed)),
        PacketType::Disconnect => ("disconnect", None),
        PacketType::Event => ("event", Some(list(Some(packet.name_literal()), &packet.arguments()))),
        PacketType::Ack => ("ack", Some(list(None, &packet.arguments()))),
    };
    let data = match data {
        Some(data) => data?,
        None => Value::Null,
    };
    let id = packet.id().map(ToString::to_string);
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
        Value::Object(members) => members.values_mut().for_each(|item| put_in(item, attachments, next)),
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
            let data: Value = CommonParser.decode_default(data.as_ref()).map_err(|error| error.to_string())?;
            ("connect", None, data)
        }
        PacketData::Disconnect => ("disconnect", None, Value::Null),
        PacketData::Event(data, id) | PacketData::BinaryEvent(data, id) => {
            let name = CommonParser.read_event(&data).map_err(|error| error.to_string())?;
            let mut list = vec![json!(name)];
            list.append(&mut values(data, true)?);
            ("event", id, Value::Array(list))
        }
        PacketData::EventAck(data, id) | PacketData::BinaryAck(data, id) => {
            ("ack", Some(id), Value::Array(values(data, false)?))
        }
        PacketData::ConnectError(message) => ("connect_error", None, json!(message)),
    };
    Ok(json!([word, packet.ns.as_str(), id.map(|id| id.to_string()), data]))
}

fn values(mut data: Payload, with_event: bool) -> Result<Vec<Value>, String> {
    let elements: Elements =
        CommonParser.decode_value(&mut data, with_event).map_err(|error| error.to_string())?;
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
        rmpv::Value::Integer(value) => value.as_u64().map_or_else(|| json!(value.as_i64()), |value| json!(value)),
        rmpv::Value::F32(value) => json!(value),
        rmpv::Value::F64(value) => json!(value),
        rmpv::Value::String(text) => json!(text.as_str()),
        rmpv::Value::Binary(data) | rmpv::Value::Ext(_, data) => attachment(data),
        rmpv::Value::Array(items) => items.iter().map(tell).collect(),
        rmpv::Value::Map(pairs) => {
            let pairs = pairs.iter().map(|(key, item)| (key.as_str().unwrap_or_default().to_owned(), tell(item)));
            Value::Object(pairs.collect())
        }
    }
}

fn packet(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let ours = EnginePacket::decode_frame(text);
    let theirs = EnginePacketOfTheirs::parse(ProtocolVersion::V4, text.to_owned());
    same_engine_packet(text, ours.ok(), theirs.ok());
}

fn payload(body: &[u8]) {
    let Ok(body) = std::str::from_utf8(body) else { return };
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
            (EnginePacketType::Ping, Theirs::Ping)
            | (EnginePacketType::Pong, Theirs::Pong)
            | (EnginePacketType::Close, Theirs::Close)
            | (EnginePacketType::Upgrade, Theirs::Upgrade)
            | (EnginePacketType::Noop, Theirs::Noop) => data.is_empty(),
            (EnginePacketType::Ping, Theirs::PingUpgrade) | (EnginePacketType::Pong, Theirs::PongUpgrade) => {
                *data == "probe"
            }
            _ => false,
        },
        // Agreed: an open packet comes from a server, and engineioxide, which is one, reads none.
        (Some(EnginePacket::Text(EnginePacketType::Open, _)), None) => true,
        _ => false,
    };
    assert!(same, "{text:?}\n  reference    {ours:?}\n  engineioxide {theirs:?}");
}

#[cfg(test)]
mod tests {
    use std::{fs, panic::catch_unwind, path::Path};

    use super::*;
    use crate::targets::seeds::seeds;

    #[test]
    fn nothing_differs_on_the_seeds_and_on_what_broke_once() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions/socketioxide_differential");
        let files = fs::read_dir(folder).into_iter().flatten().map(|file| file.expect("a file").path());
        let regressions = files.map(|path| fs::read(path).expect("a file that can be read"));
        let inputs: Vec<Vec<u8>> = seeds("socketioxide_differential").into_iter().chain(regressions).collect();
        assert!(inputs.len() > 300, "only {} inputs", inputs.len());
        let differ = |input: &&Vec<u8>| catch_unwind(|| run(input)).is_err();
        let found: Vec<String> = inputs.iter().filter(differ).map(|input| input.escape_ascii().to_string()).collect();
        assert!(found.is_empty(), "{found:#?}");
    }
}
