//! Packets and payloads of Engine.IO, by engineioxide-core.

use crate::values::{binary, tell_binary};
use bytes::Bytes;
use engineioxide_core::{Packet, PacketBuf, PacketParseError, ProtocolVersion, payload};
use futures_util::{StreamExt as _, stream};
use http_body_util::Full;
use serde_json::{Value, json};

/// More than any vector needs.
const MAX_PAYLOAD: u64 = 64 << 20;

/// The outcome of each frame.
pub fn decode_packets(frames: &Value) -> Vec<Value> {
    let frames = frames.as_array().map(Vec::as_slice).unwrap_or_default();
    let outcome = |frame: &Value| {
        if let Some(bytes) = binary(frame) {
            return tell(Ok(Packet::Binary(bytes)));
        }
        match frame.as_str() {
            Some(text) => tell(Packet::parse(ProtocolVersion::V4, text.to_owned())),
            None => json!({ "unsupported": "Rust has text and bytes only" }),
        }
    };
    frames.iter().map(outcome).collect()
}

/// The packets of a payload, up to the first error: there the server gives up.
pub fn decode_payload(frames: &Value) -> Vec<Value> {
    let Some(body) = frames[0].as_str() else {
        return vec![json!({ "unsupported": "Rust has text and bytes only" })];
    };
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let packets = payload::decoder(body, None, ProtocolVersion::V4, MAX_PAYLOAD);
    futures_executor::block_on(async {
        let mut packets = std::pin::pin!(packets);
        let mut outcomes = Vec::new();
        while let Some(packet) = packets.next().await {
            let failed = packet.is_err();
            outcomes.push(tell(packet));
            if failed {
                break;
            }
        }
        outcomes
    })
}

/// The frame of a packet in a WebSocket.
pub fn encode_packet(packet: &Value) -> Result<Vec<Value>, String> {
    Ok(vec![match self::packet(packet)? {
        Packet::Binary(bytes) => tell_binary(&bytes),
        packet => json!(String::from(packet)),
    }])
}

/// The payload of some packets.
pub fn encode_payload(packets: &Value) -> Result<Vec<Value>, String> {
    let packets = packets.as_array().map(Vec::as_slice).unwrap_or_default();
    if packets.is_empty() {
        return Err("the encoder waits for the first packet".to_owned());
    }
    let packets = packets.iter().map(packet).collect::<Result<Vec<_>, _>>()?;
    let packets = packets.into_iter().map(|packet| std::iter::once(packet).collect::<PacketBuf>());
    let encoder = payload::encoder(stream::iter(packets), ProtocolVersion::V4, false, MAX_PAYLOAD);
    let encoded = futures_executor::block_on(encoder);
    Ok(vec![json!(String::from_utf8_lossy(&encoded.data))])
}

fn packet(packet: &Value) -> Result<Packet, String> {
    if let Some(bytes) = binary(&packet["data"]) {
        return Ok(Packet::Binary(bytes));
    }
    let data = match &packet["data"] {
        Value::Null => "",
        Value::String(text) => text,
        _ => return Err("data is neither text nor bytes".to_owned()),
    };
    Ok(match (packet["type"].as_str().unwrap_or_default(), data) {
        ("close", "") => Packet::Close,
        ("ping", "") => Packet::Ping,
        ("pong", "") => Packet::Pong,
        ("ping", "probe") => Packet::PingUpgrade,
        ("pong", "probe") => Packet::PongUpgrade,
        ("message", text) => Packet::Message(text.to_owned().into()),
        ("upgrade", "") => Packet::Upgrade,
        ("noop", "") => Packet::Noop,
        ("open", text) => {
            Packet::Open(serde_json::from_str(text).map_err(|error| format!("no such handshake: {error}"))?)
        }
        (word, _) => return Err(format!("engineioxide has no {word} with data")),
    })
}

fn tell(packet: Result<Packet, PacketParseError>) -> Value {
    let packet = match packet {
        Ok(packet) => packet,
        Err(error) => return json!({ "error": error.to_string() }),
    };
    let (word, data) = match packet {
        Packet::Open(open) => ("open", json!(serde_json::to_string(&open).unwrap_or_default())),
        Packet::Close => ("close", Value::Null),
        Packet::Ping => ("ping", Value::Null),
        Packet::Pong => ("pong", Value::Null),
        Packet::PingUpgrade => ("ping", json!("probe")),
        Packet::PongUpgrade => ("pong", json!("probe")),
        Packet::Message(text) => ("message", json!(text.as_str())),
        Packet::Upgrade => ("upgrade", Value::Null),
        Packet::Noop => ("noop", Value::Null),
        Packet::Binary(bytes) | Packet::BinaryV3(bytes) => ("message", tell_binary(&bytes)),
    };
    json!({ "packet": { "type": word, "data": data } })
}
