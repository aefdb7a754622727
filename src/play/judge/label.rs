//! What has arrived on one session or channel and is not yet accounted for.
//!
//! Owns the decomposition of HTTP bodies into packets, with the judge's own reading of payloads.

use super::ambient::Ambient;
use crate::transcript::{Closed, Entry, Frame, Handshake, Proof, Response, Side, Wire};
use std::collections::{BTreeSet, VecDeque};

/// The record separator of polling payloads.
const SEPARATOR: char = '\u{1e}';

/// How the end of a session by its close packet is described.
pub(super) const CLOSE_PACKET: &str = "close packet `1`";

/// The state of one label.
#[derive(Debug, Default)]
pub(super) struct LabelState {
    /// When the session was opened or the WebSocket accepted, milliseconds since the case started.
    pub(super) opened_at: Option<f64>,
    /// The player is the server: it is who lets namespaces be joined.
    pub(super) hosts: bool,
    /// The entries and times at which sessions were opened.
    pub(super) openings: Vec<(usize, f64)>,
    /// Whether CONNECT was sent for the precondition, or answered.
    pub(super) join_sent: bool,
    /// Whether the precondition holds.
    pub(super) given_holds: bool,
    /// The namespaces that are joined.
    pub(super) joined: BTreeSet<String>,
    /// Whether any namespace ever was.
    pub(super) was_joined: bool,
    /// What is not yet accounted for, in order of arrival.
    pub(super) queue: VecDeque<Arrival>,
    /// The body of the response whose status was expected last.
    pub(super) body: Option<Body>,
    /// The entry of the first thing the player did here since the last line that was met.
    pub(super) asked: Option<usize>,
    /// Whether a line was met since.
    pub(super) answered: bool,
    /// When the last line of this label was done.
    pub(super) last_line_at: f64,
    /// The player ended it.
    pub(super) ended: bool,
    /// The target ended it, as was expected.
    pub(super) closed: bool,
    /// It ended by an alternative, `close` or the close packet: the lines that are left for it are left out.
    pub(super) over_early: bool,
    /// The last request was a WebSocket handshake.
    pub(super) handshaking: bool,
    /// The WebSocket handshake was answered by something else than 101, so nothing is left to be closed.
    pub(super) refused: bool,
    /// `< ...` was reached.
    pub(super) rest: bool,
    /// The final proof was given.
    pub(super) proved: bool,
    /// Reading is stopped.
    pub(super) stalled: bool,
    /// The transport of the session; empty for a channel of a wire script.
    pub(super) over: String,
    /// Values of the handshake, as texts.
    pub(super) handshake: Vec<(String, String)>,
    /// The end of the connection was seen; it ends only once.
    close_seen: bool,
    /// How many requests of the script were sent.
    requests: u32,
    /// How many of them are answered.
    responses: u32,
    /// Whether the last request may be asked again: a poll.
    polls: bool,
}

/// Something that arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    /// The index of its entry.
    pub(super) entry: usize,
    /// When, milliseconds since the case started.
    pub(super) at: f64,
    /// What.
    pub(super) what: What,
}

/// What arrived.
#[derive(Clone, Debug)]
pub(super) enum What {
    Text(String),
    Binary(Vec<u8>),
    /// The response to the n-th request of the script on this label; 0 for one of the player's own.
    Response(Response, u32),
    Raw(Vec<u8>),
    Frame(Frame),
    Request(String),
    Closed(Closed),
    Silence(Proof),
}

/// The body of a response, packet by packet.
#[derive(Debug)]
pub(super) struct Body {
    /// The packets that are not yet accounted for.
    pub(super) packets: VecDeque<String>,
    /// All of it, while no packet of it was taken.
    pub(super) whole: Option<String>,
    /// Whether any line asked for a packet of it.
    pub(super) used: bool,
    /// Whether asking again may bring more.
    pub(super) polls: bool,
    /// Its entry and time.
    pub(super) entry: usize,
    pub(super) at: f64,
}

impl Arrival {
    pub(super) fn received(entry: usize, at: f64, wire: &Wire) -> Self {
        let what = match wire {
            Wire::Text(text) | Wire::Driver(text) => What::Text(text.clone()),
            Wire::Binary(bytes) => What::Binary(bytes.clone()),
            Wire::Response(response) => What::Response(response.clone(), 0),
            Wire::Raw(bytes) => What::Raw(bytes.clone()),
            Wire::Frame(frame) => What::Frame(frame.clone()),
            Wire::Request(request) => What::Request(format!("{} {}", request.method, request.target)),
        };
        Self { entry, at, what }
    }

    pub(super) fn closed(entry: usize, at: f64, closed: &Closed) -> Self {
        Self {
            entry,
            at,
            what: What::Closed(closed.clone()),
        }
    }

    pub(super) fn silence(entry: usize, at: f64, proof: &Proof) -> Self {
        Self {
            entry,
            at,
            what: What::Silence(proof.clone()),
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let What::Text(text) = &self.what {
            Some(text)
        } else {
            None
        }
    }

    pub(super) fn is_silence(&self) -> bool {
        matches!(self.what, What::Silence(_))
    }
}

impl LabelState {
    /// Notes what the player sent.
    pub(super) fn sent(&mut self, wire: &Wire, entry: &Entry) {
        match wire {
            Wire::Response(response) if response.status == 101 => self.opened_at = Some(entry.at),
            Wire::Text(text) => {
                if let Some(namespace) = namespace_of(text, "40").filter(|_| self.hosts) {
                    self.joined.insert(namespace);
                    self.was_joined = true;
                }
                if entry.cause.is_none() && text.starts_with("40") {
                    self.join_sent = true;
                }
                if let Some(namespace) = namespace_of(text, "41") {
                    self.joined.remove(&namespace);
                }
            }
            Wire::Request(request) if entry.cause.is_some() => {
                self.requests += 1;
                self.ended = false;
                self.close_seen = false;
                self.polls = request.method == "GET" && request.target.contains("transport=polling");
            }
            Wire::Raw(bytes) if entry.cause.is_some() && begins_request(bytes) => {
                self.requests += 1;
                self.polls = false;
            }
            _ => {}
        }
    }

    /// Notes what the player did to the connection.
    pub(super) fn did(&mut self, what: &str) {
        match what.split_whitespace().next() {
            Some("close" | "cut" | "reset") => self.ended = true,
            Some("stall") => self.stalled = true,
            Some("resume") => self.stalled = false,
            _ => {}
        }
    }

    /// A session was opened, or opened again.
    pub(super) fn opened(&mut self, handshake: &Handshake, entry: usize, at: f64) {
        self.openings.push((entry, at));
        self.opened_at = Some(at);
        self.over = handshake.over.clone();
        self.last_line_at = at;
        self.ended = false;
        self.closed = false;
        self.close_seen = false;
        self.over_early = false;
        self.joined.clear();
        self.was_joined = false;
        self.queue
            .retain(|arrival| !matches!(arrival.what, What::Closed(_)));
        self.handshake = vec![
            ("sid".into(), handshake.sid.clone()),
            ("pingInterval".into(), handshake.ping_interval.to_string()),
            ("pingTimeout".into(), handshake.ping_timeout.to_string()),
            ("maxPayload".into(), handshake.max_payload.to_string()),
        ];
    }

    /// Takes in what arrived.
    pub(super) fn arrive(&mut self, mut arrival: Arrival) {
        // In a session script the close packet is the close, whatever transport it comes over.
        if !self.over.is_empty() && arrival.text() == Some("1") {
            let how = CLOSE_PACKET.to_owned();
            arrival.what = What::Closed(Closed {
                by: Side::Target,
                how,
                code: None,
            });
        }
        if matches!(arrival.what, What::Closed(_)) && std::mem::replace(&mut self.close_seen, true) {
            return;
        }
        match &mut arrival.what {
            What::Text(text) => {
                let text = text.clone();
                self.note_packet(&text);
            }
            What::Response(response, number) => {
                if response.status == 101 {
                    self.opened_at = Some(arrival.at);
                }
                if !response.own {
                    self.responses += 1;
                    *number = self.responses;
                }
                for packet in packets_of(&response.body) {
                    self.note_packet(&packet);
                }
            }
            _ => {}
        }
        if !self.ended || arrival.is_silence() {
            self.queue.push_back(arrival);
        }
    }

    fn note_packet(&mut self, text: &str) {
        if let Some(namespace) = namespace_of(text, "40").filter(|_| !self.hosts) {
            self.joined.insert(namespace);
            self.was_joined = true;
        }
        if let Some(namespace) = namespace_of(text, "41") {
            self.joined.remove(&namespace);
        }
        if let Some(json) = text.strip_prefix('0')
            && self.handshake.is_empty()
            && let Ok(value) = serde_json::from_str::<serde_json::Value>(json)
        {
            for name in ["pingInterval", "pingTimeout", "maxPayload"] {
                if let Some(number) = value.get(name).and_then(serde_json::Value::as_f64) {
                    self.handshake.push((name.into(), number.to_string()));
                }
            }
        }
    }

    /// The reason of a close that nothing precedes.
    pub(super) fn pop_closed(&mut self) -> Option<String> {
        let at = self
            .queue
            .iter()
            .position(|arrival| matches!(arrival.what, What::Closed(_)))?;
        match self.queue.remove(at)?.what {
            What::Closed(closed) => Some(closed.how),
            _ => None,
        }
    }

    /// Notes that the player did something, at this entry.
    pub(super) fn performed(&mut self, entry: usize) {
        if self.asked.is_none() || std::mem::replace(&mut self.answered, false) {
            self.asked = Some(entry);
        }
    }

    /// Drops what never counts from the front of the queue.
    pub(super) fn skip_ambient(&mut self, ambient: &Ambient, label: &str) {
        self.skip(|packet| ambient.is(label, packet));
    }

    /// Drops packets from the front of the queue.
    pub(super) fn skip(&mut self, passes: impl Fn(&str) -> bool) {
        while self.queue.front().and_then(Arrival::text).is_some_and(&passes) {
            self.queue.pop_front();
        }
    }

    /// Drops answers to requests of the player's own from the front of the queue.
    pub(super) fn drop_own_responses(&mut self) {
        while matches!(self.queue.front(), Some(Arrival { what: What::Response(response, _), .. }) if response.own)
        {
            self.queue.pop_front();
        }
    }

    /// Drops answers that no line asks for: those to requests before the last one, and the player's own.
    pub(super) fn drop_older_responses(&mut self) {
        while let Some(Arrival {
            what: What::Response(response, number),
            ..
        }) = self.queue.front()
        {
            if !response.own && *number >= self.requests {
                break;
            }
            self.queue.pop_front();
        }
    }

    /// Makes this response the one whose body is read.
    pub(super) fn read_body(&mut self, response: &Response, entry: usize, at: f64) {
        let text = String::from_utf8_lossy(&response.body).into_owned();
        self.body = Some(Body {
            packets: packets_of(&response.body),
            whole: Some(text),
            used: false,
            polls: self.polls && response.status == 200,
            entry,
            at,
        });
    }

    /// Adds what answers to repeated polls brought; an answer that is no 200 ends the session.
    pub(super) fn absorb_own_responses(&mut self) {
        while let Some(Arrival {
            what: What::Response(response, _),
            entry,
            at,
        }) = self.queue.front()
        {
            if !response.own {
                return;
            }
            let (response, entry, at) = (response.clone(), *entry, *at);
            self.queue.pop_front();
            if response.status != 200 {
                let how = format!("a repeated poll was answered {}", response.status);
                let closed = Closed {
                    by: Side::Target,
                    how,
                    code: None,
                };
                self.queue.push_front(Arrival {
                    entry,
                    at,
                    what: What::Closed(closed),
                });
                return;
            }
            if let Some(body) = &mut self.body {
                body.packets.extend(packets_of(&response.body));
                body.entry = entry;
                body.at = at;
            }
        }
    }
}

/// Whether raw bytes begin with the first line of a request; otherwise they go on with one that was begun before.
fn begins_request(bytes: &[u8]) -> bool {
    bytes
        .split(|byte| *byte == b'\n')
        .next()
        .is_some_and(|line| line.windows(6).any(|part| part == b" HTTP/"))
}

/// The packets of a payload, as texts; bytes that are not UTF-8 are shown as replacement characters.
pub(super) fn packets_of(body: &[u8]) -> VecDeque<String> {
    if body.is_empty() {
        return VecDeque::new();
    }
    String::from_utf8_lossy(body)
        .split(SEPARATOR)
        .map(str::to_owned)
        .collect()
}

/// The namespace of a CONNECT or DISCONNECT packet; a refusal (`44`) is neither.
fn namespace_of(text: &str, packet: &str) -> Option<String> {
    let rest = text.strip_prefix(packet)?;
    if !rest.starts_with('/') {
        return Some("/".into());
    }
    Some(
        rest.split_once(',')
            .map_or(rest, |(namespace, _)| namespace)
            .to_owned(),
    )
}
