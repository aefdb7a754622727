//! Where channels put what they see: one stream of events for a case, with a budget that all its channels share.
//!
//! Owns the clock of the transcript and the limits. The budget is what keeps the runner bounded against a target
//! that floods: bytes are charged when they are read, entries when they are posted, and nothing is given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use thiserror::Error;
use tokio::sync::mpsc;

use crate::transcript::{Closed, Event, Side};

/// How many entries may still be posted by channels that end after the budget was used up.
const LAST_WORDS: usize = 4096;

/// Where channels put what they see. Cloned, or [labelled](Self::labelled), for each session or channel.
#[derive(Clone, Debug)]
pub struct Tap {
    label: Arc<str>,
    budget: Arc<Budget>,
    seen: mpsc::Sender<Seen>,
}

/// Something that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Milliseconds since the case started.
    pub at: f64,
    /// The session or channel; empty for the line without a label.
    pub label: String,
    /// What happened.
    pub event: Event,
}

/// How much a case may receive, over all its channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of the transcript.
    pub entries: usize,
    /// Bytes read from the wire.
    pub bytes: usize,
}

/// The budget of the case is used up; the text says which part of it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("limit of {limit} {what} for what a case may receive is reached")]
pub struct LimitReached {
    limit: usize,
    what: &'static str,
}

impl LimitReached {
    /// Whether these are the words with which a session or channel ended over a budget that is used up.
    pub fn is_told_by(how: &str) -> bool {
        how.starts_with("limit of ") && how.ends_with(" for what a case may receive is reached")
    }
}

#[derive(Debug)]
struct Budget {
    start: Instant,
    limits: Limits,
    entries: AtomicUsize,
    bytes: AtomicUsize,
}

impl Tap {
    /// A tap for a case that started at `start`, and the other end of it.
    pub fn new(start: Instant, limits: Limits) -> (Self, mpsc::Receiver<Seen>) {
        let capacity = limits
            .entries
            .saturating_add(LAST_WORDS)
            .min(tokio::sync::Semaphore::MAX_PERMITS);
        let (seen, receiver) = mpsc::channel(capacity);
        let budget = Budget {
            start,
            limits,
            entries: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        };
        (
            Self {
                label: Arc::from(""),
                budget: Arc::new(budget),
                seen,
            },
            receiver,
        )
    }

    /// The same tap for the session or channel of this name.
    pub fn labelled(&self, label: &str) -> Self {
        Self {
            label: Arc::from(label),
            budget: Arc::clone(&self.budget),
            seen: self.seen.clone(),
        }
    }

    /// Records an event. Fails once the case has as many entries as it may.
    pub fn post(&self, event: Event) -> Result<(), LimitReached> {
        let limit = self.budget.limits.entries;
        if self.budget.entries.fetch_add(1, Ordering::Relaxed) >= limit {
            return Err(LimitReached {
                limit,
                what: "entries",
            });
        }
        self.send(event);
        Ok(())
    }

    /// Counts bytes that were read. Fails once the case has read as many as it may.
    pub(super) fn charge(&self, bytes: usize) -> Result<(), LimitReached> {
        let limit = self.budget.limits.bytes;
        let before = self.budget.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > limit {
            return Err(LimitReached { limit, what: "bytes" });
        }
        Ok(())
    }

    /// Milliseconds since the case started.
    pub(super) fn now(&self) -> f64 {
        self.budget.start.elapsed().as_secs_f64() * 1000.0
    }

    /// How many bytes the case may still read.
    pub(super) fn bytes_left(&self) -> usize {
        self.budget
            .limits
            .bytes
            .saturating_sub(self.budget.bytes.load(Ordering::Relaxed))
    }

    /// What came too much of, in words; `None` while the budget lasts.
    pub fn overflow(&self) -> Option<String> {
        let Limits { entries, bytes } = self.budget.limits;
        let over = |counter: &AtomicUsize, limit, what| {
            let came = counter.load(Ordering::Relaxed);
            let reached = LimitReached { limit, what };
            (came > limit).then(|| format!("{came} {what} and no end: the {reached}"))
        };
        over(&self.budget.bytes, bytes, "bytes").or_else(|| over(&self.budget.entries, entries, "entries"))
    }

    /// The error for something which announces more bytes than are left.
    pub(super) fn too_big(&self) -> LimitReached {
        LimitReached {
            limit: self.budget.limits.bytes,
            what: "bytes",
        }
    }

    /// Records how the session or channel ended; possible also when the budget is used up.
    pub(super) fn closed(&self, by: Side, how: impl Into<String>, code: Option<u16>) {
        self.send(Event::Closed(Closed {
            by,
            how: how.into(),
            code,
        }));
    }

    /// Records that the player stopped reading because the budget is used up.
    pub(super) fn stopped(&self, limit: &LimitReached) {
        self.send(Event::Note(limit.to_string()));
        self.closed(Side::Player, limit.to_string(), None);
    }

    fn send(&self, event: Event) {
        let at = self.now();
        // Fails when nobody listens any more, or when thousands of channels end after the budget: nothing is lost then.
        let _ = self.seen.try_send(Seen {
            at,
            label: self.label.to_string(),
            event,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_shared_and_the_end_is_still_told() {
        let (tap, mut seen) = Tap::new(
            Instant::now(),
            Limits {
                entries: 2,
                bytes: 10,
            },
        );
        let (a, b) = (tap.labelled("a"), tap.labelled("b"));
        assert_eq!(a.post(Event::Deadline), Ok(()));
        assert_eq!(b.post(Event::Deadline), Ok(()));
        let limit = a.post(Event::Deadline).unwrap_err();
        a.stopped(&limit);
        let labels: Vec<_> = std::iter::from_fn(|| seen.try_recv().ok())
            .map(|s| (s.label, s.event))
            .collect();
        assert_eq!(labels.len(), 4);
        assert_eq!(labels[1].0, "b");
        assert!(matches!(&labels[2].1, Event::Note(note) if note.starts_with("limit of 2 entries")));
        assert!(matches!(
            &labels[3].1,
            Event::Closed(Closed { by: Side::Player, .. })
        ));
    }

    #[test]
    fn bytes_are_charged_over_all_labels() {
        let (tap, _seen) = Tap::new(
            Instant::now(),
            Limits {
                entries: 2,
                bytes: 10,
            },
        );
        assert_eq!(tap.labelled("a").charge(6), Ok(()));
        assert_eq!(tap.bytes_left(), 4);
        assert!(tap.labelled("b").charge(5).is_err());
    }
}
