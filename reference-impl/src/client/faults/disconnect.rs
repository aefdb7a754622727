//! Faults of leaving a namespace.

use super::{
    Entry,
    parts::{anything, parts, texts_in, texts_out},
};
use crate::{
    client::{
        seams::Passing,
        socket::{Action, Command, DisconnectReason, Report},
    },
    engine::Message,
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "no-disconnect-packet",
        area: "disconnect",
        breaks: &["client.sio.disconnect-packet"],
        sentence: "leaves without a word",
        build: || {
            texts_out(|text| {
                if text.starts_with('1') {
                    Vec::new()
                } else {
                    vec![text.to_owned()]
                }
            })
        },
    },
    Entry {
        name: "disconnect-in-main",
        area: "disconnect",
        breaks: &["client.sio.disconnect-packet"],
        sentence: "does not say which namespace it leaves",
        build: || {
            texts_out(|text| {
                let (head, namespace, rest) = parts(text);
                vec![format!(
                    "{head}{}{rest}",
                    if head == "1" { "" } else { namespace }
                )]
            })
        },
    },
    Entry {
        name: "leaving-one-closes-all",
        area: "disconnect",
        breaks: &["client.sio.disconnect-one-of-two"],
        sentence: "closes the connection when it leaves one of its namespaces",
        build: || {
            anything(|passing, out| {
                let session = match &passing {
                    Passing::Action(Action::Send(session, Message::Text(text))) if text.starts_with('1') => {
                        Some(*session)
                    }
                    _ => None,
                };
                out.push(passing);
                out.extend(session.map(|session| Passing::Action(Action::Close(session))));
            })
        },
    },
    Entry {
        name: "hides-disconnects",
        area: "disconnect",
        breaks: &["client.sio.server-disconnect"],
        sentence: "does not report that the server has ended a namespace",
        build: || {
            super::parts::reports(|report| match report {
                Report::Disconnected {
                    reason: DisconnectReason::ByServer,
                    ..
                } => Vec::new(),
                other => vec![other],
            })
        },
    },
    Entry {
        name: "comes-back-when-put-out",
        area: "disconnect",
        breaks: &["client.sio.server-disconnect-final"],
        sentence: "connects again when the server has put it out",
        build: || {
            anything(|passing, out| {
                let again = match &passing {
                    Passing::Report(Report::Disconnected {
                        namespace,
                        reason: DisconnectReason::ByServer,
                    }) => Some(Command::Connect {
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
        name: "put-out-of-one-is-put-out-of-all",
        area: "disconnect",
        breaks: &["client.sio.server-disconnect-one-of-two"],
        sentence: "takes the end of any namespace for that of the main one",
        build: || {
            texts_in(|text| {
                let main = (text.starts_with("1/")).then(|| "1".to_owned());
                [text.to_owned()].into_iter().chain(main).collect()
            })
        },
    },
];
