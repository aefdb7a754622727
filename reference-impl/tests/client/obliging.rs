//! A server that obliges: it answers whatever a client does, however wrong, and writes everything down.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{Method, Request, Response};
use reference_impl::{
    client::{
        ClientStack,
        engine::{Arrival, Transmit},
        socket::{Command, Emission, Report},
    },
    codec::Arguments,
    engine::{ExchangeId, Message},
};

/// How a server differs from one that grants everything.
#[derive(Clone, Copy)]
pub(crate) struct Manners {
    pub(crate) open: &'static str,
    pub(crate) post_status: u16,
    pub(crate) post_body: &'static str,
    pub(crate) poll_status: u16,
    pub(crate) handshake_status: u16,
    /// How many connections it refuses before the first that it accepts.
    pub(crate) refuses: u32,
    pub(crate) refuses_upgrades: bool,
    /// Nothing if it is empty.
    pub(crate) probe_answer: &'static str,
    /// What it puts behind the answer to CONNECT.
    pub(crate) grant: &'static str,
    pub(crate) is_silent: bool,
    /// POSTs are answered with the next push.
    pub(crate) is_slow: bool,
}

pub(crate) const POLITE: Manners = Manners {
    open: r#"0{"sid":"e1+/=","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":40}"#,
    post_status: 200,
    post_body: "ok",
    poll_status: 200,
    handshake_status: 200,
    refuses: 0,
    refuses_upgrades: false,
    probe_answer: "3probe",
    grant: "{\"sid\":\"SID\",\"pid\":\"p\"}",
    is_silent: false,
    is_slow: false,
};

/// A client on such a server.
pub(crate) struct Obliging {
    pub(crate) now: u64,
    pub(crate) manners: Manners,
    stack: ClientStack,
    log: String,
    get: Option<ExchangeId>,
    ws: Option<ExchangeId>,
    probe: Option<ExchangeId>,
    posts: Vec<ExchangeId>,
    waiting: Vec<String>,
    grants: u32,
    sessions: u32,
    /// What is on its way to the client.
    arriving: VecDeque<Arrival>,
    is_busy: bool,
}

impl Obliging {
    pub(crate) fn new(stack: ClientStack, manners: Manners) -> Self {
        Self {
            now: 0,
            manners,
            stack,
            log: String::new(),
            get: None,
            ws: None,
            probe: None,
            posts: Vec::new(),
            waiting: Vec::new(),
            grants: 0,
            sessions: 0,
            arriving: VecDeque::new(),
            is_busy: false,
        }
    }

    pub(crate) fn log(&self) -> &str {
        &self.log
    }

    pub(crate) fn connect(&mut self, namespace: &str) {
        let mut calls = 0;
        let auth = Box::new(move || {
            calls += 1;
            Some(format!("{{\"token\":\"T\",\"call\":{calls}}}"))
        });
        let namespace = namespace.to_owned();
        self.command(Command::Connect {
            namespace,
            auth: Some(auth),
        });
    }

    pub(crate) fn disconnect(&mut self, namespace: &str) {
        let namespace = namespace.to_owned();
        self.command(Command::Disconnect { namespace });
    }

    pub(crate) fn emit(&mut self, event: &str, emission: Emission) {
        self.emit_in("/", event, emission);
    }

    pub(crate) fn emit_in(&mut self, namespace: &str, event: &str, emission: Emission) {
        let emission = Emission {
            event: event.to_owned(),
            ..emission
        };
        let namespace = namespace.to_owned();
        self.command(Command::Emit { namespace, emission });
    }

    fn command(&mut self, command: Command) {
        let done = self.stack.handle_command(self.now, command);
        self.write(&format!("{done:?}"));
        self.collect();
    }

    /// The server sends a packet.
    pub(crate) fn push(&mut self, packet: &str) {
        for post in std::mem::take(&mut self.posts) {
            self.respond(post, self.manners.post_status, self.manners.post_body);
        }
        if let Some(ws) = self.ws {
            self.arrive(Arrival::Frame(ws, Message::Text(packet.to_owned())));
        } else if let Some(get) = self.get.take() {
            self.respond(get, self.manners.poll_status, packet);
        } else {
            self.waiting.push(packet.to_owned());
        }
    }

    pub(crate) fn push_bytes(&mut self, data: &'static [u8]) {
        match self.ws {
            Some(ws) => self.arrive(Arrival::Frame(ws, Message::Binary(Bytes::from_static(data)))),
            None => self.push("bAQI="),
        }
    }

    /// The WebSocket that is to take over breaks.
    pub(crate) fn cut_probe(&mut self) {
        if let Some(probe) = self.probe.take() {
            self.arrive(Arrival::WsClosed(probe, "cut".into()));
        }
    }

    /// The connection breaks.
    pub(crate) fn cut(&mut self) {
        for exchange in [self.ws.take(), self.probe.take()].into_iter().flatten() {
            self.arrive(Arrival::WsClosed(exchange, "cut".into()));
        }
        if let Some(get) = self.get.take() {
            self.arrive(Arrival::Failed(get, "cut".into()));
        }
    }

    pub(crate) fn run_for(&mut self, millis: u64) {
        let end = self.now + millis;
        while let Some(at) = self.stack.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.stack.handle_timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    fn respond(&mut self, exchange: ExchangeId, status: u16, body: &str) {
        let response = Response::builder()
            .status(status)
            .header("Set-Cookie", "c=1; Max-Age=9")
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .expect("a response");
        self.arrive(Arrival::Response(exchange, response));
    }

    fn arrive(&mut self, arrival: Arrival) {
        self.arriving.push_back(arrival);
        self.collect();
    }

    fn collect(&mut self) {
        // What is done in answer to something comes after it, not within it.
        if std::mem::replace(&mut self.is_busy, true) {
            return;
        }
        // A client that never stops is stopped: its log is long enough by then.
        while self.log.len() < 30_000 {
            if let Some(report) = self.stack.poll_report() {
                self.write(&format!("{report:?}"));
                if let Report::Event {
                    name,
                    reply: Some(reply),
                    ..
                } = report
                {
                    let mut arguments = Arguments::new();
                    match name.as_str() {
                        "qb" => drop(arguments.push_binary(Bytes::from_static(&[7]))),
                        "q" => drop(arguments.push_str("r")),
                        _ => {}
                    }
                    self.command(Command::Answer { reply, arguments });
                }
                continue;
            }
            if let Some(transmit) = self.stack.poll_transmit() {
                self.write(&format!("{transmit:?}"));
                self.oblige(transmit);
                continue;
            }
            let Some(arrival) = self.arriving.pop_front() else {
                break;
            };
            self.stack.handle_arrival(self.now, arrival);
        }
        self.is_busy = false;
    }

    fn oblige(&mut self, transmit: Transmit) {
        match transmit {
            Transmit::Request(exchange, request) => self.oblige_request(exchange, &request),
            Transmit::OpenWebSocket(exchange, request) => {
                let is_upgrade = request.uri().query().is_some_and(|query| query.contains("sid="));
                if is_upgrade && self.manners.refuses_upgrades || !is_upgrade && self.is_refused() {
                    self.arrive(Arrival::Failed(exchange, "refused".into()));
                    return;
                }
                if is_upgrade {
                    self.probe = Some(exchange);
                    self.arrive(Arrival::WsOpen(exchange));
                } else {
                    self.ws = Some(exchange);
                    self.arrive(Arrival::WsOpen(exchange));
                    if !self.manners.is_silent {
                        self.push(self.manners.open);
                    }
                }
            }
            Transmit::Frame(exchange, Message::Text(text)) if self.probe == Some(exchange) => {
                match text.as_str() {
                    "5" => {
                        self.ws = self.probe.take();
                        for packet in std::mem::take(&mut self.waiting) {
                            self.push(&packet);
                        }
                    }
                    _ if self.manners.probe_answer.is_empty() => {}
                    _ => {
                        let answer = Message::Text(self.manners.probe_answer.into());
                        self.arrive(Arrival::Frame(exchange, answer));
                    }
                }
            }
            Transmit::Frame(_, Message::Text(text)) => self.oblige_packet(&text),
            Transmit::Close(exchange, _) | Transmit::Abort(exchange) => {
                for own in [&mut self.ws, &mut self.probe, &mut self.get] {
                    *own = own.filter(|own| *own != exchange);
                }
            }
            Transmit::Frame(..) => {}
        }
    }

    /// The beginning of something long says enough.
    fn write(&mut self, what: &str) {
        let line = what.chars().take(1000).collect::<String>();
        self.log.push_str(&format!("{} {line}\n", self.now));
    }

    fn is_refused(&mut self) -> bool {
        let is_refused = self.manners.refuses > 0;
        self.manners.refuses = self.manners.refuses.saturating_sub(1);
        is_refused
    }

    fn oblige_request(&mut self, exchange: ExchangeId, request: &Request<Bytes>) {
        let has_sid = request.uri().query().is_some_and(|query| query.contains("sid="));
        if request.method() == Method::POST {
            let body = String::from_utf8_lossy(request.body()).into_owned();
            for packet in body.split(['\u{1e}', '\n']) {
                self.oblige_packet(packet);
            }
            if self.manners.is_slow {
                self.posts.push(exchange);
            } else {
                self.respond(exchange, self.manners.post_status, self.manners.post_body);
            }
        } else if !has_sid {
            if self.is_refused() {
                self.arrive(Arrival::Failed(exchange, "refused".into()));
            } else if !self.manners.is_silent {
                self.sessions += 1;
                self.respond(exchange, self.manners.handshake_status, self.manners.open);
            }
        } else if self.waiting.is_empty() {
            if let Some(other) = self.get.replace(exchange) {
                self.respond(other, 200, "6");
            }
        } else {
            let body = std::mem::take(&mut self.waiting).join("\u{1e}");
            self.respond(exchange, self.manners.poll_status, &body);
        }
    }

    fn oblige_packet(&mut self, packet: &str) {
        if let Some(connect) = packet.strip_prefix("40") {
            let namespace = if connect.starts_with('/') {
                connect.split_inclusive(',').next().unwrap_or_default()
            } else {
                ""
            };
            self.grants += 1;
            let grant = self.manners.grant.replace("SID", &format!("s{}", self.grants));
            let answer = match namespace {
                "/refused," => "44/refused,{\"message\":\"no\",\"data\":{\"a\":1}}".to_owned(),
                _ => format!("40{namespace}{grant}"),
            };
            self.push(&answer);
        }
    }
}
