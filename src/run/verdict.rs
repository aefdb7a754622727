//! From what the player says of a trial to the verdict of a result.

use super::fleet::Remains;
use crate::outcome::{CaseResult, Failure, Verdict};
use crate::play::{Judgement, Match, TrialOutcome};
use crate::suite::Trial;
use crate::target::Loss;
use crate::transcript::{Transcript, as_recorded, normalise};
use tokio::task::JoinError;

/// A trial that was played, or that came to an end otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct Played {
    pub(super) verdict: Verdict,
    /// Why, in one line; empty for a plain pass.
    pub(super) message: String,
    pub(super) failure: Option<Failure>,
    /// Whether the rule holds all the same, by an alternative that is tolerated.
    pub(super) tolerated: bool,
    pub(super) record: Transcript,
    /// The record as lines, normalised.
    pub(super) transcript: Vec<String>,
    pub(super) wall_ms: f64,
    pub(super) lag_ms: f64,
    /// How long the target took to answer, where it was asked afterwards whether it is still there.
    pub(super) answered_ms: f64,
    /// What it would have come to if the machine were not to blame.
    pub(super) blamed: Option<Verdict>,
}

impl Played {
    /// What the player found: a broken rule is a failure only where the rule is binding.
    pub(super) fn judged(trial: &Trial, outcome: TrialOutcome) -> Self {
        let binding = trial.loaded.level.is_binding();
        let tolerated = matches!(outcome.judgement, Judgement::Lenient(_));
        let (verdict, message, failure) = match outcome.judgement {
            Judgement::Pass => (Verdict::Pass, String::new(), None),
            Judgement::Lenient(failure) => (Verdict::Lenient, say(&failure), Some(failure)),
            Judgement::Fail(failure) => (
                if binding { Verdict::Fail } else { Verdict::Lenient },
                say(&failure),
                Some(failure),
            ),
            Judgement::Blocked(why) => (Verdict::Blocked, why, None),
            Judgement::Unsupported(why) => (Verdict::Skip, why, None),
            Judgement::Broken(why) => (Verdict::Broken, why, None),
        };
        let mut failure = failure.map(|failure| quote(failure, &trial.text));
        let (mut record, wall_ms, lag_ms) = (outcome.record, outcome.wall_ms, outcome.lag_ms);
        if verdict != Verdict::Pass {
            let entry = record.shorten(failure.as_ref().and_then(|failure| failure.entry));
            if let Some(failure) = &mut failure {
                failure.entry = entry;
            }
        }
        let transcript = lines(&record, &outcome.matches, verdict);
        record.bound();
        Self {
            verdict,
            message,
            failure,
            tolerated,
            record,
            transcript,
            wall_ms,
            lag_ms,
            answered_ms: 0.0,
            blamed: None,
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

    /// siospec failed over the trial.
    pub(super) fn panicked(panic: &JoinError) -> Self {
        Self::without_record(Verdict::Broken, format!("siospec failed: {panic}"))
    }

    /// The target was lost over the trial.
    pub(super) fn lost(loss: &Loss, remains: Remains) -> Self {
        let verdict = match loss {
            Loss::Ended(_) => Verdict::Crashed,
            Loss::Silent(_) | Loss::Driver(_, false) => Verdict::Hung,
            Loss::Driver(_, true) => Verdict::Broken,
        };
        let Remains { mut record, words } = remains;
        let words = words.lines().map(|line| format!("| {line}"));
        let transcript = as_recorded(&record).into_iter().chain(words).collect();
        record.bound();
        Self {
            transcript,
            record,
            ..Self::without_record(verdict, loss.to_string())
        }
    }
}

/// What the player did and what satisfied a line, in the script's order; where not all went well, all as it came.
fn lines(record: &Transcript, matches: &[Match], verdict: Verdict) -> Vec<String> {
    if verdict != Verdict::Pass {
        return as_recorded(record);
    }
    let telling = matches.iter().filter(|matched| !matched.free);
    let matches: Vec<_> = telling.map(|matched| (matched.entry, matched.cause)).collect();
    normalise(record, &matches)
}

/// Where a passing transcript differs from the reference's.
fn deviation(result: &CaseResult) -> Option<String> {
    if result.verdict != Verdict::Pass || result.baseline.is_empty() || result.baseline == result.transcript {
        return None;
    }
    let (expected, came) = (
        result.baseline.join("\n") + "\n",
        result.transcript.join("\n") + "\n",
    );
    let diff = similar::TextDiff::from_lines(&expected, &came);
    Some(diff.unified_diff().header("reference", "target").to_string())
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
    result.transcript = played.transcript;
    result.deviation = deviation(result);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_that_differs_from_the_reference_is_a_deviation() {
        let line = |text: &str| vec![text.to_owned()];
        let mut result = CaseResult {
            baseline: line("< 40"),
            ..CaseResult::default()
        };
        let pass = |text| Played {
            verdict: Verdict::Pass,
            transcript: line(text),
            ..Played::default()
        };
        fill(&mut result, pass("< 40"));
        assert_eq!(result.deviation, None);
        fill(&mut result, pass("< 40{}"));
        let diff = result.deviation.clone().unwrap();
        assert!(diff.contains("-< 40\n+< 40{}\n"), "{diff}");
        fill(
            &mut result,
            Played {
                verdict: Verdict::Fail,
                ..pass("< 40{}")
            },
        );
        assert_eq!(result.deviation, None);
    }

    #[test]
    fn a_failure_quotes_its_line() {
        let failure = Failure {
            line: 2,
            ..Failure::default()
        };
        assert_eq!(quote(failure.clone(), "a\n> b\n").script_line, "> b");
        assert_eq!(quote(Failure { line: 9, ..failure }, "a\n").script_line, "");
    }
}
