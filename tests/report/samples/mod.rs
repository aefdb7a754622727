//! Results as runs would make them, of the real corpus: made up, the same at every time, and hostile where asked for.

mod hostile;
mod realistic;

pub(crate) use hostile::hostile;
pub(crate) use realistic::{Sample, sample, target_names};

use siospec::outcome::{CaseResult, Counted, Gate, RunResult, Verdict};
use std::path::PathBuf;

/// Where the pages of the tests are kept, for the browser tests to open.
pub(crate) fn kept() -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("reports");
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// Counts the verdicts anew.
pub(crate) fn count(result: &mut RunResult) {
    result.totals = Verdict::ALL
        .map(|verdict| {
            let n = result
                .cases
                .iter()
                .filter(|case: &&CaseResult| case.verdict == verdict)
                .count();
            (verdict.word().to_owned(), n as u64)
        })
        .into();
}

/// Judges the gate anew, as a run does that is not strict.
pub(crate) fn judge(result: &mut RunResult) {
    let counted = [
        (Counted::Failed, Verdict::Fail),
        (Counted::Crashed, Verdict::Crashed),
        (Counted::Hung, Verdict::Hung),
    ];
    let count = |verdict: Verdict| result.cases.iter().filter(|case| case.verdict == verdict).count();
    let reasons = counted
        .into_iter()
        .filter_map(|(what, verdict)| what.say(count(verdict)));
    result.gate_reasons = reasons.collect();
    result.gate = if result.gate_reasons.is_empty() {
        Gate::Pass
    } else {
        Gate::Fail
    };
}
