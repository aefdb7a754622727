//! siospec: the conformance suite and fuzz harness for Socket.IO.

pub mod campaign;
pub mod cli;
pub mod notation;
pub mod outcome;
pub mod pattern;
pub mod play;
pub mod report;
pub mod run;
pub mod suite;
pub mod target;
pub mod transcript;
pub mod wire;
