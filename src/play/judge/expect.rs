//! Whether what arrived fits the line that is due: contents, alternatives, order, causes and times.

use super::client;
use super::label::{self, Arrival, What};
use super::{Demand, Flow, Judge, Match};
use crate::notation::{Action, Alternative, Binary, Content, Frame, Step, Text};
use crate::pattern::{Captures, Mismatch, Pattern};
use crate::transcript::{Cause, Closed, Proof, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::collections::HashMap;
use std::sync::Arc;

/// Patterns that were compiled before, by their text.
#[derive(Default)]
pub(super) struct Compiled {
    texts: HashMap<String, Arc<Pattern>>,
    reports: HashMap<String, Arc<Pattern>>,
}

impl Compiled {
    /// The pattern of a report; `None` where it cannot be read.
    pub(super) fn report(&mut self, text: &Text) -> Option<Arc<Pattern>> {
        if let Some(pattern) = self.reports.get(&text.0) {
            return Some(Arc::clone(pattern));
        }
        let pattern = Arc::new(Pattern::compile_report(text).ok()?);
        self.reports.insert(text.0.clone(), Arc::clone(&pattern));
        Some(pattern)
    }
}

/// Everything that a line accepts: what it says, then its alternatives.
pub(super) fn contents(step: &Step) -> impl Iterator<Item = &Content> {
    let (first, alternatives): (Option<&Content>, &[Alternative]) = match &step.action {
        Action::Wire {
            content,
            alternatives,
            ..
        } => (Some(content), alternatives),
        Action::Report { alternatives, .. } => (None, alternatives),
        Action::Own(_) | Action::Command(_) => (None, &[]),
    };
    first
        .into_iter()
        .chain(alternatives.iter().map(|alternative| &alternative.content))
}

/// Why something does not fit.
pub(super) struct Misfit {
    /// What the line expects, in words.
    pub(super) expected: String,
    /// What came, in words.
    pub(super) came: String,
    /// What to look at.
    pub(super) hint: String,
}

/// How a line was met.
struct Met {
    /// The alternative that was taken, where it was not the line itself.
    alternative: Option<usize>,
    captures: Captures,
}

impl<'c> Judge<'c> {
    pub(super) fn advance_expected(&mut self, step: &'c Step, label: String) -> Flow<'c> {
        if contents(step).any(|content| matches!(content, Content::Rest)) || client::expects_anything(step) {
            if let Some(flow) = self.came_before_the_rest(&label) {
                return flow;
            }
            self.labels.entry(label).or_default().rest = true;
            self.step_done(step);
            return Flow::Again;
        }
        if self.is_met_already(step, &label) {
            self.step_done(step);
            return Flow::Again;
        }
        let Some(arrival) = self.candidate(step, &label) else {
            return self.wait_for(step, label);
        };
        match self.check(step, self.repetition, &label, &arrival) {
            Ok(met) => {
                if let Some(flow) = self.accept(step, self.repetition, &label, &arrival, met) {
                    return flow;
                }
                self.step_done(step);
                Flow::Again
            }
            Err(misfit) => self.fail_misfit(step, &label, &arrival, misfit),
        }
    }

    /// A WebSocket whose handshake was refused needs no closing.
    fn is_met_already(&self, step: &Step, label: &str) -> bool {
        let Action::Wire {
            content: Content::Close(_),
            ..
        } = &step.action
        else {
            return false;
        };
        self.labels.get(label).is_some_and(|state| state.refused)
    }

    /// The label of a repetition, as it is recorded.
    pub(super) fn label_of(&self, step: &Step, repetition: u32) -> String {
        self.resolve_label(super::label_name(step, repetition))
    }

    pub(super) fn advance_group(&mut self) -> Flow<'c> {
        if self.group.is_empty() {
            self.node += 1;
            self.enter_node();
            return Flow::Again;
        }
        let open = self.group.clone();
        for (step, repetition) in &open {
            let label = self.label_of(step, *repetition);
            if let Some(flow) = self.prepare(step, &label) {
                return flow;
            }
        }
        for (step, repetition) in &open {
            if !self.hosts() {
                break;
            }
            if let Some(flow) = self.take_request(step, *repetition) {
                self.group
                    .retain(|(s, n)| !(s.line == step.line && n == repetition));
                self.deadline_passed = false;
                return flow;
            }
        }
        for (step, repetition) in &open {
            if self.hosts() && Self::expected_request(step).is_some() {
                continue;
            }
            let label = self.label_of(step, *repetition);
            let Some(arrival) = self.candidate(step, &label) else {
                continue;
            };
            let same_label: Vec<&(&'c Step, u32)> = open
                .iter()
                .filter(|(s, n)| self.label_of(s, *n) == label)
                .collect();
            let mut first_misfit = None;
            for (other, number) in same_label {
                match self.check(other, *number, &label, &arrival) {
                    Ok(met) => {
                        if let Some(flow) = self.accept(other, *number, &label, &arrival, met) {
                            return flow;
                        }
                        self.group.retain(|(s, n)| !(s.line == other.line && n == number));
                        self.deadline_passed = false;
                        return Flow::Again;
                    }
                    Err(misfit) => {
                        first_misfit.get_or_insert((*other, misfit));
                    }
                }
            }
            if let Some((step, misfit)) = first_misfit {
                return self.fail_misfit(step, &label, &arrival, misfit);
            }
        }
        let Some(&(step, repetition)) = open.first() else {
            return Flow::Again;
        };
        let label = self.label_of(step, repetition);
        if self.deadline_passed {
            return self.fail_nothing_came(step, repetition, &label);
        }
        let deadline = open
            .iter()
            .map(|(s, n)| self.deadline_of(s, &self.label_of(s, *n)))
            .fold(0.0, f64::max);
        Flow::Need(Demand::Await {
            label,
            deadline,
            repoll: self.repollable(&open),
        })
    }

    fn repollable(&self, open: &[(&'c Step, u32)]) -> Vec<String> {
        let mut labels: Vec<String> = open
            .iter()
            .filter(|(step, _)| !contents(step).any(|c| matches!(c, Content::Status { .. })))
            .map(|(step, n)| self.label_of(step, *n))
            .filter(|label| {
                self.labels
                    .get(label)
                    .is_some_and(|s| s.body.as_ref().is_some_and(|b| b.polls))
            })
            .collect();
        labels.sort();
        labels.dedup();
        labels
    }

    fn wait_for(&mut self, step: &'c Step, label: String) -> Flow<'c> {
        if self.deadline_passed {
            return self.fail_nothing_came(step, self.repetition, &label);
        }
        let deadline = self.deadline_of(step, &label);
        let alive = contents(step).any(|content| matches!(content, Content::Alive));
        let silent = contents(step).any(|content| matches!(content, Content::Nothing));
        if alive || silent || client::expects_silence(step) {
            return Flow::Need(self.proof(label, alive, deadline));
        }
        let repoll = self.repollable(&[(step, self.repetition)]);
        Flow::Need(Demand::Await {
            label,
            deadline,
            repoll,
        })
    }

    /// What arrived on this label and is to be held against the line; taken out of the queue.
    fn candidate(&mut self, step: &Step, label: &str) -> Option<Arrival> {
        let ambient = self.ambient.clone();
        let wants_status = contents(step).any(|content| matches!(content, Content::Status { .. }));
        let wants_whole =
            contents(step).any(|c| matches!(c, Content::Text(text) if text.0.contains("\\x1e")));
        let state = self.labels.entry(label.to_owned()).or_default();
        state.skip_ambient(&ambient, label);
        if wants_status {
            state.drop_older_responses();
            return state.queue.pop_front();
        }
        state.absorb_own_responses();
        if let Some(body) = &mut state.body {
            let whole = body.whole.take();
            let (entry, at) = (body.entry, body.at);
            if let Some(whole) = whole.filter(|_| wants_whole && !body.used) {
                body.used = true;
                body.packets.clear();
                return Some(Arrival {
                    entry,
                    at,
                    what: What::Text(whole),
                });
            }
            while body
                .packets
                .front()
                .is_some_and(|packet| ambient.is(label, packet))
            {
                body.packets.pop_front();
            }
            if let Some(packet) = body.packets.pop_front() {
                body.used = true;
                return Some(Arrival {
                    entry,
                    at,
                    what: What::Text(packet),
                });
            }
            if body.polls {
                body.used = true;
            }
        }
        state.drop_older_responses();
        state.queue.pop_front()
    }

    fn check(&mut self, step: &Step, repetition: u32, label: &str, arrival: &Arrival) -> Result<Met, Misfit> {
        let known = self.captures_for(label);
        if let Action::Report { text, .. } = &step.action {
            let mut captures = known.clone();
            if self
                .check_report(text, repetition, arrival, &mut captures)
                .is_ok()
            {
                return Ok(Met {
                    alternative: None,
                    captures,
                });
            }
        }
        let mut first = None;
        let has_own_content = matches!(step.action, Action::Wire { .. });
        for (index, content) in contents(step).enumerate() {
            let mut captures = known.clone();
            match self.check_content(content, repetition, label, arrival, &mut captures) {
                Ok(()) => {
                    let alternative = if has_own_content {
                        index.checked_sub(1)
                    } else {
                        Some(index)
                    };
                    return Ok(Met {
                        alternative,
                        captures,
                    });
                }
                Err(misfit) => {
                    first.get_or_insert(misfit);
                }
            }
        }
        let first = match (&step.action, first) {
            (Action::Report { text, .. }, _) => self
                .check_report(text, repetition, arrival, &mut known.clone())
                .err(),
            (_, first) => first,
        };
        Err(first.unwrap_or_else(|| Misfit {
            expected: "something else".into(),
            came: arrival.describe(),
            hint: String::new(),
        }))
    }

    fn check_content(
        &mut self,
        content: &Content,
        repetition: u32,
        label: &str,
        arrival: &Arrival,
        captures: &mut Captures,
    ) -> Result<(), Misfit> {
        match (content, &arrival.what) {
            // Over polling a client can also end a session without a word; who wants to hear it names the packet.
            (Content::Text(text), What::Closed(closed))
                if text.0 == "1" && closed.how == label::CLOSE_PACKET =>
            {
                Ok(())
            }
            (Content::Text(text), What::Text(_)) if label == super::DRIVER => {
                self.check_report(text, repetition, arrival, captures)
            }
            (Content::Text(text), What::Text(_)) => self.check_text(text, repetition, arrival, captures),
            (Content::Binary(binary), What::Binary(bytes)) => check_binary(binary, bytes, arrival),
            (Content::Binary(binary), What::Text(text)) if self.reads_payloads(label) => {
                let decoded = text
                    .strip_prefix('b')
                    .and_then(|encoded| STANDARD.decode(encoded).ok());
                let bytes = decoded.ok_or_else(|| misfit_of(content, arrival))?;
                check_binary(binary, &bytes, arrival)
            }
            (Content::Status { code, headers }, What::Response(response, _)) => {
                self.check_response(code, headers, repetition, response, captures)
            }
            (Content::Frame(frame), What::Frame(_) | What::Text(_) | What::Binary(_)) => {
                self.check_frame(frame, repetition, arrival, captures)
            }
            (Content::Close(code), What::Closed(closed)) => {
                self.check_close(code.as_ref(), closed, label, captures)
            }
            (Content::Raw(text), What::Raw(bytes)) => {
                let came = String::from_utf8_lossy(bytes).into_owned();
                let held = Arrival {
                    what: What::Text(came),
                    ..arrival.clone()
                };
                self.check_text(text, repetition, &held, captures)
            }
            (Content::Nothing, What::Silence(Proof::Echo | Proof::Window(_) | Proof::Connect)) => Ok(()),
            (Content::Alive, What::Silence(Proof::Echo | Proof::Connect)) => Ok(()),
            (Content::Request(request) | Content::WebSocket(request), What::Request(line)) => {
                let text = Text(format!("{} {}", request.method, request.target));
                let held = Arrival {
                    what: What::Text(line.clone()),
                    ..arrival.clone()
                };
                self.check_text(&text, repetition, &held, captures)
            }
            _ => Err(misfit_of(content, arrival)),
        }
    }

    /// Whether what comes on this label are packets of HTTP bodies, where binary data is base64.
    fn reads_payloads(&self, label: &str) -> bool {
        let is_websocket = self.labels.get(label).is_some_and(|state| state.handshaking);
        self.case.header.over.is_empty() && !is_websocket
    }

    fn check_text(
        &mut self,
        text: &Text,
        repetition: u32,
        arrival: &Arrival,
        captures: &mut Captures,
    ) -> Result<(), Misfit> {
        let Some(came) = arrival.text() else {
            return Err(misfit_of(&Content::Text(text.clone()), arrival));
        };
        self.match_pattern(text, came, repetition, captures)
            .map_err(|mismatch| Misfit {
                expected: format!("`{}`", super::explain::shorten(&text.0)),
                came: format!("`{}`", super::explain::shorten(came)),
                hint: mismatch.map_or_else(|| "the pattern could not be read".into(), |m| m.to_string()),
            })
    }

    pub(super) fn match_pattern(
        &mut self,
        text: &Text,
        came: &str,
        repetition: u32,
        captures: &mut Captures,
    ) -> Result<(), Option<Mismatch>> {
        let pattern = match self.compiled.texts.get(&text.0) {
            Some(pattern) => Arc::clone(pattern),
            None => {
                let pattern = Arc::new(Pattern::compile(text).map_err(|_| None)?);
                self.compiled.texts.insert(text.0.clone(), Arc::clone(&pattern));
                pattern
            }
        };
        pattern.matches(came, repetition, captures).map_err(Some)
    }

    fn check_response(
        &mut self,
        code: &Text,
        headers: &[(String, Text)],
        repetition: u32,
        response: &Response,
        captures: &mut Captures,
    ) -> Result<(), Misfit> {
        let status = response.status.to_string();
        self.match_pattern(code, &status, repetition, captures)
            .map_err(|_| Misfit {
                expected: format!("status {code}"),
                came: format!("status {status}{}", super::explain::body_excerpt(response)),
                hint: String::new(),
            })?;
        for (name, pattern) in headers {
            let values: Vec<&str> = response
                .headers
                .iter()
                .filter(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
                .collect();
            if !self.header_fits(pattern, &values, repetition, captures) {
                let joined = values.join(", ");
                let came = if values.is_empty() {
                    "no such header".to_owned()
                } else {
                    format!("`{joined}`")
                };
                return Err(Misfit {
                    expected: format!("header {name}: {pattern}"),
                    came: format!("{came}, with status {status}"),
                    hint: String::new(),
                });
            }
        }
        Ok(())
    }

    /// Whether the values of a header are what is expected; `absent` expects none.
    pub(super) fn header_fits(
        &mut self,
        pattern: &Text,
        values: &[&str],
        repetition: u32,
        captures: &mut Captures,
    ) -> bool {
        match (pattern.0.as_str(), values.is_empty()) {
            ("absent", empty) => empty,
            (_, true) => false,
            (_, false) => self
                .match_pattern(pattern, &values.join(", "), repetition, captures)
                .is_ok(),
        }
    }

    fn check_frame(
        &mut self,
        frame: &Frame,
        repetition: u32,
        arrival: &Arrival,
        captures: &mut Captures,
    ) -> Result<(), Misfit> {
        let (opcode, payload) = match &arrival.what {
            What::Frame(came) => (came.opcode, came.payload.clone()),
            What::Text(text) => (1, text.clone().into_bytes()),
            What::Binary(bytes) => (2, bytes.clone()),
            _ => return Err(misfit_of(&Content::Frame(frame.clone()), arrival)),
        };
        let text = String::from_utf8_lossy(&payload).into_owned();
        if opcode != frame.opcode
            || self
                .match_pattern(&frame.payload, &text, repetition, captures)
                .is_err()
        {
            return Err(misfit_of(&Content::Frame(frame.clone()), arrival));
        }
        Ok(())
    }

    fn check_close(
        &mut self,
        code: Option<&Text>,
        closed: &Closed,
        label: &str,
        captures: &mut Captures,
    ) -> Result<(), Misfit> {
        let Some(code) = code else { return Ok(()) };
        if self
            .labels
            .get(label)
            .is_some_and(|state| state.over == "polling")
        {
            return Ok(());
        }
        let came = closed
            .code
            .map_or_else(|| "none".to_owned(), |code| code.to_string());
        self.match_pattern(code, &came, 0, captures).map_err(|_| Misfit {
            expected: format!("a close with code {code}"),
            came: format!("a close by the target ({})", closed.how),
            hint: String::new(),
        })
    }

    /// Takes the arrival as what the line asks for, if its time and its cause are right as well.
    fn accept(
        &mut self,
        step: &'c Step,
        repetition: u32,
        label: &str,
        arrival: &Arrival,
        met: Met,
    ) -> Option<Flow<'c>> {
        let heartbeat = arrival.text() == Some("2");
        let asked = self.labels.get(label).and_then(|state| state.asked);
        if asked.is_some_and(|asked| arrival.entry < asked) && !heartbeat && !arrival.is_silence() {
            return Some(self.fail_too_early(step, label, arrival));
        }
        if let Some(flow) = self.check_time(step, label, arrival) {
            return Some(flow);
        }
        if let Some(index) = met.alternative {
            self.take_alternative(step, index, label, arrival);
        }
        self.keep_captures(met.captures, label);
        let cause = Cause {
            line: step.line,
            repetition,
        };
        let free = match &step.action {
            Action::Wire { alternatives, .. } | Action::Report { alternatives, .. } => {
                alternatives.iter().any(|alternative| alternative.equal)
            }
            Action::Own(_) | Action::Command(_) => false,
        };
        self.matches.push(Match {
            entry: arrival.entry,
            cause,
            free,
        });
        self.last_met = self.last_met.max(arrival.entry);
        let is_last = self.node + 1 >= self.nodes.len();
        let state = self.labels.entry(label.to_owned()).or_default();
        state.last_line_at = arrival.at;
        state.answered = true;
        match &arrival.what {
            What::Closed(_) => {
                state.closed = true;
                state.over_early = met.alternative.is_some();
            }
            What::Text(text) if text == "1" => state.over_early = met.alternative.is_some(),
            What::Response(response, _) => {
                state.refused = state.handshaking && response.status != 101;
                state.read_body(response, arrival.entry, arrival.at);
            }
            What::Silence(_) if is_last => state.proved = true,
            _ => {}
        }
        self.base = self.base.max(arrival.at);
        self.lag_at_base = self.lag;
        None
    }

    pub(super) fn check_time(&mut self, step: &'c Step, label: &str, arrival: &Arrival) -> Option<Flow<'c>> {
        if let Some((earliest, latest)) = self.window_of(step, label) {
            if arrival.at < earliest || arrival.at > latest {
                return Some(self.fail_time(step, label, arrival, Some(earliest), latest));
            }
            return None;
        }
        let latest = self.deadline_of(step, label);
        (arrival.at > latest).then(|| self.fail_time(step, label, arrival, None, latest))
    }

    pub(super) fn keep_captures(&mut self, found: Captures, label: &str) {
        let known = self.captures_for(label);
        for (name, value) in found.iter() {
            if known.get(name) != Some(value) {
                self.captures.set(name, value.clone());
            }
        }
    }

    fn take_alternative(&mut self, step: &Step, index: usize, label: &str, arrival: &Arrival) {
        let (Action::Wire { alternatives, .. } | Action::Report { alternatives, .. }) = &step.action else {
            return;
        };
        let Some(alternative) = alternatives.get(index) else {
            return;
        };
        if alternative.equal || self.tolerated.is_some() {
            return;
        }
        self.tolerated = Some(self.describe_tolerated(step, alternative, label, arrival));
    }
}

fn check_binary(binary: &Binary, came: &[u8], arrival: &Arrival) -> Result<(), Misfit> {
    let fits = match binary {
        Binary::Any => true,
        Binary::Bytes(bytes) => bytes == came,
        Binary::Repeat { count, bytes } => {
            came.len() == bytes.len() * *count as usize && came.chunks(bytes.len().max(1)).all(|c| c == bytes)
        }
    };
    if fits {
        Ok(())
    } else {
        Err(misfit_of(&Content::Binary(binary.clone()), arrival))
    }
}

/// A misfit of kind: something quite different came.
fn misfit_of(content: &Content, arrival: &Arrival) -> Misfit {
    Misfit {
        expected: super::explain::content_in_words(content),
        came: arrival.describe(),
        hint: String::new(),
    }
}
