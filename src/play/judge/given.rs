//! What comes before the first line of a session script: its session is opened, and a namespace joined.

use super::demand::{Demand, Flow, Judgement};
use super::timing;
use super::walk::Judge;
use crate::notation::Step;

impl<'c> Judge<'c> {
    /// A session script opens a session at the first use of its label, and joins what is given.
    pub(super) fn prepare(&mut self, step: &Step, label: &str) -> Option<Flow<'c>> {
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
        let expected = format!("40{}{{", namespace_prefix(&namespace));
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

    pub(super) fn block(&mut self, reason: &str, look_at: &str) -> Flow<'c> {
        self.verdict = Some(Judgement::Blocked(format!(
            "{reason}; the cases in {look_at} say why"
        )));
        Flow::Again
    }
}

/// What stands for a namespace in front of the rest of a packet: nothing for the main one.
pub(in crate::play) fn namespace_prefix(namespace: &str) -> String {
    if namespace == "/" {
        String::new()
    } else {
        format!("{namespace},")
    }
}
