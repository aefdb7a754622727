//! Faults of the handshake, and of finding the session of a request.

use std::collections::{HashMap, HashSet};

use http::{Method, StatusCode, request::Parts};

use super::{
    Entry,
    parts::{
        Misconfigured, Open, Requests, Responses, answer, is_websocket, open_packet, parameter, polled_body,
        set_body, set_parameter, with_field,
    },
};
use crate::{
    engine::{ExchangeId, Millis, Transmit},
    seams::{Ids, Seams, Verdict},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "handshake-created",
        area: "handshake",
        breaks: &["eio.handshake.polling.status-200"],
        sentence: "answers a handshake with 201 instead of 200",
        build: || {
            Box::new(Responses(|response| {
                if response.body().starts_with(b"0{") {
                    *response.status_mut() = StatusCode::CREATED;
                }
            }))
        },
    },
    Entry {
        name: "open-packet-second",
        area: "handshake",
        breaks: &["eio.handshake.polling.open-packet-first"],
        sentence: "sends a message before the open packet",
        build: || Box::new(Open(|open| format!("4early\u{1e}{open}"))),
    },
    Entry {
        name: "numeric-sid",
        area: "handshake",
        breaks: &["eio.handshake.polling.sid-string"],
        sentence: "announces the session id as a number",
        build: || Box::new(Open(|open| with_field(open, "sid", "17"))),
    },
    Entry {
        name: "unsafe-sid",
        area: "handshake",
        breaks: &["eio.handshake.polling.sid-url-safe"],
        sentence: "gives out session ids that a URL cannot hold as they are",
        build: || Box::new(SessionIds(|mut ids| Box::new(move || format!("{}&/", ids())))),
    },
    Entry {
        name: "same-engine-sid",
        area: "handshake",
        breaks: &["eio.handshake.polling.sid-unique"],
        sentence: "gives every session the same id",
        build: || {
            Box::new(SessionIds(|mut ids| {
                let id = ids();
                Box::new(move || id.clone())
            }))
        },
    },
    Entry {
        name: "upgrades-as-string",
        area: "handshake",
        breaks: &["eio.handshake.polling.upgrades-array"],
        sentence: "announces the upgrades as a string",
        build: || Box::new(Open(|open| with_field(open, "upgrades", "\"websocket\""))),
    },
    Entry {
        name: "upgrades-always",
        area: "handshake",
        breaks: &[
            "eio.handshake.polling.upgrades-empty-when-disallowed",
            "eio.handshake.polling.upgrades-filtered-by-transports",
        ],
        sentence: "announces the upgrade to WebSocket where it is not allowed",
        build: || Box::new(Open(|open| with_field(open, "upgrades", "[\"websocket\"]"))),
    },
    Entry {
        name: "interval-as-string",
        area: "handshake",
        breaks: &["eio.handshake.polling.ping-interval-number"],
        sentence: "announces pingInterval as a string",
        build: || Box::new(Open(|open| with_field(open, "pingInterval", "\"300\""))),
    },
    Entry {
        name: "timeout-missing",
        area: "handshake",
        breaks: &["eio.handshake.polling.ping-timeout-number"],
        sentence: "does not announce pingTimeout",
        build: || Box::new(Open(|open| with_field(open, "pingTimeout", ""))),
    },
    Entry {
        name: "max-payload-missing",
        area: "handshake",
        breaks: &["eio.handshake.polling.max-payload-number"],
        sentence: "does not announce maxPayload",
        build: || Box::new(Open(|open| with_field(open, "maxPayload", ""))),
    },
    Entry {
        name: "extra-key",
        area: "handshake",
        breaks: &["eio.handshake.polling.exact-keys"],
        sentence: "announces a key that nobody knows",
        build: || Box::new(Open(|open| open.replacen('{', "{\"server\":\"reference\",", 1))),
    },
    Entry {
        name: "interval-lie",
        area: "handshake",
        breaks: &["eio.handshake.polling.ping-interval-truthful"],
        sentence: "pings half as often as it announces",
        build: || Box::new(Misconfigured::new(|engine, _| engine.ping_interval *= 2)),
    },
    Entry {
        name: "max-payload-lie",
        area: "handshake",
        breaks: &[
            "eio.handshake.polling.max-payload-truthful",
            "eio.payload.maxpayload-exact",
        ],
        sentence: "accepts only half of the maxPayload that it announces",
        build: || Box::new(Misconfigured::new(|engine, _| engine.max_payload /= 2)),
    },
    Entry {
        name: "accepts-missing-eio",
        area: "handshake",
        breaks: &["eio.handshake.polling.missing-eio"],
        sentence: "takes a polling request without protocol version for one of version 4",
        build: || {
            Box::new(Requests(|head| {
                if !is_websocket(head) && parameter(head, "EIO").is_none() {
                    set_parameter(head, "EIO", Some("4"));
                }
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "accepts-any-eio",
        area: "handshake",
        breaks: &[
            "eio.handshake.polling.eio-non-numeric",
            "eio.handshake.polling.eio-future",
            "eio.handshake.polling.eio-3-when-disabled",
            "eio.session.eio-version-switch",
        ],
        sentence: "takes a polling request of any protocol version for one of version 4",
        build: || {
            Box::new(Requests(|head| {
                if !is_websocket(head) && parameter(head, "EIO").is_some() {
                    set_parameter(head, "EIO", Some("4"));
                }
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "defaults-to-polling",
        area: "handshake",
        breaks: &[
            "eio.handshake.polling.missing-transport",
            "eio.session.missing-transport-with-sid",
        ],
        sentence: "takes a request without transport for polling",
        build: || {
            Box::new(Requests(|head| {
                if !is_websocket(head) && parameter(head, "transport").is_none() {
                    set_parameter(head, "transport", Some("polling"));
                }
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "unknown-transport-polls",
        area: "handshake",
        breaks: &["eio.handshake.polling.unknown-transport"],
        sentence: "takes a request of an unknown transport for polling",
        build: || {
            Box::new(Requests(|head| {
                let transport = parameter(head, "transport");
                if !is_websocket(head) && transport.is_some_and(|transport| transport.starts_with("a")) {
                    set_parameter(head, "transport", Some("polling"));
                }
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "breaks-on-property-names",
        area: "handshake",
        breaks: &[
            "eio.handshake.polling.proto-transport",
            "eio.session.proto-sid",
            "eio.ws.proto-transport",
        ],
        sentence: "answers 500 when a transport or session is named like a property of an object",
        build: || {
            Box::new(Requests(|head| {
                const PROPERTIES: [&str; 4] = ["__proto__", "constructor", "toString", "hasOwnProperty"];
                let is_property =
                    |name| parameter(head, name).is_some_and(|value| PROPERTIES.contains(&value));
                if is_property("transport") || is_property("sid") {
                    return answer(500, "text/plain", "cannot read properties of undefined");
                }
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "post-opens-session",
        area: "handshake",
        breaks: &[
            "eio.handshake.polling.post-without-sid",
            "eio.handshake.polling.put-without-sid",
        ],
        sentence: "opens a session for a POST or PUT",
        build: || {
            Box::new(Requests(|head| {
                if parameter(head, "sid").is_none()
                    && (head.method == Method::POST || head.method == Method::PUT)
                {
                    head.method = Method::GET;
                }
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "ignores-refusal",
        area: "handshake",
        breaks: &[
            "eio.handshake.polling.app-refusal-403",
            "eio.http.ws-origin-check-hook",
        ],
        sentence: "lets clients in that the application refuses",
        build: || Box::new(Misconfigured::new(|engine, _| engine.refuse_handshake = None)),
    },
    Entry {
        name: "no-cookie",
        area: "handshake",
        breaks: &["eio.handshake.polling.cookie-contains-sid"],
        sentence: "sets no cookie although it was told to",
        build: || Box::new(Misconfigured::new(|engine, _| engine.cookie = None)),
    },
    Entry {
        name: "cookie-unasked",
        area: "handshake",
        breaks: &["eio.handshake.polling.no-cookie-by-default"],
        sentence: "sets a cookie that nobody asked for",
        build: || Box::new(Misconfigured::new(|engine, _| engine.cookie = Some("io".into()))),
    },
    Entry {
        name: "error-code-as-string",
        area: "handshake",
        breaks: &["eio.handshake.error.json-shape"],
        sentence: "sends the code of an error as a string",
        build: || {
            Box::new(Responses(|response| {
                if let Some(rest) = response.body().strip_prefix(b"{\"code\":") {
                    let (digit, rest) = rest.split_at(1);
                    *response.body_mut() = [b"{\"code\":\"", digit, b"\"", rest].concat().into();
                }
            }))
        },
    },
    Entry {
        name: "unknown-sid-answered",
        area: "handshake",
        breaks: &["eio.session.unknown-sid-get", "eio.session.unknown-sid-post"],
        sentence: "answers 200 to requests of sessions that never were",
        build: || Box::new(Sessions::answered(Wrongly::Unknown)),
    },
    Entry {
        name: "closed-sid-fails",
        area: "handshake",
        breaks: &["eio.session.closed-sid", "eio.close.polling.session-gone"],
        sentence: "answers 500 to requests of a session that is over",
        build: || Box::new(Sessions::answered(Wrongly::Over)),
    },
    Entry {
        name: "transport-mismatch-polls",
        area: "handshake",
        breaks: &[
            "eio.session.transport-mismatch",
            "eio.upgrade.polling-get-after",
            "eio.upgrade.polling-post-after",
        ],
        sentence: "answers 200 to polling requests of a session that uses a WebSocket",
        build: || Box::new(Sessions::answered(Wrongly::Mismatch)),
    },
    Entry {
        name: "crosstalk",
        area: "handshake",
        breaks: &["eio.session.request-on-other-port-noop"],
        sentence: "puts what one session polls into the next poll of another one, too",
        build: || Box::<Crosstalk>::default(),
    },
];

/// Another source of session ids.
struct SessionIds(fn(Ids) -> Ids);

impl Seams for SessionIds {
    fn session_ids(&mut self, ids: Ids) -> Ids {
        (self.0)(ids)
    }
}

/// Which requests are answered, and how, instead of being refused.
#[derive(Clone, Copy)]
pub(super) enum Wrongly {
    /// Those of sessions that never were, with 200.
    Unknown,
    /// Those of sessions that are over, with 500.
    Over,
    /// Those of sessions that are over, with 200, as if they went on.
    Silent,
    /// Those of sessions on another transport, with 200.
    Mismatch,
}

/// Answers requests of sessions that it should refuse.
pub(super) struct Sessions {
    wrongly: Wrongly,
    announced: HashSet<String>,
    requests: HashMap<ExchangeId, (Method, String)>,
}

impl Sessions {
    pub(super) fn answered(wrongly: Wrongly) -> Self {
        Self {
            wrongly,
            announced: HashSet::new(),
            requests: HashMap::new(),
        }
    }
}

impl Seams for Sessions {
    fn request(&mut self, exchange: ExchangeId, head: &mut Parts) -> Verdict {
        if let Some(sid) = parameter(head, "sid").filter(|_| !is_websocket(head)) {
            self.requests
                .insert(exchange, (head.method.clone(), sid.to_owned()));
        }
        Verdict::Pass
    }

    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Some(open) = open_packet(&transmit) {
            self.announced.extend(open.split('"').nth(3).map(str::to_owned));
        }
        if let Transmit::Respond(exchange, response) = &mut transmit
            && let Some((method, sid)) = self.requests.remove(exchange)
        {
            let was = self.announced.contains(&sid);
            let code = response
                .body()
                .strip_prefix(b"{\"code\":")
                .and_then(|rest| rest.first().copied());
            match (self.wrongly, code) {
                (Wrongly::Unknown, Some(b'1')) if !was => answer_well(response, &method),
                (Wrongly::Over, Some(b'1')) if was => {
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                }
                (Wrongly::Silent, Some(b'1')) if was => answer_well(response, &method),
                (Wrongly::Silent, None) if response.body() == "1" => answer_well(response, &method),
                (Wrongly::Mismatch, Some(b'3')) => answer_well(response, &method),
                _ => {}
            }
        }
        out.push(transmit);
    }
}

fn answer_well(response: &mut http::Response<bytes::Bytes>, method: &Method) {
    *response.status_mut() = StatusCode::OK;
    *response.body_mut() = bytes::Bytes::from_static(if *method == Method::GET { b"6" } else { b"ok" });
}

/// Appends the last event that was polled by one session to the next poll of another one.
#[derive(Default)]
struct Crosstalk {
    sids: HashMap<ExchangeId, String>,
    last: Option<(String, String)>,
}

impl Seams for Crosstalk {
    fn request(&mut self, exchange: ExchangeId, head: &mut Parts) -> Verdict {
        self.sids
            .extend(parameter(head, "sid").map(|sid| (exchange, sid.to_owned())));
        Verdict::Pass
    }

    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Transmit::Respond(exchange, _) = &transmit
            && let Some(sid) = self.sids.remove(exchange)
            && let Some(body) = polled_body(&transmit)
        {
            let foreign = self.last.take_if(|(owner, _)| *owner != sid);
            if body.starts_with("42") {
                self.last = Some((sid, body.clone()));
            }
            if let Some((_, foreign)) = foreign {
                set_body(&mut transmit, format!("{body}\u{1e}{foreign}"));
            }
        }
        out.push(transmit);
    }
}
