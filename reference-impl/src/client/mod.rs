//! A Socket.IO client without I/O: one connection, the namespaces on it, and what it takes to keep it.
//!
//! Architecture Invariant: nothing here owns a socket, a clock or a source of randomness. Time comes in as milliseconds,
//! random numbers come from a function given at construction, answers and frames come as they were received; requests,
//! frames, reports and deadlines come out. Codec and packet types are those of the server.

pub mod engine;
pub mod faults;
mod options;
pub(crate) mod seams;
pub mod socket;
mod stack;

pub use options::{ClientOptions, Random};
pub use stack::ClientStack;
