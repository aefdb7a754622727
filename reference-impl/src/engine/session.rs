//! One session: its transport, its heartbeat, its upgrade, and what waits to be sent.

use std::collections::VecDeque;

use bytes::Bytes;
use http::Response;

use super::{
    Millis,
    config::{EngineConfig, Transport},
    exchange::{ExchangeId, Message, Transmit},
    http_rules::{refusal, success},
    query::RefusalCode,
    server::{CloseReason, EngineEvent, Outputs, SessionKey},
};
use crate::codec::{EnginePacket, EnginePacketType, decode_payload, encode_payload};

/// WebSocket status codes that this server sends.
const NORMAL_CLOSURE: u16 = 1000;
const POLICY_VIOLATION: u16 = 1008;

pub(super) struct Session {
    key: SessionKey,
    pub(super) sid: String,
    link: Link,
    /// A GET that waits for something to say.
    get: Option<ExchangeId>,
    /// A POST whose body has not all come.
    post: Option<ExchangeId>,
    probe: Option<Probe>,
    outbox: VecDeque<Outgoing>,
    outbox_bytes: usize,
    ping_at: Option<Millis>,
    pong_by: Option<Millis>,
    /// The server closed the session while nobody polled: the next GET is told, until then.
    closing_until: Option<Millis>,
    /// Why the session is over, if it is.
    pub(super) ended: Option<CloseReason>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Link {
    Polling,
    WebSocket(ExchangeId),
}

/// A WebSocket that wants to take over.
struct Probe {
    exchange: ExchangeId,
    /// It was asked and answered: from now on no poll is held.
    answered: bool,
    until: Millis,
}

enum Outgoing {
    Open(String),
    Ping,
    Message(Message),
}

impl Outgoing {
    fn as_packet(&self) -> EnginePacket<'_> {
        match self {
            Self::Open(data) => EnginePacket::Text(EnginePacketType::Open, data),
            Self::Ping => EnginePacket::Text(EnginePacketType::Ping, ""),
            Self::Message(Message::Text(text)) => EnginePacket::Text(EnginePacketType::Message, text),
            Self::Message(Message::Binary(data)) => EnginePacket::Binary(data.clone()),
        }
    }

    fn into_frame(self) -> Message {
        match self {
            Self::Open(data) => Message::Text(format!("0{data}")),
            Self::Ping => Message::Text("2".into()),
            Self::Message(Message::Text(mut text)) => {
                text.insert(0, EnginePacketType::Message.digit());
                Message::Text(text)
            }
            Self::Message(binary @ Message::Binary(_)) => binary,
        }
    }
}

const CLOSE: EnginePacket<'static> = EnginePacket::Text(EnginePacketType::Close, "");
const NOOP: EnginePacket<'static> = EnginePacket::Text(EnginePacketType::Noop, "");

impl Session {
    /// A session that begins with a GET.
    pub(super) fn polling(key: SessionKey, sid: String, now: Millis, config: &EngineConfig) -> Self {
        Self::new(key, sid, Link::Polling, now, config)
    }

    /// A session that begins with a WebSocket.
    pub(super) fn websocket(
        key: SessionKey,
        sid: String,
        exchange: ExchangeId,
        now: Millis,
        config: &EngineConfig,
    ) -> Self {
        Self::new(key, sid, Link::WebSocket(exchange), now, config)
    }

    fn new(key: SessionKey, sid: String, link: Link, now: Millis, config: &EngineConfig) -> Self {
        let can_upgrade = link == Link::Polling
            && config.allow_upgrades
            && config.transports.contains(&Transport::WebSocket);
        let upgrades = if can_upgrade { "\"websocket\"" } else { "" };
        let open = format!(
            "{{\"sid\":\"{sid}\",\"upgrades\":[{upgrades}],\"pingInterval\":{},\"pingTimeout\":{},\"maxPayload\":{}}}",
            config.ping_interval, config.ping_timeout, config.max_payload
        );
        Self {
            key,
            sid,
            link,
            get: None,
            post: None,
            probe: None,
            outbox: VecDeque::from([Outgoing::Open(open)]),
            outbox_bytes: 0,
            ping_at: Some(now + config.ping_interval),
            pong_by: None,
            closing_until: None,
            ended: None,
        }
    }

    pub(super) fn transport(&self) -> Transport {
        match self.link {
            Link::Polling => Transport::Polling,
            Link::WebSocket(_) => Transport::WebSocket,
        }
    }

    /// When [`Session::handle_timeout`] is due.
    pub(super) fn deadline(&self) -> Option<Millis> {
        let probe = self.probe.as_ref().map(|probe| probe.until);
        [self.ping_at, self.pong_by, self.closing_until, probe]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn handle_timeout(&mut self, now: Millis, config: &EngineConfig, out: &mut Outputs) {
        let due = |at: Option<Millis>| at.is_some_and(|at| at <= now);
        if due(self.closing_until) {
            self.end(CloseReason::ServerClose, &CLOSE, NORMAL_CLOSURE, out);
            return;
        }
        if due(self.pong_by) {
            self.end(CloseReason::PingTimeout, &CLOSE, NORMAL_CLOSURE, out);
            return;
        }
        if let Some(planned) = self.ping_at.filter(|&at| at <= now) {
            self.ping_at = None;
            // Counted from the plan, so that a caller who is a little late does not stretch the heartbeat; a caller who
            // is very late still leaves the client half of its time.
            self.pong_by = Some((planned + config.ping_timeout).max(now + config.ping_timeout / 2));
            self.outbox.push_back(Outgoing::Ping);
            out.mark(self.key);
        }
        if due(self.probe.as_ref().map(|probe| probe.until)) {
            self.drop_probe(NORMAL_CLOSURE, out);
        }
    }

    // ---- polling ----

    pub(super) fn handle_get(&mut self, exchange: ExchangeId, out: &mut Outputs) {
        if self.get.is_some() {
            out.respond(exchange, refusal(RefusalCode::BadRequest, None));
            self.end(CloseReason::TransportError, &CLOSE, POLICY_VIOLATION, out);
            return;
        }
        self.get = Some(exchange);
        if self.closing_until.is_some() {
            self.advance_closing(out);
        } else if !self.outbox.is_empty() {
            out.mark(self.key);
        } else if self.probe.as_ref().is_some_and(|probe| probe.answered) {
            self.release_get(&NOOP, out);
        }
    }

    /// A POST began. Returns whether its body is wanted.
    pub(super) fn handle_post(&mut self, exchange: ExchangeId, out: &mut Outputs) -> bool {
        if self.post.is_some() {
            out.respond(exchange, refusal(RefusalCode::BadRequest, None));
            self.end(CloseReason::TransportError, &CLOSE, POLICY_VIOLATION, out);
            return false;
        }
        self.post = Some(exchange);
        true
    }

    /// The body of the POST has come.
    pub(super) fn handle_body(
        &mut self,
        body: &[u8],
        now: Millis,
        config: &EngineConfig,
        out: &mut Outputs,
    ) -> Response<Bytes> {
        self.post = None;
        let Ok(text) = std::str::from_utf8(body) else {
            self.end(CloseReason::ParseError, &CLOSE, POLICY_VIOLATION, out);
            return refusal(RefusalCode::BadRequest, None);
        };
        for packet in decode_payload(text) {
            if self.ended.is_some() || self.closing_until.is_some() {
                break;
            }
            match packet {
                Ok(packet) => self.handle_packet(packet, now, config, out),
                Err(_) => self.end(CloseReason::ParseError, &CLOSE, POLICY_VIOLATION, out),
            }
        }
        match self.ended {
            None | Some(CloseReason::ClientClose) => success("ok"),
            Some(_) => refusal(RefusalCode::BadRequest, None),
        }
    }

    /// The POST was refused for its size; the session goes on.
    pub(super) fn forget_post(&mut self) {
        self.post = None;
    }

    /// The client went away in the middle of a GET or POST.
    pub(super) fn handle_aborted(&mut self, exchange: ExchangeId, out: &mut Outputs) {
        if self.get == Some(exchange) {
            self.get = None;
        }
        if self.post == Some(exchange) {
            self.post = None;
        }
        self.end(CloseReason::TransportClose, &CLOSE, NORMAL_CLOSURE, out);
    }

    /// A request that nobody may send, such as a POST of bytes.
    pub(super) fn fail(&mut self, out: &mut Outputs) {
        self.end(CloseReason::TransportError, &CLOSE, POLICY_VIOLATION, out);
    }

    // ---- WebSocket ----

    /// Whether another WebSocket may try to take this session over.
    pub(super) fn can_be_probed(&self) -> bool {
        self.link == Link::Polling && self.probe.is_none() && self.closing_until.is_none()
    }

    pub(super) fn begin_probe(&mut self, exchange: ExchangeId, now: Millis, config: &EngineConfig) {
        self.probe = Some(Probe {
            exchange,
            answered: false,
            until: now + config.upgrade_timeout,
        });
    }

    pub(super) fn handle_frame(
        &mut self,
        exchange: ExchangeId,
        frame: Message,
        now: Millis,
        config: &EngineConfig,
        out: &mut Outputs,
    ) {
        if self.link != Link::WebSocket(exchange) {
            self.handle_probe_frame(&frame, out);
            return;
        }
        match frame {
            Message::Binary(data) => self.handle_packet(EnginePacket::Binary(data), now, config, out),
            Message::Text(text) => match EnginePacket::decode_frame(&text) {
                Ok(packet) => self.handle_packet(packet, now, config, out),
                Err(_) => self.end(CloseReason::ParseError, &CLOSE, POLICY_VIOLATION, out),
            },
        }
    }

    /// The WebSocket is gone, whoever closed it.
    pub(super) fn handle_ws_closed(&mut self, exchange: ExchangeId, out: &mut Outputs) {
        if self
            .probe
            .as_ref()
            .is_some_and(|probe| probe.exchange == exchange)
        {
            self.probe = None;
        } else if self.link == Link::WebSocket(exchange) {
            self.end(CloseReason::TransportClose, &CLOSE, NORMAL_CLOSURE, out);
        }
    }

    fn handle_probe_frame(&mut self, frame: &Message, out: &mut Outputs) {
        let Some(probe) = &mut self.probe else { return };
        match frame {
            Message::Text(text) if text == "2probe" && !probe.answered => {
                probe.answered = true;
                out.transmit(Transmit::Frame(probe.exchange, Message::Text("3probe".into())));
                if self.get.is_some() && self.outbox.is_empty() {
                    self.release_get(&NOOP, out);
                }
            }
            Message::Text(text) if text == "5" && probe.answered => {
                self.link = Link::WebSocket(probe.exchange);
                self.probe = None;
                self.release_get(&NOOP, out);
                self.flush(out);
                if self.closing_until.is_some() {
                    self.end(CloseReason::ServerClose, &CLOSE, NORMAL_CLOSURE, out);
                }
            }
            _ => self.drop_probe(POLICY_VIOLATION, out),
        }
    }

    fn drop_probe(&mut self, code: u16, out: &mut Outputs) {
        if let Some(probe) = self.probe.take() {
            out.close(probe.exchange, code);
        }
    }

    // ---- both ----

    /// Queues a message.
    pub(super) fn send(&mut self, message: Message, config: &EngineConfig, out: &mut Outputs) {
        if self.closing_until.is_some() {
            return;
        }
        self.outbox_bytes += message.len();
        if self.link == Link::Polling && self.outbox_bytes > config.max_buffered {
            self.end(CloseReason::TransportError, &CLOSE, POLICY_VIOLATION, out);
            return;
        }
        self.outbox.push_back(Outgoing::Message(message));
        out.mark(self.key);
    }

    /// Closes the session once what was queued has been delivered.
    pub(super) fn close(&mut self, now: Millis, config: &EngineConfig, out: &mut Outputs) {
        if self.closing_until.is_some() {
            return;
        }
        if self.link == Link::Polling {
            // An upgrade that is under way may still be completed: then the rest comes over the WebSocket.
            self.ping_at = None;
            self.pong_by = None;
            self.closing_until = Some(now + config.ping_interval + config.ping_timeout);
            self.advance_closing(out);
        } else {
            self.flush(out);
            self.end(CloseReason::ServerClose, &CLOSE, NORMAL_CLOSURE, out);
        }
    }

    /// Hands over what is queued, if somebody is there to take it.
    pub(super) fn flush(&mut self, out: &mut Outputs) {
        if self.outbox.is_empty() {
            return;
        }
        match (self.link, self.get) {
            (Link::WebSocket(exchange), _) => {
                for packet in self.outbox.drain(..) {
                    out.transmit(Transmit::Frame(exchange, packet.into_frame()));
                }
            }
            (Link::Polling, Some(get)) => {
                let body = encode_payload(self.outbox.iter().map(Outgoing::as_packet));
                self.outbox.clear();
                self.get = None;
                out.respond(get, success(body));
            }
            (Link::Polling, None) => return,
        }
        self.outbox_bytes = 0;
    }

    fn handle_packet(
        &mut self,
        packet: EnginePacket<'_>,
        now: Millis,
        config: &EngineConfig,
        out: &mut Outputs,
    ) {
        match packet {
            EnginePacket::Binary(data) => {
                out.event(EngineEvent::Message(self.key, Message::Binary(data)));
            }
            EnginePacket::Text(EnginePacketType::Message, text) => {
                out.event(EngineEvent::Message(self.key, Message::Text(text.to_owned())));
            }
            EnginePacket::Text(EnginePacketType::Pong, _) => {
                // A pong that nobody asked for changes nothing.
                if self.pong_by.take().is_some() {
                    self.ping_at = Some(now + config.ping_interval);
                }
            }
            EnginePacket::Text(EnginePacketType::Noop, _) => {}
            EnginePacket::Text(EnginePacketType::Close, _) => {
                self.end(CloseReason::ClientClose, &NOOP, NORMAL_CLOSURE, out);
            }
            EnginePacket::Text(
                EnginePacketType::Open | EnginePacketType::Ping | EnginePacketType::Upgrade,
                _,
            ) => {
                self.end(CloseReason::ParseError, &CLOSE, POLICY_VIOLATION, out);
            }
        }
    }

    /// Delivers to the GET that waits, if one does, what is left; the close packet goes alone, because clients act on it
    /// before they have handled the messages of the same payload.
    fn advance_closing(&mut self, out: &mut Outputs) {
        if self.outbox.is_empty() && self.get.is_some() {
            self.end(CloseReason::ServerClose, &CLOSE, NORMAL_CLOSURE, out);
        } else {
            self.flush(out);
        }
    }

    fn release_get(&mut self, packet: &EnginePacket<'static>, out: &mut Outputs) {
        if let Some(get) = self.get.take() {
            out.respond(get, success(encode_payload([packet.clone()])));
        }
    }

    /// Ends the session at once: a parked GET gets `last`, an unfinished POST is refused, WebSockets get `code`.
    fn end(&mut self, reason: CloseReason, last: &EnginePacket<'static>, code: u16, out: &mut Outputs) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(reason);
        self.release_get(last, out);
        if let Some(post) = self.post.take() {
            out.respond(post, refusal(RefusalCode::BadRequest, None));
        }
        self.drop_probe(code, out);
        if let Link::WebSocket(exchange) = self.link {
            out.close(exchange, code);
        }
        out.event(EngineEvent::Closed(self.key, reason));
    }
}
