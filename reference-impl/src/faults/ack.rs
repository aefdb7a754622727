//! Faults of acknowledgements.

use std::collections::BTreeSet;

use super::{
    Entry,
    parts::{Incoming, Outgoing, Told, is_text, parts, split_id, text},
};
use crate::{
    engine::{EngineEvent, Message, Millis, SessionKey},
    seams::Seams,
    socket::SocketEvent,
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "wrong-ack-id",
        area: "ack",
        breaks: &["sio.ack.basic", "sio.ack.id-leading-zeros"],
        sentence: "acknowledges with the id of the next event",
        build: || {
            Box::new(Outgoing(|message| {
                acks(message, |head, namespace, id, values| {
                    let next = id
                        .parse::<u64>()
                        .map_or_else(|_| id.to_owned(), |id| id.wrapping_add(1).to_string());
                    format!("{head}{namespace}{next}{values}")
                })
            }))
        },
    },
    Entry {
        name: "ack-without-array",
        area: "ack",
        breaks: &["sio.ack.empty"],
        sentence: "leaves the array of an acknowledgement out if it is empty",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    text.strip_suffix("[]")
                        .filter(|_| text.starts_with('3'))
                        .unwrap_or(&text)
                        .to_owned()
                })
            }))
        },
    },
    Entry {
        name: "id-zero-is-no-id",
        area: "ack",
        breaks: &["sio.ack.id-zero"],
        sentence: "takes the id 0 for no id",
        build: || {
            Box::new(Incoming(|message| {
                text(message, |text| match text.strip_prefix("20[") {
                    Some(rest) => format!("2[{rest}"),
                    None => text,
                })
            }))
        },
    },
    Entry {
        name: "ack-in-main",
        area: "ack",
        breaks: &["sio.ack.namespace"],
        sentence: "acknowledges every event in the main namespace",
        build: || {
            Box::new(Outgoing(|message| {
                acks(message, |head, _, id, values| format!("{head}{id}{values}"))
            }))
        },
    },
    Entry {
        name: "acks-twice",
        area: "ack",
        breaks: &["sio.ack.exactly-once"],
        sentence: "acknowledges again when the callback is called again",
        build: || {
            Box::new(Outgoing(|message| {
                if is_text(&message, |text| text.starts_with('3')) {
                    vec![message.clone(), message]
                } else {
                    vec![message]
                }
            }))
        },
    },
    Entry {
        name: "acks-unasked",
        area: "ack",
        breaks: &["sio.ack.not-requested"],
        sentence: "acknowledges events that ask for nothing",
        build: || {
            Box::new(Incoming(|message| {
                text(message, |text| {
                    text.replacen("2[\"message-with-ack\"", "20[\"message-with-ack\"", 1)
                })
            }))
        },
    },
    Entry {
        name: "letters-in-id",
        area: "ack",
        breaks: &["sio.ack.id-non-numeric", "sio.ack.id-negative"],
        sentence: "ignores what stands in the place of an id and is none",
        build: || {
            Box::new(Incoming(|message| {
                text(message, |text| match text.find('[') {
                    Some(at) if text.starts_with('2') && !text[..at].contains('/') => {
                        let digits = text[1..at]
                            .bytes()
                            .all(|byte| byte.is_ascii_digit() || byte == b' ');
                        if digits { text } else { format!("2{}", &text[at..]) }
                    }
                    _ => text,
                })
            }))
        },
    },
    Entry {
        name: "ids-as-doubles",
        area: "ack",
        breaks: &["sio.ack.id-huge", "sio.ack.id-400-digits"],
        sentence: "keeps ids as floating point numbers",
        build: || {
            Box::new(Outgoing(|message| {
                acks(message, |head, namespace, id, values| {
                    let id = if id.len() > 15 {
                        format!("{:e}", id.parse().unwrap_or(f64::INFINITY))
                    } else {
                        id.to_owned()
                    };
                    format!("{head}{namespace}{id}{values}")
                })
            }))
        },
    },
    Entry {
        name: "short-ids",
        area: "ack",
        breaks: &["sio.ack.id-2-31", "sio.ack.id-max-safe"],
        sentence: "keeps only 31 bits of an id",
        build: || {
            Box::new(Outgoing(|message| {
                acks(message, |head, namespace, id, values| {
                    let short = id
                        .parse::<u64>()
                        .map_or_else(|_| id.to_owned(), |id| (id & 0x7fff_ffff).to_string());
                    format!("{head}{namespace}{short}{values}")
                })
            }))
        },
    },
    Entry {
        name: "same-id-answered-once",
        area: "ack",
        breaks: &["sio.ack.same-id-reused"],
        sentence: "acknowledges only the first event with an id",
        build: || Box::<AnsweredOnce>::default(),
    },
    Entry {
        name: "anybody-answers",
        area: "ack",
        breaks: &["sio.ack.cross-client"],
        sentence: "takes an answer of one client for that of all",
        build: || Box::<AnybodyAnswers>::default(),
    },
    Entry {
        name: "any-namespace-answers",
        area: "ack",
        breaks: &["sio.ack.cross-namespace"],
        sentence: "takes an answer in one namespace for one in the main namespace, too",
        build: || {
            Box::new(Incoming(|message| match &message {
                Message::Text(text) if text.starts_with("3/") => {
                    let (head, _, rest) = parts(text);
                    vec![Message::Text(format!("{head}{rest}")), message]
                }
                _ => vec![message],
            }))
        },
    },
    Entry {
        name: "binary-ack-as-event",
        area: "ack",
        breaks: &["sio.ack.binary-response"],
        sentence: "sends a binary acknowledgement with the type of a binary event",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    if text.starts_with('6') {
                        text.replacen('6', "5", 1)
                    } else {
                        text
                    }
                })
            }))
        },
    },
    Entry {
        name: "always-binary-ack",
        area: "ack",
        breaks: &["sio.ack.binary-request-text-response"],
        sentence: "acknowledges with the binary type whatever the values are",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| {
                    if text.starts_with('3') {
                        text.replacen('3', "60-", 1)
                    } else {
                        text
                    }
                })
            }))
        },
    },
    Entry {
        name: "asks-without-id",
        area: "ack",
        breaks: &["sio.ack.server-initiated"],
        sentence: "leaves the id out when it asks for an acknowledgement",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| match parts(&text) {
                    (head @ "2", namespace, rest) => format!("{head}{namespace}{}", split_id(rest).1),
                    _ => text,
                })
            }))
        },
    },
    Entry {
        name: "asks-with-one-id",
        area: "ack",
        breaks: &["sio.ack.server-ids-distinct"],
        sentence: "asks for every acknowledgement with the id 0",
        build: || {
            Box::new(Outgoing(|message| {
                text(message, |text| match parts(&text) {
                    (head @ "2", namespace, rest)
                        if rest.starts_with(|first: char| first.is_ascii_digit()) =>
                    {
                        format!("{head}{namespace}0{}", split_id(rest).1)
                    }
                    _ => text,
                })
            }))
        },
    },
    Entry {
        name: "callback-runs-twice",
        area: "ack",
        breaks: &["sio.ack.server-initiated-once"],
        sentence: "hands each answer to the application twice",
        build: || {
            Box::new(Told(|event| match event {
                SocketEvent::Acknowledged {
                    socket,
                    id,
                    arguments,
                } => {
                    let again = arguments.clone();
                    [again, arguments]
                        .map(|arguments| SocketEvent::Acknowledged {
                            socket,
                            id,
                            arguments,
                        })
                        .into()
                }
                other => vec![other],
            }))
        },
    },
    Entry {
        name: "drops-binary-answers",
        area: "ack",
        breaks: &["sio.ack.binary-from-client"],
        sentence: "ignores answers with attachments",
        build: || Box::<DropsBinaryAnswers>::default(),
    },
    Entry {
        name: "missing-answer-runs-callback",
        area: "ack",
        breaks: &["sio.ack.missing-payload"],
        sentence: "takes an acknowledgement without payload for an empty one",
        build: || {
            Box::new(Incoming(|message| {
                text(message, |text| {
                    if text.starts_with('3') && !text.contains('[') {
                        format!("{text}[]")
                    } else {
                        text
                    }
                })
            }))
        },
    },
];

/// Rewrites acknowledgements: type and count, namespace, id, values.
fn acks(message: Message, rewrite: impl FnOnce(&str, &str, &str, &str) -> String) -> Vec<Message> {
    text(message, |text| match parts(&text) {
        (head, namespace, rest) if text.starts_with(['3', '6']) => {
            let (id, values) = split_id(rest);
            rewrite(head, namespace, id, values)
        }
        _ => text,
    })
}

#[derive(Default)]
struct AnsweredOnce {
    answered: BTreeSet<String>,
}

impl Seams for AnsweredOnce {
    fn action(&mut self, _now: Millis, action: crate::socket::Action, out: &mut Vec<crate::socket::Action>) {
        if let crate::socket::Action::Send(session, Message::Text(text)) = &action
            && text.starts_with('3')
        {
            let (head, namespace, rest) = parts(text);
            if !self
                .answered
                .insert(format!("{}{head}{namespace}{}", session.0, split_id(rest).0))
            {
                return;
            }
        }
        out.push(action);
    }
}

/// Copies each acknowledgement into all sessions.
#[derive(Default)]
struct AnybodyAnswers {
    sessions: BTreeSet<SessionKey>,
}

impl Seams for AnybodyAnswers {
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        match &event {
            EngineEvent::Message(session, Message::Text(text)) if text == "0" || text.starts_with("0{") => {
                self.sessions.insert(*session);
            }
            EngineEvent::Message(session, message) if is_text(message, |text| text.starts_with('3')) => {
                let others = self.sessions.iter().filter(|other| *other != session);
                out.extend(others.map(|other| EngineEvent::Message(*other, message.clone())));
            }
            EngineEvent::Closed(session, _) => {
                self.sessions.remove(session);
            }
            _ => {}
        }
        out.push(event);
    }
}

/// Drops a header of type 6 and as many attachments as it announces.
#[derive(Default)]
struct DropsBinaryAnswers {
    due: usize,
}

impl Seams for DropsBinaryAnswers {
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        match &event {
            EngineEvent::Message(_, Message::Text(text)) if text.starts_with('6') => {
                self.due = text[1..]
                    .split('-')
                    .next()
                    .and_then(|count| count.parse().ok())
                    .unwrap_or(0);
            }
            EngineEvent::Message(_, Message::Binary(_)) if self.due > 0 => self.due -= 1,
            _ => out.push(event),
        }
    }
}
