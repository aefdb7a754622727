//! Whether a run holds what it must, and why not.

use crate::outcome::{CaseResult, Counted, Gate, NOTHING_RAN, Verdict};

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
    let deviations = || cases.iter().filter(|case| case.deviation.is_some()).count();
    let counted = |what: &Counted| match what {
        Counted::Failed => count(Verdict::Fail),
        Counted::Crashed => count(Verdict::Crashed),
        Counted::Hung => count(Verdict::Hung),
        Counted::Broken => count(Verdict::Broken),
        Counted::Lenient if strictness.strict => count(Verdict::Lenient),
        Counted::Flaky if strictness.strict => count(Verdict::Flaky),
        Counted::Deviating if strictness.strict => deviations(),
        Counted::Skipped if strictness.no_skips => count(Verdict::Skip),
        Counted::Lenient | Counted::Flaky | Counted::Deviating | Counted::Skipped => 0,
    };
    let told = Counted::ALL.iter().filter_map(|what| what.say(counted(what)));
    let mut found: Vec<String> = told.collect();
    if !cases.iter().any(|case| case.verdict.ran()) {
        found.push(NOTHING_RAN.to_owned());
    }
    found.append(&mut reasons);
    (if found.is_empty() { Gate::Pass } else { Gate::Fail }, found)
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
