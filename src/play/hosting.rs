//! The player on the server's side: it listens, tells the driver of the client what to do, and hears what it reports.
//!
//! Owns what belongs to a trial against a client: the listener and the case of the driver.

use super::command;
use super::judge::{Ambient, DRIVER};
use super::player::TrialContext;
use super::sessions::Sessions;
use crate::notation::{Mask, Party};
use crate::suite::Trial;
use crate::target::{CaseDriver, ClientInstance, DriverAnswer, DriverError};
use crate::transcript::{Closed, Event, Frame, Side, Wire};
use crate::wire::{Answer, Arrived, Host, Hosted, HostedOptions, Messages, Packet, Seen, Tap, What};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tokio::sync::mpsc::Receiver;

/// A command that no driver knows: when it is answered, all that the driver said before has been heard.
const BARRIER: &str = "siospec-barrier";
/// How often a client may be given more time for one line.
const MOST_EXCUSES: u32 = 2;

/// A trial's side of the wire, and its driver.
pub(super) struct Hosting {
    listening: Listening,
    driver: CaseDriver,
    /// Nothing more comes from the driver.
    driver_gone: bool,
    /// The last event that asked for an answer.
    asked: Option<Value>,
    /// The client was told to connect, for what is given.
    pub(super) connected: bool,
    /// How often the client was given more time for a line.
    excused: BTreeMap<u32, u32>,
    sessions: Sessions,
}

enum Listening {
    Wire {
        host: Host,
        arrived: Receiver<Arrived>,
        messages: BTreeMap<u64, Messages>,
        /// Pongs are lines of the script.
        pongs_count: bool,
    },
    Sessions(Hosted),
}

impl Hosting {
    /// Listens for the client, and opens a case of its driver.
    ///
    /// # Errors
    /// Where the system has no port.
    pub(super) async fn start(
        trial: &Trial,
        context: &TrialContext,
        client: &ClientInstance,
        tap: &Tap,
    ) -> std::io::Result<Self> {
        let header = &trial.case.header;
        let listening = match trial.over {
            None => {
                let (host, arrived) = Host::start(tap.clone()).await?;
                let messages = BTreeMap::new();
                Listening::Wire {
                    host,
                    arrived,
                    messages,
                    pongs_count: !Ambient::of(&trial.case, Party::Server).is("", "3"),
                }
            }
            Some(over) => {
                let handshake = header.handshake.as_deref().map(serde_json::from_str::<Map<_, _>>);
                let options = HostedOptions {
                    path: context.endpoint.path.clone(),
                    over,
                    heartbeat: header.heartbeat,
                    // The notation has read it before.
                    handshake: handshake.and_then(Result::ok).unwrap_or_default(),
                };
                Listening::Sessions(Hosted::start(tap.clone(), options).await?)
            }
        };
        Ok(Self {
            listening,
            driver: client.case(&trial.loaded.id),
            driver_gone: false,
            asked: None,
            connected: false,
            excused: BTreeMap::new(),
            sessions: Sessions::of(&trial.case.script),
        })
    }

    /// The next thing that comes from the client or its driver. May be cancelled.
    pub(super) async fn next(&mut self, now: impl Fn() -> f64) -> Seen {
        loop {
            let gone = self.driver_gone;
            let wire = async {
                match &mut self.listening {
                    Listening::Wire { arrived, .. } => arrived.recv().await,
                    Listening::Sessions(_) => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(arrived) = wire => {
                    if let Some(seen) = self.arrived(arrived) {
                        return seen;
                    }
                }
                report = self.driver.report(), if !gone => return self.reported(report, now()),
                else => std::future::pending::<()>().await,
            }
        }
    }

    fn arrived(&mut self, arrived: Arrived) -> Option<Seen> {
        let Listening::Wire {
            host,
            messages,
            pongs_count,
            ..
        } = &mut self.listening
        else {
            return None;
        };
        let exchange = arrived.exchange;
        let closed = |how, code| {
            let by = Side::Target;
            Event::Closed(Closed { by, how, code })
        };
        let event = match arrived.what {
            What::Request(request) if request.body == b"3" && !*pongs_count => {
                let body = b"ok".to_vec();
                let (status, headers) = (200, Vec::new());
                host.answer(
                    exchange,
                    Answer {
                        status,
                        headers,
                        body,
                    },
                );
                Event::Note("a pong that no line asks for was posted".to_owned())
            }
            What::Request(request) => Event::Received(Wire::Request(request)),
            What::Frame(frame) => Event::Received(messages.entry(exchange).or_default().take(frame)?),
            What::Gone(how, code) => closed(how, code),
            What::TooMuch(why) => closed(format!("it was given up: {why}"), None),
        };
        Some(Seen {
            at: arrived.at,
            label: format!("~{exchange}"),
            event,
        })
    }

    fn reported(&mut self, report: Option<Value>, at: f64) -> Seen {
        let event = match report {
            Some(report) => {
                if let Some(ack) = report.get("ack").filter(|_| report["report"] == "event") {
                    self.asked = Some(ack.clone());
                }
                Event::Received(Wire::Driver(command::report_text(&report)))
            }
            None => {
                self.driver_gone = true;
                let how = self
                    .driver
                    .error()
                    .map_or_else(|| "the driver is gone".to_owned(), |error| error.to_string());
                Event::Closed(Closed {
                    by: Side::Target,
                    how,
                    code: None,
                })
            }
        };
        Seen {
            at,
            label: DRIVER.to_owned(),
            event,
        }
    }

    /// The label under which something is recorded. `None` for what belongs to a session which the client has replaced.
    pub(super) fn name(&mut self, seen: &Seen) -> Option<String> {
        let number = seen
            .label
            .strip_prefix('~')
            .and_then(|number| number.parse().ok());
        match (&self.listening, number) {
            (Listening::Sessions(_), Some(number)) => self.sessions.name(number, &seen.event),
            _ => Some(seen.label.clone()),
        }
    }

    /// Whether the client has opened a session under this label that the script has not asked for yet.
    pub(super) fn take_reopened(&mut self, label: &str) -> bool {
        self.sessions.take_reopened(label)
    }

    /// Sends a request to the driver. `connect` gets the address and the options of the transport.
    pub(super) async fn request(
        &mut self,
        trial: &Trial,
        mut request: Map<String, Value>,
    ) -> Result<DriverAnswer, DriverError> {
        if request.get("do") == Some(&json!("connect")) {
            let port = match &self.listening {
                Listening::Wire { host, .. } => host.port(),
                Listening::Sessions(hosted) => hosted.port(),
            };
            let options = command::with_transport(request.get("options"), trial.over);
            request.insert("url".to_owned(), json!(format!("http://127.0.0.1:{port}")));
            request.insert("options".to_owned(), options);
        }
        self.driver.request(request).await
    }

    /// What the last event that asked for an answer is answered by; `None` where none asked.
    pub(super) fn asked(&self) -> Option<Value> {
        self.asked.clone()
    }

    /// Whether the client may be given more time for this line, which it may not for ever.
    pub(super) fn may_be_excused(&mut self, line: u32) -> bool {
        let times = self.excused.entry(line).or_default();
        *times += 1;
        !self.driver_gone && *times <= MOST_EXCUSES
    }

    /// Why nothing more comes from the driver, once that has been heard.
    pub(super) fn lost(&self) -> Option<DriverError> {
        self.driver.error().filter(|_| self.driver_gone)
    }

    /// Waits until all that the driver has said so far can be heard.
    pub(super) async fn barrier(&mut self) -> Result<(), DriverError> {
        let request = Map::from_iter([("do".to_owned(), json!(BARRIER))]);
        self.driver.request(request).await.map(|_| ())
    }

    /// Sends a packet, or a frame; whether there is something to send it over.
    pub(super) async fn send(&self, label: &str, packet: Packet) -> bool {
        match &self.listening {
            Listening::Sessions(hosted) => match self.sessions.current(label) {
                Some(session) => {
                    hosted.send(session, packet).await;
                    true
                }
                None => false,
            },
            Listening::Wire { .. } => {
                let (opcode, payload) = match packet {
                    Packet::Text(text) => (1, text),
                    Packet::Binary(bytes) => (2, bytes),
                };
                let frame = Frame {
                    opcode,
                    fin: true,
                    rsv: 0,
                    masked: false,
                    payload,
                };
                self.frame(label, &frame, Mask::Proper, None).await
            }
        }
    }

    /// Sends a frame with a chosen header; whether there is a WebSocket.
    pub(super) async fn frame(&self, label: &str, frame: &Frame, mask: Mask, length: Option<u64>) -> bool {
        match (&self.listening, exchange(label)) {
            (Listening::Wire { host, .. }, Some(exchange)) => host.frame(exchange, frame, mask, length).await,
            _ => false,
        }
    }

    /// Answers the request of a label; whether one waited.
    pub(super) fn answer(&self, label: &str, answer: Answer) -> bool {
        match (&self.listening, exchange(label)) {
            (Listening::Wire { host, .. }, Some(exchange)) => host.answer(exchange, answer),
            _ => false,
        }
    }

    /// Ends the transport of a label in order.
    pub(super) async fn close(&mut self, label: &str, code: Option<u16>) {
        self.sessions.end(label);
        match &self.listening {
            Listening::Sessions(hosted) => {
                if let Some(session) = self.sessions.current(label) {
                    hosted.close(session, code).await;
                }
            }
            Listening::Wire { .. } => {
                let frame = Frame {
                    opcode: 8,
                    fin: true,
                    rsv: 0,
                    masked: false,
                    payload: code.map(|code| code.to_be_bytes().to_vec()).unwrap_or_default(),
                };
                self.frame(label, &frame, Mask::Proper, None).await;
            }
        }
    }

    /// Ends the connections of a label without a word, or with a TCP reset.
    pub(super) async fn cut(&mut self, label: &str, reset: bool) {
        self.sessions.end(label);
        match (&self.listening, exchange(label)) {
            (Listening::Sessions(hosted), _) => {
                if let Some(session) = self.sessions.current(label) {
                    hosted.cut(session, reset).await;
                }
            }
            (Listening::Wire { host, .. }, Some(exchange)) => host.end(exchange, reset),
            (Listening::Wire { .. }, None) => {}
        }
    }

    /// Lets the client end all that it has open. Who takes long is left alone.
    pub(super) async fn end(self) {
        if !self.driver_gone {
            // What goes wrong here is seen by the next case, or by who watches the driver.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), self.driver.close()).await;
        }
    }
}

/// The number of the request that a label stands for.
fn exchange(label: &str) -> Option<u64> {
    label.strip_prefix('~')?.parse().ok()
}
