//! What is known of one client: its connection, and its socket in each namespace.

use std::collections::{BTreeMap, BTreeSet};

use super::event::SocketKey;
use crate::{
    codec::Decoder,
    engine::{Millis, SessionKey},
};

/// An Engine.IO session and what is joined over it.
pub(super) struct Connection {
    pub(super) decoder: Decoder,
    /// By namespace, those that wait to be let in among them.
    pub(super) sockets: BTreeMap<String, SocketKey>,
    /// Until then one namespace must have been joined.
    pub(super) connect_by: Option<Millis>,
}

/// A client in a namespace.
pub(super) struct Socket {
    pub(super) session: SessionKey,
    pub(super) namespace: String,
    /// The public id.
    pub(super) sid: String,
    /// The private id, with which a client may come back.
    pub(super) pid: Option<String>,
    pub(super) state: State,
    pub(super) rooms: BTreeSet<String>,
    pub(super) next_ack: u64,
    /// Ids of events that the client has not acknowledged.
    pub(super) pending_acks: BTreeSet<u64>,
}

pub(super) enum State {
    /// The application has not decided; the payload of the CONNECT packet.
    Deciding(String),
    /// Accepted, but not before then.
    Waiting(String, Millis),
    /// In the namespace.
    Connected,
}

impl Socket {
    pub(super) fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected)
    }
}
