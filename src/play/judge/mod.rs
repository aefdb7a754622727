//! The judge: a state machine that walks a script with what was recorded and says what comes next, or how it ended.
//!
//! It is pure: entries in, demands out. The player feeds it while a case runs; [`Judge::replay`] feeds it a saved
//! transcript and comes to the same verdict. It decodes nothing with code of the reference implementation.
//!
//! `demand` owns what it says, `walk` the walk over the script, `own` and `given` the lines that the player does and what
//! comes before the first, `expect` and `group` the lines of the other side. `label` owns what has arrived on a session or
//! channel, `fits` whether it fits a line, `finish` what must hold after the last line, `explain` the words of a failure.

mod ambient;
mod client;
mod demand;
mod expect;
mod explain;
mod finish;
mod fits;
mod given;
mod group;
mod label;
mod own;
mod requests;
#[cfg(test)]
mod tests;
mod timing;
mod walk;

pub(super) use ambient::Ambient;
pub(super) use client::{DRIVER, sessions_of};
pub(super) use demand::Demand;
use demand::Flow;
pub use demand::{Judgement, Match, Values};
pub(super) use given::namespace_prefix;
pub use walk::Judge;
use walk::Node;
pub(crate) use walk::label_name;
pub(super) use walk::player_of;
