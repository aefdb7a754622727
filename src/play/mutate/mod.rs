//! Expectation mutation: what the target sent is dropped, doubled, delayed, reordered or altered, and judged again.
//!
//! A mutation that leaves the verdict a pass shows a weak expectation. Everything here is pure: it works on a saved
//! transcript, so the target is not asked again. `packet`, `report` and `request` own how one of them is altered.

mod packet;
mod report;
mod request;

use super::judge::{Ambient, Judge, Judgement, Match, Values, player_of};
use crate::notation::{Action, Case, Content, Item, Step};
use crate::transcript::{Entry, Event, Response, Side, Transcript, Wire};
use std::collections::BTreeMap;

/// By how much a delayed entry comes later, in milliseconds: more than any protocol timer of the suite.
const DELAY_MS: f64 = 600_000.0;
/// The record separator of polling payloads.
const SEPARATOR: char = '\u{1e}';

/// What the mutations of one case came to.
#[derive(Clone, Debug, Default)]
pub struct MutationReport {
    /// How many were judged.
    pub tried: usize,
    /// How many turned the verdict.
    pub caught: usize,
    /// Those that did not and that no `# free:` comment explains.
    pub survivors: Vec<Survivor>,
    /// Those that did not, on lines with a `# free:` comment.
    pub free: usize,
}

/// A mutation that went unnoticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    /// The line of the case whose expectation is weak.
    pub line: u32,
    /// What was done, for a reader.
    pub mutation: String,
}

/// Judges every mutation of a transcript that passes. A transcript that does not pass has none.
pub fn mutate(case: &Case, values: &Values, transcript: &Transcript) -> MutationReport {
    let (judgement, matches) = Judge::replay(case, values.clone(), transcript);
    let mut report = MutationReport::default();
    if judgement != Judgement::Pass {
        return report;
    }
    let script = Script::of(case);
    for (line, name, mutated) in mutations(&script, transcript, &matches) {
        report.tried += 1;
        let (judgement, _) = Judge::replay(case, values.clone(), &mutated);
        if judgement != Judgement::Pass {
            report.caught += 1;
        } else if script.is_free(line) {
            report.free += 1;
        } else {
            report.survivors.push(Survivor { line, mutation: name });
        }
    }
    report
}

/// What mutations need to know of the lines of a script.
struct Script<'c> {
    ambient: Ambient,
    steps: BTreeMap<u32, &'c Step>,
    /// The group of a line, where its order is free.
    groups: BTreeMap<u32, usize>,
    free: Vec<u32>,
}

impl<'c> Script<'c> {
    fn of(case: &'c Case) -> Self {
        let mut script = Self {
            ambient: Ambient::of(case, player_of(case)),
            steps: BTreeMap::new(),
            groups: BTreeMap::new(),
            free: Vec::new(),
        };
        script.walk(&case.script, None);
        script
    }

    fn walk(&mut self, items: &'c [Item], group: Option<usize>) {
        let mut free = false;
        for (index, item) in items.iter().enumerate() {
            match item {
                Item::Comment(text) => free |= text.trim_start().starts_with("free:"),
                Item::Blank | Item::Template(_) => free = false,
                Item::Step(step) => {
                    self.steps.insert(step.line, step);
                    if let Some(group) = group {
                        self.groups.insert(step.line, group);
                    }
                    if std::mem::take(&mut free) {
                        self.free.push(step.line);
                    }
                }
                Item::AnyOrder(inner) => self.walk(inner, Some(index)),
            }
        }
    }

    /// Whether the case says why this line is looser than it could be: by a `# free:` comment, or by an alternative
    /// that is just as good and has its reason above it.
    fn is_free(&self, line: u32) -> bool {
        let reasoned = |step: &&Step| match &step.action {
            Action::Wire { alternatives, .. } | Action::Report { alternatives, .. } => {
                alternatives.iter().any(|a| a.equal) && alternatives.iter().any(|a| !a.comments.is_empty())
            }
            Action::Own(_) | Action::Command(_) => false,
        };
        self.free.contains(&line) || self.steps.get(&line).is_some_and(reasoned)
    }

    fn same_group(&self, a: u32, b: u32) -> bool {
        self.groups
            .get(&a)
            .is_some_and(|group| self.groups.get(&b) == Some(group))
    }

    /// The expected text of a line, to see which fields it states literally.
    fn source(&self, line: u32) -> String {
        match self.steps.get(&line).map(|step| &step.action) {
            Some(
                Action::Wire {
                    content: Content::Text(text),
                    ..
                }
                | Action::Report { text, .. },
            ) => text.0.clone(),
            _ => String::new(),
        }
    }

    /// The request that a line expects.
    fn request(&self, line: u32) -> Option<&crate::notation::Request> {
        match self.steps.get(&line).map(|step| &step.action) {
            Some(Action::Wire {
                content: Content::Request(request) | Content::WebSocket(request),
                ..
            }) => Some(request),
            _ => None,
        }
    }

    fn headers(&self, line: u32) -> Vec<String> {
        match self.steps.get(&line).map(|step| &step.action) {
            Some(Action::Wire {
                content: Content::Status { headers, .. },
                ..
            }) => headers
                .iter()
                .filter(|(_, pattern)| pattern.0 != "absent")
                .map(|(name, _)| name.clone())
                .collect(),
            _ => Vec::new(),
        }
    }
}

type Mutation = (u32, String, Transcript);

fn mutations(script: &Script<'_>, transcript: &Transcript, matches: &[Match]) -> Vec<Mutation> {
    let mut all = Vec::new();
    let is_session = transcript
        .entries
        .iter()
        .any(|entry| matches!(entry.event, Event::Opened(_)));
    for (entry_index, lines) in judged_entries(transcript, matches) {
        let entry = &transcript.entries[entry_index];
        let Some(&first_line) = lines.first() else {
            continue;
        };
        match &entry.event {
            // Over polling the close packet is the close; what follows it from the same end says no more.
            Event::Received(Wire::Text(text)) if is_session && text == "1" => {
                let mut other = without(transcript, entry_index);
                other
                    .entries
                    .retain(|e| e.label != entry.label || !matches!(e.event, Event::Closed(_)));
                all.push((first_line, "drop the close".into(), other));
            }
            Event::Received(Wire::Response(response)) => {
                all.extend(response_mutations(
                    script,
                    transcript,
                    entry_index,
                    response,
                    &lines,
                ));
            }
            Event::Received(wire) => {
                all.extend(message_mutations(
                    script,
                    transcript,
                    entry_index,
                    wire,
                    first_line,
                    matches,
                ));
            }
            Event::Closed(_) => all.push((
                first_line,
                "drop the close".into(),
                without(transcript, entry_index),
            )),
            _ => continue,
        }
        all.push((
            first_line,
            "delay".into(),
            delayed(transcript, entry_index, first_line),
        ));
    }
    all
}

/// The entries of the target that satisfied lines, with those lines; of a repeated line only its first, middle and
/// last repetition.
fn judged_entries(transcript: &Transcript, matches: &[Match]) -> BTreeMap<usize, Vec<u32>> {
    let mut repetitions: BTreeMap<u32, u32> = BTreeMap::new();
    for found in matches {
        let most = repetitions.entry(found.cause.line).or_default();
        *most = (*most).max(found.cause.repetition);
    }
    let mut judged: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for found in matches {
        let last = repetitions.get(&found.cause.line).copied().unwrap_or(0);
        let sampled = [0, last / 2, last].contains(&found.cause.repetition);
        let by_target = match &transcript.entries[found.entry].event {
            Event::Received(_) => true,
            Event::Closed(closed) => closed.by == Side::Target,
            _ => false,
        };
        if sampled && by_target {
            judged.entry(found.entry).or_default().push(found.cause.line);
        }
    }
    judged
}

fn message_mutations(
    script: &Script<'_>,
    transcript: &Transcript,
    index: usize,
    wire: &Wire,
    line: u32,
    matches: &[Match],
) -> Vec<Mutation> {
    let mut all = vec![(line, "drop".to_owned(), without(transcript, index))];
    let entry = &transcript.entries[index];
    // A second ping of a heartbeat that is no part of the script means nothing.
    if !matches!(wire, Wire::Text(text) if script.ambient.is(&entry.label, text)) {
        let mut doubled = transcript.clone();
        doubled.entries.insert(index + 1, entry.clone());
        all.push((line, "double".into(), doubled));
    }
    if let Some(next) = next_of_label(transcript, index)
        && transcript.entries[next].event != transcript.entries[index].event
        && let Some(other) = matches.iter().find(|found| found.entry == next)
        && !script.same_group(line, other.cause.line)
    {
        let mut swapped = transcript.clone();
        let event = swapped.entries[index].event.clone();
        swapped.entries[index].event = std::mem::replace(&mut swapped.entries[next].event, event);
        all.push((line, "swap with the next".into(), swapped));
    }
    let altered: Vec<(String, Wire)> = match wire {
        Wire::Text(text) => packet::altered(text, &script.source(line))
            .into_iter()
            .map(|(name, text)| (name, Wire::Text(text)))
            .collect(),
        Wire::Driver(text) => report::altered(text, &script.source(line))
            .into_iter()
            .map(|(name, text)| (name, Wire::Driver(text)))
            .collect(),
        Wire::Request(came) => match script.request(line) {
            Some(expected) => request::altered(came, expected)
                .into_iter()
                .map(|(name, request)| (name, Wire::Request(request)))
                .collect(),
            None => Vec::new(),
        },
        Wire::Binary(bytes) => packet::altered_bytes(bytes)
            .into_iter()
            .map(|(name, bytes)| (name, Wire::Binary(bytes)))
            .collect(),
        Wire::Frame(frame) => {
            let mut other = frame.clone();
            other.opcode ^= 1;
            vec![("change the opcode".into(), Wire::Frame(other))]
        }
        Wire::Raw(_) | Wire::Response(_) => Vec::new(),
    };
    for (name, wire) in altered {
        all.push((line, name, with_event(transcript, index, Event::Received(wire))));
    }
    all
}

fn response_mutations(
    script: &Script<'_>,
    transcript: &Transcript,
    index: usize,
    response: &Response,
    lines: &[u32],
) -> Vec<Mutation> {
    let status_line = lines[0];
    let mut all = Vec::new();
    let mut push = |line: u32, name: String, response: Response| {
        all.push((
            line,
            name,
            with_event(transcript, index, Event::Received(Wire::Response(response))),
        ));
    };
    if !response.own {
        let status = 599;
        push(
            status_line,
            format!("status {status}"),
            Response {
                status,
                ..response.clone()
            },
        );
    }
    for name in script.headers(status_line) {
        let mut other = response.clone();
        other.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(&name));
        push(status_line, format!("drop the header {name}"), other);
    }
    let body_lines: Vec<u32> = lines
        .iter()
        .copied()
        .filter(|line| !is_status(script, *line))
        .collect();
    if body_lines.is_empty() {
        return all;
    }
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let packets: Vec<&str> = text.split(SEPARATOR).collect();
    let whole = body_lines
        .iter()
        .any(|line| script.source(*line).contains("\\x1e"));
    let joined = |packets: &[&str]| Response {
        body: packets.join("\u{1e}").into_bytes(),
        ..response.clone()
    };
    let label = &transcript.entries[index].label;
    let counts = |packet: &str| !packet.is_empty() && !script.ambient.is(label, packet);
    let counted: Vec<usize> = (0..packets.len()).filter(|n| counts(packets[*n])).collect();
    let sampled = [counted.first(), counted.get(counted.len() / 2), counted.last()];
    let mut done = Vec::new();
    for (nth, &n) in sampled.into_iter().flatten().enumerate() {
        if done.contains(&n) {
            continue;
        }
        done.push(n);
        let line = body_lines
            .get(nth.min(body_lines.len() - 1))
            .copied()
            .unwrap_or(status_line);
        let line = best_line(script, &body_lines, packets[n]).unwrap_or(line);
        let mut fewer = packets.clone();
        fewer.remove(n);
        push(line, "drop a packet of the body".into(), joined(&fewer));
        let mut more = packets.clone();
        more.insert(n, packets[n]);
        push(line, "double a packet of the body".into(), joined(&more));
        if n + 1 < packets.len() && packets[n] != packets[n + 1] && counts(packets[n + 1]) {
            let next = best_line(script, &body_lines, packets[n + 1]).unwrap_or(line);
            if !script.same_group(line, next) {
                let mut swapped = packets.clone();
                swapped.swap(n, n + 1);
                push(line, "swap packets of the body".into(), joined(&swapped));
            }
        }
        if !whole {
            for (name, altered) in packet::altered(packets[n], &script.source(line)) {
                let mut other = packets.clone();
                other[n] = &altered;
                push(line, name, joined(&other));
            }
        }
    }
    all
}

/// The body line whose text begins like the packet.
fn best_line(script: &Script<'_>, lines: &[u32], packet: &str) -> Option<u32> {
    let alike = |line: &u32| {
        script
            .source(*line)
            .chars()
            .zip(packet.chars())
            .take_while(|(a, b)| a == b)
            .count()
    };
    lines.iter().copied().max_by_key(alike)
}

fn is_status(script: &Script<'_>, line: u32) -> bool {
    matches!(
        script.steps.get(&line).map(|step| &step.action),
        Some(Action::Wire {
            content: Content::Status { .. },
            ..
        })
    )
}

fn next_of_label(transcript: &Transcript, index: usize) -> Option<usize> {
    let label = &transcript.entries[index].label;
    (index + 1..transcript.entries.len()).find(|n| {
        let entry = &transcript.entries[*n];
        entry.label == *label && matches!(entry.event, Event::Received(Wire::Text(_) | Wire::Binary(_)))
    })
}

fn without(transcript: &Transcript, index: usize) -> Transcript {
    let mut other = transcript.clone();
    other.entries.remove(index);
    other
}

fn with_event(transcript: &Transcript, index: usize, event: Event) -> Transcript {
    let mut other = transcript.clone();
    other.entries[index] = Entry {
        event,
        ..other.entries[index].clone()
    };
    other
}

/// What came is delayed, and with it all that follows; where it came ahead of lines above its own, these are not.
fn delayed(transcript: &Transcript, index: usize, line: u32) -> Transcript {
    let mut other = transcript.clone();
    let above = |entry: &Entry| entry.cause.is_some_and(|cause| cause.line < line);
    let last_above = other.entries.iter().rposition(above).unwrap_or(0).max(index);
    other.entries[index..=last_above].rotate_left(1);
    let at = other.entries[last_above.saturating_sub(1)]
        .at
        .max(other.entries[last_above].at);
    other.entries[last_above].at = at;
    for entry in &mut other.entries[last_above..] {
        entry.at += DELAY_MS;
    }
    other
}
