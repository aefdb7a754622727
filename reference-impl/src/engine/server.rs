//! All sessions of a server: which request belongs to which, and what leaves.

use std::collections::{BTreeSet, HashMap, VecDeque};

use bytes::Bytes;
use http::{Method, Response, StatusCode, header, request::Parts};

use super::{
    Millis,
    config::{EngineConfig, Transport},
    exchange::{ExchangeId, Message, Transmit},
    http_rules::{
        Origin, accept_websocket, add_cookie, add_cors, lacks_host, plain_refusal, preflight, refusal,
        wants_websocket,
    },
    query::{Parameter, Query, RefusalCode},
    session::Session,
};

/// The answer to a request that goes no further.
pub(super) type Refused = Box<Response<Bytes>>;

/// A WebSocket that is not wanted.
const POLICY_VIOLATION: u16 = 1008;

/// A session, for those who use the engine. Unlike the `sid` it is no secret and is never sent.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionKey(pub u64);

/// Why a session ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CloseReason {
    /// The client sent a close packet.
    ClientClose,
    /// The connection under the transport is gone.
    TransportClose,
    /// The client used the transport in a forbidden way, or did not take what was sent to it.
    TransportError,
    /// A packet could not be decoded, or may not be sent by a client.
    ParseError,
    /// The pong did not come.
    PingTimeout,
    /// [`Engine::close`] was called.
    ServerClose,
}

/// What happened to a session.
#[derive(Debug)]
pub enum EngineEvent {
    /// It exists from now on.
    Opened(SessionKey),
    /// The client sent a message.
    Message(SessionKey, Message),
    /// It is over; nothing follows.
    Closed(SessionKey, CloseReason),
}

/// The Engine.IO layer of a server.
///
/// 1. `handle_*` for what arrives from the network, and when a timeout is due.
/// 2. [`Engine::send`] and [`Engine::close`] for what the layer above wants.
/// 3. `poll_*` for what leaves. After each call of the first two kinds: poll events until there are none and act on
///    them, then poll transmits until there are none, then ask for the next timeout. What is sent meanwhile is gathered,
///    so that it leaves as one payload.
pub struct Engine {
    config: EngineConfig,
    next_sid: Box<dyn FnMut() -> String + Send>,
    next_key: u64,
    sessions: HashMap<SessionKey, Session>,
    by_sid: HashMap<String, SessionKey>,
    timers: BTreeSet<(Millis, SessionKey)>,
    scheduled: HashMap<SessionKey, Millis>,
    out: Outputs,
}

impl Engine {
    /// A server without sessions. `next_sid` returns a new unguessable, URL-safe id each time.
    pub fn new(config: EngineConfig, next_sid: Box<dyn FnMut() -> String + Send>) -> Self {
        Self {
            out: Outputs::new(config.clone()),
            config,
            next_sid,
            next_key: 0,
            sessions: HashMap::new(),
            by_sid: HashMap::new(),
            timers: BTreeSet::new(),
            scheduled: HashMap::new(),
        }
    }

    /// The `sid` of a session that is not over.
    pub fn sid(&self, session: SessionKey) -> Option<&str> {
        self.sessions.get(&session).map(|session| session.sid.as_str())
    }

    /// How many sessions are not over.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// The head of a request has come.
    pub fn handle_request(&mut self, now: Millis, exchange: ExchangeId, head: &Parts) {
        let origin = Origin::of(head, self.config.cors.as_ref());
        self.out.exchanges.insert(
            exchange,
            Exchange {
                origin,
                role: Role::Unassigned,
            },
        );
        if let Err(response) = self.route(now, exchange, head, origin) {
            self.out.respond(exchange, *response);
        }
    }

    /// The body that [`Transmit::ReadBody`] asked for has come.
    pub fn handle_body(&mut self, now: Millis, exchange: ExchangeId, body: &Bytes) {
        if let Some(Role::Post(key)) = self.out.role(exchange) {
            let mut answer = None;
            self.with_session(key, |session, config, out| {
                answer = Some(session.handle_body(body, now, config, out));
            });
            self.out.respond(
                exchange,
                answer.unwrap_or_else(|| refusal(RefusalCode::SessionUnknown, None)),
            );
        }
    }

    /// The body that [`Transmit::ReadBody`] asked for is larger than its limit.
    pub fn handle_body_too_large(&mut self, exchange: ExchangeId) {
        if let Some(Role::Post(key)) = self.out.role(exchange) {
            self.with_session(key, |session, _, _| session.forget_post());
            self.out.respond(exchange, too_large());
        }
    }

    /// The client broke the connection before the exchange was answered.
    pub fn handle_aborted(&mut self, exchange: ExchangeId) {
        match self.out.forget(exchange) {
            Some(Role::Get(key) | Role::Post(key)) => {
                self.with_session(key, |session, _, out| session.handle_aborted(exchange, out));
            }
            Some(Role::WebSocket(key)) => {
                self.with_session(key, |session, _, out| session.handle_ws_closed(exchange, out));
            }
            Some(Role::Unassigned | Role::OpenWebSocket { .. } | Role::OpenProbe(_)) | None => {}
        }
    }

    /// The 101 of [`Transmit::Accept`] was sent: the exchange is a WebSocket now.
    pub fn handle_ws_open(&mut self, now: Millis, exchange: ExchangeId) {
        match self.out.role(exchange) {
            Some(Role::OpenWebSocket { sid }) => {
                let key = self.next_key();
                self.out.assign(exchange, Role::WebSocket(key));
                self.open(Session::websocket(key, sid, exchange, now, &self.config), key);
            }
            Some(Role::OpenProbe(key)) => {
                if self.sessions.get(&key).is_some_and(Session::can_be_probed) {
                    self.out.assign(exchange, Role::WebSocket(key));
                    self.with_session(key, |session, config, _| {
                        session.begin_probe(exchange, now, config);
                    });
                } else {
                    self.out.close(exchange, POLICY_VIOLATION);
                }
            }
            _ => {}
        }
    }

    /// A message came on a WebSocket.
    pub fn handle_frame(&mut self, now: Millis, exchange: ExchangeId, frame: Message) {
        if let Some(Role::WebSocket(key)) = self.out.role(exchange) {
            self.with_session(key, |session, config, out| {
                session.handle_frame(exchange, frame, now, config, out);
            });
        }
    }

    /// A WebSocket is gone: closed by the client, broken, or given up by the caller.
    pub fn handle_ws_closed(&mut self, exchange: ExchangeId) {
        self.handle_aborted(exchange);
    }

    /// The time that [`Engine::poll_timeout`] named has come.
    pub fn handle_timeout(&mut self, now: Millis) {
        while let Some(&(at, key)) = self.timers.first()
            && at <= now
        {
            self.with_session(key, |session, config, out| {
                session.handle_timeout(now, config, out);
            });
        }
    }

    /// Sends a message to a session; one that is over or closing ignores it.
    pub fn send(&mut self, session: SessionKey, message: Message) {
        self.with_session(session, |session, config, out| session.send(message, config, out));
    }

    /// Closes a session once what was sent before has been delivered.
    pub fn close(&mut self, now: Millis, session: SessionKey) {
        self.with_session(session, |session, config, out| session.close(now, config, out));
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<EngineEvent> {
        self.out.events.pop_front()
    }

    /// What to do next on the network.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        for key in std::mem::take(&mut self.out.unflushed) {
            self.with_session(key, |session, _, out| session.flush(out));
        }
        self.out.transmits.pop_front()
    }

    /// When to call [`Engine::handle_timeout`] at the latest.
    pub fn poll_timeout(&self) -> Option<Millis> {
        self.timers.first().map(|&(at, _)| at)
    }

    fn route(
        &mut self,
        now: Millis,
        exchange: ExchangeId,
        head: &Parts,
        origin: Origin,
    ) -> Result<(), Refused> {
        if lacks_host(head) {
            return Err(Refused::new(plain_refusal(
                StatusCode::BAD_REQUEST,
                "An HTTP/1.1 request needs a Host header",
            )));
        }
        if head.uri.path() != self.config.path {
            return Err(Refused::new(plain_refusal(StatusCode::NOT_FOUND, "Not found")));
        }
        if head.method == Method::OPTIONS && self.config.cors.is_some() {
            return Err(Refused::new(preflight(head, origin)));
        }
        let query = Query::parse(head.uri.query().unwrap_or(""));
        let refuse = |code| Err(Refused::new(refusal(code, None)));
        let offered = |transport: &Transport| query.transport.is(transport.name());
        let Some(&transport) = self
            .config
            .transports
            .iter()
            .find(|&transport| offered(transport))
        else {
            return refuse(RefusalCode::TransportUnknown);
        };
        if head
            .headers
            .get(header::ORIGIN)
            .is_some_and(|origin| origin.to_str().is_err())
        {
            return refuse(RefusalCode::BadRequest);
        }
        let upgrade = wants_websocket(head);
        match &query.sid {
            Parameter::Repeated => refuse(RefusalCode::SessionUnknown),
            Parameter::Once(sid) => {
                let Some(&key) = self.by_sid.get(sid) else {
                    return refuse(RefusalCode::SessionUnknown);
                };
                if !query.eio.is("4") {
                    return refuse(RefusalCode::BadRequest);
                }
                match (transport, upgrade) {
                    (Transport::Polling, false) => self.route_poll(exchange, head, key),
                    (Transport::WebSocket, true) => self.route_probe(exchange, head, key, origin),
                    _ => refuse(RefusalCode::BadRequest),
                }
            }
            Parameter::Absent => {
                if head.method != Method::GET {
                    return refuse(RefusalCode::BadHandshakeMethod);
                }
                if upgrade != (transport == Transport::WebSocket) {
                    return refuse(RefusalCode::BadRequest);
                }
                if let Some(message) = &self.config.refuse_handshake {
                    return Err(Refused::new(refusal(RefusalCode::Forbidden, Some(message))));
                }
                if !query.eio.is("4") {
                    return refuse(RefusalCode::UnsupportedVersion);
                }
                match transport {
                    Transport::Polling => self.open_polling(now, exchange),
                    Transport::WebSocket => self.accept_new(exchange, head, origin),
                }
            }
        }
    }

    fn route_poll(&mut self, exchange: ExchangeId, head: &Parts, key: SessionKey) -> Result<(), Refused> {
        if self.sessions.get(&key).map(Session::transport) != Some(Transport::Polling) {
            return Err(Refused::new(refusal(RefusalCode::BadRequest, None)));
        }
        if head.method == Method::GET {
            self.out.assign(exchange, Role::Get(key));
            self.with_session(key, |session, _, out| session.handle_get(exchange, out));
            return Ok(());
        }
        if head.method != Method::POST {
            return Err(Refused::new(refusal(RefusalCode::BadRequest, None)));
        }
        self.out.assign(exchange, Role::Post(key));
        let is_binary = header_is(head, header::CONTENT_TYPE, |value| {
            value == "application/octet-stream"
        });
        if is_binary {
            self.with_session(key, |session, _, out| session.fail(out));
            return Err(Refused::new(refusal(RefusalCode::BadRequest, None)));
        }
        let limit = self.config.max_payload;
        let too_long = header_is(head, header::CONTENT_LENGTH, |value| {
            value.parse::<u64>().is_ok_and(|length| length > limit as u64)
        });
        let mut wanted = false;
        self.with_session(key, |session, _, out| wanted = session.handle_post(exchange, out));
        if wanted && too_long {
            self.handle_body_too_large(exchange);
        } else if wanted {
            self.out.transmit(Transmit::ReadBody { exchange, limit });
        }
        Ok(())
    }

    fn route_probe(
        &mut self,
        exchange: ExchangeId,
        head: &Parts,
        key: SessionKey,
        origin: Origin,
    ) -> Result<(), Refused> {
        if !self.config.allow_upgrades {
            return Err(Refused::new(refusal(RefusalCode::BadRequest, None)));
        }
        let response = check_websocket(head, origin)?;
        self.out.assign(exchange, Role::OpenProbe(key));
        self.out.accept(exchange, response);
        Ok(())
    }

    fn accept_new(&mut self, exchange: ExchangeId, head: &Parts, origin: Origin) -> Result<(), Refused> {
        let mut response = check_websocket(head, origin)?;
        let sid = (self.next_sid)();
        add_cookie(&mut response, &self.config, &sid);
        self.out.assign(exchange, Role::OpenWebSocket { sid });
        self.out.accept(exchange, response);
        Ok(())
    }

    fn open_polling(&mut self, now: Millis, exchange: ExchangeId) -> Result<(), Refused> {
        let sid = (self.next_sid)();
        let key = self.next_key();
        self.out.assign(exchange, Role::Get(key));
        self.out.handshakes.insert(exchange, sid.clone());
        self.open(Session::polling(key, sid, now, &self.config), key);
        self.with_session(key, |session, _, out| session.handle_get(exchange, out));
        Ok(())
    }

    fn open(&mut self, session: Session, key: SessionKey) {
        self.by_sid.insert(session.sid.clone(), key);
        self.sessions.insert(key, session);
        self.out.event(EngineEvent::Opened(key));
        self.with_session(key, |session, _, out| session.flush(out));
    }

    fn next_key(&mut self) -> SessionKey {
        self.next_key += 1;
        SessionKey(self.next_key)
    }

    /// Lets something happen to a session, then takes account of what it changed.
    fn with_session(&mut self, key: SessionKey, act: impl FnOnce(&mut Session, &EngineConfig, &mut Outputs)) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        act(session, &self.config, &mut self.out);
        let deadline = if session.ended.is_some() {
            None
        } else {
            session.deadline()
        };
        if self.scheduled.get(&key) != deadline.as_ref() {
            if let Some(at) = self.scheduled.remove(&key) {
                self.timers.remove(&(at, key));
            }
            if let Some(at) = deadline {
                self.scheduled.insert(key, at);
                self.timers.insert((at, key));
            }
        }
        if session.ended.is_some()
            && let Some(session) = self.sessions.remove(&key)
        {
            self.by_sid.remove(&session.sid);
        }
    }
}

/// What the sessions hand out.
pub(super) struct Outputs {
    config: EngineConfig,
    transmits: VecDeque<Transmit>,
    events: VecDeque<EngineEvent>,
    unflushed: BTreeSet<SessionKey>,
    exchanges: HashMap<ExchangeId, Exchange>,
    /// GETs that opened a session, with its id.
    handshakes: HashMap<ExchangeId, String>,
}

struct Exchange {
    origin: Origin,
    role: Role,
}

#[derive(Clone)]
enum Role {
    Unassigned,
    Get(SessionKey),
    Post(SessionKey),
    OpenWebSocket { sid: String },
    OpenProbe(SessionKey),
    WebSocket(SessionKey),
}

impl Outputs {
    fn new(config: EngineConfig) -> Self {
        Self {
            config,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            unflushed: BTreeSet::new(),
            exchanges: HashMap::new(),
            handshakes: HashMap::new(),
        }
    }

    /// Answers an exchange, which is over then.
    pub(super) fn respond(&mut self, exchange: ExchangeId, mut response: Response<Bytes>) {
        let Some(Exchange { origin, .. }) = self.exchanges.remove(&exchange) else {
            return;
        };
        add_cors(&mut response, origin, &self.config);
        if let Some(sid) = self.handshakes.remove(&exchange) {
            add_cookie(&mut response, &self.config, &sid);
        }
        self.transmit(Transmit::Respond(exchange, response));
    }

    /// Closes a WebSocket, which is over then.
    pub(super) fn close(&mut self, exchange: ExchangeId, code: u16) {
        if self.exchanges.remove(&exchange).is_some() {
            self.transmit(Transmit::Close(exchange, code));
        }
    }

    pub(super) fn transmit(&mut self, transmit: Transmit) {
        self.transmits.push_back(transmit);
    }

    pub(super) fn event(&mut self, event: EngineEvent) {
        self.events.push_back(event);
    }

    /// The session has something to flush.
    pub(super) fn mark(&mut self, key: SessionKey) {
        self.unflushed.insert(key);
    }

    fn accept(&mut self, exchange: ExchangeId, mut response: Response<Bytes>) {
        let origin = self
            .exchanges
            .get(&exchange)
            .map_or(Origin::None, |exchange| exchange.origin);
        add_cors(&mut response, origin, &self.config);
        self.transmit(Transmit::Accept(exchange, response));
    }

    fn role(&self, exchange: ExchangeId) -> Option<Role> {
        self.exchanges
            .get(&exchange)
            .map(|exchange| exchange.role.clone())
    }

    fn assign(&mut self, exchange: ExchangeId, role: Role) {
        if let Some(exchange) = self.exchanges.get_mut(&exchange) {
            exchange.role = role;
        }
    }

    fn forget(&mut self, exchange: ExchangeId) -> Option<Role> {
        self.handshakes.remove(&exchange);
        self.exchanges.remove(&exchange).map(|exchange| exchange.role)
    }
}

/// A page of a foreign origin may not open a WebSocket: no browser would stop it.
fn check_websocket(head: &Parts, origin: Origin) -> Result<Response<Bytes>, Refused> {
    if origin == Origin::Foreign {
        return Err(Refused::new(refusal(RefusalCode::Forbidden, None)));
    }
    accept_websocket(head)
}

fn too_large() -> Response<Bytes> {
    plain_refusal(
        StatusCode::PAYLOAD_TOO_LARGE,
        "The body is larger than maxPayload",
    )
}

fn header_is(head: &Parts, name: header::HeaderName, test: impl Fn(&str) -> bool) -> bool {
    head.headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .is_some_and(test)
}
