//! Packets of Socket.IO, by socketioxide-parser-common.

use crate::args::Args;
use crate::frame::{Frame, NO_VALUE};
use crate::outcome::{self, Data, Encoded, Outcome};
use crate::values::{Given, Revived};
use socketioxide_core::Value as Payload;
use socketioxide_core::packet::{Packet, PacketData};
use socketioxide_core::parser::{Parse, ParseConfig, ParseError, ParserState};
use socketioxide_parser_common::CommonParser;

/// The outcome of each frame, on one connection.
pub fn decode<'a>(frames: &mut dyn Iterator<Item = Frame<'a>>, with_data: bool, tell: &mut dyn FnMut(Outcome)) {
    let config = ParseConfig::default();
    let mut state = ParserState::default();
    for frame in frames {
        let decoded = match frame {
            Frame::Reset => {
                // Every connection has a state of its own.
                state = ParserState::default();
                continue;
            }
            Frame::Binary(bytes) => CommonParser.decode_bin(&config, &state, bytes),
            Frame::Text(text) if text.starts_with('4') => {
                tell(Outcome::Unsupported("a server decodes no CONNECT_ERROR".to_owned()));
                continue;
            }
            Frame::Text(text) => CommonParser.decode_str(&config, &state, text.into_owned().into()),
            Frame::Odd => {
                tell(Outcome::Unsupported(NO_VALUE.to_owned()));
                continue;
            }
        };
        tell(match decoded {
            Ok(packet) => read_packet(packet, with_data).map_or_else(Outcome::Error, Outcome::Packet),
            Err(ParseError::NeedsMoreBinaryData) => Outcome::Wait,
            Err(error) => Outcome::error(error),
        });
    }
}

/// A packet with its data, which the library decodes when a handler asks for it; an error there refuses the packet.
fn read_packet(packet: Packet, with_data: bool) -> Result<outcome::Packet, String> {
    let nsp = Some(packet.ns);
    let (word, id, data) = match packet.inner {
        PacketData::Connect(data) => ("connect", None, connect_data(data)?),
        PacketData::Disconnect => ("disconnect", None, None),
        PacketData::Event(data, id) | PacketData::BinaryEvent(data, id) => ("event", id, Some(event_data(data)?)),
        PacketData::EventAck(data, id) | PacketData::BinaryAck(data, id) => {
            ("ack", Some(id), Some(Data::List(None, values(data, false)?)))
        }
        PacketData::ConnectError(message) => ("connect_error", None, Some(Data::Text(message.to_string()))),
    };
    let data = data.filter(|_| with_data);
    Ok(outcome::Packet { word, nsp, id, data })
}

/// The payload of a CONNECT, as an extractor for any value gets it.
fn connect_data(data: Option<Payload>) -> Result<Option<Data>, String> {
    if data.is_none() {
        return Ok(None);
    }
    let value: rmpv::Value = CommonParser.decode_default(data.as_ref()).map_err(|error| error.to_string())?;
    Ok(Some(Data::Value(value)))
}

fn event_data(data: Payload) -> Result<Data, String> {
    let event = CommonParser.read_event(&data).map_err(|error| error.to_string())?.to_owned();
    Ok(Data::List(Some(event), values(data, true)?))
}

fn values(mut data: Payload, with_event: bool) -> Result<Vec<rmpv::Value>, String> {
    let args: Args = CommonParser.decode_value(&mut data, with_event).map_err(|error| error.to_string())?;
    Ok(args.0.into_owned())
}

/// The frames of a packet.
pub fn encode(packet: &Given<'_>, repeat: u32) -> Result<Vec<Encoded>, String> {
    let mut frames = encode_once(packet)?;
    for _ in 1..repeat {
        frames = encode_once(packet)?;
    }
    Ok(frames)
}

fn encode_once(packet: &Given<'_>) -> Result<Vec<Encoded>, String> {
    let nsp = packet.nsp.as_deref().unwrap_or("/").to_owned();
    let data = packet.data.as_ref().map(|Revived(data)| data.as_ref()).transpose()?;
    let list = || match data {
        Some(rmpv::Value::Array(list)) => Ok(list.as_slice()),
        _ => Err("data is no list"),
    };
    let id = match &packet.id {
        None => None,
        Some(id) => Some(id.as_i64().ok_or("an id is a number")?),
    };
    let packet = match (packet.word.as_ref(), data) {
        ("connect", None) => Packet::connect(nsp, None),
        ("connect", Some(data)) => {
            let data = CommonParser.encode_default(data).map_err(|error| error.to_string())?;
            Packet::connect(nsp, Some(data))
        }
        ("disconnect", _) => Packet::disconnect(nsp),
        ("event", _) => {
            let (event, arguments) = list()?.split_first().ok_or("an event has a name")?;
            let event = event.as_str().ok_or("the name of an event is a text")?;
            let mut packet = Packet::event(nsp, values_of(arguments, Some(event))?);
            if let Some(id) = id {
                packet.inner.set_ack_id(id);
            }
            packet
        }
        ("ack", _) => Packet::ack(nsp, values_of(list()?, None)?, id.ok_or("an acknowledgement has an id")?),
        ("connect_error", Some(rmpv::Value::Map(members))) => match members.as_slice() {
            [(key, message)] if key.as_str() == Some("message") && message.is_str() => {
                Packet::connect_error(nsp, message.as_str().unwrap_or_default().to_owned())
            }
            _ => return Err("a CONNECT_ERROR has a message and nothing else".to_owned()),
        },
        ("connect_error", _) => return Err("a CONNECT_ERROR has a message and nothing else".to_owned()),
        (other, _) => return Err(format!("there is no {other}")),
    };
    let Payload::Str(text, attachments) = CommonParser.encode(packet) else {
        return Err("the parser gave no text".to_owned());
    };
    let attachments = attachments.unwrap_or_default();
    let frames = std::iter::once(Encoded::Text(text.as_str().to_owned()));
    Ok(frames.chain(attachments.into_iter().map(Encoded::Binary)).collect())
}

fn values_of(arguments: &[rmpv::Value], event: Option<&str>) -> Result<Payload, String> {
    CommonParser.encode_value(&Args(arguments.into()), event).map_err(|error| error.to_string())
}
