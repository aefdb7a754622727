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

use std::fmt;

use crate::fault_table::{count, table};
use crate::seams::Seams;

/// A deliberate fault.
#[derive(Clone, Copy)]
pub struct FaultInfo {
    /// What it is called, in words with dashes.
    pub name: &'static str,
    /// The part of the protocol that it breaks, named as the folders of the cases are.
    pub area: &'static str,
    /// The ids of the rules that it breaks.
    pub breaks: &'static [&'static str],
    /// What the server does.
    pub sentence: &'static str,
    build: fn() -> Box<dyn Seams>,
}

impl fmt::Debug for FaultInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultInfo")
            .field("name", &self.name)
            .field("breaks", &self.breaks)
            .finish_non_exhaustive()
    }
}

/// A fault that a server can be started with.
#[derive(Clone, Copy, Debug)]
pub struct Fault(&'static FaultInfo);

impl Fault {
    /// What is known of it.
    pub fn info(self) -> &'static FaultInfo {
        self.0
    }

    pub(crate) fn seams(self) -> Box<dyn Seams> {
        (self.0.build)()
    }
}

/// The fault with this name.
pub fn by_name(name: &str) -> Option<Fault> {
    ALL.iter().find(|fault| fault.name == name).map(Fault)
}

/// All faults, area by area.
pub static ALL: &[FaultInfo] = &TABLE;

const AREAS: [&[FaultInfo]; 15] = [
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

static TABLE: [FaultInfo; count(&AREAS)] = table(&AREAS);
