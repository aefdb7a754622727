//! A server without I/O and clients that live in the same thread, on a clock that jumps.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response};
use reference_impl::{
    Options, Stack,
    engine::{ExchangeId, Message, Transmit},
};

/// What the server did for one exchange.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) response: Option<Response<Bytes>>,
    pub(crate) accepted: Option<Response<Bytes>>,
    pub(crate) wants_body: Option<usize>,
    pub(crate) frames: Vec<Message>,
    pub(crate) closed: Option<u16>,
}

/// A server, its clock, and everything that it has sent.
pub(crate) struct Bench {
    pub(crate) now: u64,
    stack: Stack,
    last: u64,
    log: String,
    /// A faulty server may do things that a bench would not bear otherwise.
    is_faulty: bool,
    seen: BTreeMap<ExchangeId, Seen>,
}

impl Bench {
    /// Ids are `id1`, `id2`, … for sessions and likewise for sockets.
    pub(crate) fn new(options: &Options) -> Self {
        let stack = options.build(|| {
            let mut count = 0;
            Box::new(move || {
                count += 1;
                format!("id{count}")
            })
        });
        Self {
            now: 0,
            stack,
            last: 0,
            log: String::new(),
            is_faulty: options.fault.is_some(),
            seen: BTreeMap::new(),
        }
    }

    pub(crate) fn base() -> Self {
        Self::new(&Options::default())
    }

    pub(crate) fn variant(name: &str) -> Self {
        Self::new(&Options::with_variant(name).expect("a variant"))
    }

    /// Lets the clock run to `now`, stopping at each timer on the way.
    pub(crate) fn run_to(&mut self, now: u64) {
        while let Some(at) = self.stack.poll_timeout().filter(|&at| at <= now) {
            self.now = self.now.max(at);
            self.stack.handle_timeout(self.now);
            self.collect();
        }
        self.now = now;
    }

    pub(crate) fn run_for(&mut self, millis: u64) {
        self.run_to(self.now + millis);
    }

    /// Begins any request.
    pub(crate) fn request(&mut self, request: http::request::Builder) -> ExchangeId {
        self.bare_request(request.header("Host", "bench"))
    }

    /// Begins a request that has no Host of its own.
    pub(crate) fn bare_request(&mut self, request: http::request::Builder) -> ExchangeId {
        self.last += 1;
        let exchange = ExchangeId(self.last);
        let request = request.body(()).expect("a valid request");
        self.seen.insert(exchange, Seen::default());
        self.stack
            .handle_request(self.now, exchange, request.into_parts().0);
        self.collect();
        exchange
    }

    pub(crate) fn get(&mut self, query: &str) -> ExchangeId {
        self.request(Request::get(format!("/socket.io/?{query}")))
    }

    /// A GET that is answered at once: its status and body.
    pub(crate) fn fetch(&mut self, query: &str) -> (u16, String) {
        let exchange = self.get(query);
        self.answer(exchange).expect("an answer at once")
    }

    /// A POST: its status and body.
    pub(crate) fn post(&mut self, query: &str, body: impl Into<Bytes>) -> (u16, String) {
        let exchange = self.begin_post(query);
        if self.seen[&exchange].wants_body.is_some() {
            self.body(exchange, body);
        }
        self.answer(exchange).expect("an answer at once")
    }

    pub(crate) fn begin_post(&mut self, query: &str) -> ExchangeId {
        self.request(Request::post(format!("/socket.io/?{query}")))
    }

    pub(crate) fn body(&mut self, exchange: ExchangeId, body: impl Into<Bytes>) {
        self.stack.handle_body(self.now, exchange, body.into());
        self.collect();
    }

    pub(crate) fn body_too_large(&mut self, exchange: ExchangeId) {
        self.stack.handle_body_too_large(self.now, exchange);
        self.collect();
    }

    /// A WebSocket handshake, completed if the server accepts it.
    pub(crate) fn ws(&mut self, query: &str) -> ExchangeId {
        let exchange = self.request(
            Request::get(format!("/socket.io/?{query}"))
                .header("Connection", "keep-alive, Upgrade")
                .header("Upgrade", "WebSocket")
                .header("Sec-WebSocket-Version", "13")
                .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        );
        if self.seen[&exchange].accepted.is_some() {
            self.stack.handle_ws_open(self.now, exchange);
            self.collect();
        }
        exchange
    }

    pub(crate) fn send(&mut self, exchange: ExchangeId, text: &str) {
        self.stack
            .handle_frame(self.now, exchange, Message::Text(text.to_owned()));
        self.collect();
    }

    pub(crate) fn send_binary(&mut self, exchange: ExchangeId, data: &'static [u8]) {
        self.stack
            .handle_frame(self.now, exchange, Message::Binary(Bytes::from_static(data)));
        self.collect();
    }

    /// The client breaks the connection.
    pub(crate) fn cut(&mut self, exchange: ExchangeId) {
        self.stack.handle_gone(self.now, exchange);
        self.collect();
    }

    pub(crate) fn seen(&self, exchange: ExchangeId) -> &Seen {
        &self.seen[&exchange]
    }

    /// Status and body, if the exchange has been answered.
    pub(crate) fn answer(&self, exchange: ExchangeId) -> Option<(u16, String)> {
        let response = self.seen[&exchange].response.as_ref()?;
        Some((
            response.status().as_u16(),
            String::from_utf8(response.body().to_vec()).expect("UTF-8"),
        ))
    }

    pub(crate) fn status(&self, exchange: ExchangeId) -> Option<u16> {
        self.answer(exchange).map(|answer| answer.0)
    }

    /// The frames that came on a WebSocket since the last call, binary ones in hex.
    pub(crate) fn frames(&mut self, exchange: ExchangeId) -> Vec<String> {
        let frames = &mut self.seen.get_mut(&exchange).expect("a known exchange").frames;
        let shown = frames.drain(..).map(|frame| match frame {
            Message::Text(text) => text,
            Message::Binary(data) => data.iter().map(|byte| format!("{byte:02x}")).collect(),
        });
        shown.collect()
    }

    pub(crate) fn closed(&self, exchange: ExchangeId) -> Option<u16> {
        self.seen[&exchange].closed
    }

    /// Opens a polling session; returns the query of its further requests.
    pub(crate) fn polling(&mut self) -> String {
        let (status, body) = self.fetch("EIO=4&transport=polling");
        assert_eq!(status, 200, "{body}");
        let sid = body.split('"').nth(3).expect("a sid");
        format!("EIO=4&transport=polling&sid={sid}")
    }

    /// Opens a WebSocket session and takes the open packet off.
    pub(crate) fn websocket(&mut self) -> ExchangeId {
        let exchange = self.ws("EIO=4&transport=websocket");
        assert!(self.frames(exchange)[0].starts_with("0{"));
        exchange
    }

    /// Opens a WebSocket session and joins the main namespace.
    pub(crate) fn connected(&mut self) -> ExchangeId {
        let exchange = self.websocket();
        self.send(exchange, "40");
        let frames = self.frames(exchange);
        assert!(frames[0].starts_with("40{\"sid\":"), "{frames:?}");
        assert_eq!(frames[1..], ["42[\"auth\",{}]"]);
        exchange
    }

    /// Sends text on a WebSocket; returns what comes back at once.
    pub(crate) fn exchange(&mut self, exchange: ExchangeId, text: &str) -> Vec<String> {
        self.send(exchange, text);
        self.frames(exchange)
    }

    /// All that the server has sent, with times.
    pub(crate) fn log(&self) -> &str {
        &self.log
    }

    fn collect(&mut self) {
        while let Some(transmit) = self.stack.poll_transmit() {
            self.log.push_str(&format!("{} {transmit:?}\n", self.now));
            let (Transmit::Respond(exchange, _)
            | Transmit::ReadBody { exchange, .. }
            | Transmit::Accept(exchange, _)
            | Transmit::Frame(exchange, _)
            | Transmit::Close(exchange, _)) = transmit;
            let seen = self.seen.get_mut(&exchange).expect("an exchange of this bench");
            let is_over = seen.closed.is_some() || seen.response.is_some();
            assert!(
                self.is_faulty || !is_over,
                "something after the end of {exchange:?}"
            );
            match transmit {
                Transmit::Respond(_, response) => seen.response = Some(response),
                Transmit::ReadBody { limit, .. } => seen.wants_body = Some(limit),
                Transmit::Accept(_, response) => seen.accepted = Some(response),
                Transmit::Frame(_, message) => seen.frames.push(message),
                Transmit::Close(_, code) => seen.closed = Some(code),
            }
        }
    }
}
