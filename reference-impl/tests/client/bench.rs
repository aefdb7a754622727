//! A client without I/O and a server that is played by the test, on a clock that jumps.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use http::{Request, Response};
use reference_impl::{
    client::{
        ClientOptions, ClientStack, Random,
        engine::{Arrival, Transmit},
        socket::{Command, Emission, Refused, Reply, Report},
    },
    codec::Arguments,
    engine::{ExchangeId, Message, Transport},
};

pub(crate) const OPEN: &str =
    r#"0{"sid":"e1","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#;
pub(crate) const OPEN_UPGRADES: &str =
    r#"0{"sid":"e1","upgrades":["foo","websocket"],"pingInterval":300,"pingTimeout":200}"#;

/// A WebSocket of the client, as the server has it.
#[derive(Debug, Default)]
struct Socket {
    frames: Vec<String>,
    closed: Option<u16>,
}

/// A client, its clock, and everything that it has sent and reported.
pub(crate) struct Bench {
    pub(crate) now: u64,
    stack: ClientStack,
    requests: VecDeque<(ExchangeId, Request<Bytes>)>,
    openings: VecDeque<(ExchangeId, Request<()>)>,
    sockets: BTreeMap<ExchangeId, Socket>,
    aborted: Vec<ExchangeId>,
    reports: Vec<String>,
    pub(crate) replies: Vec<Reply>,
    log: String,
}

/// Options without chance, for one transport.
pub(crate) fn over(transport: Transport) -> ClientOptions {
    ClientOptions {
        transports: vec![transport],
        randomization_factor: 0.0,
        ..ClientOptions::default()
    }
}

impl Bench {
    pub(crate) fn new(options: ClientOptions) -> Self {
        Self::with(ClientStack::new(options, chance))
    }

    pub(crate) fn with(stack: ClientStack) -> Self {
        Self {
            now: 0,
            stack,
            requests: VecDeque::new(),
            openings: VecDeque::new(),
            sockets: BTreeMap::new(),
            aborted: Vec::new(),
            reports: Vec::new(),
            replies: Vec::new(),
            log: String::new(),
        }
    }

    /// A client that has opened a WebSocket and joined the main namespace.
    pub(crate) fn connected() -> (Self, ExchangeId) {
        let mut bench = Self::new(over(Transport::WebSocket));
        bench.connect("/");
        let ws = bench.join(r#"{"sid":"s1"}"#);
        (bench, ws)
    }

    /// Accepts a WebSocket, opens the session and grants the main namespace.
    pub(crate) fn join(&mut self, payload: &str) -> ExchangeId {
        let ws = self.accept();
        self.frame(ws, OPEN);
        self.frame(ws, &format!("40{payload}"));
        self.frames(ws);
        self.reports();
        ws
    }

    // ---- the application ----

    pub(crate) fn command(&mut self, command: Command) -> Result<(), Refused> {
        let done = self.stack.handle_command(self.now, command);
        self.collect();
        done
    }

    pub(crate) fn connect(&mut self, namespace: &str) {
        self.connect_with(namespace, None);
    }

    pub(crate) fn connect_with(&mut self, namespace: &str, auth: Option<&'static str>) {
        let mut calls = 0;
        let auth = auth.map(|auth| -> reference_impl::client::socket::Auth {
            Box::new(move || {
                calls += 1;
                Some(auth.replace("CALL", &calls.to_string()))
            })
        });
        let namespace = namespace.to_owned();
        self.command(Command::Connect { namespace, auth })
            .expect("not refused");
    }

    pub(crate) fn disconnect(&mut self, namespace: &str) {
        let namespace = namespace.to_owned();
        self.command(Command::Disconnect { namespace })
            .expect("not refused");
    }

    pub(crate) fn emit(&mut self, event: &str) {
        self.emit_with("/", event, Emission::default());
    }

    /// Emits with an acknowledgement of the same name as the event.
    pub(crate) fn ask(&mut self, event: &str, timeout: Option<u64>) {
        let ack = Some(event.to_owned());
        self.emit_with(
            "/",
            event,
            Emission {
                ack,
                timeout,
                ..Emission::default()
            },
        );
    }

    pub(crate) fn emit_with(&mut self, namespace: &str, event: &str, emission: Emission) {
        let emission = Emission {
            event: event.to_owned(),
            ..emission
        };
        let namespace = namespace.to_owned();
        self.command(Command::Emit { namespace, emission })
            .expect("not refused");
    }

    /// Answers the event that came last and asked for it.
    pub(crate) fn answer(&mut self, arguments: Arguments) {
        let reply = self.replies.pop().expect("an event that asked");
        self.command(Command::Answer { reply, arguments })
            .expect("not refused");
    }

    /// What was reported since the last call.
    pub(crate) fn reports(&mut self) -> Vec<String> {
        std::mem::take(&mut self.reports)
    }

    // ---- the server ----

    /// The next request that was made and not looked at: its exchange, method, query without `t`, and body.
    pub(crate) fn request(&mut self) -> (ExchangeId, String) {
        let (exchange, request) = self.raw_request();
        let query = request.uri().query().expect("a query").split('&');
        let query: Vec<_> = query.filter(|pair| !pair.starts_with("t=")).collect();
        let body = String::from_utf8_lossy(request.body());
        let shown = format!("{} {} {body}", request.method(), query.join("&"));
        (exchange, shown.trim_end().to_owned())
    }

    pub(crate) fn raw_request(&mut self) -> (ExchangeId, Request<Bytes>) {
        self.requests.pop_front().expect("a request")
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.requests.is_empty() && self.openings.is_empty()
    }

    pub(crate) fn respond(&mut self, exchange: ExchangeId, status: u16, body: impl Into<Bytes>) {
        let response = Response::builder()
            .status(status)
            .body(body.into())
            .expect("a response");
        self.arrive(Arrival::Response(exchange, response));
    }

    pub(crate) fn arrive(&mut self, arrival: Arrival) {
        self.stack.handle_arrival(self.now, arrival);
        self.collect();
    }

    /// The next WebSocket that is to be opened, not answered yet.
    pub(crate) fn opening(&mut self) -> (ExchangeId, Request<()>) {
        self.openings.pop_front().expect("a WebSocket handshake")
    }

    /// Accepts the next WebSocket.
    pub(crate) fn accept(&mut self) -> ExchangeId {
        let (exchange, _) = self.opening();
        self.sockets.insert(exchange, Socket::default());
        self.arrive(Arrival::WsOpen(exchange));
        exchange
    }

    pub(crate) fn frame(&mut self, ws: ExchangeId, text: &str) {
        self.arrive(Arrival::Frame(ws, Message::Text(text.to_owned())));
    }

    pub(crate) fn binary(&mut self, ws: ExchangeId, data: &'static [u8]) {
        self.arrive(Arrival::Frame(ws, Message::Binary(Bytes::from_static(data))));
    }

    pub(crate) fn cut(&mut self, ws: ExchangeId) {
        self.arrive(Arrival::WsClosed(ws, "cut".into()));
    }

    /// The frames that came on a WebSocket since the last call, binary ones in hex.
    pub(crate) fn frames(&mut self, ws: ExchangeId) -> Vec<String> {
        std::mem::take(&mut self.sockets.get_mut(&ws).expect("a WebSocket").frames)
    }

    /// Sends text on a WebSocket; returns what comes back at once.
    pub(crate) fn exchange(&mut self, ws: ExchangeId, text: &str) -> Vec<String> {
        self.frame(ws, text);
        self.frames(ws)
    }

    pub(crate) fn closed(&self, ws: ExchangeId) -> Option<u16> {
        self.sockets[&ws].closed
    }

    pub(crate) fn is_aborted(&self, exchange: ExchangeId) -> bool {
        self.aborted.contains(&exchange)
    }

    // ---- time ----

    /// Lets the clock run, stopping at each timer on the way.
    pub(crate) fn run_for(&mut self, millis: u64) {
        let end = self.now + millis;
        while let Some(at) = self.stack.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.stack.handle_timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    /// The clock jumps without any timer having been looked at, as when a laptop was closed.
    pub(crate) fn sleep(&mut self, millis: u64) {
        self.now += millis;
    }

    fn collect(&mut self) {
        loop {
            while let Some(transmit) = self.stack.poll_transmit() {
                self.log.push_str(&format!("{} {transmit:?}\n", self.now));
                match transmit {
                    Transmit::Request(exchange, request) => self.requests.push_back((exchange, request)),
                    Transmit::OpenWebSocket(exchange, request) => {
                        self.openings.push_back((exchange, request));
                    }
                    Transmit::Frame(ws, message) => self.sent(ws).frames.push(match message {
                        Message::Text(text) => text,
                        Message::Binary(data) => data.iter().map(|byte| format!("{byte:02x}")).collect(),
                    }),
                    Transmit::Close(ws, code) => self.sent(ws).closed = Some(code),
                    Transmit::Abort(exchange) => {
                        self.requests.retain(|(own, _)| *own != exchange);
                        self.openings.retain(|(own, _)| *own != exchange);
                        self.aborted.push(exchange);
                    }
                }
            }
            let Some(report) = self.stack.poll_report() else {
                break;
            };
            self.log.push_str(&format!("{} {report:?}\n", self.now));
            let shown = self.show(report);
            self.reports.push(shown);
        }
    }

    fn sent(&mut self, ws: ExchangeId) -> &mut Socket {
        self.sockets.get_mut(&ws).expect("a WebSocket that was accepted")
    }

    fn show(&mut self, report: Report) -> String {
        match report {
            Report::Connected { namespace, sid } => format!("connect {namespace} {sid}"),
            Report::ConnectError {
                namespace,
                message,
                data,
            } => format!("connect_error {namespace} {message} {}", data.unwrap_or_default())
                .trim_end()
                .to_owned(),
            Report::Event {
                namespace,
                name,
                arguments,
                reply,
            } => {
                let asks = if reply.is_some() { " ?" } else { "" };
                self.replies.extend(reply);
                format!("event {namespace} {name} [{}]{asks}", arguments.json())
            }
            Report::Acknowledged {
                namespace,
                ack,
                arguments,
            } => {
                format!("ack {namespace} {ack} [{}]", arguments.json())
            }
            Report::AckFailed {
                namespace,
                ack,
                message,
            } => format!("ack_error {namespace} {ack} {message}"),
            Report::Disconnected { namespace, reason } => format!("disconnect {namespace} {reason}"),
            Report::ReconnectAttempt(attempt) => format!("reconnect_attempt {attempt}"),
            Report::ReconnectFailed => "reconnect_failed".into(),
        }
    }
}

/// A source of numbers that are always in the middle.
pub(crate) fn chance() -> Random {
    Box::new(|| 0.5)
}
