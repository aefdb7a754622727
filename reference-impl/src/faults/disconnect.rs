//! Faults of leaving namespaces, and of keeping namespaces apart.

use super::{
    Entry,
    parts::{Actions, Incoming, Outgoing, Told, is_text, parts, text},
};
use crate::{
    engine::{EngineEvent, Message, Millis},
    seams::Seams,
    socket::{Action, SocketEvent},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "ignores-disconnect",
        area: "disconnect",
        breaks: &[
            "sio.disconnect.client-main",
            "sio.event.after-disconnect-packet",
            "sio.ack.after-namespace-disconnect",
        ],
        sentence: "ignores a DISCONNECT",
        build: || {
            Box::new(Incoming(|message| {
                if is_text(&message, |text| text.starts_with('1')) {
                    Vec::new()
                } else {
                    vec![message]
                }
            }))
        },
    },
    Entry {
        name: "disconnect-closes-all",
        area: "disconnect",
        breaks: &[
            "sio.disconnect.client-custom",
            "sio.disconnect.client-custom-no-comma",
            "sio.disconnect.main-keeps-custom",
            "sio.disconnect.reconnect-same-engine",
            "sio.disconnect.client-main-engine-stays",
        ],
        sentence: "closes the whole connection when a client leaves one namespace",
        build: || Box::new(ClosesAll),
    },
    Entry {
        name: "leaves-main-instead",
        area: "disconnect",
        breaks: &["sio.disconnect.client-custom"],
        sentence: "takes a DISCONNECT of any namespace for one of the main namespace",
        build: || {
            Box::new(Incoming(|message| {
                text(
                    message,
                    |text| if text.starts_with("1/") { "1".into() } else { text },
                )
            }))
        },
    },
    Entry {
        name: "leaves-without-a-word",
        area: "disconnect",
        breaks: &[
            "sio.disconnect.server-initiated",
            "sio.disconnect.server-close-all",
        ],
        sentence: "does not tell a client that it was disconnected",
        build: || {
            Box::new(Outgoing(|message| {
                if is_text(&message, |text| text.starts_with('1')) {
                    Vec::new()
                } else {
                    vec![message]
                }
            }))
        },
    },
    Entry {
        name: "leaving-closes-all",
        area: "disconnect",
        breaks: &["sio.disconnect.server-initiated-others-live"],
        sentence: "closes the whole connection when it disconnects one namespace",
        build: || {
            Box::new(Actions(|action| match &action {
                Action::Send(session, message) if is_text(message, |text| text.starts_with('1')) => {
                    let close = Action::Close(*session);
                    vec![action, close]
                }
                _ => vec![action],
            }))
        },
    },
    Entry {
        name: "forgets-disconnect-handler",
        area: "disconnect",
        breaks: &[
            "sio.disconnect.transport-close-all-namespaces",
            "sio.disconnect.parse-error-reason",
            "sio.disconnect.client-main",
        ],
        sentence: "does not tell the application that a client is gone",
        build: || {
            Box::new(Told(|event| match event {
                SocketEvent::Disconnected { .. } => Vec::new(),
                other => vec![other],
            }))
        },
    },
    Entry {
        name: "disconnect-with-payload",
        area: "disconnect",
        breaks: &["sio.disconnect.with-payload"],
        sentence: "takes a DISCONNECT with a payload",
        build: || {
            Box::new(Incoming(|message| {
                text(message, |text| if text == "1{}" { "1".into() } else { text })
            }))
        },
    },
    Entry {
        name: "namespaces-share-handlers",
        area: "disconnect",
        breaks: &["sio.multiplex.namespace-isolation"],
        sentence: "delivers an event of another namespace to the main one, too",
        build: || {
            Box::new(Incoming(|message| match &message {
                Message::Text(text) if text.starts_with("2/") => {
                    let (head, _, rest) = parts(text);
                    let shared = Message::Text(format!("{head}{rest}"));
                    vec![message, shared]
                }
                _ => vec![message],
            }))
        },
    },
    Entry {
        name: "namespaces-by-prefix",
        area: "disconnect",
        breaks: &["sio.multiplex.json-with-slash", "sio.multiplex.comma-in-payload"],
        sentence: "takes a slash in the payload for the beginning of a namespace",
        build: || {
            Box::new(Incoming(|message| {
                if is_text(&message, |text| {
                    text.starts_with("2[\"/") || text.starts_with("2/custom,[\"message\",\"a,")
                }) {
                    Vec::new()
                } else {
                    vec![message]
                }
            }))
        },
    },
    Entry {
        name: "rooms-never-left",
        area: "disconnect",
        breaks: &["sio.disconnect.rooms-left"],
        sentence: "goes on sending to a socket that has left, what is for its room",
        build: || Box::<RoomsKept>::default(),
    },
];

/// Closes after each DISCONNECT of a client.
struct ClosesAll;

impl Seams for ClosesAll {
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        // What the socket layer does not understand makes it close the connection.
        let malformed = match &event {
            EngineEvent::Message(session, message) if is_text(message, |text| text.starts_with('1')) => {
                Some(EngineEvent::Message(*session, Message::Text("?".into())))
            }
            _ => None,
        };
        out.push(event);
        out.extend(malformed);
    }
}

/// Copies each shout to the sessions whose socket left.
#[derive(Default)]
struct RoomsKept {
    left: Vec<crate::engine::SessionKey>,
}

impl Seams for RoomsKept {
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        if let EngineEvent::Message(session, message) = &event
            && is_text(message, |text| text == "1")
        {
            self.left.push(*session);
        }
        out.push(event);
    }

    fn action(&mut self, _now: Millis, action: Action, out: &mut Vec<Action>) {
        if let Action::Send(session, message) = &action
            && is_text(message, |text| text.starts_with("2[\"shout\""))
        {
            let others = self.left.iter().filter(|left| *left != session);
            out.extend(others.map(|left| Action::Send(*left, message.clone())));
        }
        out.push(action);
    }
}
