//! What a vector is: what is given to a codec, and what may come of it.

use crate::suite::Level;
use serde_json::{Value, json};

/// What is encoded and decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    /// A packet of Engine.IO as one WebSocket message.
    EnginePacket,
    /// The body of a poll: several packets of Engine.IO.
    EnginePayload,
    /// A packet of Socket.IO: a text frame and its attachments.
    SocketPacket,
}

/// A frame that a codec reads or writes, or something done to a decoder in its place.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// The decoder is reset.
    Reset,
    /// No frame at all: `undefined`, `null` or `number`.
    Odd(String),
}

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// These frames are given to one decoder, one after the other.
    Decode(Vec<Frame>),
    /// This packet (for a payload: these packets) is encoded, so many times from the same value.
    Encode(Value, u32),
    /// The packet is encoded and what came out is decoded.
    RoundTrip(Value),
}

/// What one step of a decoder may lead to.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// This packet.
    Packet(Value),
    /// Any packet.
    AnyPacket,
    /// No packet yet: attachments are awaited.
    Wait,
    /// The input is refused.
    Error,
    /// Whatever it likes, as long as it goes on.
    Any,
}

/// A result that is allowed.
#[derive(Clone, Debug, PartialEq)]
pub enum Allowed {
    /// The outcomes of a decoder, in order.
    Outcomes(Vec<Expected>),
    /// The frames of an encoder.
    Frames(Vec<Frame>),
    /// The encoder refuses.
    Refusal,
}

/// What a codec made of one input, as it was reported.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A packet.
    Packet(Value),
    /// No packet yet.
    Wait,
    /// The input was refused, in these words.
    Error(String),
    /// The frames of an encoded packet.
    Frames(Vec<Frame>),
    /// The codec has nothing of the kind.
    Unsupported(String),
}

/// A vector that was read.
#[derive(Clone, Debug)]
pub struct Vector {
    /// `codec/`, the codec, and its name in the table.
    pub id: String,
    /// The codec.
    pub codec: Codec,
    /// The rule that a failure accuses.
    pub rule: String,
    /// The area of the rule.
    pub area: String,
    /// The level of the rule.
    pub level: Level,
    /// A sentence that is true when it passes.
    pub title: String,
    /// What is done.
    pub operation: Operation,
    /// The result that is right.
    pub expect: Allowed,
    /// Results that are just as good.
    pub also: Vec<Allowed>,
    /// Results that make it lenient.
    pub tolerated: Vec<Allowed>,
    /// Whether the frames must be those of `expect` byte for byte; otherwise JSON is compared by value.
    pub canonical: bool,
    /// Whether the data of decoded packets is left out: where it is too deep or too long to be reported.
    pub without_data: bool,
    /// How often it is asked about, one after the other: more than once where the memory of the process is at stake.
    pub times: u32,
    /// The file, for messages.
    pub path: String,
    /// The line of its table, from 1.
    pub line: u32,
    /// The table as it stands in the file.
    pub text: String,
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EnginePacket, Self::EnginePayload, Self::SocketPacket];

    /// Its name in files, ids and the driver protocol.
    pub fn word(self) -> &'static str {
        match self {
            Self::EnginePacket => "engine-packet",
            Self::EnginePayload => "engine-payload",
            Self::SocketPacket => "socket-packet",
        }
    }
}

impl Frame {
    /// The frame as the driver protocol has it.
    pub fn to_json(&self) -> Value {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Binary(bytes) => json!({ "$binary": STANDARD.encode(bytes) }),
            Self::Reset => json!({ "$reset": true }),
            Self::Odd(word) => json!({ "$special": word }),
        }
    }
}
