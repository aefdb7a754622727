//! Faults of concurrent polling requests.

use std::collections::{HashMap, VecDeque};

use http::{Method, request::Parts};

use super::{
    Entry,
    parts::{answer, is_websocket, parameter, polled_body},
};
use crate::{
    engine::{ExchangeId, Millis, Transmit},
    seams::{Seams, Verdict},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "two-gets",
        area: "polling",
        breaks: &[
            "eio.polling.duplicate-get-status",
            "eio.polling.duplicate-get-closes",
        ],
        sentence: "answers a second GET with a noop instead of ending the session",
        build: || {
            Box::new(Pending::new(
                |pending, own| pending == own && *own == Method::GET,
                || answer(200, "text/plain; charset=UTF-8", "6"),
            ))
        },
    },
    Entry {
        name: "two-posts",
        area: "polling",
        breaks: &[
            "eio.polling.duplicate-post-status",
            "eio.polling.duplicate-post-closes",
        ],
        sentence: "answers a second POST with `ok` instead of ending the session",
        build: || {
            Box::new(Pending::new(
                |pending, own| pending == own && *own == Method::POST,
                || answer(200, "text/plain; charset=UTF-8", "ok"),
            ))
        },
    },
    Entry {
        name: "one-request-at-a-time",
        area: "polling",
        breaks: &["eio.polling.get-and-post-parallel"],
        sentence: "refuses a POST while a GET waits",
        build: || {
            Box::new(Pending::new(
                |pending, own| *pending == Method::GET && *own == Method::POST,
                || {
                    answer(
                        400,
                        "application/json",
                        "{\"code\":3,\"message\":\"Bad request\"}",
                    )
                },
            ))
        },
    },
    Entry {
        name: "second-get-survives",
        area: "polling",
        breaks: &["eio.polling.duplicate-get-closes"],
        sentence: "refuses a second GET but lets the session go on",
        build: || {
            Box::new(Pending::new(
                |pending, own| pending == own && *own == Method::GET,
                || {
                    answer(
                        400,
                        "application/json",
                        "{\"code\":3,\"message\":\"Bad request\"}",
                    )
                },
            ))
        },
    },
    Entry {
        name: "second-post-survives",
        area: "polling",
        breaks: &["eio.polling.duplicate-post-closes"],
        sentence: "refuses a second POST but lets the session go on",
        build: || {
            Box::new(Pending::new(
                |pending, own| pending == own && *own == Method::POST,
                || {
                    answer(
                        400,
                        "application/json",
                        "{\"code\":3,\"message\":\"Bad request\"}",
                    )
                },
            ))
        },
    },
    Entry {
        name: "sleepy-polls",
        area: "polling",
        breaks: &["eio.polling.get-flushes-on-emit"],
        sentence: "answers each poll 250 ms late",
        build: || Box::<Late>::default(),
    },
    Entry {
        name: "aborted-post-blocks",
        area: "polling",
        breaks: &["eio.polling.aborted-post", "eio.payload.declared-length-lie"],
        sentence: "never answers a POST of a session that broke off an earlier one",
        build: || Box::<AbortedPost>::default(),
    },
];

/// Which requests wait, and what is said to another one that comes meanwhile.
struct Pending {
    conflicts: fn(&Method, &Method) -> bool,
    answer: fn() -> Verdict,
    waiting: HashMap<ExchangeId, (String, Method)>,
}

impl Pending {
    fn new(conflicts: fn(&Method, &Method) -> bool, answer: fn() -> Verdict) -> Self {
        Self {
            conflicts,
            answer,
            waiting: HashMap::new(),
        }
    }
}

impl Seams for Pending {
    fn request(&mut self, exchange: ExchangeId, head: &mut Parts) -> Verdict {
        let Some(sid) = parameter(head, "sid").filter(|_| !is_websocket(head)) else {
            return Verdict::Pass;
        };
        let mut waiting = self.waiting.values();
        if waiting.any(|(own, method)| own == sid && (self.conflicts)(method, &head.method)) {
            return (self.answer)();
        }
        self.waiting
            .insert(exchange, (sid.to_owned(), head.method.clone()));
        Verdict::Pass
    }

    fn gone(&mut self, exchange: ExchangeId) -> bool {
        self.waiting.remove(&exchange);
        true
    }

    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Transmit::Respond(exchange, _) = &transmit {
            self.waiting.remove(exchange);
        }
        out.push(transmit);
    }
}

/// Holds each payload for a while.
#[derive(Default)]
struct Late {
    held: VecDeque<(Millis, Transmit)>,
}

impl Seams for Late {
    fn transmit(&mut self, now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        match polled_body(&transmit) {
            // The handshake stays prompt: it is no poll.
            Some(body) if !body.starts_with("0{") => self.held.push_back((now + 250, transmit)),
            _ => out.push(transmit),
        }
    }

    fn deadline(&self) -> Option<Millis> {
        self.held.front().map(|(at, _)| *at)
    }

    fn timeout(&mut self, now: Millis, out: &mut Vec<Transmit>) {
        while self.held.front().is_some_and(|(at, _)| *at <= now) {
            out.extend(self.held.pop_front().map(|(_, transmit)| transmit));
        }
    }
}

/// Keeps the place of a POST that was broken off.
#[derive(Default)]
struct AbortedPost {
    posts: HashMap<ExchangeId, String>,
    blocked: Vec<String>,
}

impl Seams for AbortedPost {
    fn request(&mut self, exchange: ExchangeId, head: &mut Parts) -> Verdict {
        if let Some(sid) = parameter(head, "sid").filter(|_| head.method == Method::POST) {
            if self.blocked.iter().any(|blocked| blocked == sid) {
                return Verdict::Hold;
            }
            self.posts.insert(exchange, sid.to_owned());
        }
        Verdict::Pass
    }

    fn gone(&mut self, exchange: ExchangeId) -> bool {
        let sid = self.posts.remove(&exchange);
        let is_known = sid.is_none();
        self.blocked.extend(sid);
        is_known
    }

    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Transmit::Respond(exchange, _) = &transmit {
            self.posts.remove(exchange);
        }
        out.push(transmit);
    }
}
