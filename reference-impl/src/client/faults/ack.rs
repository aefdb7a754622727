//! Faults of acknowledgements in both directions.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Entry,
    parts::{
        anything, commands, crashes, delayed, parts, remembering, reports, split_id, texts_in, texts_out,
    },
};
use crate::{
    client::{
        engine::EngineEvent,
        seams::{Passing, Seams},
        socket::{Action, Command, Report},
    },
    codec::Arguments,
    engine::{Message, Millis},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "wrong-ack-id",
        area: "ack",
        breaks: &["client.sio.ack-answer"],
        sentence: "acknowledges with the id of the next event",
        build: || {
            answers(|head, namespace, id, values| {
                let next = id
                    .parse::<u64>()
                    .map_or_else(|_| id.to_owned(), |id| id.wrapping_add(1).to_string());
                vec![format!("{head}{namespace}{next}{values}")]
            })
        },
    },
    Entry {
        name: "acks-twice",
        area: "ack",
        breaks: &["client.sio.ack-answer-once"],
        sentence: "acknowledges again when the handler calls back again",
        build: || answers(|head, namespace, id, values| vec![format!("{head}{namespace}{id}{values}"); 2]),
    },
    Entry {
        name: "acks-unasked",
        area: "ack",
        breaks: &["client.sio.ack-answer-once"],
        sentence: "acknowledges each event that asks as soon as it comes, without values",
        build: || {
            anything(|passing, out| {
                let answer = match &passing {
                    Passing::Report(Report::Event {
                        reply: Some(reply), ..
                    }) => Some(Command::Answer {
                        reply: reply.again(),
                        arguments: Arguments::new(),
                    }),
                    _ => None,
                };
                out.push(passing);
                out.extend(answer.map(Passing::Command));
            })
        },
    },
    Entry {
        name: "ack-in-main",
        area: "ack",
        breaks: &["client.sio.ack-answer-namespace"],
        sentence: "acknowledges every event in the main namespace",
        build: || answers(|head, _, id, values| vec![format!("{head}{id}{values}")]),
    },
    Entry {
        name: "ack-without-array",
        area: "ack",
        breaks: &["client.sio.ack-answer-empty"],
        sentence: "leaves the array of an acknowledgement out if it is empty",
        build: || {
            answers(|head, namespace, id, values| {
                vec![format!(
                    "{head}{namespace}{id}{}",
                    if values == "[]" { "" } else { values }
                )]
            })
        },
    },
    Entry {
        name: "binary-ack-as-plain",
        area: "ack",
        breaks: &["client.sio.ack-answer-binary"],
        sentence: "sends an acknowledgement with bytes as one without",
        build: || {
            texts_out(|text| match text.strip_prefix("61-") {
                Some(rest) => vec![format!("3{rest}")],
                None => vec![text.to_owned()],
            })
        },
    },
    Entry {
        name: "id-zero-is-no-id",
        area: "ack",
        breaks: &["client.sio.ack-answer-id-0"],
        sentence: "takes the id 0 for no id",
        build: || {
            texts_in(|text| {
                let (head, namespace, rest) = parts(text);
                let rest = match split_id(rest) {
                    ("0", values) if head == "2" => values,
                    _ => rest,
                };
                vec![format!("{head}{namespace}{rest}")]
            })
        },
    },
    Entry {
        name: "asks-without-id",
        area: "ack",
        breaks: &["client.sio.ack-request"],
        sentence: "sends no id with an event that asks for an acknowledgement",
        build: || {
            texts_out(|text| {
                let (head, namespace, rest) = parts(text);
                let is_event = head.starts_with(['2', '5']);
                vec![format!(
                    "{head}{namespace}{}",
                    if is_event { split_id(rest).1 } else { rest }
                )]
            })
        },
    },
    Entry {
        name: "id-in-front-of-the-count",
        area: "ack",
        breaks: &["client.sio.binary-ack-request"],
        sentence: "sends no id with an event with bytes that asks for an acknowledgement",
        build: || {
            texts_out(|text| {
                let (head, namespace, rest) = parts(text);
                let is_event = head.starts_with('5');
                vec![format!(
                    "{head}{namespace}{}",
                    if is_event { split_id(rest).1 } else { rest }
                )]
            })
        },
    },
    Entry {
        name: "acks-in-order",
        area: "ack",
        breaks: &["client.sio.ack-out-of-order"],
        sentence: "hands each acknowledgement to the question that waits longest",
        build: || remembering::<BTreeSet<u64>>(in_order),
    },
    Entry {
        name: "runs-ack-callbacks-twice",
        area: "ack",
        breaks: &["client.sio.ack-duplicate", "client.sio.ack-request"],
        sentence: "reports an acknowledgement each time that it comes",
        build: || remembering::<BTreeMap<u64, String>>(again),
    },
    Entry {
        name: "unknown-ack-is-malformed",
        area: "ack",
        breaks: &["client.sio.ack-unknown-id"],
        sentence: "closes the connection at an acknowledgement that nobody waits for",
        build: || {
            remembering::<BTreeSet<String>>(|asked, _, mut passing, out| {
                match &mut passing {
                    Passing::Action(Action::Send(_, Message::Text(text))) if text.starts_with(['2', '5']) => {
                        asked.insert(split_id(parts(text).2).0.to_owned());
                    }
                    Passing::Event(EngineEvent::Message(_, Message::Text(text)))
                        if text.starts_with('3') && !asked.contains(split_id(parts(text).2).0) =>
                    {
                        *text = "9".to_owned();
                    }
                    _ => {}
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "crashes-on-ack-without-payload",
        area: "ack",
        breaks: &["client.sio.ack-missing-payload"],
        sentence: "dies of an acknowledgement without a payload",
        build: || crashes(|text| text.starts_with('3') && split_id(parts(text).2).1.is_empty()),
    },
    Entry {
        name: "drops-binary-acks",
        area: "ack",
        breaks: &["client.sio.binary-ack-receive"],
        sentence: "does not know acknowledgements with bytes",
        build: || {
            reports(|report| match report {
                Report::Acknowledged { arguments, .. } if !arguments.attachments().is_empty() => Vec::new(),
                other => vec![other],
            })
        },
    },
    Entry {
        name: "no-ack-timeout",
        area: "ack",
        breaks: &["client.sio.ack-timeout", "client.sio.offline-ack-timeout-removed"],
        sentence: "waits for an acknowledgement for ever",
        build: || {
            commands(|mut command| {
                if let Command::Emit { emission, .. } = &mut command {
                    emission.timeout = None;
                }
                vec![command]
            })
        },
    },
    Entry {
        name: "late-acks-count",
        area: "ack",
        breaks: &["client.sio.ack-timeout"],
        sentence: "reports an acknowledgement although it has reported that its time is over",
        build: || Box::new(Late::default()),
    },
    Entry {
        name: "slow-ack-timeout",
        area: "ack",
        breaks: &["client.sio.ack-timeout"],
        sentence: "reports a second too late that the time of an acknowledgement is over",
        build: || {
            delayed::<()>(|(), passing| match passing {
                Passing::Report(Report::AckFailed { message, .. }) if message.contains("timed out") => 1000,
                _ => 0,
            })
        },
    },
    Entry {
        name: "forgets-open-questions",
        area: "ack",
        breaks: &["client.sio.ack-on-disconnect"],
        sentence: "does not tell that the acknowledgements of a lost connection will not come",
        build: || {
            reports(|report| match report {
                Report::AckFailed { message, .. } if message.contains("disconnected") => Vec::new(),
                other => vec![other],
            })
        },
    },
];

/// Rewrites acknowledgements that are sent: type, namespace, id, values.
fn answers(rewrite: fn(&str, &str, &str, &str) -> Vec<String>) -> Box<dyn Seams> {
    struct Answers(fn(&str, &str, &str, &str) -> Vec<String>);
    impl Seams for Answers {
        fn pass(&mut self, _now: Millis, passing: Passing, out: &mut Vec<Passing>) {
            match passing {
                Passing::Action(Action::Send(session, Message::Text(text)))
                    if text.starts_with(['3', '6']) =>
                {
                    let (head, namespace, rest) = parts(&text);
                    let (id, values) = split_id(rest);
                    let texts = (self.0)(head, namespace, id, values)
                        .into_iter()
                        .map(Message::Text);
                    out.extend(texts.map(|text| Passing::Action(Action::Send(session, text))));
                }
                other => out.push(other),
            }
        }
    }
    Box::new(Answers(rewrite))
}

fn in_order(waiting: &mut BTreeSet<u64>, _now: Millis, mut passing: Passing, out: &mut Vec<Passing>) {
    match &mut passing {
        Passing::Action(Action::Send(_, Message::Text(text))) if text.starts_with(['2', '5']) => {
            waiting.extend(split_id(parts(text).2).0.parse::<u64>().ok());
        }
        Passing::Event(EngineEvent::Message(_, Message::Text(text))) if text.starts_with(['3', '6']) => {
            let (head, namespace, rest) = parts(text);
            let (id, values) = split_id(rest);
            let oldest = waiting
                .pop_first()
                .map_or_else(|| id.to_owned(), |id| id.to_string());
            *text = format!("{head}{namespace}{oldest}{values}");
        }
        _ => {}
    }
    out.push(passing);
}

/// Reports an acknowledgement under its name however often it comes.
fn again(names: &mut BTreeMap<u64, String>, _now: Millis, passing: Passing, out: &mut Vec<Passing>) {
    let mut more = None;
    match &passing {
        Passing::Command(Command::Emit { emission, .. }) => {
            if let Some(name) = &emission.ack {
                // Ids are given in the order of the questions.
                names.insert(names.len() as u64, name.clone());
            }
        }
        Passing::Event(EngineEvent::Message(_, Message::Text(text))) if text.starts_with('3') => {
            let (_, namespace, rest) = parts(text);
            let name = split_id(rest).0.parse().ok().and_then(|id: u64| names.get(&id));
            more = name.map(|ack| Report::Acknowledged {
                namespace: if namespace.is_empty() {
                    "/"
                } else {
                    namespace.trim_end_matches(',')
                }
                .to_owned(),
                ack: ack.clone(),
                arguments: Arguments::new(),
            });
        }
        _ => {}
    }
    out.push(passing);
    out.extend(more.map(Passing::Report));
}

/// Keeps the time of acknowledgements itself, and forgets nothing when it is over.
#[derive(Default)]
struct Late {
    waiting: Vec<(Millis, String, String)>,
}

impl Seams for Late {
    fn pass(&mut self, now: Millis, mut passing: Passing, out: &mut Vec<Passing>) {
        match &mut passing {
            Passing::Command(Command::Emit { namespace, emission }) => {
                if let (Some(timeout), Some(ack)) = (emission.timeout.take(), &emission.ack) {
                    self.waiting
                        .push((now.saturating_add(timeout), namespace.clone(), ack.clone()));
                }
            }
            Passing::Report(Report::Acknowledged { ack, .. }) => {
                self.waiting.retain(|(_, _, own)| own != ack);
            }
            _ => {}
        }
        out.push(passing);
    }

    fn deadline(&self) -> Option<Millis> {
        self.waiting.iter().map(|(until, ..)| *until).min()
    }

    fn timeout(&mut self, now: Millis, out: &mut Vec<Passing>) {
        let (due, waiting): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(|(until, ..)| *until <= now);
        self.waiting = waiting;
        out.extend(due.into_iter().map(|(_, namespace, ack)| {
            Passing::Report(Report::AckFailed {
                namespace,
                ack,
                message: "operation has timed out",
            })
        }));
    }
}
