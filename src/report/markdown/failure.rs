//! One failure: what was expected, what came, the line of the script, the rule, the way back to it.

use super::table::sign;
use crate::outcome::CaseResult;
use crate::report::escape::{block, code, linked, text};
use crate::report::group::{blamed_line, came};
use crate::report::matrix::base;
use crate::report::text::brief;

/// How many lines of the script stand above and below the one that is to blame.
const NEIGHBOURS: usize = 4;
/// How many characters of anything are shown.
const SHOWN: usize = 600;
/// How many of the other trials are named.
const NAMED: usize = 12;

/// Trials of one case that went wrong in the same way, folded.
pub(super) fn section(trials: &[&CaseResult], whose: &str) -> String {
    let Some(first) = trials.first() else {
        return String::new();
    };
    let whose = if whose.is_empty() {
        String::new()
    } else {
        format!("{}: ", text(whose, 80))
    };
    let mut out = format!(
        "<details><summary>{} {} · {whose}{}</summary>\n\n",
        sign(first.verdict),
        first.verdict.word(),
        text(&first.title, 200),
    );
    let mut item = |name: &str, value: String| {
        if !value.is_empty() {
            out.push_str(&format!("- {name}: {value}\n"));
        }
    };
    item(
        "case",
        format!("{} ({})", code(base(&first.id), 200), overs(trials)),
    );
    item(
        "rule",
        format!(
            "{} ({}): {}",
            code(&first.rule, 100),
            text(&first.level, 20),
            text(&first.rule_text, SHOWN)
        ),
    );
    item(
        "source",
        linked(&format!("{} {}", first.source, first.link), SHOWN),
    );
    item("to a user", text(&first.impact, SHOWN));
    match &first.failure {
        Some(failure) => {
            item("expected", code(&failure.expected, SHOWN));
            item(
                "came",
                format!("{} (after {:.0} ms)", code(&failure.came, SHOWN), failure.at),
            );
            for allowed in failure.allowed.iter().take(4) {
                item("also allowed", code(allowed, SHOWN));
            }
            item("hint", text(&failure.hint, SHOWN));
        }
        None => item("why", text(&first.message, SHOWN)),
    }
    for other in trials
        .iter()
        .skip(1)
        .filter(|other| came(other) != came(first))
        .take(NAMED)
    {
        item(
            "also",
            format!(
                "{} over {}: {}",
                code(&other.id, 200),
                text(&other.over, 20),
                code(came(other), 120)
            ),
        );
    }
    if let Some(excerpt) = excerpt(first) {
        out.push_str(&format!("\n{}", block(&excerpt, "text", 4 * SHOWN)));
    }
    if !first.replay.is_empty() {
        out.push_str(&format!(
            "\n{}",
            block(&brief(&first.replay, SHOWN), "console", SHOWN + 40)
        ));
    }
    out.push_str("\n</details>\n\n");
    out
}

/// The same in a line.
pub(super) fn line(trials: &[&CaseResult]) -> String {
    let Some(first) = trials.first() else {
        return String::new();
    };
    let why = match &first.known {
        Some(known) => format!("{} {}", text(&known.why, 200), linked(&known.link, 300)),
        None => text(&first.message, 200),
    };
    let why = if why.trim().is_empty() {
        String::new()
    } else {
        format!(": {why}")
    };
    format!("- {} ({}){why}\n", code(base(&first.id), 200), overs(trials))
}

fn overs(trials: &[&CaseResult]) -> String {
    let mut overs: Vec<&str> = trials.iter().map(|trial| trial.over.as_str()).collect();
    overs.sort_unstable();
    overs.dedup();
    text(&overs.join(", "), 80)
}

/// The lines of the script around the one that is to blame, which an arrow marks.
fn excerpt(case: &CaseResult) -> Option<String> {
    let failure = case.failure.as_ref()?;
    let lines: Vec<&str> = case.script.lines().collect();
    let at = blamed_line(&lines, failure)?;
    let from = at.saturating_sub(NEIGHBOURS);
    let to = (at + NEIGHBOURS + 1).min(lines.len());
    let shown = lines[from..to].iter().enumerate().map(|(index, line)| {
        let number = from + index + 1;
        let mark = if number == at + 1 { "→" } else { " " };
        format!("{mark} {number:>3} {}", brief(line, 200))
    });
    Some(shown.collect::<Vec<_>>().join("\n"))
}
