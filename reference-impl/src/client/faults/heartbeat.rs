//! Faults of the heartbeat.

use super::{
    Entry,
    parts::{open, packets_in, packets_out, with_field},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "never-pongs",
        area: "heartbeat",
        breaks: &["eio.heartbeat.client-pong"],
        sentence: "answers no ping",
        build: || {
            packets_out(|packet| {
                if packet == "3" {
                    Vec::new()
                } else {
                    vec![packet.to_owned()]
                }
            })
        },
    },
    Entry {
        name: "no-pong-to-a-payload",
        area: "heartbeat",
        breaks: &["eio.heartbeat.client-pong-payload"],
        sentence: "does not take a ping with a payload for a ping",
        build: || {
            packets_in(|packet| {
                let is_odd = packet.len() > 1 && packet.starts_with('2') && packet != "2probe";
                vec![if is_odd { "6".to_owned() } else { packet.to_owned() }]
            })
        },
    },
    Entry {
        name: "pongs-with-a-payload",
        area: "heartbeat",
        breaks: &["eio.heartbeat.client-pong"],
        sentence: "answers a ping with a payload of its own",
        build: || {
            packets_out(|packet| {
                vec![if packet == "3" {
                    "3probe".to_owned()
                } else {
                    packet.to_owned()
                }]
            })
        },
    },
    Entry {
        name: "pings-the-server",
        area: "heartbeat",
        breaks: &["eio.heartbeat.client-never-pings"],
        sentence: "sends a ping behind each pong, as version 3 did",
        build: || {
            packets_out(|packet| match packet {
                "3" => vec!["3".to_owned(), "2".to_owned()],
                other => vec![other.to_owned()],
            })
        },
    },
    Entry {
        name: "pongs-unasked",
        area: "heartbeat",
        breaks: &["client.eio.no-pong-unasked"],
        sentence: "begins with a pong that nobody asked for",
        build: || {
            packets_out(|packet| match packet {
                connect if connect.starts_with("40") => vec!["3".to_owned(), connect.to_owned()],
                other => vec![other.to_owned()],
            })
        },
    },
    Entry {
        name: "no-heartbeat-timeout",
        area: "heartbeat",
        breaks: &["eio.heartbeat.client-timeout"],
        sentence: "never notices that the server has gone silent",
        build: || open(|open| with_field(open, "pingTimeout", "100000000")),
    },
    Entry {
        name: "hasty-heartbeat",
        area: "heartbeat",
        breaks: &["eio.heartbeat.client-timeout"],
        sentence: "gives the server no time beyond the interval",
        build: || open(|open| with_field(&with_field(open, "pingTimeout", "0"), "pingInterval", "60")),
    },
];
