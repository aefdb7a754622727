//! One Engine.IO packet.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

use super::error::EngineDecodeError;

/// The type of a text packet, in the order of its digit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EnginePacketType {
    /// `0`: the handshake.
    Open,
    /// `1`: the transport can be closed.
    Close,
    /// `2`: a heartbeat from the server, or the probe of an upgrade.
    Ping,
    /// `3`: the answer to a ping.
    Pong,
    /// `4`: a message.
    Message,
    /// `5`: the upgrade is complete.
    Upgrade,
    /// `6`: nothing, to end a poll.
    Noop,
}

impl EnginePacketType {
    /// The character that a packet of this type begins with.
    pub fn digit(self) -> char {
        match self {
            Self::Open => '0',
            Self::Close => '1',
            Self::Ping => '2',
            Self::Pong => '3',
            Self::Message => '4',
            Self::Upgrade => '5',
            Self::Noop => '6',
        }
    }
}

/// An Engine.IO packet, its text borrowed from the input.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EnginePacket<'a> {
    /// A packet with a type digit and the text behind it.
    Text(EnginePacketType, &'a str),
    /// A message of bytes.
    Binary(Bytes),
}

impl<'a> EnginePacket<'a> {
    /// Decodes a text frame of a WebSocket; bytes come as binary frames there.
    pub fn decode_frame(text: &'a str) -> Result<Self, EngineDecodeError> {
        let packet_type = match text.as_bytes().first() {
            Some(b'0') => EnginePacketType::Open,
            Some(b'1') => EnginePacketType::Close,
            Some(b'2') => EnginePacketType::Ping,
            Some(b'3') => EnginePacketType::Pong,
            Some(b'4') => EnginePacketType::Message,
            Some(b'5') => EnginePacketType::Upgrade,
            Some(b'6') => EnginePacketType::Noop,
            _ => {
                return Err(text
                    .chars()
                    .next()
                    .map_or(EngineDecodeError::Empty, EngineDecodeError::UnknownType));
            }
        };
        Ok(Self::Text(packet_type, &text[1..]))
    }

    /// Decodes one packet of a polling payload, where `b` and base64 stand for bytes.
    pub fn decode_polled(text: &'a str) -> Result<Self, EngineDecodeError> {
        match text.strip_prefix('b') {
            Some(encoded) => match STANDARD.decode(encoded) {
                Ok(data) => Ok(Self::Binary(data.into())),
                Err(_) => Err(EngineDecodeError::Base64),
            },
            None => Self::decode_frame(text),
        }
    }

    /// Appends the packet in the form that a polling payload has it.
    pub fn encode_polled(&self, out: &mut String) {
        match self {
            Self::Text(packet_type, data) => {
                out.push(packet_type.digit());
                out.push_str(data);
            }
            Self::Binary(data) => {
                out.push('b');
                STANDARD.encode_string(data, out);
            }
        }
    }
}
