//! Faults of joining namespaces.

use std::collections::{HashMap, HashSet};

use http::request::Parts;

use super::{
    Entry,
    parts::{
        Dies, Incoming, Misconfigured, Outgoing, Told, is_text, open_packet, parameter, polled_body,
        set_body, text,
    },
};
use crate::{
    codec::json_field,
    engine::{EngineEvent, ExchangeId, Message, Millis, SessionKey, Transmit},
    seams::{Ids, Seams, Verdict},
    socket::{Action, SocketEvent},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "closes-by-timers-only",
        area: "connect",
        breaks: &[
            "sio.connect.first-packet-binary",
            "sio.connect.first-frame-binary",
            "sio.connect.first-packet-event",
            "sio.connect.first-packet-ack",
            "sio.connect.first-packet-disconnect",
            "sio.connect.first-packet-connect-error",
            "sio.connect.invalid-type",
            "sio.connect.invalid-type-digit",
            "sio.connect.payload-array",
            "sio.connect.payload-string",
            "sio.connect.payload-truncated",
            "sio.ack.non-array",
            "sio.ack.id-non-numeric",
            "sio.ack.id-negative",
            "sio.ack.id-decimal",
            "sio.binary.event-name-placeholder",
            "sio.binary.missing-payload",
            "sio.binary.non-array",
            "sio.binary.two-namespaces-interleaved",
            "sio.binary.count-missing-dash",
            "sio.binary.count-letters",
            "sio.binary.count-negative",
            "sio.binary.count-non-integer",
            "sio.binary.num-out-of-range",
            "sio.binary.num-string",
            "sio.binary.num-method-name",
            "sio.binary.reserved-name",
            "sio.binary.surplus-attachment",
            "sio.binary.text-while-reconstructing",
            "sio.binary.unexpected",
            "sio.event.name-object",
            "sio.event.name-null",
            "sio.event.empty-array",
            "sio.event.object-payload",
            "sio.event.string-payload",
            "sio.event.missing-payload",
            "sio.event.missing-payload-with-id",
            "sio.event.trailing-garbage",
            "sio.event.truncated-json",
            "sio.disconnect.with-payload",
            "sio.event.name-reserved",
            "sio.event.nan-refused",
        ],
        sentence: "hears nothing more of a client that breaks the protocol, but leaves the close to its timers",
        build: || Box::<ClosesByTimersOnly>::default(),
    },
    Entry {
        name: "connect-without-sid",
        area: "connect",
        breaks: &[
            "sio.connect.main",
            "sio.connect.main-polling",
            "sio.connect.sid-string",
        ],
        sentence: "grants a namespace without an id",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    let end = text
                        .find('{')
                        .filter(|_| text.starts_with('0'))
                        .unwrap_or(text.len());
                    text[..end].to_owned()
                })
            }))
        },
    },
    Entry {
        name: "connect-names-itself",
        area: "connect",
        breaks: &["sio.connect.response-sid-only"],
        sentence: "puts more than the id into the answer to CONNECT",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    let more = text.starts_with('0');
                    if more {
                        text.replacen('{', "{\"server\":\"reference\",", 1)
                    } else {
                        text
                    }
                })
            }))
        },
    },
    Entry {
        name: "ignores-auth",
        area: "connect",
        breaks: &[
            "sio.connect.payload",
            "sio.connect.custom-payload",
            "sio.connect.payload-unicode-nested",
        ],
        sentence: "does not hand the payload of CONNECT to the application",
        build: || {
            Box::new(Told(|event| {
                vec![match event {
                    SocketEvent::Connected { socket, .. } => SocketEvent::Connected {
                        socket,
                        auth: "{}".into(),
                    },
                    other => other,
                }]
            }))
        },
    },
    Entry {
        name: "main-only",
        area: "connect",
        breaks: &["sio.connect.custom", "sio.connect.custom-before-main"],
        sentence: "ignores a CONNECT to another namespace before the main one is joined",
        build: || {
            Box::new(Joins {
                allowed: |joined, own| own == "/" || joined.iter().any(|other| other == "/"),
                joined: HashMap::new(),
            })
        },
    },
    Entry {
        name: "joins-one-namespace",
        area: "connect",
        breaks: &["sio.connect.ten-namespaces"],
        sentence: "ignores a CONNECT to a second namespace",
        build: || {
            Box::new(Joins {
                allowed: |joined, own| joined.is_empty() || joined.iter().any(|other| other == own),
                joined: HashMap::new(),
            })
        },
    },
    Entry {
        name: "same-sid",
        area: "connect",
        breaks: &[
            "sio.connect.sid-differs-per-namespace",
            "sio.connect.sid-fresh-on-reconnect",
        ],
        sentence: "gives every socket the same id",
        build: || Box::new(SameSid),
    },
    Entry {
        name: "engine-sid",
        area: "connect",
        breaks: &[
            "sio.connect.sid-differs-from-eio",
            "robust.sid-not-in-sio-payloads",
        ],
        sentence: "gives a socket the id of its session, which is a secret",
        build: || Box::<EngineSid>::default(),
    },
    Entry {
        name: "implicit-main",
        area: "connect",
        breaks: &["sio.connect.no-implicit-main"],
        sentence: "joins every client to the main namespace unasked",
        build: || Box::new(ImplicitMain),
    },
    Entry {
        name: "grants-unknown-namespaces",
        area: "connect",
        breaks: &[
            "sio.connect.unknown-namespace",
            "sio.connect.namespace-case-sensitive",
        ],
        sentence: "grants every namespace",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    match text.strip_suffix("{\"message\":\"Invalid namespace\"}") {
                        Some(head) => format!("0{}{{\"sid\":\"nobody\"}}", &head[1..]),
                        None => text,
                    }
                })
            }))
        },
    },
    Entry {
        name: "wrong-connect-error",
        area: "connect",
        breaks: &["sio.connect.error-payload-object"],
        sentence: "refuses a namespace with a bare string",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    match text.find('{').filter(|_| text.starts_with('4')) {
                        Some(at) => format!(
                            "{}{}",
                            &text[..at],
                            json_field(&text[at..], "message").unwrap_or("\"\"")
                        ),
                        None => text,
                    }
                })
            }))
        },
    },
    Entry {
        name: "refusal-without-reason",
        area: "connect",
        breaks: &["sio.connect.refused"],
        sentence: "refuses every namespace with the same message",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    match text.find('{').filter(|_| text.starts_with('4')) {
                        Some(at) => format!("{}{{\"message\":\"Invalid namespace\"}}", &text[..at]),
                        None => text,
                    }
                })
            }))
        },
    },
    Entry {
        name: "refusal-closes",
        area: "connect",
        breaks: &[
            "sio.connect.refused-keeps-engine",
            "sio.connect.unknown-namespace-keeps-engine",
            "sio.connect.refused-retry",
        ],
        sentence: "closes the connection of a client that it refuses",
        build: || {
            Box::new(super::parts::Actions(|action| match &action {
                Action::Send(session, message) if is_text(message, |text| text.starts_with('4')) => {
                    let close = Action::Close(*session);
                    vec![action, close]
                }
                _ => vec![action],
            }))
        },
    },
    Entry {
        name: "auth-before-connect",
        area: "connect",
        breaks: &["sio.connect.connect-before-events"],
        sentence: "sends the events of the connection handler before the answer to CONNECT",
        build: || Box::<AuthFirst>::default(),
    },
    Entry {
        name: "ignores-early-packets",
        area: "connect",
        breaks: &[
            "sio.connect.first-packet-event",
            "sio.connect.first-packet-ack",
            "sio.connect.first-packet-disconnect",
            "sio.connect.first-packet-connect-error",
            "sio.connect.first-packet-binary",
            "sio.connect.first-frame-binary",
        ],
        sentence: "ignores what comes before the first CONNECT instead of closing",
        build: || Box::<EarlyPackets>::default(),
    },
    Entry {
        name: "no-connect-timeout",
        area: "connect",
        breaks: &[
            "sio.connect.timeout",
            "sio.connect.timeout-not-cancelled-by-refusal",
        ],
        sentence: "waits for ever for the first CONNECT",
        build: || {
            Box::new(Misconfigured::new(|_, socket| {
                socket.connect_timeout = u64::MAX / 4;
            }))
        },
    },
    Entry {
        name: "hasty-connect-timeout",
        area: "connect",
        breaks: &["sio.connect.timeout"],
        sentence: "waits for the first CONNECT only a quarter of connectTimeout",
        build: || Box::new(Misconfigured::new(|_, socket| socket.connect_timeout /= 4)),
    },
    Entry {
        name: "rejoins-on-second-connect",
        area: "connect",
        breaks: &["sio.connect.duplicate", "sio.connect.duplicate-burst"],
        sentence: "answers a second CONNECT with a second id",
        build: || Box::<Rejoins>::default(),
    },
    Entry {
        name: "accepts-at-once",
        area: "connect",
        breaks: &["sio.connect.middleware-order"],
        sentence: "grants a namespace before the application has decided",
        build: || {
            Box::new(Told(|event| {
                vec![match event {
                    SocketEvent::Connecting {
                        socket,
                        auth,
                        namespace,
                    } if namespace == "/slow" => SocketEvent::Connecting {
                        socket,
                        auth,
                        namespace: "/dyn-1".into(),
                    },
                    other => other,
                }]
            }))
        },
    },
    Entry {
        name: "dies-of-null-payload",
        area: "connect",
        breaks: &["sio.connect.payload-null"],
        sentence: "dies when the payload of CONNECT is null",
        build: || Box::new(Dies::of(|text| text == "0null")),
    },
    Entry {
        name: "pollutes-prototype",
        area: "connect",
        breaks: &["sio.connect.payload-proto"],
        sentence: "lets every object inherit the `__proto__` of one payload",
        build: || Box::<Polluted>::default(),
    },
    Entry {
        name: "namespace-without-slash",
        area: "connect",
        breaks: &["sio.connect.namespace-without-slash"],
        sentence: "takes a name without slash for a namespace",
        build: || {
            Box::new(Incoming(|message| {
                text(message, |text| match text.strip_prefix('0') {
                    Some(rest) if rest.starts_with(|first: char| first.is_ascii_alphabetic()) => {
                        format!("0/{rest}")
                    }
                    _ => text,
                })
            }))
        },
    },
];

/// Drops a CONNECT to a namespace that may not be joined after the others.
struct Joins {
    allowed: fn(&[String], &str) -> bool,
    joined: HashMap<SessionKey, Vec<String>>,
}

impl Seams for Joins {
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        if let EngineEvent::Message(session, Message::Text(text)) = &event
            && text.starts_with('0')
        {
            let namespace = match super::parts::parts(text).1.trim_end_matches(',') {
                "" => "/",
                namespace => namespace,
            };
            let joined = self.joined.entry(*session).or_default();
            if !(self.allowed)(joined, namespace) {
                return;
            }
            joined.push(namespace.to_owned());
        }
        out.push(event);
    }
}

struct SameSid;

impl Seams for SameSid {
    fn socket_ids(&mut self, mut ids: Ids) -> Ids {
        let id = ids();
        Box::new(move || id.clone())
    }
}

/// Writes the id of the session where the id of the socket belongs.
#[derive(Default)]
struct EngineSid {
    sids: HashMap<ExchangeId, String>,
}

impl EngineSid {
    fn rewrite(&self, exchange: ExchangeId, packets: &str) -> Option<String> {
        let sid = self.sids.get(&exchange)?;
        let rewritten = packets
            .split('\u{1e}')
            .map(|packet| match packet.find("{\"sid\":\"") {
                Some(at) if packet.starts_with("40") => {
                    let value = at + 8;
                    let end = packet[value..]
                        .find('"')
                        .map_or(packet.len(), |length| value + length);
                    format!("{}{sid}{}", &packet[..value], &packet[end..])
                }
                _ => packet.to_owned(),
            });
        Some(rewritten.collect::<Vec<_>>().join("\u{1e}"))
    }
}

impl Seams for EngineSid {
    fn request(&mut self, exchange: ExchangeId, head: &mut Parts) -> Verdict {
        self.sids
            .extend(parameter(head, "sid").map(|sid| (exchange, sid.to_owned())));
        Verdict::Pass
    }

    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        let open = open_packet(&transmit);
        match &mut transmit {
            Transmit::Frame(exchange, Message::Text(text)) => {
                self.sids.extend(
                    open.iter()
                        .filter_map(|open| Some((*exchange, open.split('"').nth(3)?.to_owned()))),
                );
                if let Some(rewritten) = self.rewrite(*exchange, text) {
                    *text = rewritten;
                }
            }
            Transmit::Respond(exchange, _) => {
                let exchange = *exchange;
                if let Some(rewritten) = polled_body(&transmit).and_then(|body| self.rewrite(exchange, &body))
                {
                    set_body(&mut transmit, rewritten);
                }
            }
            _ => {}
        }
        out.push(transmit);
    }
}

/// Sends a CONNECT of its own, and drops that of the client.
struct ImplicitMain;

impl Seams for ImplicitMain {
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        match event {
            EngineEvent::Opened(session) => {
                out.push(event);
                out.push(EngineEvent::Message(session, Message::Text("0".into())));
            }
            EngineEvent::Message(_, Message::Text(text)) if text == "0" || text.starts_with("0{") => {}
            other => out.push(other),
        }
    }
}

/// Holds the answer to CONNECT until the event behind it has left.
#[derive(Default)]
struct AuthFirst {
    held: HashMap<SessionKey, Action>,
}

impl Seams for AuthFirst {
    fn action(&mut self, _now: Millis, action: Action, out: &mut Vec<Action>) {
        let (Action::Send(session, _) | Action::Close(session)) = action;
        let held = self.held.remove(&session);
        let has_auth = |text: &str| text.starts_with("0{") || text.starts_with("0/custom,{");
        if matches!(&action, Action::Send(_, message) if is_text(message, has_auth)) {
            self.held.insert(session, action);
            out.extend(held);
        } else {
            out.push(action);
            out.extend(held);
        }
    }
}

/// Drops messages until a CONNECT has come.
#[derive(Default)]
struct EarlyPackets {
    connected: HashSet<SessionKey>,
}

impl Seams for EarlyPackets {
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        if let EngineEvent::Message(session, message) = &event {
            // What is no packet at all is another rule.
            let is_packet = is_text(message, |text| text.starts_with(['1', '2', '3', '4', '5', '6']))
                || matches!(message, Message::Binary(_));
            if is_packet && !self.connected.contains(session) {
                return;
            }
            self.connected.insert(*session);
        }
        out.push(event);
    }
}

/// Puts a DISCONNECT before a second CONNECT.
#[derive(Default)]
struct Rejoins {
    joined: HashSet<SessionKey>,
}

impl Seams for Rejoins {
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        if let EngineEvent::Message(session, Message::Text(text)) = &event {
            if text == "1" {
                self.joined.remove(session);
            } else if (text == "0" || text.starts_with("0{")) && !self.joined.insert(*session) {
                out.push(EngineEvent::Message(*session, Message::Text("1".into())));
            }
        }
        out.push(event);
    }
}

/// Remembers the members that one payload puts into the prototype of all objects.
#[derive(Default)]
struct Polluted {
    keys: Option<String>,
}

impl Seams for Polluted {
    fn engine_event(&mut self, _now: Millis, mut event: EngineEvent, out: &mut Vec<EngineEvent>) {
        if let (EngineEvent::Message(_, Message::Text(text)), Some(keys)) = (&mut event, &self.keys)
            && text.starts_with(['2', '5'])
        {
            // What an object inherits stands before what it has itself.
            let inherited = keys.trim_end_matches('}');
            *text = text.replace("{\"", &format!("{inherited},\""));
        }
        out.push(event);
    }

    fn socket_event(&mut self, event: SocketEvent, out: &mut Vec<SocketEvent>) {
        if let SocketEvent::Connected { auth, .. } = &event
            && let Some(keys) = json_field(auth, "__proto__").filter(|keys| keys.starts_with("{\""))
        {
            self.keys = Some(keys.to_owned());
        }
        out.push(event);
    }
}

/// Drops the close that follows a message at once; what a timer closes is closed.
#[derive(Default)]
struct ClosesByTimersOnly {
    last_message: HashMap<SessionKey, Millis>,
}

impl Seams for ClosesByTimersOnly {
    fn engine_event(&mut self, now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        if let EngineEvent::Message(session, _) = &event {
            self.last_message.insert(*session, now);
        }
        out.push(event);
    }

    fn action(&mut self, now: Millis, action: Action, out: &mut Vec<Action>) {
        let reacts =
            matches!(&action, Action::Close(session) if self.last_message.get(session) == Some(&now));
        if !reacts {
            out.push(action);
        }
    }
}
