//! The state machines of the reference server, engine and socket layer and test application as one, fed with operations.
//!
//! The first byte of the input, modulo their number, selects the variant of the options. Operations end at a byte 0xFF.
//! Their first byte says what happens, their second one (modulo how many there are) to which of the sessions, exchanges or
//! WebSockets:
//!
//! | | |
//! | --- | --- |
//! | `o` | a GET opens a session |
//! | `g` n | a GET of session n |
//! | `p` n body | a POST of session n with its body |
//! | `P` n, `B` k body, `L` k | the head of a POST; the body of POST k; the body of POST k is too large |
//! | `w`, `u` n | a WebSocket, alone or for session n, that is open at once |
//! | `W`, `U` n, `a` | the same, but it is open only after `a` |
//! | `t` k text, `b` k bytes | a frame on WebSocket k |
//! | `x` k | the client of exchange k goes away |
//! | `q` lines | a request: method and target, then headers, a line each |
//! | `n`, `d` two bytes | the next deadline comes; so many milliseconds pass |
//!
//! Invariants:
//!
//! - An exchange is answered once, with what it can be answered with, and nothing is sent on it afterwards.
//! - A body is asked for where one is expected, a WebSocket is accepted where one was asked for.
//! - What is sent decodes: payloads as packets that a server may send, messages as Socket.IO packets, with the
//!   attachments of each behind it. Over the WebSocket of an upgrade nothing but the probe comes before the upgrade.
//! - What waits for a poll is bounded.
//! - Time that passes leads on: a deadline that was handled is gone.
//! - When every client is gone the server comes to rest: nothing is left that waits for a time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, request::Parts};
use reference_impl::{
    Options, Stack, Variant,
    codec::{Decoder, EnginePacket, EnginePacketType, PacketError, decode_payload},
    engine::{ExchangeId, Message, Transmit},
};

/// More than the server keeps for a session that does not poll, in bytes of a body.
const MAX_BODY: usize = 24 << 20;
/// More timers than a handful of sessions can have.
const MAX_STEPS: usize = 10_000;

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((variant, rest)) = data.split_first() else {
        return;
    };
    let mut world = World::new(Variant::ALL[usize::from(*variant) % Variant::ALL.len()]);
    for operation in rest.split(|byte| *byte == 0xff) {
        if let Some((what, operand)) = operation.split_first() {
            world.act(*what, operand);
            world.settle();
        }
    }
    world.end();
}

/// A server, and what its clients know.
struct World {
    stack: Stack,
    now: u64,
    next_exchange: u64,
    open: BTreeMap<u64, Exchange>,
    /// The session ids that were handed out, in order.
    sids: Vec<String>,
    clients: HashMap<String, Decoder>,
}

#[derive(Clone, Debug)]
struct Exchange {
    /// Empty where it began without one.
    sid: String,
    stage: Stage,
    /// Whether it is a WebSocket of an upgrade that is not complete.
    probing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// A request without a body that waits for its answer; `true`: it asks for a WebSocket, which is to open at once.
    Asked {
        opens_at_once: bool,
    },
    Post,
    BodyWanted,
    Accepted,
    WebSocket,
}

impl World {
    fn new(variant: Variant) -> Self {
        let options = Options::with_variant(variant.name()).unwrap_or_default();
        let count = Arc::new(AtomicU32::new(0));
        Self {
            stack: options.build(|| {
                let count = count.clone();
                Box::new(move || format!("id{}", count.fetch_add(1, Ordering::Relaxed)))
            }),
            now: 0,
            next_exchange: 0,
            open: BTreeMap::new(),
            sids: Vec::new(),
            clients: HashMap::new(),
        }
    }

    fn act(&mut self, what: u8, operand: &[u8]) {
        let (which, rest) = operand
            .split_first()
            .map_or((0, operand), |(which, rest)| (usize::from(*which), rest));
        let sid = which
            .checked_rem(self.sids.len())
            .map(|index| self.sids[index].clone());
        match (what, sid) {
            (b'o', _) => self.request(
                "GET",
                "?EIO=4&transport=polling",
                "",
                Stage::Asked { opens_at_once: false },
                false,
            ),
            (b'w' | b'W', _) => {
                let stage = Stage::Asked {
                    opens_at_once: what == b'w',
                };
                self.request("GET", "?EIO=4&transport=websocket", "", stage, true);
            }
            (b'u' | b'U', Some(sid)) => {
                let stage = Stage::Asked {
                    opens_at_once: what == b'u',
                };
                self.request("GET", "?EIO=4&transport=websocket", &sid, stage, true);
            }
            (b'g', Some(sid)) => {
                self.request(
                    "GET",
                    "?EIO=4&transport=polling",
                    &sid,
                    Stage::Asked { opens_at_once: false },
                    false,
                );
            }
            (b'p' | b'P', Some(sid)) => {
                self.request("POST", "?EIO=4&transport=polling", &sid, Stage::Post, false);
                self.settle();
                let post = ExchangeId(self.next_exchange);
                if what == b'p' && self.take_wanted(post.0) {
                    self.stack.handle_body(self.now, post, harmless(rest));
                }
            }
            (b'B' | b'L', _) => self.finish_post(which, (what == b'B').then_some(rest)),
            (b't' | b'b', _) => self.frame(which, what == b't', rest),
            (b'a', _) => self.open_accepted(),
            (b'x', _) => self.go_away(which),
            (b'q', _) => self.raw_request(operand),
            (b'n', _) => self.reach_deadline(),
            (b'd', _) => {
                let length = operand
                    .first_chunk()
                    .map_or(1, |bytes| u16::from_le_bytes(*bytes));
                self.pass(self.now + u64::from(length));
            }
            _ => {}
        }
    }

    fn request(&mut self, method: &str, query: &str, sid: &str, stage: Stage, websocket: bool) {
        let mut target = format!("/socket.io/{query}");
        if !sid.is_empty() {
            target.push_str("&sid=");
            target.push_str(sid);
        }
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("Host", "localhost");
        if websocket {
            request = request
                .header("Connection", "Upgrade")
                .header("Upgrade", "websocket")
                .header("Sec-WebSocket-Version", "13")
                .header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
        }
        let head = request.body(()).expect("a request").into_parts().0;
        let exchange = Exchange {
            sid: sid.to_owned(),
            stage,
            probing: websocket && !sid.is_empty(),
        };
        self.begin(head, exchange);
    }

    /// Any request that has the form of one.
    fn raw_request(&mut self, lines: &[u8]) {
        let mut lines = lines.split(|byte| *byte == b'\n');
        let first = lines.next().unwrap_or_default();
        let Some(space) = first.iter().position(|byte| *byte == b' ') else {
            return;
        };
        let mut request = Request::builder()
            .method(&first[..space])
            .uri(&first[space + 1..]);
        for line in lines {
            if let Some(colon) = line.iter().position(|byte| *byte == b':') {
                request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
            }
        }
        let Ok(head) = request.body(()).map(|request| request.into_parts().0) else {
            return;
        };
        let sid = head
            .uri
            .query()
            .and_then(|query| query.rsplit("sid=").next())
            .unwrap_or_default();
        let stage = match head.method == "POST" {
            true => Stage::Post,
            false => Stage::Asked { opens_at_once: true },
        };
        let known = self.sids.iter().any(|known| known == sid);
        let sid = if known { sid.to_owned() } else { String::new() };
        self.begin(
            head,
            Exchange {
                probing: known,
                sid,
                stage,
            },
        );
    }

    fn begin(&mut self, head: Parts, exchange: Exchange) {
        self.next_exchange += 1;
        self.open.insert(self.next_exchange, exchange);
        self.stack
            .handle_request(self.now, ExchangeId(self.next_exchange), head);
    }

    /// The ids of the exchanges at a stage.
    fn at(&self, stage: Stage) -> Vec<u64> {
        self.open
            .iter()
            .filter(|(_, exchange)| exchange.stage == stage)
            .map(|(id, _)| *id)
            .collect()
    }

    fn take_wanted(&mut self, post: u64) -> bool {
        match self.open.get_mut(&post) {
            Some(exchange) if exchange.stage == Stage::BodyWanted => {
                exchange.stage = Stage::Post;
                true
            }
            _ => false,
        }
    }

    fn finish_post(&mut self, which: usize, body: Option<&[u8]>) {
        let wanted = self.at(Stage::BodyWanted);
        let Some(index) = which.checked_rem(wanted.len()) else {
            return;
        };
        let post = wanted[index];
        self.take_wanted(post);
        match body {
            Some(body) => self.stack.handle_body(self.now, ExchangeId(post), harmless(body)),
            None => self.stack.handle_body_too_large(self.now, ExchangeId(post)),
        }
    }

    fn frame(&mut self, which: usize, text: bool, payload: &[u8]) {
        let sockets = self.at(Stage::WebSocket);
        let Some(index) = which.checked_rem(sockets.len()) else {
            return;
        };
        let payload = harmless(payload);
        let message = if text {
            let Ok(text) = std::str::from_utf8(&payload) else {
                return;
            };
            Message::Text(text.to_owned())
        } else {
            Message::Binary(payload)
        };
        let completes = message == Message::Text("5".to_owned());
        if let Some(exchange) = self.open.get_mut(&sockets[index]) {
            // Whether the server takes it for the end of the upgrade is its affair: from now on it may send.
            exchange.probing &= !completes;
        }
        self.stack
            .handle_frame(self.now, ExchangeId(sockets[index]), message);
    }

    fn open_accepted(&mut self) {
        for id in self.at(Stage::Accepted) {
            if let Some(exchange) = self.open.get_mut(&id) {
                exchange.stage = Stage::WebSocket;
                self.stack.handle_ws_open(self.now, ExchangeId(id));
                self.settle();
            }
        }
    }

    fn go_away(&mut self, which: usize) {
        let Some(index) = which.checked_rem(self.open.len()) else {
            return;
        };
        let id = *self.open.keys().nth(index).expect("there are so many");
        self.open.remove(&id);
        self.stack.handle_gone(self.now, ExchangeId(id));
    }

    fn reach_deadline(&mut self) {
        if let Some(at) = self.stack.poll_timeout() {
            self.pass(at.max(self.now));
        }
    }

    /// Time passes, and every deadline on the way is kept.
    fn pass(&mut self, until: u64) {
        for _ in 0..MAX_STEPS {
            match self.stack.poll_timeout() {
                Some(at) if at <= until => {
                    self.now = self.now.max(at);
                    self.stack.handle_timeout(self.now);
                    self.settle();
                    assert!(
                        self.stack.poll_timeout().is_none_or(|next| next > self.now),
                        "a deadline stays"
                    );
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
            match transmit {
                Transmit::Respond(id, response) => self.responded(id, &response),
                Transmit::ReadBody { exchange, .. } => {
                    let post = self
                        .open
                        .get_mut(&exchange.0)
                        .expect("a body of a request that is open");
                    assert_eq!(post.stage, Stage::Post);
                    post.stage = Stage::BodyWanted;
                }
                Transmit::Accept(id, response) => self.accepted(id, &response),
                Transmit::Frame(id, message) => self.framed(id, message),
                Transmit::Close(id, code) => {
                    assert!(matches!(code, 1000 | 1008), "{code}");
                    let exchange = self
                        .open
                        .remove(&id.0)
                        .expect("a WebSocket that is open is closed");
                    assert!(
                        matches!(exchange.stage, Stage::WebSocket | Stage::Accepted),
                        "{exchange:?}"
                    );
                }
            }
        }
    }

    fn responded(&mut self, id: ExchangeId, response: &Response<Bytes>) {
        let exchange = self
            .open
            .remove(&id.0)
            .expect("a request that is open is answered");
        let stage = exchange.stage;
        assert!(
            matches!(stage, Stage::Asked { .. } | Stage::Post | Stage::BodyWanted),
            "{exchange:?}"
        );
        let body = std::str::from_utf8(response.body()).expect("a text");
        assert!(body.len() <= MAX_BODY, "{} bytes waited", body.len());
        if response.status() == StatusCode::OK && !matches!(stage, Stage::Post | Stage::BodyWanted) {
            let mut sid = exchange.sid;
            for packet in decode_payload(body) {
                match packet.expect("a payload of packets") {
                    EnginePacket::Text(kind, data) => self.came(&mut sid, kind, data),
                    EnginePacket::Binary(data) => self.attachment(&sid, data),
                }
            }
        }
    }

    fn accepted(&mut self, id: ExchangeId, response: &Response<Bytes>) {
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        let exchange = self
            .open
            .get_mut(&id.0)
            .expect("a request that is open is accepted");
        match exchange.stage {
            Stage::Asked { opens_at_once: true } => {
                exchange.stage = Stage::WebSocket;
                self.stack.handle_ws_open(self.now, id);
            }
            Stage::Asked { opens_at_once: false } => exchange.stage = Stage::Accepted,
            stage => panic!("accepted at {stage:?}"),
        }
    }

    fn framed(&mut self, id: ExchangeId, message: Message) {
        let exchange = self.open.get(&id.0).expect("a frame on a WebSocket that is open");
        assert_eq!(exchange.stage, Stage::WebSocket);
        let mut sid = exchange.sid.clone();
        match message {
            Message::Text(text) if exchange.probing => assert_eq!(text, "3probe"),
            Message::Binary(_) if exchange.probing => panic!("an attachment before the upgrade"),
            Message::Binary(data) => self.attachment(&sid, data),
            Message::Text(text) => match EnginePacket::decode_frame(&text) {
                Ok(EnginePacket::Text(EnginePacketType::Pong, data)) => assert_eq!(data, "probe"),
                Ok(EnginePacket::Text(kind, data)) => self.came(&mut sid, kind, data),
                other => panic!("{other:?}"),
            },
        }
        if let Some(exchange) = self.open.get_mut(&id.0) {
            exchange.sid = sid;
        }
    }

    /// A packet came to the client of a session, whose id it may be that says.
    fn came(&mut self, sid: &mut String, kind: EnginePacketType, data: &str) {
        match kind {
            EnginePacketType::Open => {
                assert!(sid.is_empty(), "a second open packet for {sid}");
                *sid = data
                    .split('"')
                    .nth(3)
                    .expect("an open packet with an id")
                    .to_owned();
                self.sids.push(sid.clone());
                self.clients.insert(sid.clone(), Decoder::new(usize::MAX));
            }
            EnginePacketType::Message => {
                let decoded = self.client(sid).decode_text(data);
                // The test application emits any name that it is asked to.
                assert!(
                    matches!(decoded, Ok(_) | Err(PacketError::ReservedName)),
                    "{decoded:?} for {data}"
                );
            }
            EnginePacketType::Close | EnginePacketType::Ping | EnginePacketType::Noop => assert_eq!(data, ""),
            EnginePacketType::Pong | EnginePacketType::Upgrade => panic!("a server sent {kind:?}"),
        }
    }

    fn attachment(&mut self, sid: &str, data: Bytes) {
        let decoded = self.client(sid).decode_binary(data);
        assert!(decoded.is_ok(), "{decoded:?}");
    }

    fn client(&mut self, sid: &str) -> &mut Decoder {
        self.clients.get_mut(sid).expect("a session that is open")
    }

    /// Every client goes away, and the server comes to rest.
    fn end(&mut self) {
        while !self.open.is_empty() {
            self.go_away(0);
            self.settle();
        }
        for _ in 0..MAX_STEPS {
            let Some(at) = self.stack.poll_timeout() else {
                return;
            };
            self.pass(at.max(self.now));
        }
        panic!("the server never comes to rest");
    }
}

/// What a client sends, unless it asks the test application for thousands of events or megabytes of text, which take
/// long and lead nowhere else.
fn harmless(bytes: &[u8]) -> Bytes {
    let asks = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    if asks(b"burst") || asks(b"\"big\"") {
        return Bytes::from_static(b"6");
    }
    Bytes::copy_from_slice(bytes)
}
