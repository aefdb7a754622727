//! The player as a server: it listens on loopback for the client under test.
//!
//! [`Host`] takes requests and WebSockets and answers them as it is told, for wire scripts; [`Hosted`] is Engine.IO on
//! top of it, for session scripts. Neither judges what comes.

mod answers;
mod asked;
mod connection;
mod listener;
mod message;
mod packets;
mod session;
mod sessions;
mod websocket;

pub use asked::{is_upgrade, parameter};
pub use listener::Host;
pub use message::{Answer, Arrived, What};
pub use packets::Messages;
pub use sessions::{Hosted, HostedOptions};
