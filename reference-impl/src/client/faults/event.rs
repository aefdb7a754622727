//! Faults of events.

use std::collections::BTreeSet;

use super::{
    Entry,
    parts::{anything, crashes, parts, remembering, reports, texts_in, texts_out},
};
use crate::{
    client::{
        engine::EngineEvent,
        seams::{Passing, Seams},
        socket::{Action, Command, DisconnectReason, Refused, Report},
    },
    codec::{Arguments, Decoder},
    engine::Message,
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "loses-arguments",
        area: "event",
        breaks: &["client.sio.event-delivery"],
        sentence: "hands the handler no arguments",
        build: || {
            reports(|report| {
                vec![match report {
                    Report::Event {
                        namespace,
                        name,
                        reply,
                        ..
                    } => Report::Event {
                        namespace,
                        name,
                        arguments: Arguments::new(),
                        reply,
                    },
                    other => other,
                }]
            })
        },
    },
    Entry {
        name: "drops-false",
        area: "event",
        breaks: &["sio.event.false-arg"],
        sentence: "leaves arguments out that count as false",
        build: || {
            reports(|report| {
                vec![match report {
                    Report::Event {
                        namespace,
                        name,
                        arguments,
                        reply,
                    } if arguments.attachments().is_empty() => {
                        let mut kept = Arguments::new();
                        for value in arguments
                            .iter()
                            .filter(|value| !["false", "0", "\"\"", "null"].contains(value))
                        {
                            kept.push_json(value);
                        }
                        Report::Event {
                            namespace,
                            name,
                            arguments: kept,
                            reply,
                        }
                    }
                    other => other,
                }]
            })
        },
    },
    Entry {
        name: "drops-null",
        area: "event",
        breaks: &["sio.event.undefined-arg"],
        sentence: "sends nothing in the place of an argument that is null",
        build: || texts_out(|text| vec![text.replace(",null", "").replace("null,", "")]),
    },
    Entry {
        name: "swaps-events",
        area: "event",
        breaks: &["client.sio.event-order"],
        sentence: "delivers each second event before the one that came first",
        build: || {
            remembering::<Option<Report>>(|held, _, passing, out| match passing {
                Passing::Report(event @ Report::Event { .. }) => match held.take() {
                    Some(first) => out.extend([Passing::Report(event), Passing::Report(first)]),
                    None => *held = Some(event),
                },
                other => out.push(other),
            })
        },
    },
    Entry {
        name: "loses-early-events",
        area: "event",
        breaks: &["client.sio.event-before-connect-ack"],
        sentence: "loses events that come before the namespace is joined",
        build: || {
            remembering::<bool>(|joined, _, passing, out| match &passing {
                Passing::Event(EngineEvent::Message(_, Message::Text(text))) => {
                    *joined |= text.starts_with('0');
                    if *joined || !text.starts_with('2') {
                        out.push(passing);
                    }
                }
                _ => out.push(passing),
            })
        },
    },
    Entry {
        name: "events-of-any-namespace",
        area: "event",
        breaks: &["client.sio.event-unknown-namespace"],
        sentence: "delivers events of a namespace that nobody has joined in the main one",
        build: || {
            texts_in(|text| {
                let (head, namespace, rest) = parts(text);
                vec![format!(
                    "{head}{}{rest}",
                    if head == "2" { "" } else { namespace }
                )]
            })
        },
    },
    Entry {
        name: "unknown-namespace-is-malformed",
        area: "event",
        breaks: &["client.sio.event-unknown-namespace"],
        sentence: "closes the connection at an event of a namespace that nobody has joined",
        build: || {
            remembering::<BTreeSet<String>>(|asked, _, mut passing, out| {
                match &mut passing {
                    Passing::Action(Action::Send(_, Message::Text(text))) if text.starts_with('0') => {
                        asked.insert(parts(text).1.to_owned());
                    }
                    Passing::Event(EngineEvent::Message(_, Message::Text(text)))
                        if text.starts_with('2') && !asked.contains(parts(text).1) =>
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
        name: "runs-reserved-handlers",
        area: "event",
        breaks: &["client.sio.event-reserved-name"],
        sentence: "runs the handlers of the connection for events of their names",
        build: || {
            anything(|passing, out| match &passing {
                Passing::Event(EngineEvent::Message(_, Message::Text(text)))
                    if text.starts_with("2[\"connect") =>
                {
                    out.push(Passing::Report(Report::Connected {
                        namespace: "/".to_owned(),
                        sid: String::new(),
                    }));
                }
                Passing::Event(EngineEvent::Message(_, Message::Text(text)))
                    if text.starts_with("2[\"disconnect") =>
                {
                    out.push(Passing::Report(Report::Disconnected {
                        namespace: "/".to_owned(),
                        reason: DisconnectReason::ByServer,
                    }));
                }
                _ => out.push(passing),
            })
        },
    },
    Entry {
        name: "ignores-malformed",
        area: "event",
        breaks: &[
            "client.sio.bad-packet",
            "client.sio.event-empty",
            "client.sio.bad-packet-reconnects",
        ],
        sentence: "ignores what is no packet instead of closing the connection",
        build: || {
            remembering::<Decoder>(|decoder, _, passing, out| {
                let is_good = match &passing {
                    Passing::Event(EngineEvent::Message(_, Message::Text(text))) => {
                        decoder.decode_text(text).is_ok()
                    }
                    Passing::Event(EngineEvent::Message(_, Message::Binary(data))) => {
                        decoder.decode_binary(data.clone()).is_ok()
                    }
                    _ => true,
                };
                if is_good {
                    out.push(passing);
                }
            })
        },
    },
    Entry {
        name: "malformed-is-final",
        area: "event",
        breaks: &["client.sio.bad-packet-reconnects"],
        sentence: "does not connect again after what was no packet",
        build: || {
            remembering::<()>(|(), _, passing, out| {
                let left = match &passing {
                    Passing::Report(Report::Disconnected {
                        namespace,
                        reason: DisconnectReason::ParseError,
                    }) => Some(namespace.clone()),
                    _ => None,
                };
                out.push(passing);
                out.extend(left.map(|namespace| Passing::Command(Command::Disconnect { namespace })));
            })
        },
    },
    Entry {
        name: "crashes-on-event-without-payload",
        area: "event",
        breaks: &["client.sio.event-missing-payload", "client.robust.process-alive"],
        sentence: "dies of an event without a payload",
        build: || {
            crashes(|text| text.starts_with('2') && parts(text).2.bytes().all(|byte| byte.is_ascii_digit()))
        },
    },
    Entry {
        name: "crashes-on-empty-event",
        area: "event",
        breaks: &["client.sio.event-empty"],
        sentence: "dies of an event without a name",
        build: || crashes(|text| text.starts_with("2[]")),
    },
    Entry {
        name: "crashes-on-odd-name",
        area: "event",
        breaks: &["client.sio.event-name-object", "client.sio.event-numeric-name"],
        sentence: "dies of an event whose name is not a text",
        build: || {
            crashes(|text| text.starts_with("2[") && !text.starts_with("2[\"") && !text.starts_with("2[]"))
        },
    },
    Entry {
        name: "takes-infinity",
        area: "event",
        breaks: &["client.sio.invalid-json-number"],
        sentence: "takes numbers that JSON does not have",
        build: || {
            texts_in(|text| {
                vec![
                    text.replace("-Infinity", "0")
                        .replace("Infinity", "0")
                        .replace("NaN", "0"),
                ]
            })
        },
    },
    Entry {
        name: "emits-reserved-names",
        area: "event",
        breaks: &["client.sio.reserved-emit"],
        sentence: "lets the application emit events with reserved names",
        build: || {
            struct Careless;
            impl Seams for Careless {
                fn refuses(&mut self, refused: &Refused) -> bool {
                    !matches!(refused, Refused::ReservedName(_))
                }
            }
            Box::new(Careless)
        },
    },
];
