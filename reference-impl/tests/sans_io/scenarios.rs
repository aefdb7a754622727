//! What clients do to a server, well-behaved and otherwise; every fault must show in one of these.
//!
//! A scenario never looks at what comes back, so that it can be played on a server with any fault.

use http::Request;
use reference_impl::engine::ExchangeId;

use crate::bench::Bench;

/// A scenario: its name, the variant that it runs on, what is done.
pub(crate) type Scenario = (&'static str, &'static str, fn(&mut Bench));

const POLLING: &str = "EIO=4&transport=polling";
const WEBSOCKET: &str = "EIO=4&transport=websocket";
/// Requests of the first session: the bench gives out ids in order.
const FIRST: &str = "EIO=4&transport=polling&sid=id1";
const FIRST_WS: &str = "EIO=4&transport=websocket&sid=id1";
const P0: &str = "{\"_placeholder\":true,\"num\":0}";
const P1: &str = "{\"_placeholder\":true,\"num\":1}";

pub(crate) const ALL: &[Scenario] = &[
    ("handshake", "base", handshake),
    ("handshake with cookie", "cookie", handshake),
    ("handshake without upgrades", "no-upgrades", handshake),
    ("handshake for polling only", "polling-only", handshake),
    ("refused handshake", "refuse-handshake", handshake),
    ("bad queries", "base", bad_queries),
    ("bad WebSocket handshakes", "base", bad_websocket_handshakes),
    ("sessions", "base", sessions),
    ("other origins", "cors", other_origins),
    ("requests", "base", requests),
    ("payloads", "base", payloads),
    ("bad payloads", "base", bad_payloads),
    ("sizes", "base", sizes),
    ("concurrent polling", "base", concurrent_polling),
    ("heartbeat", "base", heartbeat),
    ("close", "base", close),
    ("upgrade", "base", upgrade),
    ("failed upgrades", "base", failed_upgrades),
    ("abandoned upgrade", "upgrade-timeout", |bench| {
        open_polling(bench);
        let ws = bench.ws(FIRST_WS);
        bench.send(ws, "2probe");
        bench.run_for(300);
    }),
    ("frames", "base", frames),
    ("joining", "base", joining),
    ("bad joining", "base", bad_joining),
    ("idle connection", "base", idle),
    ("events", "base", events),
    ("bad events", "base", bad_events),
    ("order", "base", order),
    ("acknowledgements", "base", acknowledgements),
    ("questions", "base", questions),
    ("attachments", "base", attachments),
    ("bad attachments", "base", bad_attachments),
    ("leaving", "base", leaving),
    ("rooms", "base", rooms),
    ("recovery", "recovery", recovery),
    ("late recovery", "recovery", |bench| {
        let ws = joined(bench);
        bench.cut(ws);
        bench.run_for(2001);
        say(bench, &["40{\"pid\":\"id2\",\"offset\":\"1\"}"]);
    }),
    ("odd recovery", "recovery", |bench| {
        joined(bench);
        say(bench, &["40{\"pid\":123,\"offset\":4}"]);
    }),
    ("odd requests", "base", odd_requests),
    ("many sessions", "base", |bench| {
        for _ in 0..52 {
            bench.get(POLLING);
        }
    }),
];

/// Sends frames in a new WebSocket session.
fn say(bench: &mut Bench, frames: &[&str]) -> ExchangeId {
    let ws = bench.ws(WEBSOCKET);
    for frame in frames {
        bench.send(ws, frame);
    }
    ws
}

fn joined(bench: &mut Bench) -> ExchangeId {
    say(bench, &["40"])
}

/// Opens a polling session; returns the query of its further requests.
fn open(bench: &mut Bench) -> String {
    let exchange = bench.get(POLLING);
    let body = bench.answer(exchange).map_or_else(String::new, |(_, body)| body);
    format!("{POLLING}&sid={}", body.split('"').nth(3).unwrap_or("none"))
}

fn open_polling(bench: &mut Bench) {
    bench.get(POLLING);
    tell(bench, "40");
    bench.get(FIRST);
}

/// Posts to the first session.
fn tell(bench: &mut Bench, body: &str) {
    tell_to(bench, FIRST, body.as_bytes());
}

fn tell_to(bench: &mut Bench, query: &str, body: &[u8]) {
    let post = bench.begin_post(query);
    if bench.seen(post).wants_body.is_some() {
        bench.body(post, body.to_vec());
    }
}

/// Lets time pass while a WebSocket client answers pings.
fn live(bench: &mut Bench, ws: &[ExchangeId], millis: u64) {
    let end = bench.now + millis;
    while bench.now < end {
        bench.run_for(50);
        for &ws in ws {
            bench.send(ws, "3");
        }
    }
}

fn handshake(bench: &mut Bench) {
    bench.get(POLLING);
    bench.ws(WEBSOCKET);
}

fn bad_queries(bench: &mut Bench) {
    for query in [
        "transport=polling",
        "EIO=abc&transport=polling",
        "EIO=5&transport=polling",
        "EIO=3&transport=polling",
        "EIO=4",
        "EIO=4&transport=abc",
        "EIO=4&transport=__proto__",
        "EIO=4&transport=polling&sid=__proto__",
    ] {
        bench.get(query);
        bench.ws(&query.replace("polling", "websocket"));
    }
    bench.ws(POLLING);
    bench.ws("transport=websocket");
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        bench.request(
            Request::builder()
                .method(method)
                .uri(format!("/socket.io/?{POLLING}")),
        );
    }
}

fn bad_websocket_handshakes(bench: &mut Bench) {
    for (method, version, key) in [
        ("POST", "13", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("GET", "12", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("GET", "13", ""),
    ] {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/socket.io/?{WEBSOCKET}"))
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", version);
        if !key.is_empty() {
            request = request.header("Sec-WebSocket-Key", key);
        }
        bench.request(request);
    }
}

fn sessions(bench: &mut Bench) {
    for begin in [Bench::get, Bench::begin_post] {
        begin(bench, &format!("{POLLING}&sid=nope"));
    }
    bench.get(POLLING);
    bench.get(POLLING);
    for sid in ["id1", "id2"] {
        tell_to(bench, &format!("{POLLING}&sid={sid}"), b"40");
        bench.get(&format!("{POLLING}&sid={sid}"));
        tell_to(bench, &format!("{POLLING}&sid={sid}"), b"42[\"message\",1]");
        bench.get(&format!("{POLLING}&sid={sid}"));
    }
    tell(bench, "42[\"message\",2]");
    bench.get(FIRST);
    tell(bench, "1");
    bench.get(FIRST);
    tell(bench, "42[\"message\",3]");
    bench.ws(WEBSOCKET);
    bench.get(&format!("{POLLING}&sid=id3"));
}

fn other_origins(bench: &mut Bench) {
    for origin in ["http://allowed.example", "http://evil.example"] {
        for (method, query) in [("GET", POLLING), ("OPTIONS", POLLING), ("GET", "EIO=4")] {
            let uri = format!("/socket.io/?{query}");
            bench.request(
                Request::builder()
                    .method(method)
                    .uri(uri)
                    .header("Origin", origin),
            );
        }
    }
}

fn requests(bench: &mut Bench) {
    bench.get(&format!("{POLLING}&j=alert(1)"));
    tell(bench, "40");
    let typed =
        bench.request(Request::post(format!("/socket.io/?{FIRST}")).header("Content-Type", "text/plain"));
    bench.body(typed, "3");
}

fn payloads(bench: &mut Bench) {
    open_polling(bench);
    tell(
        bench,
        "42[\"message\",1]\u{1e}42[\"message\",2]\u{1e}42[\"message\",\"€\"]",
    );
    bench.get(FIRST);
    let parked = bench.get(FIRST);
    tell(bench, &format!("451-[\"message\",{P0}]\u{1e}b+/+/"));
    tell(bench, &format!("451-[\"message\",{P0}]\u{1e}bAQIDBA=="));
    bench.get(FIRST);
    tell(bench, &format!("451-[\"message\",{P0}]\u{1e}b"));
    bench.get(FIRST);
    tell(bench, &vec!["42[\"message\"]"; 20].join("\u{1e}"));
    bench.get(FIRST);
    tell(bench, "42[\"message\",\"a\\u001eb\"]");
    bench.get(FIRST);
    bench.cut(parked);
}

fn bad_payloads(bench: &mut Bench) {
    say(bench, &["40", "42[\"join\",\"r\"]"]);
    let query = open(bench);
    tell_to(bench, &query, "40\u{1e}1\u{1e}42[\"shout\",\"r\",1]".as_bytes());
    for body in [
        "abc",
        "7",
        "4\u{1e}\u{1e}4",
        "40\u{1e}42[\"message\"]\u{1e}9\u{1e}42[\"message\",2]",
        "4abc",
    ] {
        let sid = open(bench);
        tell_to(bench, &sid, body.as_bytes());
        bench.get(&sid);
    }
    let sid = open(bench);
    tell_to(bench, &sid, b"4\xff");
}

fn sizes(bench: &mut Bench) {
    bench.get(POLLING);
    bench.request(Request::post(format!("/socket.io/?{FIRST}")).header("Content-Length", "1000001"));
    let declared =
        bench.request(Request::post(format!("/socket.io/?{FIRST}")).header("Content-Length", "1000000"));
    bench.body(declared, "3");
}

fn concurrent_polling(bench: &mut Bench) {
    open_polling(bench);
    let parked = bench.get(FIRST);
    tell(bench, "42[\"message\",1]");
    bench.get(FIRST);
    bench.get(FIRST);
    bench.run_for(300);
    bench.get(FIRST);
    bench.cut(parked);
    bench.get(POLLING);
    let second = format!("{POLLING}&sid=id2");
    let unfinished = bench.begin_post(&second);
    tell_to(bench, &second, b"40");
    bench.body(unfinished, "3");
    bench.get(&second);
    bench.get(POLLING);
    let third = format!("{POLLING}&sid=id3");
    let unfinished = bench.begin_post(&third);
    bench.cut(unfinished);
    tell_to(bench, &third, b"40");
    bench.get(POLLING);
    let fourth = format!("{POLLING}&sid=id4");
    bench.begin_post(&fourth);
    bench.run_for(600);
}

fn heartbeat(bench: &mut Bench) {
    let [good, slow, late, silent, busy] = [(); 5].map(|()| joined(bench));
    bench.run_to(300);
    bench.send(good, "3abc");
    bench.run_to(450);
    bench.send(slow, "3");
    bench.send(busy, "3");
    for _ in 0..20 {
        bench.send(busy, "3");
    }
    bench.run_to(501);
    bench.send(late, "3");
    bench.send(silent, "40");
    bench.run_to(2500);
    say(bench, &["40", "2"]);
    say(bench, &["40", "2probe"]);
    bench.run_for(1);
    bench.get(POLLING);
    bench.run_for(1000);
}

fn close(bench: &mut Bench) {
    open_polling(bench);
    bench.get(FIRST);
    tell(bench, "1");
    bench.get(FIRST);
    let [ended, gone, watcher] = [(); 3].map(|()| joined(bench));
    bench.send(ended, "1");
    bench.cut(gone);
    bench.send(watcher, "42[\"count\",\"id2\"]");
    bench.send(watcher, "42[\"count\",\"id3\"]");
    bench.send(watcher, "42[\"bye\"]");
    bench.get(POLLING);
    let query = format!("{POLLING}&sid=id5");
    tell_to(bench, &query, b"40");
    bench.get(&query);
    bench.get(&query);
    tell_to(bench, &query, b"42[\"bye\"]");
    bench.get(&query);
}

fn upgrade(bench: &mut Bench) {
    open_polling(bench);
    let parked = bench.get(FIRST);
    let ws = bench.ws(FIRST_WS);
    bench.send(ws, "2probe");
    bench.get(FIRST);
    tell(bench, "42[\"message\",1]");
    bench.ws(FIRST_WS);
    bench.send(ws, "5");
    bench.send(ws, "42[\"message\",2]");
    bench.get(FIRST);
    tell(bench, "42[\"message\",3]");
    bench.ws(FIRST_WS);
    bench.cut(parked);
}

fn failed_upgrades(bench: &mut Bench) {
    bench.ws(&format!("{WEBSOCKET}&sid=nope"));
    for frames in [&["2abc"][..], &["2"], &["2probe", "42[\"message\",1]"]] {
        let sid = open(bench);
        tell_to(bench, &sid, b"40");
        let ws = bench.ws(&sid.replace("polling", "websocket"));
        for frame in frames {
            bench.send(ws, frame);
        }
        bench.get(&sid);
    }
}

fn frames(bench: &mut Bench) {
    let ws = joined(bench);
    bench.send(ws, "42[\"message\",\"a\u{2028}b\"]");
    bench.send(ws, &format!("451-[\"message\",{P0}]"));
    bench.send_binary(ws, b"4a");
    bench.send(ws, "42[\"burst\",3]");
    bench.run_for(300);
    say(bench, &["40", "42[\"message\"]\u{1e}42[\"message\"]"]);
    for frame in ["", "abc", "7"] {
        say(bench, &["40", frame]);
    }
}

fn joining(bench: &mut Bench) {
    say(
        bench,
        &[
            "40{\"token\":\"123\"}",
            "40/custom,{\"a\":1}",
            "40/dyn-1,",
            "42/custom,[\"message\",1]",
        ],
    );
    say(bench, &["40/custom,", "40"]);
    say(bench, &["40/random,", "40/refused,", "40/refused,", "40"]);
    say(bench, &["40", "41", "40"]);
    say(bench, &["40/Custom,"]);
    let ws = say(bench, &["40/slow,"]);
    bench.run_for(100);
    bench.send(ws, "42/slow,[\"message\"]");
    say(
        bench,
        &["40{\"__proto__\":{\"admin\":true}}", "42[\"message\",{\"a\":1}]"],
    );
    open_polling(bench);
    bench.ws(WEBSOCKET);
}

fn bad_joining(bench: &mut Bench) {
    for packet in [
        "42[\"message\",1]",
        "430[]",
        "41",
        "44{\"message\":\"x\"}",
        "4abc",
        "47",
        "4",
        "40[]",
        "40custom,",
        "40null",
    ] {
        say(bench, &[packet, "40"]);
    }
    let ws = bench.ws(WEBSOCKET);
    bench.send_binary(ws, b"x");
    say(bench, &["40", "40"]);
}

fn idle(bench: &mut Bench) {
    let idle = bench.ws(WEBSOCKET);
    let refused = say(bench, &["40/random,"]);
    live(bench, &[idle, refused], 1200);
}

fn events(bench: &mut Bench) {
    let large = format!("42[\"message\",\"{}\"]", "a".repeat(500_000));
    say(
        bench,
        &[
            "40",
            "40/custom,",
            "42[\"message\",1,\"2\",{\"3\":[true]}]",
            "42[\"message\"]",
            "42[\"message\",false,null]",
            "42/custom,[\"message\",\"c\"]",
            "42[\"message\",\"€😀\"]",
            "42[\"message\",\"\u{2028}\"]",
            "42[\"message\",1e400]",
            "42[ \"message\" , 1 ]",
            "42 [\"message\",1]",
            "42[\"burst\",2]",
            "42[\"mess€ge\"]",
            &large,
            "42[\"message\",\"e\u{301}\"]",
        ],
    );
}

fn bad_events(bench: &mut Bench) {
    let deep = format!("42[\"nope\",{}{}]", "[".repeat(6000), "]".repeat(6000));
    for packet in [
        "42[\"message\",1]x",
        "42[\"message\"",
        "42",
        "4212",
        "42[]",
        "42{}",
        "42\"a\"",
        "42[null]",
        "42[{\"toString\":1}]",
        "42[\"disconnect\"]",
        "42[\"error\"]",
        "42[\"__proto__\"]",
        "42[\"message\",{\"__proto__\":1}]",
        &deep,
        "42/custom,[\"message\",1]",
        "41{}",
    ] {
        say(bench, &["40", packet, "42[\"message\",\"after\"]"]);
    }
    say(bench, &["40", "42[\"/custom,x\"]"]);
    say(bench, &["40", "40/custom,", "42/custom,[\"message\",\"a,b\"]"]);
}

fn order(bench: &mut Bench) {
    open_polling(bench);
    tell(bench, "42[\"burst\",5]");
    bench.get(FIRST);
    say(bench, &["40", "42[\"burst\",5]"]);
}

fn acknowledgements(bench: &mut Bench) {
    let ws = say(
        bench,
        &[
            "40",
            "40/custom,",
            "42456[\"message-with-ack\",1]",
            "427[\"message-with-ack\"]",
            "420[\"message-with-ack\",1]",
            "42/custom,13[\"message-with-ack\",\"x\"]",
            "42007[\"message-with-ack\"]",
            "422147483648[\"message-with-ack\"]",
            "4212345678901234567890123[\"message-with-ack\",1]",
            "425[\"message-with-ack\"]",
            "425[\"message-with-ack\"]",
            "421[\"twice\"]",
            "42[\"message-with-ack\",1]",
            &format!("451-7[\"message-with-ack\",{P0}]"),
        ],
    );
    bench.send_binary(ws, b"x");
    say(bench, &["40", "42abc[\"message\",1]"]);
}

fn questions(bench: &mut Bench) {
    let ws = say(
        bench,
        &[
            "40",
            "40/custom,",
            "42[\"ask\",\"q\",1]",
            "42[\"ask\",\"q\",2]",
            "42[\"ask\",\"q\",3]",
        ],
    );
    bench.send(ws, "43/custom,0[\"elsewhere\"]");
    say(bench, &["40", "431[\"stolen\"]"]);
    bench.send(ws, "431[\"b\"]");
    bench.send(ws, &format!("461-0[{P0}]"));
    bench.send_binary(ws, b"x");
    bench.send(ws, "432");
}

fn attachments(bench: &mut Bench) {
    let ws = say(
        bench,
        &[
            "40",
            "40/custom,",
            &format!("452-[\"message\",{P0},{{\"a\":{P1}}}]"),
        ],
    );
    bench.send_binary(ws, &[1, 2]);
    bench.send_binary(ws, &[3, 4]);
    for header in [
        &format!("451-[\"message\",{{\"a\":{P0}}}]"),
        &format!("451-/custom,[\"message\",{P0}]"),
        &format!("451-/custom,7[\"message-with-ack\",{P0}]"),
        "451-[\"message\",{\"num\":0,\"_placeholder\":true}]",
        "451-[\"message\",{\"_placeholder\":false,\"num\":0}]",
    ] {
        bench.send(ws, header);
        bench.send(ws, "3");
        bench.send_binary(ws, &[1]);
    }
    bench.send(ws, &format!("42[\"message\",{P0}]"));
    bench.send(ws, "42[\"message\",1]");
    let ten: Vec<_> = (0..10)
        .map(|num| format!("{{\"_placeholder\":true,\"num\":{num}}}"))
        .collect();
    bench.send(ws, &format!("4510-[\"message\",{}]", ten.join(",")));
    for _ in 0..10 {
        bench.send_binary(ws, &[1]);
    }
}

fn bad_attachments(bench: &mut Bench) {
    for header in [
        &format!("451-[\"message\",{P1}]"),
        "451-[\"message\",{\"_placeholder\":true,\"num\":\"splice\"}]",
        "450-[\"message\",\"x\"]",
        "4511-[\"message\"]",
        "451000000000-[\"message\"]",
        "45-[\"message\"]",
        &format!("451-[\"message\",{P0}]"),
    ] {
        let ws = say(bench, &["40", header]);
        bench.send_binary(ws, &[1]);
        bench.send(ws, "42[\"message\",\"after\"]");
        let ws = say(bench, &["40", header]);
        bench.send(ws, "42[\"message\",\"between\"]");
        bench.send_binary(ws, &[1]);
        bench.send(ws, "42[\"message\",\"after\"]");
        bench.send_binary(ws, &[2]);
        bench.send(ws, "42[\"message\",\"last\"]");
    }
    let ws = joined(bench);
    bench.send_binary(ws, &[1]);
    bench.send(ws, "42[\"message\",\"after\"]");
    let ws = say(bench, &["40", "4511-[\"message\"]"]);
    for _ in 0..11 {
        bench.send_binary(ws, &[1]);
    }
}

fn leaving(bench: &mut Bench) {
    say(
        bench,
        &[
            "40",
            "40/custom,",
            "41/custom,",
            "42[\"message\"]",
            "41",
            "40",
            "42[\"count\",\"id1\"]",
        ],
    );
    say(
        bench,
        &[
            "40",
            "40/custom,",
            "42/custom,[\"leave\"]",
            "42[\"message\"]",
            "42[\"leave\"]",
        ],
    );
    say(bench, &["40", "41", "42[\"message\"]"]);
    say(bench, &["40", "41{}", "40"]);
    say(bench, &["40", "40/custom,", "42[\"bye\"]"]);
    let (bad, good) = (joined(bench), joined(bench));
    bench.send(bad, "4abc");
    bench.send(good, "42[\"message\"]");
}

fn rooms(bench: &mut Bench) {
    let clients = [(); 3].map(|()| joined(bench));
    for ws in clients {
        bench.send(ws, "42[\"join\",\"r\"]");
    }
    bench.send(clients[0], "42[\"shout\",\"r\",1]");
    bench.send(clients[1], "41");
    bench.send(clients[0], "42[\"shout\",\"r\",2]");
}

fn recovery(bench: &mut Bench) {
    let (ws, friend) = (joined(bench), joined(bench));
    bench.send(ws, "42[\"join\",\"r\"]");
    bench.cut(ws);
    bench.run_for(100);
    bench.send(friend, "42[\"shout\",\"r\",1]");
    say(bench, &["40{\"pid\":\"id2\",\"offset\":\"1\"}"]);
}

fn odd_requests(bench: &mut Bench) {
    bench.bare_request(Request::get(format!("/socket.io/?{POLLING}")));
    bench.get(&format!("{POLLING}&x=%zz%"));
    bench.request(Request::get(format!("http://bench/socket.io/?{POLLING}")));
    bench.get("EIO=4&transport=%3Cscript%3E");
    bench.get("EIO=4&transport=polling&sid=%0d%0aX-A:1");
    bench.get("EIO=4&transport=polling&transport=polling");
    bench.request(
        Request::get(format!("/socket.io/?{POLLING}"))
            .header("Upgrade", "h2c")
            .header("Connection", "Upgrade"),
    );
    bench.get(POLLING);
    let first = open(bench);
    bench.get(&first);
    let ws = bench.ws(WEBSOCKET);
    bench.send(ws, "40/custom,");
    bench.get(&format!("{POLLING}&sid=id1"));
    bench.get(&format!("{POLLING}&sid=id2"));
    for _ in 0..600 {
        bench.send(ws, "40/random,");
    }
}
