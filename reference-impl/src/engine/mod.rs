//! The Engine.IO layer of a server: sessions, transports, heartbeat and upgrade, without I/O.
//!
//! Architecture Invariant: nothing here owns a socket, a clock or a source of randomness. Time comes in as milliseconds
//! since the start, session ids come from a function given at construction, HTTP requests come as parsed heads.

mod config;
mod exchange;
mod http_rules;
mod query;
mod server;
mod session;

pub use config::{Cors, EngineConfig, Transport};
pub use exchange::{ExchangeId, Message, Transmit};
pub use query::RefusalCode;
pub use server::{CloseReason, Engine, EngineEvent, SessionKey};

/// Milliseconds since the server was started.
pub type Millis = u64;
