//! Running trials against a target: the plan, who plays when, what is played again, and whether the gate holds.
//!
//! The runner tells what happens as [`RunEvent`](crate::outcome::RunEvent)s and knows no reporter.

mod alone;
mod bench;
mod budget;
mod company;
mod conduct;
mod decide;
mod describe;
mod endurance;
mod fleet;
mod gate;
mod hindrance;
mod known;
mod learn;
mod options;
mod plan;
mod progress;
mod retry;
mod schedule;
#[cfg(test)]
mod tests;
mod vectors;
mod verdict;

pub use bench::{Bench, Tried};
use conduct::LIMITS;
pub use conduct::{Listener, run};
pub use gate::Strictness;
pub use known::{KnownList, known_list};
pub use options::Options;
pub use progress::Progress;
pub use vectors::run_vectors;
