//! `siospec connect`: the reference client by hand, or in a pipe.
//!
//! It speaks with the client as with any driver (`docs/driver.md`), and prints reports as scripts write them.

mod arguments;
mod lines;
mod talk;

pub(super) use arguments::Connect;
pub(super) use talk::connect;
