//! Deadlines and times: what the judge allows, and how the runner's own lag is left out of account.

use super::Judge;
use crate::notation::{At, Content, Step};

/// By when an answer is due without `within`, in milliseconds.
pub(super) const ANSWER_MS: f64 = 1000.0;
/// By when a client that was told to connect has made its first request, in milliseconds.
pub(super) const OPENING_MS: f64 = 2000.0;
/// By when a close is due without `within`, in milliseconds.
pub(super) const CLOSE_MS: f64 = 500.0;
/// Part of the connect timeout after which a close may be the connect timer's doing.
const CONNECT_TIMER_FROM: f64 = 0.85;
/// What `@` allows around a single time.
const ABOUT: f64 = 0.2;

impl Judge<'_> {
    /// The time at which a wait of this many milliseconds since the last line ends, lag left out.
    pub(super) fn deadline_after(&self, ms: f64) -> f64 {
        self.base + ms + (self.lag - self.lag_at_base)
    }

    /// When an expectation is given up, milliseconds since the case started.
    pub(super) fn deadline_of(&self, step: &Step, label: &str) -> f64 {
        if let Some((_, latest)) = self.window_of(step, label) {
            return latest;
        }
        let latest = self.deadline_after(self.allowance_of(step, label));
        // However long the runner was held up: what closes later may be the connect timer.
        match self
            .connect_timer(label)
            .filter(|_| step.timing.within.is_none() && closes(step))
        {
            Some(timer) => latest.min((timer * CONNECT_TIMER_FROM).max(self.base + 1.0)),
            None => latest,
        }
    }

    /// The milliseconds which an expectation may take since the line above.
    pub(super) fn allowance_of(&self, step: &Step, label: &str) -> f64 {
        if let Some(within) = &step.timing.within {
            return self.resolve(within, label);
        }
        if self.hosts() && self.bound.is_empty() && Self::expected_request(step).is_some() {
            return OPENING_MS;
        }
        if !closes(step) {
            return ANSWER_MS;
        }
        let before_timer = self.connect_timer(label).map_or(CLOSE_MS, |timer| {
            (timer * CONNECT_TIMER_FROM - self.base).max(1.0)
        });
        CLOSE_MS.min(before_timer)
    }

    /// When the connect timer of the target fires on this label, where it runs and is known.
    pub(super) fn connect_timer(&self, label: &str) -> Option<f64> {
        let state = self.labels.get(label)?;
        if !state.joined.is_empty() || state.was_joined {
            return None;
        }
        Some(state.opened_at? + self.values.connect_timeout_ms?)
    }

    /// For `@`: the earliest and the latest time that is allowed, milliseconds since the case started.
    pub(super) fn window_of(&self, step: &Step, label: &str) -> Option<(f64, f64)> {
        let at = step.timing.at.as_ref()?;
        let from = self
            .labels
            .get(label)
            .map_or(self.base, |state| state.last_line_at);
        let lag = self.lag - self.lag_at_base;
        let (low, high) = match at {
            At::About(time) => {
                let ms = self.resolve(time, label);
                (ms * (1.0 - ABOUT), ms * (1.0 + ABOUT))
            }
            At::Between(low, high) => (self.resolve(low, label), self.resolve(high, label)),
        };
        Some((from + low, from + high + lag))
    }

    /// A duration in milliseconds; names that are not known count as nothing.
    pub(super) fn resolve(&self, duration: &crate::notation::Duration, label: &str) -> f64 {
        duration.resolve(|name| self.named_ms(name, label)).unwrap_or(0.0)
    }

    /// The value of a name that durations may use.
    pub(super) fn named_ms(&self, name: &str, label: &str) -> Option<f64> {
        if name == "connectTimeout" {
            return self.values.connect_timeout_ms;
        }
        let own = self.labels.get(label);
        own.into_iter()
            .chain(self.labels.values())
            .find_map(|state| state.handshake.iter().find(|(key, _)| key == name))
            .and_then(|(_, value)| value.parse().ok())
    }
}

/// Whether a line accepts the end of the connection.
fn closes(step: &Step) -> bool {
    super::fits::contents(step).any(|content| matches!(content, Content::Close(_)))
}
