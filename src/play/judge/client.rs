//! What is different where the target is a client: it opens the sessions, its requests wait for the line they fit, and
//! a program reports what it says.

use super::explain::shorten;
use super::fits::Misfit;
use super::label::{Arrival, What, packets_of};
use super::{Demand, Flow, Judge, Match, timing};
use crate::notation::{
    Action, Binary, Content, Item, OwnAction, Party, Request as ScriptRequest, Step, Text,
};
use crate::pattern::Captures;
use crate::transcript::{Cause, Event, Proof, Request, Wire};
use crate::wire::{is_upgrade, parameter};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The label of commands and reports.
pub(in crate::play) const DRIVER: &str = "@";
/// A label that nothing is recorded under: times on it count since the last line of any label.
pub(super) const ANY_LABEL: &str = "\u{0}";
/// Reports whose last arguments are details, which a line may leave out.
const DETAILED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "ack_error",
    "reconnect_attempt",
    "error",
];

/// A request that no line has asked for yet.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    label: String,
    arrival: Arrival,
    request: Request,
    /// It is a poll, and came while another poll of the same session was not answered.
    at_once: bool,
}

/// How far the precondition of a client script is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Given {
    #[default]
    Nothing,
    /// The client has asked for the namespace, and was answered.
    Answered,
    Holds,
}

/// A session that the client has not opened.
enum Opening<'c> {
    Awaited(Demand<'c>),
    /// It did not come, and how that was seen.
    Failed(String),
}

impl<'c> Judge<'c> {
    /// Whether the player is the server.
    pub(super) fn hosts(&self) -> bool {
        self.me == Party::Server
    }

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

    /// The label under which what belongs to a label of the script is recorded.
    pub(super) fn resolve_label(&self, name: String) -> String {
        self.bound.get(&name).cloned().unwrap_or(name)
    }

    /// The script's names for the labels of the record.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.named.iter();
        names.map(|(recorded, name)| (recorded.as_str(), name.as_str()))
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

    /// `...` on a label of a client says nothing of what had come there before the last thing that was done to it.
    pub(super) fn came_before_the_rest(&mut self, label: &str) -> Option<Flow<'c>> {
        if !self.hosts() {
            return None;
        }
        let ambient = self.ambient.clone();
        let state = self.labels.get_mut(label)?;
        let asked = state.asked?;
        state.skip_ambient(&ambient, label);
        let early = state
            .queue
            .front()
            .filter(|arrival| arrival.entry < asked)?
            .clone();
        Some(self.fail_unexpected(label, &early))
    }

    /// The lines of the body that follow a status which the player answers with.
    pub(super) fn body_of_answer(&self, step: &Step) -> Vec<&'c Step> {
        let Action::Wire {
            content: Content::Status { code, .. },
            ..
        } = &step.action
        else {
            return Vec::new();
        };
        if !self.hosts() || code.0 == "101" {
            return Vec::new();
        }
        let mut body = Vec::new();
        for node in self.nodes.iter().skip(self.node + 1) {
            match node {
                super::Node::Step(next) if next.label == step.label && is_part_of_body(next) => {
                    body.push(*next);
                }
                _ => break,
            }
        }
        body
    }

    /// A session script waits for the client's session at the first use of its label, and for what is given before all.
    pub(super) fn prepare_client(&mut self, step: &Step, label: &str) -> Option<Flow<'c>> {
        if self.case.header.over.is_empty() {
            return None;
        }
        if let Some(given) = &self.case.header.given
            && self.given != Given::Holds
        {
            let namespace = given.namespace.clone();
            return Some(self.prepare_given(&namespace));
        }
        if matches!(
            step.action,
            Action::Command(_) | Action::Report { .. } | Action::Own(_)
        ) {
            return None;
        }
        match self.wait_for_session(label)? {
            Opening::Awaited(demand) => Some(Flow::Need(demand)),
            // The script told the client to connect, so that it opens a session is what the script is about.
            Opening::Failed(how) => {
                self.fail_nothing_came(step, self.repetition, label);
                if let Some(super::Judgement::Fail(failure)) = &mut self.verdict {
                    failure.came = how;
                }
                Some(Flow::Again)
            }
        }
    }

    fn wait_for_session(&mut self, label: &str) -> Option<Opening<'c>> {
        let state = self.labels.entry(label.to_owned()).or_default();
        if let Some(at) = state.opened_at {
            // How long a client takes to begin is no part of what it is asked.
            if at > self.base {
                self.base = at;
                self.lag_at_base = self.lag;
            }
            return None;
        }
        if let Some(closed) = state.pop_closed() {
            return Some(Opening::Failed(closed));
        }
        Some(Opening::Awaited(Demand::Open(label.to_owned())))
    }

    fn prepare_given(&mut self, namespace: &str) -> Flow<'c> {
        let label = first_session(&self.case.script);
        match self.wait_for_session(&label) {
            Some(Opening::Awaited(demand)) => return Flow::Need(demand),
            Some(Opening::Failed(how)) => return self.block(&how, "cases/client/handshake"),
            None => {}
        }
        let ambient = self.ambient.clone();
        let prefix = if namespace == "/" {
            String::new()
        } else {
            format!("{namespace},")
        };
        let asks = |text: &str| {
            let rest = text
                .strip_prefix("40")
                .and_then(|rest| rest.strip_prefix(prefix.as_str()));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        };
        let waits = |deadline| Demand::Await {
            label: label.clone(),
            deadline,
            repoll: Vec::new(),
        };
        let deadline = self.deadline_after(timing::ANSWER_MS);
        if self.given == Given::Nothing {
            let state = self.labels.entry(label.clone()).or_default();
            state.skip_ambient(&ambient, &label);
            // That no pong comes unasked is no part of the precondition.
            while state.queue.front().and_then(Arrival::text) == Some("3") {
                state.queue.pop_front();
            }
            if state.join_sent {
                self.given = Given::Answered;
                return Flow::Again;
            }
            return match state.queue.front() {
                Some(arrival) if arrival.text().is_some_and(asks) => {
                    self.base = self.base.max(arrival.at);
                    Flow::Need(Demand::Join(label.clone(), namespace.to_owned()))
                }
                Some(arrival) => {
                    let came = arrival.describe();
                    self.block(
                        &format!("instead of CONNECT to {namespace} came {came}"),
                        "cases/client/connect",
                    )
                }
                None if self.deadline_passed => self.block(
                    &format!("no CONNECT to {namespace} came in time"),
                    "cases/client/connect",
                ),
                None => Flow::Need(waits(deadline)),
            };
        }
        let state = self.labels.entry(DRIVER.to_owned()).or_default();
        state.skip_ambient(&ambient, DRIVER);
        let connected = format!("connect {namespace}");
        let is_connected = |text: &str| text == connected || text.starts_with(&format!("{connected} "));
        match state.queue.pop_front() {
            Some(arrival) if arrival.text().is_some_and(is_connected) => {
                self.given = Given::Holds;
                self.base = self.base.max(arrival.at);
                self.lag_at_base = self.lag;
                if let Some(state) = self.labels.get_mut(&label) {
                    // What asked for the namespace has had its line.
                    state.queue.pop_front();
                }
                Flow::Again
            }
            Some(arrival) => {
                let came = arrival.describe();
                self.block(
                    &format!("instead of the report that {namespace} is connected came {came}"),
                    "cases/client/connect",
                )
            }
            None if self.deadline_passed => self.block(
                &format!("the client did not report in time that {namespace} is connected"),
                "cases/client/connect",
            ),
            None => Flow::Need(waits(deadline)),
        }
    }

    /// Whether a report is what a line expects.
    pub(super) fn check_report(
        &mut self,
        text: &Text,
        repetition: u32,
        arrival: &Arrival,
        captures: &mut Captures,
    ) -> Result<(), Misfit> {
        let word = text.0.split(' ').next().unwrap_or_default();
        let open = DETAILED.contains(&word) && !text.0.ends_with("...");
        let pattern = if open {
            Text(format!("{} ...", text.0))
        } else {
            text.clone()
        };
        let misfit = |hint: String| Misfit {
            expected: format!("the report `{}`", shorten(&text.0)),
            came: match arrival.text() {
                Some(came) => format!("the report `{}`", shorten(came)),
                None => arrival.describe(),
            },
            hint,
        };
        if text.0 == "nothing" {
            return if matches!(arrival.what, What::Silence(Proof::Echo | Proof::Window(_))) {
                Ok(())
            } else {
                Err(misfit(String::new()))
            };
        }
        let Some(came) = arrival.text() else {
            return Err(misfit(String::new()));
        };
        let compiled = self.compiled.report(&pattern);
        let Some(compiled) = compiled else {
            return Err(misfit("the pattern could not be read".into()));
        };
        compiled
            .matches(came, repetition, captures)
            .map_err(|mismatch| misfit(mismatch.to_string()))
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

/// Whether a report line expects that nothing is reported.
pub(super) fn expects_silence(step: &Step) -> bool {
    matches!(&step.action, Action::Report { text, .. } if text.0 == "nothing")
}

/// Whether a report line says that anything may be reported.
pub(super) fn expects_anything(step: &Step) -> bool {
    matches!(&step.action, Action::Report { text, .. } if text.0 == "...")
}

/// Where an entry is a request of a client in a wire script.
pub(super) fn request_of(event: &Event) -> Option<&Request> {
    match event {
        Event::Received(Wire::Request(request)) => Some(request),
        _ => None,
    }
}

/// The label of the first session that a script names.
pub(in crate::play) fn first_session(script: &[Item]) -> String {
    sessions_of(script).swap_remove(0)
}

/// The labels of a session script, in the order of their first use; one without a name where there is none.
pub(in crate::play) fn sessions_of(script: &[Item]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut look = |step: &Step| {
        let speaks = !matches!(step.action, Action::Command(_) | Action::Report { .. });
        if speaks && !found.contains(&step.label.name) {
            found.push(step.label.name.clone());
        }
    };
    for item in script {
        match item {
            Item::Step(step) => look(step),
            Item::AnyOrder(items) => items.iter().for_each(|item| {
                if let Item::Step(step) = item {
                    look(step);
                }
            }),
            Item::Blank | Item::Comment(_) | Item::Template(_) => {}
        }
    }
    if found.is_empty() {
        found.push(String::new());
    }
    found
}

fn is_part_of_body(step: &Step) -> bool {
    matches!(
        &step.action,
        Action::Wire {
            from: Party::Server,
            content: Content::Text(_) | Content::Binary(_),
            ..
        }
    )
}
