//! Faults of long-polling: how many requests there are, when, and what their answers mean.

use std::collections::BTreeSet;

use http::{Method, StatusCode};

use super::{
    Entry,
    parts::{anything, delayed, posted, remembering, targets, with_parameter},
};
use crate::{
    client::{
        engine::{Arrival, Transmit},
        seams::Passing,
    },
    engine::ExchangeId,
};

/// The POSTs that were sent.
type Posts = BTreeSet<ExchangeId>;

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "two-polls",
        area: "polling",
        breaks: &["eio.polling.client-single-get"],
        sentence: "keeps two polls open",
        build: || {
            anything(|passing, out| {
                if let Passing::Transmit(Transmit::Request(exchange, request)) = &passing
                    && request.method() == Method::GET
                    && request.uri().query().is_some_and(|query| query.contains("sid="))
                {
                    let second = ExchangeId(exchange.0 | 1 << 31);
                    out.push(Passing::Transmit(Transmit::Request(second, request.clone())));
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "two-posts",
        area: "polling",
        breaks: &["eio.polling.client-single-post"],
        sentence: "does not wait for the answer to a POST before the next",
        build: || {
            anything(|passing, out| {
                let post = match &passing {
                    Passing::Transmit(Transmit::Request(exchange, request))
                        if request.method() == Method::POST =>
                    {
                        Some(*exchange)
                    }
                    _ => None,
                };
                out.push(passing);
                out.extend(post.map(posted));
            })
        },
    },
    Entry {
        name: "polls-now-and-then",
        area: "polling",
        breaks: &["eio.polling.client-repolls-at-once"],
        sentence: "waits for a second before the next poll",
        build: || {
            delayed::<()>(|(), passing| match passing {
                Passing::Transmit(Transmit::Request(_, request))
                    if request.method() == Method::GET
                        && request.uri().query().is_some_and(|query| query.contains("sid=")) =>
                {
                    1000
                }
                _ => 0,
            })
        },
    },
    Entry {
        name: "no-cache-busting",
        area: "polling",
        breaks: &["eio.polling.client-cache-busting"],
        sentence: "leaves out the parameter that keeps caches away",
        build: || targets(|target| with_parameter(target, "t", None)),
    },
    Entry {
        name: "reads-the-answer-to-a-post",
        area: "polling",
        breaks: &["client.eio.post-body-ignored"],
        sentence: "takes a POST for refused if its answer is not `ok`",
        build: || {
            remembering::<Posts>(|posts, _, mut passing, out| {
                note_post(posts, &passing);
                if let Passing::Arrival(Arrival::Response(exchange, response)) = &mut passing
                    && posts.contains(exchange)
                    && response.body().as_ref() != b"ok"
                {
                    *response.status_mut() = StatusCode::BAD_GATEWAY;
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "ignores-failing-polls",
        area: "polling",
        breaks: &["client.eio.poll-error-500", "client.eio.poll-400-unknown-sid"],
        sentence: "polls again when a poll has failed",
        build: || {
            remembering::<Posts>(|posts, _, mut passing, out| {
                note_post(posts, &passing);
                if let Passing::Arrival(Arrival::Response(exchange, response)) = &mut passing
                    && !posts.contains(exchange)
                    && exchange.0 as u32 > 1
                    && response.status() != StatusCode::OK
                {
                    *response.status_mut() = StatusCode::OK;
                    *response.body_mut() = "6".into();
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "ignores-refused-posts",
        area: "polling",
        breaks: &["client.eio.post-413"],
        sentence: "goes on when a POST was refused",
        build: || {
            remembering::<Posts>(|posts, _, mut passing, out| {
                note_post(posts, &passing);
                if let Passing::Arrival(Arrival::Response(exchange, response)) = &mut passing
                    && posts.contains(exchange)
                {
                    *response.status_mut() = StatusCode::OK;
                }
                out.push(passing);
            })
        },
    },
];

fn note_post(posts: &mut Posts, passing: &Passing) {
    if let Passing::Transmit(Transmit::Request(exchange, request)) = passing
        && request.method() == Method::POST
    {
        posts.insert(*exchange);
    }
}
