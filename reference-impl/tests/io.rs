//! The I/O shell over loopback: real sockets, and clients that behave badly on them.

use std::{io, net::SocketAddr, time::Duration};

use reference_impl::{
    Options, Server, ServerHandle,
    faults::{self, Fault},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(10);
const POLLING: &str = "EIO=4&transport=polling";

async fn serve(variant: &str) -> ServerHandle {
    serve_with(Options::with_variant(variant).expect("a variant")).await
}

async fn serve_with(options: Options) -> ServerHandle {
    Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), options)
        .await
        .expect("a free port")
}

/// A TCP connection, and what has been read of it beyond what was asked for.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn new(server: &ServerHandle) -> Self {
        let stream = TcpStream::connect(server.local_addr())
            .await
            .expect("a connection");
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .await
            .expect("to be able to write");
    }

    /// Reads more; false at the end of the stream.
    async fn read_more(&mut self) -> bool {
        let read = timeout(DEADLINE, self.stream.read_buf(&mut self.buffer))
            .await
            .expect("something before the deadline");
        matches!(read, Ok(1..))
    }

    /// Reads one response: its status and body.
    async fn response(&mut self) -> (u16, String) {
        let head = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break self.buffer.drain(..at + 4).collect::<Vec<_>>();
            }
            assert!(self.read_more().await, "the stream ended before a response");
        };
        let head = String::from_utf8(head)
            .expect("a head in ASCII")
            .to_ascii_lowercase();
        let status = head[9..12].parse().expect("a status");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        while self.buffer.len() < length {
            assert!(self.read_more().await, "the stream ended within a body");
        }
        (
            status,
            String::from_utf8(self.buffer.drain(..length).collect()).expect("UTF-8"),
        )
    }

    async fn get(&mut self, query: &str) -> (u16, String) {
        self.write(format!("GET /socket.io/?{query} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await;
        self.response().await
    }

    async fn post(&mut self, query: &str, body: &str) -> (u16, String) {
        self.begin_post(query, body.len()).await;
        self.write(body).await;
        self.response().await
    }

    async fn begin_post(&mut self, query: &str, length: usize) {
        self.write(format!(
            "POST /socket.io/?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        ))
        .await;
    }

    async fn polling(&mut self) -> String {
        let (status, body) = self.get(POLLING).await;
        assert_eq!(status, 200, "{body}");
        format!("{POLLING}&sid={}", body.split('"').nth(3).expect("a sid"))
    }

    /// Opens a WebSocket session, `more` being sent in the same breath as the handshake, and reads its open packet.
    async fn websocket(&mut self, more: &[u8]) {
        let mut bytes = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            .to_vec();
        bytes.extend_from_slice(more);
        self.write(bytes).await;
        assert_eq!(self.response().await.0, 101);
        let open = self.frame().await.expect("the open packet");
        assert!(open.1.starts_with(b"0{"));
    }

    /// The next frame: its first byte and payload.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let [first, length, rest @ ..] = &self.buffer[..] {
                let (size, head) = match (length, rest) {
                    (126, [high, low, ..]) => (Some(usize::from(u16::from_be_bytes([*high, *low]))), 4),
                    (126.., _) => (None, 0),
                    (&length, _) => (Some(usize::from(length)), 2),
                };
                if let Some(size) = size.filter(|size| self.buffer.len() >= head + size) {
                    let first = *first;
                    return Some((first, self.buffer.drain(..head + size).skip(head).collect()));
                }
            }
            if !self.read_more().await {
                return None;
            }
        }
    }

    /// The status code of the close frame that comes, heartbeats left out.
    async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.frame().await? {
                (0x88, payload) => return Some(u16::from_be_bytes([payload[0], payload[1]])),
                (0x81, payload) if payload == b"2" => {}
                other => panic!("{other:?} instead of a close frame"),
            }
        }
    }
}

/// A client frame with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0xff);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

#[tokio::test]
async fn a_polling_client_is_served_on_one_connection() {
    let server = serve("base").await;
    let mut client = Client::new(&server).await;
    let query = client.polling().await;
    assert_eq!(client.post(&query, "40").await, (200, "ok".into()));
    let (_, body) = client.get(&query).await;
    assert!(
        body.starts_with("40{\"sid\":") && body.ends_with("\u{1e}42[\"auth\",{}]"),
        "{body}"
    );
    let chunked = "POST /socket.io/?QUERY HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
        f\r\n42[\"message\",\"\u{e2}\r\n"
        .replace("QUERY", &query);
    let (head, _) = chunked.split_at(chunked.find('\u{e2}').expect("it is there"));
    client.write(head).await;
    // The euro sign is cut in two by the chunks.
    client.write(b"\xe2\r\n4\r\n\x82\xac\"]\r\n0\r\n\r\n").await;
    assert_eq!(client.response().await.0, 200);
    assert_eq!(client.get(&query).await.1, "42[\"message-back\",\"€\"]");
}

#[tokio::test]
async fn a_websocket_client_is_served() {
    let server = serve("base").await;
    let mut client = Client::new(&server).await;
    let mut glued = frame(0x81, b"40");
    glued.extend(frame(0x01, b"42[\"mess"));
    glued.extend(frame(0x89, b"abc"));
    glued.extend(frame(0x80, b"age\",1]"));
    client.websocket(&glued).await;
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(client.frame().await.expect("a frame"));
    }
    let pong = seen
        .iter()
        .position(|frame| *frame == (0x8a, b"abc".to_vec()))
        .expect("a pong");
    seen.remove(pong);
    assert!(seen[0].1.starts_with(b"40{"));
    assert_eq!(seen[2], (0x81, b"42[\"message-back\",1]".to_vec()));
    client.write(frame(0x88, &1000_u16.to_be_bytes())).await;
    assert_eq!(client.close_code().await, Some(1000));
    assert!(!client.read_more().await, "the connection ends");
}

#[tokio::test]
async fn bad_frames_are_answered_by_their_code() {
    let server = serve("base").await;
    let mut oversize = frame(0x81, &vec![b'4'; 1_000_002]);
    let unmasked = vec![0x81, 2, b'4', b'0'];
    let mut pieces = Vec::new();
    for piece in 0..11 {
        pieces.extend(frame(if piece == 0 { 0x01 } else { 0 }, &vec![b'4'; 100_000]));
    }
    oversize.extend(frame(0x81, b"3"));
    for (bytes, code) in [
        (frame(0x81, b"4\xff"), 1007),
        (oversize, 1009),
        (pieces, 1009),
        (unmasked, 1002),
        (frame(0xb1, b"40"), 1002),
        (frame(0x83, b"40"), 1002),
        (frame(0x81, b"4abc"), 1000),
        (frame(0x81, b"x"), 1008),
    ] {
        let mut client = Client::new(&server).await;
        client.websocket(&[]).await;
        client.write(&bytes).await;
        assert_eq!(
            client.close_code().await,
            Some(code),
            "{:?}",
            &bytes[..4.min(bytes.len())]
        );
        client.stream.shutdown().await.ok();
        assert!(!client.read_more().await, "the connection ends");
    }
}

#[tokio::test]
async fn oversize_bodies_are_refused_before_they_have_come() {
    let server = serve("base").await;
    let mut client = Client::new(&server).await;
    let query = client.polling().await;
    let mut declared = Client::new(&server).await;
    declared.begin_post(&query, 1_000_000_000).await;
    assert_eq!(declared.response().await.0, 413);
    let mut chunked = Client::new(&server).await;
    chunked
        .write(format!(
            "POST /socket.io/?{query} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        ))
        .await;
    for _ in 0..11 {
        chunked
            .write(format!("{:x}\r\n{}\r\n", 100_000, "4".repeat(100_000)))
            .await;
    }
    assert_eq!(chunked.response().await.0, 413);
    let exact = format!("4{}", "0".repeat(999_999));
    assert_eq!(client.post(&query, &exact).await, (200, "ok".into()));
}

/// Polls until the session is refused.
async fn gone(client: &mut Client, query: &str) {
    timeout(DEADLINE, async { while client.get(query).await.0 == 200 {} })
        .await
        .expect("the session to end");
}

#[tokio::test]
async fn a_request_that_is_given_up_ends_its_session() {
    // With heartbeats so slow, only the broken connection can end it.
    let server = serve("slow-heartbeat").await;
    let mut client = Client::new(&server).await;
    for reset in [false, true] {
        for begin in ["GET", "POST"] {
            let query = client.polling().await;
            let mut given_up = Client::new(&server).await;
            if begin == "GET" {
                given_up
                    .write(format!("GET /socket.io/?{query} HTTP/1.1\r\nHost: x\r\n\r\n"))
                    .await;
            } else {
                given_up.begin_post(&query, 10).await;
                given_up.write("42").await;
            }
            // A reset may overtake what it follows: the answer to a later request tells that the server has read it.
            client.polling().await;
            if reset {
                given_up
                    .stream
                    .set_zero_linger()
                    .expect("a socket that can be reset");
            }
            drop(given_up);
            gone(&mut client, &query).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let server = serve("slow-heartbeat").await;
    let mut lazy = Client::new(&server).await;
    lazy.websocket(&frame(0x81, b"40")).await;
    let connect = String::from_utf8(lazy.frame().await.expect("a frame").1).expect("text");
    let sid = connect.split('"').nth(3).expect("a sid").to_owned();
    lazy.write(frame(0x81, b"42[\"join\",\"r\"]")).await;
    lazy.write(frame(0x81, b"42[\"message\",\"joined\"]")).await;
    while !lazy.frame().await.expect("a frame").1.ends_with(b"\"joined\"]") {}
    // From now on it does not read, and the others shout.
    let mut other = Client::new(&server).await;
    other.websocket(&frame(0x81, b"40")).await;
    let loud = format!("42[\"shout\",\"r\",\"{}\"]", "a".repeat(900_000));
    let cut_off = async {
        loop {
            other.write(frame(0x81, loud.as_bytes())).await;
            other
                .write(frame(0x81, format!("42[\"count\",\"{sid}\"]").as_bytes()))
                .await;
            let mut payload = Vec::new();
            while !payload.starts_with(b"42[\"count\"") {
                payload = other.frame().await.expect("a frame").1;
            }
            if payload.ends_with(b"\"disconnect\":1}]") {
                return;
            }
        }
    };
    timeout(DEADLINE, cut_off)
        .await
        .expect("the lazy client to be cut off");
}

#[tokio::test]
async fn five_hundred_handshakes_at_once() {
    let server = serve("base").await;
    let address = server.local_addr();
    let handshakes = (0..500).map(|_| {
        tokio::spawn(async move {
            let stream = TcpStream::connect(address).await?;
            let mut client = Client {
                stream,
                buffer: Vec::new(),
            };
            Ok::<_, io::Error>(client.get(POLLING).await)
        })
    });
    let mut sids = std::collections::BTreeSet::new();
    for handshake in handshakes.collect::<Vec<_>>() {
        let (status, body) = handshake.await.expect("no panic").expect("a connection");
        assert_eq!(status, 200);
        sids.insert(body.split('"').nth(3).expect("a sid").to_owned());
    }
    assert_eq!(sids.len(), 500);
}

#[tokio::test]
async fn shutting_down_ends_everything() {
    let server = serve("slow-heartbeat").await;
    let address = server.local_addr();
    let mut client = Client::new(&server).await;
    client.websocket(&[]).await;
    timeout(DEADLINE, server.shutdown()).await.expect("an end");
    while client.read_more().await {}
    let again = Server::bind(address, Options::default())
        .await
        .expect("the port to be free");
    let mut client = Client::new(&again).await;
    assert_eq!(client.get(POLLING).await.0, 200);
}

/// What comes first, heartbeats left out, when a client that has joined sends these bytes and then an event.
async fn first_reaction(fault: Option<Fault>, bytes: &[u8]) -> Option<(u8, Vec<u8>)> {
    let server = serve_with(Options {
        fault,
        ..Options::default()
    })
    .await;
    let mut client = Client::new(&server).await;
    client.websocket(&frame(0x81, b"40")).await;
    while !client
        .frame()
        .await
        .expect("a frame")
        .1
        .starts_with(b"42[\"auth\"")
    {}
    client
        .write([bytes, &frame(0x81, b"42[\"message\",\"after\"]")].concat())
        .await;
    loop {
        let frame = client.frame().await?;
        if frame.1 != b"2" {
            return Some(frame);
        }
    }
}

#[tokio::test]
async fn faults_of_frames_show() {
    let fragments = [frame(0x01, b"42[\"mess"), frame(0x80, b"age\",1]")].concat();
    for (name, bytes) in [
        ("fragments-are-messages", fragments),
        ("ignores-ping-frames", frame(0x89, b"abc")),
        ("ignores-close-frames", frame(0x88, &1000_u16.to_be_bytes())),
        ("accepts-unmasked-frames", vec![0x81, 1, b'6']),
        ("ignores-reserved-bits", frame(0xa1, b"6")),
        ("drops-invalid-utf8", frame(0x81, b"4\xff")),
    ] {
        let sound = first_reaction(None, &bytes).await;
        let faulty = first_reaction(faults::by_name(name), &bytes).await;
        assert_ne!(sound, faulty, "{name}");
        let sound_again = first_reaction(None, &bytes).await;
        assert_eq!(sound, sound_again, "{name}");
    }
}
