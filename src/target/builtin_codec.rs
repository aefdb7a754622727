//! The codec of the reference, asked in this process as a driver would be.

use super::builtin_seen::{Seen, SeenPacket, SeenValue};
use super::codec::Batch;
use super::driver::mended;
use crate::suite::{Codec, Frame, Outcome};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use reference_impl::codec::{
    AckId, Arguments, Decoder, EngineDecodeError, EnginePacket, EnginePacketType, Packet, PacketType, Piece,
    decode_payload, encode_ack, encode_connect, encode_connect_error, encode_disconnect, encode_event,
    encode_payload,
};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The types of Engine.IO packets with their names.
const ENGINE_TYPES: [(EnginePacketType, &str); 7] = [
    (EnginePacketType::Open, "open"),
    (EnginePacketType::Close, "close"),
    (EnginePacketType::Ping, "ping"),
    (EnginePacketType::Pong, "pong"),
    (EnginePacketType::Message, "message"),
    (EnginePacketType::Upgrade, "upgrade"),
    (EnginePacketType::Noop, "noop"),
];

/// The outcomes of each input.
pub(super) fn answer(batch: &Batch) -> Vec<Vec<Outcome>> {
    let one = |input: &Value| {
        let frames: Vec<Frame> = match batch.encode {
            true => Vec::new(),
            false => input.as_array().into_iter().flatten().map(frame).collect(),
        };
        let work = || match batch.encode {
            true => vec![encoded(batch.codec, input)],
            false => decoded(batch.codec, &frames, batch.without_data),
        };
        let mut outcomes = work();
        for _ in 1..batch.repeat {
            outcomes = work();
        }
        outcomes
    };
    batch.inputs.iter().map(one).collect()
}

/// What the reference makes of a packet.
pub fn encoded(codec: Codec, packet: &Value) -> Outcome {
    encode(codec, packet).map_or_else(Outcome::Unsupported, Outcome::Frames)
}

/// What the reference makes of frames that are given to one decoder.
pub fn decoded(codec: Codec, frames: &[Frame], without_data: bool) -> Vec<Outcome> {
    let outcome = |seen: &Seen<'_>| seen.outcome(without_data);
    decided(codec, frames).iter().map(outcome).collect()
}

/// The same, where no value is made before somebody asks for it.
pub fn decided(codec: Codec, frames: &[Frame]) -> Vec<Seen<'_>> {
    match codec {
        Codec::EnginePacket => frames.iter().map(decode_engine).collect(),
        Codec::EnginePayload => decode_body(frames),
        Codec::SocketPacket => decode_socket(frames),
    }
}

/// A frame as a request has it.
fn frame(value: &Value) -> Frame {
    match value {
        Value::String(text) => Frame::Text(text.clone()),
        _ if value.get("$reset").is_some() => Frame::Reset,
        _ => binary(value).map_or_else(
            || Frame::Odd(value.to_string()),
            |data| Frame::Binary(data.to_vec()),
        ),
    }
}

/// The frames of a packet.
///
/// # Errors
/// Why the reference has no such packet.
pub(super) fn encode(codec: Codec, input: &Value) -> Result<Vec<Frame>, String> {
    match codec {
        Codec::EnginePacket => Ok(vec![match engine_packet(input)? {
            EnginePacket::Text(packet_type, data) => Frame::Text(format!("{}{data}", packet_type.digit())),
            EnginePacket::Binary(data) => Frame::Binary(data.to_vec()),
        }]),
        Codec::EnginePayload => {
            let packets = input.as_array().ok_or("a payload is a list of packets")?;
            let packets = packets.iter().map(engine_packet).collect::<Result<Vec<_>, _>>()?;
            Ok(vec![Frame::Text(encode_payload(packets))])
        }
        Codec::SocketPacket => encode_socket(input),
    }
}

fn engine_packet(packet: &Value) -> Result<EnginePacket<'_>, String> {
    if let Some(bytes) = binary(&packet["data"]) {
        return Ok(EnginePacket::Binary(bytes));
    }
    let word = packet["type"].as_str().unwrap_or_default();
    let (packet_type, _) = ENGINE_TYPES
        .iter()
        .find(|(_, name)| *name == word)
        .ok_or_else(|| format!("there is no packet type `{word}`"))?;
    match &packet["data"] {
        Value::Null => Ok(EnginePacket::Text(*packet_type, "")),
        Value::String(text) => Ok(EnginePacket::Text(*packet_type, text)),
        _ => Err("data is neither text nor bytes".to_owned()),
    }
}

fn encode_socket(packet: &Value) -> Result<Vec<Frame>, String> {
    let namespace = packet["nsp"].as_str().unwrap_or("/");
    let data = &packet["data"];
    let id = match &packet["id"] {
        Value::Null => None,
        id => Some(AckId::from(id.as_u64().ok_or("an id is a number")?)),
    };
    let json = || (!data.is_null() && plain(data)).then(|| data.to_string());
    let text = match packet["type"].as_str().unwrap_or_default() {
        "connect" => encode_connect(namespace, json().as_deref()),
        "disconnect" => encode_disconnect(namespace),
        "connect_error" => encode_connect_error(namespace, &json().ok_or("it needs data")?),
        "event" => {
            let (name, values) = data
                .as_array()
                .and_then(|data| data.split_first())
                .ok_or("an event is a list with a name")?;
            let name = name.as_str().ok_or("the name of an event is a text")?;
            return Ok(frames(encode_event(
                namespace,
                id.as_ref(),
                name,
                &arguments(values)?,
            )));
        }
        "ack" => {
            let values = data.as_array().ok_or("an acknowledgement is a list")?;
            let id = id.ok_or("an acknowledgement has an id")?;
            return Ok(frames(encode_ack(namespace, &id, &arguments(values)?)));
        }
        other => return Err(format!("there is no packet type `{other}`")),
    };
    Ok(vec![Frame::Text(text)])
}

fn frames(encoded: reference_impl::codec::Encoded) -> Vec<Frame> {
    let text = [Frame::Text(encoded.text)];
    let attachments = encoded
        .attachments
        .iter()
        .map(|data| Frame::Binary(data.to_vec()));
    text.into_iter().chain(attachments).collect()
}

fn arguments(values: &[Value]) -> Result<Arguments, String> {
    let mut arguments = Arguments::new();
    for value in values {
        if plain(value) {
            arguments.push_json(json_of(value)?);
            continue;
        }
        let mut pieces = Vec::new();
        take_apart(value, &mut pieces)?;
        arguments.push_pieces(pieces.iter().map(|piece| match piece {
            Ok(json) => Piece::Json(json),
            Err(data) => Piece::Binary(data.clone()),
        }));
    }
    Ok(arguments)
}

fn json_of(value: &Value) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}

/// The JSON text of a value, with its binary parts between.
fn take_apart(value: &Value, pieces: &mut Vec<Result<String, Bytes>>) -> Result<(), String> {
    if plain(value) {
        pieces.push(Ok(json_of(value)?));
    } else if let Some(data) = binary(value) {
        pieces.push(Err(data));
    } else if let Value::Array(items) = value {
        for (index, item) in items.iter().enumerate() {
            pieces.push(Ok(if index == 0 { "[" } else { "," }.to_owned()));
            take_apart(item, pieces)?;
        }
        pieces.push(Ok("]".to_owned()));
    } else if let Some(members) = value.as_object().filter(|members| !is_special(members)) {
        for (index, (key, item)) in members.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            pieces.push(Ok(format!("{before}{}:", Value::String(key.clone()))));
            take_apart(item, pieces)?;
        }
        pieces.push(Ok("}".to_owned()));
    } else {
        return Err(format!("the reference has no such value: {value}"));
    }
    Ok(())
}

/// Whether a value is JSON as it stands.
fn plain(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(plain),
        Value::Object(members) => !is_special(members) && members.values().all(plain),
        _ => true,
    }
}

fn is_special(members: &serde_json::Map<String, Value>) -> bool {
    ["$binary", "$number", "$special"]
        .iter()
        .any(|key| members.contains_key(*key))
}

fn binary(value: &Value) -> Option<Bytes> {
    let encoded = value.get("$binary")?.as_str()?;
    STANDARD.decode(encoded).ok().map(Bytes::from)
}

fn decode_engine(frame: &Frame) -> Seen<'_> {
    match frame {
        Frame::Binary(data) => see_engine(Ok(EnginePacket::Binary(data.clone().into()))),
        Frame::Text(text) => see_engine(EnginePacket::decode_frame(text)),
        Frame::Reset | Frame::Odd(_) => Seen::Unsupported("the reference takes text and bytes only".into()),
    }
}

fn decode_body(frames: &[Frame]) -> Vec<Seen<'_>> {
    match frames.first() {
        Some(Frame::Text(body)) => decode_payload(body).map(see_engine).collect(),
        _ => vec![Seen::Unsupported("the reference takes text only".into())],
    }
}

fn see_engine(packet: Result<EnginePacket<'_>, EngineDecodeError>) -> Seen<'_> {
    let (word, data) = match packet {
        Err(error) => return Seen::Error(error.to_string().into()),
        Ok(EnginePacket::Text(packet_type, data)) => (engine_word(packet_type), SeenValue::Text(data)),
        Ok(EnginePacket::Binary(data)) => {
            let data = json!({ "$binary": STANDARD.encode(data) });
            ("message", SeenValue::Value(Cow::Owned(data)))
        }
    };
    Seen::Packet(SeenPacket {
        word: word.into(),
        nsp: Cow::Borrowed(""),
        id: SeenValue::Nothing,
        data,
    })
}

/// What a type of Engine.IO packets is called.
pub(super) fn engine_word(packet_type: EnginePacketType) -> &'static str {
    let named = ENGINE_TYPES.iter().find(|(known, _)| *known == packet_type);
    named.map_or("", |(_, word)| word)
}

fn decode_socket(frames: &[Frame]) -> Vec<Seen<'_>> {
    let mut decoder = Decoder::default();
    let mut outcomes = Vec::with_capacity(frames.len());
    for frame in frames {
        let decoded = match frame {
            Frame::Reset => {
                decoder.reset();
                continue;
            }
            Frame::Binary(data) => decoder.decode_binary(data.clone().into()),
            Frame::Text(text) => decoder.decode_text(text),
            Frame::Odd(_) => {
                outcomes.push(decode_engine(frame));
                continue;
            }
        };
        outcomes.push(match decoded {
            Ok(Some(packet)) => Seen::Packet(see_socket(packet)),
            Ok(None) => Seen::Wait,
            Err(error) => Seen::Error(error.to_string().into()),
        });
    }
    outcomes
}

fn see_socket(packet: Packet<'_>) -> SeenPacket<'_> {
    let nsp = match packet.namespace() {
        "/" => Cow::Borrowed("/"),
        nsp => Cow::Owned(nsp.to_owned()),
    };
    SeenPacket {
        word: socket_word(packet.packet_type()).into(),
        nsp,
        id: packet
            .id()
            .map_or(SeenValue::Nothing, |id| SeenValue::Digits(id.to_string())),
        data: SeenValue::Payload(Box::new(packet)),
    }
}

/// What a type of Socket.IO packets is called.
fn socket_word(packet_type: PacketType) -> &'static str {
    match packet_type {
        PacketType::Connect => "connect",
        PacketType::Disconnect => "disconnect",
        PacketType::Event => "event",
        PacketType::Ack => "ack",
        PacketType::ConnectError => "connect_error",
    }
}

/// The payload of a packet as a value.
pub(super) fn payload(packet: &Packet<'_>) -> Value {
    match packet.packet_type() {
        PacketType::Event => list(Some(packet.name_literal()), &packet.arguments()),
        PacketType::Ack => list(None, &packet.arguments()),
        _ => packet.payload().map_or(Value::Null, tree),
    }
}

/// Arguments as a list, with their binary values in place.
fn list(name: Option<&str>, arguments: &Arguments) -> Value {
    let name = name.map(tree);
    let values = arguments.iter().map(|text| {
        let mut value = tree(text);
        fill(&mut value, arguments.attachments());
        value
    });
    Value::Array(name.into_iter().chain(values).collect())
}

/// JSON text as a value; what cannot be one, such as `1e400`, stays text.
fn tree(text: &str) -> Value {
    serde_json::from_str(&mended(text)).unwrap_or_else(|_| json!({ "$json": text }))
}

fn fill(value: &mut Value, attachments: &[Bytes]) {
    if value["_placeholder"] == json!(true) && !attachments.is_empty() {
        let num = value["num"].as_u64().and_then(|num| usize::try_from(num).ok());
        if let Some(data) = num.and_then(|num| attachments.get(num)) {
            *value = json!({ "$binary": STANDARD.encode(data) });
            return;
        }
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, attachments)),
        Value::Object(members) => members.values_mut().for_each(|item| fill(item, attachments)),
        _ => {}
    }
}
