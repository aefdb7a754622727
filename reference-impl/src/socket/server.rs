//! All sockets of a server: decoding what comes, deciding where it belongs, encoding what is sent.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::{
    connection::{Connection, Socket, State},
    event::{Action, Decision, DisconnectReason, Reply, SocketEvent, SocketKey},
    recovery::{Missed, Recovery, Target},
    rooms::Rooms,
};
use crate::{
    codec::{
        AckId, Arguments, DEFAULT_MAX_ATTACHMENTS, Decoder, Encoded, Packet, PacketType, encode_ack,
        encode_connect, encode_connect_error, encode_disconnect, encode_event, json_field, quote, unquote,
    },
    engine::{CloseReason, Message, Millis, SessionKey},
};

/// How many namespaces one connection may join.
const MAX_NAMESPACES: usize = 1000;
/// How many acknowledgements one socket may owe; the oldest are given up.
const MAX_PENDING_ACKS: usize = 1000;

/// The options of a [`SocketServer`].
#[derive(Clone, Debug)]
pub struct SocketConfig {
    /// How long a session may last without joining a namespace.
    pub connect_timeout: Millis,
    /// The most attachments that a packet may announce.
    pub max_attachments: usize,
    /// How long a client may stay away and be recovered, if at all.
    pub recovery: Option<Millis>,
}

impl Default for SocketConfig {
    /// The options of the test application.
    fn default() -> Self {
        Self {
            connect_timeout: 1000,
            max_attachments: DEFAULT_MAX_ATTACHMENTS,
            recovery: None,
        }
    }
}

/// The Socket.IO layer of a server.
///
/// 1. `handle_*` for what the engine reports, and when a timeout is due.
/// 2. Plain verbs for the application: [`SocketServer::decide`], [`SocketServer::emit`], …
/// 3. `poll_*` for what leaves. After each `handle_*`: poll events until there are none and let the application act on
///    each, then poll actions until there are none, then ask for the next timeout.
pub struct SocketServer {
    config: SocketConfig,
    next_id: Box<dyn FnMut() -> String + Send>,
    now: Millis,
    next_key: u64,
    connections: HashMap<SessionKey, Connection>,
    sockets: BTreeMap<SocketKey, Socket>,
    rooms: Rooms,
    recovery: Option<Recovery>,
    timers: BTreeSet<(Millis, Timer)>,
    events: VecDeque<SocketEvent>,
    actions: VecDeque<Action>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    Connect(SessionKey),
    Accept(SocketKey),
}

impl SocketServer {
    /// A server without connections. `next_id` returns a new unguessable id each time.
    pub fn new(config: SocketConfig, next_id: Box<dyn FnMut() -> String + Send>) -> Self {
        Self {
            recovery: config.recovery.map(Recovery::new),
            config,
            next_id,
            now: 0,
            next_key: 0,
            connections: HashMap::new(),
            sockets: BTreeMap::new(),
            rooms: Rooms::default(),
            timers: BTreeSet::new(),
            events: VecDeque::new(),
            actions: VecDeque::new(),
        }
    }

    // ---- from the engine ----

    /// A session was opened.
    pub fn handle_opened(&mut self, now: Millis, session: SessionKey) {
        self.now = now;
        let connect_by = now + self.config.connect_timeout;
        let decoder = Decoder::new(self.config.max_attachments);
        let connection = Connection {
            decoder,
            sockets: BTreeMap::new(),
            connect_by: Some(connect_by),
        };
        self.connections.insert(session, connection);
        self.timers.insert((connect_by, Timer::Connect(session)));
    }

    /// A session received a message.
    pub fn handle_message(&mut self, now: Millis, session: SessionKey, message: Message) {
        self.now = now;
        let Some(connection) = self.connections.get_mut(&session) else {
            return;
        };
        match message {
            Message::Text(text) => match connection.decoder.decode_text(&text) {
                Ok(Some(packet)) => self.handle_packet(session, &packet),
                Ok(None) => {}
                Err(_) => self.fail(session),
            },
            Message::Binary(data) => match connection.decoder.decode_binary(data) {
                Ok(Some(packet)) => self.handle_packet(session, &packet),
                Ok(None) => {}
                Err(_) => self.fail(session),
            },
        }
    }

    /// A session ended.
    pub fn handle_closed(&mut self, now: Millis, session: SessionKey, reason: CloseReason) {
        self.now = now;
        self.drop_connection(session, DisconnectReason::Session(reason));
    }

    /// The time that [`SocketServer::poll_timeout`] named has come.
    pub fn handle_timeout(&mut self, now: Millis) {
        self.now = now;
        while let Some(&(at, timer)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            match timer {
                Timer::Connect(session) => {
                    if let Some(connection) = self.connections.get_mut(&session) {
                        connection.connect_by = None;
                    }
                    self.fail(session);
                }
                Timer::Accept(socket) => self.finish_waiting(socket),
            }
        }
    }

    // ---- from the application ----

    /// Answers [`SocketEvent::Connecting`].
    pub fn decide(&mut self, socket: SocketKey, decision: Decision) {
        let Some(own) = self.sockets.get_mut(&socket) else {
            return;
        };
        let State::Deciding(auth) = &mut own.state else {
            return;
        };
        let auth = std::mem::take(auth);
        match decision {
            Decision::Accept => self.connect(socket, auth, Vec::new()),
            Decision::AcceptAfter(delay) => {
                let at = self.now + delay;
                own.state = State::Waiting(auth, at);
                self.timers.insert((at, Timer::Accept(socket)));
            }
            Decision::Refuse { message, data } => {
                let mut payload = String::from("{\"message\":");
                quote(&mut payload, &message);
                if let Some(data) = data {
                    payload.push_str(",\"data\":");
                    payload.push_str(&data);
                }
                payload.push('}');
                let (session, namespace) = (own.session, own.namespace.clone());
                self.send_text(session, encode_connect_error(&namespace, &payload));
                self.remove(socket);
            }
        }
    }

    /// The public id of a socket that is connected.
    pub fn sid(&self, socket: SocketKey) -> Option<&str> {
        self.connected(socket).map(|socket| socket.sid.as_str())
    }

    /// The namespace of a socket that is connected.
    pub fn namespace(&self, socket: SocketKey) -> Option<&str> {
        self.connected(socket).map(|socket| socket.namespace.as_str())
    }

    /// Sends an event to one socket.
    pub fn emit(&mut self, socket: SocketKey, name: &str, arguments: &Arguments) {
        let Some(own) = self.connected(socket) else { return };
        let (session, namespace, sid) = (own.session, own.namespace.clone(), own.sid.clone());
        let encoded = match self.recovery.as_mut() {
            Some(recovery) => {
                let arguments = recovery.record(self.now, &namespace, Target::Socket(sid), name, arguments);
                encode_event(&namespace, None, name, &arguments)
            }
            None => encode_event(&namespace, None, name, arguments),
        };
        self.send(session, encoded);
    }

    /// Sends an event to one socket and asks for an acknowledgement. The id comes back in
    /// [`SocketEvent::Acknowledged`].
    pub fn emit_with_ack(&mut self, socket: SocketKey, name: &str, arguments: &Arguments) -> Option<u64> {
        let own = self
            .sockets
            .get_mut(&socket)
            .filter(|socket| socket.is_connected())?;
        let id = own.next_ack;
        own.next_ack += 1;
        own.pending_acks.insert(id);
        if own.pending_acks.len() > MAX_PENDING_ACKS {
            own.pending_acks.pop_first();
        }
        let (session, namespace) = (own.session, own.namespace.clone());
        self.send(
            session,
            encode_event(&namespace, Some(&AckId::from(id)), name, arguments),
        );
        Some(id)
    }

    /// Answers an event. A second answer to the same event is ignored.
    pub fn reply(&mut self, reply: &mut Reply, arguments: &Arguments) {
        if std::mem::replace(&mut reply.used, true) {
            return;
        }
        let Some(socket) = self.connected(reply.socket) else {
            return;
        };
        let (session, encoded) = (
            socket.session,
            encode_ack(&socket.namespace, &reply.id, arguments),
        );
        self.send(session, encoded);
    }

    /// Puts a socket into a room of its namespace.
    pub fn join(&mut self, socket: SocketKey, room: &str) {
        if let Some(own) = self
            .sockets
            .get_mut(&socket)
            .filter(|socket| socket.is_connected())
        {
            own.rooms.insert(room.to_owned());
            self.rooms.join(&own.namespace, room, socket);
        }
    }

    /// Sends an event to every socket in a room of a namespace.
    pub fn emit_to_room(&mut self, namespace: &str, room: &str, name: &str, arguments: &Arguments) {
        let encoded = match self.recovery.as_mut() {
            Some(recovery) => {
                let target = Target::Room(room.to_owned());
                let arguments = recovery.record(self.now, namespace, target, name, arguments);
                encode_event(namespace, None, name, &arguments)
            }
            None => encode_event(namespace, None, name, arguments),
        };
        for socket in self.rooms.members(namespace, room) {
            if let Some(session) = self.connected(socket).map(|socket| socket.session) {
                self.send(session, encoded.clone());
            }
        }
    }

    /// Disconnects a socket from its namespace; the connection stays.
    pub fn disconnect(&mut self, socket: SocketKey) {
        let Some(own) = self.connected(socket) else { return };
        let (session, text) = (own.session, encode_disconnect(&own.namespace));
        self.send_text(session, text);
        self.leave(socket, DisconnectReason::ServerLeft);
    }

    /// Closes the whole connection of a socket, after telling each of its namespaces.
    pub fn close(&mut self, socket: SocketKey) {
        let Some(session) = self.sockets.get(&socket).map(|socket| socket.session) else {
            return;
        };
        let sockets = self
            .connections
            .get(&session)
            .map(|own| own.sockets.values().copied().collect::<Vec<_>>());
        for socket in sockets.unwrap_or_default() {
            self.disconnect(socket);
        }
        self.actions.push_back(Action::Close(session));
        self.drop_connection(session, DisconnectReason::ServerLeft);
    }

    // ---- what leaves ----

    /// What to tell the application next.
    pub fn poll_event(&mut self) -> Option<SocketEvent> {
        self.events.pop_front()
    }

    /// What to ask of the engine next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`SocketServer::handle_timeout`] at the latest.
    pub fn poll_timeout(&self) -> Option<Millis> {
        self.timers.first().map(|&(at, _)| at)
    }

    // ---- packets ----

    fn handle_packet(&mut self, session: SessionKey, packet: &Packet<'_>) {
        let Some(connection) = self.connections.get(&session) else {
            return;
        };
        let socket = connection.sockets.get(packet.namespace()).copied();
        let connected = socket.filter(|&socket| self.connected(socket).is_some());
        match (packet.packet_type(), socket, connected) {
            (PacketType::Connect, None, _) => self.handle_connect(session, packet),
            (PacketType::Disconnect, _, Some(socket)) => self.leave(socket, DisconnectReason::ClientLeft),
            (PacketType::Event, _, Some(socket)) => {
                let reply = packet.id().map(|id| Reply {
                    socket,
                    id: id.clone(),
                    used: false,
                });
                let name = packet.name().into_owned();
                self.events.push_back(SocketEvent::Event {
                    socket,
                    name,
                    arguments: packet.arguments(),
                    reply,
                });
            }
            (PacketType::Ack, _, Some(socket)) => self.handle_ack(socket, packet),
            // A second CONNECT, a packet for a namespace that was not joined, or one that only servers send.
            _ => self.fail(session),
        }
    }

    fn handle_connect(&mut self, session: SessionKey, packet: &Packet<'_>) {
        let namespace = packet.namespace().to_owned();
        let auth = packet.payload().unwrap_or("{}").to_owned();
        let Some(connection) = self.connections.get_mut(&session) else {
            return;
        };
        if connection.sockets.len() >= MAX_NAMESPACES {
            self.send_text(
                session,
                encode_connect_error(&namespace, "{\"message\":\"Too many namespaces\"}"),
            );
            return;
        }
        self.next_key += 1;
        let key = SocketKey(self.next_key);
        connection.sockets.insert(namespace.clone(), key);
        let mut socket = Socket {
            session,
            namespace: namespace.clone(),
            sid: (self.next_id)(),
            pid: self.recovery.as_ref().map(|_| (self.next_id)()),
            state: State::Deciding(auth.clone()),
            rooms: BTreeSet::new(),
            next_ack: 0,
            pending_acks: BTreeSet::new(),
        };
        let restored = self.recovery.as_mut().and_then(|recovery| {
            let pid = unquote(json_field(&auth, "pid")?)?;
            let offset = unquote(json_field(&auth, "offset")?)?;
            let (absent, missed) = recovery.restore(self.now, &namespace, &pid, &offset)?;
            Some((pid.into_owned(), absent, missed))
        });
        if let Some((pid, absent, missed)) = restored {
            socket.sid = absent.sid;
            socket.pid = Some(pid);
            self.sockets.insert(key, socket);
            self.connect(key, auth, missed);
            for room in absent.rooms {
                self.join(key, &room);
            }
        } else {
            self.sockets.insert(key, socket);
            self.events.push_back(SocketEvent::Connecting {
                socket: key,
                namespace,
                auth,
            });
        }
    }

    fn handle_ack(&mut self, socket: SocketKey, packet: &Packet<'_>) {
        let id = packet.id().and_then(AckId::as_u64);
        let Some(own) = self.sockets.get_mut(&socket) else {
            return;
        };
        // An answer that nobody waits for is ignored: it may be late.
        if let Some(id) = id.filter(|id| own.pending_acks.remove(id)) {
            self.events.push_back(SocketEvent::Acknowledged {
                socket,
                id,
                arguments: packet.arguments(),
            });
        }
    }

    // ---- sockets and connections ----

    fn finish_waiting(&mut self, socket: SocketKey) {
        if let Some(own) = self.sockets.get_mut(&socket)
            && let State::Waiting(auth, _) = &mut own.state
        {
            let auth = std::mem::take(auth);
            self.connect(socket, auth, Vec::new());
        }
    }

    /// Lets a socket in. Its CONNECT packet comes before everything that the application sends, but behind what it missed:
    /// clients know that order from the JavaScript server, and hold events back until they are connected.
    fn connect(&mut self, socket: SocketKey, auth: String, missed: Vec<Missed>) {
        let Some(own) = self.sockets.get_mut(&socket) else {
            return;
        };
        own.state = State::Connected;
        let session = own.session;
        let mut payload = String::from("{\"sid\":");
        quote(&mut payload, &own.sid);
        if let Some(pid) = &own.pid {
            payload.push_str(",\"pid\":");
            quote(&mut payload, pid);
        }
        payload.push('}');
        let namespace = own.namespace.clone();
        self.cancel_connect_timeout(session);
        for Missed { name, arguments } in missed {
            self.send(session, encode_event(&namespace, None, &name, &arguments));
        }
        self.send_text(session, encode_connect(&namespace, Some(&payload)));
        self.events.push_back(SocketEvent::Connected { socket, auth });
    }

    /// The client breaks the protocol: nothing more is heard of it.
    fn fail(&mut self, session: SessionKey) {
        if self.connections.contains_key(&session) {
            self.actions.push_back(Action::Close(session));
            self.drop_connection(session, DisconnectReason::ProtocolError);
        }
    }

    fn drop_connection(&mut self, session: SessionKey, reason: DisconnectReason) {
        self.cancel_connect_timeout(session);
        let Some(connection) = self.connections.get(&session) else {
            return;
        };
        for socket in connection.sockets.values().copied().collect::<Vec<_>>() {
            self.leave(socket, reason);
        }
        self.connections.remove(&session);
    }

    /// Takes a socket out of its namespace and, if it had been let in, tells the application.
    fn leave(&mut self, socket: SocketKey, reason: DisconnectReason) {
        let Some(own) = self.remove(socket) else { return };
        if !own.is_connected() {
            return;
        }
        if let (Some(recovery), Some(pid), DisconnectReason::Session(_)) =
            (&mut self.recovery, own.pid, reason)
        {
            recovery.leave(self.now, pid, own.namespace, own.sid, own.rooms);
        }
        self.events
            .push_back(SocketEvent::Disconnected { socket, reason });
    }

    fn remove(&mut self, socket: SocketKey) -> Option<Socket> {
        let own = self.sockets.remove(&socket)?;
        if let Some(connection) = self.connections.get_mut(&own.session) {
            connection.sockets.remove(&own.namespace);
        }
        for room in &own.rooms {
            self.rooms.leave(&own.namespace, room, socket);
        }
        if let State::Waiting(_, at) = own.state {
            self.timers.remove(&(at, Timer::Accept(socket)));
        }
        Some(own)
    }

    fn cancel_connect_timeout(&mut self, session: SessionKey) {
        if let Some(at) = self
            .connections
            .get_mut(&session)
            .and_then(|connection| connection.connect_by.take())
        {
            self.timers.remove(&(at, Timer::Connect(session)));
        }
    }

    fn connected(&self, socket: SocketKey) -> Option<&Socket> {
        self.sockets.get(&socket).filter(|socket| socket.is_connected())
    }

    fn send_text(&mut self, session: SessionKey, text: String) {
        self.actions.push_back(Action::Send(session, Message::Text(text)));
    }

    fn send(&mut self, session: SessionKey, encoded: Encoded) {
        self.send_text(session, encoded.text);
        for attachment in encoded.attachments {
            self.actions
                .push_back(Action::Send(session, Message::Binary(attachment)));
        }
    }
}
