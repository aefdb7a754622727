//! What the player waits for as a server: sessions, proofs, and a client that hardly gets to run.

use super::judge::{DRIVER, Demand, Judge, namespace_prefix};
use super::player::{Player, closed};
use super::proof::Question;
use crate::transcript::{Cause, Event, Proof, Wire};
use crate::wire::Packet;

/// How long a client may take to open a session, in milliseconds.
const SESSION_MS: f64 = 2000.0;
/// What an answer of a driver takes on a machine that has time for it, in milliseconds; what it takes longer is waiting.
const PROMPT_MS: f64 = 10.0;
/// A client does about so many things for which it may have to wait like its driver does for an answer.
const WAITS: f64 = 10.0;
/// The longest that a client is given for that, in milliseconds.
const MOST_DELAY_MS: f64 = 4000.0;

impl Player<'_> {
    /// Waits for a session that the client opens; tells the client to, where that is given.
    pub(super) async fn await_session(&mut self, label: &str) {
        let given = self.trial.case.header.given.as_ref();
        if let Some(given) = given
            && let Some(hosting) = &mut self.hosting
            && !std::mem::replace(&mut hosting.connected, true)
        {
            self.command(&format!("connect {}", given.namespace), None).await;
        }
        let waits = |judge: &mut Judge<'_>| matches!(judge.demand(), Demand::Open(still) if still == label);
        let mut deadline = self.now() + SESSION_MS;
        while waits(&mut self.judge) {
            match self.next_arrival(deadline).await {
                Some(seen) => self.take_in(seen).await,
                None if self.is_held_up(&mut deadline).await => {}
                None => {
                    let how = format!("the client opened no session within {SESSION_MS} ms");
                    return self.record(label, closed(how), None);
                }
            }
        }
    }

    pub(super) async fn await_reconnection(&mut self, label: &str, cause: Cause) {
        let mut deadline = self.now() + SESSION_MS;
        loop {
            if self
                .hosting
                .as_mut()
                .is_some_and(|hosting| hosting.take_reopened(label))
            {
                break;
            }
            match self.next_arrival(deadline).await {
                Some(seen) => self.take_in(seen).await,
                None if self.is_held_up(&mut deadline).await => {}
                None => {
                    let how = format!("the client opened no other session within {SESSION_MS} ms");
                    self.record(label, closed(how), None);
                    break;
                }
            }
        }
        self.record(label, Event::Did("reconnect".to_owned()), Some(cause));
    }

    /// Answers the CONNECT of the precondition.
    pub(super) async fn let_join(&mut self, label: &str, namespace: &str) {
        let prefix = namespace_prefix(namespace);
        let text = format!("40{prefix}{{\"sid\":\"s1\"}}");
        self.record(label, Event::Sent(Wire::Text(text.clone())), None);
        self.send_as_server(label, Packet::Text(text.into_bytes())).await;
    }

    /// Proves that nothing more comes on a label: by an event that the client reports, or by what its driver has to say.
    pub(super) async fn prove_by_report(
        &mut self,
        label: &str,
        namespace: Option<String>,
        alive: bool,
        deadline: f64,
    ) {
        if let Some(namespace) = namespace {
            let prefix = namespace_prefix(&namespace);
            self.echoes += 1;
            let token = format!("siospec-{}.", self.echoes);
            let event = format!("42{prefix}[\"siospec-proof\",\"{token}\"]");
            self.record(label, Event::Note(format!("asked for a proof: {event}")), None);
            self.send_as_server(label, Packet::Text(event.into_bytes())).await;
            return self.await_proof(label, Question::Report(token), deadline).await;
        }
        if alive {
            let reason = "no namespace is connected, so that nothing shows that the client works".to_owned();
            return self.record(label, Event::Silence(Proof::Failed(reason)), None);
        }
        if label != DRIVER {
            return self.window(label, alive).await;
        }
        let heard = match &mut self.hosting {
            Some(hosting) => hosting.barrier().await,
            None => Ok(()),
        };
        match heard {
            Ok(()) => {
                self.drain().await;
                if matches!(self.judge.demand(), Demand::Prove { label: still, .. } if still == label) {
                    self.record(label, Event::Silence(Proof::Echo), None);
                }
            }
            Err(error) => self.driver_failed(&error),
        }
    }

    async fn await_proof(&mut self, label: &str, expected: Question, mut deadline: f64) {
        loop {
            let Some(seen) = self.next_arrival(deadline).await else {
                if self.is_held_up(&mut deadline).await {
                    continue;
                }
                let reason = "the client did not report the event in time".to_owned();
                return self.record(label, Event::Silence(Proof::Failed(reason)), None);
            };
            let answers = seen.label == DRIVER
                && matches!(&seen.event, Event::Received(Wire::Driver(text)) if expected.is_answered_by(text));
            if answers {
                return self.record(label, Event::Silence(Proof::Echo), None);
            }
            self.take_in(seen).await;
            // What came may have settled the matter.
            if !matches!(self.judge.demand(), Demand::Prove { label: still, .. } if still == label) {
                self.unanswered.push((DRIVER.to_owned(), expected));
                return;
            }
        }
    }

    /// Whether a client that has missed a time is late because its process hardly gets to run: then its driver is late
    /// as well, and the client gets more time. Moves the deadline.
    pub(super) async fn is_held_up(&mut self, deadline: &mut f64) -> bool {
        let line = self.judge.due().map_or(0, |(line, _)| line);
        let Some(hosting) = &mut self.hosting else {
            return false;
        };
        if !hosting.may_be_excused(line) {
            return false;
        }
        let asked = self.now();
        let Some(hosting) = &mut self.hosting else {
            return false;
        };
        if let Err(error) = hosting.barrier().await {
            self.driver_failed(&error);
            return true;
        }
        let delay = self.delay_by(WAITS * (self.now() - asked - PROMPT_MS).max(0.0));
        *deadline = self.now() + delay;
        delay > 0.0
    }

    /// Moves all deadlines of what is awaited now by what a driver has lost; by how much, in milliseconds.
    pub(super) fn delay_by(&mut self, ms: f64) -> f64 {
        if ms <= PROMPT_MS {
            return 0.0;
        }
        let ms = ms.min(MOST_DELAY_MS);
        self.record("", Event::Lag(ms), None);
        ms
    }
}
