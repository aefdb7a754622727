//! Channels that speak HTTP or raw bytes.

use siospec::transcript::{Event, Side, Wire};
use siospec::wire::{Channel, ChannelError, Endpoint, Limits};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::support::{
    answer_once, by_target, ended_in_order, get, in_time, read_head, read_request, request, response, serve,
    tap, tap_with,
};

#[tokio::test]
async fn requests_go_over_one_connection_as_they_are_written() {
    let server = serve(|number, mut stream| async move {
        loop {
            let (head, body) = read_request(&mut stream).await;
            let Some(line) = head.lines().next() else { return };
            let echo = format!("{number} {line} {}", String::from_utf8(body).unwrap());
            let answer = format!(
                "HTTP/1.1 200 OK\r\nX-Case: Kept\r\nContent-Length: {}\r\n\r\n{echo}",
                echo.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let (tap, mut record) = tap();
    let mut channel = Channel::new(&server.endpoint, tap.labelled("a"));
    channel
        .request(get(&server.endpoint, "/a/../b?x=%41"), false)
        .await
        .unwrap();
    channel
        .request(request(&server.endpoint, "POST", "?EIO=4", "42[\"€\"]"), true)
        .await
        .unwrap();

    let first = record.response().await;
    assert_eq!(first.body, b"0 GET /a/../b?x=%41 HTTP/1.1 ");
    assert_eq!(first.headers[0], ("X-Case".to_owned(), "Kept".to_owned()));
    assert!(!first.own);
    let second = record.response().await;
    assert_eq!(
        String::from_utf8(second.body).unwrap(),
        "0 POST /socket.io/?EIO=4 HTTP/1.1 42[\"€\"]"
    );
    assert!(second.own);
    assert!(!channel.awaiting_response() && channel.is_open());
}

#[tokio::test]
async fn a_new_connection_follows_only_one_that_is_over() {
    let server = serve(|number, mut stream| async move {
        read_head(&mut stream).await;
        let answer =
            format!("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 1\r\n\r\n{number}");
        stream.write_all(answer.as_bytes()).await.unwrap();
        // The end is announced but does not come by itself.
        ended_in_order(&mut stream).await;
    })
    .await;
    let (tap, mut record) = tap();
    let mut channel = Channel::new(&server.endpoint, tap);
    for expected in [b"0", b"1"] {
        channel
            .request(get(&server.endpoint, "?EIO=4"), false)
            .await
            .unwrap();
        assert_eq!(record.response().await.body, expected);
    }
    assert_eq!(record.so_far(), []);
}

#[tokio::test]
async fn a_chunked_html_answer_is_whole() {
    let chunks = "HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n<html>\r\n7\r\n</html>\r\n0\r\n\r\n";
    let server = serve(move |_, mut stream| async move {
        read_head(&mut stream).await;
        for byte in chunks.as_bytes() {
            stream.write_all(&[*byte]).await.unwrap();
        }
    })
    .await;
    let (tap, mut record) = tap();
    Channel::new(&server.endpoint, tap.clone())
        .request(get(&server.endpoint, "?x"), false)
        .await
        .unwrap();
    let mut channel = Channel::new(&server.endpoint, tap);
    channel.request(get(&server.endpoint, "?x"), false).await.unwrap();
    let response = record.response().await;
    assert_eq!(
        (response.status, response.body.as_slice()),
        (502, b"<html></html>".as_slice())
    );
}

#[tokio::test]
async fn an_answer_that_never_comes_is_an_end_by_the_target() {
    let cases = [
        ("", vec![], "TCP connection ended before the response"),
        (
            "HTTP/1.1 20",
            b"HTTP/1.1 20".to_vec(),
            "TCP connection ended inside the response",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
            b"ab".to_vec(),
            "TCP connection ended inside the response",
        ),
    ];
    for (answer, left, how) in cases {
        let server = answer_once(answer).await;
        let (tap, mut record) = tap();
        let mut channel = Channel::new(&server.endpoint, tap);
        channel.request(get(&server.endpoint, "?x"), false).await.unwrap();
        if !left.is_empty() {
            assert_eq!(record.next().await, Event::Received(Wire::Raw(left)));
        }
        assert_eq!(record.closed().await, by_target(how, None));
    }
}

#[tokio::test]
async fn a_reset_is_told_from_an_end() {
    let server = serve(|_, mut stream| async move {
        read_head(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    let (tap, mut record) = tap();
    let mut channel = Channel::new(&server.endpoint, tap);
    channel.request(get(&server.endpoint, "?x"), false).await.unwrap();
    assert_eq!(
        record.closed().await,
        by_target("connection reset before the response", None)
    );
}

#[tokio::test]
async fn nobody_listening_is_an_end_by_the_target() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let (tap, mut record) = tap();
    let error = Channel::new(&endpoint, tap)
        .request(get(&endpoint, "?x"), false)
        .await
        .unwrap_err();
    assert!(matches!(error, ChannelError::Connect { .. }), "{error}");
    assert_eq!(record.closed().await, by_target("connection refused", None));
}

#[tokio::test]
async fn a_body_without_end_stops_at_the_limit() {
    let server = serve(|_, mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'a'; 4096]).await.is_ok() {}
    })
    .await;
    let (tap, mut record) = tap_with(Limits {
        entries: 10,
        bytes: 100_000,
    });
    let mut channel = Channel::new(&server.endpoint, tap);
    channel.request(get(&server.endpoint, "?x"), false).await.unwrap();
    let events = record.until_closed().await;
    assert!(
        matches!(&events[0], Event::Note(note) if note.contains("limit of 100000 bytes")),
        "{events:?}"
    );
    assert!(
        matches!(&events[1], Event::Closed(closed) if closed.by == Side::Player),
        "{events:?}"
    );
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn raw_bytes_are_sent_as_they_are_and_their_answer_is_read() {
    let server = serve(|_, mut stream| async move {
        let head = read_head(&mut stream).await;
        assert_eq!(head, "GET /x HTTP/1.1\r\nBad Header\r\n\r\n");
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
    })
    .await;
    let (tap, mut record) = tap();
    let mut channel = Channel::new(&server.endpoint, tap);
    channel.raw(b"GET /x HTTP/1.1\r\nBad Hea".to_vec()).await.unwrap();
    assert!(channel.awaiting_response());
    channel.raw(b"der\r\n\r\n".to_vec()).await.unwrap();
    assert_eq!(record.response().await.status, 400);
    assert_eq!(record.closed().await, by_target("TCP connection ended", None));
}

#[tokio::test]
async fn bytes_that_are_not_http_are_recorded_as_they_are() {
    let server = answer_once("SSH-2.0-x\r\n").await;
    let (tap, mut record) = tap();
    let mut channel = Channel::new(&server.endpoint, tap);
    channel.raw(b"\r\n\r\n".to_vec()).await.unwrap();
    assert!(matches!(record.next().await, Event::Note(note) if note.contains("no HTTP response")));
    let mut bytes = Vec::new();
    let closed = loop {
        match record.next().await {
            Event::Received(Wire::Raw(more)) => bytes.extend(more),
            Event::Closed(closed) => break closed,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(bytes, b"SSH-2.0-x\r\n");
    assert_eq!(closed, by_target("TCP connection ended", None));
}

#[tokio::test]
async fn a_request_after_noise_goes_over_a_new_connection() {
    let server = serve(|number, mut stream| async move {
        read_head(&mut stream).await;
        let answer = if number == 0 {
            Vec::from("noise")
        } else {
            response(204, "")
        };
        stream.write_all(&answer).await.unwrap();
        ended_in_order(&mut stream).await;
    })
    .await;
    let (tap, mut record) = tap();
    let mut channel = Channel::new(&server.endpoint, tap);
    channel.request(get(&server.endpoint, "?x"), false).await.unwrap();
    assert!(matches!(record.next().await, Event::Note(_)));
    assert_eq!(record.next().await, Event::Received(Wire::Raw(b"noise".to_vec())));
    channel.request(get(&server.endpoint, "?x"), false).await.unwrap();
    assert_eq!(record.response().await.status, 204);
}

#[tokio::test]
async fn cut_reset_and_drop_end_the_connection() {
    for how in ["cut", "reset", "drop"] {
        let (done, mut ended) = tokio::sync::mpsc::channel(1);
        let server = serve(move |_, mut stream| {
            let done = done.clone();
            async move {
                read_head(&mut stream).await;
                done.send(ended_in_order(&mut stream).await).await.unwrap();
            }
        })
        .await;
        let (tap, mut record) = tap();
        let mut channel = Channel::new(&server.endpoint, tap);
        channel.request(get(&server.endpoint, "?x"), false).await.unwrap();
        match how {
            "cut" => channel.cut().await,
            "reset" => channel.reset().await,
            _ => drop(channel),
        }
        let in_order = in_time("the end at the server", ended.recv()).await.unwrap();
        assert_eq!(in_order, how != "reset", "{how}");
        assert_eq!(record.so_far(), [], "{how}");
    }
}

#[tokio::test]
async fn a_stalled_channel_reads_nothing_until_it_is_resumed() {
    let (answered, mut answer) = tokio::sync::mpsc::channel(1);
    let server = serve(move |_, mut stream| {
        let answered = answered.clone();
        async move {
            read_head(&mut stream).await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await
                .unwrap();
            answered.send(()).await.unwrap();
            ended_in_order(&mut stream).await;
        }
    })
    .await;
    let (tap, mut record) = tap();
    let mut channel = Channel::new(&server.endpoint, tap.clone());
    channel.stall();
    channel.request(get(&server.endpoint, "?x"), false).await.unwrap();
    in_time("the answer of the server", answer.recv()).await.unwrap();
    // Another connection of the same process reads its answer, so that there was time to read the first one too.
    let mut other = Channel::new(&server.endpoint, tap.labelled("other"));
    other.request(get(&server.endpoint, "?x"), false).await.unwrap();
    assert_eq!(record.seen().await.label, "other");
    assert_eq!(record.so_far(), []);
    channel.resume();
    assert_eq!(record.response().await.body, b"ok");
}
