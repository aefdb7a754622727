//! A badge: the JSON that a shields endpoint reads.

use super::matrix::Tally;
use super::text::brief;
use crate::outcome::{Gate, RunResult, Verdict};
use serde::Serialize;

/// The form that shields.io asks for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Badge {
    schema_version: u32,
    label: String,
    message: String,
    color: &'static str,
}

/// The badge of a result, as JSON that ends in a line break.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn badge(result: &RunResult) -> Result<Vec<u8>, serde_json::Error> {
    let tally = Tally::of(&result.cases);
    let role = brief(&result.role, 20);
    let mut bytes = serde_json::to_vec_pretty(&Badge {
        schema_version: 1,
        label: format!("Socket.IO {role}"),
        message: message(result, &tally),
        color: color(result, &tally),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn message(result: &RunResult, tally: &Tally) -> String {
    let (played, bad, known) = (tally.played(), tally.bad(), tally.count(Verdict::Known));
    match (played, bad, known) {
        (0, _, _) => "not tested".to_owned(),
        _ if result.interrupted || result.partition.is_some() => {
            format!("{bad} of {played} fail, incomplete")
        }
        (_, 0, 0) => format!("{played} passed"),
        (_, 0, known) => format!("{} passed, {known} known", played - known),
        _ => format!("{bad} of {played} fail"),
    }
}

fn color(result: &RunResult, tally: &Tally) -> &'static str {
    match (result.gate, tally.bad(), tally.count(Verdict::Known)) {
        _ if tally.played() == 0 || result.interrupted => "lightgrey",
        (Gate::Pass, 0, 0) => "brightgreen",
        (Gate::Pass, 0, _) => "green",
        (_, bad, _) if bad * 20 <= tally.played() => "orange",
        _ => "red",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::CaseResult;

    fn result(verdicts: &[Verdict], gate: Gate) -> RunResult {
        let case = |verdict: &Verdict| CaseResult {
            verdict: *verdict,
            ..CaseResult::default()
        };
        RunResult {
            role: "server".to_owned(),
            cases: verdicts.iter().map(case).collect(),
            gate,
            ..RunResult::default()
        }
    }

    fn shown(result: &RunResult) -> (String, String) {
        let value: serde_json::Value = serde_json::from_slice(&badge(result).unwrap()).unwrap();
        assert_eq!(value["schemaVersion"], 1);
        assert_eq!(value["label"], "Socket.IO server");
        (
            value["message"].as_str().unwrap().to_owned(),
            value["color"].as_str().unwrap().to_owned(),
        )
    }

    #[test]
    fn the_message_says_what_counts() {
        use Verdict::{Crashed, Fail, Known, Lenient, Pass, Skip};
        let is = |verdicts: &[Verdict], gate, message: &str, color: &str| {
            assert_eq!(
                shown(&result(verdicts, gate)),
                (message.to_owned(), color.to_owned())
            );
        };
        is(&[Pass, Lenient, Skip], Gate::Pass, "2 passed", "brightgreen");
        is(&[Pass, Known], Gate::Pass, "1 passed, 1 known", "green");
        is(&[Pass, Fail, Crashed], Gate::Fail, "2 of 3 fail", "red");
        is(
            &[&[Fail], [Pass; 30].as_slice()].concat(),
            Gate::Fail,
            "1 of 31 fail",
            "orange",
        );
        is(&[Skip], Gate::Fail, "not tested", "lightgrey");
        let mut part = result(&[Pass], Gate::Pass);
        part.partition = Some("hash:1/2".to_owned());
        assert_eq!(shown(&part).0, "0 of 1 fail, incomplete");
    }
}
