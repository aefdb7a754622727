//! Proofs: that nothing more was on its way, that a session works, that a request is parked.
//!
//! An echo is the proof wherever the application can echo; elsewhere a window scaled to the measured round trip, and
//! the record says which.

use super::judge::{Demand, namespace_prefix};
use super::player::{Connection, Player};
use crate::transcript::{Event, Proof, Wire};
use crate::wire::{Endpoint, Seen, attempt};
use std::pin::Pin;
use std::time::Duration;

/// How many round trips a window of silence lasts.
const WINDOW_ROUND_TRIPS: f64 = 6.0;
/// The shortest window of silence, in milliseconds.
const WINDOW_MS: f64 = 25.0;

/// How long the target may take to answer requests beside the connections of a case.
const PATIENCE: Duration = Duration::from_secs(1);

/// A question of the player's own, and how its answer is known.
pub(super) enum Question {
    /// An echo of this token.
    Echo(String),
    /// A CONNECT to the main namespace.
    Connect,
    /// An event that the client reports, with this token.
    Report(String),
}

impl Question {
    pub(super) fn is_answered_by(&self, text: &str) -> bool {
        match self {
            Self::Echo(token) => text.contains("message-back") && text.contains(token.as_str()),
            Self::Report(token) => text.starts_with("event ") && text.contains(token.as_str()),
            Self::Connect => text.starts_with("40{") || text.starts_with("44{"),
        }
    }
}

impl Player<'_> {
    /// Proves that nothing more comes on a label, or that its session works.
    pub(super) async fn prove(&mut self, label: &str, echo: Option<String>, alive: bool, deadline: f64) {
        let speaks = match self.connections.get(label) {
            Some(Connection::Session(_)) => true,
            Some(Connection::Channel(channel)) => channel.is_websocket(),
            None => false,
        };
        let may_echo = self.context.capabilities.get("echo").copied().unwrap_or(true);
        match echo {
            Some(namespace) if speaks && may_echo => {
                let prefix = namespace_prefix(&namespace);
                self.echoes += 1;
                let token = format!("siospec-{}.", self.echoes);
                let question = format!("42{prefix}[\"message\",\"{token}\"]");
                self.ask(label, question, Question::Echo(token), Proof::Echo, deadline)
                    .await;
            }
            _ if alive && speaks => {
                self.ask(label, "40".into(), Question::Connect, Proof::Connect, deadline)
                    .await;
            }
            _ if alive => {
                let reason = "this channel cannot show that the session works".to_owned();
                self.record(label, Event::Silence(Proof::Failed(reason)), None);
            }
            _ => self.window(label, alive).await,
        }
    }

    /// Asks something and takes in what comes until the answer does.
    async fn ask(&mut self, label: &str, question: String, expected: Question, proof: Proof, deadline: f64) {
        self.record(label, Event::Note(format!("asked for a proof: {question}")), None);
        self.send_text(label, question.into_bytes()).await;
        loop {
            let Some(seen) = self.next_arrival(deadline).await else {
                let reason = "it was not answered in time".to_owned();
                self.record(label, Event::Silence(Proof::Failed(reason)), None);
                return;
            };
            let answers = seen.label == label
                && matches!(&seen.event, Event::Received(Wire::Text(text)) if expected.is_answered_by(text));
            if answers {
                self.record(label, Event::Silence(proof), None);
                return;
            }
            self.take_in(seen).await;
            // What came may have settled the matter: a close, or a packet that no line asks for.
            if !matches!(self.judge.demand(), Demand::Prove { label: still, .. } if still == label) {
                self.unanswered.push((label.to_owned(), expected));
                return;
            }
        }
    }

    /// Whether this is the late answer to a proof that was no longer needed; it is the player's own affair.
    pub(super) fn is_late_answer(&mut self, label: &str, event: &Event) -> bool {
        let Event::Received(Wire::Text(text) | Wire::Driver(text)) = event else {
            return false;
        };
        let answers =
            |(asked, question): &(String, Question)| asked == label && question.is_answered_by(text);
        match self.unanswered.iter().position(answers) {
            Some(index) => {
                self.unanswered.remove(index);
                true
            }
            None => false,
        }
    }

    /// Waits whether something comes: for some round trips, and on a busy target at least until requests that were sent later
    /// are answered.
    pub(super) async fn window(&mut self, label: &str, alive: bool) {
        let ms = (self.context.rtt_ms * WINDOW_ROUND_TRIPS).max(WINDOW_MS);
        let until = self.now() + ms;
        let mut elsewhere = self.elsewhere();
        while let Some(seen) = self.arrival_in_window(until, &mut elsewhere).await {
            self.take_in(seen).await;
            if !matches!(self.judge.demand(), Demand::Prove { label: still, alive: a, .. } if still == label && a == alive)
            {
                return;
            }
        }
        self.record(label, Event::Silence(Proof::Window(ms)), None);
    }

    /// Shows that the request just sent is parked; asks again where it was answered by pings or noops.
    pub(super) async fn park(&mut self, label: &str) {
        let ms = (self.context.rtt_ms * WINDOW_ROUND_TRIPS).max(WINDOW_MS);
        let mut until = self.now() + ms;
        let mut elsewhere = self.elsewhere();
        loop {
            if self.ask_again(label, false).await {
                until = self.now() + ms;
            }
            let Some(seen) = self.arrival_in_window(until, &mut elsewhere).await else {
                break;
            };
            self.take_in(seen).await;
            if !matches!(self.judge.demand(), Demand::Park(still) if still == label) {
                return;
            }
        }
        self.record(label, Event::Silence(Proof::Window(ms)), None);
    }

    /// What comes until this time, and until what is asked elsewhere is answered.
    async fn arrival_in_window(&mut self, until: f64, elsewhere: &mut Elsewhere) -> Option<Seen> {
        loop {
            let patience = if elsewhere.is_answered {
                0.0
            } else {
                PATIENCE.as_secs_f64() * 1000.0
            };
            let latest = until.max(self.now() + patience);
            tokio::select! {
                biased;
                seen = self.next_arrival(latest) => return seen,
                () = &mut elsewhere.round_trips, if !elsewhere.is_answered => elsewhere.is_answered = true,
            }
        }
    }

    /// Asks a server beside the connections of the case. A client cannot be asked.
    fn elsewhere(&self) -> Elsewhere {
        Elsewhere {
            is_answered: self.hosting.is_some(),
            round_trips: Box::pin(round_trips(self.context.endpoint.clone())),
        }
    }
}

/// Requests beside the connections of a case, which show how far a busy target is.
struct Elsewhere {
    is_answered: bool,
    round_trips: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Two requests that no session and no transport belongs to, one after the other, each over a new connection: a busy target
/// may read those that are open before it accepts the one that the case has just opened.
async fn round_trips(endpoint: Endpoint) {
    let both = async {
        for _ in 0..2 {
            // What it says is not the matter.
            let _ = attempt(&endpoint).await;
        }
    };
    let _ = tokio::time::timeout(PATIENCE, both).await;
}
