//! The Socket.IO layer of the client on a virtual clock: namespaces, events, acknowledgements, reconnection.

use bytes::Bytes;
use reference_impl::{
    client::{
        ClientOptions,
        engine::Arrival,
        socket::{Command, Emission, Refused},
    },
    codec::Arguments,
    engine::Transport::{Polling, WebSocket},
};

use crate::bench::{Bench, OPEN, over};

fn json(values: &[&str]) -> Arguments {
    let mut arguments = Arguments::new();
    for value in values {
        arguments.push_json(*value);
    }
    arguments
}

#[test]
fn a_namespace_is_joined_when_the_server_says_so() {
    let mut bench = Bench::new(over(WebSocket));
    bench.connect_with("/admin™", Some("{\"token\":\"T\"}"));
    bench.emit_with("/admin™", "early", Emission::default());
    let ws = bench.accept();
    assert_eq!(bench.exchange(ws, OPEN), ["40/admin™,{\"token\":\"T\"}"]);
    bench.run_for(400);
    bench.frame(ws, "42/admin™,[\"first\"]");
    assert_eq!(bench.reports(), [""; 0], "not before the answer");
    assert_eq!(
        bench.exchange(ws, "40/admin™,{\"sid\":\"s1\"}"),
        ["42/admin™,[\"early\"]"]
    );
    assert_eq!(bench.reports(), ["event /admin™ first []", "connect /admin™ s1"]);
}

#[test]
fn connecting_again_sends_no_second_connect() {
    let mut bench = Bench::new(over(WebSocket));
    bench.connect("/");
    bench.connect("/");
    let ws = bench.accept();
    bench.connect("/");
    assert_eq!(bench.exchange(ws, OPEN), ["40"]);
    bench.connect("/");
    bench.frame(ws, "40{\"sid\":\"s1\"}");
    bench.connect("/");
    assert_eq!(bench.frames(ws), [""; 0]);
    assert!(bench.is_quiet());
}

#[test]
fn a_refusal_is_reported_and_not_tried_again() {
    for (packet, report) in [
        (
            "44{\"message\":\"no\",\"data\":{\"a\":1}}",
            "connect_error / no {\"a\":1}",
        ),
        ("44\"no\"", "connect_error / no"),
        ("44{\"message\":5}", "connect_error / 5"),
        ("44{}", "connect_error /"),
    ] {
        let mut bench = Bench::new(over(WebSocket));
        bench.connect("/");
        let ws = bench.accept();
        bench.frame(ws, OPEN);
        bench.frame(ws, packet);
        assert_eq!(bench.reports(), [report]);
        assert_eq!(bench.closed(ws), Some(1000), "nobody else needs it");
        bench.run_for(60_000);
        assert!(bench.is_quiet());
    }
    let (mut bench, ws) = Bench::connected();
    bench.connect("/admin");
    bench.frame(ws, "44/admin,{\"message\":\"no\"}");
    bench.frame(ws, "44/other,{\"message\":\"no\"}");
    bench.frame(ws, "42[\"a\"]");
    assert_eq!(bench.reports(), ["connect_error /admin no", "event / a []"]);
    assert_eq!(bench.closed(ws), None);
}

#[test]
fn what_is_malformed_closes_the_connection_and_makes_it_again() {
    for packet in [
        "44",
        "44null",
        "44[]",
        "42",
        "42[]",
        "42{}",
        "42[1]",
        "42[\"connect\"]",
        "42[\"disconnect\",1]",
        "43[]",
        "43",
        "431",
        "49",
        "4abc",
        "4",
        "42[\"a\",Infinity]",
        "42[\"a\"]x",
        "40[]",
        "450-[\"b\"]",
        "451-[\"b\"",
        "42[\"a\",{\"_placeholder\":true]",
    ] {
        let (mut bench, ws) = Bench::connected();
        bench.ask("question", Some(1000));
        bench.frame(ws, packet);
        assert_eq!(
            bench.reports(),
            [
                "disconnect / parse error",
                "ack_error / question socket has been disconnected"
            ],
            "{packet}"
        );
        assert_eq!(bench.closed(ws), Some(1000), "{packet}");
        bench.frame(ws, "42[\"late\"]");
        bench.run_for(1000);
        assert_eq!(bench.reports(), ["reconnect_attempt 1"], "{packet}");
        bench.join("{\"sid\":\"s2\"}");
    }
}

#[test]
fn events_for_others_are_ignored() {
    let (mut bench, ws) = Bench::connected();
    for packet in [
        "42/nope,[\"x\"]",
        "40/nope,{\"sid\":\"y\"}",
        "41/nope",
        "43/nope,1[]",
        "4399[1]",
        "6",
    ] {
        assert_eq!(bench.exchange(ws, packet), [""; 0], "{packet}");
    }
    bench.frame(ws, "42[\"a\",false,null]");
    assert_eq!(bench.reports(), ["event / a [false,null]"]);
    assert_eq!(bench.closed(ws), None);
}

#[test]
fn attachments_come_and_go() {
    let (mut bench, ws) = Bench::connected();
    bench.frame(
        ws,
        "452-[\"b\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]",
    );
    bench.binary(ws, &[1]);
    assert_eq!(bench.exchange(ws, "2"), ["3"], "a ping may come in between");
    bench.binary(ws, &[2]);
    assert_eq!(
        bench.reports(),
        ["event / b [{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]"]
    );
    let mut arguments = json(&["1"]);
    arguments.push_binary(Bytes::from_static(&[0xfb, 0xff]));
    let emission = Emission {
        arguments,
        ..Emission::default()
    };
    bench.emit_with("/", "b", emission.clone());
    assert_eq!(
        bench.frames(ws),
        ["451-[\"b\",1,{\"_placeholder\":true,\"num\":0}]", "fbff"]
    );
    for (header, lone) in [
        ("451-[\"b\",{\"_placeholder\":true,\"num\":0}]", "42[\"late\"]"),
        ("6", ""),
    ] {
        let (mut bench, ws) = Bench::connected();
        bench.frame(ws, header);
        if lone.is_empty() {
            bench.binary(ws, &[1]);
        } else {
            bench.frame(ws, lone);
        }
        assert_eq!(bench.reports(), ["disconnect / parse error"]);
    }

    let mut bench = Bench::new(over(Polling));
    bench.connect("/");
    let (get, _) = bench.request();
    bench.respond(get, 200, format!("{OPEN}\u{1e}40{{\"sid\":\"s\"}}"));
    let (_, (post, _)) = (bench.request(), bench.request());
    bench.emit_with("/", "b", emission);
    bench.respond(post, 200, "ok");
    assert!(
        bench
            .request()
            .1
            .ends_with("451-[\"b\",1,{\"_placeholder\":true,\"num\":0}]\u{1e}b+/8=")
    );
}

#[test]
fn events_that_ask_are_answered_on_their_connection() {
    let (mut bench, ws) = Bench::connected();
    bench.frame(ws, "420[\"q\",\"a\"]");
    bench.frame(ws, "42007[\"q\"]");
    assert_eq!(bench.reports(), ["event / q [\"a\"] ?", "event / q [] ?"]);
    let mut binary = Arguments::new();
    binary.push_binary(Bytes::from_static(&[7]));
    bench.answer(binary);
    bench.answer(json(&["\"r\"", "1"]));
    assert_eq!(
        bench.frames(ws),
        ["461-7[{\"_placeholder\":true,\"num\":0}]", "07", "430[\"r\",1]"]
    );
    bench.frame(ws, "428[\"q\"]");
    bench.cut(ws);
    bench.run_for(1000);
    let ws = bench.join("{\"sid\":\"s2\"}");
    bench.answer(json(&[]));
    assert_eq!(bench.frames(ws), [""; 0], "the new connection never asked");
}

#[test]
fn acknowledgements_come_once_or_fail() {
    let (mut bench, ws) = Bench::connected();
    bench.ask("a", None);
    bench.ask("b", Some(200));
    bench.ask("c", Some(100));
    assert_eq!(bench.frames(ws), ["420[\"a\"]", "421[\"b\"]", "422[\"c\"]"]);
    bench.frame(ws, "430[1,2]");
    bench.frame(ws, "430[1,2]");
    bench.frame(ws, "4399999999999999999999999999[]");
    assert_eq!(bench.reports(), ["ack / a [1,2]"]);
    bench.run_for(99);
    assert_eq!(bench.reports(), [""; 0]);
    bench.run_for(1);
    assert_eq!(bench.reports(), ["ack_error / c operation has timed out"]);
    bench.frame(ws, "432[]");
    bench.frame(ws, "431[]");
    assert_eq!(bench.reports(), ["ack / b []"]);
    bench.ask("d", None);
    bench.cut(ws);
    assert_eq!(
        bench.reports(),
        [
            "disconnect / transport close",
            "ack_error / d socket has been disconnected"
        ]
    );
}

#[test]
fn what_is_emitted_offline_is_kept_in_order() {
    let (mut bench, ws) = Bench::connected();
    bench.cut(ws);
    bench.reports();
    bench.emit("1");
    bench.emit_with(
        "/",
        "never",
        Emission {
            volatile: true,
            ..Emission::default()
        },
    );
    bench.ask("2", None);
    bench.ask("too-late", Some(100));
    bench.run_for(1000);
    assert_eq!(
        bench.reports(),
        [
            "ack_error / too-late operation has timed out",
            "reconnect_attempt 1"
        ]
    );
    let ws = bench.accept();
    assert_eq!(bench.exchange(ws, OPEN), ["40"]);
    bench.emit("3");
    assert_eq!(
        bench.exchange(ws, "40{\"sid\":\"s2\"}"),
        ["42[\"1\"]", "420[\"2\"]", "42[\"3\"]"]
    );
    bench.frame(ws, "430[]");
    assert_eq!(bench.reports(), ["connect / s2", "ack / 2 []"]);
    bench.emit_with(
        "/",
        "now",
        Emission {
            volatile: true,
            ..Emission::default()
        },
    );
    assert_eq!(bench.frames(ws), ["42[\"now\"]"]);
}

#[test]
fn volatile_events_do_not_wait_for_a_post() {
    let mut bench = Bench::new(over(Polling));
    bench.connect("/");
    let (get, _) = bench.request();
    bench.respond(get, 200, format!("{OPEN}\u{1e}40{{\"sid\":\"s\"}}"));
    let (_, (post, _)) = (bench.request(), bench.request());
    bench.emit_with(
        "/",
        "lost",
        Emission {
            volatile: true,
            ..Emission::default()
        },
    );
    bench.respond(post, 200, "ok");
    assert!(bench.is_quiet());
    bench.emit_with(
        "/",
        "sent",
        Emission {
            volatile: true,
            ..Emission::default()
        },
    );
    assert!(bench.request().1.ends_with("42[\"sent\"]"));
}

#[test]
fn retries_go_one_at_a_time() {
    let (mut bench, ws) = Bench::connected();
    let retried = |ack: Option<&str>| Emission {
        retries: 2,
        timeout: Some(100),
        ack: ack.map(str::to_owned),
        ..Emission::default()
    };
    bench.emit_with("/", "a", retried(Some("a")));
    bench.emit_with("/", "b", retried(None));
    assert_eq!(bench.frames(ws), ["420[\"a\"]"]);
    bench.run_for(100);
    assert_eq!(bench.frames(ws), ["421[\"a\"]"]);
    bench.frame(ws, "430[]");
    assert_eq!(
        bench.frames(ws),
        [""; 0],
        "an answer to an earlier try is too late"
    );
    bench.run_for(100);
    assert_eq!(bench.frames(ws), ["422[\"a\"]"]);
    bench.run_for(100);
    assert_eq!(bench.reports(), ["ack_error / a operation has timed out"]);
    assert_eq!(bench.frames(ws), ["423[\"b\"]"]);
    bench.cut(ws);
    bench.run_for(1000);
    let ws = bench.accept();
    bench.frame(ws, OPEN);
    assert_eq!(bench.exchange(ws, "40{\"sid\":\"s2\"}"), ["40", "424[\"b\"]"]);
    bench.frame(ws, "434[]");
    bench.run_for(300);
    assert_eq!(bench.frames(ws), [""; 0]);
}

#[test]
fn reserved_names_are_not_emitted() {
    let (mut bench, ws) = Bench::connected();
    let emission = Emission {
        event: "connect_error".into(),
        ..Emission::default()
    };
    assert_eq!(
        bench.command(Command::Emit {
            namespace: "/".into(),
            emission: emission.clone()
        }),
        Err(Refused::ReservedName("connect_error".into()))
    );
    assert_eq!(
        bench.command(Command::Disconnect {
            namespace: "/x".into()
        }),
        Err(Refused::NotJoined("/x".into()))
    );
    assert_eq!(bench.frames(ws), [""; 0]);
}

#[test]
fn one_namespace_of_two_is_left() {
    let (mut bench, ws) = Bench::connected();
    bench.connect("/admin");
    assert_eq!(bench.exchange(ws, "40/admin,{\"sid\":\"s2\"}"), ["40/admin,"]);
    bench.disconnect("/admin");
    assert_eq!(bench.frames(ws), ["41/admin,"]);
    bench.connect("/custom");
    bench.frame(ws, "40/custom,{\"sid\":\"s3\"}");
    bench.frame(ws, "41/custom,");
    assert_eq!(
        bench.reports(),
        [
            "connect /admin s2",
            "disconnect /admin io client disconnect",
            "connect /custom s3",
            "disconnect /custom io server disconnect"
        ]
    );
    assert_eq!(bench.closed(ws), None);
    bench.frames(ws);
    bench.disconnect("/");
    assert_eq!(bench.frames(ws), ["41"]);
    assert_eq!(bench.closed(ws), Some(1000));
    bench.run_for(60_000);
    assert!(bench.is_quiet());
}

#[test]
fn a_server_that_disconnects_is_not_connected_to_again() {
    let (mut bench, ws) = Bench::connected();
    bench.frame(ws, "41");
    bench.frame(ws, "42[\"late\"]");
    assert_eq!(bench.reports(), ["disconnect / io server disconnect"]);
    assert_eq!(bench.closed(ws), Some(1000));
    bench.run_for(60_000);
    assert!(bench.is_quiet());
    bench.connect("/");
    bench.join("{\"sid\":\"s2\"}");
}

#[test]
fn who_leaves_before_the_answer_leaves_after_it() {
    let (mut bench, ws) = Bench::connected();
    bench.connect("/slow");
    bench.disconnect("/slow");
    assert_eq!(bench.frames(ws), ["40/slow,"]);
    bench.frame(ws, "42/slow,[\"x\"]");
    assert_eq!(bench.exchange(ws, "40/slow,{\"sid\":\"s2\"}"), ["41/slow,"]);
    assert_eq!(bench.reports(), [""; 0]);
}

#[test]
fn the_connection_is_made_again_with_all_namespaces() {
    let (mut bench, ws) = Bench::connected();
    bench.connect_with("/admin", Some("{\"call\":CALL}"));
    assert_eq!(
        bench.exchange(ws, "40/admin,{\"sid\":\"s2\"}"),
        ["40/admin,{\"call\":1}"]
    );
    bench.reports();
    for call in 2..4 {
        let ws = if call == 2 { ws } else { bench.join_again(call - 1) };
        bench.cut(ws);
        assert_eq!(
            bench.reports(),
            [
                "disconnect / transport close",
                "disconnect /admin transport close"
            ]
        );
        bench.run_for(999);
        assert!(bench.is_quiet());
        bench.run_for(1);
        assert_eq!(
            bench.reports(),
            ["reconnect_attempt 1"],
            "a success resets the backoff"
        );
    }
    bench.join_again(3);
}

impl Bench {
    /// Opens the connection again; both namespaces are asked for, and granted.
    fn join_again(&mut self, call: u32) -> reference_impl::engine::ExchangeId {
        let ws = self.accept();
        assert_eq!(
            self.exchange(ws, OPEN),
            ["40".to_owned(), format!("40/admin,{{\"call\":{call}}}")]
        );
        self.frame(ws, "40{\"sid\":\"s\"}");
        self.frame(ws, "40/admin,{\"sid\":\"t\"}");
        assert_eq!(self.reports(), ["connect / s", "connect /admin t"]);
        ws
    }
}

#[test]
fn attempts_back_off_and_end() {
    let mut bench = Bench::new(ClientOptions {
        reconnection_attempts: Some(4),
        ..over(WebSocket)
    });
    bench.connect("/");
    let mut waited = Vec::new();
    while !bench.is_quiet() {
        let (exchange, _) = bench.opening();
        bench.arrive(Arrival::Failed(exchange, "refused".into()));
        let begin = bench.now;
        while bench.is_quiet() && bench.now < begin + 20_000 {
            bench.run_for(100);
        }
        waited.push(bench.now - begin);
    }
    assert_eq!(waited, [1000, 2000, 4000, 5000, 20_000]);
    assert_eq!(
        bench.reports().last().map(String::as_str),
        Some("reconnect_failed")
    );
    bench.connect("/");
    bench.join("{\"sid\":\"s\"}");

    let mut bench = Bench::new(ClientOptions {
        reconnection: false,
        ..over(WebSocket)
    });
    bench.connect("/");
    let ws = bench.join("{\"sid\":\"s\"}");
    bench.cut(ws);
    bench.run_for(60_000);
    assert!(bench.is_quiet());
}

#[test]
fn disconnecting_ends_the_wait_for_the_next_attempt() {
    let (mut bench, ws) = Bench::connected();
    bench.cut(ws);
    bench.disconnect("/");
    bench.run_for(60_000);
    assert!(bench.is_quiet());
    assert_eq!(bench.reports(), ["disconnect / transport close"]);
}

#[test]
fn recovery_names_the_last_offset() {
    let mut bench = Bench::new(over(WebSocket));
    bench.connect_with("/", Some("{\"a\":1}"));
    let ws = bench.join("{\"sid\":\"s1\",\"pid\":\"p\"}");
    bench.frame(ws, "42[\"x\",\"off1\"]");
    bench.frame(ws, "42[\"x\",\"off2\"]");
    bench.frame(ws, "42[\"x\",1]");
    bench.frame(ws, "42[\"name\"]");
    bench.frame(ws, "427[\"x\",\"asks\"]");
    bench.cut(ws);
    bench.run_for(1000);
    let ws = bench.accept();
    assert_eq!(
        bench.exchange(ws, OPEN),
        ["40{\"pid\":\"p\",\"offset\":\"off2\",\"a\":1}"]
    );
    bench.frame(ws, "40{\"sid\":\"s2\"}");
    bench.cut(ws);
    bench.run_for(1000);
    let ws = bench.accept();
    assert_eq!(
        bench.exchange(ws, OPEN),
        ["40{\"a\":1}"],
        "the server recovers nothing any more"
    );
}

#[test]
fn a_server_cannot_fill_the_memory_before_it_answers() {
    let mut bench = Bench::new(over(WebSocket));
    bench.connect("/");
    let ws = bench.accept();
    bench.frame(ws, OPEN);
    for _ in 0..2000 {
        bench.frame(ws, "42[\"early\"]");
    }
    assert_eq!(bench.closed(ws), Some(1000));
    assert_eq!(bench.reports().len(), 1);
}

#[test]
fn a_grant_without_sid_is_an_error_and_a_second_one_is_none() {
    let mut bench = Bench::new(over(WebSocket));
    bench.connect("/");
    let ws = bench.accept();
    bench.frame(ws, OPEN);
    bench.frame(ws, "40");
    bench.frame(ws, "40{}");
    assert_eq!(bench.reports().len(), 2);
    bench.frame(ws, "40{\"sid\":\"s1\"}");
    bench.frame(ws, "40{\"sid\":\"s2\"}");
    assert_eq!(bench.reports(), ["connect / s1", "connect / s2"]);
}
