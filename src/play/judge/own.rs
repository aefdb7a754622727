//! The lines that the player does: what was done is held against the line that is due, and a request may have to be parked.

use super::demand::{Demand, Flow, Match};
use super::walk::{Judge, is_pending};
use crate::notation::{Action, Content, OwnAction, Step};
use crate::transcript::Cause;

impl<'c> Judge<'c> {
    pub(super) fn advance_own(&mut self, step: &'c Step, label: String) -> Flow<'c> {
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
}
