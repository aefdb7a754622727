//! One Engine.IO session on the player's side: what it answers, and what it tells of the packets that come.

use super::answers::{accept, handshake, members, text, write};
use super::asked::Asked;
use super::listener::Host;
use super::message::Answer;
use super::packets::Messages;
use super::sessions::HostedOptions;
use crate::notation::{Mask, Over};
use crate::transcript::{Closed, Event, Frame, Request, Side, Wire};
use crate::wire::payload::{self, Packet};
use crate::wire::websocket_frame as frame;
use serde_json::Value;
use std::collections::VecDeque;
use tokio::time::{Duration, Instant};

/// What is told to the record, in order.
pub(super) type Told = Vec<Event>;

/// A session that a client has opened.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) sid: String,
    over: Over,
    transport: Transport,
    /// The WebSocket that is being probed.
    probing: Option<u64>,
    /// The probe was answered on it.
    probed: bool,
    /// Packets that wait for a poll.
    outbox: VecDeque<Packet>,
    messages: Messages,
    /// What came before the script may know of the session: it is told once the client has upgraded.
    held: Option<Told>,
    over_and_done: bool,
    interval: Option<Duration>,
    pinged: Instant,
}

#[derive(Debug)]
enum Transport {
    /// The exchange of the poll that waits.
    Polling(Option<u64>),
    WebSocket(u64),
}

impl Session {
    /// Answers a handshake.
    pub(super) async fn open(
        host: &Host,
        exchange: u64,
        index: usize,
        options: &HostedOptions,
    ) -> (Self, Told) {
        let sid = format!("siospec-{index}");
        let members = members(&sid, options);
        let handshake = handshake(&members, options.over);
        let packet = Packet::Text(format!("0{}", Value::Object(members)).into_bytes());
        let mut session = Self {
            sid: handshake.sid.clone(),
            over: options.over,
            transport: Transport::Polling(Some(exchange)),
            probing: None,
            probed: false,
            outbox: VecDeque::new(),
            messages: Messages::default(),
            held: (options.over == Over::Upgraded).then(Vec::new),
            over_and_done: false,
            // No case lasts as long as the default: a heartbeat that nobody asked for disturbs nothing.
            interval: (handshake.ping_interval > 0.0)
                .then(|| Duration::from_secs_f64(handshake.ping_interval.min(1e6) / 1000.0)),
            pinged: Instant::now(),
        };
        if options.over == Over::WebSocket {
            accept(host, exchange);
            session.transport = Transport::WebSocket(exchange);
        }
        session.send(host, packet).await;
        let told = session.tell(vec![Event::Opened(handshake)]);
        (session, told)
    }

    /// Answers a request of the session.
    pub(super) async fn ask(&mut self, host: &Host, exchange: u64, asked: &Asked, request: &Request) -> Told {
        let refuse = |status, why: &str| {
            host.answer(exchange, super::asked::refusal(status, why));
        };
        let has_last_words = request.method == "GET" && !asked.upgrades && !self.outbox.is_empty();
        if self.over_and_done && !has_last_words {
            refuse(400, r#"{"code":1,"message":"Session ID unknown"}"#);
            return Vec::new();
        }
        match (request.method.as_str(), &self.transport) {
            ("GET", Transport::Polling(_)) if asked.upgrades && self.over == Over::Upgraded => {
                accept(host, exchange);
                self.probing = Some(exchange);
                self.probed = false;
                Vec::new()
            }
            ("GET", Transport::Polling(Some(_))) if !asked.upgrades => {
                refuse(400, r#"{"code":3,"message":"Bad request"}"#);
                self.end("two polls at once", None)
            }
            ("GET", Transport::Polling(None)) if !asked.upgrades => {
                self.transport = Transport::Polling(Some(exchange));
                self.flush(host);
                Vec::new()
            }
            ("POST", Transport::Polling(_)) => {
                let told = self.body(&request.body);
                host.answer(exchange, text("ok"));
                self.release_if_over(host);
                told
            }
            (_, Transport::WebSocket(_)) if self.over == Over::Upgraded => {
                refuse(400, r#"{"code":3,"message":"Bad request"}"#);
                self.end("the session was asked for by polling after its upgrade", None)
            }
            _ => {
                refuse(400, r#"{"code":3,"message":"Bad request"}"#);
                let note = format!("{} {} has no place here", request.method, request.target);
                self.tell(vec![Event::Note(note)])
            }
        }
    }

    fn body(&mut self, body: &[u8]) -> Told {
        let Some(packets) = payload::split_strictly(body) else {
            return self.tell(vec![Event::Received(Wire::Raw(body.to_vec()))]);
        };
        let mut told = Vec::new();
        for packet in packets {
            told.extend(match packet {
                Packet::Text(text) => self.packet(String::from_utf8_lossy(&text).into_owned()),
                Packet::Binary(bytes) => self.tell(vec![Event::Received(Wire::Binary(bytes))]),
            });
        }
        told
    }

    fn packet(&mut self, text: String) -> Told {
        let closes = text == "1";
        let told = self.tell(vec![Event::Received(Wire::Text(text))]);
        self.over_and_done |= closes;
        told
    }

    /// A client that has closed its session gets its poll back.
    fn release_if_over(&mut self, host: &Host) {
        if self.over_and_done
            && let Transport::Polling(poll) = &mut self.transport
            && let Some(poll) = poll.take()
        {
            host.answer(poll, text("6"));
        }
    }

    /// Takes a frame of one of its WebSockets.
    pub(super) async fn frame(&mut self, host: &Host, exchange: u64, frame: Frame) -> Told {
        match self.messages.take(frame) {
            None => Vec::new(),
            Some(Wire::Text(text)) if self.probing == Some(exchange) => {
                self.probe(host, exchange, &text).await
            }
            Some(Wire::Text(text)) => self.packet(text),
            // Answers to pings of the WebSocket layer, and whatever else is no message.
            Some(Wire::Frame(frame)) if frame.opcode == 10 => Vec::new(),
            Some(wire) => self.tell(vec![Event::Received(wire)]),
        }
    }

    async fn probe(&mut self, host: &Host, exchange: u64, text: &str) -> Told {
        match text {
            "2probe" => {
                self.probed = true;
                write(host, exchange, &Packet::Text(b"3probe".to_vec())).await;
                if let Transport::Polling(poll) = &mut self.transport
                    && let Some(poll) = poll.take()
                {
                    host.answer(poll, self::text("6"));
                }
                Vec::new()
            }
            "5" if self.probed => {
                self.probing = None;
                if let Transport::Polling(Some(poll)) = self.transport {
                    host.answer(poll, self::text("6"));
                }
                self.transport = Transport::WebSocket(exchange);
                let told = self.held.take().unwrap_or_default();
                for packet in std::mem::take(&mut self.outbox) {
                    write(host, exchange, &packet).await;
                }
                told
            }
            other => {
                let note = format!("`{other}` came over the WebSocket that is being probed");
                self.tell(vec![
                    Event::Note(note),
                    Event::Received(Wire::Text(other.to_owned())),
                ])
            }
        }
    }

    /// One of its exchanges was ended by the client.
    pub(super) fn gone(&mut self, exchange: u64, how: String, code: Option<u16>) -> Told {
        let own = match self.transport {
            Transport::WebSocket(socket) => socket == exchange,
            Transport::Polling(poll) => poll == Some(exchange),
        };
        if self.probing == Some(exchange) {
            self.probing = None;
        }
        if own { self.end(&how, code) } else { Vec::new() }
    }

    fn end(&mut self, how: &str, code: Option<u16>) -> Told {
        if std::mem::replace(&mut self.over_and_done, true) {
            return Vec::new();
        }
        let closed = Closed {
            by: Side::Target,
            how: how.to_owned(),
            code,
        };
        // A client that never upgraded is told of all the same.
        let mut told = self.held.take().unwrap_or_default();
        told.push(Event::Closed(closed));
        told
    }

    /// Sends a packet, or keeps it for the next poll.
    pub(super) async fn send(&mut self, host: &Host, packet: Packet) {
        match self.transport {
            Transport::WebSocket(exchange) => write(host, exchange, &packet).await,
            Transport::Polling(_) => {
                self.outbox.push_back(packet);
                self.flush(host);
            }
        }
    }

    fn flush(&mut self, host: &Host) {
        let Transport::Polling(poll) = &mut self.transport else {
            return;
        };
        // Whoever probes is released with a noop, and then gets the rest over the WebSocket.
        if self.probing.is_some() {
            if let Some(poll) = poll.take() {
                host.answer(poll, text("6"));
            }
            return;
        }
        if self.outbox.is_empty() {
            return;
        }
        if let Some(poll) = poll.take() {
            let parts: Vec<Vec<u8>> = self.outbox.drain(..).map(|packet| packet.encode()).collect();
            host.answer(
                poll,
                Answer {
                    body: payload::join(&parts),
                    ..text("")
                },
            );
        }
    }

    /// Ends the transport in order.
    pub(super) async fn close(&mut self, host: &Host, code: Option<u16>) {
        match self.transport {
            Transport::WebSocket(exchange) => {
                self.over_and_done = true;
                let close = frame::message(frame::CLOSE, frame::close_payload(code));
                host.frame(exchange, &close, Mask::Proper, None).await;
            }
            Transport::Polling(_) => {
                self.send(host, Packet::Text(b"1".to_vec())).await;
                self.over_and_done = true;
            }
        }
    }

    /// Ends the connections without a word, or with a TCP reset.
    pub(super) fn cut(&mut self, host: &Host, reset: bool) {
        self.over_and_done = true;
        for exchange in [self.probing, self.exchange()].into_iter().flatten() {
            host.end(exchange, reset);
        }
    }

    fn exchange(&self) -> Option<u64> {
        match self.transport {
            Transport::WebSocket(exchange) => Some(exchange),
            Transport::Polling(poll) => poll,
        }
    }

    /// Sends a ping where one is due.
    pub(super) async fn beat(&mut self, host: &Host, now: Instant) {
        let due = self
            .interval
            .is_some_and(|interval| now >= self.pinged + interval);
        if due && !self.over_and_done {
            self.pinged = now;
            self.send(host, Packet::Text(b"2".to_vec())).await;
        }
    }

    /// What may be told now; the rest is kept until the client has upgraded.
    fn tell(&mut self, told: Told) -> Told {
        match &mut self.held {
            Some(held) => {
                held.extend(told);
                Vec::new()
            }
            None => told,
        }
    }
}
