//! The server without I/O, driven in memory on a virtual clock.

mod bench;
mod engine;
mod faults;
mod scenarios;
mod socket;
