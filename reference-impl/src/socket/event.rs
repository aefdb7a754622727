//! What passes between the Socket.IO layer, the application above it and the engine below it.

use crate::{
    codec::{AckId, Arguments},
    engine::{CloseReason, Message, Millis, SessionKey},
};

/// One client in one namespace. Never sent and never used twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SocketKey(pub u64);

/// The application's answer to a client that asks for a namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Let it in.
    Accept,
    /// Let it in after so many milliseconds.
    AcceptAfter(Millis),
    /// Refuse it.
    Refuse {
        /// The `message` of the CONNECT_ERROR.
        message: String,
        /// Its `data`, as JSON text.
        data: Option<String>,
    },
}

/// What the application is to be told.
#[derive(Debug)]
pub enum SocketEvent {
    /// A client asks for a namespace; answer with [`SocketServer::decide`](super::SocketServer::decide).
    Connecting {
        /// The socket that it would get.
        socket: SocketKey,
        /// The namespace.
        namespace: String,
        /// The payload of its CONNECT packet as JSON text, `{}` if there was none.
        auth: String,
    },
    /// A client is in a namespace now, and has been told so.
    Connected {
        /// Its socket.
        socket: SocketKey,
        /// The payload of its CONNECT packet as JSON text, `{}` if there was none.
        auth: String,
    },
    /// A client sent an event.
    Event {
        /// Its socket.
        socket: SocketKey,
        /// The name of the event.
        name: String,
        /// What came with it.
        arguments: Arguments,
        /// How to answer, if an acknowledgement was asked for.
        reply: Option<Reply>,
    },
    /// A client acknowledged an event.
    Acknowledged {
        /// Its socket.
        socket: SocketKey,
        /// What [`SocketServer::emit_with_ack`](super::SocketServer::emit_with_ack) returned.
        id: u64,
        /// What came with it.
        arguments: Arguments,
    },
    /// A client is no longer in its namespace. Told once for each `Connected`.
    Disconnected {
        /// Its socket.
        socket: SocketKey,
        /// Why.
        reason: DisconnectReason,
    },
}

/// Why a socket is no longer connected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DisconnectReason {
    /// The client left the namespace.
    ClientLeft,
    /// The application disconnected it, from its namespace or altogether.
    ServerLeft,
    /// The client sent what the protocol forbids.
    ProtocolError,
    /// The session under it ended.
    Session(CloseReason),
}

/// What the engine is to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Send a message.
    Send(SessionKey, Message),
    /// Close the session once everything before has been delivered.
    Close(SessionKey),
}

/// The right to answer one event, once.
#[derive(Debug)]
pub struct Reply {
    pub(super) socket: SocketKey,
    pub(super) id: AckId,
    pub(super) used: bool,
}
