//! Channels that speak WebSocket frames.

use siospec::notation::Mask;
use siospec::transcript::{Event, Frame, Side, Wire};
use siospec::wire::{Channel, ChannelError, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{
    Record, Server, answer_once, by_target, ended_in_order, get, in_time, read_head, serve, tap, tap_with,
    text,
};

const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

/// A server that answers the handshake and sends these bytes in the same segment, then waits for the end.
async fn switching(bytes: &[u8]) -> Server {
    let answer = [SWITCHING.as_bytes(), bytes].concat();
    serve(move |_, mut stream| {
        let answer = answer.clone();
        async move {
            read_head(&mut stream).await;
            stream.write_all(&answer).await.unwrap();
            ended_in_order(&mut stream).await;
        }
    })
    .await
}

async fn opened(server: &Server, limits: Limits) -> (Channel, Record) {
    let (tap, mut record) = tap_with(limits);
    let mut channel = Channel::new(&server.endpoint, tap);
    channel
        .websocket(get(&server.endpoint, "?EIO=4&transport=websocket"))
        .await
        .unwrap();
    assert_eq!(record.response().await.status, 101);
    (channel, record)
}

const ROOM: Limits = Limits {
    entries: 1000,
    bytes: 1_000_000,
};

fn frame(opcode: u8, fin: bool, rsv: u8, payload: &[u8]) -> Event {
    Event::Received(Wire::Frame(Frame {
        opcode,
        fin,
        rsv,
        masked: false,
        payload: payload.to_vec(),
    }))
}

#[tokio::test]
async fn the_handshake_has_the_headers_of_the_script() {
    let (head, mut heads) = tokio::sync::mpsc::channel(1);
    let server = serve(move |_, mut stream| {
        let head = head.clone();
        async move { head.send(read_head(&mut stream).await).await.unwrap() }
    })
    .await;
    let (tap, mut record) = tap();
    let mut request = get(&server.endpoint, "?EIO=4");
    request.headers = [
        ("Sec-WebSocket-Version", "8"),
        ("upgrade", "absent"),
        ("Origin", "http://a.example"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let mut channel = Channel::new(&server.endpoint, tap);
    channel.websocket(request).await.unwrap();
    let head = in_time("the handshake", heads.recv()).await.unwrap();
    let expected = format!(
        "GET /socket.io/?EIO=4 HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\nOrigin: http://a.example\r\n\r\n",
        server.endpoint.authority()
    );
    assert_eq!(head, expected);
    assert_eq!(
        record.closed().await,
        by_target("TCP connection ended before the response", None)
    );
}

#[tokio::test]
async fn frames_in_the_segment_of_the_handshake_are_not_lost() {
    let server = switching(b"\x81\x030{}\x82\x02\x01\x02\x81\x012").await;
    let (_channel, mut record) = opened(&server, ROOM).await;
    assert_eq!(record.next().await, text("0{}"));
    assert_eq!(record.next().await, Event::Received(Wire::Binary(vec![1, 2])));
    assert_eq!(record.next().await, text("2"));
}

#[tokio::test]
async fn frames_that_come_byte_by_byte_are_whole() {
    let server = serve(|_, mut stream| async move {
        read_head(&mut stream).await;
        let long = [b"\x81\x7e\x01\x00".as_slice(), &[b'a'; 256]].concat();
        for byte in [SWITCHING.as_bytes(), &long].concat() {
            stream.write_all(&[byte]).await.unwrap();
        }
        ended_in_order(&mut stream).await;
    })
    .await;
    let (_channel, mut record) = opened(&server, ROOM).await;
    assert_eq!(record.next().await, text(&"a".repeat(256)));
}

#[tokio::test]
async fn unusual_frames_keep_their_header() {
    let server =
        switching(b"\x01\x02ab\x80\x01c\x89\x01p\x8a\x01q\xc1\x01z\x8b\x00\x81\x01\xff\x08\x00").await;
    let (_channel, mut record) = opened(&server, ROOM).await;
    let expected = [
        frame(1, false, 0, b"ab"),
        frame(0, true, 0, b"c"),
        frame(9, true, 0, b"p"),
        frame(10, true, 0, b"q"),
        frame(1, true, 4, b"z"),
        frame(11, true, 0, b""),
        frame(1, true, 0, b"\xff"),
        frame(8, false, 0, b""),
    ];
    for expected in expected {
        assert_eq!(record.next().await, expected);
    }
}

#[tokio::test]
async fn a_close_frame_is_answered_with_its_code() {
    let (reply, mut replies) = tokio::sync::mpsc::channel(1);
    let server = serve(move |_, mut stream| {
        let reply = reply.clone();
        async move {
            read_head(&mut stream).await;
            stream
                .write_all(&[SWITCHING.as_bytes(), b"\x88\x04\x03\xf1no\x81\x01x"].concat())
                .await
                .unwrap();
            let mut bytes = vec![0; 8];
            stream.read_exact(&mut bytes).await.unwrap();
            reply.send(bytes).await.unwrap();
        }
    })
    .await;
    let (mut channel, mut record) = opened(&server, ROOM).await;
    assert_eq!(record.closed().await, by_target("close frame 1009", Some(1009)));
    let bytes = in_time("the answer to the close frame", replies.recv())
        .await
        .unwrap();
    let code = [bytes[6] ^ bytes[2], bytes[7] ^ bytes[3]];
    assert_eq!((bytes[0], bytes[1], u16::from_be_bytes(code)), (0x88, 0x82, 1009));
    assert!(matches!(
        channel.text(b"2".to_vec()).await,
        Err(ChannelError::Ended)
    ));
    assert_eq!(record.so_far(), []);
}

#[tokio::test]
async fn a_close_frame_is_on_its_way_when_closing_is_done() {
    let (keep, mut kept) = tokio::sync::mpsc::channel(1);
    let server = serve(move |_, mut stream| {
        let keep = keep.clone();
        async move {
            read_head(&mut stream).await;
            stream.write_all(SWITCHING.as_bytes()).await.unwrap();
            keep.send(stream).await.unwrap();
        }
    })
    .await;
    let (mut channel, _record) = opened(&server, ROOM).await;
    let stream = in_time("the connection", kept.recv()).await.unwrap();
    let mut stream = stream.into_std().unwrap();
    channel.close(Some(1000)).await.unwrap();
    let mut close = [0; 8];
    std::io::Read::read_exact(&mut stream, &mut close).unwrap();
    assert_eq!(close[0], 0x88);
}

#[tokio::test]
async fn an_answer_to_our_close_frame_is_not_answered() {
    let (rest, mut rests) = tokio::sync::mpsc::channel(1);
    let server = serve(move |_, mut stream| {
        let rest = rest.clone();
        async move {
            read_head(&mut stream).await;
            stream.write_all(SWITCHING.as_bytes()).await.unwrap();
            let mut close = vec![0; 8];
            stream.read_exact(&mut close).await.unwrap();
            stream.write_all(b"\x88\x02\x03\xe8").await.unwrap();
            let mut more = Vec::new();
            stream.read_to_end(&mut more).await.unwrap();
            rest.send(more).await.unwrap();
        }
    })
    .await;
    let (mut channel, mut record) = opened(&server, ROOM).await;
    channel.close(Some(1000)).await.unwrap();
    assert_eq!(record.closed().await, by_target("close frame 1000", Some(1000)));
    // An answer would have been written when the end was recorded.
    channel.cut().await;
    assert_eq!(in_time("the end", rests.recv()).await.unwrap(), b"");
}

#[tokio::test]
async fn frames_are_sent_with_the_chosen_header() {
    let (sent, mut frames) = tokio::sync::mpsc::channel(1);
    let server = serve(move |_, mut stream| {
        let sent = sent.clone();
        async move {
            read_head(&mut stream).await;
            stream.write_all(SWITCHING.as_bytes()).await.unwrap();
            let mut bytes = vec![0; 13];
            stream.read_exact(&mut bytes).await.unwrap();
            sent.send(bytes).await.unwrap();
        }
    })
    .await;
    let (mut channel, _record) = opened(&server, ROOM).await;
    let rude = Frame {
        opcode: 3,
        fin: false,
        rsv: 7,
        masked: false,
        payload: b"a".to_vec(),
    };
    channel.frame(&rude, Mask::None, Some(5)).await.unwrap();
    channel.frame(&rude, Mask::Key([1, 2, 3, 4]), None).await.unwrap();
    channel.raw(b"xyz".to_vec()).await.unwrap();
    let bytes = in_time("the frames", frames.recv()).await.unwrap();
    assert_eq!(bytes, b"\x73\x05a\x73\x81\x01\x02\x03\x04`xyz");
}

#[tokio::test]
async fn an_end_without_a_close_frame_is_told() {
    for (bytes, left, how) in [
        ("", None, "TCP connection ended"),
        (
            "\u{1}\u{5}ab",
            Some(b"\x01\x05ab".to_vec()),
            "TCP connection ended inside a frame",
        ),
    ] {
        let server = answer_once(format!("{SWITCHING}{bytes}")).await;
        let (_channel, mut record) = opened(&server, ROOM).await;
        if let Some(left) = left {
            assert_eq!(record.next().await, Event::Received(Wire::Raw(left)));
        }
        assert_eq!(record.closed().await, by_target(how, None));
    }
}

#[tokio::test]
async fn an_http_answer_inside_the_websocket_is_raw_bytes() {
    let answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    let server = switching(answer.as_bytes()).await;
    let (_channel, mut record) = opened(&server, ROOM).await;
    assert_eq!(record.next().await, Event::Received(Wire::Raw(answer.into())));
    assert_eq!(record.closed().await.by, Side::Player);
}

#[tokio::test]
async fn floods_and_lying_lengths_stop_at_the_limit() {
    let flood = serve(|_, mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(SWITCHING.as_bytes()).await;
        while stream.write_all(&b"\x81\x012".repeat(1000)).await.is_ok() {}
    })
    .await;
    let (_channel, mut record) = opened(
        &flood,
        Limits {
            entries: 100,
            bytes: 1_000_000,
        },
    )
    .await;
    let events = record.until_closed().await;
    assert_eq!(events.len(), 99 + 2);
    assert!(
        matches!(&events[99], Event::Note(note) if note.contains("limit of 100 entries")),
        "{events:?}"
    );

    let liar = switching(b"\x81\x7f\0\0\0\x01\0\0\0\0abc").await;
    let (_channel, mut record) = opened(&liar, ROOM).await;
    assert!(matches!(record.next().await, Event::Note(note) if note.contains("limit of 1000000 bytes")));
    assert_eq!(record.closed().await.by, Side::Player);
}

#[tokio::test]
async fn a_refused_handshake_is_a_response_and_no_websocket() {
    let server = answer_once("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno").await;
    let (tap, mut record) = tap();
    let mut channel = Channel::new(&server.endpoint, tap);
    channel.websocket(get(&server.endpoint, "?EIO=4")).await.unwrap();
    let response = record.response().await;
    assert_eq!(
        (response.status, response.body.as_slice()),
        (400, b"no".as_slice())
    );
    let refused = channel.text(b"2".to_vec()).await.unwrap_err();
    assert!(
        matches!(refused, ChannelError::NotAWebSocket | ChannelError::Ended),
        "{refused}"
    );
    assert_eq!(record.so_far(), []);
}
