//! What is different where the target is a client: it opens the sessions, and a program reports what it says.
//!
//! Its requests, which wait for the line they fit, are those of `requests`.

use super::explain::shorten;
use super::fits::Misfit;
use super::label::{Arrival, What};
use super::{Demand, Flow, Judge, namespace_prefix, timing};
use crate::notation::{Action, Content, Item, Party, Step, Text};
use crate::pattern::Captures;
use crate::transcript::Proof;

/// The label of commands and reports.
pub(in crate::play) const DRIVER: &str = "@";
/// Reports whose last arguments are details, which a line may leave out.
const DETAILED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "ack_error",
    "reconnect_attempt",
    "error",
];

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

    /// The label under which what belongs to a label of the script is recorded.
    pub(super) fn resolve_label(&self, name: String) -> String {
        self.bound.get(&name).cloned().unwrap_or(name)
    }

    /// The script's names for the labels of the record.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.named.iter();
        names.map(|(recorded, name)| (recorded.as_str(), name.as_str()))
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

    /// Ends the case because the client reported so much that nobody listens any more.
    pub fn fail_flood(&mut self, how: &str) {
        if self.verdict.is_some() {
            return;
        }
        let steps = self.nodes[self.node.min(self.nodes.len())..].iter();
        let step = steps.chain(self.nodes.last()).find_map(|node| match node {
            super::Node::Step(step) => Some(*step),
            super::Node::AnyOrder(steps) => steps.first().copied(),
        });
        let Some(step) = step else {
            return self.break_off(how.to_owned());
        };
        let mut failure = self.failure(step, self.now);
        failure.expected = "reports that come to an end".to_owned();
        how.clone_into(&mut failure.came);
        self.fail(failure);
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
        let prefix = namespace_prefix(namespace);
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

/// Whether a report line expects that nothing is reported.
pub(super) fn expects_silence(step: &Step) -> bool {
    matches!(&step.action, Action::Report { text, .. } if text.0 == "nothing")
}

/// Whether a report line says that anything may be reported.
pub(super) fn expects_anything(step: &Step) -> bool {
    matches!(&step.action, Action::Report { text, .. } if text.0 == "...")
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
