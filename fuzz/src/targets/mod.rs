//! The fuzz targets that need nothing beyond the crates of the main workspace, whose `tests/fuzz.rs` compiles them too.
//!
//! Each is a module with a function `run`, which panics where an invariant of the module is broken. The first lines of
//! a module say what it looks for and how the bytes of an input are read.

pub mod attachments;
pub mod client;
pub mod engine_packet;
pub mod frames;
mod model;
pub mod notation;
pub mod payload;
pub mod roundtrip;
pub mod seeds;
pub mod server;
pub mod socket_decoder;
pub mod wire_reader;

/// A fuzz target.
pub struct Target {
    /// Its name, as `cargo fuzz run` takes it.
    pub name: &'static str,
    /// What it does with an input.
    pub run: fn(&[u8]),
}

/// All of them.
#[rustfmt::skip]
pub const TARGETS: &[Target] = &[
    Target { name: "attachments", run: attachments::run },
    Target { name: "client", run: client::run },
    Target { name: "engine_packet", run: engine_packet::run },
    Target { name: "notation", run: notation::run },
    Target { name: "payload", run: payload::run },
    Target { name: "roundtrip", run: roundtrip::run },
    Target { name: "server", run: server::run },
    Target { name: "socket_decoder", run: socket_decoder::run },
    Target { name: "wire_reader", run: wire_reader::run },
];
