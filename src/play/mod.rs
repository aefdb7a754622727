//! The player: it performs a script line by line, records what happens, and lets the judge decide.
//!
//! `judge` is pure and decides; `player` talks to the target through `wire`; `probe` finds out what an application
//! can do by playing short scripts; `lag` measures how long the runner itself was held up.

mod attend;
mod command;
mod hosting;
mod intake;
mod judge;
mod lag;
mod mutate;
mod perform;
mod player;
mod probe;
mod proof;
mod serve;
mod sessions;

pub use judge::{Judge, Judgement, Match, Values};
pub use lag::LagMonitor;
pub use mutate::{MutationReport, Survivor, mutate};
pub use player::{TrialContext, TrialOutcome, play};
pub use probe::{client_needs, every_need, probe_base, probe_further, probe_transports};
