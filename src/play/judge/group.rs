//! Lines whose order is free: whichever of them an arrival fits is met.

use super::demand::{Demand, Flow};
use super::fits::contents;
use super::walk::Judge;
use crate::notation::{Content, Step};

impl<'c> Judge<'c> {
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
            let same_label: Vec<&(&'c Step, u32)> = open
                .iter()
                .filter(|(s, n)| self.label_of(s, *n) == label)
                .collect();
            let due: Vec<&Step> = same_label.iter().map(|(step, _)| *step).collect();
            let Some(arrival) = self.candidate(step, &due, &label) else {
                continue;
            };
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

    /// The channels of these lines whose poll was answered without what is still expected.
    pub(super) fn repollable(&self, open: &[(&'c Step, u32)]) -> Vec<String> {
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
}
