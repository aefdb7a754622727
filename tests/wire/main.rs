//! The wire against small servers that do one thing each, most of it wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod channel_http;
mod channel_websocket;
mod host;
mod ready;
mod session_polling;
mod session_reference;
mod session_websocket;
mod support;
mod tls;
