//! A comparison as text for a terminal, and as Markdown.

use super::{Change, Diff};
use crate::outcome::{CaseResult, RunResult};
use crate::report::escape;
use crate::report::group::{came, named};
use crate::report::pieces::Pieces;
use crate::report::text::{brief, count};

/// The first lines of a difference, which are no part of it.
const HEADS: [&str; 2] = ["--- reference", "+++ target"];
/// How many trials a list shows.
const LISTED: usize = 200;

/// The lists in the order in which they are shown.
fn lists<'d, 'a>(diff: &'d Diff<'a>) -> [(&'static str, &'d [Change<'a>]); 7] {
    [
        ("newly failing", &diff.newly_failing),
        ("newly flaky", &diff.newly_flaky),
        ("fixed", &diff.fixed),
        ("changed deviations", &diff.changed_deviations),
        ("other verdicts", &diff.otherwise),
        ("new", &diff.added),
        ("gone", &diff.removed),
    ]
}

/// The comparison as plain text, ending in a line break.
pub fn text(diff: &Diff<'_>) -> String {
    let mut out = format!("from {}\nto   {}\n", run(diff.old), run(diff.new));
    for (title, changes) in lists(diff) {
        if changes.is_empty() {
            continue;
        }
        out.push_str(&format!("\n{title} ({})\n", changes.len()));
        for change in changes.iter().take(LISTED) {
            let (name, verdicts) = (name(change), verdicts(change));
            out.push_str(&format!("  {name}: {verdicts}\n"));
            if title == "newly failing" {
                out.push_str(
                    &why(change)
                        .map(|why| format!("      {}\n", brief(why, 300)))
                        .unwrap_or_default(),
                );
            }
            if title == "changed deviations" {
                for (mark, text) in deviations(change) {
                    out.push_str(&format!("      {mark} {}\n", brief(text, 300)));
                }
            }
        }
        out.push_str(
            &more(changes)
                .map(|more| format!("  {more}\n"))
                .unwrap_or_default(),
        );
    }
    if lists(diff).iter().all(|(_, changes)| changes.is_empty()) {
        out.push_str("\nnothing changed\n");
    }
    out
}

/// The comparison as Markdown, of at most `limit` bytes.
pub fn markdown(diff: &Diff<'_>, limit: usize) -> String {
    let (from, to) = (
        escape::text(&run(diff.old), 200),
        escape::text(&run(diff.new), 200),
    );
    let numbers: Vec<String> = lists(diff)
        .iter()
        .filter(|(_, changes)| !changes.is_empty())
        .map(|(title, changes)| format!("{} {title}", changes.len()))
        .collect();
    let says = if numbers.is_empty() {
        "Nothing changed".to_owned()
    } else {
        numbers.join(", ")
    };
    let mut out = Pieces::new(limit);
    out.push(format!("# siospec: from {from} to {to}\n\n{says}.\n"));
    for (title, changes) in lists(diff) {
        if !changes.is_empty() {
            let items: String = changes
                .iter()
                .take(LISTED)
                .map(|change| item(title, change))
                .collect();
            let more = more(changes)
                .map(|more| format!("- {more}\n"))
                .unwrap_or_default();
            out.push(format!("\n## {title} ({})\n\n{items}{more}", changes.len()));
        }
    }
    out.finish()
}

/// A change as an item of the list with this title.
fn item(title: &str, change: &Change<'_>) -> String {
    let mut out = format!("- {}: {}", escape::code(&name(change), 300), verdicts(change));
    if title == "newly failing" {
        out.push_str(
            &why(change)
                .map(|why| format!(": {}", escape::text(why, 300)))
                .unwrap_or_default(),
        );
    }
    out.push('\n');
    if title == "changed deviations" {
        for (mark, text) in deviations(change) {
            out.push_str(&format!("  - {mark} {}\n", escape::code(text, 300)));
        }
    }
    out
}

fn run(result: &RunResult) -> String {
    let target = &result.target;
    let name = format!("{} ({}, {})", target.full_name(), result.role, result.started_at);
    brief(&name, 200)
}

fn name(change: &Change<'_>) -> String {
    change.new.or(change.old).map(named).unwrap_or_default()
}

fn verdicts(change: &Change<'_>) -> String {
    match (change.old, change.new) {
        (Some(old), Some(new)) if old.verdict == new.verdict => new.verdict.word().to_owned(),
        (Some(old), Some(new)) => format!("{} → {}", old.verdict.word(), new.verdict.word()),
        (Some(case), None) | (None, Some(case)) => case.verdict.word().to_owned(),
        (None, None) => String::new(),
    }
}

fn why<'a>(change: &Change<'a>) -> Option<&'a str> {
    let case: &CaseResult = change.new?;
    let why = if case.message.is_empty() {
        came(case)
    } else {
        &case.message
    };
    Some(why).filter(|why| !why.is_empty())
}

/// The lines of the two deviations that are not in both.
fn deviations<'a>(change: &Change<'a>) -> Vec<(&'static str, &'a str)> {
    let lines = |case: Option<&'a CaseResult>| -> Vec<&'a str> {
        let text = case
            .and_then(|case| case.deviation.as_deref())
            .unwrap_or_default();
        text.lines()
            .filter(|line| line.starts_with(['+', '-']) && !HEADS.contains(line))
            .collect()
    };
    let (old, new) = (lines(change.old), lines(change.new));
    let gone = old
        .iter()
        .filter(|line| !new.contains(line))
        .map(|line| ("then", *line));
    let come = new
        .iter()
        .filter(|line| !old.contains(line))
        .map(|line| ("now ", *line));
    gone.chain(come).take(12).collect()
}

fn more(changes: &[Change<'_>]) -> Option<String> {
    let more = changes.len().checked_sub(LISTED).filter(|more| *more > 0)?;
    Some(format!("and {}", count(more, "other trial", "other trials")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::result;
    use super::*;
    use crate::outcome::Verdict;

    #[test]
    fn text_and_markdown_say_the_same() {
        let old = result(&[
            ("server/a", Verdict::Pass, None),
            ("server/b", Verdict::Fail, None),
            (
                "server/c",
                Verdict::Pass,
                Some("--- reference\n+++ target\n  > 40\n- < 40{}\n+ < 40{\"sid\":1}"),
            ),
        ]);
        let mut new = result(&[
            ("server/a", Verdict::Fail, None),
            ("server/b", Verdict::Pass, None),
            (
                "server/c",
                Verdict::Pass,
                Some("--- reference\n+++ target\n  > 40\n- < 40{}\n+ < 40{\"pid\":`|`}"),
            ),
        ]);
        new.cases[0].message = "expected 400, but came \u{1b}[2J<b>".to_owned();
        let results = [old, new];
        let diff = Diff::of(&results).unwrap();
        insta::assert_snapshot!("text", text(&diff));
        insta::assert_snapshot!("markdown", markdown(&diff, 1 << 20));
    }

    #[test]
    fn the_same_run_twice_has_no_difference() {
        let one = result(&[("server/a", Verdict::Fail, None)]);
        let results = [one.clone(), one];
        let diff = Diff::of(&results).unwrap();
        assert!(text(&diff).contains("nothing changed"));
        assert!(markdown(&diff, 1 << 20).contains("Nothing changed."));
    }
}
