//! What only a real WebSocket shows, and what becomes of a driver whose client was given a fatal fault.

use reference_impl::client::faults;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::driven::{DEADLINE, Driven};

const OPEN: &str = r#"0{"sid":"e1","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;

/// A WebSocket server that writes and reads frames by hand.
struct ByHand {
    stream: TcpStream,
}

impl ByHand {
    /// Lets the client of the driver connect, and joins the main namespace.
    async fn new(driven: &mut Driven) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let options = json!({"transports": ["websocket"], "headers": {"X-Own": "1"}, "query": {"a": "b"}});
        driven
            .act(json!({"do": "connect", "case": "c", "nsp": "/", "url": url, "options": options}))
            .await;
        let (mut stream, _) = timeout(DEADLINE, listener.accept())
            .await
            .expect("in time")
            .expect("a client");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(
                timeout(DEADLINE, stream.read_u8())
                    .await
                    .expect("in time")
                    .expect("a head"),
            );
        }
        let head = String::from_utf8(head).expect("a head in ASCII");
        assert!(
            head.starts_with("GET /socket.io/?a=b&EIO=4&transport=websocket HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(head.to_lowercase().contains("\r\nx-own: 1\r\n"), "{head}");
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = derive_accept_key(key.expect("a key").as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream
            .write_all(answer.as_bytes())
            .await
            .expect("to be able to write");
        let mut by_hand = Self { stream };
        by_hand.send(0x81, OPEN.as_bytes()).await;
        assert_eq!(by_hand.read().await.2, b"40");
        by_hand.send(0x81, b"40{\"sid\":\"s1\"}").await;
        assert_eq!(driven.hear().await["report"], "connect");
        by_hand
    }

    async fn send(&mut self, first: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).expect("a short frame");
        self.stream
            .write_all(&[&[first, length], payload].concat())
            .await
            .expect("to be able to write");
    }

    /// The first byte of a short frame, whether it is masked, and its payload.
    async fn read(&mut self) -> (u8, bool, Vec<u8>) {
        let read = async {
            let (first, second) = (self.stream.read_u8().await?, self.stream.read_u8().await?);
            let is_masked = second & 0x80 != 0;
            let mut mask = [0; 4];
            if is_masked {
                self.stream.read_exact(&mut mask).await?;
            }
            let mut payload = vec![0; usize::from(second & 0x7f)];
            self.stream.read_exact(&mut payload).await?;
            let unmasked = payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, key)| byte ^ key);
            std::io::Result::Ok((first, is_masked, unmasked.collect()))
        };
        timeout(DEADLINE, read).await.expect("in time").expect("a frame")
    }
}

#[tokio::test]
async fn frames_are_masked_and_pings_answered() {
    for (fault, masked, pongs) in [
        (None, true, true),
        (Some("unmasked-frames"), false, true),
        (Some("no-pong-frames"), true, false),
    ] {
        let mut driven = Driven::new("", fault.and_then(faults::by_name)).await;
        let mut by_hand = ByHand::new(&mut driven).await;
        by_hand.send(0x89, b"hello").await;
        by_hand.send(0x81, b"2").await;
        if pongs {
            assert_eq!(
                by_hand.read().await,
                (0x8a, masked, b"hello".to_vec()),
                "{fault:?}"
            );
        }
        assert_eq!(by_hand.read().await, (0x81, masked, b"3".to_vec()), "{fault:?}");
    }
}

#[tokio::test]
async fn a_message_may_come_in_fragments() {
    for (fault, report) in [(None, "event"), (Some("fragments-are-messages"), "disconnect")] {
        let mut driven = Driven::new("", fault.and_then(faults::by_name)).await;
        let mut by_hand = ByHand::new(&mut driven).await;
        by_hand.send(0x01, b"42[\"in ").await;
        by_hand.send(0x80, b"pieces\"]").await;
        assert_eq!(driven.hear().await["report"], report, "{fault:?}");
    }
}

#[tokio::test]
async fn the_end_of_the_connection_is_told_with_its_kind() {
    for (code, reason) in [(1000_u16, "transport close"), (1011, "transport close")] {
        let mut driven = Driven::new("", None).await;
        let mut by_hand = ByHand::new(&mut driven).await;
        by_hand.send(0x88, &code.to_be_bytes()).await;
        assert_eq!(driven.hear().await["reason"], reason);
        assert_eq!(by_hand.read().await.0, 0x88, "the close frame is answered");
    }
    let mut driven = Driven::new("", None).await;
    drop(ByHand::new(&mut driven).await);
    assert_eq!(driven.hear().await["reason"], "transport close");
}

#[tokio::test]
async fn a_crash_ends_the_driver_and_all_its_cases() {
    let fault = faults::by_name("crashes-on-event-without-payload");
    assert!(fault.is_some());
    let mut driven = Driven::new("slow-heartbeat", fault).await;
    driven
        .connect("bystander", json!({"transports": ["websocket"]}))
        .await;
    driven.hear().await;
    let mut by_hand = ByHand::new(&mut driven).await;
    by_hand.send(0x81, b"42").await;
    assert_eq!(driven.hear_or_end().await, None, "the program is gone");
    assert_eq!(
        timeout(DEADLINE, by_hand.stream.read(&mut [0]))
            .await
            .expect("in time")
            .ok(),
        Some(0)
    );
    // Nobody is there to be asked.
    driven.say(json!({"do": "close", "case": "bystander"}));
    assert_eq!(driven.hear_or_end().await, None);
}
