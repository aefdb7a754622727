//! What the page says of a trial that did not simply pass. Numbers are places in the table of texts, unless said otherwise.

use super::data::Depth;
use super::record::{self, Row};
use super::strings::Strings;
use crate::outcome::{CaseResult, Failure};
use crate::report::text::{brief, brief_lines};
use serde::Serialize;

/// Stands for the id of the trial in a command; no text of a result has it, since control characters are made visible.
const HERE: char = '\u{1}';

/// The keys are short, since there may be thousands.
#[derive(Debug, Serialize)]
pub(super) struct Details {
    /// Empty where the failure says the same.
    #[serde(rename = "m")]
    message: usize,
    /// How long the trial took, in milliseconds.
    #[serde(rename = "t")]
    ms: u64,
    /// The command that plays it again, with [`HERE`] for its id.
    #[serde(rename = "r")]
    replay: usize,
    #[serde(rename = "f", skip_serializing_if = "Option::is_none")]
    failure: Option<FailureData>,
    /// Why it is known, and its link.
    #[serde(rename = "k", skip_serializing_if = "Option::is_none")]
    known: Option<(usize, usize)>,
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    deviation: Option<usize>,
    /// The script, where this result was made with another one.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    script: Option<usize>,
    #[serde(rename = "w", skip_serializing_if = "Vec::is_empty")]
    rows: Vec<Row>,
    /// The row that did not fit: an index.
    #[serde(rename = "b", skip_serializing_if = "Option::is_none")]
    blamed: Option<usize>,
}

/// Line (from 1), its text, what was expected, what came, when (in milliseconds), the hint, what was allowed as well.
#[derive(Debug, Serialize)]
struct FailureData(u32, usize, usize, usize, u64, usize, Vec<usize>);

/// The details of a trial; `first` is the trial whose script all results share.
pub(super) fn details(
    case: &CaseResult,
    first: &CaseResult,
    role: &str,
    has_diagram: bool,
    depth: &Depth,
    strings: &mut Strings,
) -> Details {
    let rows = if has_diagram {
        record::rows(case, role, depth, strings)
    } else {
        record::Rows::default()
    };
    let mut text = |text: &str| strings.add(brief(text, depth.text));
    let message = text(message(case));
    let failure = case
        .failure
        .as_ref()
        .map(|failure| failure_data(failure, &mut text));
    let known = case
        .known
        .as_ref()
        .map(|known| (text(&known.why), text(&known.link)));
    let deviation = case.deviation.as_ref();
    Details {
        message,
        ms: milliseconds(case.wall_ms),
        replay: strings.add(replay(case, depth)),
        failure,
        known,
        deviation: deviation.map(|text| strings.add(brief_lines(text, depth.text * 2))),
        script: (case.script != first.script).then(|| strings.add(brief_lines(&case.script, depth.text * 4))),
        rows: rows.rows,
        blamed: rows.blamed,
    }
}

fn message(case: &CaseResult) -> &str {
    let said = case
        .failure
        .as_ref()
        .is_some_and(|failure| case.message.contains(&failure.came));
    if said { "" } else { &case.message }
}

/// The command without the id, so that it is the same text for most trials of a result.
fn replay(case: &CaseResult, depth: &Depth) -> String {
    let id = case.id.replace('\'', "'\\''");
    let limit = depth.text.max(400);
    match case.replay.split_once(&id).filter(|_| !id.is_empty()) {
        Some((before, after)) => format!("{}{HERE}{}", brief(before, limit), brief(after, limit)),
        None => brief(&case.replay, limit),
    }
}

fn failure_data(failure: &Failure, text: &mut impl FnMut(&str) -> usize) -> FailureData {
    FailureData(
        failure.line,
        text(&failure.script_line),
        text(&failure.expected),
        text(&failure.came),
        milliseconds(failure.at),
        text(&failure.hint),
        failure
            .allowed
            .iter()
            .take(8)
            .map(|allowed| text(allowed))
            .collect(),
    )
}

/// Whole milliseconds; 0 where there is no such number.
fn milliseconds(ms: f64) -> u64 {
    std::time::Duration::try_from_secs_f64(ms.round() / 1000.0)
        .map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_same_text_for_all_trials() {
        let case = |id: &str, replay: &str| CaseResult {
            id: id.to_owned(),
            replay: replay.to_owned(),
            ..CaseResult::default()
        };
        let a = case(
            "server/a[it's]",
            "siospec run x 'server/a[it'\\''s]' --over polling",
        );
        let b = case("server/b[1 2]", "siospec run x 'server/b[1 2]' --over polling");
        assert_eq!(replay(&a, &Depth::FULL), "siospec run x '\u{1}' --over polling");
        assert_eq!(replay(&a, &Depth::FULL), replay(&b, &Depth::FULL));
        let other = case("server/a", "other \u{1} command");
        assert_eq!(replay(&other, &Depth::FULL), "other \\x01 command");
    }

    #[test]
    fn times_that_are_none_are_zero() {
        assert_eq!(
            [1.6, f64::NAN, -3.0, f64::INFINITY].map(milliseconds),
            [2, 0, 0, 0]
        );
    }
}
