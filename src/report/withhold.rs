//! Leaving out what should not be published yet: security and hazard cases that a target fails, and whatever brings one down.
//!
//! A case is left out of every result as soon as one of them fails it, so that a gap in one column tells nothing of its target.

use super::matrix::base;
use crate::outcome::{CaseResult, Gate, RunResult, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// Leaves out the trials of security and hazard cases that one of the results does not pass, those of any case that one of
/// the targets did not survive, and counts them. The cases in `disclosed`, ids without values, stay: their failures are public.
pub fn security(results: &mut [RunResult], disclosed: &[String]) {
    let mut delicate: BTreeSet<(String, String)> = BTreeSet::new();
    for result in results.iter() {
        let failing = result
            .cases
            .iter()
            .filter(|case| (is_delicate(case) && fails(case)) || was_lost(case))
            .filter(|case| !disclosed.iter().any(|id| id == base(&case.id)));
        delicate.extend(failing.map(|case| key(result, case)));
    }
    for result in results.iter_mut() {
        let before = result.cases.len();
        let cases = std::mem::take(&mut result.cases);
        result.cases = cases
            .into_iter()
            .filter(|case| !delicate.contains(&key(result, case)))
            .collect();
        result.withheld += (before - result.cases.len()) as u64;
        result.totals = totals(&result.cases);
        if result.withheld > 0 {
            // The gate and its reasons would tell of what is withheld: they are those of the rest.
            result.gate_reasons = retold(result);
            result.gate = if result.gate_reasons.is_empty() {
                Gate::Pass
            } else {
                Gate::Fail
            };
        }
    }
}

/// A number for each verdict, zeros included.
pub(super) fn totals(cases: &[CaseResult]) -> BTreeMap<String, u64> {
    let count = |verdict: Verdict| cases.iter().filter(|case| case.verdict == verdict).count() as u64;
    Verdict::ALL
        .map(|verdict| (verdict.word().to_owned(), count(verdict)))
        .into()
}

fn key(result: &RunResult, case: &CaseResult) -> (String, String) {
    (result.role.clone(), base(&case.id).to_owned())
}

fn is_delicate(case: &CaseResult) -> bool {
    case.hazard || case.level == "security"
}

fn fails(case: &CaseResult) -> bool {
    !matches!(case.verdict, Verdict::Pass | Verdict::Skip | Verdict::Blocked)
}

/// Whether the target ended or fell silent over it, also where that is known: such a failure names no place in the script.
fn was_lost(case: &CaseResult) -> bool {
    let ended = case.failure.is_none() && case.verdict == Verdict::Known;
    ended || matches!(case.verdict, Verdict::Crashed | Verdict::Hung)
}

/// The reasons of the gate, as numbers of what is left; nothing is said of what is not.
fn retold(result: &RunResult) -> Vec<String> {
    let counts = [Verdict::Fail, Verdict::Crashed, Verdict::Hung, Verdict::Broken];
    let left = counts.iter().filter_map(|verdict| {
        let n = result.totals.get(verdict.word()).copied().filter(|n| *n > 0)?;
        Some(format!("{}: {n}", verdict.word()))
    });
    left.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Failure;

    fn result(cases: &[(&str, &str, Verdict)]) -> RunResult {
        let case = |(id, level, verdict): &(&str, &str, Verdict)| CaseResult {
            id: (*id).to_owned(),
            level: (*level).to_owned(),
            verdict: *verdict,
            hazard: id.contains("hazard"),
            message: "the secret".to_owned(),
            ..CaseResult::default()
        };
        RunResult {
            gate: Gate::Fail,
            gate_reasons: vec!["the secret".to_owned()],
            cases: cases.iter().map(case).collect(),
            ..RunResult::default()
        }
    }

    fn ids(result: &RunResult) -> Vec<&str> {
        result.cases.iter().map(|case| case.id.as_str()).collect()
    }

    #[test]
    fn what_one_target_fails_is_withheld_of_all() {
        let mut results = [
            result(&[
                ("flood[1]", "security", Verdict::Crashed),
                ("flood[2]", "security", Verdict::Pass),
                ("hazard", "must", Verdict::Known),
                ("safe", "security", Verdict::Pass),
                ("plain", "must", Verdict::Fail),
            ]),
            result(&[
                ("flood[1]", "security", Verdict::Pass),
                ("hazard", "must", Verdict::Pass),
            ]),
        ];
        security(&mut results, &[]);
        assert_eq!(ids(&results[0]), ["safe", "plain"]);
        assert_eq!(ids(&results[1]), [] as [&str; 0]);
        assert_eq!((results[0].withheld, results[1].withheld), (3, 2));
        assert_eq!(results[0].totals["crashed"], 0);
        assert_eq!(
            (results[0].gate, results[0].gate_reasons.as_slice()),
            (Gate::Fail, ["fail: 1".to_owned()].as_slice())
        );
        assert!(!serde_json::to_string(&results[1]).unwrap().contains("secret"));
    }

    #[test]
    fn whatever_brings_a_target_down_is_withheld_at_any_level() {
        let mut results = [
            result(&[
                ("a", "must", Verdict::Crashed),
                ("b", "may", Verdict::Hung),
                ("c", "must", Verdict::Known),
                ("d", "must", Verdict::Known),
                ("e", "must", Verdict::Fail),
            ]),
            result(&[("a", "must", Verdict::Pass), ("e", "must", Verdict::Pass)]),
        ];
        results[0].cases[3].failure = Some(Failure::default());
        security(&mut results, &[]);
        assert_eq!(ids(&results[0]), ["d", "e"]);
        assert_eq!(ids(&results[1]), ["e"]);
    }

    #[test]
    fn what_is_public_is_not_withheld() {
        let mut results = [result(&[
            ("flood[1]", "security", Verdict::Fail),
            ("hazard", "must", Verdict::Crashed),
        ])];
        security(&mut results, &["flood".to_owned()]);
        assert_eq!(ids(&results[0]), ["flood[1]"]);
    }

    #[test]
    fn what_is_withheld_of_one_role_stays_in_another() {
        let mut results = [
            result(&[("flood", "security", Verdict::Hung)]),
            result(&[("flood", "security", Verdict::Pass)]),
        ];
        results[1].role = "client".to_owned();
        security(&mut results, &[]);
        assert_eq!((results[0].withheld, results[1].withheld), (1, 0));
        assert_eq!(results[1].gate_reasons, ["the secret"]);
    }

    #[test]
    fn a_case_that_was_not_played_is_not_delicate() {
        let mut results = [result(&[
            ("flood", "security", Verdict::Skip),
            ("hazard", "must", Verdict::Pass),
        ])];
        security(&mut results, &[]);
        assert_eq!(results[0].cases.len(), 2);
    }
}
