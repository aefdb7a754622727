//! Faults of what HTTP carries beside the packets: status, headers, other origins.

use std::collections::HashMap;

use http::{HeaderValue, Method, header, request::Parts};

use super::{
    Entry,
    parts::{Requests, Responses, answer, parameter, polled_body, set_body},
};
use crate::{
    engine::{ExchangeId, Millis, Transmit},
    seams::{Seams, Verdict},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "post-says-loud-ok",
        area: "http",
        breaks: &["eio.http.post-response-body-ok"],
        sentence: "answers a POST with `OK`",
        build: || {
            Box::new(Responses(|response| {
                if response.body() == "ok" {
                    *response.body_mut() = bytes::Bytes::from_static(b"OK");
                }
            }))
        },
    },
    Entry {
        name: "cors-any-origin",
        area: "http",
        breaks: &["eio.http.cors-bad-origin"],
        sentence: "lets pages of every origin read its answers",
        build: || Box::<AnyOrigin>::default(),
    },
    Entry {
        name: "no-cors-on-errors",
        area: "http",
        breaks: &["eio.http.cors-on-errors"],
        sentence: "leaves the CORS headers out of errors",
        build: || {
            Box::new(Responses(|response| {
                if response.status().is_client_error() {
                    response.headers_mut().remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
                }
            }))
        },
    },
    Entry {
        name: "no-preflight",
        area: "http",
        breaks: &["eio.http.options-preflight"],
        sentence: "refuses preflight requests",
        build: || {
            Box::new(Requests(|head| match head.method {
                Method::OPTIONS => answer(
                    400,
                    "application/json",
                    "{\"code\":2,\"message\":\"Bad handshake method\"}",
                ),
                _ => Verdict::Pass,
            }))
        },
    },
    Entry {
        name: "refuses-untyped-post",
        area: "http",
        breaks: &["eio.http.post-content-type-absent"],
        sentence: "refuses a POST without Content-Type",
        build: || {
            Box::new(Requests(|head| {
                if head.method == Method::POST && !head.headers.contains_key(header::CONTENT_TYPE) {
                    return answer(
                        415,
                        "application/json",
                        "{\"message\":\"Unsupported media type\"}",
                    );
                }
                Verdict::Pass
            }))
        },
    },
    Entry {
        name: "wrong-content-type",
        area: "http",
        breaks: &[
            "eio.handshake.polling.content-type-text",
            "eio.http.post-response-content-type",
        ],
        sentence: "calls all that it answers application/octet-stream",
        build: || {
            Box::new(Responses(|response| {
                let value = HeaderValue::from_static("application/octet-stream");
                response.headers_mut().insert(header::CONTENT_TYPE, value);
            }))
        },
    },
    Entry {
        name: "stored-answers",
        area: "http",
        breaks: &["eio.handshake.polling.no-store"],
        sentence: "lets caches keep what it answers",
        build: || {
            Box::new(Responses(|response| {
                response.headers_mut().remove(header::CACHE_CONTROL);
            }))
        },
    },
    Entry {
        name: "jsonp-unchecked",
        area: "http",
        breaks: &["eio.http.jsonp-non-numeric"],
        sentence: "wraps a poll into a script with whatever the query names as callback",
        build: || Box::<Jsonp>::default(),
    },
    Entry {
        name: "post-waits-for-poll",
        area: "http",
        breaks: &["eio.http.post-response-prompt"],
        sentence: "answers a POST only when the client polls",
        build: || Box::<PostWaits>::default(),
    },
];

/// Allows whatever origin asks.
#[derive(Default)]
struct AnyOrigin {
    origins: HashMap<ExchangeId, HeaderValue>,
}

impl Seams for AnyOrigin {
    fn request(&mut self, exchange: ExchangeId, head: &mut Parts) -> Verdict {
        self.origins.extend(
            head.headers
                .get(header::ORIGIN)
                .map(|origin| (exchange, origin.clone())),
        );
        Verdict::Pass
    }

    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Transmit::Respond(exchange, response) = &mut transmit
            && let Some(origin) = self.origins.remove(exchange)
        {
            response
                .headers_mut()
                .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        out.push(transmit);
    }
}

/// Believes the `j` of a query.
#[derive(Default)]
struct Jsonp {
    callbacks: HashMap<ExchangeId, String>,
}

impl Seams for Jsonp {
    fn request(&mut self, exchange: ExchangeId, head: &mut Parts) -> Verdict {
        self.callbacks
            .extend(parameter(head, "j").map(|callback| (exchange, callback.to_owned())));
        Verdict::Pass
    }

    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Transmit::Respond(exchange, _) = &transmit
            && let Some(callback) = self.callbacks.remove(exchange)
            && let Some(body) = polled_body(&transmit)
        {
            let quoted = body.replace('\\', "\\\\").replace('"', "\\\"");
            set_body(&mut transmit, format!("___eio[{callback}](\"{quoted}\");"));
        }
        out.push(transmit);
    }
}

/// Holds the answer to a POST until a GET is answered.
#[derive(Default)]
struct PostWaits {
    /// The queries of requests: a session's own poll releases what it posted.
    queries: HashMap<ExchangeId, String>,
    held: Vec<(String, Transmit)>,
}

impl Seams for PostWaits {
    fn request(&mut self, exchange: ExchangeId, head: &mut Parts) -> Verdict {
        let query = head.uri.query().unwrap_or_default().to_owned();
        self.queries.insert(exchange, query);
        Verdict::Pass
    }

    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        let Transmit::Respond(exchange, response) = &transmit else {
            return out.push(transmit);
        };
        let query = self.queries.remove(exchange).unwrap_or_default();
        if response.body() == "ok" {
            self.held.push((query, transmit));
            return;
        }
        if polled_body(&transmit).is_some() {
            let (released, held) = std::mem::take(&mut self.held)
                .into_iter()
                .partition(|(posted, _)| *posted == query);
            self.held = held;
            out.extend(Vec::into_iter(released).map(|(_, transmit)| transmit));
        }
        out.push(transmit);
    }
}
