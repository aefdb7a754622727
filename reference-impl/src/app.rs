//! The test application: what a server under test does with namespaces and events (`docs/server-app.md`).

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use crate::{
    codec::{Arguments, json_field, unquote},
    engine::Millis,
    socket::{Decision, Reply, SocketKey, SocketServer},
};

/// What runs on top of the socket layer. It is told what happened, and acts through the [`SocketServer`] it is given.
pub trait Application: Send {
    /// A client asks for a namespace; `auth` is the JSON payload of its CONNECT packet.
    fn authorize(&mut self, namespace: &str, auth: &str) -> Decision;
    /// A client is in a namespace.
    fn on_connect(&mut self, sockets: &mut SocketServer, socket: SocketKey, auth: &str);
    /// A client sent an event.
    fn on_event(&mut self, sockets: &mut SocketServer, socket: SocketKey, event: Event);
    /// A client acknowledged the event with this id.
    fn on_ack(&mut self, sockets: &mut SocketServer, socket: SocketKey, id: u64, arguments: Arguments);
    /// A client is no longer in its namespace.
    fn on_disconnect(&mut self, sockets: &mut SocketServer, socket: SocketKey);
}

/// An event from a client.
#[derive(Debug)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// What came with it.
    pub arguments: Arguments,
    /// How to answer, if an answer was asked for.
    pub reply: Option<Reply>,
}

/// How long `/slow` takes to accept.
const SLOW: Millis = 100;
/// No handler sends more packets or attachments than this at once, whatever the client asks for.
const MAX_ITEMS: usize = 100_000;
/// No handler sends a longer string than this.
const MAX_STRING: usize = 8_000_000;
/// How many sockets `count` remembers; the oldest are forgotten.
const MAX_COUNTED: usize = 20_000;

/// The test application.
#[derive(Default)]
pub struct TestApplication {
    sockets: HashMap<SocketKey, Known>,
    counts: HashMap<String, Counts>,
    counted: VecDeque<String>,
}

struct Known {
    sid: String,
    handlers: Handlers,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    connect: u32,
    disconnect: u32,
}

/// Which handlers a namespace has.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Handlers {
    Main,
    Custom,
    Dynamic,
    /// Only `message`.
    Echo,
}

impl Handlers {
    fn of(namespace: &str) -> Option<Self> {
        match namespace {
            "/" => Some(Self::Main),
            "/custom" => Some(Self::Custom),
            "/guarded" | "/slow" => Some(Self::Echo),
            _ => namespace
                .strip_prefix("/dyn-")
                .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
                .map(|_| Self::Dynamic),
        }
    }

    fn is_base(self) -> bool {
        matches!(self, Self::Main | Self::Custom)
    }

    fn has_rooms(self) -> bool {
        self != Self::Echo
    }
}

impl Application for TestApplication {
    fn authorize(&mut self, namespace: &str, auth: &str) -> Decision {
        let not_authorized = || Decision::Refuse {
            message: "Not authorized".into(),
            data: Some("{\"code\":1}".into()),
        };
        match namespace {
            "/refused" => not_authorized(),
            "/guarded" if json_field(auth, "token").and_then(unquote).as_deref() != Some("123") => {
                not_authorized()
            }
            "/slow" => Decision::AcceptAfter(SLOW),
            _ if Handlers::of(namespace).is_some() => Decision::Accept,
            _ => Decision::Refuse {
                message: "Invalid namespace".into(),
                data: None,
            },
        }
    }

    fn on_connect(&mut self, sockets: &mut SocketServer, socket: SocketKey, auth: &str) {
        let (Some(sid), Some(handlers)) = (
            sockets.sid(socket),
            sockets.namespace(socket).and_then(Handlers::of),
        ) else {
            return;
        };
        self.count(sid).connect += 1;
        self.sockets.insert(
            socket,
            Known {
                sid: sid.to_owned(),
                handlers,
            },
        );
        if handlers.is_base() {
            sockets.emit(socket, "auth", &one(auth));
        }
    }

    fn on_event(&mut self, sockets: &mut SocketServer, socket: SocketKey, event: Event) {
        let Some(handlers) = self.sockets.get(&socket).map(|known| known.handlers) else {
            return;
        };
        let Event {
            name,
            arguments,
            mut reply,
        } = event;
        match name.as_str() {
            "message" => sockets.emit(socket, "message-back", &arguments),
            "message-with-ack" if handlers.is_base() => {
                if let Some(reply) = &mut reply {
                    sockets.reply(reply, &arguments);
                }
            }
            "ask" if handlers.is_base() => ask(sockets, socket, arguments),
            "leave" if handlers.is_base() => sockets.disconnect(socket),
            "join" if handlers.has_rooms() => {
                if let Some(room) = first_text(&arguments) {
                    sockets.join(socket, &room);
                }
            }
            "shout" if handlers.has_rooms() => shout(sockets, socket, arguments),
            _ if handlers == Handlers::Main => self.on_main_event(sockets, socket, &name, &arguments, reply),
            _ => {}
        }
    }

    fn on_ack(&mut self, sockets: &mut SocketServer, socket: SocketKey, _id: u64, arguments: Arguments) {
        sockets.emit(socket, "answer", &arguments);
    }

    fn on_disconnect(&mut self, _sockets: &mut SocketServer, socket: SocketKey) {
        if let Some(known) = self.sockets.remove(&socket) {
            self.count(&known.sid).disconnect += 1;
        }
    }
}

impl TestApplication {
    /// The handlers that only the main namespace has.
    fn on_main_event(
        &mut self,
        sockets: &mut SocketServer,
        socket: SocketKey,
        name: &str,
        arguments: &Arguments,
        reply: Option<Reply>,
    ) {
        match name {
            "attach" => {
                let count = number(arguments).min(usize::from(u8::MAX));
                let mut attached = Arguments::new();
                for index in 0..count {
                    attached.push_binary(Bytes::from(vec![index as u8, count as u8]));
                }
                sockets.emit(socket, "attached", &attached);
            }
            "burst" => {
                for index in 0..number(arguments).min(MAX_ITEMS) {
                    sockets.emit(socket, "item", &one(&index.to_string()));
                }
            }
            "big" => {
                let mut text = Arguments::new();
                text.push_str(&"a".repeat(number(arguments).min(MAX_STRING)));
                sockets.emit(socket, "big", &text);
            }
            "bye" => {
                sockets.emit(socket, "bye", &Arguments::new());
                sockets.close(socket);
            }
            "count" => {
                let counts = first_text(arguments)
                    .and_then(|sid| self.counts.get(&sid).copied())
                    .unwrap_or_default();
                let json = format!(
                    "{{\"connect\":{},\"disconnect\":{}}}",
                    counts.connect, counts.disconnect
                );
                sockets.emit(socket, "count", &one(&json));
            }
            "twice" => {
                if let Some(mut reply) = reply {
                    sockets.reply(&mut reply, arguments);
                    sockets.reply(&mut reply, arguments);
                }
            }
            "mess€ge" => sockets.emit(socket, "message-back", arguments),
            _ => {}
        }
    }

    fn count(&mut self, sid: &str) -> &mut Counts {
        if !self.counts.contains_key(sid) {
            self.counted.push_back(sid.to_owned());
            if self.counted.len() > MAX_COUNTED
                && let Some(oldest) = self.counted.pop_front()
            {
                self.counts.remove(&oldest);
            }
        }
        self.counts.entry(sid.to_owned()).or_default()
    }
}

fn ask(sockets: &mut SocketServer, socket: SocketKey, arguments: Arguments) {
    let Some((first, rest)) = arguments.split_first() else {
        return;
    };
    if let Some(name) = unquote(&first) {
        sockets.emit_with_ack(socket, &name, &rest);
    }
}

fn shout(sockets: &mut SocketServer, socket: SocketKey, arguments: Arguments) {
    let Some(namespace) = sockets.namespace(socket).map(str::to_owned) else {
        return;
    };
    if let Some((room, value)) = arguments.split_first() {
        sockets.emit_to_room(&namespace, &unquote(&room).unwrap_or_default(), "shout", &value);
    }
}

fn one(json: &str) -> Arguments {
    let mut arguments = Arguments::new();
    arguments.push_json(json);
    arguments
}

fn first_text(arguments: &Arguments) -> Option<String> {
    arguments
        .iter()
        .next()
        .and_then(unquote)
        .map(std::borrow::Cow::into_owned)
}

/// The first argument as a count; 0 if it is none.
fn number(arguments: &Arguments) -> usize {
    arguments
        .iter()
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}
