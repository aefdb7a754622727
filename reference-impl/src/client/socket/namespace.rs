//! One namespace: joining it, its events and acknowledgements in both directions, and what is kept while it is not joined.

use std::collections::{BTreeMap, VecDeque};

use super::{
    link::{Action, Auth, DisconnectReason, Emission, Reply, Report},
    sockets::Output,
};
use crate::{
    client::engine::SessionKey,
    codec::{
        AckId, Arguments, Encoded, Packet, PacketType, encode_ack, encode_connect, encode_disconnect,
        encode_event, json_field, unquote,
    },
    engine::{Message, Millis},
};

/// How many events may come before the namespace is joined; a server has no reason to send any.
const MAX_EARLY: usize = 1000;

/// What a namespace works with: the time, the session it is on, and where it leaves what is to be done.
pub(super) struct Context<'c> {
    pub(super) now: Millis,
    pub(super) session: Option<SessionKey>,
    pub(super) outputs: &'c mut VecDeque<Output>,
}

impl Context<'_> {
    fn report(&mut self, report: Report) {
        self.outputs.push_back(Output::Report(report));
    }

    fn send_text(&mut self, text: String) {
        self.send(Message::Text(text));
    }

    fn send_encoded(&mut self, encoded: Encoded) {
        self.send_text(encoded.text);
        for attachment in encoded.attachments {
            self.send(Message::Binary(attachment));
        }
    }

    fn send(&mut self, message: Message) {
        if let Some(session) = self.session {
            self.outputs
                .push_back(Output::Action(Action::Send(session, message)));
        }
    }
}

pub(super) struct Namespace {
    pub(super) name: String,
    auth: Option<Auth>,
    /// Whether the application wants it: joined, being joined, or to be joined with the next connection.
    pub(super) active: bool,
    state: State,
    /// What a server with recovery gave, as JSON literals.
    pid: Option<String>,
    offset: Option<String>,
    /// Events that came before it was joined.
    early: Vec<Report>,
    /// Packets that wait until it is joined.
    buffer: VecDeque<Buffered>,
    next_id: u64,
    acks: BTreeMap<u64, PendingAck>,
    /// Emissions with retries; only the first may be on its way.
    queue: VecDeque<Queued>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Idle,
    /// CONNECT was sent.
    Asked,
    /// CONNECT was sent, and the application has left since.
    Abandoned,
    Joined,
}

struct Buffered {
    id: Option<u64>,
    encoded: Encoded,
}

struct PendingAck {
    /// The name that the application gave; `None` if the first of the queue waits for it.
    name: Option<String>,
    until: Option<Millis>,
}

struct Queued {
    emission: Emission,
    tries: u32,
    /// The id of the try that is on its way.
    pending: Option<u64>,
}

impl Namespace {
    pub(super) fn new(name: String, auth: Option<Auth>) -> Self {
        Self {
            name,
            auth,
            active: false,
            state: State::Idle,
            pid: None,
            offset: None,
            early: Vec::new(),
            buffer: VecDeque::new(),
            next_id: 0,
            acks: BTreeMap::new(),
            queue: VecDeque::new(),
        }
    }

    /// Whether packets for it mean anything.
    pub(super) fn listens(&self) -> bool {
        self.active || self.state == State::Abandoned
    }

    // ---- what the application wants ----

    /// Sends CONNECT, unless an answer is awaited or has come.
    pub(super) fn join(&mut self, context: &mut Context<'_>) {
        match self.state {
            State::Idle => {
                let payload = self.connect_payload();
                context.send_text(encode_connect(&self.name, payload.as_deref()));
                self.state = State::Asked;
            }
            State::Abandoned => self.state = State::Asked,
            State::Asked | State::Joined => {}
        }
    }

    pub(super) fn leave(&mut self, context: &mut Context<'_>) {
        self.active = false;
        match self.state {
            State::Joined => {
                context.send_text(encode_disconnect(&self.name));
                self.state = State::Idle;
                self.tell_disconnected(context, DisconnectReason::ByClient);
            }
            State::Asked => self.state = State::Abandoned,
            State::Idle | State::Abandoned => {}
        }
    }

    /// Sends an event, or keeps it until the namespace is joined. `is_writable`: it would leave at once.
    pub(super) fn emit(&mut self, context: &mut Context<'_>, emission: Emission, is_writable: bool) {
        if emission.retries > 0 && !emission.volatile {
            self.queue.push_back(Queued {
                emission,
                tries: 0,
                pending: None,
            });
            self.drain_queue(context, false);
            return;
        }
        let is_wanted = !emission.volatile || (self.state == State::Joined && is_writable);
        let asks = emission.ack.is_some();
        self.send_event(context, &emission, asks, emission.ack.clone(), is_wanted);
    }

    pub(super) fn answer(&self, context: &mut Context<'_>, reply: &Reply, arguments: &Arguments) {
        if self.state == State::Joined && context.session == Some(reply.session) {
            context.send_encoded(encode_ack(&self.name, &reply.id, arguments));
        }
    }

    /// Returns the id under which an acknowledgement is awaited.
    fn send_event(
        &mut self,
        context: &mut Context<'_>,
        emission: &Emission,
        asks: bool,
        name: Option<String>,
        is_wanted: bool,
    ) -> Option<u64> {
        let id = asks.then_some(self.next_id);
        if let Some(id) = id {
            self.next_id += 1;
            let until = emission
                .timeout
                .map(|timeout| context.now.saturating_add(timeout));
            self.acks.insert(id, PendingAck { name, until });
        }
        if is_wanted {
            let ack_id = id.map(AckId::from);
            let encoded = encode_event(&self.name, ack_id.as_ref(), &emission.event, &emission.arguments);
            if self.state == State::Joined {
                context.send_encoded(encoded);
            } else {
                self.buffer.push_back(Buffered { id, encoded });
            }
        }
        id
    }

    fn drain_queue(&mut self, context: &mut Context<'_>, again: bool) {
        if self.state != State::Joined {
            return;
        }
        let Some(first) = self
            .queue
            .front_mut()
            .filter(|first| first.pending.is_none() || again)
        else {
            return;
        };
        first.tries += 1;
        let emission = first.emission.clone();
        let id = self.send_event(context, &emission, true, None, true);
        if let Some(first) = self.queue.front_mut() {
            first.pending = id;
        }
    }

    /// The payload of CONNECT: that of the application, and what a server with recovery wants to see.
    fn connect_payload(&mut self) -> Option<String> {
        let auth = self.auth.as_mut().and_then(|auth| auth());
        let Some(pid) = &self.pid else { return auth };
        let members = match auth.as_deref().map(str::trim) {
            None => "",
            Some(auth) => match auth.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(members) => members.trim(),
                // A server that refuses this has refused it before.
                None => return Some(auth.to_owned()),
            },
        };
        let offset = self.offset.as_ref().map(|offset| format!(",\"offset\":{offset}"));
        let comma = if members.is_empty() { "" } else { "," };
        Some(format!(
            "{{\"pid\":{pid}{}{comma}{members}}}",
            offset.unwrap_or_default()
        ))
    }

    // ---- what comes from the server ----

    /// A packet of this namespace. Returns whether the server may be believed any more.
    pub(super) fn handle_packet(&mut self, context: &mut Context<'_>, packet: &Packet<'_>) -> bool {
        match packet.packet_type() {
            PacketType::Connect => self.handle_connect(context, packet.payload().unwrap_or("{}")),
            PacketType::ConnectError => self.handle_refusal(context, packet.payload().unwrap_or("{}")),
            PacketType::Disconnect => {
                self.active = false;
                let was_joined = self.state == State::Joined;
                self.state = State::Idle;
                if was_joined {
                    self.tell_disconnected(context, DisconnectReason::ByServer);
                }
            }
            PacketType::Event if self.state == State::Abandoned => {}
            PacketType::Event => return self.handle_event(context, packet),
            PacketType::Ack => self.handle_ack(context, packet),
        }
        true
    }

    fn handle_connect(&mut self, context: &mut Context<'_>, payload: &str) {
        if self.state == State::Abandoned {
            context.send_text(encode_disconnect(&self.name));
            self.state = State::Idle;
            return;
        }
        let sid = json_field(payload, "sid").and_then(unquote);
        let Some(sid) = sid.filter(|sid| !sid.is_empty()) else {
            context.report(Report::ConnectError {
                namespace: self.name.clone(),
                message: "the server gave no `sid`: it may speak an older revision of the protocol".into(),
                data: None,
            });
            return;
        };
        let pid = json_field(payload, "pid").filter(|pid| pid.starts_with('"'));
        self.pid = pid.map(str::to_owned);
        if pid.is_none() {
            self.offset = None;
        }
        self.state = State::Joined;
        for event in std::mem::take(&mut self.early) {
            self.deliver(context, event);
        }
        for packet in std::mem::take(&mut self.buffer) {
            context.send_encoded(packet.encoded);
        }
        self.drain_queue(context, true);
        context.report(Report::Connected {
            namespace: self.name.clone(),
            sid: sid.into_owned(),
        });
    }

    fn handle_refusal(&mut self, context: &mut Context<'_>, payload: &str) {
        let was_abandoned = self.state == State::Abandoned;
        self.state = State::Idle;
        if was_abandoned {
            return;
        }
        self.active = false;
        let message = match unquote(payload) {
            Some(text) => text.into_owned(),
            None => json_field(payload, "message").map_or_else(String::new, |message| {
                unquote(message).map_or_else(|| message.to_owned(), |text| text.into_owned())
            }),
        };
        context.report(Report::ConnectError {
            namespace: self.name.clone(),
            message,
            data: json_field(payload, "data").map(str::to_owned),
        });
        self.fail_acks(context);
    }

    fn handle_event(&mut self, context: &mut Context<'_>, packet: &Packet<'_>) -> bool {
        let reply = match (packet.id(), context.session) {
            (Some(id), Some(session)) => Some(Reply {
                namespace: self.name.clone(),
                id: id.clone(),
                session,
            }),
            _ => None,
        };
        let event = Report::Event {
            namespace: self.name.clone(),
            name: packet.name().into_owned(),
            arguments: packet.arguments(),
            reply,
        };
        if self.state == State::Joined {
            self.deliver(context, event);
        } else {
            self.early.push(event);
        }
        self.early.len() <= MAX_EARLY
    }

    fn deliver(&mut self, context: &mut Context<'_>, event: Report) {
        // Servers with recovery put the offset behind the arguments of events that ask for no acknowledgement.
        if let Report::Event {
            arguments,
            reply: None,
            ..
        } = &event
            && self.pid.is_some()
            && let Some(last) = arguments.iter().last().filter(|last| last.starts_with('"'))
        {
            self.offset = Some(last.to_owned());
        }
        context.report(event);
    }

    fn handle_ack(&mut self, context: &mut Context<'_>, packet: &Packet<'_>) {
        let id = packet.id().and_then(AckId::as_u64);
        let Some((id, pending)) = id.and_then(|id| Some((id, self.acks.remove(&id)?))) else {
            return;
        };
        let name = match pending.name {
            Some(name) => Some(name),
            None if self.queue.front().is_some_and(|first| first.pending == Some(id)) => {
                self.queue.pop_front().and_then(|done| done.emission.ack)
            }
            None => return,
        };
        if let Some(ack) = name {
            context.report(Report::Acknowledged {
                namespace: self.name.clone(),
                ack,
                arguments: packet.arguments(),
            });
        }
        self.drain_queue(context, false);
    }

    /// The connection is over.
    pub(super) fn handle_lost(&mut self, context: &mut Context<'_>, reason: DisconnectReason, why: &str) {
        let state = std::mem::replace(&mut self.state, State::Idle);
        self.early.clear();
        match state {
            State::Joined => self.tell_disconnected(context, reason),
            State::Asked => self.tell_unreachable(context, why),
            State::Idle | State::Abandoned => {}
        }
    }

    /// The connection was closed because nobody wants it any more.
    pub(super) fn forget_connection(&mut self) {
        self.state = State::Idle;
        self.early.clear();
    }

    /// The connection could not be made.
    pub(super) fn tell_unreachable(&self, context: &mut Context<'_>, why: &str) {
        context.report(Report::ConnectError {
            namespace: self.name.clone(),
            message: why.to_owned(),
            data: None,
        });
    }

    fn tell_disconnected(&mut self, context: &mut Context<'_>, reason: DisconnectReason) {
        context.report(Report::Disconnected {
            namespace: self.name.clone(),
            reason,
        });
        self.fail_acks(context);
    }

    /// Gives up the acknowledgements of what was sent; what still waits to be sent may yet be acknowledged.
    fn fail_acks(&mut self, context: &mut Context<'_>) {
        let waits = |id: &u64| self.buffer.iter().any(|packet| packet.id == Some(*id));
        let lost: Vec<_> = self.acks.keys().copied().filter(|id| !waits(id)).collect();
        for id in lost {
            self.fail_ack(context, id, "socket has been disconnected");
        }
    }

    // ---- time ----

    pub(super) fn deadline(&self) -> Option<Millis> {
        self.acks.values().filter_map(|ack| ack.until).min()
    }

    pub(super) fn handle_timeout(&mut self, context: &mut Context<'_>) {
        let due = |ack: &PendingAck| ack.until.is_some_and(|until| until <= context.now);
        let mut late: Vec<_> = self.acks.iter().filter(|(_, ack)| due(ack)).collect();
        late.sort_by_key(|(_, ack)| ack.until);
        let late: Vec<_> = late.into_iter().map(|(id, _)| *id).collect();
        for id in late {
            self.buffer.retain(|packet| packet.id != Some(id));
            self.fail_ack(context, id, "operation has timed out");
        }
    }

    fn fail_ack(&mut self, context: &mut Context<'_>, id: u64, message: &'static str) {
        let Some(pending) = self.acks.remove(&id) else {
            return;
        };
        let name = match pending.name {
            Some(name) => Some(name),
            None => {
                let Some(first) = self.queue.front_mut().filter(|first| first.pending == Some(id)) else {
                    return;
                };
                first.pending = None;
                if first.tries > first.emission.retries {
                    self.queue.pop_front().and_then(|given_up| given_up.emission.ack)
                } else {
                    None
                }
            }
        };
        if let Some(ack) = name {
            context.report(Report::AckFailed {
                namespace: self.name.clone(),
                ack,
                message,
            });
        }
        self.drain_queue(context, false);
    }
}
