//! Deliberate faults: each makes an otherwise correct server break one thing, to prove that somebody notices.
//!
//! Architecture Invariant: a fault is made of [`Seams`] around the layers. The layers themselves have no fault in them and
//! do not know that there are any.

mod ack;
mod binary;
mod close;
mod connect;
mod disconnect;
mod event;
mod handshake;
mod heartbeat;
mod http;
mod parts;
mod payload;
mod polling;
mod recovery;
mod robustness;
mod upgrade;
mod websocket;

use crate::fault_table::{self, count, infos, table};
use crate::seams::Seams;

pub use crate::fault_table::FaultInfo;
use std::fmt;

/// A fault of one of the areas.
type Entry = fault_table::Entry<dyn Seams>;

/// A fault that a server can be started with.
#[derive(Clone, Copy)]
pub struct Fault(&'static Entry);

impl Fault {
    pub(crate) fn seams(self) -> Box<dyn Seams> {
        (self.0.build)()
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fault").field(&self.0.name).finish()
    }
}

/// The fault with this name.
pub fn by_name(name: &str) -> Option<Fault> {
    TABLE.iter().find(|fault| fault.name == name).map(Fault)
}

/// All faults, area by area.
pub static ALL: &[FaultInfo] = &infos(&TABLE);

const AREAS: [&[Entry]; 15] = [
    handshake::FAULTS,
    http::FAULTS,
    payload::FAULTS,
    polling::FAULTS,
    heartbeat::FAULTS,
    close::FAULTS,
    upgrade::FAULTS,
    websocket::FAULTS,
    connect::FAULTS,
    event::FAULTS,
    ack::FAULTS,
    binary::FAULTS,
    disconnect::FAULTS,
    recovery::FAULTS,
    robustness::FAULTS,
];

static TABLE: [Entry; count(&AREAS)] = table(&AREAS);
