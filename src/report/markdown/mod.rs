//! Results as Markdown for the summary of a CI job: the worst news first, whole sections left out where there is no room.

mod failure;
mod table;

use crate::outcome::{CaseResult, Gate, RunResult, Verdict};
use crate::report::escape::text;
use crate::report::group::{self, groups, worst_first};
use crate::report::matrix::{badness, is_bad, labels, withheld_trials};
use crate::report::pieces::Pieces;
use crate::report::text::count;

/// How large the summary of a job may be, in bytes: GitHub takes 1 MiB.
pub const LIMIT: usize = 1 << 20;

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
            format!("# siospec: {}, {says}\n\n", text(&one.target.full_name(), 120))
        }
        _ => format!("# siospec: {}\n\n", count(results.len(), "result", "results")),
    }
}

fn withheld(results: &[RunResult]) -> Option<String> {
    let trials = Some(withheld_trials(results)).filter(|trials| *trials > 0)?;
    let trials = count(trials, "trial is", "trials are");
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
    let says = |(verdict, why, n): &(Verdict, &str, usize)| {
        format!(
            "- {} {n} {}: {}\n",
            table::sign(*verdict),
            verdict.word(),
            text(why, 200)
        )
    };
    group::not_played(result).iter().map(says).collect()
}
