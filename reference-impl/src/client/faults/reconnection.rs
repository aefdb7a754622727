//! Faults of making the connection again, of what waits meanwhile, and of recovery.

use std::collections::BTreeMap;

use super::{
    Entry,
    parts::{anything, commands, configured, delayed, remembering, set_target, texts_out},
};
use crate::{
    client::{
        engine::{Arrival, EngineEvent},
        seams::Passing,
        socket::{Action, Command, Report},
    },
    codec::{json_field, quote, unquote},
    engine::{Message, Millis},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "no-reconnection",
        area: "reconnection",
        breaks: &[
            "client.sio.reconnect-after-transport-close",
            "robust.restart-client-reconnects",
        ],
        sentence: "does not connect again",
        build: || configured(|options| options.reconnection = false),
    },
    Entry {
        name: "reconnects-at-once",
        area: "reconnection",
        breaks: &["client.sio.reconnect-delay", "client.sio.reconnect-backoff"],
        sentence: "connects again without waiting",
        build: || configured(|options| options.reconnection_delay = 0),
    },
    Entry {
        name: "no-backoff",
        area: "reconnection",
        breaks: &["client.sio.reconnect-backoff"],
        sentence: "waits as long for each attempt as for the first",
        build: || configured(|options| options.reconnection_delay_max = options.reconnection_delay),
    },
    Entry {
        name: "backoff-never-resets",
        area: "reconnection",
        breaks: &["client.sio.reconnect-resets-backoff"],
        sentence: "waits longer and longer, also after a success",
        build: || {
            delayed::<Millis>(|count, passing| match passing {
                Passing::Action(Action::Open(_)) => {
                    *count += 1;
                    if *count > 2 { 150 * (*count - 2) } else { 0 }
                }
                _ => 0,
            })
        },
    },
    Entry {
        name: "no-attempts-limit",
        area: "reconnection",
        breaks: &["client.sio.reconnect-attempts-limit"],
        sentence: "never gives up",
        build: || configured(|options| options.reconnection_attempts = None),
    },
    Entry {
        name: "gives-up-early",
        area: "reconnection",
        breaks: &[
            "client.sio.reconnect-attempts-limit",
            "client.sio.reconnect-backoff",
        ],
        sentence: "tries once less often than it is told",
        build: || {
            configured(|options| {
                options.reconnection_attempts = Some(
                    options
                        .reconnection_attempts
                        .map_or(1, |limit| limit.saturating_sub(1)),
                );
            })
        },
    },
    Entry {
        name: "joins-main-only-again",
        area: "reconnection",
        breaks: &["client.sio.reconnect-all-namespaces"],
        sentence: "joins only the main namespace when it connects again",
        build: || {
            remembering::<u32>(|sessions, _, passing, out| {
                match &passing {
                    Passing::Event(EngineEvent::Opened(_)) => *sessions += 1,
                    Passing::Action(Action::Send(_, Message::Text(text)))
                        if *sessions > 1 && text.starts_with("0/") =>
                    {
                        return;
                    }
                    _ => {}
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "reuses-sid",
        area: "reconnection",
        breaks: &["client.sio.reconnect-after-transport-close"],
        sentence: "asks for the session that is gone when it connects again",
        build: || {
            remembering::<Option<String>>(|known, _, mut passing, out| {
                if let Passing::Arrival(Arrival::Frame(_, Message::Text(text))) = &passing
                    && let Some(open) = text.strip_prefix('0')
                {
                    *known = json_field(open, "sid")
                        .and_then(unquote)
                        .map(std::borrow::Cow::into_owned);
                }
                if let Some(sid) = known {
                    set_target(&mut passing, |target| {
                        if target.contains("sid=") {
                            target.to_owned()
                        } else {
                            format!("{target}&sid={sid}")
                        }
                    });
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "handlers-pile-up",
        area: "reconnection",
        breaks: &["client.sio.reconnect-no-duplicate-listeners"],
        sentence: "runs a handler once more for each time it has connected again",
        build: || {
            remembering::<u32>(|sessions, _, passing, out| {
                match &passing {
                    Passing::Event(EngineEvent::Opened(_)) => *sessions += 1,
                    Passing::Report(Report::Event {
                        namespace,
                        name,
                        arguments,
                        ..
                    }) => {
                        for _ in 1..*sessions {
                            out.push(Passing::Report(Report::Event {
                                namespace: namespace.clone(),
                                name: name.clone(),
                                arguments: arguments.clone(),
                                reply: None,
                            }));
                        }
                    }
                    _ => {}
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "loses-offline-events",
        area: "reconnection",
        breaks: &["client.sio.offline-buffer"],
        sentence: "loses what is emitted while there is no connection",
        build: || {
            remembering::<Offline>(|offline, _, passing, out| offline.pass(passing, out, |_| Vec::new()))
        },
    },
    Entry {
        name: "doubles-offline-events",
        area: "reconnection",
        breaks: &["client.sio.offline-buffer"],
        sentence: "sends twice what is emitted while there is no connection",
        build: || {
            remembering::<Offline>(|offline, _, passing, out| {
                offline.pass(passing, out, |(namespace, emission)| {
                    vec![(namespace.clone(), emission.clone()), (namespace, emission)]
                });
            })
        },
    },
    Entry {
        name: "keeps-volatile-events",
        area: "reconnection",
        breaks: &["client.sio.offline-volatile"],
        sentence: "keeps volatile events like any others",
        build: || {
            commands(|mut command| {
                if let Command::Emit { emission, .. } = &mut command {
                    emission.volatile = false;
                }
                vec![command]
            })
        },
    },
    Entry {
        name: "sends-expired-questions",
        area: "reconnection",
        breaks: &["client.sio.offline-ack-timeout-removed"],
        sentence: "sends a question although it has reported that its time is over",
        build: || remembering::<Vec<Command>>(keep_expired),
    },
    Entry {
        name: "no-retries",
        area: "reconnection",
        breaks: &["client.sio.retries"],
        sentence: "sends no event again",
        build: || {
            commands(|mut command| {
                if let Command::Emit { emission, .. } = &mut command {
                    emission.retries = 0;
                }
                vec![command]
            })
        },
    },
    Entry {
        name: "retries-at-once",
        area: "reconnection",
        breaks: &["client.sio.retries-not-twice-on-connect"],
        sentence: "sends an event with retries twice when the handler of the connection emits it",
        build: || {
            remembering::<bool>(|fresh, _, passing, out| {
                match &passing {
                    Passing::Report(Report::Connected { .. }) => *fresh = true,
                    Passing::Command(Command::Emit { namespace, emission })
                        if *fresh && emission.retries > 0 =>
                    {
                        *fresh = false;
                        out.push(Passing::Command(Command::Emit {
                            namespace: namespace.clone(),
                            emission: crate::client::socket::Emission {
                                retries: 0,
                                ..emission.clone()
                            },
                        }));
                    }
                    _ => {}
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "no-recovery",
        area: "recovery",
        breaks: &["sio.recovery.client-sends-pid-offset"],
        sentence: "does not ask for the session that it has lost",
        build: || {
            texts_out(|text| {
                vec![match text.strip_prefix("0{\"pid\":") {
                    Some(rest) => match rest.find(",\"token\"") {
                        Some(at) => format!("0{{{}", &rest[at + 1..]),
                        None => "0".to_owned(),
                    },
                    None => text.to_owned(),
                }]
            })
        },
    },
    Entry {
        name: "offset-of-the-first-event",
        area: "recovery",
        breaks: &["sio.recovery.client-offset-last-processed"],
        sentence: "asks for everything since the first event",
        build: || {
            remembering::<BTreeMap<(), String>>(|first, _, mut passing, out| {
                match &mut passing {
                    Passing::Report(Report::Event { arguments, .. }) => {
                        if let Some(last) = arguments.iter().last().and_then(unquote) {
                            first.entry(()).or_insert_with(|| last.into_owned());
                        }
                    }
                    Passing::Action(Action::Send(_, Message::Text(text)))
                        if text.starts_with("0{\"pid\"") =>
                    {
                        if let (Some(first), Some(offset)) =
                            (first.get(&()), json_field(&text[1..], "offset"))
                        {
                            let mut literal = String::new();
                            quote(&mut literal, first);
                            *text = text.replace(offset, &literal);
                        }
                    }
                    _ => {}
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "hides-lost-connections",
        area: "reconnection",
        breaks: &["client.eio.ws-close-1000", "client.eio.poll-error-500"],
        sentence: "connects again without saying that the connection was lost",
        build: || {
            anything(|passing, out| match &passing {
                Passing::Report(Report::Disconnected {
                    reason: crate::client::socket::DisconnectReason::Lost(_),
                    ..
                }) => {}
                _ => out.push(passing),
            })
        },
    },
];

type Emitted = (String, crate::client::socket::Emission);

/// Which namespaces are joined.
#[derive(Default)]
struct Offline {
    joined: BTreeMap<String, ()>,
    has_left: bool,
}

impl Offline {
    /// Rewrites what is emitted in a namespace that was joined before and is not any more.
    fn pass(&mut self, passing: Passing, out: &mut Vec<Passing>, rewrite: fn(Emitted) -> Vec<Emitted>) {
        match passing {
            Passing::Command(Command::Emit { namespace, emission })
                if self.has_left && !self.joined.contains_key(&namespace) =>
            {
                let emitted = rewrite((namespace, emission)).into_iter();
                out.extend(
                    emitted
                        .map(|(namespace, emission)| Passing::Command(Command::Emit { namespace, emission })),
                );
            }
            other => {
                match &other {
                    Passing::Report(Report::Connected { namespace, .. }) => {
                        self.joined.insert(namespace.clone(), ());
                    }
                    Passing::Report(Report::Disconnected { namespace, .. }) => {
                        self.joined.remove(namespace);
                        self.has_left = true;
                    }
                    _ => {}
                }
                out.push(other);
            }
        }
    }
}

/// Emits once more, without asking for anything, what expired before it could be sent.
fn keep_expired(kept: &mut Vec<Command>, _now: Millis, passing: Passing, out: &mut Vec<Passing>) {
    let mut due = Vec::new();
    match &passing {
        Passing::Command(Command::Emit { namespace, emission }) if emission.timeout.is_some() => {
            kept.push(Command::Emit {
                namespace: namespace.clone(),
                emission: crate::client::socket::Emission {
                    timeout: None,
                    retries: 0,
                    ..emission.clone()
                },
            });
        }
        Passing::Action(Action::Send(_, Message::Text(text))) if text.starts_with(['2', '5']) => {
            kept.retain(|command| {
                !matches!(command, Command::Emit { emission, .. } if text.contains(&format!("\"{}\"", emission.event)))
            });
        }
        Passing::Report(Report::Connected { .. }) => due = std::mem::take(kept),
        _ => {}
    }
    out.push(passing);
    out.extend(due.into_iter().map(Passing::Command));
}
