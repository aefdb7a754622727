//! The Engine.IO layer of the client on a virtual clock: handshake, polling, heartbeat, upgrade, close.

use http::Response;
use reference_impl::{
    client::{ClientOptions, engine::Arrival},
    engine::Transport::{Polling, WebSocket},
};

use crate::bench::{Bench, OPEN, OPEN_UPGRADES, over};

const GET: &str = "GET EIO=4&transport=polling&sid=e1";
const POST: &str = "POST EIO=4&transport=polling&sid=e1";

/// A client over polling that has joined the main namespace; its waiting poll.
fn polling(open: &str) -> (Bench, reference_impl::engine::ExchangeId) {
    let mut bench = Bench::new(ClientOptions {
        transports: vec![Polling, WebSocket],
        ..over(Polling)
    });
    bench.connect("/");
    let (get, _) = bench.request();
    bench.respond(get, 200, open.to_owned());
    let (get, _) = bench.request();
    let (post, shown) = bench.request();
    assert_eq!(shown, format!("{POST} 40"));
    bench.respond(post, 200, "ok");
    bench.respond(get, 200, "40{\"sid\":\"s1\"}");
    assert_eq!(bench.reports(), ["connect / s1"]);
    let (get, shown) = bench.request();
    assert_eq!(shown, GET);
    (bench, get)
}

#[test]
fn the_handshake_over_polling() {
    let mut bench = Bench::new(ClientOptions {
        query: vec![("a".into(), "b=c".into())],
        ..over(Polling)
    });
    bench.connect("/");
    let (get, request) = bench.raw_request();
    assert_eq!(
        request.uri(),
        "/socket.io/?a=b%3Dc&EIO=4&transport=polling&t=iiiiii1"
    );
    assert!(bench.is_quiet(), "nothing else before the open packet");
    bench.respond(get, 200, OPEN);
    let (_, next) = bench.raw_request();
    assert_eq!(
        next.uri(),
        "/socket.io/?a=b%3Dc&EIO=4&transport=polling&sid=e1&t=iiiiii2"
    );
    let (_, post) = bench.raw_request();
    assert_eq!(post.headers()["content-type"], "text/plain;charset=UTF-8");
    assert_eq!(post.body().as_ref(), b"40");
}

#[test]
fn all_packets_of_a_body_are_handled_in_order() {
    let mut bench = Bench::new(over(Polling));
    bench.connect("/");
    let (get, _) = bench.request();
    bench.respond(
        get,
        200,
        format!("{OPEN}\u{1e}40{{\"sid\":\"s1\"}}\u{1e}42[\"a\"]\u{1e}6\u{1e}2abc\u{1e}42[\"b\"]"),
    );
    assert_eq!(bench.reports(), ["connect / s1", "event / a []", "event / b []"]);
    let (post, shown) = bench.request();
    assert_eq!(shown, format!("{POST} 3"));
    assert_eq!(bench.request().1, GET);
    assert!(bench.is_quiet(), "one POST at a time");
    bench.respond(post, 200, "whatever");
    assert_eq!(bench.request().1, format!("{POST} 40"));
}

#[test]
fn a_handshake_that_is_none_is_an_error_and_no_crash() {
    for body in [
        "0{bad",
        "0null",
        "0{}",
        "40{\"sid\":\"x\"}",
        "<html>",
        "",
        "9",
        "\u{1e}",
        &OPEN.replace("300", "-1"),
    ] {
        for transport in [Polling, WebSocket] {
            let mut bench = Bench::new(over(transport));
            bench.connect("/");
            match transport {
                Polling => {
                    let (get, _) = bench.request();
                    bench.respond(get, 200, body.to_owned());
                }
                WebSocket => {
                    let ws = bench.accept();
                    bench.frame(ws, body);
                    assert_eq!(bench.frames(ws), [""; 0], "{body}");
                }
            }
            assert_eq!(bench.reports().len(), 1, "{body}");
            assert!(bench.is_quiet(), "no attempt before the delay is over: {body}");
            bench.run_for(1000);
            assert_eq!(bench.reports(), ["reconnect_attempt 1"]);
        }
    }
}

#[test]
fn what_a_server_answers_to_a_handshake_is_told() {
    let mut bench = Bench::new(over(Polling));
    bench.connect("/");
    let (get, _) = bench.request();
    bench.respond(get, 400, "{\"code\":5,\"message\":\"Unsupported\"}");
    assert_eq!(
        bench.reports(),
        ["connect_error / a poll was answered with status 400: {\"code\":5,\"message\":\"Unsupported\"}"]
    );
    bench.run_for(1000);
    let (get, shown) = bench.request();
    assert_eq!(shown, "GET EIO=4&transport=polling");
    bench.respond(get, 302, "");
    assert_eq!(
        bench.reports()[1],
        "connect_error / a poll was answered with status 302"
    );
}

#[test]
fn the_connection_must_open_in_time() {
    for transport in [Polling, WebSocket] {
        let mut bench = Bench::new(ClientOptions {
            timeout: 700,
            ..over(transport)
        });
        bench.connect("/");
        let exchange = match transport {
            Polling => bench.request().0,
            WebSocket => bench.accept(),
        };
        bench.run_for(699);
        assert_eq!(bench.reports(), [""; 0]);
        bench.run_for(1);
        assert_eq!(bench.reports(), ["connect_error / timeout"]);
        assert!(bench.is_aborted(exchange));
        bench.run_for(1000);
        assert_eq!(bench.reports(), ["reconnect_attempt 1"]);
    }
}

#[test]
fn transports_are_tried_in_turn_if_that_is_wanted() {
    for (try_all_transports, tried) in [(true, true), (false, false)] {
        let mut bench = Bench::new(ClientOptions {
            try_all_transports,
            transports: vec![Polling, WebSocket],
            ..over(Polling)
        });
        bench.connect("/");
        let (get, _) = bench.request();
        bench.respond(get, 404, format!("{OPEN}\u{1e}40"));
        assert_eq!(bench.is_quiet(), !tried);
        if tried {
            let ws = bench.join("{\"sid\":\"s\"}");
            assert_eq!(bench.exchange(ws, "2"), ["3"]);
        }
    }
}

#[test]
fn posts_are_batched_below_the_limit_and_one_at_a_time() {
    let (mut bench, _) = polling(&OPEN.replace("1000000", "16"));
    for event in ["a", "b", "c", "d-is-longer-than-all", "e"] {
        bench.emit(event);
    }
    let mut bodies = Vec::new();
    while !bench.is_quiet() {
        let (post, shown) = bench.request();
        bodies.push(shown.replace(POST, ""));
        assert!(bench.is_quiet(), "one POST at a time");
        bench.respond(post, 200, "OK");
    }
    assert_eq!(
        bodies,
        [
            " 42[\"a\"]",
            " 42[\"b\"]\u{1e}42[\"c\"]",
            " 42[\"d-is-longer-than-all\"]",
            " 42[\"e\"]"
        ]
    );
}

#[test]
fn a_poll_or_post_that_fails_ends_the_session() {
    for status in [400, 413, 500, 204] {
        for fails_post in [true, false] {
            let (mut bench, get) = polling(OPEN);
            bench.emit("a");
            let (post, _) = bench.request();
            let (failing, other) = if fails_post { (post, get) } else { (get, post) };
            bench.respond(failing, status, "");
            assert_eq!(bench.reports(), ["disconnect / transport error"]);
            assert!(bench.is_aborted(other));
            bench.run_for(1000);
            assert_eq!(bench.request().1, "GET EIO=4&transport=polling", "without a sid");
            assert!(bench.is_quiet());
        }
    }
}

#[test]
fn a_close_packet_ends_the_session() {
    let (mut bench, get) = polling(OPEN);
    bench.respond(get, 200, "42[\"last\"]\u{1e}1\u{1e}42[\"lost\"]");
    assert_eq!(
        bench.reports(),
        ["event / last []", "disconnect / transport close"]
    );
    assert!(bench.is_quiet());
}

#[test]
fn silence_for_longer_than_announced_ends_the_session() {
    let (mut bench, ws) = Bench::connected();
    bench.run_for(400);
    assert_eq!(bench.exchange(ws, "2"), ["3"]);
    bench.frame(ws, "42[\"a message is no ping\"]");
    bench.run_for(499);
    assert_eq!(bench.reports(), ["event / a message is no ping []"]);
    bench.run_for(1);
    assert_eq!(bench.reports(), ["disconnect / ping timeout"]);
    assert_eq!(bench.closed(ws), Some(1000));

    let (mut bench, get) = polling(OPEN);
    bench.run_for(500);
    assert_eq!(bench.reports(), ["disconnect / ping timeout"]);
    let (post, shown) = bench.request();
    assert_eq!(shown, format!("{POST} 1"));
    bench.respond(post, 200, "ok");
    assert!(bench.is_aborted(get));
}

#[test]
fn after_a_sleep_nothing_is_sent_to_a_dead_connection() {
    let (mut bench, ws) = Bench::connected();
    bench.sleep(10_000);
    bench.emit("late");
    assert_eq!(bench.frames(ws), [""; 0]);
    assert_eq!(bench.reports(), ["disconnect / ping timeout"]);
    bench.run_for(1000);
    let ws = bench.accept();
    bench.frame(ws, OPEN);
    assert_eq!(bench.exchange(ws, "40{\"sid\":\"s2\"}"), ["40", "42[\"late\"]"]);
}

#[test]
fn an_upgrade_waits_for_the_polls_and_loses_nothing() {
    let (mut bench, get) = polling(OPEN_UPGRADES);
    let (_, opening) = {
        let (exchange, request) = bench.opening();
        bench.arrive(Arrival::Failed(exchange, "status 502".into()));
        (exchange, request)
    };
    assert_eq!(opening.uri(), "/socket.io/?EIO=4&transport=websocket&sid=e1");
    assert_eq!(bench.reports(), [""; 0], "a refused WebSocket changes nothing");
    bench.respond(get, 200, "6");
    assert_eq!(bench.request().1, GET);
    drop(bench);

    let (mut bench, get) = polling(OPEN_UPGRADES);
    let ws = bench.accept();
    assert_eq!(bench.frames(ws), ["2probe"]);
    bench.emit("before");
    let (post, shown) = bench.request();
    assert_eq!(shown, format!("{POST} 42[\"before\"]"));
    bench.frame(ws, "3probe");
    bench.emit("during");
    bench.respond(post, 200, "ok");
    assert!(
        bench.is_quiet() && bench.frames(ws).is_empty(),
        "the poll still runs"
    );
    bench.respond(get, 200, "2\u{1e}42[\"x\"]");
    assert!(bench.is_quiet(), "no new poll");
    assert_eq!(bench.frames(ws), ["5", "42[\"during\"]", "3"]);
    assert_eq!(bench.reports(), ["event / x []"]);
    assert_eq!(bench.exchange(ws, "2"), ["3"]);
}

#[test]
fn a_poll_that_the_upgrade_ended_is_not_followed_by_another() {
    let (mut bench, get) = polling(OPEN_UPGRADES);
    let ws = bench.accept();
    bench.respond(get, 200, "6");
    assert!(bench.is_quiet(), "the answer to the probe is on its way");
    bench.frame(ws, "3probe");
    assert_eq!(bench.frames(ws), ["2probe", "5"]);
    bench.run_for(400);
    assert!(bench.is_quiet());
    // It does not come, or it is wrong.
    for answer in [None, Some("3abc")] {
        let (mut bench, get) = polling(OPEN_UPGRADES);
        let ws = bench.accept();
        bench.respond(get, 200, "6");
        match answer {
            Some(answer) => bench.frame(ws, answer),
            None => bench.run_for(100),
        }
        assert_eq!(bench.request().1, GET);
        assert!(bench.is_quiet());
        bench.run_for(150);
        assert!(bench.is_quiet());
    }
}

#[test]
fn a_probe_that_fails_leaves_polling_alone() {
    for reply in ["3abc", "6", "42[\"x\"]", "3probe\u{1e}"] {
        let (mut bench, get) = polling(OPEN_UPGRADES);
        let ws = bench.accept();
        bench.frame(ws, reply);
        assert_eq!(bench.frames(ws), ["2probe"], "{reply}");
        assert_eq!(bench.closed(ws), Some(1000));
        bench.respond(get, 200, "42[\"a\"]");
        assert_eq!(bench.reports(), ["event / a []"]);
        assert_eq!(bench.request().1, GET);
    }
    // It was granted, but is gone before the polls have ended.
    let (mut bench, get) = polling(OPEN_UPGRADES);
    let ws = bench.accept();
    bench.frame(ws, "3probe");
    bench.emit("kept");
    bench.cut(ws);
    assert_eq!(bench.request().1, format!("{POST} 42[\"kept\"]"));
    bench.respond(get, 200, "6");
    assert_eq!(bench.request().1, GET);
    assert_eq!(bench.reports(), [""; 0]);
    // Nobody ever answers.
    let (mut bench, get) = polling(&OPEN_UPGRADES.replace("300", "30000"));
    let ws = bench.accept();
    bench.run_for(20_000);
    assert_eq!(bench.closed(ws), Some(1000));
    assert!(!bench.is_aborted(get));
}

#[test]
fn a_disconnect_in_an_upgrade_closes_both_transports() {
    // Before the probe was answered.
    let (mut bench, get) = polling(OPEN_UPGRADES);
    let ws = bench.accept();
    bench.disconnect("/");
    let (post, shown) = bench.request();
    assert_eq!(shown, format!("{POST} 41"));
    bench.respond(post, 200, "ok");
    let (post, shown) = bench.request();
    assert_eq!(shown, format!("{POST} 1"));
    assert_eq!(bench.closed(ws), Some(1000));
    bench.respond(get, 200, "6");
    bench.respond(post, 200, "ok");
    assert!(bench.is_quiet());
    // After it.
    let (mut bench, get) = polling(OPEN_UPGRADES);
    let ws = bench.accept();
    bench.frame(ws, "3probe");
    bench.disconnect("/");
    bench.respond(get, 200, "6");
    assert_eq!(bench.frames(ws), ["2probe", "5", "41"]);
    assert_eq!(bench.closed(ws), Some(1000));
    assert!(bench.is_quiet());
    bench.run_for(60_000);
    assert_eq!(bench.reports(), ["disconnect / io client disconnect"]);
}

#[test]
fn only_an_upgrade_that_is_offered_and_wanted_is_tried() {
    for (upgrade, transports, open) in [
        (false, vec![Polling, WebSocket], OPEN_UPGRADES),
        (true, vec![Polling], OPEN_UPGRADES),
        (true, vec![Polling, WebSocket], OPEN),
    ] {
        let mut bench = Bench::new(ClientOptions {
            upgrade,
            transports,
            ..over(Polling)
        });
        bench.connect("/");
        let (get, _) = bench.request();
        bench.respond(get, 200, open);
        bench.request();
        bench.request();
        assert!(bench.is_quiet(), "no WebSocket");
    }
    let mut bench = Bench::new(over(WebSocket));
    bench.connect("/");
    let ws = bench.accept();
    bench.frame(ws, OPEN_UPGRADES);
    assert!(bench.is_quiet(), "a WebSocket is not upgraded");
}

#[test]
fn odd_packets_change_nothing_or_end_the_session() {
    let (mut bench, ws) = Bench::connected();
    for packet in ["6", "3", "5", &OPEN.replace("e1", "e2")] {
        assert_eq!(bench.exchange(ws, packet), [""; 0], "{packet}");
    }
    bench.frame(ws, "42[\"still there\"]");
    assert_eq!(bench.reports(), ["event / still there []"]);
    for packet in ["9", "", "b"] {
        let (mut bench, ws) = Bench::connected();
        bench.frame(ws, packet);
        assert_eq!(bench.reports(), ["disconnect / transport error"], "{packet}");
        assert_eq!(bench.closed(ws), Some(1000));
    }
}

#[test]
fn cookies_are_kept_only_if_that_is_wanted() {
    for cookies in [true, false] {
        let mut bench = Bench::new(ClientOptions {
            cookies,
            transports: vec![Polling, WebSocket],
            ..over(Polling)
        });
        bench.connect("/");
        let (get, _) = bench.request();
        let response = Response::builder()
            .header("Set-Cookie", "a=1; Path=/")
            .body(OPEN_UPGRADES.into())
            .unwrap();
        bench.arrive(Arrival::Response(get, response));
        let expected = cookies.then(|| "a=1".to_owned());
        let sent = |headers: &http::HeaderMap| {
            headers
                .get("cookie")
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(sent(bench.raw_request().1.headers()), expected);
        assert_eq!(sent(bench.raw_request().1.headers()), expected);
        assert_eq!(sent(bench.opening().1.headers()), expected);
    }
}
