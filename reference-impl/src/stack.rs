//! Engine, socket layer and application as one: what arrives goes up, what they want comes down.

use std::collections::VecDeque;

use bytes::Bytes;
use http::request::Parts;

use crate::{
    app::{Application, Event},
    engine::{Engine, EngineConfig, EngineEvent, ExchangeId, Message, Millis, Transmit},
    seams::{Ids, Seams, Verdict, WireFilter},
    socket::{SocketConfig, SocketEvent, SocketServer},
};

/// A whole server without I/O.
///
/// `handle_*` for what arrives; after each, [`Stack::poll_transmit`] until there is nothing more, then
/// [`Stack::poll_timeout`].
pub struct Stack {
    engine: Engine,
    sockets: SocketServer,
    app: Box<dyn Application>,
    seams: Box<dyn Seams>,
    transmits: VecDeque<Transmit>,
    max_payload: usize,
}

impl Stack {
    pub(crate) fn new(
        mut engine: EngineConfig,
        mut socket: SocketConfig,
        app: Box<dyn Application>,
        mut seams: Box<dyn Seams>,
        ids: impl Fn() -> Ids,
    ) -> Self {
        seams.configure(&mut engine, &mut socket);
        Self {
            max_payload: engine.max_payload,
            engine: Engine::new(engine, seams.session_ids(ids())),
            sockets: SocketServer::new(socket, seams.socket_ids(ids())),
            app,
            seams,
            transmits: VecDeque::new(),
        }
    }

    /// The largest WebSocket message that is to be read, in bytes.
    pub fn max_payload(&self) -> usize {
        self.max_payload
    }

    pub(crate) fn wire_filter(&self) -> Option<WireFilter> {
        self.seams.wire_filter()
    }

    /// The head of a request has come.
    pub fn handle_request(&mut self, now: Millis, exchange: ExchangeId, mut head: Parts) {
        match self.seams.request(exchange, &mut head) {
            Verdict::Pass => self.engine.handle_request(now, exchange, &head),
            Verdict::Answer(response) => self.transmits.push_back(Transmit::Respond(exchange, response)),
            Verdict::Hold => {}
        }
        self.settle(now);
    }

    /// A body that was asked for has come.
    pub fn handle_body(&mut self, now: Millis, exchange: ExchangeId, body: Bytes) {
        let body = self.seams.body(exchange, body);
        self.engine.handle_body(now, exchange, &body);
        self.settle(now);
    }

    /// A body that was asked for is too large.
    pub fn handle_body_too_large(&mut self, now: Millis, exchange: ExchangeId) {
        self.engine.handle_body_too_large(exchange);
        self.settle(now);
    }

    /// The client of an exchange went away before the answer, or a WebSocket is gone.
    pub fn handle_gone(&mut self, now: Millis, exchange: ExchangeId) {
        if self.seams.gone(exchange) {
            self.engine.handle_aborted(exchange);
        }
        self.settle(now);
    }

    /// An accepted exchange is a WebSocket now.
    pub fn handle_ws_open(&mut self, now: Millis, exchange: ExchangeId) {
        self.engine.handle_ws_open(now, exchange);
        self.settle(now);
    }

    /// A message came on a WebSocket.
    pub fn handle_frame(&mut self, now: Millis, exchange: ExchangeId, frame: Message) {
        let mut frames = Vec::new();
        self.seams.frame(exchange, frame, &mut frames);
        for frame in frames {
            self.engine.handle_frame(now, exchange, frame);
            self.settle(now);
        }
    }

    /// The time that [`Stack::poll_timeout`] named has come.
    pub fn handle_timeout(&mut self, now: Millis) {
        self.engine.handle_timeout(now);
        self.settle(now);
        self.sockets.handle_timeout(now);
        self.pump_sockets(now);
        self.settle(now);
        let mut released = Vec::new();
        self.seams.timeout(now, &mut released);
        self.transmits.extend(released);
    }

    /// What to do next on the network.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// When to call [`Stack::handle_timeout`] at the latest.
    pub fn poll_timeout(&self) -> Option<Millis> {
        [
            self.engine.poll_timeout(),
            self.sockets.poll_timeout(),
            self.seams.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Carries everything as far as it goes.
    fn settle(&mut self, now: Millis) {
        let mut events = Vec::new();
        while let Some(event) = self.engine.poll_event() {
            self.seams.engine_event(now, event, &mut events);
            for event in events.drain(..) {
                match event {
                    EngineEvent::Opened(session) => self.sockets.handle_opened(now, session),
                    EngineEvent::Message(session, message) => {
                        self.sockets.handle_message(now, session, message);
                    }
                    EngineEvent::Closed(session, reason) => self.sockets.handle_closed(now, session, reason),
                }
                self.pump_sockets(now);
            }
        }
        let mut transmits = Vec::new();
        while let Some(transmit) = self.engine.poll_transmit() {
            self.seams.transmit(now, transmit, &mut transmits);
            self.transmits.extend(transmits.drain(..));
        }
    }

    /// Lets the application act on what the socket layer reports, and the engine on what that leads to.
    fn pump_sockets(&mut self, now: Millis) {
        let mut events = Vec::new();
        while let Some(event) = self.sockets.poll_event() {
            self.seams.socket_event(event, &mut events);
            for event in events.drain(..) {
                self.tell_application(event);
            }
        }
        let mut actions = Vec::new();
        while let Some(action) = self.sockets.poll_action() {
            self.seams.action(now, action, &mut actions);
            for action in actions.drain(..) {
                match action {
                    crate::socket::Action::Send(session, message) => self.engine.send(session, message),
                    crate::socket::Action::Close(session) => self.engine.close(now, session),
                }
            }
        }
    }

    fn tell_application(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Connecting {
                socket,
                namespace,
                auth,
            } => {
                let decision = self.app.authorize(&namespace, &auth);
                self.sockets.decide(socket, decision);
            }
            SocketEvent::Connected { socket, auth } => self.app.on_connect(&mut self.sockets, socket, &auth),
            SocketEvent::Event {
                socket,
                name,
                arguments,
                reply,
            } => {
                self.app.on_event(
                    &mut self.sockets,
                    socket,
                    Event {
                        name,
                        arguments,
                        reply,
                    },
                );
            }
            SocketEvent::Acknowledged {
                socket,
                id,
                arguments,
            } => {
                self.app.on_ack(&mut self.sockets, socket, id, arguments);
            }
            SocketEvent::Disconnected { socket, .. } => self.app.on_disconnect(&mut self.sockets, socket),
        }
    }
}
