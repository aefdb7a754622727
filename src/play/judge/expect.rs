//! The lines of the other side: what arrived is taken as the line that is due, if content, order, cause and time are right.

use super::client;
use super::demand::{Demand, Flow, Match};
use super::fits::{Met, contents};
use super::label::{Arrival, What};
use super::walk::{Judge, label_name};
use crate::notation::{Action, Content, Step};
use crate::pattern::Captures;
use crate::transcript::Cause;

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
        let Some(arrival) = self.candidate(step, &[step], &label) else {
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
        self.resolve_label(label_name(step, repetition))
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

    /// What arrived on this label and is to be held against the line, which is one of those that are due there; taken out of
    /// the queue.
    pub(super) fn candidate(&mut self, step: &Step, due: &[&Step], label: &str) -> Option<Arrival> {
        let ambient = self.ambient.clone();
        let passes = |packet: &str| ambient.is_beside(due, label, packet);
        let wants_status = contents(step).any(|content| matches!(content, Content::Status { .. }));
        let wants_whole =
            contents(step).any(|c| matches!(c, Content::Text(text) if text.0.contains("\\x1e")));
        let state = self.labels.entry(label.to_owned()).or_default();
        state.skip(passes);
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
            while body.packets.front().is_some_and(|packet| passes(packet)) {
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

    /// Takes the arrival as what the line asks for, if its time and its cause are right as well.
    pub(super) fn accept(
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
