//! Faults of the heartbeat.

use super::{
    Entry,
    parts::{Misconfigured, PacketsIn, PacketsOut},
};
use crate::{
    engine::{ExchangeId, Message, Millis, Transmit},
    seams::Seams,
};

/// So late that no test waits for it, and yet far from the end of time.
const NEVER: Millis = u64::MAX / 4;

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "never-pings",
        area: "heartbeat",
        breaks: &[
            "eio.heartbeat.polling.server-ping",
            "eio.heartbeat.ws.server-ping",
        ],
        sentence: "never pings",
        build: || Box::new(Misconfigured::new(|engine, _| engine.ping_interval = NEVER)),
    },
    Entry {
        name: "no-heartbeat-timeout",
        area: "heartbeat",
        breaks: &[
            "eio.heartbeat.polling.timeout-closes",
            "eio.heartbeat.polling.no-pong-while-polling",
            "eio.heartbeat.ws.timeout-closes",
        ],
        sentence: "pings, but does not mind if no pong comes",
        build: || Box::new(Misconfigured::new(|engine, _| engine.ping_timeout = NEVER)),
    },
    Entry {
        name: "ignores-pongs",
        area: "heartbeat",
        breaks: &[
            "eio.heartbeat.polling.pong-accepted",
            "eio.heartbeat.ws.not-closed-early",
        ],
        sentence: "closes a session whose client answered the ping",
        build: || {
            Box::new(PacketsIn(|packet| {
                Some(packet.to_owned()).filter(|packet| !packet.starts_with('3'))
            }))
        },
    },
    Entry {
        name: "hasty-timeout",
        area: "heartbeat",
        breaks: &["eio.heartbeat.ws.not-closed-early"],
        sentence: "waits for a pong only a quarter of pingTimeout",
        build: || Box::new(Misconfigured::new(|engine, _| engine.ping_timeout /= 4)),
    },
    Entry {
        name: "late-timeout",
        area: "heartbeat",
        breaks: &["eio.heartbeat.ws.late-pong"],
        sentence: "waits for a pong four times pingTimeout",
        build: || Box::new(Misconfigured::new(|engine, _| engine.ping_timeout *= 4)),
    },
    Entry {
        name: "pong-with-data-ignored",
        area: "heartbeat",
        breaks: &["eio.heartbeat.pong-payload-ignored"],
        sentence: "takes only a bare `3` for a pong",
        build: || {
            Box::new(PacketsIn(|packet| {
                Some(packet.to_owned()).filter(|packet| packet == "3" || !packet.starts_with('3'))
            }))
        },
    },
    Entry {
        name: "ping-for-each-pong",
        area: "heartbeat",
        breaks: &["eio.heartbeat.unsolicited-pong", "eio.heartbeat.pong-flood"],
        sentence: "answers each pong with another ping",
        build: || Box::<PingForPong>::default(),
    },
    Entry {
        name: "answers-client-pings",
        area: "heartbeat",
        breaks: &[
            "eio.heartbeat.client-ping-eio4-ws",
            "eio.heartbeat.client-2probe-outside-upgrade",
        ],
        sentence: "answers a ping from a client with a pong, as the third revision did",
        build: || Box::<PongForPing>::default(),
    },
    Entry {
        name: "ping-with-data",
        area: "heartbeat",
        breaks: &["eio.heartbeat.ws.ping-is-text-without-payload"],
        sentence: "sends something behind the 2 of a ping",
        build: || {
            Box::new(PacketsOut(|packet| {
                let packet = if packet == "2" { "2ping" } else { packet };
                vec![packet.to_owned()]
            }))
        },
    },
];

/// Sends a ping for each pong that comes on a WebSocket.
#[derive(Default)]
struct PingForPong {
    owed: Vec<ExchangeId>,
}

impl Seams for PingForPong {
    fn frame(&mut self, exchange: ExchangeId, frame: Message, out: &mut Vec<Message>) {
        if frame == Message::Text("3".into()) {
            self.owed.push(exchange);
        }
        out.push(frame);
    }

    fn deadline(&self) -> Option<Millis> {
        if self.owed.is_empty() { None } else { Some(0) }
    }

    fn timeout(&mut self, _now: Millis, out: &mut Vec<Transmit>) {
        out.extend(
            self.owed
                .drain(..)
                .map(|exchange| Transmit::Frame(exchange, Message::Text("2".into()))),
        );
    }
}

/// Answers what is no ping of a probe, and keeps it from the engine.
#[derive(Default)]
struct PongForPing {
    owed: Vec<(ExchangeId, String)>,
    upgraded: std::collections::HashSet<ExchangeId>,
}

impl Seams for PongForPing {
    fn frame(&mut self, exchange: ExchangeId, frame: Message, out: &mut Vec<Message>) {
        match &frame {
            Message::Text(text) if text.starts_with('2') && self.upgraded.contains(&exchange) => {
                self.owed.push((exchange, text.replacen('2', "3", 1)));
            }
            _ => out.push(frame),
        }
    }

    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        // Whatever is sent on a WebSocket, but for the answer to a probe, shows that it carries its session.
        if let Transmit::Frame(exchange, frame) = &transmit
            && *frame != Message::Text("3probe".into())
        {
            self.upgraded.insert(*exchange);
        }
        out.push(transmit);
    }

    fn deadline(&self) -> Option<Millis> {
        if self.owed.is_empty() { None } else { Some(0) }
    }

    fn timeout(&mut self, _now: Millis, out: &mut Vec<Transmit>) {
        out.extend(
            self.owed
                .drain(..)
                .map(|(exchange, pong)| Transmit::Frame(exchange, Message::Text(pong))),
        );
    }
}
