//! The thin I/O shell of the server: hyper for HTTP, tungstenite for WebSockets, tokio's clock for the timers.

mod driver;
mod filter;
mod http;
mod server;
mod websocket;

pub use server::{Server, ServerHandle};
