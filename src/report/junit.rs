//! JUnit XML in the flavour that Jenkins and its kin read: a test suite for each area, a test case for each trial.

use super::matrix::labels;
use crate::outcome::{CaseResult, RunResult, Verdict};
use quick_junit::{
    FlakyOrRerun, NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestRerun,
    TestSuite,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest text, in characters: readers of XML refuse what is too large.
const LONGEST: usize = 50_000;

/// The results as JUnit XML.
///
/// # Errors
/// Where the XML cannot be put together.
pub fn write(results: &[RunResult]) -> Result<Vec<u8>, SerializeError> {
    let mut report = Report::new(match results {
        [one] => clean(&format!("siospec {} {}", one.role, one.target.name)),
        _ => "siospec".to_owned(),
    });
    report.set_time(duration(results.iter().map(|result| result.wall_ms).sum()));
    let started_at = results
        .iter()
        .filter_map(|result: &RunResult| started(result))
        .min();
    if let Some(at) = started_at {
        report.set_timestamp(at);
    }
    for (result, label) in results.iter().zip(labels(results)) {
        let whose = if results.len() > 1 {
            format!("{label} {}: ", result.role)
        } else {
            String::new()
        };
        report.add_test_suites(suites(result, &whose));
    }
    let mut bytes = Vec::new();
    report.serialize(&mut bytes)?;
    Ok(bytes)
}

/// A suite for each area.
fn suites(result: &RunResult, whose: &str) -> Vec<TestSuite> {
    let mut areas: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    for case in &result.cases {
        areas.entry(&case.area).or_default().push(case);
    }
    let suite = |(area, cases): (&str, Vec<&CaseResult>)| {
        let mut suite = TestSuite::new(clean(&format!("{whose}{area}")));
        if let Some(at) = started(result) {
            suite.set_timestamp(at);
        }
        suite.set_time(duration(cases.iter().map(|case| case.wall_ms).sum()));
        suite.add_property(Property::new("target", clean(&result.target.name)));
        suite.add_property(Property::new("version", clean(&result.target.version)));
        suite.add_test_cases(cases.into_iter().map(test_case));
        suite
    };
    areas.into_iter().map(suite).collect()
}

fn started(result: &RunResult) -> Option<chrono::DateTime<chrono::FixedOffset>> {
    chrono::DateTime::parse_from_rfc3339(&result.started_at).ok()
}

fn test_case(case: &CaseResult) -> TestCase {
    let variant = if case.variant.is_empty() {
        String::new()
    } else {
        format!(", {}", case.variant)
    };
    let mut test = TestCase::new(
        clean(&format!("{} ({}{variant})", case.id, case.over)),
        status(case),
    );
    test.set_classname(clean(&case.area));
    test.set_time(duration(case.wall_ms));
    test.add_property(Property::new("verdict", case.verdict.word()));
    test.add_property(Property::new("rule", clean(&case.rule)));
    test.add_property(Property::new("level", clean(&case.level)));
    if failed(case.verdict) && !case.transcript.is_empty() {
        test.set_system_out(clean(&case.transcript.join("\n")));
    }
    test
}

fn status(case: &CaseResult) -> TestCaseStatus {
    let message = match &case.known {
        Some(known) => format!("known: {} {}", known.why, known.link),
        None => case.message.clone(),
    };
    match case.verdict {
        Verdict::Pass | Verdict::Lenient => TestCaseStatus::success(),
        Verdict::Flaky => {
            let mut rerun = TestRerun::new(NonSuccessKind::Failure);
            rerun
                .set_message(clean(&message))
                .set_type(case.verdict.word())
                .set_description(clean(&description(case)));
            let mut status = TestCaseStatus::success();
            status.add_rerun(rerun).set_rerun_kind(FlakyOrRerun::Flaky);
            status
        }
        Verdict::Known | Verdict::Skip | Verdict::Blocked => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(clean(&message));
            status
        }
        Verdict::Fail | Verdict::Crashed | Verdict::Hung => {
            non_success(NonSuccessKind::Failure, case, &message)
        }
        Verdict::Broken => non_success(NonSuccessKind::Error, case, &message),
    }
}

fn non_success(kind: NonSuccessKind, case: &CaseResult, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_message(clean(message))
        .set_type(case.verdict.word())
        .set_description(clean(&description(case)));
    status
}

fn description(case: &CaseResult) -> String {
    let mut lines = vec![format!("{} ({}): {}", case.rule, case.level, case.rule_text)];
    if let Some(failure) = &case.failure {
        lines.push(format!("line {}: {}", failure.line, failure.script_line));
        lines.push(format!("expected {}", failure.expected));
        lines.push(format!("came {} (after {:.0} ms)", failure.came, failure.at));
        lines.extend(
            failure
                .allowed
                .iter()
                .map(|allowed| format!("also allowed: {allowed}")),
        );
    }
    if !case.source.is_empty() {
        lines.push(format!("source: {}", case.source));
    }
    if !case.replay.is_empty() {
        lines.push(case.replay.clone());
    }
    lines.join("\n")
}

fn failed(verdict: Verdict) -> bool {
    !matches!(
        verdict,
        Verdict::Pass | Verdict::Lenient | Verdict::Known | Verdict::Skip
    )
}

fn duration(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
}

/// Replaces what XML 1.0 cannot hold; quick-junit would leave it out without a trace.
fn clean(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    let fit = |c: char| {
        if allowed(c) && !is_control(c) {
            c
        } else {
            char::REPLACEMENT_CHARACTER
        }
    };
    match text.char_indices().nth(LONGEST) {
        None => text.chars().map(fit).collect(),
        Some((end, _)) => format!(
            "{}… ({} bytes)",
            text[..end].chars().map(fit).collect::<String>(),
            text.len()
        ),
    }
}

/// Characters that XML 1.0 allows and discourages.
fn is_control(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Failure, KnownInfo};

    fn case(verdict: Verdict) -> CaseResult {
        CaseResult {
            id: format!("server/{}", verdict.word()),
            over: "polling".to_owned(),
            area: "eio.handshake".to_owned(),
            verdict,
            message: "came \u{1b}[31m<&]]>\u{0}\u{ffff}".to_owned(),
            wall_ms: 12.5,
            failure: Some(Failure {
                came: "]]>".to_owned(),
                ..Failure::default()
            }),
            ..CaseResult::default()
        }
    }

    fn xml(cases: Vec<CaseResult>) -> String {
        let started_at = "2026-01-02T03:04:05Z".to_owned();
        String::from_utf8(
            write(&[RunResult {
                cases,
                started_at,
                ..RunResult::default()
            }])
            .unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn each_verdict_has_its_place() {
        let mut known = case(Verdict::Known);
        known.known = Some(KnownInfo {
            why: "old".to_owned(),
            link: "https://example.test/1".to_owned(),
        });
        let mut cases: Vec<CaseResult> = Verdict::ALL.map(case).into();
        cases[3] = known;
        insta::assert_snapshot!(xml(cases));
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        let text = xml(vec![case(Verdict::Fail)]);
        assert!(
            text.contains("came \u{fffd}[31m&lt;&amp;]]&gt;\u{fffd}\u{fffd}"),
            "{text}"
        );
        let hostile = |c: char| (c < ' ' && !"\t\n\r".contains(c)) || c == '\u{ffff}';
        assert!(!text.contains(hostile), "{text}");
    }
}
