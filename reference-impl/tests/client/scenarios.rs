//! What a client may live through. Nothing is judged here: what it does is written down.

use bytes::Bytes;
use reference_impl::{
    client::{ClientOptions, socket::Emission},
    codec::Arguments,
    engine::Transport::{self, Polling, WebSocket},
};

use crate::obliging::{Manners, Obliging, POLITE};

pub(crate) type Scenario = (&'static str, fn() -> ClientOptions, Manners, fn(&mut Obliging));

/// The transports over which each scenario is played.
pub(crate) const WAYS: [&[Transport]; 3] = [&[Polling], &[WebSocket], &[Polling, WebSocket]];

fn usual() -> ClientOptions {
    ClientOptions {
        query: vec![("a".into(), "b=c".into())],
        headers: vec![("x-own".parse().expect("a name"), "1".parse().expect("a value"))],
        randomization_factor: 0.0,
        reconnection_delay: 100,
        reconnection_delay_max: 500,
        reconnection_attempts: Some(3),
        timeout: 1000,
        ..ClientOptions::default()
    }
}

fn special() -> ClientOptions {
    ClientOptions {
        path: "/own/".into(),
        cookies: true,
        try_all_transports: true,
        reconnection_attempts: None,
        ..usual()
    }
}

fn values() -> Arguments {
    let mut arguments = Arguments::new();
    arguments.push_json("1").push_json("null").push_str("a\u{1e}b");
    arguments
}

fn bytes() -> Arguments {
    let mut arguments = Arguments::new();
    arguments
        .push_binary(Bytes::from_static(&[0xfb, 0xff, 0xbf, 1]))
        .push_binary(Bytes::new());
    arguments
}

fn asking(name: &str, timeout: Option<u64>) -> Emission {
    Emission {
        ack: Some(name.to_owned()),
        timeout,
        ..Emission::default()
    }
}

/// One scenario for each packet that a server had better not send.
const ODD_PACKETS: [&str; 38] = [
    "0{bad",
    "0{}",
    "1",
    "6",
    "9",
    "2abc",
    "3",
    "40",
    "40{\"sid\":\"\"}",
    "40{\"sid\":\"s9\"}",
    "44",
    "44null",
    "44\"no\"",
    "44/other,{\"message\":\"x\"}",
    "42",
    "42[]",
    "42[5]",
    "42[{}]",
    "42[\"connect\"]",
    "42[\"disconnect\"]",
    "430",
    "4399[]",
    "49",
    "42[\"a\",Infinity]",
    "42/nope,[\"x\"]",
    "41",
    "41/admin,",
    "44/admin,{\"message\":\"no\"}",
    "450-[\"b\"]",
    "451-[\"b\",{\"_placeholder\":true,\"num\":7}]",
    "420[\"q\"]",
    "4212[\"q\"]",
    "42/admin,3[\"q\"]",
    "425[\"nobody\"]",
    "426[\"qb\"]",
    "42[\"a\",false,0]",
    "4BIG",
    "0{\"sid\":\"e9\"}",
];

pub(crate) fn all() -> Vec<Scenario> {
    let odd = |odd: fn(&mut Obliging)| ("odd", usual as fn() -> ClientOptions, POLITE, odd);
    vec![
        ("talk", usual, POLITE, talk),
        ("special", special, POLITE, talk),
        ("refused", special, Manners { refuses: 2, ..POLITE }, talk),
        (
            "refused for ever",
            usual,
            Manners {
                refuses: 100,
                ..POLITE
            },
            wait,
        ),
        (
            "silent",
            usual,
            Manners {
                is_silent: true,
                ..POLITE
            },
            wait,
        ),
        (
            "slow",
            usual,
            Manners {
                is_slow: true,
                ..POLITE
            },
            talk,
        ),
        (
            "no upgrades",
            usual,
            Manners {
                open: r#"0{"upgrades":["foo"],"pingTimeout":200,"pingInterval":300,"sid":"e1"}"#,
                ..POLITE
            },
            talk,
        ),
        (
            "upgrade refused",
            usual,
            Manners {
                refuses_upgrades: true,
                ..POLITE
            },
            talk,
        ),
        (
            "odd probe",
            usual,
            Manners {
                probe_answer: "6",
                ..POLITE
            },
            talk,
        ),
        (
            "lost probe",
            usual,
            Manners {
                probe_answer: "",
                ..POLITE
            },
            lose,
        ),
        (
            "malformed open",
            usual,
            Manners {
                open: "0{bad",
                ..POLITE
            },
            talk,
        ),
        (
            "incomplete open",
            usual,
            Manners {
                open: "0{}",
                ..POLITE
            },
            talk,
        ),
        (
            "no open",
            usual,
            Manners {
                open: "40{\"sid\":\"x\"}",
                ..POLITE
            },
            talk,
        ),
        (
            "odd numbers",
            usual,
            Manners {
                open: r#"0{"sid":"e1","upgrades":[],"pingInterval":-1,"pingTimeout":-1}"#,
                ..POLITE
            },
            talk,
        ),
        (
            "many packets",
            usual,
            Manners {
                open: concat!(
                    "0{\"sid\":\"e1\",\"upgrades\":[],\"pingInterval\":300,\"pingTimeout\":200}",
                    "\u{1e}6\u{1e}6\u{1e}6\u{1e}6\u{1e}6\u{1e}6\u{1e}6\u{1e}6\u{1e}6",
                    "\u{1e}6\u{1e}6\u{1e}6\u{1e}6\u{1e}6\u{1e}6\u{1e}6\u{1e}6\u{1e}6",
                    "\u{1e}2the seventeenth",
                ),
                ..POLITE
            },
            talk,
        ),
        (
            "several packets",
            usual,
            Manners {
                open: "0{\"sid\":\"e1\",\"upgrades\":[],\"pingInterval\":300,\"pingTimeout\":200}\u{1e}42[\"early\"]",
                ..POLITE
            },
            talk,
        ),
        (
            "handshake refused",
            special,
            Manners {
                handshake_status: 403,
                ..POLITE
            },
            talk,
        ),
        (
            "polls fail",
            usual,
            Manners {
                poll_status: 500,
                ..POLITE
            },
            talk,
        ),
        (
            "posts fail",
            usual,
            Manners {
                post_status: 413,
                ..POLITE
            },
            talk,
        ),
        (
            "posts answered oddly",
            usual,
            Manners {
                post_body: "OK",
                ..POLITE
            },
            talk,
        ),
        (
            "upgrading while talking",
            usual,
            Manners {
                is_slow: true,
                ..POLITE
            },
            hurry,
        ),
        ("reconnect", special, POLITE, reconnect),
        ("offline", usual, POLITE, offline),
        ("questions", usual, POLITE, questions),
        ("two namespaces", usual, POLITE, namespaces),
        ("silence", usual, POLITE, silence),
        ("attachments", usual, POLITE, attachments),
        odd(odd_packets::<0>),
        odd(odd_packets::<1>),
        ("large", usual, POLITE, large),
    ]
}

fn talk(o: &mut Obliging) {
    o.connect("/");
    o.push("42[\"early\",1]");
    o.emit(
        "hasty",
        Emission {
            arguments: values(),
            ..Emission::default()
        },
    );
    o.run_for(20);
    for _ in 0..4 {
        o.emit(
            "an event",
            Emission {
                arguments: values(),
                ..Emission::default()
            },
        );
    }
    o.emit(
        "b",
        Emission {
            arguments: bytes(),
            ..Emission::default()
        },
    );
    o.push("42[\"one\"]\u{1e}42[\"two\"]");
    o.push("42[\"three\",1,false,null]");
    o.run_for(200);
    o.push("2");
    o.push("6");
    o.emit("after", Emission::default());
    o.emit("connect", Emission::default());
    o.run_for(100);
    o.push("2");
    o.disconnect("/");
    o.push("6");
    o.run_for(3000);
}

fn hurry(o: &mut Obliging) {
    o.connect("/");
    o.emit("1", Emission::default());
    o.push("6");
    o.emit("2", Emission::default());
    o.push("6");
    o.disconnect("/");
    o.push("6");
    o.push("6");
    o.run_for(3000);
}

fn lose(o: &mut Obliging) {
    o.connect("/");
    o.cut_probe();
    o.emit("after", Emission::default());
    o.run_for(3000);
}

fn wait(o: &mut Obliging) {
    o.connect("/");
    o.run_for(10_000);
}

fn reconnect(o: &mut Obliging) {
    o.connect("/");
    o.connect("/admin™");
    o.push("42[\"x\",\"off1\"]");
    o.push("42[\"x\",\"off2\"]");
    for _ in 0..4 {
        o.emit("kept", Emission::default());
        o.cut();
        o.emit("offline", Emission::default());
        o.run_for(600);
        o.push("42[\"again\",\"off3\"]");
    }
    o.push("1");
    o.run_for(600);
    o.push("41");
    o.run_for(3000);
}

fn offline(o: &mut Obliging) {
    o.connect("/");
    o.run_for(10);
    o.cut();
    o.emit("kept", Emission::default());
    o.emit(
        "volatile",
        Emission {
            volatile: true,
            ..Emission::default()
        },
    );
    o.emit("expires", asking("expires", Some(50)));
    o.emit(
        "retried",
        Emission {
            retries: 2,
            timeout: Some(50),
            ..Emission::default()
        },
    );
    o.run_for(400);
    o.emit(
        "retried later",
        Emission {
            retries: 1,
            timeout: Some(50),
            ..asking("later", None)
        },
    );
    o.run_for(400);
}

fn questions(o: &mut Obliging) {
    o.connect("/");
    for name in ["a", "b", "c"] {
        o.emit(name, asking(name, None));
    }
    o.emit(
        "binary",
        Emission {
            arguments: bytes(),
            ..asking("binary", None)
        },
    );
    o.emit("late", asking("late", Some(50)));
    o.push("431[1]");
    o.push("430[2]");
    o.push("430[2]");
    o.push("461-3[{\"_placeholder\":true,\"num\":0}]");
    o.push_bytes(&[1, 2]);
    o.run_for(100);
    o.push("434[]");
    o.run_for(100);
    o.cut();
    o.run_for(3000);
}

fn namespaces(o: &mut Obliging) {
    o.connect("/admin");
    o.run_for(10);
    o.connect("/");
    o.connect("/refused");
    o.connect("/");
    o.run_for(10);
    o.emit_in("/admin", "a", asking("a", None));
    o.push("42/admin,1[\"q\"]");
    o.push("42/admin,2[\"empty\"]");
    o.push("43/admin,0[]");
    o.disconnect("/admin");
    o.run_for(10);
    o.connect("/admin");
    o.run_for(10);
    o.push("41/admin,");
    o.emit("after", Emission::default());
    o.disconnect("/");
    o.run_for(3000);
}

fn silence(o: &mut Obliging) {
    o.connect("/");
    o.run_for(400);
    o.push("42[\"a message\"]");
    o.run_for(3000);
}

fn large(o: &mut Obliging) {
    o.connect("/");
    o.push(&format!("42[\"large\",\"{}\"]", "a".repeat(1_100_000)));
    o.emit("after", Emission::default());
    o.run_for(10);
}

fn attachments(o: &mut Obliging) {
    let header = "451-[\"b\",{\"_placeholder\":true,\"num\":0}]";
    o.connect("/");
    o.run_for(10);
    o.push(header);
    o.push("2");
    o.push_bytes(b"42[\"text\"]");
    o.push(header);
    o.push("42[\"instead\"]");
    o.run_for(400);
    o.push_bytes(&[1, 2]);
    o.run_for(400);
}

/// Each of the odd packets, on a connection of its own; every second one in each of two scenarios.
fn odd_packets<const FIRST: usize>(o: &mut Obliging) {
    o.connect("/");
    o.connect("/admin");
    for packet in ODD_PACKETS.iter().skip(FIRST).step_by(2) {
        o.push(packet);
        o.push("42[\"after\"]");
        o.run_for(400);
        o.push("2");
        o.connect("/");
        o.connect("/admin");
        o.run_for(400);
    }
}
