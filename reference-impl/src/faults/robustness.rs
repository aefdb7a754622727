//! Faults of robustness: what one client does to the others, and what odd requests do to the server.

use std::collections::{BTreeSet, HashMap};

use http::{HeaderValue, header, request::Parts};

use super::{
    Entry,
    parts::{Requests, Responses, answer, parameter},
};
use crate::{
    codec::Decoder,
    engine::{EngineEvent, ExchangeId, Message, Millis, SessionKey, Transmit},
    seams::{Seams, Verdict},
    socket::Action,
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "violation-closes-everyone",
        area: "robustness",
        breaks: &["robust.parse-error-closes-only-one"],
        sentence: "closes all connections when one client breaks the protocol",
        build: || Box::<ClosesEveryone>::default(),
    },
    Entry {
        name: "dies-of-garbage",
        area: "robustness",
        breaks: &["robust.process-alive-after-each-check"],
        sentence: "dies of a packet that it does not understand",
        build: || Box::new(super::parts::Dies::of(|text| text == "abc")),
    },
    Entry {
        name: "error-shows-query",
        area: "robustness",
        breaks: &["robust.xss-in-error"],
        sentence: "shows the query in an error page",
        build: || {
            Box::new(Requests(|head| {
                let query = ["transport", "sid"]
                    .iter()
                    .find_map(|name| parameter(head, name).filter(|value| value.contains(['<', '%'])));
                match query {
                    Some(query) => answer(400, "text/html", query.replace("%3C", "<").replace("%3E", ">")),
                    None => Verdict::Pass,
                }
            }))
        },
    },
    Entry {
        name: "error-shows-stack",
        area: "robustness",
        breaks: &["robust.error-does-not-leak-stack"],
        sentence: "shows where in its code an error came up",
        build: || {
            Box::new(Responses(|response| {
                if response.status().is_client_error() {
                    let trace = "Error: Bad request\n    at Server.verify (/srv/node_modules/engine.io/build/server.js:123:9)";
                    *response.body_mut() = bytes::Bytes::from_static(trace.as_bytes());
                }
            }))
        },
    },
    Entry {
        name: "needs-no-host",
        area: "robustness",
        breaks: &["robust.host-missing"],
        sentence: "takes a request without Host",
        build: || {
            Box::new(Requests(|head| {
                head.headers
                    .entry(header::HOST)
                    .or_insert(HeaderValue::from_static("localhost"));
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "fails-on-percent-signs",
        area: "robustness",
        breaks: &["robust.invalid-percent-encoding"],
        sentence: "answers 500 to a query with an invalid escape",
        build: || {
            Box::new(Requests(|head| {
                let query = head.uri.query().unwrap_or("");
                let mut escapes = query.split('%').skip(1);
                let is_bad = |escape: &str| {
                    !escape
                        .get(..2)
                        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
                };
                if escapes.any(is_bad) {
                    answer(500, "text/plain", "URI malformed")
                } else {
                    Verdict::Pass
                }
            }))
        },
    },
    Entry {
        name: "dies-of-absolute-targets",
        area: "robustness",
        breaks: &["robust.absolute-form-uri"],
        sentence: "dies of a request whose target is a whole URL",
        build: || {
            Box::new(Mortal {
                of_absolute: true,
                ..Mortal::default()
            })
        },
    },
    Entry {
        name: "fifty-sessions",
        area: "robustness",
        breaks: &["robust.handshake-burst"],
        sentence: "answers 500 to handshakes while fifty sessions are open",
        build: || Box::<FiftySessions>::default(),
    },
    Entry {
        name: "slow-body-for-ever",
        area: "robustness",
        breaks: &["robust.slow-body-ends"],
        sentence: "waits for a body even when its session is over",
        build: || Box::<SlowBody>::default(),
    },
    Entry {
        name: "socket-id-is-a-key",
        area: "robustness",
        breaks: &["robust.sid-not-in-sio-payloads"],
        sentence: "takes the public id of a socket for that of its session",
        build: || Box::<PublicKey>::default(),
    },
    Entry {
        name: "composes-characters",
        area: "robustness",
        breaks: &["robust.unicode-normalization"],
        sentence: "joins letters with the accents behind them",
        build: || {
            Box::new(super::parts::Outgoing(|message| {
                super::parts::text(message, |text| {
                    text.replace("e\u{301}", "é").replace("e\\u0301", "é")
                })
            }))
        },
    },
    Entry {
        name: "query-becomes-header",
        area: "robustness",
        breaks: &["robust.header-injection-sid"],
        sentence: "copies a line break of the query into the head of its answer",
        build: || Box::new(Requests(inject)),
    },
    Entry {
        name: "slow-body-blocks-all",
        area: "robustness",
        breaks: &["robust.slow-body"],
        sentence: "serves nobody while a body has not come whole",
        build: || {
            Box::new(SlowBody {
                blocks: true,
                ..SlowBody::default()
            })
        },
    },
    Entry {
        name: "dies-of-foreign-upgrade",
        area: "robustness",
        breaks: &["robust.http2-preface"],
        sentence: "dies of a request to upgrade to anything but WebSocket",
        build: || {
            Box::new(Mortal {
                of_upgrade: true,
                ..Mortal::default()
            })
        },
    },
    Entry {
        name: "dies-of-broken-websocket",
        area: "robustness",
        breaks: &["robust.ws-upgrade-rst-right-path", "robust.ws-half-close"],
        sentence: "dies when a WebSocket breaks",
        build: || {
            Box::new(Mortal {
                of_break: true,
                ..Mortal::default()
            })
        },
    },
    Entry {
        name: "dies-of-many-namespaces",
        area: "robustness",
        breaks: &["sio.connect.many-namespaces-limit"],
        sentence: "dies after five hundred requests for a namespace",
        build: || {
            Box::new(Mortal {
                namespaces: Some(500),
                ..Mortal::default()
            })
        },
    },
];

/// Answers an id with a line break with a header of its own.
fn inject(head: &mut Parts) -> Verdict {
    let sid = parameter(head, "sid").unwrap_or("").to_ascii_lowercase();
    let Some((name, value)) = sid
        .split_once("%0a")
        .and_then(|(_, line)| line.split_once([':', '%']))
    else {
        return Verdict::Pass;
    };
    let value = value.trim_start_matches("3a").trim_start_matches("%20");
    let mut verdict = answer(
        400,
        "application/json",
        "{\"code\":1,\"message\":\"Session ID unknown\"}",
    );
    if let (Verdict::Answer(response), Ok(name), Ok(value)) = (
        &mut verdict,
        name.parse::<header::HeaderName>(),
        HeaderValue::from_str(value),
    ) {
        response.headers_mut().insert(name, value);
    }
    verdict
}

/// Closes all sessions when one sends what cannot be decoded.
#[derive(Default)]
struct ClosesEveryone {
    sessions: BTreeSet<SessionKey>,
    decoders: HashMap<SessionKey, Decoder>,
}

impl Seams for ClosesEveryone {
    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        match &event {
            EngineEvent::Opened(session) => {
                self.sessions.insert(*session);
            }
            EngineEvent::Message(session, message) => {
                let decoder = self.decoders.entry(*session).or_default();
                let is_bad = match message {
                    Message::Text(text) => decoder.decode_text(text).is_err(),
                    Message::Binary(data) => decoder.decode_binary(data.clone()).is_err(),
                };
                if is_bad {
                    let others = std::mem::take(&mut self.sessions)
                        .into_iter()
                        .filter(|other| other != session);
                    out.extend(others.map(|other| EngineEvent::Message(other, Message::Text("?".into()))));
                }
            }
            EngineEvent::Closed(session, _) => {
                self.sessions.remove(session);
                self.decoders.remove(session);
            }
        }
        out.push(event);
    }
}

/// Counts sessions.
#[derive(Default)]
struct FiftySessions {
    open: usize,
}

impl Seams for FiftySessions {
    fn request(&mut self, _exchange: ExchangeId, head: &mut Parts) -> Verdict {
        if self.open >= 50 && parameter(head, "sid").is_none() {
            return answer(500, "text/plain", "out of sessions");
        }
        Verdict::Pass
    }

    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        match event {
            EngineEvent::Opened(_) => self.open += 1,
            EngineEvent::Closed(..) => self.open -= 1,
            EngineEvent::Message(..) => {}
        }
        out.push(event);
    }
}

/// Holds the refusal of a POST whose body has not come.
#[derive(Default)]
struct SlowBody {
    /// Holds everything else meanwhile, and not the refusal.
    blocks: bool,
    reading: BTreeSet<ExchangeId>,
}

impl Seams for SlowBody {
    fn request(&mut self, _exchange: ExchangeId, _head: &mut Parts) -> Verdict {
        if self.blocks && !self.reading.is_empty() {
            Verdict::Hold
        } else {
            Verdict::Pass
        }
    }

    fn body(&mut self, exchange: ExchangeId, body: bytes::Bytes) -> bytes::Bytes {
        self.reading.remove(&exchange);
        body
    }

    fn gone(&mut self, exchange: ExchangeId) -> bool {
        self.reading.remove(&exchange);
        true
    }

    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        match &transmit {
            Transmit::ReadBody { exchange, .. } => {
                self.reading.insert(*exchange);
            }
            Transmit::Respond(exchange, _) if self.blocks => {
                self.reading.remove(exchange);
            }
            Transmit::Respond(exchange, _) if self.reading.contains(exchange) => return,
            _ => {}
        }
        out.push(transmit);
    }
}

/// Answers polls for the public id of a socket.
#[derive(Default)]
struct PublicKey {
    public: BTreeSet<String>,
}

impl Seams for PublicKey {
    fn request(&mut self, _exchange: ExchangeId, head: &mut Parts) -> Verdict {
        if parameter(head, "sid").is_some_and(|sid| self.public.contains(sid)) {
            return answer(200, "text/plain; charset=UTF-8", "6");
        }
        Verdict::Pass
    }

    fn action(&mut self, _now: Millis, action: Action, out: &mut Vec<Action>) {
        if let Action::Send(_, Message::Text(text)) = &action
            && text.starts_with('0')
        {
            self.public.extend(text.split('"').nth(3).map(str::to_owned));
        }
        out.push(action);
    }
}

/// Is as dead as a process that crashed, once one of these things has happened.
#[derive(Default)]
struct Mortal {
    of_upgrade: bool,
    of_absolute: bool,
    of_break: bool,
    /// How many requests for a namespace it bears.
    namespaces: Option<usize>,
    websockets: BTreeSet<ExchangeId>,
    dead: bool,
}

impl Seams for Mortal {
    fn request(&mut self, _exchange: ExchangeId, head: &mut Parts) -> Verdict {
        let upgrade = head.headers.get(header::UPGRADE).map(HeaderValue::as_bytes);
        self.dead |=
            self.of_upgrade && upgrade.is_some_and(|upgrade| !upgrade.eq_ignore_ascii_case(b"websocket"));
        self.dead |= self.of_absolute && head.uri.authority().is_some();
        if self.dead { Verdict::Hold } else { Verdict::Pass }
    }

    fn gone(&mut self, exchange: ExchangeId) -> bool {
        self.dead |= self.of_break && self.websockets.remove(&exchange);
        !self.dead
    }

    fn engine_event(&mut self, _now: Millis, event: EngineEvent, out: &mut Vec<EngineEvent>) {
        if let (EngineEvent::Message(_, Message::Text(text)), Some(left)) = (&event, &mut self.namespaces)
            && text.starts_with("0/")
        {
            *left = left.saturating_sub(1);
            self.dead |= *left == 0;
        }
        if !self.dead {
            out.push(event);
        }
    }

    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        match &transmit {
            Transmit::Accept(exchange, _) => {
                self.websockets.insert(*exchange);
            }
            Transmit::Close(exchange, _) => {
                self.websockets.remove(exchange);
            }
            _ => {}
        }
        if !self.dead {
            out.push(transmit);
        }
    }
}
