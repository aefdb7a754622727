//! From what the player says of a trial to the verdict of a result.

use crate::outcome::{CaseResult, Failure, Verdict};
use crate::play::{Judgement, TrialOutcome};
use crate::suite::Trial;
use crate::target::Loss;
use crate::transcript::Transcript;

/// A trial that was played, or that came to an end otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct Played {
    pub(super) verdict: Verdict,
    /// Why, in one line; empty for a plain pass.
    pub(super) message: String,
    pub(super) failure: Option<Failure>,
    pub(super) record: Transcript,
    pub(super) wall_ms: f64,
    pub(super) lag_ms: f64,
}

impl Played {
    /// What the player found: a broken rule is a failure only where the rule is binding.
    pub(super) fn judged(trial: &Trial, outcome: TrialOutcome) -> Self {
        let binding = trial.loaded.level.is_binding();
        let (verdict, message, failure) = match outcome.judgement {
            Judgement::Pass => (Verdict::Pass, String::new(), None),
            Judgement::Lenient(failure) => (Verdict::Lenient, say(&failure), Some(failure)),
            Judgement::Fail(failure) => (
                if binding { Verdict::Fail } else { Verdict::Lenient },
                say(&failure),
                Some(failure),
            ),
            Judgement::Blocked(why) => (Verdict::Blocked, why, None),
            Judgement::Broken(why) => (Verdict::Broken, why, None),
        };
        let failure = failure.map(|failure| quote(failure, &trial.text));
        let (record, wall_ms, lag_ms) = (outcome.record, outcome.wall_ms, outcome.lag_ms);
        Self {
            verdict,
            message,
            failure,
            record,
            wall_ms,
            lag_ms,
        }
    }

    /// A trial that was not played, or not to its end.
    pub(super) fn without_record(verdict: Verdict, message: impl Into<String>) -> Self {
        Self {
            verdict,
            message: message.into(),
            ..Self::default()
        }
    }

    /// The target was lost over the trial.
    pub(super) fn lost(loss: &Loss) -> Self {
        let verdict = match loss {
            Loss::Ended(_) => Verdict::Crashed,
            Loss::Silent(_) => Verdict::Hung,
        };
        Self::without_record(verdict, loss.to_string())
    }
}

/// A failure in one line, as known failures quote it.
fn say(failure: &Failure) -> String {
    format!("expected {}, but came {}", failure.expected, failure.came)
}

/// Fills in the line of the script.
fn quote(mut failure: Failure, script: &str) -> Failure {
    let index = (failure.line as usize).checked_sub(1);
    if let Some(line) = index.and_then(|index| script.lines().nth(index)) {
        failure.script_line = line.to_owned();
    }
    failure
}

/// Fills a result with what was played.
pub(super) fn fill(result: &mut CaseResult, played: Played) {
    result.verdict = played.verdict;
    result.message = played.message;
    result.failure = played.failure;
    result.wall_ms = played.wall_ms;
    result.lag_ms = played.lag_ms;
    result.record = played.record;
}
