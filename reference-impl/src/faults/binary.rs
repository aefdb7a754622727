//! Faults of attachments and their placeholders.

use std::collections::HashMap;

use bytes::Bytes;

use super::{
    Entry,
    parts::{Dies, Incoming, Misconfigured, Outgoing, parts, split_id, text},
};
use crate::{
    codec::{Decoder, PacketError},
    engine::{EngineEvent, ExchangeId, Message, Millis, SessionKey},
    seams::Seams,
    socket::Action,
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "swaps-attachments",
        area: "binary",
        breaks: &[
            "sio.binary.two-attachments",
            "sio.binary.placeholder-order-vs-frames",
        ],
        sentence: "sends the attachments of a packet in reverse order",
        build: || Box::<Swapped>::default(),
    },
    Entry {
        name: "truncates-attachments",
        area: "binary",
        breaks: &["sio.binary.one-attachment", "sio.binary.large-attachment"],
        sentence: "loses the last byte of each attachment",
        build: || {
            Box::new(Outgoing(|message| match message {
                Message::Binary(data) => vec![Message::Binary(data.slice(..data.len().saturating_sub(1)))],
                other => vec![other],
            }))
        },
    },
    Entry {
        name: "id-before-namespace",
        area: "binary",
        breaks: &["sio.binary.namespace-and-id"],
        sentence: "writes the id of a binary packet before its namespace",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| match parts(&text) {
                    (head, namespace, rest) if text.starts_with(['5', '6']) => {
                        let (id, payload) = split_id(rest);
                        format!("{head}{id}{namespace}{payload}")
                    }
                    _ => text,
                })
            }))
        },
    },
    Entry {
        name: "flat-attachments",
        area: "binary",
        breaks: &["sio.binary.nested"],
        sentence: "does not look for attachments within objects",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |mut text| {
                    while let Some(begin) = text
                        .find(":{\"_placeholder\":true")
                        .filter(|_| text.starts_with('5'))
                    {
                        let end = text[begin..]
                            .find('}')
                            .map_or(text.len(), |length| begin + length + 1);
                        text.replace_range(begin + 1..end, "null");
                    }
                    text
                })
            }))
        },
    },
    Entry {
        name: "wants-canonical-placeholders",
        area: "binary",
        breaks: &["sio.binary.placeholder-key-order"],
        sentence: "knows a placeholder only if `_placeholder` comes first",
        build: || Box::<Canonical>::default(),
    },
    Entry {
        name: "resolves-any-placeholder",
        area: "binary",
        breaks: &[
            "sio.binary.num-out-of-range",
            "sio.binary.num-negative",
            "sio.binary.num-string",
            "sio.binary.num-method-name",
            "sio.binary.num-missing",
            "sio.binary.num-fraction",
        ],
        sentence: "delivers null where a placeholder names no attachment",
        build: || {
            Box::new(Incoming(|message| {
                text(message, |text| {
                    let result = Decoder::default().decode_text(&text).map(|_| ());
                    if result == Err(PacketError::Placeholder) {
                        nulls_for_placeholders(&text)
                    } else {
                        text
                    }
                })
            }))
        },
    },
    Entry {
        name: "stuck-after-no-attachments",
        area: "binary",
        breaks: &["sio.binary.zero-attachments"],
        sentence: "delivers a binary event without attachments, but waits for them all the same",
        build: || Box::<Stuck>::default(),
    },
    Entry {
        name: "no-attachment-limit",
        area: "binary",
        breaks: &["sio.binary.count-limit"],
        sentence: "accepts any number of attachments",
        build: || {
            Box::new(Misconfigured::new(|_, socket| {
                socket.max_attachments = usize::MAX / 4;
            }))
        },
    },
    Entry {
        name: "four-attachments",
        area: "binary",
        breaks: &["sio.binary.count-10-accepted"],
        sentence: "accepts at most four attachments",
        build: || Box::new(Misconfigured::new(|_, socket| socket.max_attachments = 4)),
    },
    Entry {
        name: "dies-of-huge-count",
        area: "binary",
        breaks: &["sio.binary.count-huge-no-alloc"],
        sentence: "dies when a packet announces more attachments than there is memory for",
        build: || {
            Box::new(Dies::of(|text| {
                let count = text.strip_prefix('5').and_then(|text| text.split('-').next());
                count.is_some_and(|count| count.len() > 8 && count.bytes().all(|byte| byte.is_ascii_digit()))
            }))
        },
    },
    Entry {
        name: "text-during-attachments",
        area: "binary",
        breaks: &[
            "sio.binary.text-while-reconstructing",
            "sio.binary.two-namespaces-interleaved",
        ],
        sentence: "accepts a text packet while attachments are due, and delivers it before them",
        build: || Box::<TextBetween>::default(),
    },
    Entry {
        name: "pong-breaks-attachments",
        area: "binary",
        breaks: &["sio.binary.heartbeat-in-between"],
        sentence: "takes a pong between a header and its attachment for an error",
        build: || Box::<PongBetween>::default(),
    },
    Entry {
        name: "ignores-surplus-attachments",
        area: "binary",
        breaks: &["sio.binary.surplus-attachment", "sio.binary.unexpected"],
        sentence: "ignores binary messages that no header announced",
        build: || Box::<Surplus>::default(),
    },
    Entry {
        name: "interleaves-attachments",
        area: "binary",
        breaks: &["sio.binary.header-frames-adjacent"],
        sentence: "sends another event between a header and its attachments",
        build: || {
            Box::new(Outgoing(|message| match &message {
                Message::Text(text) if text.starts_with('5') => {
                    vec![message, Message::Text("2[\"meanwhile\"]".into())]
                }
                _ => vec![message],
            }))
        },
    },
    Entry {
        name: "always-binary",
        area: "binary",
        breaks: &["sio.binary.server-uses-type-5-only-with-binary"],
        sentence: "sends every event with the binary type",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    if text.starts_with('2') {
                        text.replacen('2', "50-", 1)
                    } else {
                        text
                    }
                })
            }))
        },
    },
    Entry {
        name: "text-placeholders-wait",
        area: "binary",
        breaks: &[
            "sio.binary.placeholder-in-text-event",
            "sio.binary.connect-type-0-no-binary",
        ],
        sentence: "waits for an attachment when a text packet contains a placeholder",
        build: || {
            Box::new(Incoming(|message| match &message {
                Message::Text(text)
                    if text.starts_with(['0', '2']) && text.contains("\"_placeholder\":true") =>
                {
                    Vec::new()
                }
                _ => vec![message],
            }))
        },
    },
    Entry {
        name: "false-is-a-placeholder",
        area: "binary",
        breaks: &["sio.binary.placeholder-false"],
        sentence: "resolves a placeholder that says of itself that it is none",
        build: || {
            Box::new(Incoming(|message| {
                text(message, |text| {
                    if text.starts_with('5') {
                        text.replace("\"_placeholder\":false", "\"_placeholder\":true")
                    } else {
                        text
                    }
                })
            }))
        },
    },
];

/// How many attachments a text announces.
fn announced(text: &str) -> usize {
    match parts(text).0.strip_prefix(['5', '6']) {
        Some(count) => count.trim_end_matches('-').parse().unwrap_or(0),
        None => 0,
    }
}

/// Replaces each object with `"_placeholder":true` by null.
fn nulls_for_placeholders(text: &str) -> String {
    let mut out = text.to_owned();
    while let Some(begin) = out.find("{\"_placeholder\":true") {
        let end = out[begin..]
            .find('}')
            .map_or(out.len(), |length| begin + length + 1);
        out.replace_range(begin..end, "null");
    }
    out
}

/// Gathers the attachments of a packet until all are there.
#[derive(Default)]
struct Swapped {
    due: HashMap<SessionKey, (usize, Vec<Bytes>)>,
}

impl Seams for Swapped {
    fn action(&mut self, _now: Millis, action: Action, out: &mut Vec<Action>) {
        match action {
            Action::Send(session, Message::Binary(data)) => {
                let (due, gathered) = self.due.entry(session).or_default();
                gathered.push(data);
                if gathered.len() >= *due {
                    out.extend(
                        gathered
                            .drain(..)
                            .rev()
                            .map(|data| Action::Send(session, Message::Binary(data))),
                    );
                }
            }
            Action::Send(session, Message::Text(text)) => {
                self.due.insert(session, (announced(&text), Vec::new()));
                out.push(Action::Send(session, Message::Text(text)));
            }
            close @ Action::Close(_) => out.push(close),
        }
    }
}

/// Takes placeholders in another order for data: the attachments stay unused.
#[derive(Default)]
struct Canonical;

impl Seams for Canonical {
    fn engine_event(&mut self, _now: Millis, mut event: EngineEvent, out: &mut Vec<EngineEvent>) {
        if let EngineEvent::Message(_, Message::Text(text)) = &mut event {
            *text = text.replace(",\"_placeholder\":true}", ",\"_placeholder\":\"true\"}");
        }
        out.push(event);
    }
}

/// Takes the next text for an attachment.
#[derive(Default)]
struct Stuck {
    waiting: std::collections::HashSet<SessionKey>,
}

impl Seams for Stuck {
    fn engine_event(&mut self, _now: Millis, mut event: EngineEvent, out: &mut Vec<EngineEvent>) {
        if let EngineEvent::Message(session, Message::Text(text)) = &mut event {
            if self.waiting.remove(session) {
                return;
            }
            if let Some(rest) = text.strip_prefix("50-") {
                self.waiting.insert(*session);
                *text = format!("2{rest}");
            }
        }
        out.push(event);
    }
}

/// Moves a text that comes while attachments are due before the header.
#[derive(Default)]
struct TextBetween {
    held: HashMap<SessionKey, (usize, Vec<EngineEvent>)>,
}

impl Seams for TextBetween {
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        match event {
            EngineEvent::Message(session, Message::Text(text)) if announced(&text) > 0 => {
                let due = announced(&text);
                let header = EngineEvent::Message(session, Message::Text(text));
                let earlier = self.held.insert(session, (due, vec![header]));
                // A header that never got its attachments is forgotten.
                drop(earlier);
            }
            EngineEvent::Message(session, Message::Binary(data)) if self.held.contains_key(&session) => {
                if let Some((due, events)) = self.held.get_mut(&session) {
                    events.push(EngineEvent::Message(session, Message::Binary(data)));
                    if events.len() > *due {
                        out.append(events);
                        self.held.remove(&session);
                    }
                }
            }
            EngineEvent::Closed(session, reason) => {
                self.held.remove(&session);
                out.push(EngineEvent::Closed(session, reason));
            }
            other => out.push(other),
        }
    }
}

/// Replaces a pong between a header and its attachments by what nobody understands.
#[derive(Default)]
struct PongBetween {
    due: HashMap<ExchangeId, usize>,
    due_in_posts: usize,
}

const MALFORMED: &str = "4?";

impl Seams for PongBetween {
    fn body(&mut self, _exchange: ExchangeId, body: Bytes) -> Bytes {
        let Ok(text) = std::str::from_utf8(&body) else {
            return body;
        };
        let mut packets = Vec::new();
        for packet in text.split('\u{1e}') {
            let is_pong = packet.starts_with('3');
            if let Some(message) = packet.strip_prefix('4') {
                self.due_in_posts = announced(message);
            } else if packet.starts_with('b') {
                self.due_in_posts = self.due_in_posts.saturating_sub(1);
            }
            packets.push(if is_pong && self.due_in_posts > 0 {
                MALFORMED
            } else {
                packet
            });
        }
        packets.join("\u{1e}").into()
    }

    fn frame(&mut self, exchange: ExchangeId, frame: Message, out: &mut Vec<Message>) {
        let due = self.due.entry(exchange).or_default();
        match &frame {
            Message::Binary(_) => *due = due.saturating_sub(1),
            Message::Text(text) if text.starts_with('3') && *due > 0 => {
                out.push(Message::Text(MALFORMED.into()));
                return;
            }
            Message::Text(text) => *due = text.strip_prefix('4').map_or(0, announced),
        }
        out.push(frame);
    }
}

/// Drops binary messages unless they are due.
#[derive(Default)]
struct Surplus {
    due: HashMap<SessionKey, usize>,
}

impl Seams for Surplus {
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        match &event {
            EngineEvent::Message(session, Message::Text(text)) => {
                self.due.insert(*session, announced(text));
            }
            EngineEvent::Message(session, Message::Binary(_)) => match self.due.get_mut(session) {
                Some(due) if *due > 0 => *due -= 1,
                _ => return,
            },
            EngineEvent::Closed(session, _) => {
                self.due.remove(session);
            }
            EngineEvent::Opened(_) => {}
        }
        out.push(event);
    }
}
