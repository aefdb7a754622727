//! The wire: connections to the target, and the record of what goes over them.
//!
//! [`Session`] is an Engine.IO session for session scripts, [`Channel`] speaks HTTP, WebSocket frames and raw bytes for
//! wire scripts. What is seen goes to a [`Tap`]; nothing here judges it.

mod channel;
mod endpoint;
mod host;
mod http;
mod payload;
mod ready;
mod response;
mod session;
mod stream;
mod tap;
mod tls;
mod websocket_frame;

/// The readers of bytes, for the fuzz targets in `fuzz/` and nobody else.
#[doc(hidden)]
pub mod fuzzing {
    pub use super::payload::split;
    pub use super::response::{Progress, ResponseReader, Then};
    pub use super::websocket_frame::{Decoded, decode, encode};
}

pub use channel::{Channel, ChannelError};
pub use endpoint::{Endpoint, EndpointError};
pub use host::{Answer, Arrived, Host, Hosted, HostedOptions, Messages, What, is_upgrade, parameter};
pub use http::http_client;
pub use payload::Packet;
pub use ready::{NotReady, attempt, rtt, wait_ready};
pub use session::{OpenError, Session, SessionEnded, UpgradeError};
pub use tap::{LimitReached, Limits, Seen, Tap};
