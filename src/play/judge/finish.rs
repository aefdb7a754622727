//! What must hold between the lines and after the last one: nothing is left that no line asked for.

use super::label::{Arrival, What};
use super::walk::Node;
use super::{Demand, Flow, Judge, Judgement};
use crate::notation::{Action, Content, OwnAction, Step};
use crate::transcript::Proof;

impl<'c> Judge<'c> {
    /// Before the player sends another request on a channel, the body it was reading must be read to its end.
    pub(super) fn unread_before(&mut self, step: &'c Step, label: &str) -> Option<Flow<'c>> {
        if !matches!(
            &step.action,
            Action::Wire {
                content: Content::Request(_) | Content::WebSocket(_) | Content::Raw(_),
                ..
            }
        ) {
            return None;
        }
        let flow = self.unread_body(label);
        if let Some(state) = self.labels.get_mut(label) {
            state.body = None;
        }
        flow
    }

    /// When the player ends a session or channel itself, nothing may have come that no line asked for.
    pub(super) fn left_behind(&mut self, step: &'c Step, label: &str, done: usize) -> Option<Flow<'c>> {
        let ends = matches!(
            &step.action,
            Action::Own(OwnAction::Close(_) | OwnAction::Cut | OwnAction::Reset | OwnAction::Reconnect)
        );
        // A client's new session is its own affair: what came in it is what the lines after it are for.
        if !ends || self.hosts() && matches!(step.action, Action::Own(OwnAction::Reconnect)) {
            return None;
        }
        let ambient = self.ambient.clone();
        let state = self.labels.get(label).filter(|state| !state.rest)?;
        let counts = |arrival: &Arrival| match &arrival.what {
            What::Text(text) => !ambient.is(label, text),
            What::Binary(_) | What::Frame(_) | What::Raw(_) => true,
            What::Request(_) | What::Response(..) | What::Closed(_) | What::Silence(_) => false,
        };
        let found = state
            .queue
            .iter()
            .find(|arrival| arrival.entry < done && counts(arrival))?
            .clone();
        Some(self.fail_unexpected(label, &found))
    }

    fn unread_body(&mut self, label: &str) -> Option<Flow<'c>> {
        let ambient = self.ambient.clone();
        let body = self.labels.get_mut(label)?.body.as_mut()?;
        if !body.used {
            return None;
        }
        let packet = body
            .packets
            .iter()
            .find(|packet| !ambient.is(label, packet))?
            .clone();
        let arrival = Arrival {
            entry: body.entry,
            at: body.at,
            what: What::Text(packet),
        };
        Some(self.fail_unexpected(label, &arrival))
    }

    /// After the last line: leftovers fail, then every open session proves that nothing more was on its way.
    pub(super) fn finish(&mut self) -> Flow<'c> {
        let labels: Vec<String> = self.labels.keys().cloned().collect();
        for label in &labels {
            if let Some(flow) = self.leftover(label) {
                return flow;
            }
        }
        if let Some((label, arrival)) = self.stray_request() {
            return self.fail_unexpected(&label, &arrival);
        }
        for label in &labels {
            if self.wants_final_proof(label) {
                let deadline = self.deadline_after(super::timing::ANSWER_MS);
                return Flow::Need(self.proof(label.clone(), false, deadline));
            }
        }
        self.verdict = Some(self.tolerated.take().map_or(Judgement::Pass, Judgement::Lenient));
        Flow::Again
    }

    fn leftover(&mut self, label: &str) -> Option<Flow<'c>> {
        if let Some(flow) = self.unread_body(label) {
            return Some(flow);
        }
        let ambient = self.ambient.clone();
        let is_session = !self.case.header.over.is_empty();
        let state = self.labels.get_mut(label)?;
        if state.rest || state.ended || state.over_early {
            let left = std::mem::take(&mut state.queue);
            state.proved |= left.iter().any(Arrival::is_silence);
            // Whatever may be reported, what the library threw where nobody could catch it is none of it.
            let is_uncaught =
                |arrival: &&Arrival| arrival.text().is_some_and(|text| text.starts_with("error "));
            let thrown = left.iter().find(is_uncaught).filter(|_| label == super::DRIVER)?;
            return Some(self.fail_unexpected(label, thrown));
        }
        while let Some(arrival) = state.queue.pop_front() {
            let counts = match &arrival.what {
                What::Text(text) => !ambient.is(label, text),
                What::Binary(_) | What::Frame(_) | What::Raw(_) | What::Request(_) => true,
                // A request whose answer no line expects is free.
                What::Response(..) => false,
                What::Closed(_) => {
                    let counts = (is_session || state.opened_at.is_some()) && !state.closed;
                    state.closed = true;
                    counts
                }
                What::Silence(Proof::Failed(_)) => true,
                What::Silence(_) => {
                    state.proved = true;
                    false
                }
            };
            if counts {
                return Some(self.fail_unexpected(label, &arrival));
            }
        }
        None
    }

    /// Whether a label is open still, and not yet shown to be silent.
    fn wants_final_proof(&self, label: &str) -> bool {
        let Some(state) = self.labels.get(label) else {
            return false;
        };
        let open = state.opened_at.is_some()
            && !state.ended
            && !state.over_early
            && !state.closed
            && !state.rest
            && !state.stalled;
        (open || label == super::DRIVER) && !state.proved
    }

    /// The demand for a proof, by an echo where a namespace with one is joined.
    pub(super) fn proof(&self, label: String, alive: bool, deadline: f64) -> Demand<'c> {
        let echo = self.labels.get(&label).and_then(|state| {
            let answers = |namespace: &&String| {
                self.hosts()
                    || matches!(namespace.as_str(), "/" | "/custom" | "/guarded" | "/slow")
                    || namespace.starts_with("/dyn-")
            };
            state.joined.iter().find(answers).cloned()
        });
        Demand::Prove {
            label,
            echo,
            alive,
            deadline,
        }
    }

    /// The transcript ended although something was still to come.
    pub(super) fn ends_early(&mut self, demand: &Demand<'c>) {
        match (demand, self.nodes.get(self.node)) {
            (Demand::Open(_) | Demand::Join(..), _) => {
                self.verdict = Some(Judgement::Blocked(
                    "the transcript ends before the session was opened".into(),
                ));
            }
            (_, Some(Node::Step(step))) => {
                let step = *step;
                let label = self.label_of(step, self.repetition);
                self.fail_nothing_came(step, self.repetition, &label);
            }
            (_, Some(Node::AnyOrder(_))) => {
                if let Some(&(step, repetition)) = self.group.first() {
                    let label = super::label_name(step, repetition);
                    self.fail_nothing_came(step, repetition, &label);
                }
            }
            (_, None) => {
                self.fail_no_proof();
            }
        }
    }
}
