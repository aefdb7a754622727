//! The namespaces of one client and the connection that they share: made, lost, and made again.

use std::{collections::VecDeque, sync::Arc};

use super::{
    backoff::Backoff,
    link::{Action, Command, DisconnectReason, Refused, Report},
    namespace::{Context, Namespace},
};
use crate::{
    client::{
        engine::{EngineEvent, SessionKey},
        options::{ClientOptions, Random},
    },
    codec::{Decoder, is_reserved_name},
    engine::{Message, Millis},
};

/// What the socket layer has to say.
#[derive(Debug)]
pub(crate) enum Output {
    Action(Action),
    Report(Report),
}

/// The Socket.IO layer of a client.
pub struct Sockets {
    options: Arc<ClientOptions>,
    random: Random,
    link: Link,
    decoder: Decoder,
    backoff: Backoff,
    /// In the order in which they were joined first.
    namespaces: Vec<Namespace>,
    last_session: u32,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Link {
    Closed,
    Opening {
        session: SessionKey,
        until: Millis,
    },
    Open(SessionKey),
    /// To be made again at that time.
    Waiting {
        until: Millis,
    },
}

impl Sockets {
    pub(crate) fn new(options: Arc<ClientOptions>, random: Random) -> Self {
        Self {
            options,
            random,
            link: Link::Closed,
            decoder: Decoder::default(),
            backoff: Backoff::default(),
            namespaces: Vec::new(),
            last_session: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Whether a command can be done.
    ///
    /// # Errors
    ///
    /// If the application may not ask for this; it changes nothing then.
    pub fn check(&self, command: &Command) -> Result<(), Refused> {
        match command {
            Command::Connect { .. } => Ok(()),
            Command::Emit { emission, .. } if is_reserved_name(&emission.event) => {
                Err(Refused::ReservedName(emission.event.clone()))
            }
            Command::Emit { namespace, .. } | Command::Disconnect { namespace } => {
                self.check_joined(namespace)
            }
            Command::Answer { reply, .. } => self.check_joined(&reply.namespace),
        }
    }

    fn check_joined(&self, name: &str) -> Result<(), Refused> {
        if self.namespaces.iter().any(|namespace| namespace.name == name) {
            Ok(())
        } else {
            Err(Refused::NotJoined(name.to_owned()))
        }
    }

    /// The session whose state decides whether a message would leave at once.
    pub(crate) fn session(&self) -> Option<SessionKey> {
        match self.link {
            Link::Opening { session, .. } | Link::Open(session) => Some(session),
            Link::Closed | Link::Waiting { .. } => None,
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Does what the application wants; what [`Sockets::check`] refuses does nothing.
    pub fn handle_command(&mut self, now: Millis, command: Command, is_writable: bool) {
        match command {
            Command::Connect { namespace, auth } => self.connect(now, namespace, auth),
            Command::Emit { namespace, emission } => {
                self.with(now, &namespace, |namespace, context| {
                    namespace.emit(context, emission, is_writable);
                });
            }
            Command::Answer { reply, arguments } => {
                self.with(now, &reply.namespace, |namespace, context| {
                    namespace.answer(context, &reply, &arguments);
                });
            }
            Command::Disconnect { namespace } => {
                self.with(now, &namespace, |namespace, context| namespace.leave(context));
                self.close_if_unused();
            }
        }
    }

    /// Something happened to a session.
    pub fn handle_event(&mut self, now: Millis, event: EngineEvent) {
        match event {
            EngineEvent::Opened(session) => self.handle_opened(now, session),
            EngineEvent::Message(session, message) if self.link == Link::Open(session) => {
                self.handle_message(now, message);
            }
            EngineEvent::Message(..) => {}
            EngineEvent::Closed(session, reason, why) => match self.link {
                Link::Opening { session: own, .. } if own == session => self.handle_unreachable(now, &why),
                Link::Open(own) if own == session => {
                    self.handle_lost(now, DisconnectReason::Lost(reason), &format!("{reason}: {why}"));
                }
                _ => {}
            },
        }
    }

    /// When [`Sockets::handle_timeout`] is due.
    pub fn deadline(&self) -> Option<Millis> {
        let link = match self.link {
            Link::Opening { until, .. } | Link::Waiting { until } => Some(until),
            Link::Closed | Link::Open(_) => None,
        };
        self.namespaces
            .iter()
            .filter_map(Namespace::deadline)
            .chain(link)
            .min()
    }

    /// The time of [`Sockets::deadline`] has come.
    pub fn handle_timeout(&mut self, now: Millis) {
        match self.link {
            Link::Opening { session, until } if until <= now => {
                self.act(Action::Close(session));
                self.handle_unreachable(now, "timeout");
            }
            Link::Waiting { until } if until <= now => {
                self.report(Report::ReconnectAttempt(self.backoff.attempts));
                self.open(now);
            }
            _ => {}
        }
        self.with_all(now, |namespace, context| namespace.handle_timeout(context));
    }

    // ---- the connection ----

    fn connect(&mut self, now: Millis, name: String, auth: Option<super::Auth>) {
        if !self.namespaces.iter().any(|namespace| namespace.name == name) {
            self.namespaces.push(Namespace::new(name.clone(), auth));
        }
        let is_open = matches!(self.link, Link::Open(_));
        self.with(now, &name, |namespace, context| {
            namespace.active = true;
            if is_open {
                namespace.join(context);
            }
        });
        if self.link == Link::Closed {
            self.open(now);
        }
    }

    fn open(&mut self, now: Millis) {
        self.last_session = self.last_session.wrapping_add(1);
        let session = SessionKey(self.last_session);
        self.link = Link::Opening {
            session,
            until: now.saturating_add(self.options.timeout),
        };
        self.act(Action::Open(session));
    }

    fn handle_opened(&mut self, now: Millis, session: SessionKey) {
        if !matches!(self.link, Link::Opening { session: own, .. } if own == session) {
            return;
        }
        self.link = Link::Open(session);
        self.decoder.reset();
        self.backoff.reset();
        self.with_all(now, |namespace, context| {
            if namespace.active {
                namespace.join(context);
            }
        });
    }

    fn handle_message(&mut self, now: Millis, message: Message) {
        let mut decoder = std::mem::take(&mut self.decoder);
        let decoded = match &message {
            Message::Text(text) => decoder.decode_text(text),
            Message::Binary(data) => decoder.decode_binary(data.clone()),
        };
        let believed = match &decoded {
            Ok(Some(packet)) => {
                let listening = self
                    .namespaces
                    .iter()
                    .find(|namespace| namespace.name == packet.namespace());
                // What is for nobody here is not looked at: the server may know more namespaces.
                match listening
                    .filter(|namespace| namespace.listens())
                    .map(|namespace| namespace.name.clone())
                {
                    Some(name) => self.with(now, &name, |namespace, context| {
                        namespace.handle_packet(context, packet)
                    }),
                    None => None,
                }
            }
            Ok(None) => None,
            Err(_) => Some(false),
        };
        if believed == Some(false) {
            let why = decoded.err().map_or_else(
                || "too many events came before the answer to CONNECT".to_owned(),
                |error| error.to_string(),
            );
            if let Some(session) = self.session() {
                self.act(Action::Close(session));
            }
            self.handle_lost(now, DisconnectReason::ParseError, &format!("parse error: {why}"));
            return;
        }
        self.decoder = decoder;
        self.close_if_unused();
    }

    /// The connection that there was is over.
    fn handle_lost(&mut self, now: Millis, reason: DisconnectReason, why: &str) {
        self.backoff.reset();
        self.decoder.reset();
        self.with_all(now, |namespace, context| {
            namespace.handle_lost(context, reason, why);
        });
        self.link = Link::Closed;
        self.reconnect(now);
    }

    /// The connection could not be made.
    fn handle_unreachable(&mut self, now: Millis, why: &str) {
        self.link = Link::Closed;
        self.with_all(now, |namespace, context| {
            if namespace.active {
                namespace.tell_unreachable(context, why);
            }
        });
        self.reconnect(now);
    }

    fn reconnect(&mut self, now: Millis) {
        if !self.options.reconnection || !self.namespaces.iter().any(|namespace| namespace.active) {
            return;
        }
        let limit = self.options.reconnection_attempts;
        if limit.is_some_and(|limit| self.backoff.attempts >= limit) {
            self.backoff.reset();
            self.report(Report::ReconnectFailed);
            return;
        }
        let delay = self.backoff.next(&self.options, &mut self.random);
        self.link = Link::Waiting {
            until: now.saturating_add(delay),
        };
    }

    /// Closes the connection when the application wants no namespace any more.
    fn close_if_unused(&mut self) {
        if self.link == Link::Closed || self.namespaces.iter().any(|namespace| namespace.active) {
            return;
        }
        if let Some(session) = self.session() {
            self.act(Action::Close(session));
        }
        self.link = Link::Closed;
        self.backoff.reset();
        self.decoder.reset();
        // An answer to CONNECT that was awaited will not come any more.
        for namespace in &mut self.namespaces {
            namespace.forget_connection();
        }
    }

    // ---- helpers ----

    /// Lets one namespace act. `None` if there is no such namespace.
    fn with<R>(
        &mut self,
        now: Millis,
        name: &str,
        act: impl FnOnce(&mut Namespace, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let session = self.open_session();
        let namespace = self
            .namespaces
            .iter_mut()
            .find(|namespace| namespace.name == name)?;
        let mut context = Context {
            now,
            session,
            outputs: &mut self.outputs,
        };
        Some(act(namespace, &mut context))
    }

    fn with_all(&mut self, now: Millis, mut act: impl FnMut(&mut Namespace, &mut Context<'_>)) {
        let session = self.open_session();
        for namespace in &mut self.namespaces {
            let mut context = Context {
                now,
                session,
                outputs: &mut self.outputs,
            };
            act(namespace, &mut context);
        }
    }

    fn open_session(&self) -> Option<SessionKey> {
        match self.link {
            Link::Open(session) => Some(session),
            _ => None,
        }
    }

    fn act(&mut self, action: Action) {
        self.outputs.push_back(Output::Action(action));
    }

    fn report(&mut self, report: Report) {
        self.outputs.push_back(Output::Report(report));
    }
}
