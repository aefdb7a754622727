//! The Engine.IO layer on a virtual clock: handshake, polling, heartbeat, upgrade, close.

use http::Request;

use crate::bench::Bench;

const POLLING: &str = "EIO=4&transport=polling";

#[test]
fn the_handshake_announces_the_session() {
    let mut bench = Bench::base();
    let open = "0{\"sid\":\"id1\",\"upgrades\":[\"websocket\"],\"pingInterval\":300,\"pingTimeout\":200,\"maxPayload\":1000000}";
    let exchange = bench.get(POLLING);
    assert_eq!(bench.answer(exchange), Some((200, open.into())));
    let headers = bench.seen(exchange).response.as_ref().unwrap().headers();
    assert_eq!(headers["content-type"], "text/plain; charset=UTF-8");
    assert_eq!(headers["cache-control"], "no-store");
    let ws = bench.ws("transport=websocket&EIO=4");
    assert_eq!(
        bench.seen(ws).accepted.as_ref().unwrap().headers()["sec-websocket-accept"],
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    assert_eq!(
        bench.frames(ws),
        [open.replace("id1", "id2").replace("\"websocket\"", "")]
    );
}

#[test]
fn requests_that_fit_nothing_are_refused() {
    let mut bench = Bench::base();
    let code = |code: u8, message: &str| (400, format!("{{\"code\":{code},\"message\":\"{message}\"}}"));
    let transport = code(0, "Transport unknown");
    let session = code(1, "Session ID unknown");
    let bad = code(3, "Bad request");
    let version = code(5, "Unsupported protocol version");
    for (query, expected) in [
        ("transport=polling", &version),
        ("EIO=abc&transport=polling", &version),
        ("EIO=04&transport=polling", &version),
        ("EIO=3&EIO=4&transport=polling", &version),
        ("eio=4&transport=polling", &version),
        ("EIO=4", &transport),
        ("EIO=4&transport=abc", &transport),
        ("EIO=4&transport=__proto__", &transport),
        ("EIO=4&transport=polling&transport=polling", &transport),
        ("EIO=4&transport=websocket", &bad),
        ("EIO=4&transport=polling&sid=nope", &session),
        ("EIO=4&transport=polling&sid=__proto__", &session),
        ("EIO=4&transport=polling&sid=%0d%0aX:1", &session),
        ("", &transport),
    ] {
        assert_eq!(&bench.fetch(query), expected, "{query}");
        let ws = bench.ws(&query.replace("polling", "websocket"));
        if !query.ends_with("=websocket") {
            assert_eq!(bench.status(ws), Some(400), "ws {query}");
        }
    }
    assert_eq!(bench.post(POLLING, "4x"), code(2, "Bad handshake method"));
    for method in ["PUT", "DELETE", "HEAD", "OPTIONS"] {
        let exchange = bench.request(
            Request::builder()
                .method(method)
                .uri(format!("/socket.io/?{POLLING}")),
        );
        assert_eq!(bench.status(exchange), Some(400), "{method}");
    }
    let ws = bench.ws(POLLING);
    assert_eq!(bench.answer(ws), Some(bad.clone()));
    for path in ["/socket.iox/", "/", "/socket.io", "//"] {
        let exchange = bench.request(Request::get(format!("{path}?{POLLING}")));
        assert_eq!(bench.status(exchange), Some(404), "{path}");
    }
    let query = bench.polling();
    assert_eq!(bench.fetch(&query.replace("EIO=4", "EIO=3")), bad);
    assert_eq!(bench.fetch(&query.replace("&transport=polling", "")), transport);
    assert_eq!(
        bench.post(&query, "3").0,
        200,
        "the session is none the worse for it"
    );
}

#[test]
fn a_faulty_websocket_handshake_is_refused() {
    let mut bench = Bench::base();
    let handshake = |bench: &mut Bench, skip: &str, version: &str, key: &str| {
        let mut request = Request::get("/socket.io/?EIO=4&transport=websocket");
        for (name, value) in [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", version),
            ("Sec-WebSocket-Key", key),
        ] {
            if name != skip {
                request = request.header(name, value);
            }
        }
        let exchange = bench.request(request);
        bench.status(exchange)
    };
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    assert_eq!(handshake(&mut bench, "", "13", KEY), None);
    assert_eq!(handshake(&mut bench, "", "12", KEY), Some(426));
    assert_eq!(handshake(&mut bench, "Sec-WebSocket-Version", "", KEY), Some(400));
    assert_eq!(handshake(&mut bench, "Sec-WebSocket-Key", "13", ""), Some(400));
    assert_eq!(handshake(&mut bench, "", "13", "c2hvcnQ="), Some(400));
    assert_eq!(handshake(&mut bench, "Connection", "13", KEY), Some(400));
}

#[test]
fn polls_are_held_and_gathered() {
    let mut bench = Bench::base();
    let query = bench.polling();
    assert_eq!(bench.post(&query, "40"), (200, "ok".into()));
    assert_eq!(bench.fetch(&query).1, "40{\"sid\":\"id1\"}\u{1e}42[\"auth\",{}]");
    let parked = bench.get(&query);
    assert_eq!(bench.answer(parked), None);
    let binary = "451-[\"message\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQIDBA==";
    assert_eq!(bench.post(&query, binary).0, 200);
    let expected = "451-[\"message-back\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQIDBA==";
    assert_eq!(bench.answer(parked), Some((200, expected.into())));
}

#[test]
fn two_polls_or_two_posts_end_the_session() {
    let mut bench = Bench::base();
    let query = bench.polling();
    let first = bench.get(&query);
    assert_eq!(bench.fetch(&query).0, 400);
    assert_eq!(bench.answer(first), Some((200, "1".into())));
    assert_eq!(bench.fetch(&query).0, 400);

    let query = bench.polling();
    let first = bench.begin_post(&query);
    assert_eq!(bench.post(&query, "3").0, 400);
    assert_eq!(bench.status(first), Some(400));
    bench.body(first, "40");
    assert_eq!(bench.fetch(&query).0, 400);
}

#[test]
fn bad_payloads_end_the_session() {
    for body in [
        "",
        "abc",
        "7",
        " 4x",
        "\u{1e}3",
        "3\u{1e}",
        "4\u{1e}\u{1e}4",
        "bAQ",
        "0{}",
        "2",
        "5",
    ] {
        let mut bench = Bench::base();
        let query = bench.polling();
        assert_eq!(bench.post(&query, body).0, 400, "{body:?}");
        assert_eq!(bench.fetch(&query).0, 400, "{body:?}");
    }
    let mut bench = Bench::base();
    let query = bench.polling();
    assert_eq!(bench.post(&query, &b"4\xff\xfe"[..]).0, 400);
    assert_eq!(bench.fetch(&query).0, 400);
    let query = bench.polling();
    assert_eq!(bench.post(&query, "6\u{1e}3abc\u{1e}3"), (200, "ok".into()));
}

#[test]
fn oversize_is_refused_and_the_session_kept() {
    let mut bench = Bench::base();
    let query = bench.polling();
    let declared =
        bench.request(Request::post(format!("/socket.io/?{query}")).header("Content-Length", "1000001"));
    assert_eq!(bench.status(declared), Some(413));
    let chunked = bench.begin_post(&query);
    assert_eq!(bench.seen(chunked).wants_body, Some(1_000_000));
    bench.body_too_large(chunked);
    assert_eq!(bench.status(chunked), Some(413));
    assert_eq!(bench.post(&query, "40").0, 200);
}

#[test]
fn the_heartbeat_runs_on_polling() {
    let mut bench = Bench::base();
    let query = bench.polling();
    bench.post(&query, "40");
    bench.fetch(&query);
    for _ in 0..5 {
        let parked = bench.get(&query);
        bench.run_for(299);
        assert_eq!(bench.answer(parked), None);
        bench.run_for(1);
        assert_eq!(bench.answer(parked), Some((200, "2".into())));
        bench.post(&query, "3");
    }
    // Pongs that nobody asked for do not move the next ping.
    let parked = bench.get(&query);
    bench.run_for(150);
    bench.post(&query, "3\u{1e}3\u{1e}3");
    bench.run_for(150);
    assert_eq!(bench.answer(parked), Some((200, "2".into())));
    let parked = bench.get(&query);
    bench.run_for(199);
    assert_eq!(bench.answer(parked), None);
    bench.run_for(1);
    assert_eq!(bench.answer(parked), Some((200, "1".into())));
    assert_eq!(bench.fetch(&query).0, 400);
}

#[test]
fn a_session_that_nobody_polls_times_out() {
    let mut bench = Bench::base();
    let query = bench.polling();
    bench.run_to(500);
    assert_eq!(bench.fetch(&query).0, 400);
}

#[test]
fn the_heartbeat_runs_on_websocket() {
    let mut bench = Bench::base();
    let ws = bench.connected();
    for _ in 0..6 {
        bench.run_for(300);
        assert_eq!(bench.frames(ws), ["2"]);
        bench.run_for(160);
        bench.send(ws, "3abc");
    }
    bench.run_for(300);
    // Messages are no pongs.
    for _ in 0..4 {
        bench.send(ws, "42[\"message\"]");
        bench.run_for(49);
    }
    assert_eq!(bench.closed(ws), None);
    bench.run_for(4);
    assert_eq!(bench.closed(ws), Some(1000));
}

#[test]
fn frames_that_a_client_may_not_send_end_the_session() {
    for frame in ["", "abc", "7", "0", "2", "2probe", "5", "bAQID", "4"] {
        let mut bench = Bench::base();
        let ws = bench.connected();
        bench.send(ws, frame);
        assert!(bench.closed(ws).is_some(), "{frame:?}");
    }
    let mut bench = Bench::base();
    let ws = bench.connected();
    bench.send(ws, "6");
    assert_eq!(bench.exchange(ws, "42[\"message\"]"), ["42[\"message-back\"]"]);
    bench.send(ws, "1");
    assert_eq!(bench.closed(ws), Some(1000));
}

#[test]
fn an_upgrade_loses_nothing() {
    let mut bench = Bench::base();
    let query = bench.polling();
    bench.post(&query, "40");
    bench.fetch(&query);
    let parked = bench.get(&query);
    let ws = bench.ws(&query.replace("polling", "websocket"));
    assert_eq!(bench.exchange(ws, "2probe"), ["3probe"]);
    assert_eq!(bench.answer(parked), Some((200, "6".into())));
    for _ in 0..3 {
        assert_eq!(bench.fetch(&query), (200, "6".into()));
    }
    bench.post(&query, "42[\"message\",1]");
    assert_eq!(bench.fetch(&query).1, "42[\"message-back\",1]");
    bench.post(&query, "42[\"message\",2]");
    assert_eq!(bench.frames(ws), Vec::<String>::new());
    let unfinished = bench.begin_post(&query);
    assert_eq!(bench.exchange(ws, "5"), ["42[\"message-back\",2]"]);
    bench.body(unfinished, "42[\"message\",3]");
    assert_eq!(bench.status(unfinished), Some(200));
    assert_eq!(bench.frames(ws), ["42[\"message-back\",3]"]);
    assert_eq!(bench.fetch(&query).0, 400);
    assert_eq!(bench.post(&query, "42[\"message\",4]").0, 400);
    let second = bench.ws(&query.replace("polling", "websocket"));
    assert!(bench.closed(second).is_some());
    assert_eq!(
        bench.exchange(ws, "42[\"message\",5]"),
        ["42[\"message-back\",5]"]
    );
    // The heartbeat went on through the upgrade.
    bench.run_to(300);
    assert_eq!(bench.frames(ws), ["2"]);
}

#[test]
fn a_failed_upgrade_leaves_polling_alone() {
    let mut bench = Bench::variant("upgrade-timeout");
    for attempt in [
        &["2abc"][..],
        &["2"],
        &["5"],
        &["2probe", "40"],
        &["2probe", "2probe"],
        &["cut"],
        &["wait"],
    ] {
        let query = bench.polling();
        let ws = bench.ws(&query.replace("polling", "websocket"));
        let rival = bench.ws(&query.replace("polling", "websocket"));
        assert!(bench.closed(rival).is_some());
        for &step in attempt {
            match step {
                "cut" => bench.cut(ws),
                "wait" => {
                    let parked = bench.get(&query);
                    bench.run_for(300);
                    assert_eq!(bench.answer(parked), Some((200, "2".into())));
                    bench.post(&query, "3");
                }
                frame => bench.send(ws, frame),
            }
        }
        assert!(attempt == ["cut"] || bench.closed(ws).is_some(), "{attempt:?}");
        assert_eq!(bench.post(&query, "40").0, 200);
        assert!(bench.fetch(&query).1.starts_with("40{"), "{attempt:?}");
        let ws = bench.ws(&query.replace("polling", "websocket"));
        bench.send(ws, "2probe");
        bench.send(ws, "5");
        assert_eq!(
            bench.exchange(ws, "42[\"message\"]"),
            ["3probe", "42[\"message-back\"]"],
            "{attempt:?}"
        );
    }
}

#[test]
fn a_websocket_session_cannot_be_taken_over() {
    let mut bench = Bench::base();
    let ws = bench.ws("EIO=4&transport=websocket");
    let thief = bench.ws("EIO=4&transport=websocket&sid=id1");
    assert!(bench.closed(thief).is_some());
    bench.send(thief, "2probe");
    bench.send(ws, "40");
    assert_eq!(bench.frames(ws).len(), 3);
    assert_eq!(bench.fetch("EIO=4&transport=polling&sid=id1").0, 400);
    bench.cut(ws);
    let late = bench.ws("EIO=4&transport=websocket&sid=id1");
    assert_eq!(bench.status(late), Some(400));
}

#[test]
fn the_client_closes_a_polling_session() {
    let mut bench = Bench::base();
    let query = bench.polling();
    let parked = bench.get(&query);
    assert_eq!(bench.post(&query, "1\u{1e}40"), (200, "ok".into()));
    assert_eq!(bench.answer(parked), Some((200, "6".into())));
    assert_eq!(bench.fetch(&query).0, 400);
    for begin in [Bench::get, Bench::begin_post] {
        let query = bench.polling();
        let exchange = begin(&mut bench, &query);
        bench.cut(exchange);
        assert_eq!(bench.fetch(&query).0, 400);
    }
}

#[test]
fn the_server_closes_after_what_it_sent() {
    let mut bench = Bench::base();
    let query = bench.polling();
    bench.post(&query, "40");
    bench.fetch(&query);
    let parked = bench.get(&query);
    bench.post(&query, "42[\"bye\"]");
    assert_eq!(bench.answer(parked), Some((200, "42[\"bye\"]\u{1e}41".into())));
    assert_eq!(bench.fetch(&query), (200, "1".into()));
    assert_eq!(bench.fetch(&query).0, 400);

    let query = bench.polling();
    bench.post(&query, "40");
    let ws = bench.ws(&query.replace("polling", "websocket"));
    bench.send(ws, "2probe");
    bench.post(&query, "42[\"bye\"]");
    assert!(bench.fetch(&query).1.ends_with("\u{1e}42[\"bye\"]\u{1e}41"));
    assert_eq!(bench.closed(ws), None);
    assert_eq!(bench.fetch(&query), (200, "1".into()));
    assert_eq!(bench.closed(ws), Some(1000));

    let query = bench.polling();
    bench.post(&query, "40");
    bench.fetch(&query);
    let ws = bench.ws(&query.replace("polling", "websocket"));
    assert_eq!(bench.exchange(ws, "2probe"), ["3probe"]);
    bench.post(&query, "42[\"bye\"]");
    assert_eq!(bench.exchange(ws, "5"), ["42[\"bye\"]", "41"]);
    assert_eq!(bench.closed(ws), Some(1000));

    let query = bench.polling();
    bench.post(&query, "40\u{1e}42[\"bye\"]");
    bench.run_for(500);
    assert_eq!(bench.fetch(&query).0, 400, "nobody waits for ever to be told");

    let ws = bench.connected();
    assert_eq!(bench.exchange(ws, "42[\"bye\"]"), ["42[\"bye\"]", "41"]);
    assert_eq!(bench.closed(ws), Some(1000));
}

#[test]
fn variants_change_one_option_each() {
    let mut bench = Bench::variant("no-upgrades");
    assert!(bench.fetch(POLLING).1.contains("\"upgrades\":[]"));
    let ws = bench.ws("EIO=4&transport=websocket&sid=id1");
    assert_eq!(bench.status(ws), Some(400));

    let mut bench = Bench::variant("polling-only");
    assert!(bench.fetch(POLLING).1.contains("\"upgrades\":[]"));
    let ws = bench.ws("EIO=4&transport=websocket");
    assert_eq!(
        bench.answer(ws).unwrap().1,
        "{\"code\":0,\"message\":\"Transport unknown\"}"
    );

    let mut bench = Bench::variant("websocket-only");
    assert_eq!(bench.fetch(POLLING).0, 400);
    bench.connected();

    let mut bench = Bench::variant("refuse-handshake");
    assert_eq!(
        bench.fetch(POLLING),
        (403, "{\"code\":4,\"message\":\"Not today\"}".into())
    );
    let ws = bench.ws("EIO=4&transport=websocket");
    assert_eq!(bench.status(ws), Some(403));

    let mut bench = Bench::variant("slow-heartbeat");
    assert!(
        bench
            .fetch(POLLING)
            .1
            .contains("\"pingInterval\":25000,\"pingTimeout\":20000")
    );

    let mut bench = Bench::variant("cookie");
    let exchange = bench.get(POLLING);
    let headers = bench.seen(exchange).response.as_ref().unwrap().headers();
    assert_eq!(headers["set-cookie"], "io=id1; Path=/; HttpOnly; SameSite=Lax");
    let ws = bench.ws("EIO=4&transport=websocket");
    assert_eq!(
        bench.seen(ws).accepted.as_ref().unwrap().headers()["set-cookie"],
        "io=id2; Path=/; HttpOnly; SameSite=Lax"
    );
    let query = "EIO=4&transport=polling&sid=id1";
    bench.post(query, "40");
    let poll = bench.get(query);
    assert!(
        !bench
            .seen(poll)
            .response
            .as_ref()
            .unwrap()
            .headers()
            .contains_key("set-cookie")
    );
}

#[test]
fn other_origins_are_let_in_by_name_only() {
    let mut bench = Bench::variant("cors");
    let request = |method: &str, query: &str, origin: &str| {
        Request::builder()
            .method(method)
            .uri(format!("/socket.io/?{query}"))
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "x-one")
    };
    let allowed = "http://allowed.example";
    for (method, query, status) in [
        ("OPTIONS", POLLING, 204),
        ("GET", POLLING, 200),
        ("GET", "EIO=4", 400),
    ] {
        let exchange = bench.request(request(method, query, allowed));
        let response = bench.seen(exchange).response.as_ref().unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["access-control-allow-origin"], allowed);
        assert_eq!(response.headers()["access-control-allow-credentials"], "true");
        assert_eq!(response.headers()["vary"], "Origin");
        let foreign = bench.request(request(method, query, "http://evil.example"));
        let response = bench.seen(foreign).response.as_ref().unwrap();
        assert_eq!(response.status(), status);
        assert!(!response.headers().contains_key("access-control-allow-origin"));
    }
    let foreign = bench.request(
        request("GET", "EIO=4&transport=websocket", "http://evil.example")
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    );
    assert_eq!(bench.status(foreign), Some(403));
}
