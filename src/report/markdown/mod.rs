//! Results as Markdown for the summary of a CI job: the worst news first, whole sections left out where there is no room.

mod failure;
mod table;

use crate::outcome::{CaseResult, Gate, RunResult, Verdict};
use crate::report::escape::text;
use crate::report::group::{groups, worst_first};
use crate::report::matrix::{badness, is_bad, labels};
use crate::report::text::count;
use std::collections::BTreeMap;

/// How large the summary of a job may be, in bytes: GitHub takes 1 MiB.
pub const LIMIT: usize = 1 << 20;
/// What is kept free for the line that says what was left out.
const RESERVE: usize = 400;

/// The whole summary, of at most `limit` bytes.
pub fn summary(results: &[RunResult], limit: usize) -> String {
    let mut out = Pieces::new(limit);
    out.push(heading(results));
    out.push(format!("{}\n", table::results(results)));
    if let Some(note) = withheld(results) {
        out.push(note);
    }
    out.push(gate_reasons(results));
    if results.len() > 1 {
        out.push(format!("## By area\n\n{}", table::matrix(results)));
    }
    let labels = labels(results);
    let bad = |case: &&CaseResult| is_bad(case.verdict) || case.verdict == Verdict::Flaky;
    let mut failures: Vec<(usize, Vec<&CaseResult>)> = Vec::new();
    for (index, result) in results.iter().enumerate() {
        failures.extend(
            worst_first(result.cases.iter().filter(bad))
                .into_iter()
                .map(|group| (index, group)),
        );
    }
    failures.sort_by_key(|(_, group)| group.first().map(|case| badness(case.verdict)));
    for (number, (index, group)) in failures.iter().enumerate() {
        let title = if number == 0 { "## What went wrong\n\n" } else { "" };
        let whose = if results.len() > 1 {
            labels[*index].as_str()
        } else {
            ""
        };
        out.push(format!("{title}{}", failure::section(group, whose)));
    }
    if results.len() == 1 {
        out.push(format!("## By area\n\n{}", table::matrix(results)));
    }
    for (result, label) in results.iter().zip(&labels) {
        for section in remarks(result, if results.len() > 1 { label } else { "" }) {
            out.push(section);
        }
    }
    out.finish()
}

/// The results, and implementations × areas as a table for each role: nothing else.
pub fn matrix(results: &[RunResult]) -> String {
    let withheld = withheld(results).unwrap_or_default();
    format!(
        "{}\n{withheld}{}",
        table::results(results),
        table::matrix(results)
    )
}

fn heading(results: &[RunResult]) -> String {
    match results {
        [one] => {
            let says = if one.gate == Gate::Pass {
                "✅ the gate holds"
            } else {
                "❌ the gate does not hold"
            };
            format!(
                "# siospec: {} {}, {says}\n\n",
                text(&one.target.name, 80),
                text(&one.target.version, 40)
            )
        }
        _ => format!("# siospec: {}\n\n", count(results.len(), "result", "results")),
    }
}

fn withheld(results: &[RunResult]) -> Option<String> {
    let most = results
        .iter()
        .map(|result| result.withheld)
        .max()
        .filter(|most| *most > 0)?;
    let trials = count(
        usize::try_from(most).unwrap_or(usize::MAX),
        "trial is",
        "trials are",
    );
    Some(format!(
        "{trials} withheld until the maintainers have had time to mend them.\n\n"
    ))
}

fn gate_reasons(results: &[RunResult]) -> String {
    let mut out = String::new();
    for (result, label) in results.iter().zip(labels(results)) {
        for reason in result.gate_reasons.iter().take(20) {
            let whose = if results.len() > 1 {
                format!("{}: ", text(&label, 80))
            } else {
                String::new()
            };
            out.push_str(&format!("- {whose}{}\n", text(reason, 300)));
        }
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// What is no failure but should be known: a folded list for each kind, the worst first.
fn remarks(result: &RunResult, whose: &str) -> Vec<String> {
    let kinds = [(Verdict::Known, "Known failures"), (Verdict::Lenient, "Lenient")];
    let mut sections = Vec::new();
    for (verdict, title) in kinds {
        let groups = groups(result.cases.iter().filter(|case| case.verdict == verdict));
        let lines: Vec<String> = groups.iter().map(|group| failure::line(group)).collect();
        sections.extend(folded(title, whose, &lines));
    }
    let deviating: Vec<String> = groups(result.cases.iter().filter(|case| case.deviation.is_some()))
        .iter()
        .map(|group| failure::line(group))
        .collect();
    sections.extend(folded(
        "Deviations: passed, with another transcript than the reference",
        whose,
        &deviating,
    ));
    sections.extend(folded("Not played", whose, &not_played(result)));
    sections
}

fn folded(title: &str, whose: &str, lines: &[String]) -> Option<String> {
    let whose = if whose.is_empty() {
        String::new()
    } else {
        format!("{}: ", text(whose, 80))
    };
    (!lines.is_empty()).then(|| {
        format!(
            "<details><summary>{whose}{title} ({})</summary>\n\n{}\n</details>\n\n",
            lines.len(),
            lines.join("")
        )
    })
}

/// Why trials were skipped or blocked, the most frequent reason first.
fn not_played(result: &RunResult) -> Vec<String> {
    let mut reasons: BTreeMap<(Verdict, &str), usize> = BTreeMap::new();
    for case in result
        .cases
        .iter()
        .filter(|case| [Verdict::Skip, Verdict::Blocked].contains(&case.verdict))
    {
        *reasons.entry((case.verdict, &case.message)).or_default() += 1;
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let says = |((verdict, why), n): &((Verdict, &str), usize)| {
        format!(
            "- {} {n} {}: {}\n",
            table::sign(*verdict),
            verdict.word(),
            text(why, 200)
        )
    };
    reasons.iter().map(says).collect()
}

/// Sections in their order, as long as there is room. What does not fit is left out as a whole.
struct Pieces {
    out: String,
    limit: usize,
    left_out: usize,
}

impl Pieces {
    fn new(limit: usize) -> Self {
        Self {
            out: String::new(),
            limit: limit.saturating_sub(RESERVE),
            left_out: 0,
        }
    }

    fn push(&mut self, section: String) {
        if self.out.len() + section.len() <= self.limit {
            self.out.push_str(&section);
        } else {
            self.left_out += 1;
        }
    }

    fn finish(mut self) -> String {
        if self.left_out > 0 {
            let left_out = count(self.left_out, "section is", "sections are");
            self.out.push_str(&format!(
                "\n{left_out} left out, since a summary must stay small: the JSON result has everything.\n"
            ));
        }
        self.out
    }
}
