//! Faults of the handshake: what is asked for, and what is believed of the answer.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Response};

use super::{
    Entry,
    parts::{
        anything, configured, crashes_of_packet, open, parameter, polled, remembering, set_target, targets,
        with_field, with_parameter,
    },
};
use crate::{
    client::{
        engine::{Arrival, Transmit},
        options::ClientOptions,
        seams::{Passing, Seams},
    },
    codec::validate_json,
    engine::{ExchangeId, Message, Millis, Transport},
};

const BELIEVED: &str = r#"0{"sid":"invented","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "wrong-eio",
        area: "handshake",
        breaks: &["client.eio.query-eio-4"],
        sentence: "asks for version 3 of the protocol",
        build: || targets(|target| with_parameter(target, "EIO", Some("3"))),
    },
    Entry {
        name: "no-transport-parameter",
        area: "handshake",
        breaks: &["client.eio.query-transport"],
        sentence: "does not say which transport it uses",
        build: || targets(|target| with_parameter(target, "transport", None)),
    },
    Entry {
        name: "no-trailing-slash",
        area: "handshake",
        breaks: &["client.eio.path-trailing-slash"],
        sentence: "leaves the slash at the end of the path out",
        build: || targets(|target| target.replacen("/?", "?", 1)),
    },
    Entry {
        name: "fixed-path",
        area: "handshake",
        breaks: &["client.eio.path-option"],
        sentence: "asks at the usual path, whatever the application says",
        build: || configured(|options| options.path = "/socket.io/".into()),
    },
    Entry {
        name: "cuts-query-values",
        area: "handshake",
        breaks: &["client.eio.custom-query-kept"],
        sentence: "cuts values of the query at an equals sign",
        build: || {
            configured(|options| {
                for (_, value) in &mut options.query {
                    value.truncate(value.find('=').unwrap_or(value.len()));
                }
            })
        },
    },
    Entry {
        name: "no-custom-headers",
        area: "handshake",
        breaks: &["client.eio.custom-headers-kept"],
        sentence: "does not send the headers of the application",
        build: || configured(|options| options.headers.clear()),
    },
    Entry {
        name: "sid-not-encoded",
        area: "handshake",
        breaks: &["client.eio.sid-percent-encoded"],
        sentence: "puts the session id into the query as it is",
        build: || {
            targets(|target| match parameter(target, "sid") {
                Some(sid) => with_parameter(
                    target,
                    "sid",
                    Some(&sid.replace("%2F", "/").replace("%2B", "+").replace("%3D", "=")),
                ),
                None => target.to_owned(),
            })
        },
    },
    Entry {
        name: "sid-dropped-from-post",
        area: "handshake",
        breaks: &["eio.session.sid-in-subsequent-requests"],
        sentence: "posts without the session id",
        build: || {
            anything(|mut passing, out| {
                if matches!(&passing, Passing::Transmit(Transmit::Request(_, request)) if request.method() == Method::POST)
                {
                    set_target(&mut passing, |target| with_parameter(target, "sid", None));
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "posts-before-open",
        area: "handshake",
        breaks: &["client.eio.no-request-before-open"],
        sentence: "posts before it knows its session",
        build: || {
            anything(|passing, out| {
                if let Passing::Transmit(Transmit::Request(exchange, request)) = &passing
                    && parameter(&request.uri().to_string(), "sid").is_none()
                {
                    let mut hasty = request.clone();
                    *hasty.method_mut() = Method::POST;
                    *hasty.body_mut() = Bytes::from_static(b"40");
                    let hasty_exchange = ExchangeId(exchange.0 | 1 << 31);
                    out.push(Passing::Transmit(Transmit::Request(hasty_exchange, hasty)));
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "no-connect-timeout",
        area: "handshake",
        breaks: &["client.eio.connect-timeout", "client.eio.ws-silent-open"],
        sentence: "waits for ever for the open packet",
        build: || configured(|options| options.timeout = Millis::MAX),
    },
    Entry {
        name: "needs-no-open-packet",
        area: "handshake",
        breaks: &["client.eio.first-packet-not-open", "client.eio.open-html"],
        sentence: "takes any first packet for an open packet",
        build: || remembering::<BTreeMap<u64, ()>>(believe),
    },
    Entry {
        name: "crashes-on-malformed-open",
        area: "handshake",
        breaks: &["client.eio.open-bad-json"],
        sentence: "dies of an open packet that is not JSON",
        build: || {
            crashes_of_packet(|packet| {
                packet
                    .strip_prefix('0')
                    .is_some_and(|open| validate_json(open).is_err())
            })
        },
    },
    Entry {
        name: "crashes-on-incomplete-open",
        area: "handshake",
        breaks: &["client.eio.open-missing-fields"],
        sentence: "dies of an open packet that is not an object with a session id",
        build: || {
            crashes_of_packet(|packet| {
                packet
                    .strip_prefix('0')
                    .is_some_and(|open| validate_json(open).is_ok() && !open.contains("\"sid\":\""))
            })
        },
    },
    Entry {
        name: "bad-numbers-make-a-loop",
        area: "handshake",
        breaks: &["client.eio.open-bad-numbers"],
        sentence: "takes odd times of the heartbeat for almost none, and connects again at once",
        build: || Box::new(Hasty),
    },
    Entry {
        name: "adopts-a-second-open",
        area: "handshake",
        breaks: &["client.eio.second-open"],
        sentence: "dies of a second open packet",
        build: || {
            remembering::<BTreeMap<u64, ()>>(|opened, _, passing, out| match &passing {
                Passing::Arrival(Arrival::Frame(exchange, Message::Text(text))) if text.starts_with('0') => {
                    let is_second = opened.insert(exchange.0, ()).is_some();
                    out.push(if is_second {
                        Passing::Crash("a second open packet")
                    } else {
                        passing
                    });
                }
                _ => out.push(passing),
            })
        },
    },
    Entry {
        name: "hides-refusals",
        area: "handshake",
        breaks: &["client.eio.open-400-json", "client.eio.open-403"],
        sentence: "never reports that the server refuses the handshake",
        build: || {
            anything(|passing, out| match &passing {
                Passing::Arrival(Arrival::Response(_, response))
                    if matches!(response.status().as_u16(), 400 | 403) => {}
                _ => out.push(passing),
            })
        },
    },
    Entry {
        name: "keeps-cookies-unasked",
        area: "handshake",
        breaks: &["client.eio.cookies-off-by-default"],
        sentence: "keeps and sends cookies without being asked to",
        build: || configured(|options| options.cookies = true),
    },
    Entry {
        name: "no-cookies",
        area: "handshake",
        breaks: &["client.eio.cookies"],
        sentence: "sends no cookies although it is asked to",
        build: || configured(|options| options.cookies = false),
    },
    Entry {
        name: "cookies-never-end",
        area: "handshake",
        breaks: &["client.eio.cookies"],
        sentence: "does not delete a cookie whose time is over",
        build: || {
            anything(|mut passing, out| {
                if let Passing::Arrival(Arrival::Response(_, response)) = &mut passing {
                    let headers = response.headers_mut();
                    let is_end = headers.get(http::header::SET_COOKIE).is_some_and(|cookie| {
                        let cookie = String::from_utf8_lossy(cookie.as_bytes()).to_lowercase();
                        cookie.contains("max-age") || cookie.contains("expires")
                    });
                    if is_end {
                        headers.remove(http::header::SET_COOKIE);
                    }
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "websocket-first",
        area: "handshake",
        breaks: &["client.eio.polling-first"],
        sentence: "begins with a WebSocket although polling is asked for first",
        build: || {
            configured(|options| {
                options
                    .transports
                    .sort_by_key(|transport| *transport == Transport::Polling);
            })
        },
    },
    Entry {
        name: "tries-one-transport",
        area: "handshake",
        breaks: &["client.eio.fallback-polling-to-ws"],
        sentence: "never tries the second transport",
        build: || configured(|options| options.try_all_transports = false),
    },
    Entry {
        name: "forgets-behind-open",
        area: "handshake",
        breaks: &["eio.handshake.initial-packet"],
        sentence: "loses the packets that come in one body with the open packet",
        build: || {
            open(|body| match body.split_once('\u{1e}') {
                Some((open, _)) => open.to_owned(),
                None => body.to_owned(),
            })
        },
    },
    Entry {
        name: "open-keys-in-order",
        area: "handshake",
        breaks: &["eio.handshake.polling.key-order-free"],
        sentence: "understands an open packet only if it begins with the session id",
        build: || {
            open(|open| {
                if open.starts_with("0{\"sid\"") {
                    open.to_owned()
                } else {
                    "0{}".to_owned()
                }
            })
        },
    },
];

/// Has next to no heartbeat where the open packet names odd times, and connects again at once.
struct Hasty;

impl Seams for Hasty {
    fn configure(&mut self, options: &mut ClientOptions) {
        options.reconnection_delay = 0;
    }

    fn pass(&mut self, _now: Millis, mut passing: Passing, out: &mut Vec<Passing>) {
        if let Passing::Arrival(Arrival::Frame(_, Message::Text(open))) = &mut passing
            && ["-1", "\"x\"", "null", "1e400", ":0,"]
                .iter()
                .any(|odd| open.contains(odd))
        {
            *open = with_field(&with_field(open, "pingInterval", "0"), "pingTimeout", "1");
        }
        out.push(passing);
    }
}

/// Puts an open packet before what comes first, if it is none.
fn believe(seen: &mut BTreeMap<u64, ()>, _now: Millis, mut passing: Passing, out: &mut Vec<Passing>) {
    match &mut passing {
        Passing::Arrival(Arrival::Frame(exchange, Message::Text(text)))
            if seen.insert(exchange.0, ()).is_none() && !text.starts_with('0') =>
        {
            let open = Message::Text(BELIEVED.to_owned());
            out.push(Passing::Arrival(Arrival::Frame(*exchange, open)));
        }
        Passing::Arrival(Arrival::Response(exchange, response))
            if seen.insert(exchange.0 >> 32 | 1 << 63, ()).is_none()
                && !polled(response).is_some_and(|body| body.starts_with('0')) =>
        {
            *response = Response::new(Bytes::from_static(BELIEVED.as_bytes()));
        }
        _ => {}
    }
    out.push(passing);
}
