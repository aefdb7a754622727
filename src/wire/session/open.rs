//! Opening a session: the handshake over either transport, and reading what it announces.

use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::Value;
use thiserror::Error;
use tokio_tungstenite::tungstenite::Message;
use url::form_urlencoded;

use super::outgoing::{self, Out, Outgoing};
use super::polling::{NoAnswer, Polling, Requests};
use super::shared::{Shared, excerpt};
use super::upgrade::UpgradeError;
use super::websocket::{self, WebSocket};
use crate::notation::{Heartbeat, Over};
use crate::transcript::Handshake;
use crate::wire::Endpoint;
use crate::wire::payload::{self, Packet};
use crate::wire::tap::{LimitReached, Tap};

/// Why there is no session.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no connection, or it broke.
    #[error("open a session over {over}: {how}")]
    Failed {
        /// The transport.
        over: &'static str,
        /// What happened.
        how: String,
    },
    /// The answer is no open packet.
    #[error("open a session over {over}: expected an open packet such as 0{{\"sid\":\"…\"}}, got {got}")]
    NotOpen {
        /// The transport.
        over: &'static str,
        /// What came instead.
        got: String,
    },
    /// The session is open over polling and could not be upgraded.
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// The case has received as much as it may.
    #[error(transparent)]
    Limit(#[from] LimitReached),
}

/// A session that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) handshake: Handshake,
    pub(super) shared: Arc<Shared>,
    pub(super) script: tokio::sync::mpsc::Sender<Out>,
    pub(super) transport: Transport,
}

/// What a session speaks over.
#[derive(Debug)]
pub(super) enum Transport {
    Polling(Polling),
    WebSocket(WebSocket),
    /// The player ended it.
    Ended,
}

/// Opens a session over WebSocket or, for the other two, over polling.
pub(super) async fn open(
    endpoint: &Endpoint,
    http: &reqwest::Client,
    over: Over,
    heartbeat: Heartbeat,
    tap: Tap,
) -> Result<Opened, OpenError> {
    let (script, pongs, outgoing) = outgoing::queue();
    let shared = Arc::new(Shared::new(tap, heartbeat, pongs));
    let (handshake, transport) = match over {
        Over::WebSocket => over_websocket(endpoint, &shared, outgoing).await?,
        Over::Polling | Over::Upgraded => over_polling(endpoint, http, &shared, outgoing).await?,
    };
    Ok(Opened {
        handshake,
        shared,
        script,
        transport,
    })
}

async fn over_websocket(
    endpoint: &Endpoint,
    shared: &Arc<Shared>,
    outgoing: Outgoing,
) -> Result<(Handshake, Transport), OpenError> {
    let over = "websocket";
    let failed = |how| OpenError::Failed { over, how };
    let target = "?EIO=4&transport=websocket";
    let mut socket = websocket::connect(endpoint, target, &shared.tap)
        .await
        .map_err(failed)?;
    let first = match socket.next().await {
        Some(Ok(message)) => message,
        Some(Err(error)) => return Err(failed(error.to_string())),
        None => return Err(failed("TCP connection ended".to_owned())),
    };
    shared.tap.charge(first.len())?;
    let text = match &first {
        Message::Text(text) => text.as_bytes(),
        other => {
            return Err(OpenError::NotOpen {
                over,
                got: excerpt(format!("{other:?}").as_bytes()),
            });
        }
    };
    let handshake = read_handshake(text, over)?;
    Ok((
        handshake,
        Transport::WebSocket(WebSocket::start(socket, Arc::clone(shared), outgoing)),
    ))
}

async fn over_polling(
    endpoint: &Endpoint,
    http: &reqwest::Client,
    shared: &Arc<Shared>,
    outgoing: Outgoing,
) -> Result<(Handshake, Transport), OpenError> {
    let over = "polling";
    let url = endpoint.url("?EIO=4&transport=polling");
    let handshake = Requests {
        http: http.clone(),
        url: url.clone(),
        max_payload: usize::MAX,
    };
    let answer = handshake.get(&shared.tap).await.map_err(|none| match none {
        NoAnswer::Failed(how) => OpenError::Failed { over, how },
        NoAnswer::Limit(limit) => OpenError::Limit(limit),
    })?;
    if answer.status != 200 {
        let how = format!("GET answered {}: {}", answer.status, excerpt(&answer.body));
        return Err(OpenError::Failed { over, how });
    }
    let not_open = || OpenError::NotOpen {
        over,
        got: excerpt(&answer.body),
    };
    let mut packets = payload::split(&answer.body).ok_or_else(not_open)?;
    let handshake = match packets.remove(0) {
        Packet::Text(text) => read_handshake(&text, over)?,
        Packet::Binary(_) => return Err(not_open()),
    };
    shared.handle(packets)?;
    let max_payload = if handshake.max_payload >= 1.0 {
        handshake.max_payload as usize
    } else {
        usize::MAX
    };
    let url = format!("{url}&sid={}", escape(&handshake.sid));
    let requests = Requests {
        http: http.clone(),
        url,
        max_payload,
    };
    Ok((
        handshake,
        Transport::Polling(Polling::start(requests, Arc::clone(shared), outgoing)),
    ))
}

/// A session id as it stands in a query.
pub(super) fn escape(sid: &str) -> String {
    form_urlencoded::byte_serialize(sid.as_bytes()).collect()
}

fn read_handshake(packet: &[u8], over: &'static str) -> Result<Handshake, OpenError> {
    let not_open = || OpenError::NotOpen {
        over,
        got: excerpt(packet),
    };
    let json = packet.strip_prefix(b"0").ok_or_else(not_open)?;
    let announced: Value = serde_json::from_slice(json).map_err(|_| not_open())?;
    let sid = announced["sid"].as_str().ok_or_else(not_open)?.to_owned();
    let number = |key: &str| announced[key].as_f64().unwrap_or(0.0);
    let upgrades = announced["upgrades"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    Ok(Handshake {
        over: over.to_owned(),
        sid,
        upgrades: upgrades
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        ping_interval: number("pingInterval"),
        ping_timeout: number("pingTimeout"),
        max_payload: number("maxPayload"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_is_read_as_far_as_it_goes() {
        let whole = br#"0{"sid":"x","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#;
        let handshake = read_handshake(whole, "polling").unwrap();
        assert_eq!(
            (handshake.sid.as_str(), handshake.upgrades.as_slice()),
            ("x", ["websocket".to_owned()].as_slice())
        );
        assert_eq!(
            (
                handshake.ping_interval,
                handshake.ping_timeout,
                handshake.max_payload
            ),
            (300.0, 200.0, 1e6)
        );
        let strange =
            read_handshake(br#"0{"sid":"x","upgrades":1,"pingInterval":"300"}"#, "polling").unwrap();
        assert_eq!((strange.upgrades.len(), strange.ping_interval), (0, 0.0));
    }

    #[test]
    fn what_is_no_open_packet_is_shown() {
        for packet in ["1", "0", "0{}", "0{\"sid\":1}", "<html>", "0[]"] {
            let error = read_handshake(packet.as_bytes(), "polling").unwrap_err();
            assert!(error.to_string().ends_with(&format!("got {packet}")), "{error}");
        }
    }

    #[test]
    fn a_session_id_cannot_leave_its_place_in_the_query() {
        assert_eq!(escape("a-_&x=\r\n1"), "a-_%26x%3D%0D%0A1");
    }
}
