//! Faults of the upgrade from polling to WebSocket.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Response};

use super::{
    Entry,
    parts::{anything, configured, open, posted, remembering, with_field},
};
use crate::{
    client::{
        engine::{Arrival, Transmit},
        seams::Passing,
        socket::Action,
    },
    engine::{ExchangeId, Message},
};

/// The WebSockets that are to take over.
type Probes = BTreeSet<ExchangeId>;

pub(super) const FAULTS: &[Entry] = &[
    Entry {
        name: "never-upgrades",
        area: "upgrade",
        breaks: &["eio.upgrade.client-order"],
        sentence: "stays with polling",
        build: || configured(|options| options.upgrade = false),
    },
    Entry {
        name: "wrong-probe",
        area: "upgrade",
        breaks: &["eio.upgrade.client-order"],
        sentence: "begins the upgrade with a ping that is no probe",
        build: || {
            anything(|mut passing, out| {
                if let Passing::Transmit(Transmit::Frame(_, Message::Text(text))) = &mut passing
                    && text == "2probe"
                {
                    *text = "2".to_owned();
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "upgrades-unasked",
        area: "upgrade",
        breaks: &["eio.upgrade.client-order"],
        sentence: "does not wait for the answer to the probe",
        build: || {
            anything(|passing, out| {
                let probe = match &passing {
                    Passing::Transmit(Transmit::Frame(exchange, Message::Text(text))) if text == "2probe" => {
                        Some(*exchange)
                    }
                    _ => None,
                };
                out.push(passing);
                out.extend(probe.map(granted));
            })
        },
    },
    Entry {
        name: "upgrades-before-the-polls-end",
        area: "upgrade",
        breaks: &["eio.upgrade.client-pauses-polling"],
        sentence: "upgrades without waiting for the requests that run",
        build: || {
            remembering::<BTreeSet<(ExchangeId, bool)>>(|running, _, passing, out| {
                match &passing {
                    Passing::Transmit(Transmit::Request(exchange, request)) => {
                        running.insert((*exchange, request.method() == Method::POST));
                    }
                    Passing::Arrival(Arrival::Response(exchange, _)) => {
                        running.retain(|(own, _)| own != exchange);
                    }
                    _ => {}
                }
                let is_granted = matches!(&passing, Passing::Arrival(Arrival::Frame(_, Message::Text(text))) if text == "3probe");
                out.push(passing);
                if is_granted {
                    for (exchange, is_post) in std::mem::take(running) {
                        let noop = Response::new(Bytes::from_static(b"6"));
                        out.push(if is_post {
                            posted(exchange)
                        } else {
                            Passing::Arrival(Arrival::Response(exchange, noop))
                        });
                    }
                }
            })
        },
    },
    Entry {
        name: "loses-events-in-the-upgrade",
        area: "upgrade",
        breaks: &["eio.upgrade.client-buffers"],
        sentence: "loses what is sent between the probe and the upgrade",
        build: || {
            remembering::<bool>(|upgrading, _, passing, out| {
                match &passing {
                    Passing::Transmit(Transmit::Frame(_, Message::Text(text))) if text == "2probe" => {
                        *upgrading = true;
                    }
                    Passing::Transmit(Transmit::Frame(_, Message::Text(text))) if text == "5" => {
                        *upgrading = false;
                    }
                    _ => {}
                }
                if !(*upgrading && matches!(&passing, Passing::Action(Action::Send(..)))) {
                    out.push(passing);
                }
            })
        },
    },
    Entry {
        name: "doubles-events-in-the-upgrade",
        area: "upgrade",
        breaks: &["eio.upgrade.client-buffers"],
        sentence: "sends twice what is sent between the probe and the upgrade",
        build: || {
            remembering::<bool>(|upgrading, _, passing, out| {
                match &passing {
                    Passing::Transmit(Transmit::Frame(_, Message::Text(text))) if text == "2probe" => {
                        *upgrading = true;
                    }
                    Passing::Transmit(Transmit::Frame(_, Message::Text(text))) if text == "5" => {
                        *upgrading = false;
                    }
                    Passing::Action(Action::Send(session, message)) if *upgrading => {
                        out.push(Passing::Action(Action::Send(*session, message.clone())));
                    }
                    _ => {}
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "takes-any-answer-to-the-probe",
        area: "upgrade",
        breaks: &["eio.upgrade.client-wrong-pong"],
        sentence: "upgrades whatever is answered to the probe",
        build: || {
            remembering::<Probes>(|probes, _, mut passing, out| {
                note_probe(probes, &passing);
                if let Passing::Arrival(Arrival::Frame(exchange, frame)) = &mut passing
                    && probes.remove(exchange)
                {
                    *frame = Message::Text("3probe".to_owned());
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "refused-upgrade-ends-the-session",
        area: "upgrade",
        breaks: &["eio.upgrade.client-ws-refused"],
        sentence: "gives the session up when the server refuses the WebSocket",
        build: || {
            remembering::<(Probes, Vec<ExchangeId>)>(|(probes, requests), _, passing, out| {
                note_probe(probes, &passing);
                note_request(requests, &passing);
                let is_refused = matches!(&passing, Passing::Arrival(Arrival::Failed(exchange, _)) if probes.contains(exchange));
                out.push(passing);
                if is_refused {
                    out.extend(requests.drain(..).map(broken));
                }
            })
        },
    },
    Entry {
        name: "lost-probe-ends-the-session",
        area: "upgrade",
        breaks: &["eio.upgrade.client-ws-closed-mid-probe"],
        sentence: "gives the session up when the WebSocket is lost before the upgrade",
        build: || {
            remembering::<(Probes, Vec<ExchangeId>)>(|(probes, requests), _, passing, out| {
                note_probe(probes, &passing);
                note_request(requests, &passing);
                let is_lost = matches!(&passing, Passing::Arrival(Arrival::WsClosed(exchange, _)) if probes.contains(exchange));
                out.push(passing);
                if is_lost {
                    out.extend(requests.drain(..).map(broken));
                }
            })
        },
    },
    Entry {
        name: "tries-any-upgrade",
        area: "upgrade",
        breaks: &["eio.upgrade.client-ignores-unknown-upgrades"],
        sentence: "takes every upgrade that is offered for a WebSocket",
        build: || {
            open(|open| {
                if open.contains("\"upgrades\":[]") {
                    open.to_owned()
                } else {
                    with_field(open, "upgrades", "[\"websocket\"]")
                }
            })
        },
    },
    Entry {
        name: "upgrades-a-websocket",
        area: "upgrade",
        breaks: &["eio.upgrade.client-no-upgrade-on-ws"],
        sentence: "opens a second WebSocket for a session that has one",
        build: || {
            anything(|passing, out| {
                if let Passing::Transmit(Transmit::OpenWebSocket(exchange, request)) = &passing
                    && request.uri().query().is_none_or(|query| !query.contains("sid="))
                {
                    let second = ExchangeId(exchange.0 | 1 << 31);
                    out.push(Passing::Transmit(Transmit::OpenWebSocket(
                        second,
                        request.clone(),
                    )));
                }
                out.push(passing);
            })
        },
    },
    Entry {
        name: "disconnects-without-a-word-in-the-upgrade",
        area: "upgrade",
        breaks: &["eio.upgrade.client-close-deferred"],
        sentence: "gives up at once when it disconnects during the upgrade",
        build: || {
            remembering::<bool>(|upgrading, _, passing, out| {
                match &passing {
                    Passing::Transmit(Transmit::Frame(_, Message::Text(text))) if text == "2probe" => {
                        *upgrading = true;
                    }
                    Passing::Transmit(Transmit::Frame(_, Message::Text(text))) if text == "5" => {
                        *upgrading = false;
                    }
                    Passing::Action(Action::Send(_, Message::Text(text)))
                        if *upgrading && text.starts_with('1') =>
                    {
                        return;
                    }
                    _ => {}
                }
                out.push(passing);
            })
        },
    },
];

fn note_probe(probes: &mut Probes, passing: &Passing) {
    match passing {
        Passing::Transmit(Transmit::OpenWebSocket(exchange, request))
            if request.uri().query().is_some_and(|query| query.contains("sid=")) =>
        {
            probes.insert(*exchange);
        }
        // From now on it is the transport.
        Passing::Transmit(Transmit::Frame(exchange, Message::Text(text))) if text == "5" => {
            probes.remove(exchange);
        }
        _ => {}
    }
}

fn note_request(requests: &mut Vec<ExchangeId>, passing: &Passing) {
    match passing {
        Passing::Transmit(Transmit::Request(exchange, _)) => requests.push(*exchange),
        Passing::Arrival(Arrival::Response(exchange, _)) => requests.retain(|own| own != exchange),
        _ => {}
    }
}

fn granted(probe: ExchangeId) -> Passing {
    Passing::Arrival(Arrival::Frame(probe, Message::Text("3probe".to_owned())))
}

fn broken(request: ExchangeId) -> Passing {
    Passing::Arrival(Arrival::Failed(request, "the upgrade failed".to_owned()))
}
