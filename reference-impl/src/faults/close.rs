//! Faults of closing.

use std::collections::HashSet;

use super::{
    Entry,
    handshake::{Sessions, Wrongly},
    parts::{Actions, PacketsIn, is_text, polled_body, set_body},
};
use crate::{
    engine::{ExchangeId, Millis, Transmit},
    seams::Seams,
    socket::Action,
};

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "ignores-close-packet",
        area: "close",
        breaks: &[
            "eio.close.polling.session-gone",
            "eio.close.polling.pending-get",
            "eio.close.ws.client-close-packet",
        ],
        sentence: "ignores the close packet",
        build: || {
            Box::new(PacketsIn(|packet| {
                Some(packet.to_owned()).filter(|packet| packet != "1")
            }))
        },
    },
    Entry {
        name: "forgets-broken-connections",
        area: "close",
        breaks: &[
            "eio.close.ws.frame-close",
            "eio.close.ws.tcp-reset",
            "eio.polling.aborted-get",
        ],
        sentence: "does not notice that a connection is gone until the heartbeat does",
        build: || Box::<Unnoticed>::default(),
    },
    Entry {
        name: "loses-last-event",
        area: "close",
        breaks: &["eio.close.server-flushes-first"],
        sentence: "closes a connection before its last event is sent",
        build: || {
            Box::new(Actions(|action| match action {
                Action::Send(_, message) if is_text(&message, |text| text.contains("[\"bye\"")) => Vec::new(),
                other => vec![other],
            }))
        },
    },
    Entry {
        name: "closes-without-a-word",
        area: "close",
        breaks: &[
            "eio.close.server-polling-parked",
            "eio.close.server-polling-unparked",
        ],
        sentence: "answers the polls of a session that it closed with noops",
        build: || Box::new(Sessions::answered(Wrongly::Silent)),
    },
    Entry {
        name: "close-answers-close",
        area: "close",
        breaks: &["eio.close.polling.pending-get"],
        sentence: "ends the poll of a session that its client closes with nothing at all",
        build: || Box::<EmptyNoop>::default(),
    },
];

/// Keeps it from the engine that a connection is gone.
#[derive(Default)]
struct Unnoticed {
    answered: HashSet<ExchangeId>,
}

impl Seams for Unnoticed {
    fn gone(&mut self, exchange: ExchangeId) -> bool {
        self.answered.remove(&exchange)
    }

    fn transmit(&mut self, _now: Millis, transmit: Transmit, out: &mut Vec<Transmit>) {
        if let Transmit::Respond(exchange, _) | Transmit::Close(exchange, _) = &transmit {
            self.answered.insert(*exchange);
        }
        out.push(transmit);
    }
}

/// Sends an empty payload where a noop would do.
#[derive(Default)]
struct EmptyNoop;

impl Seams for EmptyNoop {
    fn transmit(&mut self, _now: Millis, mut transmit: Transmit, out: &mut Vec<Transmit>) {
        if polled_body(&transmit).is_some_and(|body| body == "6") {
            set_body(&mut transmit, "");
        }
        out.push(transmit);
    }
}
