//! The Socket.IO layer of a client: the namespaces on one connection, and making that connection again.

mod backoff;
mod link;
mod namespace;
mod sockets;

pub use link::{Action, Auth, Command, DisconnectReason, Emission, Refused, Reply, Report};
pub(crate) use sockets::Output;
pub use sockets::Sockets;
