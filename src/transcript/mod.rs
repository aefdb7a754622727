//! What happened: the recorded entries, their normalised form and their rendering as script lines.

mod bounded;
mod entry;
mod normal;
mod packed;
mod questions;

pub use entry::{
    Cause, Closed, Entry, Event, Frame, Handshake, Proof, Request, Response, Side, Transcript, Wire,
};
pub use normal::{as_recorded, normalise};
