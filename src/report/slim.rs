//! A result small enough to be kept among the sources: what happened stays only where it is news.

use super::text::brief_lines;
use crate::outcome::{CaseResult, RunResult, Verdict};
use crate::transcript::{Event, Transcript, Wire};

/// The longest text of a record, in characters or bytes.
const LONGEST: usize = 2_000;
/// How many entries of a record stay.
const ENTRIES: usize = 200;

/// Leaves out the records of trials that simply pass, and shortens those of the others.
///
/// Verdicts can no longer be derived from what is left: that needs the result as the run wrote it.
pub fn slim(result: &mut RunResult) {
    for case in &mut result.cases {
        if is_plain(case) {
            case.record = Transcript::default();
            case.transcript.clear();
        } else {
            shorten(&mut case.record);
            shorten_lines(&mut case.transcript);
        }
        shorten_lines(&mut case.baseline);
    }
}

fn is_plain(case: &CaseResult) -> bool {
    case.verdict == Verdict::Pass && case.deviation.is_none()
}

fn shorten_lines(lines: &mut Vec<String>) {
    lines.truncate(ENTRIES);
    for line in lines {
        shorten_text(line);
    }
}

fn shorten(record: &mut Transcript) {
    record.dropped += record.entries.len().saturating_sub(ENTRIES) as u64;
    record.entries.truncate(ENTRIES);
    for entry in &mut record.entries {
        match &mut entry.event {
            Event::Sent(wire) | Event::Received(wire) => shorten_wire(wire),
            Event::Did(text) | Event::Note(text) => shorten_text(text),
            Event::Opened(_) | Event::Closed(_) | Event::Silence(_) | Event::Deadline | Event::Lag(_) => {}
        }
    }
}

fn shorten_wire(wire: &mut Wire) {
    match wire {
        Wire::Text(text) | Wire::Driver(text) => shorten_text(text),
        Wire::Binary(bytes) | Wire::Raw(bytes) => bytes.truncate(LONGEST),
        Wire::Request(request) => {
            shorten_text(&mut request.target);
            request.body.truncate(LONGEST);
        }
        Wire::Response(response) => response.body.truncate(LONGEST),
        Wire::Frame(frame) => frame.payload.truncate(LONGEST),
    }
}

fn shorten_text(text: &mut String) {
    if text.len() > LONGEST {
        *text = brief_lines(text, LONGEST / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Entry;

    fn case(verdict: Verdict, entries: usize) -> CaseResult {
        let entry = |n: usize| Entry {
            at: n as f64,
            label: String::new(),
            event: Event::Received(Wire::Text("x".repeat(100_000))),
            cause: None,
        };
        CaseResult {
            verdict,
            record: Transcript {
                entries: (0..entries).map(entry).collect(),
                dropped: 1,
                ..Transcript::default()
            },
            transcript: vec!["y".repeat(100_000)],
            ..CaseResult::default()
        }
    }

    #[test]
    fn what_simply_passed_keeps_no_record_and_what_did_not_a_short_one() {
        let mut result = RunResult {
            cases: vec![case(Verdict::Pass, 3), case(Verdict::Fail, 500)],
            ..RunResult::default()
        };
        slim(&mut result);
        assert!(result.cases[0].record.entries.is_empty() && result.cases[0].transcript.is_empty());
        let record = &result.cases[1].record;
        assert_eq!((record.entries.len(), record.dropped), (ENTRIES, 301));
        assert!(serde_json::to_string(&result).unwrap().len() < 400_000);
    }
}
