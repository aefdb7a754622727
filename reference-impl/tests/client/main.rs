//! The client without I/O, driven in memory on a virtual clock.

mod bench;
mod engine;
mod faults;
mod obliging;
mod pair;
mod scenarios;
mod socket;
