//! Requests of a client: they wait until a line asks for one like them, whatever the order in which they came.
//!
//! Owns which request fits which line, and which are left over at the end.

use super::client::DRIVER;
use super::explain::shorten;
use super::fits::Misfit;
use super::label::{Arrival, What, packets_of};
use super::{Demand, Flow, Judge, Match};
use crate::notation::{Action, Binary, Content, OwnAction, Request as ScriptRequest, Step, Text};
use crate::pattern::Captures;
use crate::transcript::{Cause, Event, Request, Wire};
use crate::wire::{is_upgrade, parameter};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A label that nothing is recorded under: times on it count since the last line of any label.
pub(super) const ANY_LABEL: &str = "\u{0}";

/// A request that no line has asked for yet.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    label: String,
    arrival: Arrival,
    request: Request,
    /// It is a poll, and came while another poll of the same session was not answered.
    at_once: bool,
}

impl<'c> Judge<'c> {
    /// Puts a request where the lines look for it.
    pub(super) fn park_request(&mut self, index: usize, at: f64, label: &str, request: &Request) {
        let line = format!("{} {}", request.method, request.target);
        let session = polled_session(request);
        let at_once = session
            .as_ref()
            .is_some_and(|session| self.open_polls.values().any(|open| open == session));
        if let Some(session) = session {
            self.open_polls.insert(label.to_owned(), session);
        }
        self.waiting.push(Waiting {
            at_once,
            label: label.to_owned(),
            arrival: Arrival {
                entry: index,
                at,
                what: What::Request(line),
            },
            request: request.clone(),
        });
    }

    /// The request that a line expects, if it is one.
    pub(super) fn expected_request(step: &Step) -> Option<(&ScriptRequest, bool)> {
        match &step.action {
            Action::Wire {
                content: Content::Request(request),
                ..
            } => Some((request, false)),
            Action::Wire {
                content: Content::WebSocket(request),
                ..
            } => Some((request, true)),
            _ => None,
        }
    }

    /// Waits for a request: the first that fits, whatever came before it.
    pub(super) fn advance_request(&mut self, step: &'c Step) -> Flow<'c> {
        let name = super::label_name(step, self.repetition);
        if let Some(flow) = self.take_request(step, self.repetition) {
            return flow;
        }
        if self.deadline_passed {
            return self.fail_no_request(step, &name);
        }
        let deadline = self.deadline_of(step, ANY_LABEL);
        Flow::Need(Demand::Await {
            label: name,
            deadline,
            repoll: Vec::new(),
        })
    }

    /// Takes the first request that fits a line, and says how that ended; `None` where none fits.
    pub(super) fn take_request(&mut self, step: &'c Step, repetition: u32) -> Option<Flow<'c>> {
        let (request, websocket) = Self::expected_request(step)?;
        for index in 0..self.waiting.len() {
            // Two polls at once are never what a line asks for.
            let found = self.waiting[index].clone();
            if found.at_once {
                continue;
            }
            let mut captures = self.captures_for(&found.label);
            if self
                .check_request(request, websocket, repetition, &found.request, &mut captures)
                .is_err()
            {
                continue;
            }
            self.waiting.remove(index);
            self.last_met = self.last_met.max(found.arrival.entry);
            if let Some(flow) = self.check_time(step, ANY_LABEL, &found.arrival) {
                return Some(flow);
            }
            self.keep_captures(captures, &found.label);
            let name = super::label_name(step, repetition);
            self.bound.insert(name.clone(), found.label.clone());
            self.named.insert(found.label.clone(), name);
            self.matches.push(Match {
                entry: found.arrival.entry,
                cause: Cause {
                    line: step.line,
                    repetition,
                },
                free: false,
            });
            let state = self.labels.entry(found.label).or_default();
            state.handshaking = websocket;
            state.last_line_at = found.arrival.at;
            self.base = self.base.max(found.arrival.at);
            self.lag_at_base = self.lag;
            if let Some(node) = self.nodes.get(self.node)
                && matches!(node, super::Node::Step(_))
            {
                self.step_done(step);
            }
            return Some(Flow::Again);
        }
        None
    }

    fn check_request(
        &mut self,
        expected: &ScriptRequest,
        websocket: bool,
        repetition: u32,
        came: &Request,
        captures: &mut Captures,
    ) -> Result<(), Misfit> {
        let misfit = |hint: String| Misfit {
            expected: format!("the request `{} {}`", expected.method, expected.target),
            came: format!("the request `{} {}`", came.method, shorten(&came.target)),
            hint,
        };
        if websocket != is_upgrade(came) {
            return Err(misfit(
                "one of them is a WebSocket handshake and the other is not".into(),
            ));
        }
        if !websocket && expected.method != came.method {
            return Err(misfit(format!("the method is {}", came.method)));
        }
        self.check_target(&expected.target, &came.target, repetition, captures)
            .map_err(&misfit)?;
        for (name, pattern) in &expected.headers {
            let values = came
                .headers
                .iter()
                .filter(|(key, _)| key.eq_ignore_ascii_case(name));
            let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
            if !self.header_fits(pattern, &values, repetition, captures) {
                return Err(misfit(format!("the header {name} is {}", values.join(", "))));
            }
        }
        self.check_body(&expected.body, &came.body, repetition, captures)
            .map_err(misfit)
    }

    /// The path, and each parameter that the line names; others are free, but for `sid`.
    fn check_target(
        &mut self,
        expected: &Text,
        came: &str,
        repetition: u32,
        captures: &mut Captures,
    ) -> Result<(), String> {
        let (path, query) = expected.0.split_once('?').unwrap_or((&expected.0, ""));
        let came_path = came.split('?').next().unwrap_or_default();
        let usual = self.values.texts.get("path").cloned();
        let path_fits = match (path, usual) {
            ("", Some(usual)) => usual == came_path,
            ("", None) => true,
            _ => self
                .match_pattern(&Text(path.to_owned()), came_path, repetition, captures)
                .is_ok(),
        };
        if !path_fits {
            return Err(format!("the path is {came_path}"));
        }
        let parameters: Vec<(&str, &str)> = query
            .split('&')
            .filter(|part| !part.is_empty() && *part != "...")
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .collect();
        if !parameters.iter().any(|(name, _)| *name == "sid")
            && let Some(sid) = parameter(came, "sid")
        {
            return Err(format!("it has a sid: {sid}"));
        }
        for (name, pattern) in parameters {
            let value = parameter(came, name);
            let pattern = Text(pattern.to_owned());
            let fits = match (&value, pattern.0.as_str()) {
                (None, "absent") => true,
                (None, _) | (Some(_), "absent") => false,
                // As it stands in the query, or decoded.
                (Some(value), _) => {
                    let raw = raw_parameter(came, name);
                    self.match_pattern(&pattern, raw, repetition, captures).is_ok()
                        || self.match_pattern(&pattern, value, repetition, captures).is_ok()
                }
            };
            if !fits {
                return Err(match value {
                    Some(value) => format!("{name} is `{}`", shorten(&value)),
                    None => format!("there is no {name}"),
                });
            }
        }
        Ok(())
    }

    fn check_body(
        &mut self,
        expected: &[Content],
        came: &[u8],
        repetition: u32,
        captures: &mut Captures,
    ) -> Result<(), String> {
        if expected.is_empty() {
            return Ok(());
        }
        let packets = packets_of(came);
        if packets.len() != expected.len() {
            let (came, expected) = (packets.len(), expected.len());
            return Err(format!("the body has {came} packets, expected {expected}"));
        }
        for (content, packet) in expected.iter().zip(&packets) {
            let fits = match content {
                Content::Text(text) => self.match_pattern(text, packet, repetition, captures).is_ok(),
                Content::Binary(binary) => {
                    let encoded = packet.strip_prefix('b');
                    let bytes = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
                    bytes.is_some_and(|bytes| match binary {
                        Binary::Any => true,
                        Binary::Bytes(expected) => *expected == bytes,
                        Binary::Repeat { count, bytes: part } => part.repeat(*count as usize) == bytes,
                    })
                }
                _ => false,
            };
            if !fits {
                return Err(format!("a packet of the body is `{}`", shorten(packet)));
            }
        }
        Ok(())
    }

    fn fail_no_request(&mut self, step: &Step, label: &str) -> Flow<'c> {
        let (hint, entry) = match (Self::expected_request(step), self.waiting.first().cloned()) {
            (Some((request, websocket)), Some(other)) => {
                let mut captures = self.captures_for(&other.label);
                let misfit =
                    self.check_request(request, websocket, self.repetition, &other.request, &mut captures);
                let hint = misfit.err().map_or_else(String::new, |misfit| misfit.hint);
                (
                    format!("{} waits and is another one: {hint}", other.arrival.describe()),
                    Some(other.arrival.entry),
                )
            }
            _ => (String::new(), None),
        };
        self.fail_nothing_came(step, self.repetition, label);
        if let Some(super::Judgement::Fail(failure)) = &mut self.verdict {
            failure.hint = hint;
            failure.entry = entry;
        }
        Flow::Again
    }

    /// The first request that no line asked for and that is neither a poll nor a close packet, or a session more than the script has.
    pub(super) fn stray_request(&self) -> Option<(String, Arrival)> {
        // What came before the last line was met came before `...` as well.
        let mut wires = self.labels.iter().filter(|(label, _)| *label != DRIVER);
        let until = if wires.any(|(_, state)| state.rest && !state.handshaking) {
            self.last_met
        } else {
            usize::MAX
        };
        let again = |label: &str| {
            let steps = self.nodes.iter().filter(|node| {
                matches!(node, super::Node::Step(step) if step.label.name == label
                    && matches!(step.action, Action::Own(OwnAction::Reconnect)))
            });
            steps.count()
        };
        let strange = self.labels.iter().find(|(label, state)| {
            let expected = if label.starts_with('~') {
                0
            } else {
                1 + again(label)
            };
            let counted = state.openings.iter().filter(|(entry, _)| *entry < until);
            counted.count() > expected
        });
        if let Some((label, state)) = strange
            && let Some((entry, at)) = state.openings.last().copied()
        {
            let what = What::Request("of a handshake, for another session".to_owned());
            return Some((label.clone(), Arrival { entry, at, what }));
        }
        // A client that gives a session up may say so.
        let is_farewell = |request: &Request| {
            request.method == "POST" && request.body == b"1" && parameter(&request.target, "sid").is_some()
        };
        let is_free = |waiting: &&Waiting| {
            !waiting.at_once && polled_session(&waiting.request).is_some() || is_farewell(&waiting.request)
        };
        let counts = |waiting: &&Waiting| !is_free(waiting) && waiting.arrival.entry < until;
        let stray = self.waiting.iter().find(counts)?;
        Some((String::new(), stray.arrival.clone()))
    }
}

/// The session that a request polls, if it is a poll.
fn polled_session(request: &Request) -> Option<String> {
    let is_poll = request.method == "GET"
        && !is_upgrade(request)
        && parameter(&request.target, "transport").as_deref() == Some("polling");
    let session = parameter(&request.target, "sid").filter(|_| is_poll)?;
    Some(session.into_owned())
}

/// The value of a parameter of a query as it stands there.
fn raw_parameter<'a>(target: &'a str, name: &str) -> &'a str {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let found = query
        .split('&')
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_default()
}

/// Where an entry is a request of a client in a wire script.
pub(super) fn request_of(event: &Event) -> Option<&Request> {
    match event {
        Event::Received(Wire::Request(request)) => Some(request),
        _ => None,
    }
}
