//! Packets and payloads of Engine.IO, by engineioxide-core.

use crate::frame::{Frame, NO_VALUE};
use crate::outcome::{self, Data, Encoded, Outcome};
use crate::values::{Given, Revived};
use bytes::Bytes;
use engineioxide_core::{Packet, PacketBuf, PacketParseError, ProtocolVersion, payload};
use futures_util::{StreamExt as _, stream};
use http_body_util::Full;

/// More than any vector needs.
const MAX_PAYLOAD: u64 = 64 << 20;

/// The outcome of each frame.
pub fn decode_packets<'a>(frames: &mut dyn Iterator<Item = Frame<'a>>, tell: &mut dyn FnMut(Outcome)) {
    for frame in frames {
        tell(match frame {
            Frame::Binary(bytes) => outcome(Ok(Packet::Binary(bytes))),
            Frame::Text(text) => outcome(Packet::parse(ProtocolVersion::V4, text.into_owned())),
            Frame::Reset | Frame::Odd => Outcome::Unsupported(NO_VALUE.to_owned()),
        });
    }
}

/// The packets of a payload, up to the first error: there the server gives up.
pub fn decode_payload<'a>(frames: &mut dyn Iterator<Item = Frame<'a>>, tell: &mut dyn FnMut(Outcome)) {
    let Some(Frame::Text(body)) = frames.next() else {
        return tell(Outcome::Unsupported(NO_VALUE.to_owned()));
    };
    let body = Full::new(Bytes::from(body.into_owned()));
    let packets = payload::decoder(body, None, ProtocolVersion::V4, MAX_PAYLOAD);
    futures_executor::block_on(async {
        let mut packets = std::pin::pin!(packets);
        while let Some(packet) = packets.next().await {
            let failed = packet.is_err();
            tell(outcome(packet));
            if failed {
                break;
            }
        }
    });
}

/// The frame of a packet in a WebSocket.
pub fn encode_packet(packet: &Given<'_>, repeat: u32) -> Result<Vec<Encoded>, String> {
    let packet = self::packet(packet)?;
    let encode = |packet: &Packet| match packet.clone() {
        Packet::Binary(bytes) => Err(bytes),
        packet => Ok(String::from(packet)),
    };
    let mut frame = encode(&packet);
    for _ in 1..repeat {
        frame = encode(&packet);
    }
    Ok(vec![frame.map_or_else(Encoded::Binary, Encoded::Text)])
}

/// The payload of some packets.
pub fn encode_payload(packets: &[Given<'_>], repeat: u32) -> Result<Vec<Encoded>, String> {
    if packets.is_empty() {
        return Err("the encoder waits for the first packet".to_owned());
    }
    let packets = packets.iter().map(packet).collect::<Result<Vec<_>, _>>()?;
    let encode = || {
        let packets = packets.iter().map(|packet| std::iter::once(packet.clone()).collect::<PacketBuf>());
        let packets: Vec<PacketBuf> = packets.collect();
        futures_executor::block_on(payload::encoder(stream::iter(packets), ProtocolVersion::V4, false, MAX_PAYLOAD))
    };
    let mut encoded = encode();
    for _ in 1..repeat {
        encoded = encode();
    }
    Ok(vec![Encoded::Text(String::from_utf8_lossy(&encoded.data).into_owned())])
}

fn packet(packet: &Given<'_>) -> Result<Packet, String> {
    let data = packet.data.as_ref().map(|Revived(data)| data.as_ref()).transpose()?;
    let data = match data {
        Some(rmpv::Value::Binary(bytes)) => return Ok(Packet::Binary(bytes.clone().into())),
        Some(rmpv::Value::String(text)) => text.as_str().unwrap_or_default(),
        None => "",
        Some(_) => return Err("data is neither text nor bytes".to_owned()),
    };
    Ok(match (packet.word.as_ref(), data) {
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

fn outcome(packet: Result<Packet, PacketParseError>) -> Outcome {
    let packet = match packet {
        Ok(packet) => packet,
        Err(error) => return Outcome::error(error),
    };
    let (word, data) = match packet {
        Packet::Open(open) => ("open", Some(Data::Text(serde_json::to_string(&open).unwrap_or_default()))),
        Packet::Close => ("close", None),
        Packet::Ping => ("ping", None),
        Packet::Pong => ("pong", None),
        Packet::PingUpgrade => ("ping", Some(Data::Text("probe".to_owned()))),
        Packet::PongUpgrade => ("pong", Some(Data::Text("probe".to_owned()))),
        Packet::Message(message) => ("message", Some(Data::Message(message))),
        Packet::Upgrade => ("upgrade", None),
        Packet::Noop => ("noop", None),
        Packet::Binary(bytes) | Packet::BinaryV3(bytes) => {
            ("message", Some(Data::Value(rmpv::Value::Binary(bytes.to_vec()))))
        }
    };
    Outcome::Packet(outcome::Packet { word, nsp: None, id: None, data })
}
