//! What passes between a session, the network below it and the socket layer above it.

use std::fmt;

use bytes::Bytes;
use http::{Request, Response};

use crate::engine::{ExchangeId, Message};

/// A session of the client. Keys are never used twice.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SessionKey(pub u32);

/// What the caller is to do on the network. The targets of requests have no host: there is only one server.
#[derive(Debug)]
pub enum Transmit {
    /// Send this request and bring its answer, or that there is none.
    Request(ExchangeId, Request<Bytes>),
    /// Open a WebSocket with this target and these headers; those that every handshake has are left to the caller.
    OpenWebSocket(ExchangeId, Request<()>),
    /// Send a message on a WebSocket.
    Frame(ExchangeId, Message),
    /// Close a WebSocket with this status code once everything before has been written; nothing more is heard of it.
    Close(ExchangeId, u16),
    /// Give up a request or a WebSocket; nothing more is heard of it.
    Abort(ExchangeId),
}

impl Transmit {
    /// The exchange that it is about.
    pub fn exchange(&self) -> ExchangeId {
        match self {
            Self::Request(exchange, _)
            | Self::OpenWebSocket(exchange, _)
            | Self::Frame(exchange, _)
            | Self::Close(exchange, _)
            | Self::Abort(exchange) => *exchange,
        }
    }
}

/// What came from the network.
#[derive(Debug)]
pub enum Arrival {
    /// A request was answered.
    Response(ExchangeId, Response<Bytes>),
    /// A request was not answered, or a WebSocket not opened; the text says why.
    Failed(ExchangeId, String),
    /// A WebSocket is open.
    WsOpen(ExchangeId),
    /// A message came on a WebSocket.
    Frame(ExchangeId, Message),
    /// A WebSocket is gone, whoever closed it; the text says how.
    WsClosed(ExchangeId, String),
}

impl Arrival {
    /// The exchange that it is about.
    pub fn exchange(&self) -> ExchangeId {
        match self {
            Self::Response(exchange, _)
            | Self::Failed(exchange, _)
            | Self::WsOpen(exchange)
            | Self::Frame(exchange, _)
            | Self::WsClosed(exchange, _) => *exchange,
        }
    }
}

/// What happened to a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EngineEvent {
    /// The handshake succeeded.
    Opened(SessionKey),
    /// A message came.
    Message(SessionKey, Message),
    /// It is over, or it was never opened; the text says more than the reason. Nothing comes after it.
    Closed(SessionKey, CloseReason, String),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CloseReason {
    /// The server was silent for longer than it announced.
    PingTimeout,
    /// The server closed it.
    TransportClose,
    /// A request failed, or what came was no packet.
    TransportError,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PingTimeout => "ping timeout",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
        })
    }
}
