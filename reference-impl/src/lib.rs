//! The reference Socket.IO server and client: sans-IO layers and a thin I/O shell.

pub mod codec;
