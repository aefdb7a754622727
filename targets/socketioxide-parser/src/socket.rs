//! Packets of Socket.IO, by socketioxide-parser-common.

use crate::args::Args;
use crate::values::{binary, revive, tell, tell_binary};
use serde_json::{Value, json};
use socketioxide_core::Value as Payload;
use socketioxide_core::packet::{Packet, PacketData};
use socketioxide_core::parser::{Parse, ParseConfig, ParseError, ParserState};
use socketioxide_parser_common::CommonParser;

/// The outcome of each frame, on one connection.
pub fn decode(frames: &Value, with_data: bool) -> Vec<Value> {
    let config = ParseConfig::default();
    let mut state = ParserState::default();
    let mut outcomes = Vec::new();
    for frame in frames.as_array().map(Vec::as_slice).unwrap_or_default() {
        let decoded = if frame.get("$reset").is_some() {
            // Every connection has a state of its own.
            state = ParserState::default();
            continue;
        } else if let Some(bytes) = binary(frame) {
            CommonParser.decode_bin(&config, &state, bytes)
        } else if frame.as_str().is_some_and(|text| text.starts_with('4')) {
            outcomes.push(json!({ "unsupported": "a server decodes no CONNECT_ERROR" }));
            continue;
        } else if let Some(text) = frame.as_str() {
            CommonParser.decode_str(&config, &state, text.to_owned().into())
        } else {
            outcomes.push(json!({ "unsupported": "Rust has text and bytes only" }));
            continue;
        };
        outcomes.push(match decoded {
            Ok(packet) => match tell_packet(packet, with_data) {
                Ok(packet) => json!({ "packet": packet }),
                Err(error) => json!({ "error": error }),
            },
            Err(ParseError::NeedsMoreBinaryData) => json!({ "wait": true }),
            Err(error) => json!({ "error": error.to_string() }),
        });
    }
    outcomes
}

/// A packet with its data, which the library decodes when a handler asks for it; an error there refuses the packet.
fn tell_packet(packet: Packet, with_data: bool) -> Result<Value, String> {
    let nsp = packet.ns.as_str().to_owned();
    let (word, id, data) = match packet.inner {
        PacketData::Connect(data) => ("connect", None, connect_data(data)?),
        PacketData::Disconnect => ("disconnect", None, None),
        PacketData::Event(data, id) | PacketData::BinaryEvent(data, id) => ("event", id, Some(event_data(data)?)),
        PacketData::EventAck(data, id) | PacketData::BinaryAck(data, id) => {
            ("ack", Some(id), Some(Value::Array(values(data, false)?)))
        }
        PacketData::ConnectError(message) => ("connect_error", None, Some(json!(message))),
    };
    let mut told = json!({ "type": word, "nsp": nsp });
    if let Some(id) = id {
        told["id"] = json!(id);
    }
    if let Some(data) = data.filter(|_| with_data) {
        told["data"] = data;
    }
    Ok(told)
}

/// The payload of a CONNECT, as an extractor for any value gets it.
fn connect_data(data: Option<Payload>) -> Result<Option<Value>, String> {
    if data.is_none() {
        return Ok(None);
    }
    let value: rmpv::Value = CommonParser
        .decode_default(data.as_ref())
        .map_err(|error| error.to_string())?;
    Ok(Some(tell(&value)))
}

fn event_data(data: Payload) -> Result<Value, String> {
    let event = CommonParser.read_event(&data).map_err(|error| error.to_string())?;
    let mut list = vec![json!(event)];
    list.append(&mut values(data, true)?);
    Ok(Value::Array(list))
}

fn values(mut data: Payload, with_event: bool) -> Result<Vec<Value>, String> {
    let args: Args = CommonParser
        .decode_value(&mut data, with_event)
        .map_err(|error| error.to_string())?;
    Ok(args.0.iter().map(tell).collect())
}

/// The frames of a packet.
pub fn encode(packet: &Value) -> Result<Vec<Value>, String> {
    let nsp = packet["nsp"].as_str().unwrap_or("/").to_owned();
    let data = &packet["data"];
    let list = || data.as_array().map(Vec::as_slice).ok_or("data is no list");
    let id = match &packet["id"] {
        Value::Null => None,
        id => Some(id.as_i64().ok_or("an id is a number")?),
    };
    let packet = match packet["type"].as_str().unwrap_or_default() {
        "connect" if data.is_null() => Packet::connect(nsp, None),
        "connect" => {
            let data = CommonParser.encode_default(data).map_err(|error| error.to_string())?;
            Packet::connect(nsp, Some(data))
        }
        "disconnect" => Packet::disconnect(nsp),
        "event" => {
            let (event, arguments) = list()?.split_first().ok_or("an event has a name")?;
            let event = event.as_str().ok_or("the name of an event is a text")?;
            let mut packet = Packet::event(nsp, values_of(arguments, Some(event))?);
            if let Some(id) = id {
                packet.inner.set_ack_id(id);
            }
            packet
        }
        "ack" => Packet::ack(nsp, values_of(list()?, None)?, id.ok_or("an acknowledgement has an id")?),
        "connect_error" => match (&data["message"], data.as_object().map(serde_json::Map::len)) {
            (Value::String(message), Some(1)) => Packet::connect_error(nsp, message.clone()),
            _ => return Err("a CONNECT_ERROR has a message and nothing else".to_owned()),
        },
        other => return Err(format!("there is no {other}")),
    };
    let Payload::Str(text, attachments) = CommonParser.encode(packet) else {
        return Err("the parser gave no text".to_owned());
    };
    let attachments = attachments.unwrap_or_default();
    let frames = std::iter::once(json!(text.as_str()));
    Ok(frames.chain(attachments.iter().map(|bytes| tell_binary(bytes))).collect())
}

fn values_of(arguments: &[Value], event: Option<&str>) -> Result<Payload, String> {
    let arguments = arguments.iter().map(revive).collect::<Result<_, _>>()?;
    CommonParser
        .encode_value(&Args(arguments), event)
        .map_err(|error| error.to_string())
}
