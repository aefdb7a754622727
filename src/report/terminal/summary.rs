//! The end of a run on one screen: a table by area, what was skipped and why, and whether the gate holds.

use crate::outcome::{CaseResult, Gate, RunResult, Verdict};
use crate::report::group::{named, not_played};
use crate::report::text::{brief, count};
use anstyle::{AnsiColor, Style};
use std::collections::BTreeMap;

/// How many reasons for skipping, and how many slow trials, are listed.
const LISTED: usize = 20;

/// The longest name of an area, in characters.
const AREA: usize = 60;

/// The table of areas and verdicts; columns that would be empty are left out.
pub(super) fn table(result: &RunResult) -> String {
    let mut areas: BTreeMap<&str, BTreeMap<Verdict, u64>> = BTreeMap::new();
    for case in &result.cases {
        *areas
            .entry(&case.area)
            .or_default()
            .entry(case.verdict)
            .or_default() += 1;
    }
    let shown: Vec<Verdict> = Verdict::ALL
        .into_iter()
        .filter(|verdict| result.totals.get(verdict.word()).is_some_and(|n| *n > 0))
        .collect();
    let width = areas
        .keys()
        .map(|area| brief(area, AREA).chars().count())
        .chain([5])
        .max()
        .unwrap_or(5);
    let mut out = format!("{:width$}", "area");
    for verdict in &shown {
        out.push_str(&format!(
            "  {}",
            paint(*verdict, &format!("{:>7}", verdict.word()))
        ));
    }
    out.push('\n');
    for (area, numbers) in &areas {
        out.push_str(&row(area, width, &shown, |verdict| {
            numbers.get(&verdict).copied().unwrap_or(0)
        }));
    }
    out.push_str(&row("total", width, &shown, |verdict| {
        result.totals.get(verdict.word()).copied().unwrap_or(0)
    }));
    out
}

fn row(name: &str, width: usize, shown: &[Verdict], number: impl Fn(Verdict) -> u64) -> String {
    let mut out = format!("{:width$}", brief(name, AREA));
    for verdict in shown {
        match number(*verdict) {
            0 => out.push_str(&format!("  {:>7}", "·")),
            n => out.push_str(&format!("  {}", paint(*verdict, &format!("{n:>7}")))),
        }
    }
    out.push('\n');
    out
}

/// What the target can do, and what it lacks.
pub(super) fn capabilities<'a>(of: impl Iterator<Item = (&'a str, bool)>) -> String {
    let (can, cannot): (Vec<_>, Vec<_>) = of.partition(|(_, able)| *able);
    let names = |list: Vec<(&str, bool)>| {
        list.into_iter()
            .map(|(name, _)| brief(name, 60))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut out = format!(
        "offers: {}\n",
        if can.is_empty() {
            "nothing".to_owned()
        } else {
            names(can)
        }
    );
    if !cannot.is_empty() {
        out.push_str(&format!("lacks:  {}\n", names(cannot)));
    }
    out
}

/// What was not played, by reason, the most frequent first; empty where everything was.
pub(super) fn skips(result: &RunResult) -> String {
    let reasons = not_played(result);
    let mut out = String::new();
    for (verdict, reason, n) in reasons.iter().take(LISTED) {
        out.push_str(&format!(
            "{} {n:>4}  {}\n",
            paint(*verdict, &format!("{:7}", verdict.word())),
            brief(reason, 160)
        ));
    }
    if let Some(more) = reasons.len().checked_sub(LISTED).filter(|more| *more > 0) {
        out.push_str(&format!(
            "… and {}\n",
            count(more, "other reason", "other reasons")
        ));
    }
    out
}

/// One line for a trial: what came out, and why.
pub(super) fn line(case: &CaseResult) -> String {
    let verdict = paint(case.verdict, &format!("{:7}", case.verdict.word()));
    let message = match (&case.known, case.message.as_str()) {
        (Some(known), _) => format!(": {} {}", brief(&known.why, 160), brief(&known.link, 300)),
        (None, "") => String::new(),
        (None, message) => format!(": {}", brief(message, 200)),
    };
    format!("{verdict} {}{message}\n", named(case))
}

/// The slowest trials, the slowest first.
pub(super) fn slowest(result: &RunResult) -> String {
    let mut cases: Vec<&CaseResult> = result.cases.iter().collect();
    cases.sort_by(|a, b| b.wall_ms.total_cmp(&a.wall_ms));
    let rows = cases.iter().take(LISTED);
    rows.map(|case| format!("{:>8.0} ms  {}\n", case.wall_ms, named(case)))
        .collect()
}

/// Whether the gate holds, with the reasons why not.
pub(super) fn gate(result: &RunResult) -> String {
    let played = result
        .cases
        .iter()
        .filter(|case| case.verdict != Verdict::Skip)
        .count();
    let took = format!(
        "{} in {:.1} s",
        count(played, "trial", "trials"),
        result.wall_ms / 1000.0
    );
    match result.gate {
        Gate::Pass => format!("{}: {took}\n", bold(AnsiColor::Green, "the gate holds")),
        Gate::Fail => {
            let mut out = format!("{}: {took}\n", bold(AnsiColor::Red, "the gate does not hold"));
            for reason in &result.gate_reasons {
                out.push_str(&format!("  - {}\n", brief(reason, 400)));
            }
            out
        }
    }
}

fn paint(verdict: Verdict, text: &str) -> String {
    let color = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Lenient | Verdict::Known | Verdict::Flaky => AnsiColor::Yellow,
        Verdict::Skip => AnsiColor::BrightBlack,
        Verdict::Fail | Verdict::Blocked | Verdict::Crashed | Verdict::Hung | Verdict::Broken => {
            AnsiColor::Red
        }
    };
    let style = Style::new().fg_color(Some(color.into()));
    format!("{style}{text}{style:#}")
}

fn bold(color: AnsiColor, text: &str) -> String {
    let style = Style::new().bold().fg_color(Some(color.into()));
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(area: &str, verdict: Verdict, message: &str) -> CaseResult {
        CaseResult {
            id: format!("server/{area}"),
            area: area.to_owned(),
            over: "polling".to_owned(),
            verdict,
            message: message.to_owned(),
            ..CaseResult::default()
        }
    }

    fn result() -> RunResult {
        let cases = vec![
            case("eio.handshake", Verdict::Pass, ""),
            case("eio.handshake", Verdict::Fail, "came 400"),
            case("sio.recovery", Verdict::Skip, "needs recovery"),
            case("sio.recovery", Verdict::Skip, "needs recovery"),
            case("sio.ack", Verdict::Skip, "needs ask"),
        ];
        let mut totals: BTreeMap<String, u64> =
            Verdict::ALL.map(|verdict| (verdict.word().to_owned(), 0)).into();
        for case in &cases {
            *totals.entry(case.verdict.word().to_owned()).or_default() += 1;
        }
        let gate_reasons = vec!["1 trial failed".to_owned()];
        RunResult {
            cases,
            totals,
            gate_reasons,
            wall_ms: 1234.0,
            ..RunResult::default()
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn the_summary_fits_one_screen() {
        let result = result();
        let capabilities = capabilities([("echo", true), ("ask", false)].into_iter());
        insta::assert_snapshot!(plain(&format!(
            "{}\n{capabilities}{}{}",
            table(&result),
            skips(&result),
            gate(&result)
        )));
    }
}
