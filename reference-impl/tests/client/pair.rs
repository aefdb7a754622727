//! The client and the server of this crate in one thread: two endpoints, one clock, no network.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use http::Request;
use reference_impl::{
    Options, Stack,
    client::{
        ClientOptions, ClientStack,
        engine::{Arrival, Transmit as Wanted},
        socket::{Command, Emission, Report},
    },
    codec::Arguments,
    engine::{
        ExchangeId, Transmit,
        Transport::{Polling, WebSocket},
    },
};

use crate::bench::{chance, over};

/// What goes from one side to the other; each way takes `DELAY`.
enum Crossing {
    ToServer(Wanted),
    ToClient(Arrival),
}

const DELAY: u64 = 3;

struct Pair {
    now: u64,
    client: ClientStack,
    server: Stack,
    crossing: VecDeque<(u64, Crossing)>,
    bodies: BTreeMap<ExchangeId, Bytes>,
    reports: Vec<String>,
}

impl Pair {
    fn new(options: ClientOptions, server: &Options) -> Self {
        let server = server.build(|| {
            let mut count = 0;
            Box::new(move || {
                count += 1;
                format!("id{count}")
            })
        });
        Self {
            now: 0,
            client: ClientStack::new(options, chance),
            server,
            crossing: VecDeque::new(),
            bodies: BTreeMap::new(),
            reports: Vec::new(),
        }
    }

    fn connect(&mut self, namespace: &str) {
        let namespace = namespace.to_owned();
        self.command(Command::Connect {
            namespace,
            auth: None,
        });
    }

    fn emit(&mut self, event: &str, arguments: Arguments) {
        let emission = Emission {
            event: event.into(),
            arguments,
            ack: (event == "message-with-ack").then(|| "x".to_owned()),
            ..Emission::default()
        };
        self.command(Command::Emit {
            namespace: "/".into(),
            emission,
        });
    }

    fn command(&mut self, command: Command) {
        self.client
            .handle_command(self.now, command)
            .expect("not refused");
        self.collect();
    }

    fn run_for(&mut self, millis: u64) {
        let end = self.now + millis;
        loop {
            let timers = [self.client.poll_timeout(), self.server.poll_timeout()];
            let arrives = self.crossing.front().map(|(at, _)| *at);
            let Some(next) = timers
                .into_iter()
                .flatten()
                .chain(arrives)
                .min()
                .filter(|&at| at <= end)
            else {
                break;
            };
            self.now = self.now.max(next);
            if self.client.poll_timeout().is_some_and(|at| at <= self.now) {
                self.client.handle_timeout(self.now);
            }
            if self.server.poll_timeout().is_some_and(|at| at <= self.now) {
                self.server.handle_timeout(self.now);
            }
            while let Some((_, crossing)) = self.next_arrival() {
                self.deliver(crossing);
                self.collect();
            }
            self.collect();
        }
        self.now = end;
    }

    fn next_arrival(&mut self) -> Option<(u64, Crossing)> {
        let is_due = self.crossing.front().is_some_and(|(at, _)| *at <= self.now);
        is_due.then(|| self.crossing.pop_front()).flatten()
    }

    fn deliver(&mut self, crossing: Crossing) {
        let now = self.now;
        match crossing {
            Crossing::ToClient(arrival) => self.client.handle_arrival(now, arrival),
            Crossing::ToServer(Wanted::Request(exchange, request)) => {
                let (mut head, body) = request.into_parts();
                head.headers.insert("host", "pair".parse().expect("a value"));
                self.bodies.insert(exchange, body);
                self.server.handle_request(now, exchange, head);
            }
            Crossing::ToServer(Wanted::OpenWebSocket(exchange, request)) => {
                let (head, ()) = request.into_parts();
                let handshake = Request::get(head.uri)
                    .header("Host", "pair")
                    .header("Connection", "Upgrade")
                    .header("Upgrade", "websocket")
                    .header("Sec-WebSocket-Version", "13")
                    .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
                let (head, ()) = handshake.body(()).expect("a request").into_parts();
                self.server.handle_request(now, exchange, head);
            }
            Crossing::ToServer(Wanted::Frame(exchange, message)) => {
                self.server.handle_frame(now, exchange, message);
            }
            Crossing::ToServer(Wanted::Close(exchange, _) | Wanted::Abort(exchange)) => {
                self.server.handle_gone(now, exchange);
            }
        }
    }

    fn collect(&mut self) {
        let at = self.now + DELAY;
        while let Some(wanted) = self.client.poll_transmit() {
            self.crossing.push_back((at, Crossing::ToServer(wanted)));
        }
        while let Some(transmit) = self.server.poll_transmit() {
            let arrival = match transmit {
                Transmit::ReadBody { exchange, .. } => {
                    let body = self.bodies.remove(&exchange).expect("a body");
                    self.server.handle_body(self.now, exchange, body);
                    continue;
                }
                Transmit::Accept(exchange, _) => {
                    self.crossing
                        .push_back((at, Crossing::ToClient(Arrival::WsOpen(exchange))));
                    self.server.handle_ws_open(self.now, exchange);
                    continue;
                }
                Transmit::Respond(exchange, response) => Arrival::Response(exchange, response),
                Transmit::Frame(exchange, message) => Arrival::Frame(exchange, message),
                Transmit::Close(exchange, code) => Arrival::WsClosed(exchange, code.to_string()),
            };
            self.crossing.push_back((at, Crossing::ToClient(arrival)));
        }
        while let Some(report) = self.client.poll_report() {
            self.reports.push(match report {
                Report::Connected { namespace, .. } => format!("connect {namespace}"),
                Report::Event { name, arguments, .. } => {
                    format!("{name} {} {}", arguments.json(), arguments.attachments().len())
                }
                Report::Acknowledged { ack, arguments, .. } => format!("ack {ack} {}", arguments.json()),
                Report::Disconnected { reason, .. } => format!("disconnect {reason}"),
                other => format!("{other:?}"),
            });
        }
    }

    fn reports(&mut self) -> Vec<String> {
        std::mem::take(&mut self.reports)
    }
}

fn ways() -> Vec<(&'static str, ClientOptions)> {
    let upgraded = ClientOptions {
        transports: vec![Polling, WebSocket],
        ..over(Polling)
    };
    vec![
        ("polling", over(Polling)),
        ("websocket", over(WebSocket)),
        ("upgraded", upgraded),
    ]
}

#[test]
fn a_long_life_over_each_transport() {
    for (way, options) in ways() {
        let mut pair = Pair::new(options, &Options::default());
        pair.connect("/");
        pair.run_for(100);
        assert_eq!(pair.reports(), ["connect /", "auth {} 0"], "{way}");
        let mut expected = Vec::new();
        for round in 0..200 {
            let mut arguments = Arguments::new();
            arguments.push_json(&round.to_string());
            arguments.push_binary(Bytes::from(vec![round as u8; 3]));
            pair.emit("message", arguments);
            expected.push(format!(
                "message-back {round},{{\"_placeholder\":true,\"num\":0}} 1"
            ));
            pair.run_for(round % 7);
        }
        pair.run_for(50);
        assert_eq!(pair.reports(), expected, "{way}");
        // Many heartbeats.
        pair.run_for(60_000);
        let mut arguments = Arguments::new();
        arguments.push_str("r");
        pair.emit("message-with-ack", arguments);
        pair.run_for(50);
        assert_eq!(pair.reports(), ["ack x \"r\""], "{way}");
        pair.command(Command::Disconnect {
            namespace: "/".into(),
        });
        pair.run_for(10_000);
        assert_eq!(pair.reports(), ["disconnect io client disconnect"]);
        assert_eq!(pair.client.poll_timeout(), None, "{way}: nothing is left behind");
        assert_eq!(
            pair.server.poll_timeout(),
            None,
            "{way}: the server has heard of it"
        );
    }
}

#[test]
fn an_upgrade_in_the_middle_of_traffic_loses_nothing() {
    for begin in 0..30 {
        let options = ClientOptions {
            transports: vec![Polling, WebSocket],
            ..over(Polling)
        };
        let mut pair = Pair::new(options, &Options::default());
        pair.connect("/");
        pair.run_for(begin);
        for number in 0..40 {
            let mut arguments = Arguments::new();
            arguments.push_json(&number.to_string());
            pair.emit("message", arguments);
            pair.run_for(1);
        }
        pair.run_for(200);
        let mut reports = pair.reports();
        reports.retain(|report| report.starts_with("message-back"));
        let expected: Vec<_> = (0..40).map(|number| format!("message-back {number} 0")).collect();
        assert_eq!(reports, expected, "begun at {begin}");
    }
}

#[test]
fn a_server_that_disconnects_leaves_nothing_behind() {
    for (way, options) in ways() {
        let mut pair = Pair::new(options, &Options::default());
        pair.connect("/");
        pair.run_for(100);
        pair.reports();
        pair.emit("bye", Arguments::new());
        pair.run_for(10_000);
        assert_eq!(
            pair.reports(),
            ["bye  0", "disconnect io server disconnect"],
            "{way}"
        );
        assert_eq!(
            (pair.client.poll_timeout(), pair.server.poll_timeout()),
            (None, None),
            "{way}"
        );
    }
}
