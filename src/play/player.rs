//! Plays one trial: asks the judge what is needed, does it, and records what comes.
//!
//! Owns the loop, the record and the clock of a trial. What arrives is taken in by `intake`; what a line does to a connection
//! is `perform`'s, how silence is proved `proof`'s.

use super::hosting::Hosting;
use super::judge::{Demand, Judge, Judgement, Match, Values, namespace_prefix};
use super::lag::LagMonitor;
use super::proof::Question;
use crate::notation::Over;
use crate::suite::Trial;
use crate::target::ClientInstance;
use crate::transcript::{Cause, Closed, Event, Request, Side, Transcript, Wire};
use crate::wire::{Channel, Endpoint, Limits, Seen, Session, Tap};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;

/// The label of the channel that answers pings of polling sessions in wire scripts; never part of a record.
pub(super) const HEARTBEAT_LABEL: &str = "~heartbeat";

/// What playing a trial needs to know of the target.
#[derive(Clone, Debug)]
pub struct TrialContext {
    /// The client under test; `None` where the target is a server.
    pub client: Option<ClientInstance>,
    /// Where the target listens; where it is a client, the path at which it is served.
    pub endpoint: Endpoint,
    /// The client of polite polling.
    pub http: reqwest::Client,
    /// What the target can do: need → yes or no.
    pub capabilities: BTreeMap<String, bool>,
    /// After how many milliseconds the target closes a connection without CONNECT; `None` where it is not known.
    pub connect_timeout_ms: Option<f64>,
    /// The round trip of a small request, in milliseconds.
    pub rtt_ms: f64,
    /// The runner's own lag.
    pub lag: LagMonitor,
    /// How long a trial may take in all; what takes longer is the harness's failure, not the target's.
    pub timeout: Duration,
    /// How much a trial may record.
    pub limits: Limits,
}

/// What came out of playing a trial.
#[derive(Clone, Debug)]
pub struct TrialOutcome {
    /// The judge's verdict, which knows no levels and no known failures.
    pub judgement: Judgement,
    /// What was recorded.
    pub record: Transcript,
    /// Which entries satisfied which lines.
    pub matches: Vec<Match>,
    /// How long it took, in milliseconds.
    pub wall_ms: f64,
    /// How long the runner was held up meanwhile, in milliseconds.
    pub lag_ms: f64,
}

/// Plays a trial against the target of `context`. Everything it opened is closed when it returns.
pub async fn play(trial: &Trial, context: &TrialContext) -> TrialOutcome {
    let mut player = Player::new(trial, context);
    let finished = tokio::time::timeout(context.timeout, player.run()).await;
    if finished.is_err() {
        let due = player
            .judge
            .due()
            .map_or_else(String::new, |(line, _)| format!(", at line {line}"));
        player
            .judge
            .break_off(format!("not finished after {} s{due}", context.timeout.as_secs()));
    }
    player.hang_up().await;
    player.into_outcome()
}

pub(super) enum Connection {
    Session(Box<Session>),
    Channel(Box<Channel>),
}

pub(super) struct Player<'a> {
    pub(super) trial: &'a Trial,
    pub(super) context: &'a TrialContext,
    pub(super) judge: Judge<'a>,
    pub(super) tap: Tap,
    pub(super) connections: BTreeMap<String, Connection>,
    /// The server's side, where the target is a client.
    pub(super) hosting: Option<Hosting>,
    /// The last request of each channel, for polls that are repeated.
    pub(super) last_request: BTreeMap<String, Request>,
    /// How many polls and other requests of each channel have no answer yet that was taken in.
    pub(super) outstanding: BTreeMap<String, u32>,
    /// How often a request that is to be parked was answered with what never counts.
    pub(super) parked_in_vain: BTreeMap<String, u32>,
    pub(super) echoes: u32,
    /// Proofs that something else settled before their answer came.
    pub(super) unanswered: Vec<(String, Question)>,
    pub(super) arrivals: Receiver<Seen>,
    pub(super) start: Instant,
    pub(super) record: Transcript,
    pub(super) lag_seen: f64,
    lag_at_start: f64,
}

impl<'a> Player<'a> {
    fn new(trial: &'a Trial, context: &'a TrialContext) -> Self {
        let start = Instant::now();
        let (tap, arrivals) = Tap::new(start.into_std(), context.limits);
        let lag = context.lag.total_ms();
        Self {
            trial,
            context,
            judge: Judge::new(&trial.case, values_of(context)),
            tap,
            connections: BTreeMap::new(),
            hosting: None,
            last_request: BTreeMap::new(),
            outstanding: BTreeMap::new(),
            parked_in_vain: BTreeMap::new(),
            echoes: 0,
            unanswered: Vec::new(),
            arrivals,
            start,
            record: Transcript {
                hosts: context.client.is_some(),
                ..Transcript::default()
            },
            lag_seen: lag,
            lag_at_start: lag,
        }
    }

    async fn run(&mut self) {
        if let Some(client) = &self.context.client {
            match Hosting::start(self.trial, self.context, client, &self.tap).await {
                Ok(hosting) => self.hosting = Some(hosting),
                Err(error) => return self.judge.break_off(format!("siospec cannot listen: {error}")),
            }
        }
        loop {
            self.drain().await;
            let demand = self.judge.demand();
            if let Some(flood) = self.tap.overflow() {
                return self.judge.flooded(flood);
            }
            match demand {
                Demand::Done => return,
                Demand::Open(label) if self.hosting.is_some() => self.await_session(&label).await,
                Demand::Open(label) => self.open(&label, None).await,
                Demand::Join(label, namespace) => self.join(&label, &namespace).await,
                Demand::Perform {
                    step,
                    repetition,
                    label,
                    body,
                } => {
                    let cause = Cause {
                        line: step.line,
                        repetition,
                    };
                    if self.hosting.is_some() {
                        self.perform_as_server(step, &body, cause, &label).await;
                    } else {
                        self.perform(step, cause, &label).await;
                    }
                }
                Demand::Park(label) => self.park(&label).await,
                Demand::Await {
                    label,
                    deadline,
                    repoll,
                } => {
                    for label in repoll {
                        self.repoll(&label).await;
                    }
                    self.wait(&label, deadline).await;
                }
                Demand::Prove {
                    label,
                    echo,
                    alive,
                    deadline,
                } if self.hosting.is_some() => self.prove_by_report(&label, echo, alive, deadline).await,
                Demand::Prove {
                    label,
                    echo,
                    alive,
                    deadline,
                } => self.prove(&label, echo, alive, deadline).await,
            }
        }
    }

    /// Opens the session of a label; where that fails, the record says that the target closed it.
    pub(super) async fn open(&mut self, label: &str, cause: Option<Cause>) {
        let over = self.trial.over.unwrap_or(Over::WebSocket);
        let heartbeat = self.trial.case.header.heartbeat;
        let tap = self.tap.labelled(label);
        let opening = Session::open(&self.context.endpoint, &self.context.http, over, heartbeat, tap);
        let outcome = tokio::time::timeout(Duration::from_secs(2), opening).await;
        if let Some(cause) = cause {
            self.record(label, Event::Did("reconnect".into()), Some(cause));
        }
        match outcome {
            Ok(Ok(session)) => {
                self.record(label, Event::Opened(session.handshake().clone()), None);
                self.connections
                    .insert(label.to_owned(), Connection::Session(Box::new(session)));
            }
            Ok(Err(error)) => self.record(label, closed(format!("the handshake failed: {error}")), None),
            Err(_) => self.record(
                label,
                closed("the handshake was not finished within 2 s".into()),
                None,
            ),
        }
    }

    async fn join(&mut self, label: &str, namespace: &str) {
        if self.hosting.is_some() {
            return self.let_join(label, namespace).await;
        }
        let text = format!("40{}", namespace_prefix(namespace));
        self.record(label, Event::Sent(Wire::Text(text.clone())), None);
        self.send_text(label, text.into_bytes()).await;
    }

    async fn hang_up(&mut self) {
        if let Some(hosting) = self.hosting.take() {
            hosting.end().await;
        }
        let connections = std::mem::take(&mut self.connections);
        let farewell =
            futures_util::future::join_all(connections.into_values().map(|connection| async move {
                if let Connection::Session(session) = connection {
                    session.shutdown().await;
                }
            }));
        // Politeness is bounded: what is not said by then is cut.
        let _ = tokio::time::timeout(Duration::from_millis(100), farewell).await;
    }

    fn into_outcome(mut self) -> TrialOutcome {
        let wall_ms = self.now();
        self.name_labels();
        let matches = self.judge.matches().to_vec();
        TrialOutcome {
            judgement: self.judge.into_verdict(),
            record: self.record,
            matches,
            wall_ms,
            lag_ms: self.context.lag.total_ms() - self.lag_at_start,
        }
    }
}

impl Player<'_> {
    /// Requests and WebSockets of a client are recorded by number: now it is known what the script calls them.
    fn name_labels(&mut self) {
        let names: BTreeMap<String, String> = self
            .judge
            .names()
            .map(|(recorded, name)| (recorded.to_owned(), name.to_owned()))
            .collect();
        for entry in &mut self.record.entries {
            if let Some(name) = names.get(&entry.label) {
                entry.label.clone_from(name);
            }
        }
    }
}

/// What the judge may know of the target.
pub(super) fn values_of(context: &TrialContext) -> Values {
    let texts = [
        ("host", context.endpoint.authority()),
        ("path", context.endpoint.path.clone()),
    ];
    Values {
        connect_timeout_ms: context.connect_timeout_ms,
        texts: texts
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text))
            .collect(),
    }
}

pub(super) fn closed(how: String) -> Event {
    Event::Closed(Closed {
        by: Side::Target,
        how,
        code: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schedule spawns trials: what plays them must be able to move between threads.
    fn is_send<T: Send>(value: T) -> T {
        value
    }

    #[test]
    fn playing_may_move_between_threads() {
        fn check(trial: &Trial, context: &TrialContext) {
            drop(is_send(play(trial, context)));
        }
        let _: fn(&Trial, &TrialContext) = check;
    }
}
