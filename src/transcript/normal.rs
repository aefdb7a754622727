//! The normalised form of a transcript: script lines in which nothing is left that differs from run to run.
//!
//! Owns what is left out (times, pings, noops, repeated polls, proofs) and what is replaced (session ids, ids of
//! acknowledgements and other values that the target makes up). The snapshots beside the cases hold this form, and deviations are differences of it.

use super::questions::Questions;
use super::{Cause, Entry, Event, Request, Transcript, Wire};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The longest text that is shown whole, in characters.
const SHOWN: usize = 300;
/// A shorter text is no id that may be replaced wherever it stands.
const SHORTEST_ID: usize = 8;
/// A line that is repeated more often is not shown whole.
const MOST_REPETITIONS: u32 = 8;
/// How many of its first repetitions are shown then.
const FIRST_REPETITIONS: u32 = 3;

/// The lines of the entries that satisfied lines of a script, in the script's order: what arrived when is not its
/// concern. Of a line that is repeated often only the first repetitions and the last one are shown.
///
/// `matches` names entries with the line and repetition that each satisfied.
pub fn normalise(transcript: &Transcript, matches: &[(usize, Cause)]) -> Vec<String> {
    let mut ordered = matches.to_vec();
    ordered.sort_by_key(|(_, cause)| (cause.line, cause.repetition));
    let mut last_of: BTreeMap<u32, u32> = BTreeMap::new();
    let mut lines_met: BTreeMap<usize, u32> = BTreeMap::new();
    for (index, cause) in &ordered {
        *lines_met.entry(*index).or_default() += 1;
        last_of.insert(cause.line, cause.repetition);
    }
    let made_up = MadeUp::of(transcript);
    let theirs = if transcript.hosts { ">" } else { "<" };
    let is_session = transcript
        .entries
        .iter()
        .any(|entry| matches!(entry.event, Event::Opened(_)));
    let mut shown = BTreeSet::new();
    let mut lines: Vec<String> = Vec::new();
    for (index, cause) in ordered {
        let last = last_of.get(&cause.line).copied().unwrap_or(0);
        let Some(entry) = transcript.entries.get(index).filter(|_| shown.insert(index)) else {
            continue;
        };
        if last > MOST_REPETITIONS && cause.repetition >= FIRST_REPETITIONS && cause.repetition < last {
            if cause.repetition == FIRST_REPETITIONS {
                lines.push(format!("# {} repetitions are left out", last - FIRST_REPETITIONS));
            }
            continue;
        }
        let label = &entry.label;
        match &entry.event {
            // A session is closed in one way over one transport and in another over the next.
            Event::Received(Wire::Text(text)) if is_session && text == "1" => {
                lines.push(format!("{label}{theirs} close"));
            }
            Event::Closed(_) if is_session => lines.push(format!("{label}{theirs} close")),
            // A body that no line asks for is free.
            Event::Received(Wire::Response(response)) if lines_met.get(&index) == Some(&1) => {
                lines.push(format!("{label}{theirs} {}", response.status));
            }
            _ => lines.extend(
                lines_of(entry, transcript.hosts, &made_up.questions)
                    .into_iter()
                    .map(|line| made_up.replaced(line)),
            ),
        }
    }
    lines
}

/// All lines of a transcript, in the order of arrival, with nothing replaced but the session ids that the target made up.
pub fn as_recorded(transcript: &Transcript) -> Vec<String> {
    let made_up = MadeUp::of(transcript);
    transcript
        .entries
        .iter()
        .flat_map(|entry| lines_of(entry, transcript.hosts, &Questions::default()))
        .map(|line| made_up.replaced(line))
        .collect()
}

/// What the target made up and differs from run to run.
struct MadeUp {
    /// Ids, wherever it told them, and what they are called; the longest first.
    ids: Vec<(String, String)>,
    /// With connection state recovery every event ends with an offset.
    offsets: bool,
    questions: Questions,
}

impl MadeUp {
    fn of(transcript: &Transcript) -> Self {
        let mut ids = Vec::new();
        for entry in &transcript.entries {
            match &entry.event {
                Event::Opened(handshake) => ids.push((handshake.sid.clone(), "sid".to_owned())),
                Event::Received(Wire::Text(text)) => collect_ids(text, &mut ids),
                Event::Received(Wire::Response(response)) => {
                    let body = String::from_utf8_lossy(&response.body);
                    body.split('\u{1e}')
                        .for_each(|packet| collect_ids(packet, &mut ids));
                }
                _ => {}
            }
        }
        ids.retain(|(value, _)| value.len() >= SHORTEST_ID);
        ids.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        ids.dedup();
        let offsets = ids.iter().any(|(_, name)| name == "pid");
        let questions = Questions::of(transcript);
        Self {
            ids,
            offsets,
            questions,
        }
    }

    fn replaced(&self, mut line: String) -> String {
        for (value, name) in &self.ids {
            if line.contains(value.as_str()) {
                line = line.replace(value.as_str(), &format!("<{name}>"));
            }
        }
        if self.offsets
            && let Some((head, last)) = line.rsplit_once(",\"")
            && let Some(offset) = last.strip_suffix("\"]")
            && !offset.is_empty()
            && !offset.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
        {
            line = format!("{head},\"<offset>\"]");
        }
        // The address of the target, in requests that are written out.
        while let Some(from) = line.find("127.0.0.1:").or_else(|| line.find("localhost:")) {
            let digits = line[from + 10..].bytes().take_while(u8::is_ascii_digit).count();
            line.replace_range(from..from + 10 + digits, "<host>");
        }
        line
    }
}

fn collect_ids(packet: &str, found: &mut Vec<(String, String)>) {
    let Some(at) = packet.find('{') else { return };
    if !packet.contains("\"sid\"") && !packet.contains("\"pid\"") {
        return;
    }
    let Ok(Value::Object(members)) = serde_json::from_str::<Value>(&packet[at..]) else {
        return;
    };
    for key in ["sid", "pid"] {
        if let Some(value) = members.get(key).and_then(Value::as_str) {
            found.push((value.to_owned(), key.to_owned()));
        }
    }
}

/// The lines of an entry; `hosts` says that the player was the server.
fn lines_of(entry: &Entry, hosts: bool, questions: &Questions) -> Vec<String> {
    let label = &entry.label;
    let (ours, theirs) = if hosts { ("<", ">") } else { (">", "<") };
    let all = |arrow: &str, wire: &Wire, received: bool| -> Vec<String> {
        let lines = wire_lines(wire).into_iter();
        lines
            .map(|line| format!("{label}{arrow} {}", questions.replaced(label, received, line)))
            .collect()
    };
    match &entry.event {
        Event::Sent(Wire::Driver(text)) => vec![format!("@> {text}")],
        Event::Received(Wire::Driver(text)) => vec![format!("@< {}", report(text))],
        Event::Sent(wire) => all(ours, wire, false),
        Event::Received(Wire::Request(request)) => {
            let plain = Request {
                target: without_timestamp(&request.target),
                ..request.clone()
            };
            all(theirs, &Wire::Request(plain), true)
        }
        Event::Received(wire) => all(theirs, wire, true),
        Event::Did(what) if what.starts_with("wait") => Vec::new(),
        Event::Did(what) => vec![format!("{label}! {what}")],
        Event::Closed(closed) => match closed.code {
            Some(code) if code != 1000 && code != 1005 => vec![format!("{label}{theirs} close {code}")],
            _ => vec![format!("{label}{theirs} close")],
        },
        Event::Opened(_) | Event::Silence(_) | Event::Deadline | Event::Lag(_) | Event::Note(_) => Vec::new(),
    }
}

/// The target of a client's request without the parameter that keeps caches from answering it.
fn without_timestamp(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let kept = query.split('&').filter(|part| !part.starts_with("t="));
    format!("{path}?{}", kept.collect::<Vec<_>>().join("&"))
}

/// A report without the words that are the library's own: why a connection ended, or an answer did not come.
fn report(text: &str) -> String {
    let kept = match text.split(' ').next() {
        Some("disconnect" | "connect_error") => 2,
        Some("ack_error") => 3,
        _ => return shorten(&escape(text)),
    };
    text.split(' ').take(kept).collect::<Vec<_>>().join(" ")
}

fn wire_lines(wire: &Wire) -> Vec<String> {
    match wire {
        Wire::Text(text) => vec![packet(text)],
        Wire::Driver(text) => vec![text.clone()],
        Wire::Binary(bytes) => vec![buffer(bytes)],
        Wire::Request(request) => {
            let mut lines = vec![format!("{} {}", request.method, target(&request.target))];
            if !request.body.is_empty() {
                lines.push(packet(&String::from_utf8_lossy(&request.body)));
            }
            lines
        }
        Wire::Response(response) => {
            let mut lines = vec![response.status.to_string()];
            let body = String::from_utf8_lossy(&response.body);
            let packets = body
                .split('\u{1e}')
                .filter(|p| !p.is_empty() && *p != "2" && *p != "6" && !is_auth(p));
            lines.extend(packets.map(packet));
            lines
        }
        Wire::Raw(bytes) => vec![format!(
            "<raw>{}",
            shorten(&escape(&String::from_utf8_lossy(bytes)))
        )],
        Wire::Frame(frame) => vec![format!(
            "<frame {} fin={} rsv={}>{}",
            frame.opcode,
            u8::from(frame.fin),
            frame.rsv,
            shorten(&escape(&String::from_utf8_lossy(&frame.payload)))
        )],
    }
}

/// A packet with the values that a server makes up replaced by their names.
fn packet(text: &str) -> String {
    let Some(at) = text.find(['{', '[']) else {
        return shorten(&escape(text));
    };
    let (head, json) = text.split_at(at);
    match serde_json::from_str::<Value>(json) {
        Ok(mut value) => {
            replace_made_up(&mut value);
            shorten(&format!("{}{value}", escape(head)))
        }
        Err(_) => shorten(&escape(text)),
    }
}

fn replace_made_up(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                if matches!(key.as_str(), "sid" | "pid" | "offset") && member.is_string() {
                    *member = Value::String(format!("<{key}>"));
                } else {
                    replace_made_up(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(replace_made_up),
        _ => {}
    }
}

/// A request target without the session id.
fn target(target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parts: Vec<String> = query
        .split('&')
        .map(|part| {
            if part.len() > 12 && part.starts_with("sid=") {
                "sid=<sid>".into()
            } else {
                part.to_owned()
            }
        })
        .collect();
    if query.is_empty() {
        path.to_owned()
    } else {
        shorten(&format!("{path}?{}", parts.join("&")))
    }
}

fn is_auth(packet: &str) -> bool {
    packet
        .strip_prefix("42")
        .is_some_and(|rest| rest.contains("[\"auth\","))
}

fn buffer(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect();
    match bytes.len() {
        0 => "<Buffer>".into(),
        n if n > 32 => format!("<Buffer {} … {n} bytes>", shown.join(" ")),
        _ => format!("<Buffer {}>", shown.join(" ")),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            escaped.push_str(&format!("\\x{:02x}", c as u32));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn shorten(text: &str) -> String {
    let count = text.chars().count();
    if count <= SHOWN {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN / 2).collect();
    format!("{head} … {count} characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(label: &str, event: Event) -> Entry {
        Entry {
            at: 0.0,
            label: label.to_owned(),
            event,
            cause: None,
        }
    }

    fn lines(entries: Vec<Entry>) -> Vec<String> {
        let matches: Vec<(usize, Cause)> = (0..entries.len())
            .map(|index| {
                let line = u32::try_from(index).unwrap();
                (index, Cause { line, repetition: 0 })
            })
            .collect();
        let transcript = Transcript {
            entries,
            ..Transcript::default()
        };
        normalise(&transcript, &matches)
    }

    #[test]
    fn ids_that_the_target_chose_are_named_and_the_players_own_stay() {
        let sent = |label, text: &str| entry(label, Event::Sent(Wire::Text(text.to_owned())));
        let received = |label, text: &str| entry(label, Event::Received(Wire::Text(text.to_owned())));
        let normal = lines(vec![
            received("", "4217[\"q\"]"),
            received("", "42/custom,3[\"q\"]"),
            received("", "451-18[\"q\",{\"_placeholder\":true,\"num\":0}]"),
            received("b", "4218[\"q\"]"),
            sent("", "4317[]"),
            sent("", "461-18[{\"_placeholder\":true,\"num\":0}]"),
            sent("", "43/custom,3[]"),
            // Never asked, so that the id is the script's; and what the player asks, with the answer to it.
            sent("", "4399[]"),
            sent("", "4217[\"message-with-ack\"]"),
            received("", "4317[]"),
            received("", "42[1]"),
        ]);
        assert_eq!(
            normal,
            [
                "< 42<id>[\"q\"]",
                "< 42/custom,<id>[\"q\"]",
                "< 451-<id2>[\"q\",{\"_placeholder\":true,\"num\":0}]",
                "b< 42<id>[\"q\"]",
                "> 43<id>[]",
                "> 461-<id2>[{\"_placeholder\":true,\"num\":0}]",
                "> 43/custom,<id>[]",
                "> 4399[]",
                "> 4217[\"message-with-ack\"]",
                "< 4317[]",
                "< 42[1]",
            ]
        );
    }

    #[test]
    fn a_record_of_a_failure_keeps_the_ids() {
        let event = Event::Received(Wire::Text("4217[\"q\"]".to_owned()));
        let transcript = Transcript {
            entries: vec![entry("", event)],
            ..Transcript::default()
        };
        assert_eq!(as_recorded(&transcript), ["< 4217[\"q\"]"]);
    }
}
