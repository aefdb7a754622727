//! The Socket.IO layer and the test application on a virtual clock.

use crate::bench::Bench;

const P0: &str = "{\"_placeholder\":true,\"num\":0}";
const P1: &str = "{\"_placeholder\":true,\"num\":1}";
const NOTHING: [String; 0] = [];

fn joined(namespace: &str) -> (Bench, reference_impl::engine::ExchangeId) {
    let mut bench = Bench::base();
    let ws = bench.connected();
    bench.send(ws, &format!("40{namespace},"));
    bench.frames(ws);
    (bench, ws)
}

#[test]
fn namespaces_are_granted_or_refused() {
    for (packet, answers) in [
        ("40", &["40{\"sid\":\"id1\"}", "42[\"auth\",{}]"][..]),
        ("40{}", &["40{\"sid\":\"id1\"}", "42[\"auth\",{}]"]),
        ("40/,", &["40{\"sid\":\"id1\"}", "42[\"auth\",{}]"]),
        ("40123", &["40{\"sid\":\"id1\"}", "42[\"auth\",{}]"]),
        (
            "40{\"token\":\"€\",\"x\":[null,1.5]}",
            &[
                "40{\"sid\":\"id1\"}",
                "42[\"auth\",{\"token\":\"€\",\"x\":[null,1.5]}]",
            ],
        ),
        (
            "40/custom",
            &["40/custom,{\"sid\":\"id1\"}", "42/custom,[\"auth\",{}]"],
        ),
        (
            "40/custom,{\"a\":1}",
            &["40/custom,{\"sid\":\"id1\"}", "42/custom,[\"auth\",{\"a\":1}]"],
        ),
        (
            "40/guarded,{\"token\":\"123\"}",
            &["40/guarded,{\"sid\":\"id1\"}"],
        ),
        ("40/dyn-99,", &["40/dyn-99,{\"sid\":\"id1\"}"]),
        (
            "40/guarded,",
            &["44/guarded,{\"message\":\"Not authorized\",\"data\":{\"code\":1}}"],
        ),
        (
            "40/guarded,{\"token\":123}",
            &["44/guarded,{\"message\":\"Not authorized\",\"data\":{\"code\":1}}"],
        ),
        (
            "40/refused,",
            &["44/refused,{\"message\":\"Not authorized\",\"data\":{\"code\":1}}"],
        ),
        ("40/random", &["44/random,{\"message\":\"Invalid namespace\"}"]),
        ("40/Custom,", &["44/Custom,{\"message\":\"Invalid namespace\"}"]),
        ("40/dyn-,", &["44/dyn-,{\"message\":\"Invalid namespace\"}"]),
        (
            "40/custom?a=b,",
            &["44/custom?a=b,{\"message\":\"Invalid namespace\"}"],
        ),
    ] {
        let mut bench = Bench::base();
        let ws = bench.websocket();
        assert_eq!(bench.exchange(ws, packet), answers, "{packet}");
        assert_eq!(bench.closed(ws), None);
    }
}

#[test]
fn what_breaks_the_protocol_closes_the_connection() {
    let mut first: Vec<String> = [
        "4",
        "4abc",
        "47",
        "40[]",
        "40null",
        "40\"a\"",
        "40{\"a\":",
        "40custom,",
        "41",
        "430[]",
    ]
    .map(str::to_owned)
    .into();
    first.extend(
        [
            "42[\"message\",1]",
            "44{\"message\":\"x\"}",
            "42/custom,[\"message\"]",
        ]
        .map(str::to_owned),
    );
    for packet in first {
        let mut bench = Bench::base();
        let ws = bench.websocket();
        assert_eq!(bench.exchange(ws, &packet), NOTHING, "{packet}");
        assert_eq!(bench.closed(ws), Some(1000), "{packet}");
    }
    let joined = [
        "40",
        "40{}",
        "42",
        "4212",
        "42[]",
        "42{}",
        "42\"a\"",
        "42[null]",
        "42[1]",
        "42[{\"toString\":1}]",
        "42[\"connect\"]",
        "42[\"message\",1]x",
        "42[\"message\"",
        "42[\"message\",NaN]",
        "42abc[\"message\"]",
        "42-1[\"message\"]",
        "430{}",
        "430",
        "43[]",
        "41{}",
        "42/custom,[\"message\"]",
        "41/custom,",
        "44{\"message\":\"x\"}",
        "450-[\"message\"]",
        "45-[\"message\"]",
        "45[\"message\"]",
        "451.5-[\"message\"]",
        "4511-[\"message\"]",
        "451000000000-[\"message\"]",
        "451-",
        "451-[\"message\",{\"_placeholder\":true,\"num\":1}]",
        "451-[\"message\",{\"_placeholder\":true,\"num\":-1}]",
        "451-[\"message\",{\"_placeholder\":true,\"num\":\"splice\"}]",
        "451-[{\"_placeholder\":true,\"num\":0}]",
    ];
    for packet in joined {
        let mut bench = Bench::base();
        let ws = bench.connected();
        assert_eq!(bench.exchange(ws, packet), NOTHING, "{packet}");
        assert_eq!(bench.closed(ws), Some(1000), "{packet}");
    }
    let mut bench = Bench::base();
    let ws = bench.websocket();
    bench.send_binary(ws, &[1]);
    assert_eq!(bench.closed(ws), Some(1000));
}

#[test]
fn one_violation_closes_one_connection() {
    let mut bench = Bench::base();
    let (good, bad) = (bench.connected(), bench.connected());
    bench.send(bad, "4abc");
    assert!(bench.closed(bad).is_some());
    assert_eq!(
        bench.exchange(good, "42[\"message\",1]"),
        ["42[\"message-back\",1]"]
    );
}

#[test]
fn a_namespace_must_be_joined_in_time() {
    let mut bench = Bench::base();
    let idle = bench.websocket();
    let refused = bench.websocket();
    let joined = bench.websocket();
    bench.send(refused, "40/random,");
    bench.send(joined, "40");
    while bench.now < 990 {
        bench.run_for(90);
        for ws in [idle, refused, joined] {
            bench.send(ws, "3");
        }
    }
    assert_eq!([bench.closed(idle), bench.closed(refused)], [None, None]);
    bench.run_to(1000);
    assert_eq!(
        [bench.closed(idle), bench.closed(refused), bench.closed(joined)],
        [Some(1000), Some(1000), None]
    );
}

#[test]
fn a_slow_namespace_is_joined_late() {
    let mut bench = Bench::base();
    let ws = bench.websocket();
    let early = bench.websocket();
    assert_eq!(bench.exchange(ws, "40/slow,"), NOTHING);
    assert_eq!(
        bench.exchange(ws, "40"),
        ["40{\"sid\":\"id2\"}", "42[\"auth\",{}]"]
    );
    bench.run_to(99);
    assert_eq!(bench.frames(ws), NOTHING);
    bench.run_to(100);
    assert_eq!(bench.frames(ws), ["40/slow,{\"sid\":\"id1\"}"]);
    assert_eq!(
        bench.exchange(ws, "42/slow,[\"message\",1]"),
        ["42/slow,[\"message-back\",1]"]
    );

    bench.send(early, "40/slow,");
    bench.send(early, "42/slow,[\"message\",1]");
    assert!(bench.closed(early).is_some());
    let twice = bench.websocket();
    bench.send(twice, "40/slow,");
    bench.send(twice, "40/slow,");
    assert!(bench.closed(twice).is_some());
    let gone = bench.websocket();
    bench.send(gone, "40/slow,");
    bench.cut(gone);
    bench.run_for(200);
    assert_eq!(bench.frames(gone), NOTHING);
}

#[test]
fn events_come_back_as_they_were_sent() {
    for arguments in [
        "",
        ",1,\"2\",{\"3\":[true]}",
        ",null,false,0,-1,-0,1.5,\"\",[],{}",
        ",\"€😀\\u2028\\n\\\"\\\\a\\u001eb\"",
        ",\"\\ud800\"",
        ",1e400",
        ",9007199254740993",
        ",{\"a\":1,\"a\":2}",
        ",{\"__proto__\":{\"x\":1}}",
        ",{\"_placeholder\":true,\"num\":0}",
    ] {
        let mut bench = Bench::base();
        let ws = bench.connected();
        let answer = bench.exchange(ws, &format!("42[\"message\"{arguments}]"));
        assert_eq!(answer, [format!("42[\"message-back\"{arguments}]")]);
    }
    let mut bench = Bench::base();
    let ws = bench.connected();
    assert_eq!(
        bench.exchange(ws, "42 [ \"message\" , 1 ] "),
        ["42[\"message-back\",1]"]
    );
    assert_eq!(bench.exchange(ws, "42/,[\"message\"]"), ["42[\"message-back\"]"]);
    assert_eq!(
        bench.exchange(ws, "42[\"mess€ge\",1]"),
        ["42[\"message-back\",1]"]
    );
    for ignored in [
        "42[\"nope\",1]",
        "42[\"\"]",
        "42[\"error\"]",
        "42[\"__proto__\"]",
        "4212[\"nope\"]",
        "42[\"message-with-ack\"]",
    ] {
        assert_eq!(bench.exchange(ws, ignored), NOTHING, "{ignored}");
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(
        bench.exchange(ws, &format!("42[\"message\",{deep}]")),
        [format!("42[\"message-back\",{deep}]")]
    );
}

#[test]
fn acknowledgements_carry_the_id_that_came() {
    let (mut bench, ws) = joined("/custom");
    for (id, back) in [
        ("456", "456"),
        ("0", "0"),
        ("007", "7"),
        ("9007199254740993", "9007199254740993"),
    ] {
        let answer = bench.exchange(ws, &format!("42{id}[\"message-with-ack\",1,{{\"3\":[false]}}]"));
        assert_eq!(answer, [format!("43{back}[1,{{\"3\":[false]}}]")]);
    }
    let long = "12345678901234567890123";
    assert_eq!(
        bench.exchange(ws, &format!("42{long}[\"message-with-ack\"]")),
        [format!("43{long}[]")]
    );
    assert_eq!(
        bench.exchange(ws, "42/custom,13[\"message-with-ack\",\"x\"]"),
        ["43/custom,13[\"x\"]"]
    );
    assert_eq!(bench.exchange(ws, "421[\"twice\",2]"), ["431[2]"]);
    assert_eq!(bench.exchange(ws, "4399[]"), NOTHING);
}

#[test]
fn the_server_asks_and_hears_each_answer_once() {
    let (mut bench, ws) = joined("/custom");
    let other = bench.connected();
    assert_eq!(bench.exchange(ws, "42[\"ask\",\"q\",1]"), ["420[\"q\",1]"]);
    assert_eq!(bench.exchange(ws, "42[\"ask\",\"q\"]"), ["421[\"q\"]"]);
    assert_eq!(
        bench.exchange(ws, "42/custom,[\"ask\",\"q\"]"),
        ["42/custom,0[\"q\"]"]
    );
    assert_eq!(bench.exchange(other, "430[\"stolen\"]"), NOTHING);
    assert_eq!(bench.exchange(ws, "431[\"b\"]"), ["42[\"answer\",\"b\"]"]);
    assert_eq!(bench.exchange(ws, "430[\"a\",2]"), ["42[\"answer\",\"a\",2]"]);
    assert_eq!(bench.exchange(ws, "430[\"again\"]"), NOTHING);
    bench.send(ws, &format!("461-/custom,0[{P0}]"));
    bench.send_binary(ws, &[7]);
    assert_eq!(
        bench.frames(ws),
        [format!("451-/custom,[\"answer\",{P0}]"), "07".into()]
    );
}

#[test]
fn attachments_come_back_in_order() {
    let mut bench = Bench::base();
    let ws = bench.connected();
    bench.send(ws, &format!("452-7[\"message-with-ack\",{P1},{{\"a\":[{P0}]}}]"));
    bench.send_binary(ws, &[1]);
    bench.send(ws, "3");
    bench.send_binary(ws, &[]);
    assert_eq!(
        bench.frames(ws),
        [
            format!("462-7[{P0},{{\"a\":[{P1}]}}]"),
            String::new(),
            "01".into()
        ]
    );
    assert_eq!(
        bench.exchange(ws, "42[\"attach\",2]"),
        [
            format!("452-[\"attached\",{P0},{P1}]"),
            "0002".into(),
            "0102".into()
        ]
    );
    bench.send(ws, &format!("451-[\"message\",{P0}]"));
    bench.send_binary(ws, &[1]);
    assert_eq!(bench.frames(ws).len(), 2);
    bench.send_binary(ws, &[2]);
    assert!(bench.closed(ws).is_some());
    let ws = bench.connected();
    bench.send(ws, &format!("451-[\"message\",{P0}]"));
    assert_eq!(bench.exchange(ws, "42[\"message\"]"), NOTHING);
    assert!(bench.closed(ws).is_some());
}

#[test]
fn the_other_handlers_do_what_they_say() {
    let mut bench = Bench::base();
    let ws = bench.connected();
    assert_eq!(
        bench.exchange(ws, "42[\"burst\",3]"),
        ["42[\"item\",0]", "42[\"item\",1]", "42[\"item\",2]"]
    );
    assert_eq!(bench.exchange(ws, "42[\"big\",5]"), ["42[\"big\",\"aaaaa\"]"]);
    assert_eq!(
        bench.exchange(ws, "42[\"count\",\"id1\"]"),
        ["42[\"count\",{\"connect\":1,\"disconnect\":0}]"]
    );
    assert_eq!(bench.exchange(ws, "42[\"leave\"]"), ["41"]);
    assert_eq!(
        bench.exchange(ws, "40"),
        ["40{\"sid\":\"id2\"}", "42[\"auth\",{}]"]
    );
    assert_eq!(
        bench.exchange(ws, "42[\"count\",\"id1\"]"),
        ["42[\"count\",{\"connect\":1,\"disconnect\":1}]"]
    );
    assert_eq!(
        bench.exchange(ws, "42[\"count\",\"nobody\"]"),
        ["42[\"count\",{\"connect\":0,\"disconnect\":0}]"]
    );
}

#[test]
fn a_shout_reaches_those_in_the_room() {
    let mut bench = Bench::base();
    let clients = [bench.connected(), bench.connected(), bench.connected()];
    for ws in clients {
        bench.send(ws, "40/custom,");
        bench.frames(ws);
    }
    bench.send(clients[0], "42[\"join\",\"r\"]");
    bench.send(clients[1], "42[\"join\",\"r\"]");
    bench.send(clients[2], "42/custom,[\"join\",\"r\"]");
    bench.send(clients[2], "42[\"shout\",\"r\",{\"x\":1}]");
    assert_eq!(
        clients.map(|ws| bench.frames(ws).concat()),
        ["42[\"shout\",{\"x\":1}]", "42[\"shout\",{\"x\":1}]", ""]
    );
    bench.send(clients[0], "41");
    bench.send(clients[1], "42[\"shout\",\"r\",2]");
    assert_eq!(
        clients.map(|ws| bench.frames(ws).concat()),
        ["", "42[\"shout\",2]", ""]
    );
}

#[test]
fn leaving_one_namespace_leaves_the_others() {
    let (mut bench, ws) = joined("/custom");
    assert_eq!(bench.exchange(ws, "41"), NOTHING);
    assert_eq!(
        bench.exchange(ws, "42/custom,[\"message\",1]"),
        ["42/custom,[\"message-back\",1]"]
    );
    assert_eq!(bench.exchange(ws, "42/custom,[\"leave\"]"), ["41/custom,"]);
    assert_eq!(bench.closed(ws), None);
    bench.send(ws, "41");
    assert!(bench.closed(ws).is_some());

    let (mut bench, ws) = joined("/custom");
    assert_eq!(
        bench.exchange(ws, "42[\"bye\"]"),
        ["42[\"bye\"]", "41", "41/custom,"]
    );
    assert_eq!(bench.closed(ws), Some(1000));
}

#[test]
fn a_client_that_comes_back_gets_what_it_missed() {
    let mut bench = Bench::variant("recovery");
    let ws = bench.websocket();
    let friend = bench.websocket();
    assert_eq!(
        bench.exchange(ws, "40"),
        ["40{\"sid\":\"id1\",\"pid\":\"id2\"}", "42[\"auth\",{},\"1\"]"]
    );
    bench.send(friend, "40");
    bench.send(ws, "42[\"join\",\"r\"]");
    assert_eq!(bench.exchange(ws, "42[\"ask\",\"q\"]"), ["420[\"q\"]"]);
    bench.cut(ws);
    bench.send(friend, "42[\"shout\",\"r\",1]");
    bench.send(friend, "42[\"shout\",\"other\",2]");
    bench.send(friend, "42[\"shout\",\"r\",3]");
    let returning = "40{\"pid\":\"id2\",\"offset\":\"1\",\"token\":\"t\"}";
    let back = bench.websocket();
    assert_eq!(
        bench.exchange(back, returning),
        [
            "42[\"shout\",1,\"3\"]",
            "42[\"shout\",3,\"5\"]",
            "40{\"sid\":\"id1\",\"pid\":\"id2\"}",
            "42[\"auth\",{\"pid\":\"id2\",\"offset\":\"1\",\"token\":\"t\"},\"6\"]",
        ]
    );
    bench.send(friend, "42[\"shout\",\"r\",4]");
    assert_eq!(
        bench.frames(back),
        ["42[\"shout\",4,\"7\"]"],
        "it is in its room again"
    );
    let twice = bench.websocket();
    assert!(
        !bench.exchange(twice, returning)[0].contains("id1\""),
        "nobody comes back twice"
    );
}

#[test]
fn a_client_that_cannot_come_back_is_new() {
    let new = |frames: &[String]| !frames[0].contains("\"sid\":\"id1\"") && frames[0].contains("\"pid\":");
    for (leave, wait, packet) in [
        ("cut", 0, "40{\"pid\":\"nope\",\"offset\":\"1\"}"),
        ("cut", 0, "40{\"pid\":\"id2\",\"offset\":\"nope\"}"),
        ("cut", 0, "40{\"pid\":\"id2\"}"),
        ("cut", 0, "40{\"pid\":123,\"offset\":4}"),
        ("cut", 0, "40{\"pid\":{},\"offset\":[]}"),
        ("cut", 0, "40/custom,{\"pid\":\"id2\",\"offset\":\"1\"}"),
        ("cut", 2001, "40{\"pid\":\"id2\",\"offset\":\"1\"}"),
        ("41", 0, "40{\"pid\":\"id2\",\"offset\":\"1\"}"),
        ("42[\"leave\"]", 0, "40{\"pid\":\"id2\",\"offset\":\"1\"}"),
        ("42[\"bye\"]", 0, "40{\"pid\":\"id2\",\"offset\":\"1\"}"),
        ("4abc", 0, "40{\"pid\":\"id2\",\"offset\":\"1\"}"),
    ] {
        let mut bench = Bench::variant("recovery");
        let ws = bench.websocket();
        bench.send(ws, "40");
        if leave == "cut" {
            bench.cut(ws);
        } else {
            bench.send(ws, leave);
        }
        bench.run_for(wait);
        let back = bench.websocket();
        assert!(new(&bench.exchange(back, packet)), "{leave} {packet}");
    }
    let mut bench = Bench::variant("recovery");
    let ws = bench.websocket();
    bench.send(ws, "40");
    bench.cut(ws);
    bench.run_for(1999);
    let back = bench.websocket();
    assert!(!new(&bench.exchange(back, "40{\"pid\":\"id2\",\"offset\":\"1\"}")));
}

#[test]
fn what_nobody_takes_is_not_kept_for_ever() {
    let mut bench = Bench::variant("slow-heartbeat");
    let query = bench.polling();
    bench.post(&query, "40");
    for _ in 0..3 {
        assert_eq!(bench.post(&query, "42[\"big\",8000000]").0, 200);
    }
    assert_eq!(bench.fetch(&query).0, 400);
}
