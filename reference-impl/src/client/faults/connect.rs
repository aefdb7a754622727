//! Faults of joining a namespace.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Entry,
    parts::{crashes, parts, remembering, reports, set_target, texts_in, texts_out},
};
use crate::{
    client::{
        engine::{Arrival, EngineEvent, SessionKey},
        seams::Passing,
        socket::{Action, Auth, Command, Report},
    },
    codec::{AckId, encode_event, json_field, unquote},
    engine::{Message, Millis},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "no-connect-packet",
        area: "connect",
        breaks: &["client.sio.sends-connect"],
        sentence: "does not ask for the main namespace, as clients of version 2 did",
        build: || {
            texts_out(|text| {
                if text.starts_with('0') && !text.contains('/') {
                    Vec::new()
                } else {
                    vec![text.to_owned()]
                }
            })
        },
    },
    Entry {
        name: "joins-main-too",
        area: "connect",
        breaks: &["client.sio.no-main-connect-for-custom"],
        sentence: "asks for the main namespace before any other",
        build: || {
            texts_out(|text| {
                let before = text.starts_with("0/").then(|| "0".to_owned());
                before.into_iter().chain([text.to_owned()]).collect()
            })
        },
    },
    Entry {
        name: "forgets-namespace",
        area: "connect",
        breaks: &[
            "client.sio.sends-connect-custom",
            "client.sio.ack-answer-namespace",
        ],
        sentence: "says everything in the main namespace",
        build: || {
            texts_out(|text| {
                let (head, _, rest) = parts(text);
                vec![format!("{head}{rest}")]
            })
        },
    },
    Entry {
        name: "no-comma",
        area: "connect",
        breaks: &["client.sio.sends-connect-custom"],
        sentence: "leaves the comma behind the namespace out",
        build: || {
            texts_out(|text| {
                let (head, namespace, rest) = parts(text);
                vec![format!("{head}{}{rest}", namespace.trim_end_matches(','))]
            })
        },
    },
    Entry {
        name: "encodes-namespace",
        area: "connect",
        breaks: &["client.sio.namespace-encoding"],
        sentence: "escapes the name of a namespace as in a URL",
        build: || {
            texts_out(|text| {
                let (head, namespace, rest) = parts(text);
                vec![format!("{head}{}{rest}", escaped(namespace, b"/,"))]
            })
        },
    },
    Entry {
        name: "no-auth",
        area: "connect",
        breaks: &["client.sio.auth-payload"],
        sentence: "does not send the credentials",
        build: || {
            texts_out(|text| {
                let (head, namespace, rest) = parts(text);
                vec![format!(
                    "{head}{namespace}{}",
                    if head == "0" { "" } else { rest }
                )]
            })
        },
    },
    Entry {
        name: "auth-in-query",
        area: "connect",
        breaks: &["client.sio.auth-not-in-query"],
        sentence: "puts the credentials into the URL",
        build: || {
            remembering::<Option<String>>(|credentials, _, mut passing, out| {
                if let Passing::Command(Command::Connect { auth: Some(auth), .. }) = &mut passing {
                    *credentials = auth();
                }
                if let Some(credentials) = credentials {
                    let credentials = json_field(credentials, "token")
                        .and_then(unquote)
                        .unwrap_or_default()
                        .into_owned();
                    set_target(&mut passing, |target| {
                        format!("{target}&token={}", escaped(&credentials, b""))
                    });
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "auth-once",
        area: "connect",
        breaks: &["client.sio.auth-reevaluated"],
        sentence: "asks for the credentials only once",
        build: || {
            remembering::<()>(|(), _, passing, out| {
                out.push(match passing {
                    Passing::Command(Command::Connect {
                        namespace,
                        auth: Some(auth),
                    }) => Passing::Command(Command::Connect {
                        namespace,
                        auth: Some(kept(auth)),
                    }),
                    other => other,
                });
            })
        },
    },
    Entry {
        name: "connected-unasked",
        area: "connect",
        breaks: &["client.sio.connected-only-after-ack"],
        sentence: "reports a namespace as joined before the server says so",
        build: || {
            remembering::<()>(|(), _, passing, out| {
                let early = match &passing {
                    Passing::Action(Action::Send(_, Message::Text(text))) if text.starts_with('0') => {
                        let namespace = parts(text).1.trim_end_matches(',');
                        let namespace = if namespace.is_empty() { "/" } else { namespace };
                        Some(Report::Connected {
                            namespace: namespace.to_owned(),
                            sid: String::new(),
                        })
                    }
                    _ => None,
                };
                if !matches!(&passing, Passing::Report(Report::Connected { .. })) {
                    out.push(passing);
                }
                out.extend(early.map(Passing::Report));
            })
        },
    },
    Entry {
        name: "sid-of-the-session",
        area: "connect",
        breaks: &["client.sio.id-is-sio-sid"],
        sentence: "shows the id of the session as that of the namespace",
        build: || {
            remembering::<String>(|sid, _, mut passing, out| {
                match &mut passing {
                    Passing::Arrival(Arrival::Frame(_, Message::Text(text))) => note_sid(sid, text),
                    Passing::Arrival(Arrival::Response(_, response)) => {
                        note_sid(sid, &String::from_utf8_lossy(response.body()));
                    }
                    Passing::Report(Report::Connected { sid: shown, .. }) => shown.clone_from(sid),
                    _ => {}
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "emits-before-connect",
        area: "connect",
        breaks: &["client.sio.no-emit-before-connect"],
        sentence: "sends events before the namespace is joined",
        build: || remembering::<Early>(emit_early),
    },
    Entry {
        name: "needs-no-sid",
        area: "connect",
        breaks: &["client.sio.connect-without-sid"],
        sentence: "dies of a grant without an id",
        build: || {
            crashes(|text| {
                text.starts_with('0') && !text.contains("\"sid\":\"") || text.contains("\"sid\":\"\"")
            })
        },
    },
    Entry {
        name: "swallows-refusals",
        area: "connect",
        breaks: &["client.sio.connect-error", "client.sio.connect-error-string"],
        sentence: "does not report that the server refuses a namespace",
        build: || {
            reports(|report| match report {
                Report::ConnectError { .. } => Vec::new(),
                other => vec![other],
            })
        },
    },
    Entry {
        name: "no-message-of-refusals",
        area: "connect",
        breaks: &["client.sio.connect-error"],
        sentence: "reports a refusal with a text of its own",
        build: || {
            reports(|report| {
                vec![match report {
                    Report::ConnectError { namespace, data, .. } => Report::ConnectError {
                        namespace,
                        message: "connection failed".to_owned(),
                        data,
                    },
                    other => other,
                }]
            })
        },
    },
    Entry {
        name: "no-data-of-refusals",
        area: "connect",
        breaks: &["client.sio.connect-error-data"],
        sentence: "loses the data of a refusal",
        build: || {
            reports(|report| {
                vec![match report {
                    Report::ConnectError {
                        namespace, message, ..
                    } => Report::ConnectError {
                        namespace,
                        message,
                        data: None,
                    },
                    other => other,
                }]
            })
        },
    },
    Entry {
        name: "asks-again-when-refused",
        area: "connect",
        breaks: &["client.sio.connect-error-no-auto-retry"],
        sentence: "asks for a refused namespace again",
        build: || {
            remembering::<()>(|(), _, passing, out| {
                let again = match &passing {
                    Passing::Report(Report::ConnectError { namespace, .. }) => Some(Command::Connect {
                        namespace: namespace.clone(),
                        auth: None,
                    }),
                    _ => None,
                };
                out.push(passing);
                out.extend(again.map(Passing::Command));
            })
        },
    },
    Entry {
        name: "crashes-on-refusal-without-payload",
        area: "connect",
        breaks: &["client.sio.connect-error-no-payload"],
        sentence: "dies of a refusal without a payload",
        build: || crashes(|text| text.starts_with('4') && parts(text).2.is_empty()),
    },
    Entry {
        name: "crashes-on-refusal-with-null",
        area: "connect",
        breaks: &["client.sio.connect-error-null"],
        sentence: "dies of a refusal whose payload is not an object",
        build: || crashes(|text| text.starts_with('4') && parts(text).2.starts_with(['n', '['])),
    },
    Entry {
        name: "refusals-of-others",
        area: "connect",
        breaks: &["client.sio.connect-error-other-namespace"],
        sentence: "takes any refusal for one of the main namespace",
        build: || {
            texts_in(|text| {
                let (head, namespace, rest) = parts(text);
                vec![format!(
                    "{head}{}{rest}",
                    if head == "4" { "" } else { namespace }
                )]
            })
        },
    },
    Entry {
        name: "crashes-on-second-grant",
        area: "connect",
        breaks: &["client.sio.duplicate-connect-ack"],
        sentence: "dies when a namespace is granted twice",
        build: || {
            remembering::<Option<SessionKey>>(|granted, _, passing, out| match &passing {
                Passing::Event(EngineEvent::Message(session, Message::Text(text)))
                    if text.starts_with("0{") =>
                {
                    let is_second = granted.replace(*session) == Some(*session);
                    out.push(if is_second {
                        Passing::Crash("granted twice")
                    } else {
                        passing
                    });
                }
                _ => out.push(passing),
            })
        },
    },
    Entry {
        name: "connects-twice",
        area: "connect",
        breaks: &[
            "client.sio.no-connect-while-connected",
            "client.sio.sends-connect",
        ],
        sentence: "sends CONNECT whenever the application asks, also for a namespace that it has joined",
        build: || remembering::<Option<SessionKey>>(connect_again),
    },
    Entry {
        name: "session-for-each-namespace",
        area: "connect",
        breaks: &["client.sio.multiplex-one-engine"],
        sentence: "opens one more session for each namespace but the main one",
        build: || {
            remembering::<u32>(|count, _, passing, out| {
                if matches!(&passing, Passing::Action(Action::Send(_, Message::Text(text))) if text.starts_with("0/"))
                {
                    *count += 1;
                    out.push(Passing::Action(Action::Open(SessionKey(1_000_000 + *count))));
                }
                out.push(passing);
            })
        },
    },
];

/// The session that is open, and what is known of the namespaces.
#[derive(Default)]
struct Early {
    session: Option<SessionKey>,
    joined: BTreeMap<String, ()>,
}

fn emit_early(early: &mut Early, _now: Millis, passing: Passing, out: &mut Vec<Passing>) {
    match &passing {
        Passing::Event(EngineEvent::Opened(session)) => early.session = Some(*session),
        Passing::Report(Report::Connected { namespace, .. }) => {
            early.joined.insert(namespace.clone(), ());
        }
        Passing::Report(Report::Disconnected { namespace, .. }) => {
            early.joined.remove(namespace);
        }
        Passing::Command(Command::Emit { namespace, emission }) if !early.joined.contains_key(namespace) => {
            if let Some(session) = early.session {
                let id = emission.ack.as_ref().map(|_| AckId::from(0));
                let event = encode_event(namespace, id.as_ref(), &emission.event, &emission.arguments);
                out.push(Passing::Action(Action::Send(session, Message::Text(event.text))));
                return;
            }
        }
        _ => {}
    }
    out.push(passing);
}

/// Asks for a namespace once more when the application says connect in an open session.
fn connect_again(open: &mut Option<SessionKey>, _now: Millis, passing: Passing, out: &mut Vec<Passing>) {
    match &passing {
        Passing::Event(EngineEvent::Opened(session)) => *open = Some(*session),
        Passing::Event(EngineEvent::Closed(..)) => *open = None,
        Passing::Command(Command::Connect { namespace, .. }) => {
            if let Some(session) = open {
                let text = crate::codec::encode_connect(namespace, None);
                out.push(Passing::Action(Action::Send(*session, Message::Text(text))));
            }
        }
        _ => {}
    }
    out.push(passing);
}

fn note_sid(sid: &mut String, text: &str) {
    if let Some(open) = text.strip_prefix("0{") {
        let open = open.split('\u{1e}').next().unwrap_or_default();
        if let Some(known) = json_field(&format!("{{{open}"), "sid").and_then(unquote) {
            *sid = known.into_owned();
        }
    }
}

/// Credentials that never change.
fn kept(auth: Auth) -> Auth {
    let auth = Arc::new(Mutex::new(auth));
    let mut known: Option<Option<String>> = None;
    Box::new(move || {
        known
            .get_or_insert_with(|| (auth.lock().unwrap_or_else(PoisonError::into_inner))())
            .clone()
    })
}

fn escaped(text: &str, plain: &[u8]) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
