//! What happens while a run goes on: the one seam between running and showing.

use super::{CaseResult, RunResult, TargetInfo};

/// Something that happened in a run. Reporters consume these; no reporter is known to the runner.
#[derive(Clone, Debug)]
pub enum RunEvent {
    /// The target answers and the plan is made.
    Started {
        /// What is tested.
        target: TargetInfo,
        /// As what: `server`, `client` or `codec`.
        role: String,
        /// How many trials will be played, as far as is known: all for variants of the target that do not run yet.
        planned: usize,
        /// What the target can do, and what it lacks.
        capabilities: Vec<(String, bool)>,
    },
    /// A trial began.
    TrialStarted {
        /// Its id.
        id: String,
        /// Its transport.
        over: String,
    },
    /// A trial has its verdict.
    TrialFinished(Box<CaseResult>),
    /// A trial that failed is played again, alone.
    Retrying {
        /// Its id.
        id: String,
        /// Why it may not be the target's fault.
        reason: String,
    },
    /// Something worth a line, e.g. that the target had to be started again.
    Notice(String),
    /// All is done.
    Finished(Box<RunResult>),
}
