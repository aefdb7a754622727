//! One session: its handshake, its transport, its heartbeat, its upgrade, and how it ends.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};

use super::{
    cookies::CookieJar,
    handshake::Handshake,
    link::{Arrival, CloseReason, EngineEvent, SessionKey, Transmit},
    outbox::{Outbox, Outgoing},
    target::target,
};
use crate::{
    client::options::ClientOptions,
    codec::{EnginePacket, EnginePacketType, decode_payload},
    engine::{ExchangeId, Message, Millis, Transport},
};

/// The status code of a WebSocket that is closed in order.
const NORMAL_CLOSURE: u16 = 1000;
/// How long the next poll waits for the answer to the probe, when the server has ended a poll for the sake of the upgrade.
const RELEASED: Millis = 100;
/// How long a close packet may take to be answered when the session is over already.
const FAREWELL: Millis = 2000;

/// What a session has to say.
#[expect(
    clippy::large_enum_variant,
    reason = "most of what a session says is a transmit"
)]
#[derive(Debug)]
pub(crate) enum Output {
    Transmit(Transmit),
    Event(EngineEvent),
}

/// An Engine.IO session of a client.
///
/// `handle_*` for what arrives; [`Session::send`] and [`Session::close`] for what is wanted; after each, take the
/// outputs. When [`Session::is_over`], nothing more will come.
#[derive(Debug)]
pub struct Session {
    key: SessionKey,
    options: Arc<ClientOptions>,
    /// Distinguishes requests of this session from all others, for caches.
    stamp: String,
    exchanges: u32,
    phase: Phase,
    /// How many of the transports have failed to open.
    failed_transports: usize,
    sid: Option<String>,
    heartbeat: Millis,
    max_payload: Option<usize>,
    cookies: Option<CookieJar>,
    link: Link,
    get: Option<ExchangeId>,
    post: Option<ExchangeId>,
    probe: Option<Probe>,
    /// When to poll although the probe has not been answered.
    poll_at: Option<Millis>,
    outbox: Outbox,
    /// When the server will have been silent for too long.
    ping_by: Option<Millis>,
    /// When the rest of an orderly end is given up.
    gone_by: Option<Millis>,
    /// Whether the layer above has been told that it is over.
    told: bool,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// The open packet has not come.
    Opening,
    Open,
    /// What was queued is still delivered, then the session is closed.
    Closing,
    /// The close packet is on its way.
    Farewell,
    Over,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Link {
    Polling,
    WebSocket(ExchangeId),
}

/// A WebSocket that is to take over.
#[derive(Debug)]
struct Probe {
    exchange: ExchangeId,
    stage: Stage,
    until: Millis,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Connecting,
    /// `2probe` was sent.
    Asked,
    /// It was answered: nothing new is begun over polling, and what runs is awaited.
    Pausing,
}

impl Session {
    /// Begins a session with the first transport. `stamp` goes into the URLs of polls.
    pub(crate) fn open(key: SessionKey, options: Arc<ClientOptions>, stamp: String, now: Millis) -> Self {
        let mut session = Self {
            key,
            stamp,
            exchanges: 0,
            phase: Phase::Opening,
            failed_transports: 0,
            sid: None,
            heartbeat: 0,
            max_payload: None,
            cookies: options.cookies.then(CookieJar::default),
            link: Link::Polling,
            get: None,
            post: None,
            probe: None,
            poll_at: None,
            outbox: Outbox::default(),
            ping_by: None,
            gone_by: None,
            told: false,
            outputs: VecDeque::new(),
            options,
        };
        session.open_transport(now);
        session
    }

    /// The session that this exchange belongs to.
    pub(crate) fn key_of(exchange: ExchangeId) -> SessionKey {
        SessionKey((exchange.0 >> 32) as u32)
    }

    /// Whether a message would leave at once.
    pub fn is_writable(&self) -> bool {
        self.phase == Phase::Open && (self.link != Link::Polling || self.post.is_none())
    }

    /// Whether nothing more will come of it.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over && self.outputs.is_empty()
    }

    /// When [`Session::handle_timeout`] is due.
    pub fn deadline(&self) -> Option<Millis> {
        let probe = self.probe.as_ref().map(|probe| probe.until);
        [self.ping_by, self.gone_by, self.poll_at, probe]
            .into_iter()
            .flatten()
            .min()
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Queues a message; what is queued in a session that is being closed is lost.
    pub fn send(&mut self, now: Millis, message: Message) {
        self.drop_cookies(now);
        if self.phase == Phase::Open {
            self.outbox.push(Outgoing::Message(message));
            self.flush();
        }
    }

    /// Closes the session once what was queued has been delivered. Nothing is told of it.
    pub fn close(&mut self, now: Millis) {
        self.drop_cookies(now);
        self.told = true;
        match self.phase {
            Phase::Opening => self.finish(),
            Phase::Open => {
                self.phase = Phase::Closing;
                self.gone_by = Some(now + self.heartbeat);
                self.advance_closing();
            }
            Phase::Closing | Phase::Farewell | Phase::Over => {}
        }
    }

    /// The time of [`Session::deadline`] has come.
    pub fn handle_timeout(&mut self, now: Millis) {
        self.drop_cookies(now);
        let due = |at: Option<Millis>| at.is_some_and(|at| at <= now);
        if due(self.gone_by) {
            self.finish();
        } else if due(self.ping_by) {
            self.tell_closed(CloseReason::PingTimeout, "the server sent no ping in time".into());
            if self.phase == Phase::Open && self.link == Link::Polling && self.post.is_none() {
                self.say_farewell();
                self.ping_by = None;
                self.gone_by = Some(now + FAREWELL);
            } else {
                self.finish();
            }
        } else if due(self.probe.as_ref().map(|probe| probe.until)) {
            self.drop_probe();
        } else if due(self.poll_at) {
            self.poll();
        }
    }

    /// Something came from the network.
    pub fn handle_arrival(&mut self, now: Millis, arrival: Arrival) {
        self.drop_cookies(now);
        match arrival {
            Arrival::Response(exchange, response) if self.get == Some(exchange) => {
                self.get = None;
                self.handle_polled(now, &response);
            }
            Arrival::Response(exchange, response) if self.post == Some(exchange) => {
                self.post = None;
                self.handle_posted(now, &response);
            }
            Arrival::Failed(exchange, why) => self.handle_failed(now, exchange, why),
            Arrival::WsOpen(exchange) => self.handle_ws_open(exchange),
            Arrival::Frame(exchange, frame) if self.link == Link::WebSocket(exchange) => {
                self.handle_frame(now, frame);
            }
            Arrival::Frame(exchange, frame) => self.handle_probe_frame(exchange, &frame),
            Arrival::WsClosed(exchange, why) => self.handle_ws_closed(now, exchange, why),
            Arrival::Response(..) => {}
        }
    }

    // ---- opening ----

    fn open_transport(&mut self, now: Millis) {
        match self.options.transports.get(self.failed_transports) {
            Some(Transport::Polling) => {
                self.link = Link::Polling;
                self.poll();
            }
            Some(Transport::WebSocket) => {
                let exchange = self.open_websocket();
                self.link = Link::WebSocket(exchange);
            }
            None => self.fail(now, "there is no transport left to try".into()),
        }
    }

    fn handle_handshake(&mut self, now: Millis, text: &str) {
        let handshake = match Handshake::parse(text) {
            Ok(handshake) => handshake,
            Err(error) => return self.fail(now, error.to_string()),
        };
        self.phase = Phase::Open;
        self.sid = Some(handshake.sid);
        self.heartbeat = handshake.heartbeat;
        self.max_payload = handshake.max_payload;
        self.ping_by = Some(now + self.heartbeat);
        self.event(EngineEvent::Opened(self.key));
        let may_upgrade = self.options.upgrade && self.options.transports.contains(&Transport::WebSocket);
        if self.link == Link::Polling && may_upgrade && handshake.offers_websocket {
            let exchange = self.open_websocket();
            self.probe = Some(Probe {
                exchange,
                stage: Stage::Connecting,
                until: now.saturating_add(self.options.timeout),
            });
        }
    }

    // ---- polling ----

    fn poll(&mut self) {
        self.poll_at = None;
        let request = self.request("GET", Bytes::new());
        self.get = Some(request.0);
        self.transmit(Transmit::Request(request.0, request.1));
    }

    fn post(&mut self, body: String) {
        let request = self.request("POST", body.into());
        self.post = Some(request.0);
        self.transmit(Transmit::Request(request.0, request.1));
    }

    fn handle_polled(&mut self, now: Millis, response: &Response<Bytes>) {
        if let Some(jar) = &mut self.cookies {
            jar.store(response.headers(), now);
        }
        if self.phase == Phase::Farewell {
            return;
        }
        if response.status() != StatusCode::OK {
            return self.fail(now, format!("a poll was answered with {}", shown(response)));
        }
        let Ok(body) = std::str::from_utf8(response.body()) else {
            return self.fail(now, "a poll was answered with bytes that are not UTF-8".into());
        };
        let attempt = self.failed_transports;
        for packet in decode_payload(body) {
            match packet {
                Ok(packet) => self.handle_packet(now, packet),
                Err(error) => self.fail(now, error.to_string()),
            }
            if self.phase == Phase::Over || self.failed_transports != attempt {
                return;
            }
        }
        match self.phase {
            Phase::Open | Phase::Closing if self.link == Link::Polling => {
                if self.is_pausing() {
                    self.advance_pause();
                } else if body == "6"
                    && self
                        .probe
                        .as_ref()
                        .is_some_and(|probe| probe.stage == Stage::Asked)
                {
                    // The server has seen the probe, and its answer is on its way. A server that releases only one poll
                    // would not release the next.
                    self.poll_at = Some(now + RELEASED);
                } else {
                    self.poll();
                }
            }
            _ => {}
        }
    }

    fn handle_posted(&mut self, now: Millis, response: &Response<Bytes>) {
        if let Some(jar) = &mut self.cookies {
            jar.store(response.headers(), now);
        }
        if self.phase == Phase::Farewell {
            self.finish();
        } else if response.status() != StatusCode::OK {
            // Only the status counts: what servers say in the body differs.
            self.fail(now, format!("a POST was answered with {}", shown(response)));
        } else if self.is_pausing() {
            self.advance_pause();
        } else {
            self.flush();
            self.advance_closing();
        }
    }

    fn handle_failed(&mut self, now: Millis, exchange: ExchangeId, why: String) {
        if self
            .probe
            .as_ref()
            .is_some_and(|probe| probe.exchange == exchange)
        {
            self.forget_probe();
        } else if self.get == Some(exchange) {
            self.get = None;
            // A session that says farewell needs the poll no more.
            if self.phase != Phase::Farewell {
                self.fail(now, why);
            }
        } else if self.post == Some(exchange) {
            self.post = None;
            self.fail(now, why);
        } else if self.link == Link::WebSocket(exchange) {
            // It is gone: there is nothing to be aborted.
            self.link = Link::Polling;
            self.fail(now, why);
        }
    }

    // ---- WebSocket ----

    fn open_websocket(&mut self) -> ExchangeId {
        let exchange = self.next_exchange();
        let mut request = Request::new(());
        self.fill(&mut request, Transport::WebSocket, None);
        self.transmit(Transmit::OpenWebSocket(exchange, request));
        exchange
    }

    fn handle_ws_open(&mut self, exchange: ExchangeId) {
        if let Some(probe) = &mut self.probe
            && probe.exchange == exchange
            && probe.stage == Stage::Connecting
        {
            probe.stage = Stage::Asked;
            self.transmit(Transmit::Frame(exchange, Message::Text("2probe".into())));
        }
    }

    fn handle_frame(&mut self, now: Millis, frame: Message) {
        match frame {
            Message::Binary(data) => self.handle_packet(now, EnginePacket::Binary(data)),
            Message::Text(text) => match EnginePacket::decode_frame(&text) {
                Ok(packet) => self.handle_packet(now, packet),
                Err(error) => self.fail(now, error.to_string()),
            },
        }
    }

    fn handle_ws_closed(&mut self, now: Millis, exchange: ExchangeId, why: String) {
        if self
            .probe
            .as_ref()
            .is_some_and(|probe| probe.exchange == exchange)
        {
            self.forget_probe();
        } else if self.link == Link::WebSocket(exchange) {
            // It is gone: there is nothing to be aborted.
            self.link = Link::Polling;
            if self.phase == Phase::Opening {
                self.fail(now, why);
            } else {
                self.tell_closed(CloseReason::TransportClose, why);
                self.finish();
            }
        }
    }

    // ---- upgrade ----

    fn is_pausing(&self) -> bool {
        self.probe
            .as_ref()
            .is_some_and(|probe| probe.stage == Stage::Pausing)
    }

    fn handle_probe_frame(&mut self, exchange: ExchangeId, frame: &Message) {
        let Some(probe) = self.probe.as_mut().filter(|probe| probe.exchange == exchange) else {
            return;
        };
        match (probe.stage, frame) {
            (Stage::Asked, Message::Text(text)) if text == "3probe" => {
                probe.stage = Stage::Pausing;
                self.advance_pause();
            }
            // Nothing belongs here before the upgrade is complete.
            _ => self.drop_probe(),
        }
    }

    /// Completes the upgrade as soon as nothing runs over polling any more.
    fn advance_pause(&mut self) {
        if self.get.is_some() || self.post.is_some() {
            return;
        }
        if let Some(probe) = self.probe.take() {
            self.poll_at = None;
            self.transmit(Transmit::Frame(probe.exchange, Message::Text("5".into())));
            self.link = Link::WebSocket(probe.exchange);
            self.flush();
            self.advance_closing();
        }
    }

    fn drop_probe(&mut self) {
        if let Some(probe) = &self.probe {
            let close = match probe.stage {
                Stage::Connecting => Transmit::Abort(probe.exchange),
                Stage::Asked | Stage::Pausing => Transmit::Close(probe.exchange, NORMAL_CLOSURE),
            };
            self.transmit(close);
            self.forget_probe();
        }
    }

    /// Goes on with polling, where the probe had stopped that.
    fn forget_probe(&mut self) {
        let had_stopped = self.is_pausing() || self.poll_at.is_some();
        self.probe = None;
        if had_stopped && matches!(self.phase, Phase::Open | Phase::Closing) {
            if self.get.is_none() {
                self.poll();
            }
            self.flush();
            self.advance_closing();
        }
    }

    // ---- both ----

    fn handle_packet(&mut self, now: Millis, packet: EnginePacket<'_>) {
        use EnginePacketType as T;
        match (self.phase, packet) {
            (Phase::Over | Phase::Farewell, _) => {}
            (Phase::Opening, EnginePacket::Text(T::Open, text)) => self.handle_handshake(now, text),
            (Phase::Opening, _) => self.fail(now, "the server did not begin with an open packet".into()),
            (_, EnginePacket::Text(T::Ping, _)) => {
                self.ping_by = Some(now + self.heartbeat);
                self.outbox.push(Outgoing::Pong);
                self.flush();
            }
            (_, EnginePacket::Text(T::Close, _)) => {
                self.tell_closed(
                    CloseReason::TransportClose,
                    "the server closed the session".into(),
                );
                self.finish();
            }
            (_, EnginePacket::Text(T::Message, text)) => {
                self.event(EngineEvent::Message(self.key, Message::Text(text.to_owned())));
            }
            (_, EnginePacket::Binary(data)) => {
                self.event(EngineEvent::Message(self.key, Message::Binary(data)));
            }
            // A second open packet, and what only a server is to receive, change nothing.
            (_, EnginePacket::Text(T::Open | T::Pong | T::Upgrade | T::Noop, _)) => {}
        }
    }

    /// Sends what can be sent now.
    fn flush(&mut self) {
        if self.outbox.is_empty() || !matches!(self.phase, Phase::Open | Phase::Closing) {
            return;
        }
        match self.link {
            Link::WebSocket(exchange) => {
                let frames: Vec<_> = self.outbox.take_frames().collect();
                for frame in frames {
                    self.transmit(Transmit::Frame(exchange, frame));
                }
            }
            Link::Polling if self.post.is_none() && !self.is_pausing() => {
                let body = self.outbox.take_payload(self.max_payload);
                self.post(body);
            }
            Link::Polling => {}
        }
    }

    /// Closes the transport as soon as everything has been delivered. An upgrade that was granted is completed first.
    fn advance_closing(&mut self) {
        if self.phase != Phase::Closing || !self.outbox.is_empty() || self.is_pausing() {
            return;
        }
        match self.link {
            Link::WebSocket(_) => self.finish(),
            Link::Polling if self.post.is_none() => self.say_farewell(),
            Link::Polling => {}
        }
    }

    /// Sends the close packet over polling. The poll that runs goes on until it is answered.
    fn say_farewell(&mut self) {
        self.phase = Phase::Farewell;
        self.poll_at = None;
        self.drop_probe();
        self.post("1".into());
    }

    /// The transport does not work: the next one is tried, or the session is over.
    fn fail(&mut self, now: Millis, why: String) {
        let more = self.failed_transports + 1 < self.options.transports.len();
        if self.phase == Phase::Opening && self.options.try_all_transports && more {
            self.give_up_transport();
            self.failed_transports += 1;
            self.open_transport(now);
            return;
        }
        self.tell_closed(CloseReason::TransportError, why);
        self.finish();
    }

    fn finish(&mut self) {
        if self.phase == Phase::Over {
            return;
        }
        self.give_up_transport();
        self.phase = Phase::Over;
        self.drop_probe();
        self.ping_by = None;
        self.gone_by = None;
        self.poll_at = None;
    }

    fn give_up_transport(&mut self) {
        for exchange in [self.get.take(), self.post.take()].into_iter().flatten() {
            self.transmit(Transmit::Abort(exchange));
        }
        if let Link::WebSocket(exchange) = self.link {
            self.transmit(match self.phase {
                Phase::Opening => Transmit::Abort(exchange),
                _ => Transmit::Close(exchange, NORMAL_CLOSURE),
            });
        }
    }

    fn tell_closed(&mut self, reason: CloseReason, why: String) {
        if !self.told {
            self.told = true;
            self.event(EngineEvent::Closed(self.key, reason, why));
        }
    }

    fn event(&mut self, event: EngineEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    fn transmit(&mut self, transmit: Transmit) {
        self.outputs.push_back(Output::Transmit(transmit));
    }

    fn next_exchange(&mut self) -> ExchangeId {
        self.exchanges = self.exchanges.wrapping_add(1);
        ExchangeId(u64::from(self.key.0) << 32 | u64::from(self.exchanges))
    }

    /// No request carries a cookie whose time is over.
    fn drop_cookies(&mut self, now: Millis) {
        if let Some(jar) = &mut self.cookies {
            jar.drop_old(now);
        }
    }

    fn request(&mut self, method: &'static str, body: Bytes) -> (ExchangeId, Request<Bytes>) {
        let exchange = self.next_exchange();
        let mut request = Request::new(body);
        let stamp = format!("{}{}", self.stamp, self.exchanges);
        self.fill(&mut request, Transport::Polling, Some(&stamp));
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, header::HeaderValue::from_static("*/*"));
        if method == "POST" {
            let text = header::HeaderValue::from_static("text/plain;charset=UTF-8");
            headers.insert(header::CONTENT_TYPE, text);
            *request.method_mut() = http::Method::POST;
        }
        (exchange, request)
    }

    /// Puts the target and the headers that all requests have into a request.
    fn fill<B>(&self, request: &mut Request<B>, transport: Transport, stamp: Option<&str>) {
        let options = &self.options;
        let target = target(
            &options.path,
            &options.query,
            transport,
            self.sid.as_deref(),
            stamp,
        );
        // `target` escapes whatever a URI cannot have; what is too long to be one is refused by every server.
        *request.uri_mut() = target.parse().unwrap_or_default();
        if let Some(cookies) = self.cookies.as_ref().and_then(CookieJar::header) {
            request.headers_mut().insert(header::COOKIE, cookies);
        }
        for (name, value) in &options.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
    }
}

/// A response in an error message: its status, and what a server of Engine.IO says to it.
fn shown(response: &Response<Bytes>) -> String {
    const LONGEST: usize = 200;
    let body = String::from_utf8_lossy(&response.body()[..response.body().len().min(LONGEST)]);
    let body = body.lines().next().unwrap_or_default().trim();
    if body.is_empty() {
        format!("status {}", response.status().as_u16())
    } else {
        format!("status {}: {body}", response.status().as_u16())
    }
}
