//! The driver of the client against the server of the same crate, over loopback.

mod driven;
mod loopback;
mod wire;
