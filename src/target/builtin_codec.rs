//! The codec of the reference, asked in this process as a driver would be.

use super::codec::Batch;
use super::driver::mended;
use crate::suite::{Codec, Frame, Outcome};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use reference_impl::codec::{
    AckId, Arguments, Decoder, EnginePacket, EnginePacketType, Packet, PacketError, PacketType, Piece,
    decode_payload, encode_ack, encode_connect, encode_connect_error, encode_disconnect, encode_event,
    encode_payload,
};
use serde_json::{Value, json};

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
    match codec {
        Codec::EnginePacket => frames.iter().map(decode_engine).collect(),
        Codec::EnginePayload => decode_body(frames),
        Codec::SocketPacket => decode_socket(frames, without_data),
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

fn decode_engine(frame: &Frame) -> Outcome {
    match frame {
        Frame::Binary(data) => engine_outcome(&EnginePacket::Binary(data.clone().into())),
        Frame::Text(text) => match EnginePacket::decode_frame(text) {
            Ok(packet) => engine_outcome(&packet),
            Err(error) => Outcome::Error(error.to_string()),
        },
        Frame::Reset | Frame::Odd(_) => odd(),
    }
}

fn odd() -> Outcome {
    Outcome::Unsupported("the reference takes text and bytes only".to_owned())
}

fn decode_body(frames: &[Frame]) -> Vec<Outcome> {
    let Some(Frame::Text(body)) = frames.first() else {
        return vec![Outcome::Unsupported("the reference takes text only".to_owned())];
    };
    let outcome = |packet: Result<EnginePacket<'_>, _>| match packet {
        Ok(packet) => engine_outcome(&packet),
        Err(error) => {
            let error: reference_impl::codec::EngineDecodeError = error;
            Outcome::Error(error.to_string())
        }
    };
    decode_payload(body).map(outcome).collect()
}

fn engine_outcome(packet: &EnginePacket<'_>) -> Outcome {
    Outcome::Packet(match packet {
        EnginePacket::Text(packet_type, data) => {
            let named = ENGINE_TYPES.iter().find(|(known, _)| known == packet_type);
            json!({ "type": named.map_or("", |(_, name)| name), "data": data })
        }
        EnginePacket::Binary(data) => {
            json!({ "type": "message", "data": { "$binary": STANDARD.encode(data) } })
        }
    })
}

fn decode_socket(frames: &[Frame], without_data: bool) -> Vec<Outcome> {
    let mut decoder = Decoder::default();
    let mut outcomes = Vec::with_capacity(frames.len());
    for frame in frames {
        outcomes.push(match frame {
            Frame::Reset => {
                decoder.reset();
                continue;
            }
            Frame::Binary(data) => taken(decoder.decode_binary(data.clone().into()), without_data),
            Frame::Text(text) => taken(decoder.decode_text(text), without_data),
            Frame::Odd(_) => odd(),
        });
    }
    outcomes
}

fn taken(decoded: Result<Option<Packet<'_>>, PacketError>, without_data: bool) -> Outcome {
    match decoded {
        Ok(Some(packet)) => Outcome::Packet(socket_packet(&packet, without_data)),
        Ok(None) => Outcome::Wait,
        Err(error) => Outcome::Error(error.to_string()),
    }
}

fn socket_packet(packet: &Packet<'_>, without_data: bool) -> Value {
    let name = match packet.packet_type() {
        PacketType::Connect => "connect",
        PacketType::Disconnect => "disconnect",
        PacketType::Event => "event",
        PacketType::Ack => "ack",
        PacketType::ConnectError => "connect_error",
    };
    let mut value = json!({ "type": name, "nsp": packet.namespace() });
    if let Some(id) = packet.id() {
        value["id"] = json!({ "$number": id.to_string() });
    }
    let data = match packet.packet_type() {
        _ if without_data => None,
        PacketType::Event => Some(list(Some(packet.name_literal()), &packet.arguments())),
        PacketType::Ack => Some(list(None, &packet.arguments())),
        _ => packet.payload().map(tree),
    };
    if let Some(data) = data {
        value["data"] = data;
    }
    value
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
