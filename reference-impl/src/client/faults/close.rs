//! Faults of how a session ends.

use super::{
    Entry,
    parts::{SEPARATOR, anything, packets_in, polled, remembering},
};
use crate::client::{
    engine::{Arrival, Transmit},
    seams::Passing,
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "no-close-packet",
        area: "close",
        breaks: &["eio.close.client-polling-sends-1"],
        sentence: "leaves without the close packet, its poll still open",
        build: || {
            remembering::<bool>(|has_left, _, passing, out| {
                *has_left |= matches!(
                    &passing,
                    Passing::Transmit(Transmit::Request(_, request)) if request.body().as_ref() == b"1"
                );
                if !(*has_left && matches!(&passing, Passing::Transmit(_))) {
                    out.push(passing);
                }
            })
        },
    },
    Entry {
        name: "leaves-websocket-open",
        area: "close",
        breaks: &["client.eio.close-sends-close", "eio.heartbeat.client-timeout"],
        sentence: "does not close the WebSocket of a session that is over",
        build: || {
            anything(|passing, out| match &passing {
                Passing::Transmit(Transmit::Close(..)) => {}
                _ => out.push(passing),
            })
        },
    },
    Entry {
        name: "ignores-close-packet",
        area: "close",
        breaks: &["eio.close.client-receives-1-polling"],
        sentence: "waits for more when the server has closed the session",
        build: || {
            remembering::<bool>(|is_closed, _, mut passing, out| {
                if *is_closed && matches!(&passing, Passing::Arrival(_)) {
                    return;
                }
                if let Passing::Arrival(Arrival::Response(_, response)) = &mut passing {
                    *is_closed = polled(response)
                        .is_some_and(|body| body.split(SEPARATOR).any(|packet| packet == "1"));
                    if *is_closed {
                        *response.body_mut() = "6".into();
                    }
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "crashes-on-close-packet",
        area: "close",
        breaks: &["eio.close.client-receives-1-ws"],
        sentence: "dies of a close packet",
        build: || super::parts::crashes_of_packet(|packet| packet == "1"),
    },
    Entry {
        name: "ignores-lost-websocket",
        area: "close",
        breaks: &[
            "client.eio.ws-close-1000",
            "client.sio.reconnect-after-transport-close",
        ],
        sentence: "does not notice that the WebSocket is gone",
        build: || {
            anything(|passing, out| match &passing {
                Passing::Arrival(Arrival::WsClosed(..)) => {}
                _ => out.push(passing),
            })
        },
    },
    Entry {
        name: "dies-of-noop",
        area: "close",
        breaks: &["eio.close.client-receives-6"],
        sentence: "ends the session at a noop",
        build: || {
            packets_in(|packet| {
                vec![if packet == "6" {
                    "9".to_owned()
                } else {
                    packet.to_owned()
                }]
            })
        },
    },
    Entry {
        name: "crashes-on-unknown-packet",
        area: "close",
        breaks: &["client.eio.unknown-packet-type"],
        sentence: "dies of a packet whose type it does not know",
        build: || super::parts::crashes_of_packet(|packet| packet.starts_with(['7', '8', '9'])),
    },
];
