//! Engine.IO sessions that clients open with the player, for session scripts.
//!
//! Owns the task that answers handshakes, polls, posts and probes, and tells the record what the packets are. The script
//! says what is sent; it is sent over whatever transport the session has.

use super::listener::Host;
use super::message::{Arrived, What};
use super::session::{Session, Told};
use crate::notation::{Heartbeat, Over};
use crate::transcript::Side;
use crate::wire::payload::Packet;
use crate::wire::tap::Tap;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, MissedTickBehavior};

/// How many sessions a client may open in one case.
const MOST_SESSIONS: usize = 64;
/// How many commands may wait.
const COMMANDS: usize = 1024;
/// How often the heartbeat looks whether a ping is due.
const TICK: Duration = Duration::from_millis(10);

/// The sessions of a case. Dropping it ends them all.
#[derive(Debug)]
pub struct Hosted {
    port: u16,
    commands: mpsc::Sender<(usize, Command)>,
    _task: JoinSet<()>,
}

/// How the player's server behaves.
#[derive(Clone, Debug)]
pub struct HostedOptions {
    /// The path at which it is served.
    pub path: String,
    /// The transport that clients are to use.
    pub over: Over,
    /// Who sends pings.
    pub heartbeat: Heartbeat,
    /// Members of the open packet that differ from the usual ones.
    pub handshake: Map<String, Value>,
}

/// What is done to a session.
#[derive(Debug)]
pub(super) enum Command {
    Send(Packet),
    /// End the transport in order, with this close code on a WebSocket.
    Close(Option<u16>),
    /// End the connections without a word, or with a TCP reset.
    Cut {
        reset: bool,
    },
}

impl Hosted {
    /// Listens. The n-th session of the case, from 0, records under the label `~n`.
    ///
    /// # Errors
    /// Where the system has no port.
    pub async fn start(tap: Tap, options: HostedOptions) -> std::io::Result<Self> {
        let (host, arrived) = Host::start(tap.clone()).await?;
        let port = host.port();
        let (commands, queue) = mpsc::channel(COMMANDS);
        let mut task = JoinSet::new();
        let desk = Desk {
            host,
            tap,
            options,
            sessions: Vec::new(),
            by_sid: BTreeMap::new(),
            by_exchange: BTreeMap::new(),
        };
        task.spawn(desk.run(arrived, queue));
        Ok(Self {
            port,
            commands,
            _task: task,
        })
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends a packet in the n-th session.
    pub async fn send(&self, session: usize, packet: Packet) {
        self.command(session, Command::Send(packet)).await;
    }

    /// Ends the transport of the n-th session in order.
    pub async fn close(&self, session: usize, code: Option<u16>) {
        self.command(session, Command::Close(code)).await;
    }

    /// Ends its connections without a word, or with a TCP reset.
    pub async fn cut(&self, session: usize, reset: bool) {
        self.command(session, Command::Cut { reset }).await;
    }

    async fn command(&self, session: usize, command: Command) {
        // Fails only when the task has ended because of a limit, which the record tells.
        let _ = self.commands.send((session, command)).await;
    }
}

/// The task's own state.
struct Desk {
    host: Host,
    tap: Tap,
    options: HostedOptions,
    sessions: Vec<Session>,
    by_sid: BTreeMap<String, usize>,
    /// Which session an exchange belongs to: a poll that waits, a WebSocket.
    by_exchange: BTreeMap<u64, usize>,
}

impl Desk {
    async fn run(
        mut self,
        mut arrived: mpsc::Receiver<Arrived>,
        mut commands: mpsc::Receiver<(usize, Command)>,
    ) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let told = tokio::select! {
                biased;
                Some(arrived) = arrived.recv() => self.take(arrived).await,
                command = commands.recv() => match command {
                    Some((session, command)) => self.obey(session, command).await,
                    None => return,
                },
                _ = tick.tick(), if self.options.heartbeat == Heartbeat::Auto => self.beat().await,
            };
            if let Err(Full) = told {
                return;
            }
        }
    }

    async fn take(&mut self, arrived: Arrived) -> Result<(), Full> {
        match arrived.what {
            What::TooMuch(why) => {
                let label = self
                    .by_exchange
                    .get(&arrived.exchange)
                    .copied()
                    .unwrap_or_default();
                self.tap
                    .labelled(&format!("~{label}"))
                    .closed(Side::Target, why, None);
                Err(Full)
            }
            What::Request(request) => self.ask(arrived.exchange, &request).await,
            What::Frame(frame) => match self.by_exchange.get(&arrived.exchange).copied() {
                Some(index) => {
                    let told = self.sessions[index]
                        .frame(&self.host, arrived.exchange, frame)
                        .await;
                    self.tell(index, told)
                }
                None => Ok(()),
            },
            What::Gone(how, code) => match self.by_exchange.remove(&arrived.exchange) {
                Some(index) => {
                    let told = self.sessions[index].gone(arrived.exchange, how, code);
                    self.tell(index, told)
                }
                None => Ok(()),
            },
        }
    }

    async fn ask(&mut self, exchange: u64, request: &crate::transcript::Request) -> Result<(), Full> {
        let asked = super::asked::Asked::read(request);
        if asked.path != self.options.path {
            self.note(format!(
                "the client asked for {} {}",
                request.method, request.target
            ))?;
            return self.refuse(exchange, 404, "not found");
        }
        let known = asked.sid.as_ref().map(|sid| self.by_sid.get(sid).copied());
        match known {
            Some(Some(index)) => {
                self.by_exchange.insert(exchange, index);
                let told = self.sessions[index]
                    .ask(&self.host, exchange, &asked, request)
                    .await;
                self.tell(index, told)
            }
            Some(None) => self.refuse(exchange, 400, r#"{"code":1,"message":"Session ID unknown"}"#),
            None => self.open(exchange, &asked, request).await,
        }
    }

    /// A handshake, if it is one that this script is for.
    async fn open(
        &mut self,
        exchange: u64,
        asked: &super::asked::Asked,
        request: &crate::transcript::Request,
    ) -> Result<(), Full> {
        let wanted = if self.options.over == Over::WebSocket {
            "websocket"
        } else {
            "polling"
        };
        let fits = asked.transport == wanted && asked.version == "4" && request.method == "GET";
        if !fits || self.sessions.len() >= MOST_SESSIONS {
            self.note(format!(
                "the client asked for {} {}",
                request.method, request.target
            ))?;
            return self.refuse(exchange, 400, r#"{"code":3,"message":"Bad request"}"#);
        }
        let index = self.sessions.len();
        let (session, told) = Session::open(&self.host, exchange, index, &self.options).await;
        self.by_sid.insert(session.sid.clone(), index);
        self.by_exchange.insert(exchange, index);
        self.sessions.push(session);
        self.tell(index, told)
    }

    fn refuse(&self, exchange: u64, status: u16, body: &str) -> Result<(), Full> {
        self.host.answer(exchange, super::asked::refusal(status, body));
        Ok(())
    }

    async fn obey(&mut self, index: usize, command: Command) -> Result<(), Full> {
        let Some(session) = self.sessions.get_mut(index) else {
            return Ok(());
        };
        match command {
            Command::Send(packet) => session.send(&self.host, packet).await,
            Command::Close(code) => session.close(&self.host, code).await,
            Command::Cut { reset } => session.cut(&self.host, reset),
        }
        Ok(())
    }

    async fn beat(&mut self) -> Result<(), Full> {
        let now = Instant::now();
        for session in &mut self.sessions {
            session.beat(&self.host, now).await;
        }
        Ok(())
    }

    fn tell(&self, index: usize, told: Told) -> Result<(), Full> {
        let tap = self.tap.labelled(&format!("~{index}"));
        for event in told {
            tap.post(event).map_err(|limit| {
                tap.stopped(&limit);
                Full
            })?;
        }
        Ok(())
    }

    fn note(&self, note: String) -> Result<(), Full> {
        self.tell(self.sessions.len(), vec![crate::transcript::Event::Note(note)])
    }
}

/// The case has received as much as it may.
struct Full;
