//! The Engine.IO layer of a client: one session from its handshake to its end, without I/O.

mod cookie_date;
mod cookies;
mod handshake;
mod link;
mod outbox;
mod session;
mod target;

pub use link::{Arrival, CloseReason, EngineEvent, SessionKey, Transmit};
pub(crate) use session::Output;
pub use session::Session;
