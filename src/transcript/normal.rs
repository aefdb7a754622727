//! The normalised form of a transcript: script lines in which nothing is left that differs from run to run.
//!
//! Owns what is left out (times, pings, noops, repeated polls, proofs) and what is replaced (session ids, values that
//! the target makes up). The snapshots beside the cases hold this form, and deviations are differences of it.

use super::{Entry, Event, Transcript, Wire};
use serde_json::Value;

/// The longest text that is shown whole, in characters.
const SHOWN: usize = 300;

/// The lines of the entries that `counted` names: what the player did, and what satisfied a line.
///
/// Entries of different labels are grouped by label, since their order is not the script's concern.
pub fn normalise(transcript: &Transcript, counted: &[usize]) -> Vec<String> {
    let mut labels: Vec<&str> = Vec::new();
    for entry in &transcript.entries {
        if !labels.contains(&entry.label.as_str()) {
            labels.push(&entry.label);
        }
    }
    let mut lines = Vec::new();
    let is_session = transcript
        .entries
        .iter()
        .any(|entry| matches!(entry.event, Event::Opened(_)));
    for label in labels {
        let own = transcript
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.label == label);
        for (index, entry) in own {
            if !counted.contains(&index) {
                continue;
            }
            match &entry.event {
                // The close packet is one way of several to close a session.
                Event::Received(Wire::Text(text)) if is_session && text == "1" => {
                    lines.push(format!("{label}< close"))
                }
                _ => lines.extend(lines_of(entry)),
            }
        }
    }
    lines
}

fn lines_of(entry: &Entry) -> Vec<String> {
    let label = &entry.label;
    match &entry.event {
        Event::Sent(wire) => wire_lines(wire)
            .into_iter()
            .map(|line| format!("{label}> {line}"))
            .collect(),
        Event::Received(wire) => wire_lines(wire)
            .into_iter()
            .map(|line| format!("{label}< {line}"))
            .collect(),
        Event::Did(what) if what.starts_with("wait") => Vec::new(),
        Event::Did(what) => vec![format!("{label}! {what}")],
        Event::Closed(closed) => match closed.code {
            Some(code) if code != 1000 && code != 1005 => vec![format!("{label}< close {code}")],
            _ => vec![format!("{label}< close")],
        },
        Event::Opened(_) | Event::Silence(_) | Event::Deadline | Event::Lag(_) | Event::Note(_) => Vec::new(),
    }
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
    text.chars()
        .map(|c| {
            if c.is_control() {
                format!("\\x{:02x}", c as u32)
            } else {
                c.to_string()
            }
        })
        .collect()
}

fn shorten(text: &str) -> String {
    let count = text.chars().count();
    if count <= SHOWN {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN / 2).collect();
    format!("{head} … {count} characters")
}
