//! What arrives while a trial is played: it is recorded, told to the judge, and pings are answered.

use super::hosting::Hosting;
use super::judge::Demand;
use super::player::{HEARTBEAT_LABEL, Player};
use crate::notation::Heartbeat;
use crate::transcript::{Cause, Entry, Event, Response, Wire};
use crate::wire::Seen;
use futures_util::FutureExt as _;
use std::time::Duration;

/// How often a poll that is answered at once with nothing that counts is asked again before it counts as not parked.
const PARK_ATTEMPTS: u32 = 8;

impl Player<'_> {
    /// Milliseconds since the trial started.
    pub(super) fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64() * 1000.0
    }

    /// Records something and tells the judge.
    pub(super) fn record(&mut self, label: &str, event: Event, cause: Option<Cause>) {
        let at = self.now();
        self.record_at(at, label, event, cause);
    }

    fn record_at(&mut self, at: f64, label: &str, event: Event, cause: Option<Cause>) {
        let entry = Entry {
            at,
            label: label.to_owned(),
            event,
            cause,
        };
        self.judge.feed(&entry);
        self.record.entries.push(entry);
    }

    /// Takes in everything that has arrived by now.
    pub(super) async fn drain(&mut self) {
        self.record_lag();
        while let Ok(seen) = self.arrivals.try_recv() {
            self.take_in(seen).await;
        }
        while let Some(seen) = self.heard() {
            self.take_in(seen).await;
        }
    }

    fn record_lag(&mut self) {
        let total = self.context.lag.total_ms();
        let lag = total - self.lag_seen;
        if lag > 1.0 {
            self.lag_seen = total;
            self.record("", Event::Lag(lag), None);
        }
    }

    /// Records an arrival and answers the ping that it may be.
    pub(super) async fn take_in(&mut self, mut seen: Seen) {
        if let Some(hosting) = &mut self.hosting {
            match hosting.name(&seen) {
                Some(name) => seen.label = name,
                None => {
                    let note = "something came in a session that the client has replaced".to_owned();
                    return self.record_at(seen.at, "", Event::Note(note), None);
                }
            }
        }
        if seen.label == HEARTBEAT_LABEL {
            return;
        }
        if self.is_late_answer(&seen.label, &seen.event) {
            self.record_at(
                seen.at,
                &seen.label,
                Event::Note("a proof was answered after all".into()),
                None,
            );
            return;
        }
        if let Event::Received(Wire::Response(response)) = &mut seen.event {
            if let Some(outstanding) = self.outstanding.get_mut(&seen.label) {
                *outstanding = outstanding.saturating_sub(1);
            }
            response.own |= self.is_parked_in_vain(&seen.label, response);
        }
        let pinged = self.answers_pings() && pings(&seen.event);
        let label = seen.label.clone();
        self.record_at(seen.at, &seen.label, seen.event, None);
        if let Some(error) = self.hosting.as_ref().and_then(Hosting::lost) {
            self.end_without_driver(&error);
        }
        if pinged {
            self.answer_ping(&label).await;
        }
    }

    /// Whether this answers the request that is to be parked, with nothing that counts: then it is asked again.
    fn is_parked_in_vain(&mut self, label: &str, response: &Response) -> bool {
        let parking = matches!(self.judge.demand(), Demand::Park(parked) if parked == label);
        if !parking || response.status != 200 || !self.judge.never_counts(label, &response.body) {
            return false;
        }
        let times = self.parked_in_vain.entry(label.to_owned()).or_default();
        *times += 1;
        *times <= PARK_ATTEMPTS
    }

    /// In session scripts the session answers pings itself.
    fn answers_pings(&self) -> bool {
        self.hosting.is_none()
            && self.trial.over.is_none()
            && self.trial.case.header.heartbeat == Heartbeat::Auto
    }

    /// The next arrival, or `None` when the deadline (milliseconds since the trial started) has passed.
    pub(super) async fn next_arrival(&mut self, deadline: f64) -> Option<Seen> {
        let until = self.start + Duration::from_secs_f64(deadline.max(0.0) / 1000.0);
        let start = self.start;
        let now = || start.elapsed().as_secs_f64() * 1000.0;
        let from_client = async {
            match &mut self.hosting {
                Some(hosting) => hosting.next(now).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            seen = self.arrivals.recv() => seen,
            seen = from_client => Some(seen),
            () = tokio::time::sleep_until(until) => None,
        }
    }

    /// What has come from the client or its driver by now.
    fn heard(&mut self) -> Option<Seen> {
        let start = self.start;
        let now = || start.elapsed().as_secs_f64() * 1000.0;
        self.hosting.as_mut()?.next(now).now_or_never()
    }

    pub(super) async fn wait(&mut self, label: &str, deadline: f64) {
        if let Some(seen) = self.next_arrival(deadline).await {
            self.take_in(seen).await;
            return;
        }
        let lag = self.context.lag.total_ms() - self.lag_seen;
        if lag > 1.0 {
            // The judge moves its deadline by the lag, so the wait may go on.
            self.record_lag();
            return;
        }
        if self.is_held_up(&mut { deadline }).await {
            return;
        }
        self.record(label, Event::Deadline, None);
    }
}

/// Whether an arrival carries a ping of the Engine.IO heartbeat.
fn pings(event: &Event) -> bool {
    match event {
        Event::Received(Wire::Text(text)) => text == "2",
        Event::Received(Wire::Response(response)) => {
            response.status == 200
                && response
                    .body
                    .split(|byte| *byte == 0x1e)
                    .any(|packet| packet == b"2")
        }
        _ => false,
    }
}
