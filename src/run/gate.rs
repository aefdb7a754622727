//! Whether a run holds what it must, and why not.

use crate::outcome::{CaseResult, Gate, Verdict};

/// How strictly a run is judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strictness {
    /// Lenient and flaky trials and deviations fail the gate too.
    pub strict: bool,
    /// Skipped trials fail the gate too.
    pub no_skips: bool,
}

/// Judges the finished trials; `reasons` are those that do not come from a trial.
pub(super) fn judge(
    cases: &[CaseResult],
    strictness: Strictness,
    mut reasons: Vec<String>,
) -> (Gate, Vec<String>) {
    let count = |verdict: Verdict| cases.iter().filter(|case| case.verdict == verdict).count();
    let mut found = Vec::new();
    let mut tell = |n: usize, one: &str, many: &str| {
        if n > 0 {
            found.push(format!("{n} {}", if n == 1 { one } else { many }));
        }
    };
    tell(count(Verdict::Fail), "trial failed", "trials failed");
    tell(
        count(Verdict::Crashed),
        "trial ended the target",
        "trials ended the target",
    );
    tell(
        count(Verdict::Hung),
        "trial left the target without an answer",
        "trials left the target without an answer",
    );
    tell(
        count(Verdict::Broken),
        "trial could not be judged, by a fault of siospec or its machine",
        "trials could not be judged, by a fault of siospec or its machine",
    );
    if strictness.strict {
        let deviations = cases.iter().filter(|case| case.deviation.is_some()).count();
        tell(
            count(Verdict::Lenient),
            "trial is lenient (--strict)",
            "trials are lenient (--strict)",
        );
        tell(
            count(Verdict::Flaky),
            "trial is flaky (--strict)",
            "trials are flaky (--strict)",
        );
        tell(
            deviations,
            "passing trial deviates (--strict)",
            "passing trials deviate (--strict)",
        );
    }
    if strictness.no_skips {
        tell(
            count(Verdict::Skip),
            "trial was skipped (--no-skips)",
            "trials were skipped (--no-skips)",
        );
    }
    if !cases.iter().any(|case| ran(case.verdict)) {
        found.push("no case ran".to_owned());
    }
    found.append(&mut reasons);
    (if found.is_empty() { Gate::Pass } else { Gate::Fail }, found)
}

fn ran(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Skip | Verdict::Blocked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(verdicts: &[Verdict]) -> Vec<CaseResult> {
        verdicts
            .iter()
            .map(|verdict| CaseResult {
                verdict: *verdict,
                ..CaseResult::default()
            })
            .collect()
    }

    fn holds(verdicts: &[Verdict], strictness: Strictness) -> bool {
        judge(&cases(verdicts), strictness, Vec::new()).0 == Gate::Pass
    }

    const RELAXED: Strictness = Strictness {
        strict: false,
        no_skips: false,
    };

    #[test]
    fn each_verdict_counts_as_it_must() {
        let fails = [Verdict::Fail, Verdict::Crashed, Verdict::Hung, Verdict::Broken];
        for verdict in Verdict::ALL {
            let expected = !fails.contains(&verdict);
            assert_eq!(
                holds(&[Verdict::Pass, verdict], RELAXED),
                expected,
                "{}",
                verdict.word()
            );
        }
    }

    #[test]
    fn strict_and_no_skips_count_more() {
        let strict = Strictness {
            strict: true,
            ..RELAXED
        };
        let no_skips = Strictness {
            no_skips: true,
            ..RELAXED
        };
        assert!(!holds(&[Verdict::Pass, Verdict::Lenient], strict));
        assert!(!holds(&[Verdict::Pass, Verdict::Flaky], strict));
        assert!(holds(&[Verdict::Pass, Verdict::Skip, Verdict::Known], strict));
        assert!(!holds(&[Verdict::Pass, Verdict::Skip], no_skips));
        let mut deviating = cases(&[Verdict::Pass]);
        deviating[0].deviation = Some("- a\n+ b".to_owned());
        assert_eq!(judge(&deviating, strict, Vec::new()).0, Gate::Fail);
        assert_eq!(judge(&deviating, RELAXED, Vec::new()).0, Gate::Pass);
    }

    #[test]
    fn nothing_played_never_holds() {
        assert!(!holds(&[], RELAXED));
        assert!(!holds(&[Verdict::Skip, Verdict::Blocked], RELAXED));
        let (_, reasons) = judge(&[], RELAXED, vec!["interrupted".to_owned()]);
        assert_eq!(reasons, ["no case ran", "interrupted"]);
    }
}
