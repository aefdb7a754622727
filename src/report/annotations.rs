//! Failures as workflow commands of GitHub Actions, which shows them beside the commit.

use super::group::worst_first;
use super::matrix::{is_bad, labels};
use super::text::{brief, brief_lines};
use crate::outcome::{CaseResult, RunResult, Verdict};

/// How many errors GitHub shows for a step.
const MOST: usize = 10;

/// At most ten commands, a line each, the worst news first; the last one counts what has no room. Empty where all is well.
pub fn annotations(results: &[RunResult]) -> String {
    let bad = |case: &&CaseResult| is_bad(case.verdict);
    let mut failures = Vec::new();
    for (result, label) in results.iter().zip(labels(results)) {
        let groups = worst_first(result.cases.iter().filter(bad));
        failures.extend(
            groups
                .into_iter()
                .filter_map(|trials| Some((label.clone(), *trials.first()?))),
        );
    }
    failures.sort_by_key(|(_, case)| super::matrix::badness(case.verdict));
    let shown = if failures.len() > MOST { MOST - 1 } else { MOST };
    let mut out: String = failures
        .iter()
        .take(shown)
        .map(|(label, case)| command(label, case))
        .collect();
    if failures.len() > MOST {
        let more = failures.len() - shown;
        out.push_str(&format!(
            "::error title=siospec::{more} more cases went wrong: see the summary of the job\n"
        ));
    }
    out
}

fn command(label: &str, case: &CaseResult) -> String {
    let kind = if case.verdict == Verdict::Broken {
        "warning"
    } else {
        "error"
    };
    let title = format!("{}: {}", case.verdict.word(), brief(&case.title, 120));
    let mut lines = vec![format!(
        "{label}: {} ({})",
        brief(&case.id, 120),
        brief(&case.over, 20)
    )];
    match &case.failure {
        Some(failure) => {
            lines.push(format!("expected {}", brief(&failure.expected, 300)));
            lines.push(format!("came {}", brief(&failure.came, 300)));
        }
        None => lines.push(brief(&case.message, 300)),
    }
    lines.push(format!(
        "rule {} ({}): {}",
        brief(&case.rule, 80),
        brief(&case.level, 20),
        brief(&case.rule_text, 300)
    ));
    if !case.replay.is_empty() {
        lines.push(brief_lines(&case.replay, 300));
    }
    format!(
        "::{kind} title={}::{}\n",
        property(&title),
        message(&lines.join("\n"))
    )
}

/// A message: one line, in which no other command begins.
fn message(text: &str) -> String {
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    escaped.replace("##[", "## [").replace("::", ":\u{200b}:")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(cases: usize, title: &str) -> RunResult {
        let case = |n: usize| CaseResult {
            id: format!("server/{n}"),
            title: title.to_owned(),
            message: "line\n::error::fake\r\n##[add-mask]x 100%".to_owned(),
            verdict: if n == 7 { Verdict::Crashed } else { Verdict::Fail },
            ..CaseResult::default()
        };
        RunResult {
            cases: (0..cases).map(case).collect(),
            ..RunResult::default()
        }
    }

    #[test]
    fn at_most_ten_and_the_worst_first() {
        let text = annotations(&[result(30, "x")]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 10);
        assert!(
            lines[0].starts_with("::error title=crashed%3A x::"),
            "{}",
            lines[0]
        );
        assert!(lines[9].contains("::21 more cases"), "{}", lines[9]);
        assert_eq!(annotations(&[result(10, "x")]).lines().count(), 10);
        assert_eq!(annotations(&[result(0, "x")]), "");
    }

    #[test]
    fn a_target_cannot_give_commands() {
        let text = annotations(&[result(1, "t,file=/etc/passwd::x\n::stop-commands::y")]);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains("##["), "{text}");
        assert_eq!(text.matches("::").count(), 2, "{text}");
        assert!(text.contains("t%2Cfile=/etc/passwd"), "{text}");
        assert!(text.contains("100%25"), "{text}");
    }
}
