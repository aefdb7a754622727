//! The tables: the results, and implementations × areas.

use crate::outcome::{Gate, RunResult, Verdict};
use crate::report::escape::text;
use crate::report::matrix::{Matrix, Tally, labels, roles};
use crate::report::text::count;

/// How many rows a table has at most.
const ROWS: usize = 200;
/// The longest name in a table, in characters.
const NAME: usize = 80;

/// A sign for a verdict, so that words are not all there is to see.
pub(super) fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✅",
        Verdict::Lenient => "🔶",
        Verdict::Fail => "❌",
        Verdict::Known => "📌",
        Verdict::Flaky => "🎲",
        Verdict::Skip => "➖",
        Verdict::Blocked => "🚧",
        Verdict::Crashed => "💥",
        Verdict::Hung => "⏳",
        Verdict::Broken => "⚠️",
    }
}

/// A row for each result: whether its gate holds, and how many trials came out how.
pub(super) fn results(results: &[RunResult]) -> String {
    let mut out =
        "| implementation | role | gate | passed | what else |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for (result, label) in results.iter().zip(labels(results)).take(ROWS) {
        let tally = Tally::of(&result.cases);
        let gate = if result.gate == Gate::Pass {
            "✅ holds"
        } else {
            "❌ does not hold"
        };
        let version = match text(&result.target.version, 40) {
            version if version.is_empty() || label.ends_with(&result.target.version) => String::new(),
            version => format!(" {version}"),
        };
        out.push_str(&format!(
            "| {}{version} | {} | {gate} | {} of {} | {} |\n",
            text(&label, NAME),
            text(&result.role, 20),
            tally.count(Verdict::Pass),
            count(tally.played(), "trial", "trials"),
            remarks(result, &tally),
        ));
    }
    out
}

fn remarks(result: &RunResult, tally: &Tally) -> String {
    let others = tally
        .worst_first()
        .into_iter()
        .filter(|(verdict, _)| *verdict != Verdict::Pass);
    let mut parts: Vec<String> = others
        .map(|(verdict, n)| format!("{} {n} {}", sign(verdict), verdict.word()))
        .collect();
    if tally.deviations > 0 {
        parts.push(count(tally.deviations, "deviation", "deviations"));
    }
    if result.interrupted {
        parts.push("interrupted".to_owned());
    }
    if let Some(part) = &result.partition {
        parts.push(format!("part {}", text(part, 40)));
    }
    parts.join(", ")
}

/// For each role, implementations × areas.
pub(super) fn matrix(results: &[RunResult]) -> String {
    let labels = labels(results);
    let mut out = String::new();
    for role in roles(results) {
        let matrix = Matrix::of(results, role);
        let names: Vec<String> = matrix
            .columns
            .iter()
            .map(|index| text(&labels[*index], NAME))
            .collect();
        out.push_str(&format!("| {} | {} |\n", text(role, 20), names.join(" | ")));
        out.push_str(&format!("| --- |{}\n", " --- |".repeat(names.len())));
        for (area, tallies) in matrix.rows.iter().take(ROWS) {
            let cells: Vec<String> = tallies.iter().map(cell).collect();
            out.push_str(&format!("| {} | {} |\n", text(area, NAME), cells.join(" | ")));
        }
        let totals: Vec<String> = matrix.totals.iter().map(cell).collect();
        out.push_str(&format!("| **all** | {} |\n\n", totals.join(" | ")));
    }
    out
}

/// The worst verdict, and how many of the trials that were played pass.
fn cell(tally: &Tally) -> String {
    match tally.worst() {
        None => String::new(),
        Some(worst) if tally.played() == 0 => format!("{} {}", sign(worst), worst.word()),
        Some(Verdict::Pass) => format!("{} {}", sign(Verdict::Pass), tally.played()),
        Some(worst) => format!(
            "{} {}/{}",
            sign(worst),
            tally.count(Verdict::Pass),
            tally.played()
        ),
    }
}
