//! Faults of how a session ends.

use http::Method;

use super::{
    FaultInfo,
    parts::{anything, packets_in, posted},
};
use crate::client::{
    engine::{Arrival, Transmit},
    seams::Passing,
};

pub(super) const FAULTS: &[FaultInfo] = &[
    FaultInfo {
        name: "no-close-packet",
        area: "close",
        breaks: &["eio.close.client-polling-sends-1"],
        sentence: "stops polling without a word",
        build: || {
            anything(|passing, out| match &passing {
                Passing::Transmit(Transmit::Request(exchange, request))
                    if request.method() == Method::POST && request.body().as_ref() == b"1" =>
                {
                    out.push(posted(*exchange));
                }
                _ => out.push(passing),
            })
        },
    },
    FaultInfo {
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
    FaultInfo {
        name: "ignores-close-packet",
        area: "close",
        breaks: &["eio.close.client-receives-1-polling"],
        sentence: "goes on polling when the server has closed the session",
        build: || {
            packets_in(|packet| {
                vec![if packet == "1" {
                    "6".to_owned()
                } else {
                    packet.to_owned()
                }]
            })
        },
    },
    FaultInfo {
        name: "crashes-on-close-packet",
        area: "close",
        breaks: &["eio.close.client-receives-1-ws"],
        sentence: "dies of a close packet",
        build: || super::parts::crashes_of_packet(|packet| packet == "1"),
    },
    FaultInfo {
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
    FaultInfo {
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
    FaultInfo {
        name: "crashes-on-unknown-packet",
        area: "close",
        breaks: &["client.eio.unknown-packet-type"],
        sentence: "dies of a packet whose type it does not know",
        build: || super::parts::crashes_of_packet(|packet| packet.starts_with(['7', '8', '9'])),
    },
];
