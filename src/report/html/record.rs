//! A recorded transcript as the rows of a sequence diagram: one for each thing that happened, short enough to draw.

use super::data::Depth;
use super::strings::Strings;
use crate::outcome::CaseResult;
use crate::report::text::{brief, safe, safe_lines};
use crate::transcript::{Closed, Entry, Event, Handshake, Proof, Side, Wire};
use serde::Serialize;
use std::collections::BTreeSet;

/// How many rows stay before and after the blamed one where rows are left out.
const AROUND: usize = 4;
/// Delays of the runner from which on they are shown, in milliseconds.
const LAG: f64 = 50.0;
/// How many bytes of a binary message are shown.
const BYTES: usize = 16;

/// A row: milliseconds, what kind it is, the label of its channel, its text. As an array, since there are thousands.
///
/// Kinds are `>` and `<` (a message by its direction on the wire), `@>` and `@<` (to and from the application), `!` (what the
/// player did to its connection), `o` (opened), `x` and `X` (ended by the target, by the player), `s` (a proof of silence),
/// `d` (a wait given up), `l` (the runner was held up), `n` (a note), `…` (rows left out).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row(f64, &'static str, usize, usize);

/// The rows of a trial, and which of them did not fit.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    pub(super) blamed: Option<usize>,
}

/// The record of a trial as rows, with about `depth.rows` of them: the blamed one stays, and the first and the last.
pub(super) fn rows(case: &CaseResult, role: &str, depth: &Depth, strings: &mut Strings) -> Rows {
    let blamed_entry = case.failure.as_ref().and_then(|failure| failure.entry);
    let entries: Vec<(usize, &Entry)> = case
        .record
        .entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| !is_noise(entry))
        .collect();
    let blamed = entries.iter().position(|(index, _)| Some(*index) == blamed_entry);
    let mut out = Rows::default();
    let mut next = 0;
    for place in kept(entries.len(), blamed, depth.rows) {
        let entry = entries[place].1;
        if place > next {
            out.rows.push(gap(entry, (place - next) as u64, strings));
        }
        if blamed == Some(place) {
            out.blamed = Some(out.rows.len());
        }
        out.rows
            .push(row(entry, role, blamed == Some(place), depth, strings));
        next = place + 1;
    }
    let after = (entries.len() - next) as u64 + case.record.dropped;
    if let Some((_, last)) = entries.last().filter(|_| after > 0) {
        out.rows.push(gap(last, after, strings));
    }
    out
}

/// Delays of the runner that are too short to matter to anything.
fn is_noise(entry: &Entry) -> bool {
    matches!(entry.event, Event::Lag(ms) if ms < LAG)
}

/// The indices of the entries that are shown.
fn kept(all: usize, blamed: Option<usize>, limit: usize) -> BTreeSet<usize> {
    if all <= limit {
        return (0..all).collect();
    }
    let head = limit * 2 / 3;
    let around = blamed.map_or(0..0, |at| at.saturating_sub(AROUND)..(at + AROUND).min(all));
    (0..head).chain(around).chain(all - (limit - head)..all).collect()
}

fn gap(entry: &Entry, left_out: u64, strings: &mut Strings) -> Row {
    let label = strings.add(String::new());
    Row(
        rounded(entry.at),
        "…",
        label,
        strings.add(format!("{left_out} more")),
    )
}

fn row(entry: &Entry, role: &str, is_blamed: bool, depth: &Depth, strings: &mut Strings) -> Row {
    let (kind, text) = match &entry.event {
        Event::Sent(wire) => (
            arrow(wire, role, Side::Player),
            wire_text(wire, is_blamed, depth.entry),
        ),
        Event::Received(wire) => (
            arrow(wire, role, Side::Target),
            wire_text(wire, is_blamed, depth.entry),
        ),
        Event::Did(what) => ("!", brief(what, depth.entry)),
        Event::Opened(handshake) => ("o", opened(handshake)),
        Event::Closed(closed) => (
            if closed.by == Side::Target { "x" } else { "X" },
            ended(closed, depth.entry),
        ),
        Event::Silence(proof) => ("s", silence(proof, depth.entry)),
        Event::Deadline => ("d", "waited until here".to_owned()),
        Event::Lag(ms) => ("l", format!("siospec itself was held up for {ms:.0} ms")),
        Event::Note(note) => ("n", brief(note, depth.entry)),
    };
    Row(
        rounded(entry.at),
        kind,
        strings.add(brief(&entry.label, 40)),
        strings.add(text),
    )
}

/// The direction on the wire: against a server the player is the client, otherwise the target is. A codec has no wire: what it
/// is asked goes one way, what it answers the other.
fn arrow(wire: &Wire, role: &str, sender: Side) -> &'static str {
    let by_client = (role == "client") == (sender == Side::Target);
    match (wire, sender, by_client) {
        (Wire::Driver(_), Side::Player, _) if role != "codec" => "@>",
        (Wire::Driver(_), Side::Target, _) if role != "codec" => "@<",
        (_, _, true) => ">",
        (_, _, false) => "<",
    }
}

/// What went over the wire; headers only where they may be what did not fit.
fn wire_text(wire: &Wire, with_headers: bool, limit: usize) -> String {
    match wire {
        Wire::Text(text) | Wire::Driver(text) => brief(text, limit),
        Wire::Binary(bytes) => buffer(bytes),
        Wire::Request(request) => {
            let line = format!("{} {}", brief(&request.method, 40), brief(&request.target, limit));
            message(&line, &request.headers, &request.body, with_headers, limit)
        }
        Wire::Response(response) => {
            let line = response.status.to_string();
            message(&line, &response.headers, &response.body, with_headers, limit)
        }
        Wire::Raw(bytes) => format!("<raw> {}", bytes_text(bytes, limit)),
        Wire::Frame(frame) => format!(
            "<frame {} fin={} rsv={}{}> {}",
            frame.opcode,
            u8::from(frame.fin),
            frame.rsv,
            if frame.masked { " masked" } else { "" },
            bytes_text(&frame.payload, limit)
        ),
    }
}

/// A request or a response: its first line, its headers where wanted, and the packets of its body, a line each.
fn message(
    first: &str,
    headers: &[(String, String)],
    body: &[u8],
    with_headers: bool,
    limit: usize,
) -> String {
    let mut text = first.to_owned();
    if with_headers {
        for (name, value) in headers.iter().take(30) {
            text.push_str(&format!("\n{}: {}", brief(name, 60), brief(value, limit / 2)));
        }
    }
    if !body.is_empty() {
        text.push('\n');
        text.push_str(&safe_lines(&cut(body, limit).replace('\u{1e}', "\n")));
    }
    text
}

fn bytes_text(bytes: &[u8], limit: usize) -> String {
    safe(&cut(bytes, limit)).into_owned()
}

/// The first characters of the bytes as text, so that nothing large is looked at as a whole.
fn cut(bytes: &[u8], limit: usize) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(limit * 4)]);
    let shown: String = text.chars().take(limit).collect();
    if shown.len() < text.len() || text.len() < bytes.len() {
        format!("{shown}… ({} bytes)", bytes.len())
    } else {
        shown
    }
}

fn buffer(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes
        .iter()
        .take(BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    match bytes.len() {
        0 => "<Buffer>".to_owned(),
        n if n > BYTES => format!("<Buffer {} … {n} bytes>", shown.join(" ")),
        _ => format!("<Buffer {}>", shown.join(" ")),
    }
}

fn opened(handshake: &Handshake) -> String {
    format!("session open over {}", brief(&handshake.over, 40))
}

fn ended(closed: &Closed, limit: usize) -> String {
    let code = closed
        .code
        .map(|code| format!(", code {code}"))
        .unwrap_or_default();
    let by = if closed.by == Side::Target {
        "the target"
    } else {
        "siospec"
    };
    format!("closed by {by}: {}{code}", brief(&closed.how, limit))
}

fn silence(proof: &Proof, limit: usize) -> String {
    match proof {
        Proof::Echo => "nothing more: an echo came next".to_owned(),
        Proof::Window(ms) => format!("nothing for {ms:.0} ms"),
        Proof::Connect => "the session works: a CONNECT was answered".to_owned(),
        Proof::Failed(why) => format!("no answer to the echo: {}", brief(why, limit)),
    }
}

fn rounded(ms: f64) -> f64 {
    if ms.is_finite() {
        (ms * 10.0).round() / 10.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Failure;
    use crate::transcript::{Response, Transcript};

    fn text(at: f64, text: &str) -> Entry {
        Entry {
            at,
            label: "ws".to_owned(),
            event: Event::Received(Wire::Text(text.to_owned())),
            cause: None,
        }
    }

    fn drawn(
        entries: Vec<Entry>,
        blamed: Option<usize>,
        role: &str,
        limit: usize,
    ) -> (Vec<String>, Option<usize>) {
        let case = CaseResult {
            record: Transcript {
                entries,
                ..Transcript::default()
            },
            failure: Some(Failure {
                entry: blamed,
                ..Failure::default()
            }),
            ..CaseResult::default()
        };
        let mut strings = Strings::default();
        let depth = Depth::FULL.with_rows(limit);
        let rows = rows(&case, role, &depth, &mut strings);
        let texts = strings.into_texts();
        let lines = rows
            .rows
            .iter()
            .map(|row| format!("{}{} {}", texts[row.2], row.1, texts[row.3]))
            .collect();
        (lines, rows.blamed)
    }

    #[test]
    fn arrows_are_those_of_the_wire_in_both_roles() {
        let entry = text(1.0, "40");
        assert_eq!(drawn(vec![entry.clone()], None, "server", 9).0, ["ws< 40"]);
        assert_eq!(drawn(vec![entry], None, "client", 9).0, ["ws> 40"]);
        let asked = |event| Entry {
            event,
            ..text(0.0, "")
        };
        let driven = vec![
            asked(Event::Sent(Wire::Driver("4".to_owned()))),
            asked(Event::Received(Wire::Driver("5".to_owned()))),
        ];
        assert_eq!(drawn(driven.clone(), None, "client", 9).0, ["ws@> 4", "ws@< 5"]);
        assert_eq!(drawn(driven, None, "codec", 9).0, ["ws> 4", "ws< 5"]);
    }

    #[test]
    fn the_blamed_row_is_kept_where_rows_are_left_out() {
        let entries: Vec<Entry> = (0..1000).map(|n| text(n as f64, &n.to_string())).collect();
        let (lines, blamed) = drawn(entries, Some(500), "server", 12);
        assert_eq!(lines[blamed.unwrap()], "ws< 500");
        assert_eq!(lines[0], "ws< 0");
        assert_eq!(lines.last().unwrap(), "ws< 999");
        assert!(lines.len() < 30, "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains("… 488 more")), "{lines:#?}");
    }

    #[test]
    fn short_delays_of_the_runner_are_no_rows_and_shift_nothing() {
        let lag = |ms| Entry {
            event: Event::Lag(ms),
            ..text(0.0, "")
        };
        let (lines, blamed) = drawn(
            vec![lag(3.0), text(1.0, "a"), lag(70.0), text(2.0, "b")],
            Some(3),
            "server",
            9,
        );
        assert_eq!(
            lines,
            ["ws< a", "wsl siospec itself was held up for 70 ms", "ws< b"]
        );
        assert_eq!(blamed, Some(2));
    }

    #[test]
    fn a_large_body_is_cut_and_its_packets_stand_below_each_other() {
        let body = format!("2\u{1e}42[\"{}\"]", "x".repeat(1_000_000)).into_bytes();
        let response = Response {
            status: 200,
            headers: vec![],
            body,
            own: false,
        };
        let entry = Entry {
            event: Event::Received(Wire::Response(response)),
            ..text(0.0, "")
        };
        let (lines, _) = drawn(vec![entry], None, "server", 9);
        assert!(lines[0].starts_with("ws< 200\n2\n42[\"xxx"), "{}", lines[0]);
        assert!(
            lines[0].contains("1000008 bytes") && lines[0].len() < 1000,
            "{}",
            lines[0]
        );
    }
}
