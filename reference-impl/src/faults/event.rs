//! Faults of events.

use std::collections::HashMap;

use super::{
    Entry,
    parts::{Dies, Incoming, Outgoing, Told, is_text, parts, split_id, text},
};
use crate::{
    codec::Arguments,
    engine::{EngineEvent, Message, Millis, SessionKey},
    seams::Seams,
    socket::{Action, SocketEvent},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "first-argument-only",
        area: "event",
        breaks: &["sio.event.echo-basic"],
        sentence: "hands only the first argument of an event to the application",
        build: || {
            Box::new(Told(|event| {
                vec![match event {
                    SocketEvent::Event {
                        socket,
                        name,
                        arguments,
                        reply,
                    } if arguments.attachments().is_empty() => {
                        let mut first = Arguments::new();
                        if let Some(argument) = arguments.iter().next().filter(|_| name == "message") {
                            first.push_json(argument);
                        }
                        let arguments = if name == "message" { first } else { arguments };
                        SocketEvent::Event {
                            socket,
                            name,
                            arguments,
                            reply,
                        }
                    }
                    other => other,
                }]
            }))
        },
    },
    Entry {
        name: "null-for-nothing",
        area: "event",
        breaks: &["sio.event.no-args"],
        sentence: "hands null to the application where an event has no arguments",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    text.replace("[\"message-back\"]", "[\"message-back\",null]")
                })
            }))
        },
    },
    Entry {
        name: "false-becomes-null",
        area: "event",
        breaks: &["sio.event.types", "sio.event.false-arg"],
        sentence: "sends false as null",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| text.replace(",false", ",null"))
            }))
        },
    },
    Entry {
        name: "wrong-namespace",
        area: "event",
        breaks: &["sio.event.namespace", "sio.binary.namespace"],
        sentence: "sends the events of every namespace in the main one",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| match parts(&text) {
                    (head, _, rest) if text.starts_with(['2', '5']) => format!("{head}{rest}"),
                    _ => text,
                })
            }))
        },
    },
    Entry {
        name: "ascii-only",
        area: "event",
        breaks: &["sio.event.unicode", "sio.event.unicode-event-name"],
        sentence: "sends a question mark for every character beyond ASCII",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    text.chars()
                        .map(|letter| if letter.is_ascii() { letter } else { '?' })
                        .collect()
                })
            }))
        },
    },
    Entry {
        name: "loses-line-separators",
        area: "event",
        breaks: &["sio.event.line-separators"],
        sentence: "drops line and paragraph separators from strings",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    text.replace(['\u{2028}', '\u{2029}'], "")
                        .replace("\\u2028", "")
                        .replace("\\u2029", "")
                })
            }))
        },
    },
    Entry {
        name: "emits-infinity",
        area: "event",
        breaks: &["sio.event.infinity-not-emitted"],
        sentence: "sends a number that is too large as Infinity, which is not JSON",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| text.replace("1e400", "Infinity"))
            }))
        },
    },
    Entry {
        name: "no-white-space",
        area: "event",
        breaks: &["sio.event.json-whitespace-inside"],
        sentence: "ignores events with white space behind the bracket",
        build: || {
            Box::new(Incoming(|message| {
                if is_text(&message, |text| text.starts_with("2[ ")) {
                    Vec::new()
                } else {
                    vec![message]
                }
            }))
        },
    },
    Entry {
        name: "white-space-is-an-id",
        area: "event",
        breaks: &["sio.event.whitespace-before-payload"],
        sentence: "takes white space before the payload for the id 0",
        build: || {
            Box::new(Incoming(|message| {
                text(message, |text| match text.strip_prefix("2 ") {
                    Some(rest) => format!("20{}", rest.replacen("\"message\"", "\"message-with-ack\"", 1)),
                    None => text,
                })
            }))
        },
    },
    Entry {
        name: "ignores-trailing-garbage",
        area: "event",
        breaks: &["sio.event.trailing-garbage"],
        sentence: "delivers an event with garbage behind it",
        build: || {
            Box::new(Incoming(|message| {
                text(message, |text| match text.rfind(']') {
                    Some(end) if text.starts_with("2[\"") => text[..=end].to_owned(),
                    _ => text,
                })
            }))
        },
    },
    Entry {
        name: "reserved-names-act",
        area: "event",
        breaks: &["sio.event.name-reserved", "sio.event.name-reserved-no-spoof"],
        sentence: "runs its own handlers for events with reserved names",
        build: || {
            Box::new(Incoming(|message| {
                let packets: &[&str] = match &message {
                    Message::Text(text) if text.starts_with("2[\"disconnect\"") => &["1", "0"],
                    Message::Text(text) if text.starts_with("2[\"connect\"") => &["1", "0"],
                    _ => return vec![message],
                };
                packets
                    .iter()
                    .map(|&packet| Message::Text(packet.into()))
                    .collect()
            }))
        },
    },
    Entry {
        name: "swaps-events",
        area: "event",
        breaks: &["sio.event.order-200", "eio.polling.pipelined-posts-in-order"],
        sentence: "sends the items 1 and 2 of a burst, and the messages 100 and 101, the other way round",
        build: || Box::<Swaps>::default(),
    },
    Entry {
        name: "id-unasked",
        area: "event",
        breaks: &["sio.event.server-push-no-id"],
        sentence: "sends every event with an id, as if it asked for an acknowledgement",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    if text.starts_with("2[") {
                        text.replacen("2[", "20[", 1)
                    } else {
                        text
                    }
                })
            }))
        },
    },
    Entry {
        name: "broadcasts-twice",
        area: "event",
        breaks: &["sio.event.broadcast-once"],
        sentence: "sends what is for a room twice to everybody in it",
        build: || {
            Box::new(Outgoing(|message| {
                if is_text(&message, |text| text.contains("[\"shout\"")) {
                    vec![message.clone(), message]
                } else {
                    vec![message]
                }
            }))
        },
    },
    Entry {
        name: "unjoined-goes-to-main",
        area: "event",
        breaks: &[
            "sio.event.to-unjoined-namespace",
            "sio.event.to-unknown-namespace",
        ],
        sentence: "delivers an event for a namespace that was not joined to the main one",
        build: || Box::<Unjoined>::default(),
    },
    Entry {
        name: "truncates-long-strings",
        area: "event",
        breaks: &["sio.event.large-500k", "sio.event.wide-array"],
        sentence: "loses the middle of a long event",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| match text.char_indices().nth(200_000) {
                    Some((at, _)) if text.starts_with('2') => {
                        let end = text
                            .char_indices()
                            .rev()
                            .nth(100_000)
                            .map_or(at, |(end, _)| end.max(at));
                        format!("{}{}", &text[..at], &text[end..])
                    }
                    _ => text,
                })
            }))
        },
    },
    Entry {
        name: "silent-bursts",
        area: "event",
        breaks: &["sio.event.server-push"],
        sentence: "does not send the events that are no answer",
        build: || {
            Box::new(Outgoing(|message| {
                if is_text(&message, |text| text.starts_with("2[\"item\"")) {
                    Vec::new()
                } else {
                    vec![message]
                }
            }))
        },
    },
    Entry {
        name: "dies-of-object-name",
        area: "event",
        breaks: &["sio.event.name-object"],
        sentence: "dies when the name of an event is an object",
        build: || {
            Box::new(Dies::of(|text| {
                text.starts_with("2[{") || text.starts_with("2[[")
            }))
        },
    },
    Entry {
        name: "dies-of-error-event",
        area: "event",
        breaks: &["sio.event.name-error"],
        sentence: "dies of an event with the name error that nobody handles",
        build: || Box::new(Dies::of(|text| text.starts_with("2[\"error\""))),
    },
    Entry {
        name: "dies-of-property-name",
        area: "event",
        breaks: &["sio.event.name-object-prototype"],
        sentence: "dies of an event that is named like a property of an object",
        build: || {
            Box::new(Dies::of(|text| {
                text.starts_with("2[\"__proto__\"") || text.starts_with("2[\"hasOwnProperty\"")
            }))
        },
    },
    Entry {
        name: "dies-of-deep-nesting",
        area: "event",
        breaks: &[
            "sio.event.deep-nesting-1000",
            "sio.event.deep-nesting-10000",
            "sio.event.deep-nesting-ignored-event",
        ],
        sentence: "dies of a payload that is nested more than 900 deep",
        build: || Box::new(Dies::of(|text| text.contains(&"[".repeat(900)))),
    },
    Entry {
        name: "dies-of-proto-key",
        area: "event",
        breaks: &["sio.event.proto-key-in-data"],
        sentence: "dies of a `__proto__` in the data of an event",
        build: || {
            Box::new(Dies::of(|text| {
                text.starts_with('2') && text.contains("{\"__proto__\":")
            }))
        },
    },
];

/// Holds the first of a pair back until the second has left.
#[derive(Default)]
struct Swaps {
    held: HashMap<SessionKey, Action>,
}

impl Seams for Swaps {
    fn action(&mut self, _now: Millis, action: Action, out: &mut Vec<Action>) {
        let (Action::Send(session, _) | Action::Close(session)) = action;
        let held = self.held.remove(&session);
        let is_first =
            |text: &str| text.ends_with("[\"item\",1]") || text.ends_with("[\"message-back\",100]");
        if matches!(&action, Action::Send(_, message) if is_text(message, is_first)) {
            self.held.insert(session, action);
            out.extend(held);
        } else {
            out.push(action);
            out.extend(held);
        }
    }
}

/// Delivers to the main namespace what is for one that was never joined.
#[derive(Default)]
struct Unjoined {
    joined: HashMap<SessionKey, Vec<String>>,
}

impl Seams for Unjoined {
    fn engine_event(&mut self, _now: Millis, mut event: EngineEvent, out: &mut Vec<EngineEvent>) {
        if let EngineEvent::Message(session, Message::Text(text)) = &mut event {
            let joined = self.joined.entry(*session).or_default();
            let (head, namespace, rest) = parts(text);
            let namespace = namespace.trim_end_matches(',');
            let is_event = head == "2" && split_id(rest).1.starts_with('[');
            if head == "0" {
                joined.push(namespace.to_owned());
            } else if is_event && !namespace.is_empty() && !joined.iter().any(|own| own == namespace) {
                *text = format!("{head}{rest}");
            }
        }
        out.push(event);
    }
}
