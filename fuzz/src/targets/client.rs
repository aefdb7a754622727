//! The state machines of the reference client, fed with what an application asks for and what comes from a network.
//!
//! The first byte of the input selects the options, a bit each: WebSocket alone, both transports tried, no upgrade,
//! cookies, two attempts to reconnect, none. Operations end at a byte 0xFF. Their first byte says what happens, their
//! second one (modulo how many there are) to which namespace, request or WebSocket:
//!
//! | | |
//! | --- | --- |
//! | `c` n, `l` n | namespace n is joined, is left |
//! | `e` n how text | an event with this argument; `how` has a bit for acknowledgement, time limit, volatile, retries, bytes |
//! | `a` k | the event k that asked for it is acknowledged |
//! | `h` k, `r` k body, `s` k status body | request k is answered: with a handshake, with a body, with a status too |
//! | `f` k | request k fails, or WebSocket k does not open |
//! | `w` k, `x` k | WebSocket k opens; it is gone |
//! | `t` k text, `b` k bytes | a frame on WebSocket k |
//! | `n`, `d` two bytes | the next deadline comes; so many milliseconds pass |
//!
//! Invariants:
//!
//! - A session has one GET and one POST at a time; nothing is sent on an exchange that is over or not open.
//! - What is sent decodes: payloads and frames as packets that a client may send, messages as Socket.IO packets with
//!   their attachments behind them. A payload of several packets is no longer than the server allows.
//! - A namespace is reported as left only if it was joined, and events only while it is joined. One that is refused after
//!   it was granted need not be reported as left.
//! - An acknowledgement is reported once, as come or as failed.
//! - Time that passes leads on. When the network is gone and the application has left, the client comes to rest and
//!   leaves nothing open.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use reference_impl::{
    client::{
        ClientOptions, ClientStack,
        engine::{Arrival, Transmit},
        socket::{Auth, Command, Emission, Reply, Report},
    },
    codec::{Arguments, Decoder, EnginePacket, EnginePacketType, decode_payload, validate_json},
    engine::{ExchangeId, Message, Transport},
};

const NAMESPACES: [&str; 3] = ["/", "/custom", "/a"];
/// The `maxPayload` of the handshake that `h` brings.
const MAX_PAYLOAD: usize = 100;
const HANDSHAKE: &str = concat!(
    r#"0{"sid":"s1","upgrades":["websocket"],"#,
    r#""pingInterval":300,"pingTimeout":200,"maxPayload":100}"#
);
/// More timers than a handful of sessions can have.
const MAX_STEPS: usize = 10_000;

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((options, rest)) = data.split_first() else {
        return;
    };
    let mut world = World::new(*options);
    for operation in rest.split(|byte| *byte == 0xff) {
        if let Some((what, operand)) = operation.split_first() {
            world.act(*what, operand);
            world.settle();
        }
    }
    world.end();
}

/// A client, what the network knows of it, and what its application was told.
struct World {
    stack: ClientStack,
    now: u64,
    open: BTreeMap<u64, Exchange>,
    /// What the server of each session makes of the messages that come.
    servers: HashMap<u64, Decoder>,
    /// How long a body may be in each session that began with the handshake of `h`.
    limits: HashMap<u64, usize>,
    joined: BTreeSet<String>,
    /// Those of them that were refused after they were granted.
    refused: BTreeSet<String>,
    replies: Vec<Reply>,
    acks: usize,
    /// Acknowledgements that were asked for and not reported.
    awaited: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Exchange {
    Get,
    Post,
    Connecting,
    WebSocket,
}

impl World {
    fn new(bits: u8) -> Self {
        let bit = |index: u8| bits >> index & 1 == 1;
        let mut options = ClientOptions {
            try_all_transports: bit(1),
            upgrade: !bit(2),
            cookies: bit(3),
            reconnection_attempts: bit(4).then_some(2),
            reconnection: !bit(5),
            ..ClientOptions::default()
        };
        if bit(0) {
            options.transports = vec![Transport::WebSocket];
        }
        Self {
            stack: ClientStack::new(options, || Box::new(|| 0.5)),
            now: 0,
            open: BTreeMap::new(),
            servers: HashMap::new(),
            limits: HashMap::new(),
            joined: BTreeSet::new(),
            refused: BTreeSet::new(),
            replies: Vec::new(),
            acks: 0,
            awaited: BTreeSet::new(),
        }
    }

    fn act(&mut self, what: u8, operand: &[u8]) {
        let (which, rest) = operand
            .split_first()
            .map_or((0, operand), |(which, rest)| (usize::from(*which), rest));
        let namespace = NAMESPACES[which % NAMESPACES.len()].to_owned();
        match what {
            b'c' => {
                let auth = || -> Auth { Box::new(|| Some("{\"token\":\"123\"}".to_owned())) };
                let auth = (!which.is_multiple_of(2)).then(auth);
                self.command(Command::Connect { namespace, auth });
            }
            b'l' => self.command(Command::Disconnect { namespace }),
            b'e' => self.emit(namespace, rest),
            b'a' => {
                if let Some(index) = which.checked_rem(self.replies.len()) {
                    let reply = self.replies.swap_remove(index);
                    let arguments = arguments_of(rest, which > 127);
                    self.command(Command::Answer { reply, arguments });
                }
            }
            b'h' => self.answer(which, StatusCode::OK, HANDSHAKE.as_bytes()),
            b'r' => self.answer(which, StatusCode::OK, rest),
            b's' => {
                let (status, body) = rest
                    .split_first()
                    .map_or((0, rest), |(status, body)| (*status, body));
                let status = StatusCode::from_u16(100 + 4 * u16::from(status)).unwrap_or_default();
                self.answer(which, status, body);
            }
            b'f' => {
                let exchanges = [Exchange::Get, Exchange::Post, Exchange::Connecting];
                if let Some(id) = self.nth(which, &exchanges) {
                    self.open.remove(&id.0);
                    self.arrive(Arrival::Failed(id, "the network".to_owned()));
                }
            }
            b'w' => {
                if let Some(id) = self.nth(which, &[Exchange::Connecting]) {
                    self.open.insert(id.0, Exchange::WebSocket);
                    self.arrive(Arrival::WsOpen(id));
                }
            }
            b'x' => {
                if let Some(id) = self.nth(which, &[Exchange::WebSocket]) {
                    self.open.remove(&id.0);
                    self.arrive(Arrival::WsClosed(id, "the network".to_owned()));
                }
            }
            b't' | b'b' => self.frame(which, what == b't', rest),
            b'n' => {
                if let Some(at) = self.stack.poll_timeout() {
                    self.pass(at.max(self.now));
                }
            }
            b'd' => {
                let length = operand
                    .first_chunk()
                    .map_or(1, |bytes| u16::from_le_bytes(*bytes));
                self.pass(self.now + u64::from(length));
            }
            _ => {}
        }
    }

    fn command(&mut self, command: Command) {
        // What is refused is refused for a reason that is tested elsewhere.
        let _ = self.stack.handle_command(self.now, command);
    }

    fn emit(&mut self, namespace: String, operand: &[u8]) {
        let (how, text) = operand
            .split_first()
            .map_or((0, operand), |(how, text)| (*how, text));
        let bit = |index: u8| how >> index & 1 == 1;
        let ack = bit(0).then(|| {
            self.acks += 1;
            self.acks.to_string()
        });
        let emission = Emission {
            event: "event".to_owned(),
            arguments: arguments_of(text, bit(4)),
            ack: ack.clone(),
            timeout: bit(1).then_some(100),
            volatile: bit(2),
            retries: if bit(3) { 2 } else { 0 },
        };
        let emit = Command::Emit { namespace, emission };
        if self.stack.handle_command(self.now, emit).is_ok() {
            self.awaited.extend(ack);
        }
    }

    fn nth(&self, which: usize, of: &[Exchange]) -> Option<ExchangeId> {
        let ids: Vec<u64> = self
            .open
            .iter()
            .filter(|(_, exchange)| of.contains(exchange))
            .map(|(id, _)| *id)
            .collect();
        Some(ExchangeId(ids[which.checked_rem(ids.len())?]))
    }

    fn answer(&mut self, which: usize, status: StatusCode, body: &[u8]) {
        let Some(id) = self.nth(which, &[Exchange::Get, Exchange::Post]) else {
            return;
        };
        let exchange = self.open.remove(&id.0);
        let begins = exchange == Some(Exchange::Get) && !self.limits.contains_key(&(id.0 >> 32));
        if begins && status == StatusCode::OK {
            let limit = if body == HANDSHAKE.as_bytes() {
                MAX_PAYLOAD
            } else {
                usize::MAX
            };
            self.limits.insert(id.0 >> 32, limit);
        }
        let mut response = Response::new(Bytes::copy_from_slice(body));
        *response.status_mut() = status;
        if let Ok(cookie) = http::HeaderValue::from_bytes(body) {
            response.headers_mut().insert("set-cookie", cookie);
        }
        self.arrive(Arrival::Response(id, response));
    }

    fn frame(&mut self, which: usize, text: bool, payload: &[u8]) {
        let Some(id) = self.nth(which, &[Exchange::WebSocket]) else {
            return;
        };
        let message = match std::str::from_utf8(payload) {
            Ok(payload) if text => Message::Text(payload.to_owned()),
            _ => Message::Binary(Bytes::copy_from_slice(payload)),
        };
        self.arrive(Arrival::Frame(id, message));
    }

    fn arrive(&mut self, arrival: Arrival) {
        self.stack.handle_arrival(self.now, arrival);
    }

    /// Time passes, and every deadline on the way is kept.
    fn pass(&mut self, until: u64) {
        for _ in 0..MAX_STEPS {
            match self.stack.poll_timeout() {
                Some(at) if at <= until => {
                    self.now = self.now.max(at);
                    self.stack.handle_timeout(self.now);
                    self.settle();
                    let next = self.stack.poll_timeout();
                    assert!(next.is_none_or(|next| next > self.now), "a deadline stays");
                }
                _ => {
                    self.now = until;
                    return;
                }
            }
        }
        panic!("the deadlines do not end");
    }

    fn settle(&mut self) {
        while let Some(transmit) = self.stack.poll_transmit() {
            self.transmitted(transmit);
        }
        let mut reports = Vec::new();
        while let Some(report) = self.stack.poll_report() {
            reports.push(report);
        }
        // What came early is delivered just before the namespace is reported as joined.
        let joins = |report: &Report| match report {
            Report::Connected { namespace, .. } => Some(namespace.clone()),
            _ => None,
        };
        let joining: Vec<String> = reports.iter().filter_map(joins).collect();
        for report in reports {
            self.reported(report, &joining);
        }
    }

    fn transmitted(&mut self, transmit: Transmit) {
        let id = transmit.exchange();
        match transmit {
            Transmit::Request(_, request) => {
                let query = request.uri().query().unwrap_or_default();
                assert!(
                    query.contains("EIO=4") && query.contains("transport=polling"),
                    "{query}"
                );
                let exchange = match *request.method() {
                    Method::GET => Exchange::Get,
                    Method::POST => Exchange::Post,
                    ref other => panic!("a request with {other}"),
                };
                let twin =
                    |(other, stage): (&u64, &Exchange)| other >> 32 == id.0 >> 32 && *stage == exchange;
                assert!(!self.open.iter().any(twin), "a second {exchange:?} at a time");
                self.begin(id, exchange);
                if exchange == Exchange::Post {
                    self.posted(id, request.body());
                }
            }
            Transmit::OpenWebSocket(_, request) => {
                let query = request.uri().query().unwrap_or_default();
                assert!(
                    query.contains("EIO=4") && query.contains("transport=websocket"),
                    "{query}"
                );
                self.begin(id, Exchange::Connecting);
            }
            Transmit::Frame(_, message) => {
                assert_eq!(self.open.get(&id.0), Some(&Exchange::WebSocket));
                match message {
                    Message::Binary(data) => self.attachment(id, data),
                    Message::Text(text) => match EnginePacket::decode_frame(&text) {
                        Ok(EnginePacket::Text(EnginePacketType::Ping, data)) => assert_eq!(data, "probe"),
                        Ok(EnginePacket::Text(EnginePacketType::Upgrade, data)) => assert_eq!(data, ""),
                        Ok(EnginePacket::Text(kind, data)) => self.came(id, kind, data),
                        other => panic!("{other:?}"),
                    },
                }
            }
            Transmit::Close(..) => assert_eq!(self.open.remove(&id.0), Some(Exchange::WebSocket)),
            Transmit::Abort(_) => assert!(self.open.remove(&id.0).is_some()),
        }
    }

    fn begin(&mut self, id: ExchangeId, exchange: Exchange) {
        assert_eq!(self.open.insert(id.0, exchange), None, "an exchange begins once");
    }

    fn posted(&mut self, id: ExchangeId, body: &Bytes) {
        let body = std::str::from_utf8(body).expect("a text");
        let packets: Vec<_> = decode_payload(body)
            .collect::<Result<_, _>>()
            .expect("a payload of packets");
        let limit = self.limits.get(&(id.0 >> 32)).copied().unwrap_or(usize::MAX);
        assert!(
            packets.len() == 1 || body.len() <= limit,
            "{} bytes in a body",
            body.len()
        );
        for packet in packets {
            match packet {
                EnginePacket::Binary(data) => self.attachment(id, data),
                EnginePacket::Text(kind, data) => self.came(id, kind, data),
            }
        }
    }

    fn came(&mut self, id: ExchangeId, kind: EnginePacketType, data: &str) {
        match kind {
            EnginePacketType::Message => {
                let decoded = self.server(id).decode_text(data);
                assert!(decoded.is_ok(), "{decoded:?} for {data}");
            }
            EnginePacketType::Pong | EnginePacketType::Close => assert_eq!(data, ""),
            other => panic!("a client sent {other:?}"),
        }
    }

    fn attachment(&mut self, id: ExchangeId, data: Bytes) {
        let decoded = self.server(id).decode_binary(data);
        assert!(decoded.is_ok(), "{decoded:?}");
    }

    /// What the server of a session has of an unfinished packet: the transport may change in between.
    fn server(&mut self, id: ExchangeId) -> &mut Decoder {
        self.servers.entry(id.0 >> 32).or_default()
    }

    fn reported(&mut self, report: Report, joining: &[String]) {
        match report {
            // A server that approves twice is believed twice.
            Report::Connected { namespace, .. } => {
                self.refused.remove(&namespace);
                self.joined.insert(namespace);
            }
            Report::Disconnected { namespace, .. } => {
                assert!(self.joined.remove(&namespace), "left twice");
                self.refused.remove(&namespace);
            }
            Report::ConnectError { namespace, .. } => {
                self.refused.insert(namespace);
            }
            Report::Event { namespace, reply, .. } => {
                let known = self.joined.contains(&namespace) || joining.contains(&namespace);
                assert!(known, "an event in {namespace}");
                self.replies.extend(reply);
            }
            Report::Acknowledged { ack, .. } | Report::AckFailed { ack, .. } => {
                assert!(self.awaited.remove(&ack), "{ack} is reported again");
            }
            Report::ReconnectAttempt(_) | Report::ReconnectFailed => {}
        }
    }

    /// The network goes away and the application leaves, and the client comes to rest.
    fn end(&mut self) {
        for namespace in NAMESPACES.map(str::to_owned) {
            self.command(Command::Disconnect { namespace });
            self.settle();
        }
        for _ in 0..MAX_STEPS {
            if let Some(id) = self.nth(0, &[Exchange::Get, Exchange::Post, Exchange::Connecting]) {
                self.open.remove(&id.0);
                self.arrive(Arrival::Failed(id, "the network".to_owned()));
            } else if let Some(id) = self.nth(0, &[Exchange::WebSocket]) {
                self.open.remove(&id.0);
                self.arrive(Arrival::WsClosed(id, "the network".to_owned()));
            } else if let Some(at) = self.stack.poll_timeout() {
                self.pass(at.max(self.now));
            } else {
                let left_over: Vec<_> = self.joined.difference(&self.refused).collect();
                assert!(left_over.is_empty(), "{left_over:?} are still joined");
                return;
            }
            self.settle();
        }
        panic!("the client never comes to rest");
    }
}

/// The argument of an event: JSON where the text is, else a text; and bytes behind it.
fn arguments_of(text: &[u8], binary: bool) -> Arguments {
    let text = String::from_utf8_lossy(text);
    let mut arguments = Arguments::new();
    // An object of the application that looks like a placeholder is one for whoever reads it.
    if validate_json(&text).is_ok() && !text.contains("placeholder") && !text.contains('\\') {
        arguments.push_json(text);
    } else {
        arguments.push_str(&text);
    }
    if binary {
        arguments.push_binary(Bytes::from_static(&[0, 1, 2]));
    }
    arguments
}
