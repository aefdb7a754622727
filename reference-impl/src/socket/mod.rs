//! The Socket.IO layer of a server: namespaces, events, acknowledgements, rooms and recovery, without I/O.
//!
//! Architecture Invariant: this layer knows sessions by their key only. It never sees a transport, a heartbeat or the
//! id of an Engine.IO session, so none of them can leak into a Socket.IO packet.

mod connection;
mod event;
mod recovery;
mod rooms;
mod server;

pub use event::{Action, Decision, DisconnectReason, Reply, SocketEvent, SocketKey};
pub use server::{SocketConfig, SocketServer};
