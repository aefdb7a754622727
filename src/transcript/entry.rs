//! What happened during a case, as it was recorded: one entry for each thing that went over the wire.
//!
//! Owns the types and their JSON form, which the saved result carries and from which every verdict can be
//! derived again. Recording is `wire`'s work, judging is `play::judge`'s.

use super::packed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that happened, at one time, on one session or channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Milliseconds since the case started.
    pub at: f64,
    /// The session or channel; empty for the line without a label.
    pub label: String,
    /// What happened.
    pub event: Event,
    /// The step of the script that made the player do it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// A step of the script: its place, and which repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The line of the case file, from 1.
    pub line: u32,
    /// The repetition, from 0.
    pub repetition: u32,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The player sent this.
    Sent(Wire),
    /// The target sent this.
    Received(Wire),
    /// The player did something to its own connection, in the words of the script.
    Did(String),
    /// An Engine.IO session was opened for the script; the handshake is not part of it.
    Opened(Handshake),
    /// A session or channel ended.
    Closed(Closed),
    /// A proof that nothing more was on its way, and what it stands on.
    Silence(Proof),
    /// A wait that ended without what it was for.
    Deadline,
    /// The runner itself was held up for this many milliseconds.
    Lag(f64),
    /// Something that helps to read the transcript and is never judged.
    Note(String),
}

/// What went over the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Wire {
    /// A text packet of an Engine.IO session, or a text frame.
    Text(
        #[serde(with = "packed::text")]
        #[schemars(with = "packed::Packed")]
        String,
    ),
    /// A binary packet of an Engine.IO session, or a binary frame.
    Binary(
        #[serde(with = "packed::bytes")]
        #[schemars(with = "packed::Packed")]
        Vec<u8>,
    ),
    /// An HTTP request, or that of a WebSocket handshake.
    Request(Request),
    /// An HTTP response.
    Response(Response),
    /// Bytes on the TCP connection that are neither.
    Raw(
        #[serde(with = "packed::bytes")]
        #[schemars(with = "packed::Packed")]
        Vec<u8>,
    ),
    /// A WebSocket frame that is not simply a whole text or binary message.
    Frame(Frame),
    /// A line of the driver protocol: a command that the runner sent, or a report that came.
    Driver(String),
}

/// An HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The target, as on the request line.
    pub target: String,
    /// The headers, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(with = "packed::bytes", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "packed::Packed")]
    pub body: Vec<u8>,
}

/// An HTTP response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body, without its transfer coding.
    #[serde(with = "packed::bytes", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "packed::Packed")]
    pub body: Vec<u8>,
    /// Whether this answers a request of the player's own making (a repeated poll, a pong), not one of the script.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
}

/// A WebSocket frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// The opcode, 0 to 15.
    pub opcode: u8,
    /// The FIN bit.
    pub fin: bool,
    /// The reserved bits, 0 to 7.
    pub rsv: u8,
    /// Whether it was masked.
    pub masked: bool,
    /// The payload, unmasked.
    #[serde(with = "packed::bytes")]
    #[schemars(with = "packed::Packed")]
    pub payload: Vec<u8>,
}

/// What the handshake of a session announced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Handshake {
    /// `websocket`, `polling` or `upgraded`.
    pub over: String,
    /// The session id.
    pub sid: String,
    /// The `upgrades`.
    pub upgrades: Vec<String>,
    /// The ping interval in milliseconds; 0 where it was not a number.
    pub ping_interval: f64,
    /// The ping timeout in milliseconds; 0 where it was not a number.
    pub ping_timeout: f64,
    /// The largest payload in bytes; 0 where it was not a number.
    pub max_payload: f64,
}

/// How a session or channel ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Closed {
    /// Who ended it.
    pub by: Side,
    /// How, for a reader: `close frame 1009`, `GET answered 400`, `connection reset`.
    pub how: String,
    /// The WebSocket close code, where a close frame carried one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
}

/// The tester or the tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// siospec.
    Player,
    /// What is tested.
    Target,
}

/// What a proof of silence stands on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// An echo was the next thing that came.
    Echo,
    /// Nothing came for this many milliseconds, a multiple of the measured round trip.
    Window(f64),
    /// A CONNECT was answered: the session works.
    Connect,
    /// The echo was not answered, for this reason.
    Failed(String),
}

/// The whole record of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Transcript {
    /// The entries, in the order in which the player saw them.
    pub entries: Vec<Entry>,
    /// Whether the player was the server, and the target a client.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hosts: bool,
    /// How many more there were than the transcript may hold.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
    /// How many of the entries hold only the beginning and the end of what went over the wire: the record was too large.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cut: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}
