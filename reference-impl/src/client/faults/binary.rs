//! Faults of packets with attachments.

use bytes::Bytes;

use super::{
    Entry,
    parts::{anything, parts, remembering, reports, texts_out},
};
use crate::{
    client::{
        engine::{EngineEvent, SessionKey},
        seams::Passing,
        socket::{Action, Report},
    },
    codec::Arguments,
    engine::{Message, Millis},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "mangled-placeholders",
        area: "binary",
        breaks: &["client.sio.binary-placeholder-keys"],
        sentence: "writes other keys into placeholders",
        build: || {
            texts_out(|text| vec![text.replace("\"_placeholder\":true,\"num\":", "\"_p\":true,\"n\":")])
        },
    },
    Entry {
        name: "no-attachment-count",
        area: "binary",
        breaks: &["client.sio.binary-send"],
        sentence: "does not say how many attachments follow",
        build: || {
            texts_out(|text| {
                let (head, namespace, rest) = parts(text);
                let head = if head.len() > 1 { &head[..1] } else { head };
                vec![format!("{head}{namespace}{rest}")]
            })
        },
    },
    Entry {
        name: "attachments-reversed",
        area: "binary",
        breaks: &["client.sio.binary-send"],
        sentence: "sends the last attachment first",
        build: || {
            remembering::<Outgoing>(|sent, _, passing, out| {
                sent.collect(passing, out, |header, mut attachments| {
                    attachments.reverse();
                    attachments.insert(0, header);
                    attachments
                });
            })
        },
    },
    Entry {
        name: "attachments-first",
        area: "binary",
        breaks: &["client.sio.binary-send"],
        sentence: "sends the attachments before the event that they belong to",
        build: || {
            remembering::<Outgoing>(|sent, _, passing, out| {
                sent.collect(passing, out, |header, mut attachments| {
                    attachments.push(header);
                    attachments
                });
            })
        },
    },
    Entry {
        name: "loses-attachments",
        area: "binary",
        breaks: &["client.sio.binary-send"],
        sentence: "sends no attachments",
        build: || {
            anything(|passing, out| {
                if !matches!(&passing, Passing::Action(Action::Send(_, Message::Binary(_)))) {
                    out.push(passing);
                }
            })
        },
    },
    Entry {
        name: "delivers-placeholders",
        area: "binary",
        breaks: &["client.sio.binary-receive", "client.sio.binary-ack-receive"],
        sentence: "delivers placeholders in the place of bytes",
        build: || {
            reports(|report| {
                vec![match report {
                    Report::Event {
                        namespace,
                        name,
                        arguments,
                        reply,
                    } => Report::Event {
                        namespace,
                        name,
                        arguments: without_bytes(&arguments),
                        reply,
                    },
                    Report::Acknowledged {
                        namespace,
                        ack,
                        arguments,
                    } => Report::Acknowledged {
                        namespace,
                        ack,
                        arguments: without_bytes(&arguments),
                    },
                    other => other,
                }]
            })
        },
    },
    Entry {
        name: "text-is-an-attachment",
        area: "binary",
        breaks: &["client.sio.binary-text-during"],
        sentence: "takes a text for the attachment that it waits for",
        build: || {
            remembering::<usize>(|due, _, mut passing, out| {
                if let Passing::Event(EngineEvent::Message(_, message)) = &mut passing {
                    match message {
                        Message::Text(text) if *due > 0 => {
                            *due -= 1;
                            *message = Message::Binary(Bytes::from(std::mem::take(text)));
                        }
                        Message::Text(text) => *due = announced(text),
                        Message::Binary(_) => *due = due.saturating_sub(1),
                    }
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "crashes-on-lone-bytes",
        area: "binary",
        breaks: &["client.sio.binary-lone"],
        sentence: "dies of bytes that no event announced",
        build: || {
            remembering::<usize>(|due, _, passing, out| {
                if let Passing::Event(EngineEvent::Message(_, message)) = &passing {
                    match message {
                        Message::Text(text) => *due = announced(text),
                        Message::Binary(_) if *due == 0 => {
                            out.push(Passing::Crash("bytes without an event"));
                            return;
                        }
                        Message::Binary(_) => *due -= 1,
                    }
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "waits-for-no-attachments",
        area: "binary",
        breaks: &["client.sio.binary-zero"],
        sentence: "waits for ever after an event that announces no attachments",
        build: || {
            remembering::<bool>(|stuck, _, passing, out| {
                if let Passing::Event(EngineEvent::Message(_, Message::Text(text))) = &passing {
                    *stuck |= text.starts_with("50-") || text.starts_with("60-");
                    if *stuck {
                        return;
                    }
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "crashes-on-odd-placeholders",
        area: "binary",
        breaks: &["client.sio.binary-placeholder-range"],
        sentence: "dies of a placeholder that names no attachment",
        build: || super::parts::crashes(|text| text.starts_with("51-") && !text.contains("\"num\":0}")),
    },
    Entry {
        name: "ping-ends-the-attachments",
        area: "binary",
        breaks: &["sio.binary.server-ping-in-between"],
        sentence: "forgets an event when a ping comes before its attachment",
        build: || remembering::<Interrupted>(interrupt),
    },
];

/// A packet with attachments that is being sent.
#[derive(Default)]
struct Outgoing {
    due: usize,
    header: Option<Message>,
    attachments: Vec<Message>,
}

impl Outgoing {
    /// Holds a header back until all its attachments are there, then lets `order` decide.
    fn collect(
        &mut self,
        passing: Passing,
        out: &mut Vec<Passing>,
        order: fn(Message, Vec<Message>) -> Vec<Message>,
    ) {
        let (session, message) = match passing {
            Passing::Action(Action::Send(session, message)) => (session, message),
            other => return out.push(other),
        };
        match message {
            Message::Text(text) if announced(&text) > 0 => {
                self.due = announced(&text);
                self.header = Some(Message::Text(text));
            }
            Message::Binary(_) if self.due > 0 => {
                self.due -= 1;
                self.attachments.push(message);
                if let Some(header) = self.header.take_if(|_| self.due == 0) {
                    let messages = order(header, std::mem::take(&mut self.attachments));
                    out.extend(messages.into_iter().map(|message| send(session, message)));
                }
            }
            other => out.push(send(session, other)),
        }
    }
}

fn send(session: SessionKey, message: Message) -> Passing {
    Passing::Action(Action::Send(session, message))
}

/// Whether an attachment is due, and whether it was forgotten.
#[derive(Default)]
struct Interrupted {
    due: usize,
    is_lost: bool,
}

fn interrupt(own: &mut Interrupted, _now: Millis, passing: Passing, out: &mut Vec<Passing>) {
    use crate::client::engine::Arrival;
    match &passing {
        Passing::Arrival(Arrival::Frame(_, Message::Text(text))) if text == "2" && own.due > 0 => {
            own.is_lost = true;
        }
        Passing::Event(EngineEvent::Message(_, Message::Text(text))) => own.due = announced(text),
        Passing::Event(EngineEvent::Message(_, Message::Binary(_))) => {
            own.due = own.due.saturating_sub(1);
            if std::mem::take(&mut own.is_lost) {
                return;
            }
        }
        _ => {}
    }
    out.push(passing);
}

/// How many attachments a text announces.
fn announced(text: &str) -> usize {
    let head = parts(text).0;
    head.get(1..head.len().max(2) - 1)
        .and_then(|count| count.parse().ok())
        .unwrap_or(0)
}

fn without_bytes(arguments: &Arguments) -> Arguments {
    let mut bare = Arguments::new();
    for value in arguments.iter() {
        bare.push_json(value);
    }
    bare
}
