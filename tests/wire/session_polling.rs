//! Sessions over polling, with servers that answer in unusual ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use siospec::notation::{Heartbeat, Over};
use siospec::transcript::{Closed, Event, Side, Wire};
use siospec::wire::{Endpoint, Limits, OpenError, Packet, Session, Tap, http_client};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Semaphore, mpsc};

use crate::support::{
    Server, answering, by_target, ended_in_order, in_time, read_head, response, serve, tap, tap_with, text,
};

const OPEN: &str = r#"0{"sid":"x","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1000}"#;

async fn open(endpoint: &Endpoint, heartbeat: Heartbeat, tap: Tap) -> Result<Session, OpenError> {
    let http = http_client(false);
    in_time(
        "the session",
        Session::open(endpoint, &http, Over::Polling, heartbeat, tap),
    )
    .await
}

/// Which request of a polling client this is.
#[derive(Debug, PartialEq)]
enum Asked {
    Handshake,
    Poll,
    Post,
}

fn asked(line: &str) -> Asked {
    match line {
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1" => Asked::Handshake,
        "GET /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1" => Asked::Poll,
        "POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1" => Asked::Post,
        other => panic!("{other}"),
    }
}

/// A server whose polls are answered by these bytes, one after the other; the one after them is parked for ever.
async fn polls(answers: Vec<Vec<u8>>) -> (Server, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (posted, posts) = mpsc::unbounded_channel();
    let (answers, next) = (Arc::new(answers), Arc::new(AtomicUsize::new(0)));
    let server = answering(move |line, body| {
        let (answers, next, posted) = (answers.clone(), next.clone(), posted.clone());
        async move {
            match asked(&line) {
                Asked::Handshake => response(200, OPEN),
                Asked::Poll => match answers.get(next.fetch_add(1, Ordering::SeqCst)) {
                    Some(answer) => answer.clone(),
                    None => std::future::pending().await,
                },
                Asked::Post => {
                    posted.send(body).unwrap();
                    response(200, "ok")
                }
            }
        }
    })
    .await;
    (server, posts)
}

#[tokio::test]
async fn payloads_are_taken_apart_and_pings_answered() {
    let answers = vec![
        response(200, "4hello\x1ebAQI=\x1ebAQI\x1eb!"),
        response(200, "2"),
        response(200, "6"),
    ];
    for heartbeat in [Heartbeat::Auto, Heartbeat::Manual] {
        let (server, mut posts) = polls(answers.clone()).await;
        let (tap, mut record) = tap();
        let mut session = open(&server.endpoint, heartbeat, tap.labelled("a"))
            .await
            .unwrap();
        let binary = Event::Received(Wire::Binary(vec![1, 2]));
        let mut expected = vec![text("4hello"), binary.clone(), binary, text("b!"), text("2")];
        if heartbeat == Heartbeat::Auto {
            expected.push(Event::Note("answered the ping".to_owned()));
        }
        expected.push(text("6"));
        for expected in expected {
            assert_eq!(record.next().await, expected);
        }
        session.send(vec![Packet::Text(b"4last".to_vec())]).await.unwrap();
        let mut sent = Vec::new();
        while !sent.ends_with(b"4last") {
            sent.extend(in_time("a POST", posts.recv()).await.unwrap());
        }
        let pong = sent.starts_with(b"3");
        assert_eq!(
            pong,
            heartbeat == Heartbeat::Auto,
            "{:?}",
            String::from_utf8_lossy(&sent)
        );
    }
}

#[tokio::test]
async fn packets_that_come_with_the_open_packet_are_not_lost() {
    let server = answering(|line, _| async move {
        match asked(&line) {
            Asked::Handshake => response(200, format!("{OPEN}\x1e4early")),
            _ => std::future::pending().await,
        }
    })
    .await;
    let (tap, mut record) = tap();
    let _session = open(&server.endpoint, Heartbeat::Auto, tap).await.unwrap();
    assert_eq!(record.next().await, text("4early"));
}

#[tokio::test]
async fn posts_go_one_at_a_time_in_order_and_within_the_bounds() {
    let (posted, mut posts) = mpsc::unbounded_channel();
    let (running, allowed) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let allow = allowed.clone();
    let server = answering(move |line, body| {
        let (posted, running, allowed) = (posted.clone(), running.clone(), allowed.clone());
        async move {
            match asked(&line) {
                Asked::Handshake => response(200, OPEN),
                Asked::Poll => std::future::pending().await,
                Asked::Post => {
                    assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "two POSTs at a time");
                    posted.send(body).unwrap();
                    allowed.acquire().await.unwrap().forget();
                    running.fetch_sub(1, Ordering::SeqCst);
                    response(200, "ok")
                }
            }
        }
    })
    .await;
    let (tap, _record) = tap();
    let mut session = open(&server.endpoint, Heartbeat::Auto, tap).await.unwrap();
    let packets: Vec<_> = (0..40)
        .map(|number| match number % 3 {
            0 => Packet::Binary(vec![number; 60]),
            _ => Packet::Text(format!("4{number}{}", "a".repeat(200)).into_bytes()),
        })
        .collect();
    session.send(packets.clone()).await.unwrap();
    allow.add_permits(40);
    let mut sent = Vec::new();
    while sent.len() < packets.len() {
        let body = in_time("a POST", posts.recv()).await.unwrap();
        let parts: Vec<_> = String::from_utf8(body)
            .unwrap()
            .split('\x1e')
            .map(str::to_owned)
            .collect();
        assert!(parts.len() <= 8, "{}", parts.len());
        assert!(parts.iter().map(|part| part.len() + 1).sum::<usize>() <= 1001);
        sent.extend(parts);
    }
    for (number, (part, packet)) in sent.iter().zip(&packets).enumerate() {
        match packet {
            Packet::Text(text) => assert_eq!(part.as_bytes(), text, "{number}"),
            Packet::Binary(_) => assert!(part.starts_with('b') && part.len() == 81, "{number}: {part}"),
        }
    }
}

#[tokio::test]
async fn every_end_by_the_target_is_told_once_and_how() {
    let refused = "GET answered 400: {\"code\":1}".to_owned();
    let not_utf8 = "the body of this answer is not UTF-8, so no payload".to_owned();
    let cases = [
        (
            vec![response(400, "{\"code\":1}")],
            vec![Event::Note(refused)],
            "GET answered 400",
        ),
        (
            vec![response(302, "")],
            vec![Event::Note("GET answered 302: ".to_owned())],
            "GET answered 302",
        ),
        (
            vec![response(200, "4a\x1e1\x1e4b")],
            vec![text("4a"), text("1"), text("4b")],
            "close packet",
        ),
        (
            vec![response(200, b"4\xff"), response(200, "1")],
            vec![
                Event::Note(not_utf8),
                Event::Received(Wire::Raw(b"4\xff".to_vec())),
                text("1"),
            ],
            "close packet",
        ),
        (
            vec![response(200, "<html>"), response(200, "1")],
            vec![text("<html>"), text("1")],
            "close packet",
        ),
        (
            vec![b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".to_vec()],
            vec![],
            "GET failed: invalid content-length parsed",
        ),
    ];
    for (answers, events, how) in cases {
        let (server, _posts) = polls(answers).await;
        let (tap, mut record) = tap();
        let mut session = open(&server.endpoint, Heartbeat::Auto, tap).await.unwrap();
        let mut seen = record.until_closed().await;
        assert_eq!(seen.pop(), Some(Event::Closed(by_target(how, None))));
        assert_eq!(seen, events, "{how}");
        assert!(session.is_over() && session.send(vec![Packet::Text(b"4".to_vec())]).await.is_err());
        session.shutdown().await;
        assert_eq!(record.so_far(), [], "{how}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_poll_is_an_end() {
    for (reset, how) in [
        (false, "GET failed: connection closed before message completed"),
        (true, "GET failed: connection reset"),
    ] {
        let server = serve(move |_, mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(&response(200, OPEN)).await.unwrap();
            read_head(&mut stream).await;
            if reset {
                stream.set_zero_linger().unwrap();
            }
        })
        .await;
        let (tap, mut record) = tap();
        let _session = open(&server.endpoint, Heartbeat::Auto, tap).await.unwrap();
        assert_eq!(record.closed().await, by_target(how, None));
    }
}

#[tokio::test]
async fn a_post_that_is_refused_is_only_noted() {
    let (released, release) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (released_too, release_too) = (released.clone(), release.clone());
    let server = answering(move |line, _| {
        let (released, release) = (released_too.clone(), release_too.clone());
        async move {
            match asked(&line) {
                Asked::Handshake => response(200, OPEN),
                Asked::Poll => {
                    release.acquire().await.unwrap().forget();
                    response(400, "gone")
                }
                Asked::Post => {
                    released.add_permits(1);
                    response(413, "too big")
                }
            }
        }
    })
    .await;
    let (tap, mut record) = tap();
    let mut session = open(&server.endpoint, Heartbeat::Auto, tap).await.unwrap();
    session.send(vec![Packet::Text(b"4big".to_vec())]).await.unwrap();
    assert_eq!(
        record.next().await,
        Event::Note("POST answered 413: too big".to_owned())
    );
    assert!(!session.is_over());
    release.add_permits(1);
    assert_eq!(
        record.next().await,
        Event::Note("GET answered 400: gone".to_owned())
    );
    assert_eq!(record.closed().await, by_target("GET answered 400", None));
}

#[tokio::test]
async fn floods_stop_at_the_limit() {
    let flood = answering(|line, _| async move {
        match asked(&line) {
            Asked::Handshake => response(200, OPEN),
            _ => response(200, "4a"),
        }
    })
    .await;
    let (tap, mut record) = tap_with(Limits {
        entries: 50,
        bytes: 1_000_000,
    });
    let _session = open(&flood.endpoint, Heartbeat::Auto, tap).await.unwrap();
    let events = record.until_closed().await;
    assert_eq!(events.len(), 50 + 2);
    assert!(matches!(
        events.last(),
        Some(Event::Closed(Closed { by: Side::Player, .. }))
    ));

    let endless = serve(|_, mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(&response(200, OPEN)).await.unwrap();
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'a'; 4096]).await.is_ok() {}
    })
    .await;
    let (tap, mut record) = tap_with(Limits {
        entries: 50,
        bytes: 100_000,
    });
    let _session = open(&endless.endpoint, Heartbeat::Auto, tap).await.unwrap();
    let events = record.until_closed().await;
    assert!(
        matches!(&events[0], Event::Note(note) if note.contains("100000 bytes")),
        "{events:?}"
    );
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn what_is_no_handshake_is_shown() {
    let cases = [
        (
            response(400, "{\"code\":5}"),
            "open a session over polling: GET answered 400: {\"code\":5}",
        ),
        (response(200, "<html>"), "got <html>"),
        (response(200, "bAQID"), "got bAQID"),
        (response(200, "1"), "got 1"),
        (
            Vec::from("SSH"),
            "open a session over polling: invalid HTTP version parsed",
        ),
    ];
    for (answer, expected) in cases {
        let server = serve(move |_, mut stream| {
            let answer = answer.clone();
            async move {
                read_head(&mut stream).await;
                stream.write_all(&answer).await.unwrap();
                stream.shutdown().await.unwrap();
                ended_in_order(&mut stream).await;
            }
        })
        .await;
        let (tap, mut record) = tap();
        let error = open(&server.endpoint, Heartbeat::Auto, tap)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.ends_with(expected), "{error}");
        assert_eq!(record.so_far(), []);
    }
}

#[tokio::test]
async fn a_shutdown_says_so_and_does_not_wait_for_an_answer() {
    let (posted, mut posts) = mpsc::unbounded_channel();
    let server = answering(move |line, body| {
        let posted = posted.clone();
        async move {
            match asked(&line) {
                Asked::Handshake => response(200, OPEN),
                Asked::Poll => std::future::pending().await,
                Asked::Post => {
                    posted.send(body).unwrap();
                    std::future::pending().await
                }
            }
        }
    })
    .await;
    let (tap, _record) = tap();
    let session = open(&server.endpoint, Heartbeat::Auto, tap).await.unwrap();
    in_time("the shutdown", session.shutdown()).await;
    assert_eq!(in_time("the close packet", posts.recv()).await.unwrap(), b"1");
}

#[tokio::test]
async fn a_session_that_is_dropped_or_cut_leaves_no_request_behind() {
    for cut in [true, false] {
        let (polled, mut polls) = mpsc::channel(1);
        let (ended, mut ends) = mpsc::channel(1);
        let server = serve(move |_, mut stream| {
            let (polled, ended) = (polled.clone(), ended.clone());
            async move {
                read_head(&mut stream).await;
                stream.write_all(&response(200, OPEN)).await.unwrap();
                read_head(&mut stream).await;
                polled.send(()).await.unwrap();
                ended_in_order(&mut stream).await;
                ended.send(()).await.unwrap();
            }
        })
        .await;
        let (tap, mut record) = tap();
        let mut session = open(&server.endpoint, Heartbeat::Auto, tap).await.unwrap();
        in_time("the poll", polls.recv()).await.unwrap();
        if cut {
            session.cut().await;
        } else {
            drop(session);
        }
        in_time("the end of the poll", ends.recv()).await.unwrap();
        assert_eq!(record.so_far(), []);
    }
}
