//! The thin I/O shell of the client: hyper for requests, tungstenite for WebSockets, tokio's clock for the timers.

mod handle;
mod request;
mod url;
mod websocket;

pub use handle::{Application, ClientHandle, Told};
pub use url::{ServerUrl, UrlError};
