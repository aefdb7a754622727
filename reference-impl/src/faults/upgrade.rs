//! Faults of the upgrade from polling to WebSocket.

use std::collections::{HashMap, HashSet};

use http::request::Parts;

use super::{
    Entry,
    parts::{FramesIn, is_text, is_websocket, open_packet, parameter, polled_body, set_parameter},
};
use crate::{
    engine::{ExchangeId, Message, Millis, Transmit},
    seams::{Seams, Verdict},
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "never-upgrades",
        area: "upgrade",
        breaks: &["eio.upgrade.probe-pong", "eio.upgrade.complete"],
        sentence: "does not answer the probe",
        build: || {
            Box::new(FramesIn(|frame| {
                if is_text(&frame, |text| text == "2probe") {
                    Vec::new()
                } else {
                    vec![frame]
                }
            }))
        },
    },
    Entry {
        name: "ignores-upgrade-packet",
        area: "upgrade",
        breaks: &["eio.upgrade.complete"],
        sentence: "answers the probe, but never leaves polling",
        build: || {
            Box::new(FramesIn(|frame| {
                if is_text(&frame, |text| text == "5") {
                    Vec::new()
                } else {
                    vec![frame]
                }
            }))
        },
    },
    Entry {
        name: "wrong-probe-answer",
        area: "upgrade",
        breaks: &["eio.upgrade.probe-pong"],
        sentence: "answers the probe with a bare pong",
        build: || {
            Box::new(super::parts::FramesOut(|frame| {
                let is_answer = is_text(&frame, |text| text == "3probe");
                vec![if is_answer {
                    Message::Text("3".into())
                } else {
                    frame
                }]
            }))
        },
    },
    Entry {
        name: "holds-polls-during-upgrade",
        area: "upgrade",
        breaks: &[
            "eio.upgrade.noop-to-pending-get",
            "eio.upgrade.noop-to-later-gets",
        ],
        sentence: "does not release the poll while an upgrade is under way",
        build: || Box::<HoldsNoops>::default(),
    },
    Entry {
        name: "holds-later-polls",
        area: "upgrade",
        breaks: &["eio.upgrade.noop-to-later-gets"],
        sentence: "releases only the first poll while an upgrade is under way",
        build: || {
            Box::new(HoldsNoops {
                spare: 1,
                ..HoldsNoops::default()
            })
        },
    },
    Entry {
        name: "loses-packets-at-upgrade",
        area: "upgrade",
        breaks: &[
            "eio.upgrade.buffered-packets-flushed-to-ws",
            "eio.upgrade.order-preserved",
        ],
        sentence: "drops what waits when the upgrade is completed",
        build: || Box::<AtUpgrade>::default(),
    },
    Entry {
        name: "repeats-packets-at-upgrade",
        area: "upgrade",
        breaks: &["eio.upgrade.buffered-packets-flushed-to-ws"],
        sentence: "sends twice what waits when the upgrade is completed",
        build: || {
            Box::new(AtUpgrade {
                copies: 2,
                ..AtUpgrade::default()
            })
        },
    },
    Entry {
        name: "leaves-second-websocket",
        area: "upgrade",
        breaks: &[
            "eio.upgrade.second-ws-during",
            "eio.upgrade.second-ws-after",
            "eio.upgrade.ws-only-session-second-ws",
        ],
        sentence: "leaves a second WebSocket of a session open",
        build: || Box::<SecondWebSocket>::default(),
    },
    Entry {
        name: "opens-unknown-sids",
        area: "upgrade",
        breaks: &["eio.upgrade.unknown-sid"],
        sentence: "opens a new session for a WebSocket of a session that never was",
        build: || Box::<UnknownSids>::default(),
    },
    Entry {
        name: "failed-probe-ends-session",
        area: "upgrade",
        breaks: &[
            "eio.upgrade.wrong-probe",
            "eio.upgrade.bare-ping",
            "eio.upgrade.message-before-5",
        ],
        sentence: "ends the session when an upgrade goes wrong",
        build: || Box::<FailedProbe>::default(),
    },
    Entry {
        name: "takes-early-messages",
        area: "upgrade",
        breaks: &["eio.upgrade.message-before-5", "eio.upgrade.binary-before-5"],
        sentence: "takes a message before the upgrade packet for both",
        build: || Box::<EarlyMessages>::default(),
    },
    Entry {
        name: "no-upgrade-timeout",
        area: "upgrade",
        breaks: &["eio.upgrade.timeout"],
        sentence: "waits for ever for an upgrade to be finished",
        build: || {
            Box::new(super::parts::Misconfigured::new(|engine, _| {
                engine.upgrade_timeout = u64::MAX / 4;
            }))
        },
    },
];

/// Holds noops back for a second, but for so many.
#[derive(Default)]
struct HoldsNoops {
    spare: usize,
    held: Vec<(Millis, Transmit)>,
}

impl Seams for HoldsNoops {
    fn transmit(&mut self, now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        if polled_body(&transmit).is_some_and(|body| body == "6") {
            if self.spare == 0 {
                self.held.push((now + 1000, transmit));
                return;
            }
            self.spare -= 1;
        }
        out.push(transmit);
    }

    fn deadline(&self) -> Option<Millis> {
        self.held.first().map(|(at, _)| *at)
    }

    fn timeout(&mut self, now: Millis, out: &mut Vec<Transmit>) {
        let due = self.held.iter().take_while(|(at, _)| *at <= now).count();
        out.extend(self.held.drain(..due).map(|(_, transmit)| transmit));
    }
}

/// Sends so many copies of what waits when the upgrade packet comes.
#[derive(Default)]
struct AtUpgrade {
    copies: usize,
    upgrading: Option<ExchangeId>,
}

impl Seams for AtUpgrade {
    fn frame(&mut self, exchange: ExchangeId, frame: Message, out: &mut Vec<Message>) {
        self.upgrading = is_text(&frame, |text| text == "5").then_some(exchange);
        out.push(frame);
    }

    fn request(&mut self, _exchange: ExchangeId, _head: &mut Parts) -> Verdict {
        self.upgrading = None;
        Verdict::Pass
    }

    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        match transmit {
            Transmit::Frame(exchange, frame) if self.upgrading == Some(exchange) => {
                out.extend((0..self.copies).map(|_| Transmit::Frame(exchange, frame.clone())));
            }
            other => out.push(other),
        }
    }
}

/// Does not close a WebSocket that never said anything.
#[derive(Default)]
struct SecondWebSocket {
    silent: HashSet<ExchangeId>,
}

impl Seams for SecondWebSocket {
    fn frame(&mut self, exchange: ExchangeId, frame: Message, out: &mut Vec<Message>) {
        self.silent.remove(&exchange);
        out.push(frame);
    }

    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        match &transmit {
            Transmit::Accept(exchange, _) => {
                self.silent.insert(*exchange);
            }
            Transmit::Frame(exchange, _) => {
                self.silent.remove(exchange);
            }
            Transmit::Close(exchange, _) if self.silent.contains(exchange) => return,
            _ => {}
        }
        out.push(transmit);
    }
}

/// Takes the id out of a WebSocket handshake that names no session.
#[derive(Default)]
struct UnknownSids {
    announced: HashSet<String>,
}

impl Seams for UnknownSids {
    fn request(&mut self, _exchange: ExchangeId, head: &mut Parts) -> Verdict {
        if is_websocket(head) && parameter(head, "sid").is_some_and(|sid| !self.announced.contains(sid)) {
            set_parameter(head, "sid", None);
        }
        Verdict::Pass
    }

    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Some(open) = open_packet(&transmit) {
            self.announced.extend(open.split('"').nth(3).map(str::to_owned));
        }
        out.push(transmit);
    }
}

/// Takes the next requests of a session whose upgrade failed for those of an unknown one.
#[derive(Default)]
struct FailedProbe {
    probes: HashMap<ExchangeId, String>,
    ended: HashSet<String>,
}

impl Seams for FailedProbe {
    fn request(&mut self, exchange: ExchangeId, head: &mut Parts) -> Verdict {
        if let Some(sid) = parameter(head, "sid").map(str::to_owned) {
            if self.ended.contains(&sid) {
                set_parameter(head, "sid", Some("gone"));
            } else if is_websocket(head) {
                self.probes.insert(exchange, sid);
            }
        }
        Verdict::Pass
    }

    fn frame(&mut self, exchange: ExchangeId, frame: Message, out: &mut Vec<Message>) {
        if is_text(&frame, |text| text == "5") {
            self.probes.remove(&exchange);
        }
        out.push(frame);
    }

    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Transmit::Close(exchange, _) = &transmit {
            self.ended.extend(self.probes.remove(exchange));
        }
        out.push(transmit);
    }
}

/// Puts an upgrade packet before the first message behind a probe.
#[derive(Default)]
struct EarlyMessages {
    probed: HashSet<ExchangeId>,
}

impl Seams for EarlyMessages {
    fn frame(&mut self, exchange: ExchangeId, frame: Message, out: &mut Vec<Message>) {
        let is_probe = is_text(&frame, |text| text == "2probe");
        let is_upgrade = is_text(&frame, |text| text == "5");
        if is_probe {
            self.probed.insert(exchange);
        } else if self.probed.remove(&exchange) && !is_upgrade {
            out.push(Message::Text("5".into()));
        }
        out.push(frame);
    }
}
