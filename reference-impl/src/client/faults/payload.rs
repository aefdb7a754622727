//! Faults of the bodies of POSTs and polls.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use http::{HeaderValue, header};

use super::{
    Entry,
    parts::{SEPARATOR, anything, open, packets_in, packets_out, polled, remembering, requests, with_field},
};
use crate::client::{
    engine::{Arrival, Transmit},
    seams::Passing,
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "urlsafe-base64",
        area: "payload",
        breaks: &["eio.payload.base64-standard-alphabet"],
        sentence: "writes bytes in the alphabet for URLs",
        build: || {
            packets_out(|packet| {
                vec![
                    match packet.strip_prefix('b').map(|encoded| STANDARD.decode(encoded)) {
                        Some(Ok(data)) => format!("b{}", URL_SAFE.encode(data)),
                        _ => packet.to_owned(),
                    },
                ]
            })
        },
    },
    Entry {
        name: "old-binary-prefix",
        area: "payload",
        breaks: &["eio.payload.binary-never-4b"],
        sentence: "writes the type of the packet behind the `b`, as version 3 did",
        build: || {
            packets_out(|packet| {
                vec![match packet.strip_prefix('b') {
                    Some(encoded) => format!("b4{encoded}"),
                    None => packet.to_owned(),
                }]
            })
        },
    },
    Entry {
        name: "wrong-separator",
        area: "payload",
        breaks: &["client.sio.binary-send"],
        sentence: "puts a line feed between the packets of a body",
        build: || {
            requests(|request| {
                let body = String::from_utf8_lossy(request.body()).replace(SEPARATOR, "\n");
                *request.body_mut() = body.into();
            })
        },
    },
    Entry {
        name: "separator-not-escaped",
        area: "payload",
        breaks: &["eio.payload.rs-inside-json-escaped"],
        sentence: "writes the separator inside a text as it is",
        build: || packets_out(|packet| vec![packet.replace("\\u001e", "\u{1e}")]),
    },
    Entry {
        name: "no-empty-binary",
        area: "payload",
        breaks: &["eio.payload.base64-empty"],
        sentence: "sends no packet for bytes of which there are none",
        build: || {
            packets_out(|packet| {
                if packet == "b" {
                    Vec::new()
                } else {
                    vec![packet.to_owned()]
                }
            })
        },
    },
    Entry {
        name: "ignores-maxpayload",
        area: "payload",
        breaks: &["eio.payload.client-batches-below-max"],
        sentence: "joins as many packets as there are",
        build: || open(|open| with_field(open, "maxPayload", "100000000")),
    },
    Entry {
        name: "drops-beyond-maxpayload",
        area: "payload",
        breaks: &["eio.payload.client-oversize-single-sent"],
        sentence: "drops a packet that is larger than maxPayload",
        build: || {
            remembering::<Option<usize>>(|max, _, passing, out| {
                if let Passing::Arrival(Arrival::Response(_, response)) = &passing
                    && let Some(body) = polled(response).filter(|body| body.starts_with('0'))
                {
                    *max =
                        crate::codec::json_field(&body[1..], "maxPayload").and_then(|max| max.parse().ok());
                }
                match passing {
                    Passing::Transmit(Transmit::Request(exchange, request))
                        if max.is_some_and(|max| request.body().len() > max) =>
                    {
                        out.push(super::parts::posted(exchange));
                    }
                    other => out.push(other),
                }
            })
        },
    },
    Entry {
        name: "needs-maxpayload",
        area: "payload",
        breaks: &["eio.payload.client-no-maxpayload"],
        sentence: "refuses an open packet without maxPayload",
        build: || {
            open(|open| {
                if open.contains("maxPayload") {
                    open.to_owned()
                } else {
                    "0{}".to_owned()
                }
            })
        },
    },
    Entry {
        name: "posts-bytes",
        area: "payload",
        breaks: &["eio.payload.client-post-content-type"],
        sentence: "declares the bodies of its POSTs to be bytes",
        build: || {
            requests(|request| {
                if let Some(declared) = request.headers_mut().get_mut(header::CONTENT_TYPE) {
                    *declared = HeaderValue::from_static("application/octet-stream");
                }
            })
        },
    },
    Entry {
        name: "first-packet-of-a-body",
        area: "payload",
        breaks: &["eio.payload.client-multi-packet-body"],
        sentence: "looks only at the first packet of a body",
        build: || {
            anything(|mut passing, out| {
                if let Passing::Arrival(Arrival::Response(_, response)) = &mut passing
                    && let Some(body) = polled(response)
                {
                    let first = body.split(SEPARATOR).next().unwrap_or_default().to_owned();
                    *response.body_mut() = first.into();
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "sixteen-packets-of-a-body",
        area: "payload",
        breaks: &["client.eio.payload-many-packets"],
        sentence: "looks only at the first sixteen packets of a body",
        build: || {
            anything(|mut passing, out| {
                if let Passing::Arrival(Arrival::Response(_, response)) = &mut passing
                    && let Some(body) = polled(response)
                {
                    let first: Vec<&str> = body.split(SEPARATOR).take(16).collect();
                    *response.body_mut() = first.join(&SEPARATOR.to_string()).into();
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "surfaces-noop",
        area: "payload",
        breaks: &["eio.noop.not-surfaced", "eio.close.client-receives-6"],
        sentence: "takes a noop for an event",
        build: || {
            packets_in(|packet| {
                vec![if packet == "6" {
                    "42[\"noop\"]".to_owned()
                } else {
                    packet.to_owned()
                }]
            })
        },
    },
];
