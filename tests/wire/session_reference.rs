//! Sessions with the reference server, over every transport.

use reference_impl::{Options, Server, ServerHandle};
use siospec::notation::{Heartbeat, Over};
use siospec::transcript::{Event, Handshake, Wire};
use siospec::wire::{Endpoint, Packet, Session, http_client};

use crate::support::{Record, in_time, tap, text};

const ALL: [Over; 3] = [Over::WebSocket, Over::Polling, Over::Upgraded];

async fn server() -> (ServerHandle, Endpoint) {
    let server = Server::bind(([127, 0, 0, 1], 0).into(), Options::default())
        .await
        .unwrap();
    let endpoint = Endpoint::parse(&format!("http://{}", server.local_addr())).unwrap();
    (server, endpoint)
}

async fn opened(endpoint: &Endpoint, over: Over, heartbeat: Heartbeat) -> (Session, Record) {
    let (tap, record) = tap();
    let http = http_client(false);
    let open = Session::open(endpoint, &http, over, heartbeat, tap);
    (in_time("the session", open).await.unwrap(), record)
}

fn packet(text: impl Into<String>) -> Packet {
    Packet::Text(text.into().into_bytes())
}

impl Record {
    /// The next event that is about the script: no heartbeat, no noop, no note.
    async fn next_packet(&mut self) -> Event {
        loop {
            match self.next().await {
                Event::Note(_) => {}
                Event::Received(Wire::Text(text)) if text == "2" || text == "6" => {}
                other => return other,
            }
        }
    }
}

/// Joins the main namespace and takes what comes for it.
async fn connect(session: &mut Session, record: &mut Record) {
    session.send(vec![packet("40")]).await.unwrap();
    let accepted = record.next_packet().await;
    assert!(
        matches!(&accepted, Event::Received(Wire::Text(text)) if text.starts_with("40{")),
        "{accepted:?}"
    );
    assert_eq!(record.next_packet().await, text("42[\"auth\",{}]"));
}

#[tokio::test]
async fn the_handshake_is_read_and_not_posted() {
    let (_server, endpoint) = server().await;
    for (over, name) in ALL.into_iter().zip(["websocket", "polling", "upgraded"]) {
        let (session, mut record) = opened(&endpoint, over, Heartbeat::Auto).await;
        let Handshake {
            over,
            ping_interval,
            ping_timeout,
            max_payload,
            ..
        } = session.handshake().clone();
        assert_eq!(
            (over.as_str(), ping_interval, ping_timeout, max_payload),
            (name, 300.0, 200.0, 1e6)
        );
        let before = record.so_far();
        assert!(before.iter().all(|event| *event == text("6")), "{before:?}");
    }
}

#[tokio::test]
async fn two_hundred_events_and_their_attachments_keep_their_order() {
    let (_server, endpoint) = server().await;
    for over in ALL {
        let (mut session, mut record) = opened(&endpoint, over, Heartbeat::Auto).await;
        connect(&mut session, &mut record).await;
        for number in 0..200 {
            let header = format!("451-[\"message\",{number},{{\"_placeholder\":true,\"num\":0}}]");
            session
                .send(vec![packet(header), Packet::Binary(vec![number, 0xff])])
                .await
                .unwrap();
        }
        for number in 0..200 {
            let header = format!("451-[\"message-back\",{number},{{\"_placeholder\":true,\"num\":0}}]");
            assert_eq!(record.next_packet().await, text(&header), "{over:?}");
            assert_eq!(
                record.next_packet().await,
                Event::Received(Wire::Binary(vec![number, 0xff])),
                "{over:?}"
            );
        }
        session.shutdown().await;
    }
}

#[tokio::test]
async fn an_upgrade_in_the_middle_of_the_traffic_loses_nothing() {
    let (_server, endpoint) = server().await;
    let (mut session, mut record) = opened(&endpoint, Over::Polling, Heartbeat::Auto).await;
    connect(&mut session, &mut record).await;
    let event = |name: &str, number: usize| format!("42[\"{name}\",{number}]");
    session
        .send((0..40).map(|number| packet(event("message", number))).collect())
        .await
        .unwrap();
    in_time("the upgrade", session.upgrade()).await.unwrap();
    session
        .send((40..80).map(|number| packet(event("message", number))).collect())
        .await
        .unwrap();
    for number in 0..80 {
        assert_eq!(record.next_packet().await, text(&event("message-back", number)));
    }
    assert_eq!(session.handshake().over, "upgraded");
    assert!(session.upgrade().await.is_err());
}

#[tokio::test]
async fn an_automatic_heartbeat_keeps_the_session_and_a_manual_one_leaves_it_to_the_script() {
    let (_server, endpoint) = server().await;
    for over in ALL {
        let (_session, mut record) = opened(&endpoint, over, Heartbeat::Auto).await;
        let mut answered = 0;
        while answered < 3 {
            match record.next().await {
                Event::Note(note) => answered += usize::from(note == "answered the ping"),
                Event::Received(Wire::Text(text)) => {
                    assert!(text == "2" || text == "6" || text == "1", "{text}");
                }
                // Nobody joined a namespace: after the connect timeout the server ends the session.
                Event::Closed(_) => break,
                other => panic!("{other:?}"),
            }
        }
        assert!(answered >= 2, "{over:?}: {answered}");

        let (mut session, mut record) = opened(&endpoint, over, Heartbeat::Manual).await;
        let mut events = record.until_closed().await;
        events.retain(|event| *event != text("6") && !matches!(event, Event::Note(_)));
        assert_eq!(events[0], text("2"), "{over:?}");
        assert!(matches!(events.last(), Some(Event::Closed(_))));
        assert!(session.send(vec![packet("3")]).await.is_err());
    }
}

#[tokio::test]
async fn the_server_sees_every_kind_of_end() {
    let (_server, endpoint) = server().await;
    for over in ALL {
        for end in ["close", "cut", "reset", "shutdown", "drop"] {
            let (mut watched, mut record) = opened(&endpoint, over, Heartbeat::Auto).await;
            watched.send(vec![packet("40")]).await.unwrap();
            let sid = match record.next_packet().await {
                Event::Received(Wire::Text(text)) => text[10..].trim_end_matches("\"}").to_owned(),
                other => panic!("{other:?}"),
            };
            match end {
                "close" => watched.close(None).await,
                "cut" => watched.cut().await,
                "reset" => watched.reset().await,
                "shutdown" => watched.shutdown().await,
                _ => drop(watched),
            }
            let (mut watcher, mut record) = opened(&endpoint, Over::WebSocket, Heartbeat::Auto).await;
            connect(&mut watcher, &mut record).await;
            // The disconnection handler runs within the heartbeat, whatever the end.
            loop {
                watcher
                    .send(vec![packet(format!("42[\"count\",\"{sid}\"]"))])
                    .await
                    .unwrap();
                match record.next_packet().await {
                    Event::Received(Wire::Text(text)) if text.contains("\"disconnect\":1") => break,
                    Event::Received(Wire::Text(text)) => assert!(text.contains("\"disconnect\":0"), "{text}"),
                    other => panic!("{over:?} {end}: {other:?}"),
                }
            }
        }
    }
}
