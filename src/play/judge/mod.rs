//! The judge: a state machine that walks a script with what was recorded and says what comes next, or how it ended.
//!
//! It is pure: entries in, demands out. The player feeds it while a case runs; [`Judge::replay`] feeds it a saved
//! transcript and comes to the same verdict. It decodes nothing with code of the reference implementation.
//!
//! Owned here: the walk over the script. `label` owns what has arrived on a session or channel, `expect` whether an
//! arrival fits a line, `finish` what must hold after the last line, `explain` the words of a failure.

mod ambient;
mod client;
mod expect;
mod explain;
mod finish;
mod label;
mod requests;
#[cfg(test)]
mod tests;
mod timing;

use crate::notation::{Action, Case, Content, Item, OwnAction, Party, Role, Step};
use crate::outcome::Failure;
use crate::pattern::Captures;
use crate::transcript::{Cause, Entry, Event, Side, Transcript, Wire};
pub(super) use ambient::Ambient;
pub(super) use client::{DRIVER, sessions_of};
use label::{Arrival, LabelState};
use std::collections::{BTreeMap, VecDeque};

/// Values that the script may name and that are not part of a handshake, in milliseconds or bytes.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// After how long the target closes a connection without CONNECT; `None` where it is not known.
    pub connect_timeout_ms: Option<f64>,
    /// Further named texts for templates, such as `host` and `path`.
    pub texts: BTreeMap<String, String>,
}

/// What the judge needs next.
#[derive(Debug)]
pub enum Demand<'c> {
    /// Open the session of this label.
    Open(String),
    /// Join this namespace on the session of this label: send CONNECT, as a precondition.
    Join(String, String),
    /// Do this step of the script.
    Perform {
        /// The step.
        step: &'c Step,
        /// Which repetition, from 0.
        repetition: u32,
        /// The session or channel, as it is recorded.
        label: String,
        /// The lines of the body, where the step answers a request with a status.
        body: Vec<&'c Step>,
    },
    /// Show that the request just sent on this channel is parked.
    Park(String),
    /// Wait for something to arrive, until this time in milliseconds since the case started.
    Await {
        /// Where, for the reader.
        label: String,
        /// When to give up.
        deadline: f64,
        /// Channels whose poll was answered without what is still expected: ask again.
        repoll: Vec<String>,
    },
    /// Prove that nothing more comes on this label, or that it works.
    Prove {
        /// The session or channel.
        label: String,
        /// A namespace whose `message` echo may be used, where one is joined.
        echo: Option<String>,
        /// Whether the session must be shown to work; silence alone is not enough.
        alive: bool,
        /// When to give up.
        deadline: f64,
    },
    /// The verdict is there: ask [`Judge::verdict`].
    Done,
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// Everything was as expected.
    Pass,
    /// A tolerated alternative was taken; the first one is told.
    Lenient(Failure),
    /// Something was not as expected.
    Fail(Failure),
    /// A precondition did not hold, in a sentence.
    Blocked(String),
    /// The target says that it has no such thing, in a sentence.
    Unsupported(String),
    /// The harness could not do its part, in a sentence.
    Broken(String),
}

/// Which entry of the record satisfied which line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// The index of the entry.
    pub entry: usize,
    /// The line and repetition.
    pub cause: Cause,
    /// Whether the line has alternatives that are just as good, so that what came tells nothing of it.
    pub free: bool,
}

enum Node<'c> {
    Step(&'c Step),
    AnyOrder(Vec<&'c Step>),
}

/// See the module's text.
pub struct Judge<'c> {
    case: &'c Case,
    me: Party,
    values: Values,
    nodes: Vec<Node<'c>>,
    /// The node that is to be done next.
    node: usize,
    /// The repetition of a step that is to be done next.
    repetition: u32,
    /// What is still open in a group: step and repetition.
    group: Vec<(&'c Step, u32)>,
    ambient: Ambient,
    labels: BTreeMap<String, LabelState>,
    captures: Captures,
    performed: VecDeque<(Cause, usize, f64)>,
    /// Requests of a client that no line has asked for.
    waiting: Vec<requests::Waiting>,
    /// Polls of a client that are not answered: their labels and sessions.
    open_polls: BTreeMap<String, String>,
    /// Labels of the script, and the recorded ones that they stand for now.
    bound: BTreeMap<String, String>,
    /// Recorded labels, and what the script calls them.
    named: BTreeMap<String, String>,
    /// How far the precondition of a client script is.
    given: client::Given,
    /// When the last line was done, milliseconds since the case started.
    base: f64,
    lag: f64,
    lag_at_base: f64,
    now: f64,
    seen: usize,
    /// The last entry that met a line.
    last_met: usize,
    parking: bool,
    deadline_passed: bool,
    tolerated: Option<Failure>,
    matches: Vec<Match>,
    compiled: expect::Compiled,
    verdict: Option<Judgement>,
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
            compiled: expect::Compiled::default(),
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
    fn is_mine(&self, step: &Step) -> bool {
        match &step.action {
            Action::Wire { from, content, .. } => *from == self.me && !matches!(content, Content::Rest),
            Action::Own(_) | Action::Command(_) => true,
            Action::Report { .. } => false,
        }
    }

    /// A session script opens a session at the first use of its label, and joins what is given.
    fn prepare(&mut self, step: &Step, label: &str) -> Option<Flow<'c>> {
        if self.hosts() {
            return self.prepare_client(step, label);
        }
        if self.case.header.over.is_empty() {
            return None;
        }
        let given = self
            .case
            .header
            .given
            .as_ref()
            .map(|given| given.namespace.clone());
        let state = self.labels.entry(label.to_owned()).or_default();
        if state.opened_at.is_none() {
            if let Some(closed) = state.pop_closed() {
                return Some(self.block(
                    &format!("no session could be opened: {closed}"),
                    "cases/server/handshake",
                ));
            }
            if self.deadline_passed {
                self.deadline_passed = false;
                return Some(self.block("no session could be opened in time", "cases/server/handshake"));
            }
            return Some(Flow::Need(Demand::Open(label.to_owned())));
        }
        let namespace = given?;
        self.prepare_namespace(label, namespace)
    }

    fn prepare_namespace(&mut self, label: &str, namespace: String) -> Option<Flow<'c>> {
        let ambient = self.ambient.clone();
        let state = self.labels.get_mut(label)?;
        if state.given_holds {
            return None;
        }
        if !state.join_sent {
            self.base = self.base.max(state.opened_at.unwrap_or(0.0));
            self.lag_at_base = self.lag;
            return Some(Flow::Need(Demand::Join(label.to_owned(), namespace)));
        }
        // A ping that the script asks for waits for its line.
        let waits = |text: &str| text == "2" || ambient.is(label, text);
        let answer = state
            .queue
            .iter()
            .position(|arrival| !arrival.text().is_some_and(waits));
        let expected = if namespace == "/" {
            "40{".to_owned()
        } else {
            format!("40{namespace},{{")
        };
        match answer.and_then(|at| state.queue.remove(at)) {
            Some(arrival) if arrival.text().is_some_and(|text| text.starts_with(&expected)) => {
                state.given_holds = true;
                self.base = self.base.max(arrival.at);
                self.lag_at_base = self.lag;
                Some(Flow::Again)
            }
            Some(arrival) => {
                let came = arrival.describe();
                Some(self.block(
                    &format!("CONNECT to {namespace} was answered by {came}"),
                    "cases/server/connect",
                ))
            }
            None if self.deadline_passed => {
                self.deadline_passed = false;
                Some(self.block(
                    &format!("CONNECT to {namespace} was not answered in time"),
                    "cases/server/connect",
                ))
            }
            None => Some(Flow::Need(Demand::Await {
                label: label.to_owned(),
                deadline: self.deadline_after(timing::ANSWER_MS),
                repoll: Vec::new(),
            })),
        }
    }

    fn block(&mut self, reason: &str, look_at: &str) -> Flow<'c> {
        self.verdict = Some(Judgement::Blocked(format!(
            "{reason}; the cases in {look_at} say why"
        )));
        Flow::Again
    }

    fn advance_own(&mut self, step: &'c Step, label: String) -> Flow<'c> {
        let cause = Cause {
            line: step.line,
            repetition: self.repetition,
        };
        if self.parking {
            return self.advance_parking(step, label);
        }
        let Some(&(done, index, at)) = self.performed.front() else {
            if let Some(flow) = self.unread_before(step, &label) {
                return flow;
            }
            return Flow::Need(Demand::Perform {
                step,
                repetition: self.repetition,
                label,
                body: self.body_of_answer(step),
            });
        };
        if done != cause {
            return self.out_of_step(step, done);
        }
        // Nothing is done before the lines above are met; only a changed transcript has it so.
        if index < self.last_met {
            return self.out_of_step(step, done);
        }
        self.performed.pop_front();
        let unread = self.unread_before(step, &label);
        if let Some(flow) = unread.or_else(|| self.left_behind(step, &label, index)) {
            return flow;
        }
        let opens_again = self.hosts() && matches!(step.action, Action::Own(OwnAction::Reconnect));
        let state = self.labels.entry(label).or_default();
        // What a client sends in its new session it sends unasked.
        if !opens_again {
            state.performed(index);
        }
        if let Action::Wire {
            content: content @ (Content::Request(_) | Content::WebSocket(_)),
            ..
        } = &step.action
        {
            state.over_early = false;
            state.handshaking = matches!(content, Content::WebSocket(_));
        }
        state.last_line_at = at;
        self.matches.push(Match {
            entry: index,
            cause,
            free: false,
        });
        self.base = at;
        self.lag_at_base = self.lag;
        self.parking = is_pending(step);
        if !self.parking {
            self.step_done(step);
        }
        Flow::Again
    }

    /// A parked request: an answer that is no ambient one means that it was not parked.
    fn advance_parking(&mut self, step: &'c Step, label: String) -> Flow<'c> {
        let state = self.labels.entry(label.clone()).or_default();
        state.drop_own_responses();
        match state.queue.front() {
            Some(arrival) if arrival.is_silence() => {
                state.queue.pop_front();
                self.parking = false;
                self.step_done(step);
                Flow::Again
            }
            Some(_) => {
                self.parking = false;
                self.fail_at_park(step, &label)
            }
            None => Flow::Need(Demand::Park(label)),
        }
    }

    fn step_done(&mut self, step: &Step) {
        self.deadline_passed = false;
        self.repetition += 1;
        if self.repetition >= step.repeat {
            self.node += 1 + self.body_of_answer(step).len();
            self.enter_node();
        }
    }

    fn enter_node(&mut self) {
        self.repetition = 0;
        if let Some(Node::AnyOrder(steps)) = self.nodes.get(self.node) {
            self.group = steps
                .iter()
                .flat_map(|step| (0..step.repeat).map(move |n| (*step, n)))
                .collect();
        }
    }
}

enum Flow<'c> {
    Again,
    Need(Demand<'c>),
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
pub(super) fn player_of(case: &Case) -> Party {
    if case.header.role == Role::Client {
        Party::Server
    } else {
        Party::Client
    }
}

/// The session or channel of one repetition of a step.
pub(crate) fn label_name(step: &Step, repetition: u32) -> String {
    match &step.action {
        Action::Command(_) | Action::Report { .. } => DRIVER.to_owned(),
        _ if step.label.family => format!("{}{repetition}", step.label.name),
        _ => step.label.name.clone(),
    }
}

fn is_pending(step: &Step) -> bool {
    matches!(&step.action, Action::Wire { content: Content::Request(request), .. } if request.pending)
}
