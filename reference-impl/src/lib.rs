//! The reference Socket.IO server and client: sans-IO layers and a thin I/O shell.
//!
//! Each layer knows only the ones before it: `codec`, `engine`, `socket`, `client`, then `io`. The first four perform no
//! I/O and keep no time: bytes and instants go in; bytes, events and deadlines come out. `driver` lets another program
//! tell clients what to do: [`driver::ClientDriver::start`] and [`driver::ClientDriver::handle`] are all there is to it.

pub mod app;
pub mod client;
pub mod codec;
pub mod driver;
pub mod engine;
mod fault_table;
pub mod faults;
mod io;
mod options;
mod seams;
pub mod socket;
mod stack;

pub use io::{
    Server, ServerHandle,
    client::{Application, ClientHandle, ServerUrl, Told, UrlError},
};
pub use options::{Options, Variant};
pub use stack::Stack;
