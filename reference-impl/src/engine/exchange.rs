//! What passes between the engine and the network: HTTP exchanges, some of which become WebSockets.

use bytes::Bytes;
use http::Response;

/// One HTTP exchange. If its answer is to switch protocols, the same id names the WebSocket from then on.
///
/// Whoever drives the engine gives out the ids and never uses one twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ExchangeId(pub u64);

/// A message in either direction: what one Engine.IO message packet, or one WebSocket message, carries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// The size in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(data) => data.len(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the caller is to do on the network.
#[derive(Debug)]
pub enum Transmit {
    /// Answer the exchange; nothing more is heard of it.
    Respond(ExchangeId, Response<Bytes>),
    /// Read the body of the request, at most `limit` bytes, and bring it to
    /// [`Engine::handle_body`](super::Engine::handle_body).
    ReadBody {
        /// Whose body.
        exchange: ExchangeId,
        /// More bytes than this are refused by [`Engine::handle_body_too_large`](super::Engine::handle_body_too_large).
        limit: usize,
    },
    /// Answer the exchange with this 101; when the protocol has been switched, call
    /// [`Engine::handle_ws_open`](super::Engine::handle_ws_open).
    Accept(ExchangeId, Response<Bytes>),
    /// Send a message on a WebSocket.
    Frame(ExchangeId, Message),
    /// Close a WebSocket with this status code once everything before has been written; nothing more is heard of it.
    Close(ExchangeId, u16),
}
