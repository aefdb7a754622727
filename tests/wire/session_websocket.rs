//! Sessions over WebSocket, and upgrades that go wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use siospec::notation::{Heartbeat, Over};
use siospec::transcript::{Closed, Event, Side, Wire};
use siospec::wire::{Limits, OpenError, Packet, Session, Tap, UpgradeError, http_client};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::support::{
    Server, answer_once, by_target, ended_in_order, in_time, read_head, response, serve, tap, tap_with, text,
};

const OPEN: &str =
    r#"0{"sid":"x","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000}"#;

/// Answers the handshake of a WebSocket and sends the open packet and these bytes in the same segment.
async fn switch(stream: &mut TcpStream, bytes: &[u8]) {
    let head = read_head(stream).await;
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .unwrap();
    let accept = derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let open = [&[0x81, OPEN.len() as u8], OPEN.as_bytes()].concat();
    stream
        .write_all(&[head.as_bytes(), &open, bytes].concat())
        .await
        .unwrap();
}

/// A server that sends these bytes behind the open packet, and then ends the connection so.
async fn sends(bytes: &[u8], end: End) -> Server {
    let bytes = bytes.to_vec();
    serve(move |_, mut stream| {
        let bytes = bytes.clone();
        async move {
            switch(&mut stream, &bytes).await;
            match end {
                End::Not => drop(ended_in_order(&mut stream).await),
                End::InOrder => {}
                End::Reset => stream.set_zero_linger().unwrap(),
            }
        }
    })
    .await
}

#[derive(Clone, Copy)]
enum End {
    Not,
    InOrder,
    Reset,
}

async fn open(server: &Server, over: Over, tap: Tap) -> Result<Session, OpenError> {
    let http = http_client(false);
    in_time(
        "the session",
        Session::open(&server.endpoint, &http, over, Heartbeat::Auto, tap),
    )
    .await
}

#[tokio::test]
async fn frames_behind_the_handshake_and_fragments_are_whole_packets() {
    let frames = b"\x81\x014\x02\x01\x01\x89\x00\x80\x01\x02\x81\x012";
    let server = sends(frames, End::Not).await;
    let (tap, mut record) = tap();
    let _session = open(&server, Over::WebSocket, tap).await.unwrap();
    let expected = [
        text("4"),
        Event::Note("answered a ping of the WebSocket layer".to_owned()),
        Event::Received(Wire::Binary(vec![1, 2])),
        text("2"),
        Event::Note("answered the ping".to_owned()),
    ];
    for expected in expected {
        assert_eq!(record.next().await, expected);
    }
}

#[tokio::test]
async fn every_end_is_told_once_by_whom_and_how() {
    let player = |how: &str| Closed {
        by: Side::Player,
        how: how.to_owned(),
        code: None,
    };
    let cases: [(&[u8], End, Closed); 8] = [
        (
            b"\x88\x02\x03\xf1",
            End::Not,
            by_target("close frame 1009", Some(1009)),
        ),
        (
            b"\x88\x02\x03\xf1",
            End::InOrder,
            by_target("close frame 1009", Some(1009)),
        ),
        (
            b"\x88\x00",
            End::InOrder,
            by_target("close frame without a code", None),
        ),
        (b"", End::InOrder, by_target("TCP connection ended", None)),
        (b"", End::Reset, by_target("connection reset", None)),
        (b"\x81\x011\x81\x014", End::Not, by_target("close packet", None)),
        (
            b"\x81\x84\x01\x02\x03\x04abcd",
            End::Not,
            player("gave up: WebSocket protocol error: "),
        ),
        (
            b"\xc1\x014",
            End::Not,
            player("gave up: WebSocket protocol error: "),
        ),
    ];
    for (bytes, end, expected) in cases {
        let server = sends(bytes, end).await;
        let (tap, mut record) = tap();
        let mut session = open(&server, Over::WebSocket, tap).await.unwrap();
        let events = record.until_closed().await;
        let Some(Event::Closed(closed)) = events.last() else {
            panic!("{events:?}")
        };
        assert_eq!(
            (closed.by, closed.code),
            (expected.by, expected.code),
            "{closed:?}"
        );
        assert!(closed.how.starts_with(&expected.how), "{closed:?} {expected:?}");
        assert!(session.is_over() && session.send(vec![Packet::Text(b"4".to_vec())]).await.is_err());
        session.shutdown().await;
        assert_eq!(record.so_far(), []);
    }
}

#[tokio::test]
async fn a_flood_of_frames_stops_at_the_limit() {
    for (entries, bytes, limit) in [(20, 1_000_000, "20 entries"), (1_000_000, 10_000, "10000 bytes")] {
        let server = serve(|_, mut stream| async move {
            switch(&mut stream, b"").await;
            while stream.write_all(&b"\x81\x024a".repeat(1000)).await.is_ok() {}
        })
        .await;
        let (tap, mut record) = tap_with(Limits { entries, bytes });
        let _session = open(&server, Over::WebSocket, tap).await.unwrap();
        let mut events = record.until_closed().await;
        assert!(matches!(
            events.pop(),
            Some(Event::Closed(Closed { by: Side::Player, .. }))
        ));
        assert!(
            matches!(events.pop(), Some(Event::Note(note)) if note.contains(limit)),
            "{limit}"
        );
        assert!(events.len() >= 20 && events.iter().all(|event| *event == text("4a")));
    }
}

#[tokio::test]
async fn a_stalled_session_reads_when_it_is_resumed_and_closes_in_order() {
    let (closed, mut closes) = mpsc::channel(1);
    let server = serve(move |_, mut stream| {
        let closed = closed.clone();
        async move {
            switch(&mut stream, b"\x81\x014").await;
            // A text of the session is the sign to send.
            let mut frame = [0; 7];
            stream.read_exact(&mut frame).await.unwrap();
            stream.write_all(b"\x81\x024a").await.unwrap();
            let mut close = [0; 8];
            stream.read_exact(&mut close).await.unwrap();
            closed
                .send(u16::from_be_bytes([close[6] ^ close[2], close[7] ^ close[3]]))
                .await
                .unwrap();
            stream.write_all(b"\x81\x024b\x88\x02\x03\xe8").await.unwrap();
        }
    })
    .await;
    let (tap, mut record) = tap();
    let mut session = open(&server, Over::WebSocket, tap.clone()).await.unwrap();
    assert_eq!(record.next().await, text("4"));
    session.stall();
    session.send(vec![Packet::Text(b"4".to_vec())]).await.unwrap();
    session.close(Some(1001)).await;
    assert_eq!(in_time("the close frame", closes.recv()).await, Some(1001));
    // Another session is opened and reads, so that there was time to read on the stalled one too.
    let _other = open(&server, Over::WebSocket, tap.labelled("other"))
        .await
        .unwrap();
    let seen = record.seen().await;
    assert_eq!((seen.label.as_str(), seen.event), ("other", text("4")));
    assert_eq!(record.so_far(), []);
    session.resume();
    assert_eq!(record.next().await, text("4a"));
    assert_eq!(record.next().await, text("4b"));
    assert_eq!(record.closed().await, by_target("close frame 1000", Some(1000)));
}

#[tokio::test]
async fn cut_and_reset_send_what_was_handed_over_before() {
    for reset in [false, true] {
        let (ended, mut ends) = mpsc::channel(1);
        let server = serve(move |_, mut stream| {
            let ended = ended.clone();
            async move {
                switch(&mut stream, b"").await;
                let mut frame = [0; 7];
                stream.read_exact(&mut frame).await.unwrap();
                ended.send(ended_in_order(&mut stream).await).await.unwrap();
            }
        })
        .await;
        let (tap, mut record) = tap();
        let mut session = open(&server, Over::WebSocket, tap).await.unwrap();
        session.send(vec![Packet::Text(b"4".to_vec())]).await.unwrap();
        if reset {
            session.reset().await;
        } else {
            session.cut().await;
        }
        assert_eq!(in_time("the end at the server", ends.recv()).await, Some(!reset));
        assert_eq!(record.so_far(), []);
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_shown() {
    let refused = answer_once(response(400, "no transport")).await;
    let (tap, _record) = tap();
    let error = open(&refused, Over::WebSocket, tap.clone())
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "open a session over websocket: WebSocket handshake answered 400: no transport"
    );
    let ended = answer_once("").await;
    let error = open(&ended, Over::WebSocket, tap).await.unwrap_err().to_string();
    assert!(error.starts_with("open a session over websocket: "), "{error}");
}

/// What a server does when a WebSocket with a session id comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Upgrade {
    Accept,
    Refuse,
    AnswerWrongly,
}

/// What a test knows of, and does to, a server that upgrades.
#[derive(Clone)]
struct Control {
    /// How many polls came.
    polls: Arc<AtomicUsize>,
    /// Lets a poll be answered by a noop.
    release: Arc<Semaphore>,
    /// That the probe came.
    probed: Arc<Semaphore>,
    /// Lets the probe be answered.
    answer: Arc<Semaphore>,
    /// What came over the WebSocket after the probe.
    got: mpsc::Sender<String>,
}

impl Control {
    fn new() -> (Self, mpsc::Receiver<String>) {
        let (got, gets) = mpsc::channel(8);
        let none = || Arc::new(Semaphore::new(0));
        (
            Self {
                polls: Arc::default(),
                probed: none(),
                release: none(),
                answer: none(),
                got,
            },
            gets,
        )
    }
}

/// A polling server with one session and an upgrade of this kind.
async fn upgrading(kind: Upgrade, control: Control) -> Server {
    serve(move |_, mut stream| {
        let Control {
            polls,
            release,
            probed,
            answer,
            got,
        } = control.clone();
        async move {
            loop {
                let mut start = [0; 256];
                let Ok(length @ 1..) = stream.peek(&mut start).await else {
                    return;
                };
                let line = String::from_utf8_lossy(&start[..length]).into_owned();
                if line.contains("transport=websocket") && kind != Upgrade::Refuse {
                    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("2probe"));
                    probed.add_permits(1);
                    answer.acquire().await.unwrap().forget();
                    let text = if kind == Upgrade::AnswerWrongly {
                        "3"
                    } else {
                        "3probe"
                    };
                    socket.send(Message::text(text)).await.unwrap();
                    while let Some(Ok(Message::Text(text))) = socket.next().await {
                        got.send(text.to_string()).await.unwrap();
                    }
                    return;
                }
                read_head(&mut stream).await;
                let bytes = if line.contains("transport=websocket") {
                    response(400, "no")
                } else if line.contains("sid=x") {
                    polls.fetch_add(1, Ordering::SeqCst);
                    release.acquire().await.unwrap().forget();
                    response(200, "6")
                } else {
                    response(200, OPEN)
                };
                stream.write_all(&bytes).await.unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_session_polling() {
    for kind in [Upgrade::Refuse, Upgrade::AnswerWrongly] {
        let (control, _gets) = Control::new();
        let server = upgrading(kind, control.clone()).await;
        let (tap, mut record) = tap();
        let mut session = open(&server, Over::Polling, tap.clone()).await.unwrap();
        control.answer.add_permits(2);
        let error = in_time("the upgrade", session.upgrade()).await.unwrap_err();
        let expected = match kind {
            Upgrade::Refuse => {
                matches!(&error, UpgradeError::Failed(how) if how.contains("answered 400: no"))
            }
            _ => matches!(&error, UpgradeError::Probe(got) if got == "3"),
        };
        assert!(expected, "{error}");
        assert!(!session.is_over());
        assert_eq!(session.handshake().over, "polling");
        assert_eq!(record.so_far(), []);
        control.release.add_permits(2);
        for _ in 0..2 {
            assert_eq!(record.next().await, text("6"));
        }
        assert!(matches!(
            open(&server, Over::Upgraded, tap).await,
            Err(OpenError::Upgrade(_))
        ));
    }
}

#[tokio::test]
async fn a_poll_that_is_released_before_the_probe_is_answered_is_not_repeated() {
    let (control, mut gets) = Control::new();
    let server = upgrading(Upgrade::Accept, control.clone()).await;
    let (tap, mut record) = tap();
    let mut session = open(&server, Over::Polling, tap).await.unwrap();
    let released = async {
        control.probed.acquire().await.unwrap().forget();
        control.release.add_permits(1);
        assert_eq!(record.next().await, text("6"));
        control.answer.add_permits(1);
    };
    let (upgraded, ()) = in_time("the upgrade", async { tokio::join!(session.upgrade(), released) }).await;
    upgraded.unwrap();
    session.send(vec![Packet::Text(b"40".to_vec())]).await.unwrap();
    for expected in ["5", "40"] {
        assert_eq!(in_time("a packet", gets.recv()).await.unwrap(), expected);
    }
    assert_eq!(control.polls.load(Ordering::SeqCst), 1);
}
