//! The client without I/O, driven in memory on a virtual clock.

mod bench;
mod engine;
mod pair;
mod socket;
