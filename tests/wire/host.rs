//! The player as a server, seen by clients of a few lines.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Map, json};
use siospec::notation::{Heartbeat, Mask, Over};
use siospec::transcript::{Event, Frame, Request, Wire};
use siospec::wire::{Answer, Arrived, Host, Hosted, HostedOptions, Limits, Packet, Seen, Tap, What};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(10);

fn tap() -> (Tap, mpsc::Receiver<Seen>) {
    let limits = Limits {
        entries: 1000,
        bytes: 1 << 20,
    };
    Tap::new(Instant::now(), limits)
}

async fn host() -> (Host, mpsc::Receiver<Arrived>) {
    Host::start(tap().0).await.unwrap()
}

async fn next(arrived: &mut mpsc::Receiver<Arrived>) -> Arrived {
    tokio::time::timeout(PATIENCE, arrived.recv())
        .await
        .unwrap()
        .unwrap()
}

async fn next_request(arrived: &mut mpsc::Receiver<Arrived>) -> (u64, Request) {
    match next(arrived).await {
        Arrived {
            exchange,
            what: What::Request(request),
            ..
        } => (exchange, request),
        other => panic!("{other:?}"),
    }
}

async fn next_gone(arrived: &mut mpsc::Receiver<Arrived>) -> (String, Option<u16>) {
    loop {
        if let What::Gone(how, code) = next(arrived).await.what {
            return (how, code);
        }
    }
}

fn status(status: u16, body: &str) -> Answer {
    Answer {
        status,
        headers: vec![("x-test".to_owned(), "1".to_owned())],
        body: body.as_bytes().to_vec(),
    }
}

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset ends it as well.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn requests_wait_for_their_answers_in_any_order() {
    let (host, mut arrived) = host().await;
    let mut first = connect(host.port()).await;
    first
        .write_all(b"GET /socket.io/?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let (one, request) = next_request(&mut arrived).await;
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("GET", "/socket.io/?a=1")
    );
    let mut second = connect(host.port()).await;
    second
        .write_all(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n40")
        .await
        .unwrap();
    let (two, request) = next_request(&mut arrived).await;
    assert_eq!(request.body, b"40");
    assert!(host.answer(two, status(200, "ok")));
    let answer = read_all(&mut second).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"),
        "{answer}"
    );
    assert!(host.answer(one, status(418, "")));
    assert!(read_all(&mut first).await.starts_with("HTTP/1.1 418 "));
    assert!(!host.answer(one, status(200, "")), "nobody waits any more");
}

#[tokio::test]
async fn a_client_that_gives_up_is_noticed() {
    let (host, mut arrived) = host().await;
    let mut client = connect(host.port()).await;
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let (exchange, _) = next_request(&mut arrived).await;
    drop(client);
    assert_eq!(next_gone(&mut arrived).await.0, "the client gave up waiting");
    assert!(!host.answer(exchange, status(200, "")));
}

#[tokio::test]
async fn connections_are_cut_and_reset() {
    let (host, mut arrived) = host().await;
    for reset in [false, true] {
        let mut client = connect(host.port()).await;
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let (exchange, _) = next_request(&mut arrived).await;
        host.end(exchange, reset);
        let mut byte = [0];
        let read = tokio::time::timeout(PATIENCE, client.read(&mut byte))
            .await
            .unwrap();
        match read {
            Ok(count) => assert!(count == 0 && !reset),
            Err(error) => assert!(
                reset && error.kind() == std::io::ErrorKind::ConnectionReset,
                "{error}"
            ),
        }
    }
}

#[tokio::test]
async fn a_websocket_is_accepted_spoken_over_and_closed() {
    let (host, mut arrived) = host().await;
    let url = format!("ws://127.0.0.1:{}/x?EIO=4", host.port());
    let client = tokio::spawn(async move { tokio_tungstenite::connect_async(url).await.unwrap().0 });
    let (exchange, request) = next_request(&mut arrived).await;
    assert!(siospec::wire::is_upgrade(&request));
    assert!(host.answer(exchange, status(101, "")));
    let frame = |opcode, payload: &str| Frame {
        opcode,
        fin: true,
        rsv: 0,
        masked: false,
        payload: payload.into(),
    };
    // Written before the connection has changed over, and not lost.
    assert!(host.frame(exchange, &frame(1, "early"), Mask::Proper, None).await);
    let mut client = client.await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text("early"));
    client.send(Message::text("40")).await.unwrap();
    let What::Frame(came) = next(&mut arrived).await.what else {
        panic!("no frame");
    };
    assert!(came.masked && came.payload == b"40" && came.opcode == 1);
    client.close(None).await.unwrap();
    assert_eq!(
        next_gone(&mut arrived).await,
        ("close frame without a code".to_owned(), None)
    );
}

#[tokio::test]
async fn what_a_client_sends_is_charged_to_the_case() {
    let limits = Limits {
        entries: 10,
        bytes: 1000,
    };
    let (host, mut arrived) = Host::start(Tap::new(Instant::now(), limits).0).await.unwrap();
    let mut client = connect(host.port()).await;
    let head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";
    client.write_all(head).await.unwrap();
    // The other end stops reading before all of it is taken.
    let _ = client.write_all(&[b'x'; 100_000]).await;
    assert!(matches!(next(&mut arrived).await.what, What::TooMuch(_)));
}

/// A session of `over`, and the record that it makes.
async fn hosted(over: Over) -> (Hosted, mpsc::Receiver<Seen>) {
    let (tap, seen) = tap();
    let options = HostedOptions {
        path: "/socket.io/".to_owned(),
        over,
        heartbeat: Heartbeat::Auto,
        handshake: Map::from_iter([("pingInterval".to_owned(), json!(50))]),
    };
    (Hosted::start(tap, options).await.unwrap(), seen)
}

async fn recorded(seen: &mut mpsc::Receiver<Seen>) -> Event {
    loop {
        let seen = tokio::time::timeout(PATIENCE, seen.recv())
            .await
            .unwrap()
            .unwrap();
        if !matches!(seen.event, Event::Note(_)) {
            return seen.event;
        }
    }
}

#[tokio::test]
async fn a_session_over_polling_is_opened_spoken_over_and_pinged() {
    let (hosted, mut seen) = hosted(Over::Polling).await;
    let url = format!(
        "http://127.0.0.1:{}/socket.io/?EIO=4&transport=polling",
        hosted.port()
    );
    let http = siospec::wire::http_client(false);
    let open = http.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(
        open.starts_with("0{") && open.contains("\"pingInterval\":50"),
        "{open}"
    );
    assert!(matches!(recorded(&mut seen).await, Event::Opened(handshake) if handshake.sid == "siospec-0"));
    let url = format!("{url}&sid=siospec-0");
    let posted = http.post(&url).body("40\u{1e}b/w==").send().await.unwrap();
    assert_eq!(posted.status(), 200);
    assert_eq!(
        recorded(&mut seen).await,
        Event::Received(Wire::Text("40".into()))
    );
    assert_eq!(
        recorded(&mut seen).await,
        Event::Received(Wire::Binary(vec![255]))
    );
    let mut came = String::new();
    hosted.send(0, Packet::Binary(vec![1, 2])).await;
    while !(came.contains("bAQI=") && came.split('\u{1e}').any(|packet| packet == "2")) {
        came += "\u{1e}";
        came += &http.get(&url).send().await.unwrap().text().await.unwrap();
    }
    hosted.close(0, None).await;
    while !came.ends_with('1') {
        came += &http.get(&url).send().await.unwrap().text().await.unwrap();
    }
    assert_eq!(http.get(&url).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn an_upgraded_session_is_told_of_once_it_is_upgraded() {
    let (hosted, mut seen) = hosted(Over::Upgraded).await;
    let base = format!("127.0.0.1:{}/socket.io/?EIO=4", hosted.port());
    let http = siospec::wire::http_client(false);
    let polling = format!("http://{base}&transport=polling");
    http.get(&polling).send().await.unwrap();
    let session = format!("{polling}&sid=siospec-0");
    http.post(&session).body("40").send().await.unwrap();
    let (mut socket, _) =
        tokio_tungstenite::connect_async(format!("ws://{base}&transport=websocket&sid=siospec-0"))
            .await
            .unwrap();
    assert!(seen.try_recv().is_err(), "nothing is told before the upgrade");
    socket.send(Message::text("2probe")).await.unwrap();
    let next = async |socket: &mut tokio_tungstenite::WebSocketStream<_>| loop {
        let message: Message = socket.next().await.unwrap().unwrap();
        if message != Message::text("2") {
            return message;
        }
    };
    assert_eq!(next(&mut socket).await, Message::text("3probe"));
    socket.send(Message::text("5")).await.unwrap();
    assert!(matches!(recorded(&mut seen).await, Event::Opened(handshake) if handshake.over == "upgraded"));
    assert_eq!(
        recorded(&mut seen).await,
        Event::Received(Wire::Text("40".into()))
    );
    hosted.send(0, Packet::Text(b"40{}".to_vec())).await;
    assert_eq!(next(&mut socket).await, Message::text("40{}"));
    hosted.cut(0, false).await;
    assert!(!matches!(socket.next().await, Some(Ok(_))));
}

#[tokio::test]
async fn who_asks_for_something_else_is_refused_and_that_is_noted() {
    let (hosted, mut seen) = hosted(Over::WebSocket).await;
    let base = format!("http://127.0.0.1:{}", hosted.port());
    for (path, status) in [
        ("/other/?EIO=4&transport=polling", 404),
        ("/socket.io/?EIO=4&transport=polling", 400),
        ("/socket.io/?EIO=3&transport=websocket", 400),
        ("/socket.io/?EIO=4&transport=polling&sid=nobody", 400),
    ] {
        let answer = siospec::wire::http_client(false)
            .get(format!("{base}{path}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
    let first = seen.recv().await.unwrap();
    assert!(matches!(first.event, Event::Note(note) if note.contains("/other/")));
}
