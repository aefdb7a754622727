//! What comes out of a run: verdicts, the events while it runs, and the result that is saved.

mod event;
mod reason;
mod result;

pub use event::RunEvent;
pub use reason::{Counted, NOTHING_RAN};
pub use result::{CaseResult, Failure, Gate, KnownInfo, RunResult, SCHEMA_VERSION, TargetInfo, Verdict};
