//! The upgrade of a polling session to WebSocket, in the middle of its traffic: nothing is lost, the order is kept.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use thiserror::Error;
use tokio_tungstenite::tungstenite::Message;

use super::open::escape;
use super::polling::Polling;
use super::shared::{Shared, excerpt};
use super::websocket::{self, Socket, WebSocket};
use crate::wire::Endpoint;

/// Why a session was not upgraded.
#[derive(Debug, Error)]
pub enum UpgradeError {
    /// It does not poll.
    #[error("upgrade the session: it is not over polling")]
    NotPolling,
    /// There is no WebSocket, or it broke.
    #[error("upgrade the session: {0}")]
    Failed(String),
    /// The probe was answered by something else.
    #[error("upgrade the session: expected 3probe as the answer to 2probe, got {0}")]
    Probe(String),
    /// The session ended while it was upgraded.
    #[error("upgrade the session: it has ended meanwhile")]
    Ended,
}

/// Upgrades. After a failure before the probe was answered, polling goes on.
pub(super) async fn upgrade(
    endpoint: &Endpoint,
    sid: &str,
    polling: &mut Polling,
    shared: &Arc<Shared>,
) -> Result<WebSocket, UpgradeError> {
    let target = format!("?EIO=4&transport=websocket&sid={}", escape(sid));
    let mut socket = websocket::connect(endpoint, &target, &shared.tap)
        .await
        .map_err(UpgradeError::Failed)?;
    polling.probing();
    if let Err(error) = probe(&mut socket).await {
        polling.resume();
        return Err(error);
    }
    let outgoing = polling.finish().await.ok_or(UpgradeError::Ended)?;
    if shared.status().over {
        return Err(UpgradeError::Ended);
    }
    send(&mut socket, "5").await?;
    Ok(WebSocket::start(socket, Arc::clone(shared), outgoing))
}

async fn probe(socket: &mut Socket) -> Result<(), UpgradeError> {
    send(socket, "2probe").await?;
    match socket.next().await {
        Some(Ok(Message::Text(text))) if text.as_str() == "3probe" => Ok(()),
        Some(Ok(Message::Text(text))) => Err(UpgradeError::Probe(excerpt(text.as_bytes()))),
        Some(Ok(other)) => Err(UpgradeError::Probe(excerpt(format!("{other:?}").as_bytes()))),
        Some(Err(error)) => Err(UpgradeError::Failed(error.to_string())),
        None => Err(UpgradeError::Failed("TCP connection ended".to_owned())),
    }
}

async fn send(socket: &mut Socket, packet: &'static str) -> Result<(), UpgradeError> {
    socket
        .send(Message::text(packet))
        .await
        .map_err(|error| UpgradeError::Failed(error.to_string()))
}
