//! The reference Socket.IO server and client: sans-IO layers and a thin I/O shell.
//!
//! Each layer knows only the ones before it: `codec`, `engine`, `socket`, then `io`. The first three perform no I/O and
//! keep no time: bytes and instants go in; bytes, events and deadlines come out.

pub mod app;
pub mod codec;
pub mod engine;
pub mod faults;
mod io;
mod options;
mod seams;
pub mod socket;
mod stack;

pub use io::{Server, ServerHandle};
pub use options::{Options, Variant};
pub use stack::Stack;
