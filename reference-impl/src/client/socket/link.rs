//! What passes between the socket layer, the application above it and the sessions below it.

use std::fmt;

use thiserror::Error;

use crate::{
    client::engine::{CloseReason, SessionKey},
    codec::{AckId, Arguments},
    engine::{Message, Millis},
};

/// Gives the payload of a CONNECT, a JSON object as text; called once for each CONNECT.
pub type Auth = Box<dyn FnMut() -> Option<String> + Send>;

/// What the application wants.
pub enum Command {
    /// Join a namespace, and connect if there is no connection.
    Connect {
        /// Its name, with the slash.
        namespace: String,
        /// The payload of its CONNECT; of no effect for a namespace that was joined before.
        auth: Option<Auth>,
    },
    /// Send an event.
    Emit {
        /// The namespace; it must have been joined.
        namespace: String,
        /// What is sent, and how.
        emission: Emission,
    },
    /// Acknowledge an event. As an acknowledgement is consumed by it, there can be no second one.
    Answer {
        /// What came with the event.
        reply: Reply,
        /// The values.
        arguments: Arguments,
    },
    /// Leave a namespace, and close the connection if it was the last one.
    Disconnect {
        /// The namespace; it must have been joined.
        namespace: String,
    },
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { namespace, .. } => write!(f, "Connect({namespace})"),
            Self::Emit { namespace, emission } => write!(f, "Emit({namespace}, {emission:?})"),
            Self::Answer { reply, arguments } => write!(f, "Answer({reply:?}, {arguments:?})"),
            Self::Disconnect { namespace } => write!(f, "Disconnect({namespace})"),
        }
    }
}

/// An event that is to be sent.
#[derive(Clone, Debug, Default)]
pub struct Emission {
    /// Its name.
    pub event: String,
    /// Its arguments.
    pub arguments: Arguments,
    /// Under which name the acknowledgement is reported; `None` if none is wanted.
    pub ack: Option<String>,
    /// How long the acknowledgement may take.
    pub timeout: Option<Millis>,
    /// Dropped rather than kept if it cannot leave at once.
    pub volatile: bool,
    /// How often it is sent again when it is not acknowledged; such events are sent one at a time.
    pub retries: u32,
}

/// The right to acknowledge an event, once.
#[derive(Debug)]
pub struct Reply {
    pub(crate) namespace: String,
    pub(crate) id: AckId,
    /// The connection that the event came on: an acknowledgement means nothing on another.
    pub(crate) session: SessionKey,
}

impl Reply {
    /// The same right once more. Only a deliberate fault has a use for it.
    pub(crate) fn again(&self) -> Self {
        Self {
            namespace: self.namespace.clone(),
            id: self.id.clone(),
            session: self.session,
        }
    }
}

/// Why a command is refused; nothing has been done then.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Refused {
    /// The event has a name that the libraries use themselves.
    #[error("`{0}` is a reserved event name")]
    ReservedName(String),
    /// The namespace was never joined.
    #[error("the namespace `{0}` was not joined: connect first")]
    NotJoined(String),
}

/// What the application is told.
#[derive(Debug)]
pub enum Report {
    /// A namespace is joined.
    Connected {
        /// Which.
        namespace: String,
        /// The id that the server gave.
        sid: String,
    },
    /// It is not joined: the server refused it, or cannot be reached.
    ConnectError {
        /// Which.
        namespace: String,
        /// What the server said, or what went wrong.
        message: String,
        /// What the server sent with it, as JSON text.
        data: Option<String>,
    },
    /// An event came.
    Event {
        /// In this namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its arguments.
        arguments: Arguments,
        /// Present if the server asks for an acknowledgement.
        reply: Option<Reply>,
    },
    /// An event was acknowledged.
    Acknowledged {
        /// In this namespace.
        namespace: String,
        /// The name that the emission gave.
        ack: String,
        /// The values.
        arguments: Arguments,
    },
    /// An event will not be acknowledged any more.
    AckFailed {
        /// In this namespace.
        namespace: String,
        /// The name that the emission gave.
        ack: String,
        /// Why.
        message: &'static str,
    },
    /// A namespace is no longer joined.
    Disconnected {
        /// Which.
        namespace: String,
        /// Why.
        reason: DisconnectReason,
    },
    /// It is tried to connect again, for the so-manieth time in a row.
    ReconnectAttempt(u32),
    /// It is not tried any more.
    ReconnectFailed,
}

/// Why a namespace is no longer joined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DisconnectReason {
    /// The server sent a DISCONNECT. It is not joined again by itself.
    ByServer,
    /// The application asked for it.
    ByClient,
    /// What came was no Socket.IO packet.
    ParseError,
    /// The connection is over.
    Lost(CloseReason),
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByServer => f.write_str("io server disconnect"),
            Self::ByClient => f.write_str("io client disconnect"),
            Self::ParseError => f.write_str("parse error"),
            Self::Lost(reason) => reason.fmt(f),
        }
    }
}

/// What the socket layer wants of its sessions.
#[derive(Debug)]
pub enum Action {
    /// Open one under this key.
    Open(SessionKey),
    /// Send a message.
    Send(SessionKey, Message),
    /// Close it once everything has been sent.
    Close(SessionKey),
}
