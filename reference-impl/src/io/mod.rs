//! The thin I/O shell of the server and the client: hyper for HTTP, tungstenite for WebSockets, tokio's clock for the
//! timers.

pub(crate) mod client;
mod driver;
mod filter;
mod http;
mod server;
mod websocket;

pub use server::{Server, ServerHandle};
