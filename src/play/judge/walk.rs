//! The walk over a script, line by line: what has happened goes in, what is needed next comes out.

use super::ambient::Ambient;
use super::client;
use super::demand::{Demand, Flow, Judgement, Match, Values};
use super::fits::Compiled;
use super::label::{self, Arrival, LabelState};
use super::requests;
use crate::notation::{Action, Case, Content, Item, Party, Role, Step};
use crate::outcome::Failure;
use crate::pattern::Captures;
use crate::transcript::{Cause, Entry, Event, Side, Transcript, Wire};
use std::collections::{BTreeMap, VecDeque};

/// What is done at once: a line, or a group of lines.
pub(super) enum Node<'c> {
    Step(&'c Step),
    AnyOrder(Vec<&'c Step>),
}

/// A walk through a script; see the text of `judge`.
pub struct Judge<'c> {
    pub(super) case: &'c Case,
    pub(super) me: Party,
    pub(super) values: Values,
    pub(super) nodes: Vec<Node<'c>>,
    /// The node that is to be done next.
    pub(super) node: usize,
    /// The repetition of a step that is to be done next.
    pub(super) repetition: u32,
    /// What is still open in a group: step and repetition.
    pub(super) group: Vec<(&'c Step, u32)>,
    pub(super) ambient: Ambient,
    pub(super) labels: BTreeMap<String, LabelState>,
    pub(super) captures: Captures,
    pub(super) performed: VecDeque<(Cause, usize, f64)>,
    /// Requests of a client that no line has asked for.
    pub(super) waiting: Vec<requests::Waiting>,
    /// Polls of a client that are not answered: their labels and sessions.
    pub(super) open_polls: BTreeMap<String, String>,
    /// Labels of the script, and the recorded ones that they stand for now.
    pub(super) bound: BTreeMap<String, String>,
    /// Recorded labels, and what the script calls them.
    pub(super) named: BTreeMap<String, String>,
    /// How far the precondition of a client script is.
    pub(super) given: client::Given,
    /// When the last line was done, milliseconds since the case started.
    pub(super) base: f64,
    pub(super) lag: f64,
    pub(super) lag_at_base: f64,
    pub(super) now: f64,
    pub(super) seen: usize,
    /// The last entry that met a line.
    pub(super) last_met: usize,
    pub(super) parking: bool,
    pub(super) deadline_passed: bool,
    pub(super) tolerated: Option<Failure>,
    pub(super) matches: Vec<Match>,
    pub(super) compiled: Compiled,
    pub(super) verdict: Option<Judgement>,
}

impl<'c> Judge<'c> {
    /// A judge at the first line of `case`, which must be instantiated: no `each` name is left in it.
    pub fn new(case: &'c Case, values: Values) -> Self {
        let me = player_of(case);
        let mut judge = Self {
            case,
            me,
            nodes: nodes(&case.script),
            ambient: Ambient::of(case, me),
            values,
            node: 0,
            repetition: 0,
            group: Vec::new(),
            labels: BTreeMap::new(),
            captures: Captures::default(),
            performed: VecDeque::new(),
            waiting: Vec::new(),
            open_polls: BTreeMap::new(),
            bound: BTreeMap::new(),
            named: BTreeMap::new(),
            given: client::Given::default(),
            base: 0.0,
            lag: 0.0,
            lag_at_base: 0.0,
            now: 0.0,
            seen: 0,
            last_met: 0,
            parking: false,
            deadline_passed: false,
            tolerated: None,
            matches: Vec::new(),
            compiled: Compiled::default(),
            verdict: None,
        };
        judge.enter_node();
        judge
    }

    /// Judges a saved transcript from its first entry to its last.
    pub fn replay(case: &'c Case, values: Values, transcript: &Transcript) -> (Judgement, Vec<Match>) {
        let mut judge = Self::new(case, values);
        let mut demand = judge.demand();
        for entry in &transcript.entries {
            if matches!(demand, Demand::Done) {
                break;
            }
            judge.feed(entry);
            demand = judge.demand();
        }
        if !matches!(demand, Demand::Done) {
            judge.ends_early(&demand);
        }
        let matches = std::mem::take(&mut judge.matches);
        (judge.into_verdict(), matches)
    }

    /// The verdict, once [`Demand::Done`] was answered.
    pub fn verdict(&self) -> Option<&Judgement> {
        self.verdict.as_ref()
    }

    /// The verdict; `Broken` where there is none yet.
    pub fn into_verdict(self) -> Judgement {
        self.verdict
            .unwrap_or_else(|| Judgement::Broken("the script was not played to its end".into()))
    }

    /// Which entries satisfied which lines, so far.
    pub fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// The captures that hold for `label`, the values of its handshake among them.
    pub fn captures_for(&self, label: &str) -> Captures {
        let mut captures = self.captures.clone();
        for (name, text) in &self.values.texts {
            set_if_absent(&mut captures, name, text);
        }
        let own = self.labels.get(label);
        for state in own.into_iter().chain(self.labels.values()) {
            for (name, text) in &state.handshake {
                set_if_absent(&mut captures, name, text);
            }
        }
        captures
    }

    /// Whether a body that arrives on `label` holds nothing that counts: pings, noops, the `auth` event.
    pub fn never_counts(&self, label: &str, body: &[u8]) -> bool {
        label::packets_of(body)
            .iter()
            .all(|packet| self.ambient.is(label, packet))
    }

    /// Ends the case because the harness could not do its part.
    pub fn break_off(&mut self, reason: String) {
        self.verdict.get_or_insert(Judgement::Broken(reason));
    }

    /// Ends the case because the target says that it has no such thing.
    pub fn leave_out(&mut self, reason: String) {
        self.verdict.get_or_insert(Judgement::Unsupported(reason));
    }

    /// Takes in what happened next.
    pub fn feed(&mut self, entry: &Entry) {
        let index = self.seen;
        self.seen += 1;
        self.now = self.now.max(entry.at);
        match &entry.event {
            Event::Lag(ms) => {
                self.lag += ms;
                return;
            }
            Event::Note(_) => return,
            Event::Deadline => {
                self.deadline_passed = true;
                return;
            }
            _ => {}
        }
        let hosts = self.hosts();
        if let Some(request) = requests::request_of(&entry.event).filter(|_| hosts) {
            return self.park_request(index, entry.at, &entry.label, request);
        }
        if matches!(
            &entry.event,
            Event::Sent(Wire::Response(_)) | Event::Closed(_) | Event::Did(_)
        ) {
            self.open_polls.remove(&entry.label);
        }
        let state = self.labels.entry(entry.label.clone()).or_default();
        state.hosts = hosts;
        match &entry.event {
            Event::Sent(wire) => {
                state.sent(wire, entry);
                if let Some(cause) = entry.cause {
                    self.performed.push_back((cause, index, entry.at));
                }
            }
            Event::Did(what) => {
                state.did(what);
                if let Some(cause) = entry.cause {
                    self.performed.push_back((cause, index, entry.at));
                }
            }
            Event::Opened(handshake) => state.opened(handshake, index, entry.at),
            Event::Closed(closed) if closed.by == Side::Player => state.ended = true,
            Event::Received(wire) => state.arrive(Arrival::received(index, entry.at, wire)),
            Event::Closed(closed) => state.arrive(Arrival::closed(index, entry.at, closed)),
            Event::Silence(proof) => state.arrive(Arrival::silence(index, entry.at, proof)),
            Event::Deadline | Event::Lag(_) | Event::Note(_) => {}
        }
    }

    /// What is needed to go on. Ask after every [`feed`](Self::feed), and again after each demand was met.
    pub fn demand(&mut self) -> Demand<'c> {
        loop {
            if self.verdict.is_some() {
                return Demand::Done;
            }
            match self.advance() {
                Flow::Again => {}
                Flow::Need(demand) => return demand,
            }
        }
    }

    fn advance(&mut self) -> Flow<'c> {
        let Some(node) = self.nodes.get(self.node) else {
            return self.finish();
        };
        match node {
            Node::Step(step) => {
                let step = *step;
                let label = self.resolve_label(label_name(step, self.repetition));
                if self.is_left_out(step, &label) {
                    self.step_done(step);
                    return Flow::Again;
                }
                if let Some(flow) = self.prepare(step, &label) {
                    return flow;
                }
                if self.is_mine(step) {
                    self.advance_own(step, label)
                } else if self.hosts() && Self::expected_request(step).is_some() {
                    self.advance_request(step)
                } else {
                    self.advance_expected(step, label)
                }
            }
            Node::AnyOrder(_) => self.advance_group(),
        }
    }

    /// What stays unsaid on a connection that an alternative `close` ended: packets, frames, and what would answer them.
    fn is_left_out(&self, step: &Step, label: &str) -> bool {
        let Action::Wire { content, .. } = &step.action else {
            return false;
        };
        let opens_anew = matches!(
            content,
            Content::Request(_) | Content::WebSocket(_) | Content::Raw(_)
        );
        !opens_anew && self.labels.get(label).is_some_and(|state| state.over_early)
    }

    /// Whether the player does this step.
    pub(super) fn is_mine(&self, step: &Step) -> bool {
        match &step.action {
            Action::Wire { from, content, .. } => *from == self.me && !matches!(content, Content::Rest),
            Action::Own(_) | Action::Command(_) => true,
            Action::Report { .. } => false,
        }
    }

    pub(super) fn step_done(&mut self, step: &Step) {
        self.deadline_passed = false;
        self.repetition += 1;
        if self.repetition >= step.repeat {
            self.node += 1 + self.body_of_answer(step).len();
            self.enter_node();
        }
    }

    pub(super) fn enter_node(&mut self) {
        self.repetition = 0;
        if let Some(Node::AnyOrder(steps)) = self.nodes.get(self.node) {
            self.group = steps
                .iter()
                .flat_map(|step| (0..step.repeat).map(move |n| (*step, n)))
                .collect();
        }
    }
}

fn nodes(items: &[Item]) -> Vec<Node<'_>> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::Step(step) => Some(Node::Step(step)),
            Item::AnyOrder(inner) => Some(Node::AnyOrder(
                inner
                    .iter()
                    .filter_map(|i| {
                        if let Item::Step(step) = i {
                            Some(step)
                        } else {
                            None
                        }
                    })
                    .collect(),
            )),
            Item::Blank | Item::Comment(_) | Item::Template(_) => None,
        })
        .collect()
}

fn set_if_absent(captures: &mut Captures, name: &str, text: &str) {
    if captures.get(name).is_none() {
        captures.set_text(name, text);
    }
}

/// Whose lines the player does.
pub(in crate::play) fn player_of(case: &Case) -> Party {
    if case.header.role == Role::Client {
        Party::Server
    } else {
        Party::Client
    }
}

/// The session or channel of one repetition of a step.
pub(crate) fn label_name(step: &Step, repetition: u32) -> String {
    match &step.action {
        Action::Command(_) | Action::Report { .. } => client::DRIVER.to_owned(),
        _ if step.label.family => format!("{}{repetition}", step.label.name),
        _ => step.label.name.clone(),
    }
}

/// Whether a request is to be parked.
pub(super) fn is_pending(step: &Step) -> bool {
    matches!(&step.action, Action::Wire { content: Content::Request(request), .. } if request.pending)
}
