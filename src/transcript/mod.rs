//! What happened: the recorded entries, their normalised form and their rendering as script lines.

mod entry;

pub use entry::{
    Cause, Closed, Entry, Event, Frame, Handshake, Proof, Request, Response, Side, Transcript, Wire,
};
