//! The places between the layers of a client where something may be rewritten.
//!
//! A client that behaves passes everything on; a deliberate fault changes something on its way. The layers themselves
//! know nothing of it.

use super::{
    engine::{Arrival, EngineEvent, Transmit},
    options::ClientOptions,
    socket::{Action, Command, Refused, Report},
};
use crate::{engine::Millis, seams::WireFilter};

/// Something on its way from one layer to the next.
#[derive(Debug)]
pub(crate) enum Passing {
    /// From the application to the socket layer.
    Command(Command),
    /// From the socket layer to a session.
    Action(Action),
    /// From a session to the network.
    Transmit(Transmit),
    /// From the network to a session.
    Arrival(Arrival),
    /// From a session to the socket layer.
    Event(EngineEvent),
    /// From the socket layer to the application.
    Report(Report),
    /// The program ends here, as by an exception that nobody catches.
    Crash(&'static str),
}

/// What happens to the frames of WebSockets on the wire.
#[derive(Clone, Copy, Default)]
pub(crate) struct WireFilters {
    /// Before they are sent.
    pub(crate) sent: Option<WireFilter>,
    /// Before they are read.
    pub(crate) received: Option<WireFilter>,
}

/// What may be rewritten. Each method passes its subject on unless overridden.
pub(crate) trait Seams: Send {
    /// The options that the layers are built with.
    fn configure(&mut self, _options: &mut ClientOptions) {}

    /// Something goes from one layer to the next. What is put into `out` arrives, each at the layer it is for, and is
    /// not shown again.
    fn pass(&mut self, _now: Millis, passing: Passing, out: &mut Vec<Passing>) {
        out.push(passing);
    }

    /// Whether the application hears that a command is refused, and nothing is done.
    fn refuses(&mut self, _refused: &Refused) -> bool {
        true
    }

    /// What happens to the frames of WebSockets.
    fn wire_filters(&self) -> WireFilters {
        WireFilters::default()
    }

    /// When [`Seams::timeout`] is due.
    fn deadline(&self) -> Option<Millis> {
        None
    }

    /// The deadline has come: what was held back may go on.
    fn timeout(&mut self, _now: Millis, _out: &mut Vec<Passing>) {}
}

/// Rewrites nothing.
pub(crate) struct NoFault;

impl Seams for NoFault {}
