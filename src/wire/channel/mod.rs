//! Channels of wire scripts: one TCP connection each, over which HTTP, raw bytes or WebSocket frames go.

mod connection;
mod inbound;
mod script;

pub use script::{Channel, ChannelError};
