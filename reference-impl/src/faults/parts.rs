//! What faults are made of: one small wrapper for each seam, and ways to look into what passes there.

use bytes::Bytes;
use http::{Response, StatusCode, header, request::Parts};

use crate::{
    engine::{EngineConfig, EngineEvent, ExchangeId, Message, Millis, Transmit},
    seams::{Seams, Verdict, WireFilter},
    socket::{Action, SocketConfig, SocketEvent},
};

/// Between the packets of a polling payload.
pub(super) const SEPARATOR: char = '\u{1e}';

/// Other options than the server was asked to have, and than it announces.
pub(super) struct Misconfigured {
    change: fn(&mut EngineConfig, &mut SocketConfig),
    announced: [u64; 3],
}

impl Misconfigured {
    pub(super) fn new(change: fn(&mut EngineConfig, &mut SocketConfig)) -> Self {
        Self {
            change,
            announced: [0; 3],
        }
    }
}

const NUMBERS: [&str; 3] = ["pingInterval", "pingTimeout", "maxPayload"];

impl Seams for Misconfigured {
    fn configure(&mut self, engine: &mut EngineConfig, socket: &mut SocketConfig) {
        self.announced = [
            engine.ping_interval,
            engine.ping_timeout,
            engine.max_payload as u64,
        ];
        (self.change)(engine, socket);
    }

    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Some(open) = open_packet(&transmit) {
            let numbers = NUMBERS.iter().zip(self.announced);
            let open = numbers.fold(open, |open, (key, value)| {
                with_field(&open, key, &value.to_string())
            });
            set_open_packet(&mut transmit, open);
        }
        out.push(transmit);
    }
}

/// Rewrites the open packet, `0{…}`.
pub(super) struct Open(pub(super) fn(&str) -> String);

impl Seams for Open {
    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Some(open) = open_packet(&transmit) {
            set_open_packet(&mut transmit, (self.0)(&open));
        }
        out.push(transmit);
    }
}

/// Rewrites the head of each request, or answers it.
pub(super) struct Requests(pub(super) fn(&mut Parts) -> Verdict);

impl Seams for Requests {
    fn request(&mut self, _exchange: ExchangeId, head: &mut Parts) -> Verdict {
        (self.0)(head)
    }
}

/// Rewrites each response, that to a WebSocket handshake among them.
pub(super) struct Responses(pub(super) fn(&mut Response<Bytes>));

impl Seams for Responses {
    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Transmit::Respond(_, response) | Transmit::Accept(_, response) = &mut transmit {
            (self.0)(response);
        }
        out.push(transmit);
    }
}

/// Rewrites the body of each poll.
pub(super) struct Polled(pub(super) fn(&str) -> String);

impl Seams for Polled {
    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Some(body) = polled_body(&transmit) {
            set_body(&mut transmit, (self.0)(&body));
        }
        out.push(transmit);
    }
}

/// Rewrites the body of each POST.
pub(super) struct Posted(pub(super) fn(&[u8]) -> Vec<u8>);

impl Seams for Posted {
    fn body(&mut self, _exchange: ExchangeId, body: Bytes) -> Bytes {
        (self.0)(&body).into()
    }
}

/// Rewrites each message that comes on a WebSocket.
pub(super) struct FramesIn(pub(super) fn(Message) -> Vec<Message>);

impl Seams for FramesIn {
    fn frame(&mut self, _exchange: ExchangeId, frame: Message, out: &mut Vec<Message>) {
        out.extend((self.0)(frame));
    }
}

/// Rewrites each message that leaves on a WebSocket.
pub(super) struct FramesOut(pub(super) fn(Message) -> Vec<Message>);

impl Seams for FramesOut {
    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        match transmit {
            Transmit::Frame(exchange, frame) => {
                out.extend(
                    (self.0)(frame)
                        .into_iter()
                        .map(|frame| Transmit::Frame(exchange, frame)),
                );
            }
            other => out.push(other),
        }
    }
}

/// Rewrites each Engine.IO packet from a client, in a payload or in a text frame. `None` drops it.
pub(super) struct PacketsIn(pub(super) fn(&str) -> Option<String>);

impl Seams for PacketsIn {
    fn body(&mut self, _exchange: ExchangeId, body: Bytes) -> Bytes {
        let Ok(text) = std::str::from_utf8(&body) else {
            return body;
        };
        let packets: Vec<_> = text.split(SEPARATOR).filter_map(self.0).collect();
        // A payload has at least one packet; a noop says nothing.
        if packets.is_empty() {
            Bytes::from_static(b"6")
        } else {
            packets.join("\u{1e}").into()
        }
    }

    fn frame(&mut self, _exchange: ExchangeId, frame: Message, out: &mut Vec<Message>) {
        match frame {
            Message::Text(text) => out.extend((self.0)(&text).map(Message::Text)),
            binary @ Message::Binary(_) => out.push(binary),
        }
    }
}

/// Rewrites each Engine.IO packet to a client, in a payload or in a text frame.
pub(super) struct PacketsOut(pub(super) fn(&str) -> Vec<String>);

impl Seams for PacketsOut {
    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Some(body) = polled_body(&transmit) {
            let packets: Vec<_> = body.split(SEPARATOR).flat_map(self.0).collect();
            let body = if packets.is_empty() {
                "6".into()
            } else {
                packets.join("\u{1e}")
            };
            set_body(&mut transmit, body);
        }
        match transmit {
            Transmit::Frame(exchange, Message::Text(text)) => {
                let frames = (self.0)(&text).into_iter();
                out.extend(frames.map(|text| Transmit::Frame(exchange, Message::Text(text))));
            }
            other => out.push(other),
        }
    }
}

/// Rewrites each message on its way to the socket layer.
pub(super) struct Incoming(pub(super) fn(Message) -> Vec<Message>);

impl Seams for Incoming {
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        match event {
            EngineEvent::Message(session, message) => {
                out.extend(
                    (self.0)(message)
                        .into_iter()
                        .map(|message| EngineEvent::Message(session, message)),
                );
            }
            other => out.push(other),
        }
    }
}

/// Rewrites each message on its way from the socket layer to the engine.
pub(super) struct Outgoing(pub(super) fn(Message) -> Vec<Message>);

impl Seams for Outgoing {
    fn action(&mut self, _now: Millis, action: Action, out: &mut Vec<Action>) {
        match action {
            Action::Send(session, message) => {
                out.extend(
                    (self.0)(message)
                        .into_iter()
                        .map(|message| Action::Send(session, message)),
                );
            }
            close @ Action::Close(_) => out.push(close),
        }
    }
}

/// Rewrites each action of the socket layer.
pub(super) struct Actions(pub(super) fn(Action) -> Vec<Action>);

impl Seams for Actions {
    fn action(&mut self, _now: Millis, action: Action, out: &mut Vec<Action>) {
        out.extend((self.0)(action));
    }
}

/// Rewrites what the application is told.
pub(super) struct Told(pub(super) fn(SocketEvent) -> Vec<SocketEvent>);

impl Seams for Told {
    fn socket_event(&mut self, event: SocketEvent, out: &mut Vec<SocketEvent>) {
        out.extend((self.0)(event));
    }
}

/// Changes the frames of WebSocket clients before they are read.
pub(super) struct Wire(pub(super) WireFilter);

impl Seams for Wire {
    fn wire_filter(&self) -> Option<WireFilter> {
        Some(self.0)
    }
}

/// Is as dead as a process that crashed once a message like this has come.
pub(super) struct Dies {
    of: fn(&str) -> bool,
    dead: bool,
}

impl Dies {
    pub(super) fn of(of: fn(&str) -> bool) -> Self {
        Self { of, dead: false }
    }
}

impl Seams for Dies {
    fn request(&mut self, _exchange: ExchangeId, _head: &mut Parts) -> Verdict {
        if self.dead { Verdict::Hold } else { Verdict::Pass }
    }

    fn frame(&mut self, _exchange: ExchangeId, frame: Message, out: &mut Vec<Message>) {
        if !self.dead {
            out.push(frame);
        }
    }

    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        if let EngineEvent::Message(_, Message::Text(text)) = &event {
            self.dead |= (self.of)(text);
        }
        if !self.dead {
            out.push(event);
        }
    }

    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        if !self.dead {
            out.push(transmit);
        }
    }
}

/// A stateless rewrite of texts; binary messages pass.
pub(super) fn text(message: Message, rewrite: impl FnOnce(String) -> String) -> Vec<Message> {
    match message {
        Message::Text(text) => vec![Message::Text(rewrite(text))],
        binary @ Message::Binary(_) => vec![binary],
    }
}

/// Whether a message is a text for which this holds.
pub(super) fn is_text(message: &Message, test: impl FnOnce(&str) -> bool) -> bool {
    matches!(message, Message::Text(text) if test(text))
}

/// The open packet that is being sent, if it is one.
pub(super) fn open_packet(transmit: &Transmit) -> Option<String> {
    let text = match transmit {
        Transmit::Frame(_, Message::Text(text)) => text.clone(),
        Transmit::Respond(..) => polled_body(transmit)?,
        _ => return None,
    };
    Some(text).filter(|text| text.starts_with("0{"))
}

pub(super) fn set_open_packet(transmit: &mut Transmit, open: String) {
    match transmit {
        Transmit::Frame(_, frame) => *frame = Message::Text(open),
        other => set_body(other, open),
    }
}

/// The payload that is being sent in answer to a GET, if it is one.
pub(super) fn polled_body(transmit: &Transmit) -> Option<String> {
    let Transmit::Respond(_, response) = transmit else {
        return None;
    };
    let is_payload = response.status() == StatusCode::OK && response.body().as_ref() != b"ok";
    is_payload.then(|| String::from_utf8_lossy(response.body()).into_owned())
}

pub(super) fn set_body(transmit: &mut Transmit, body: impl Into<Bytes>) {
    if let Transmit::Respond(_, response) = transmit {
        *response.body_mut() = body.into();
    }
}

/// A response with this status and JSON body.
pub(super) fn answer(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Verdict {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    Verdict::Answer(response)
}

/// The raw value of a parameter of the query.
pub(super) fn parameter<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    let pairs = head
        .uri
        .query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(own, _)| *own == name)
        .map(|(_, value)| value)
        .next()
}

/// Sets a parameter of the query, or removes it.
pub(super) fn set_parameter(head: &mut Parts, name: &str, value: Option<&str>) {
    let query = head.uri.query().unwrap_or("");
    let others = query
        .split('&')
        .filter(|pair| pair.split('=').next() != Some(name) && !pair.is_empty());
    let mut pairs: Vec<String> = others.map(str::to_owned).collect();
    pairs.extend(value.map(|value| format!("{name}={value}")));
    if let Ok(uri) = format!("{}?{}", head.uri.path(), pairs.join("&")).parse() {
        head.uri = uri;
    }
}

/// Whether the request asks for a WebSocket.
pub(super) fn is_websocket(head: &Parts) -> bool {
    head.headers.contains_key(header::UPGRADE)
}

/// An open packet with another value of a field, or without the field if the value is empty.
pub(super) fn with_field(open: &str, key: &str, value: &str) -> String {
    let Some(at) = open.find(&format!("\"{key}\":")) else {
        return open.to_owned();
    };
    let begin = at + key.len() + 3;
    let end = open[begin..]
        .find([',', '}'])
        .map_or(open.len(), |length| begin + length);
    if value.is_empty() {
        format!("{}{}", open[..at].trim_end_matches(','), &open[end..])
    } else {
        format!("{}{value}{}", &open[..begin], &open[end..])
    }
}

/// The parts of a Socket.IO text: type and count of attachments, namespace with its comma, and the rest.
pub(super) fn parts(text: &str) -> (&str, &str, &str) {
    let head = match text.find('-') {
        Some(dash)
            if text.starts_with(['5', '6']) && text[1..dash].bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            dash + 1
        }
        _ => text.len().min(1),
    };
    let namespace = match text[head..].strip_prefix('/') {
        Some(_) => text[head..]
            .find(',')
            .map_or(text.len(), |comma| head + comma + 1),
        None => head,
    };
    (&text[..head], &text[head..namespace], &text[namespace..])
}

/// Splits leading digits, an acknowledgement id, from the payload behind them.
pub(super) fn split_id(rest: &str) -> (&str, &str) {
    rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count())
}
