//! The session as a script sees it: send packets, upgrade, and the ways to end.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc;

use super::open::{self, OpenError, Opened, Transport};
use super::outgoing::Out;
use super::shared::Shared;
use super::upgrade::{self, UpgradeError};
use crate::notation::{Heartbeat, Over};
use crate::transcript::Handshake;
use crate::wire::payload::Packet;
use crate::wire::{Endpoint, Tap};

/// How long a target may take to read what was sent before this side goes on with the end of the connection.
const CUT: Duration = Duration::from_millis(100);
/// How long the polite end of a session may take after the case.
const SHUTDOWN: Duration = Duration::from_millis(20);

/// An Engine.IO session with the target.
///
/// What comes is posted to the tap: every packet, pings and noops too, and the end, once. Dropping the session ends
/// its connections.
#[derive(Debug)]
pub struct Session {
    endpoint: Endpoint,
    handshake: Handshake,
    shared: Arc<Shared>,
    script: mpsc::Sender<Out>,
    transport: Transport,
}

/// Nothing can be sent, because the session has ended.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("send on this session: it has ended")]
pub struct SessionEnded;

impl Session {
    /// Opens a session. The caller bounds the time; dropping the future leaves nothing behind.
    pub async fn open(
        endpoint: &Endpoint,
        http: &reqwest::Client,
        over: Over,
        heartbeat: Heartbeat,
        tap: Tap,
    ) -> Result<Self, OpenError> {
        let Opened {
            handshake,
            shared,
            script,
            transport,
        } = open::open(endpoint, http, over, heartbeat, tap).await?;
        let mut session = Self {
            endpoint: endpoint.clone(),
            handshake,
            shared,
            script,
            transport,
        };
        if over == Over::Upgraded {
            session.upgrade().await?;
        }
        Ok(session)
    }

    /// What the handshake announced; `over` is `upgraded` once the session is.
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// Whether the session has ended, by whomever.
    pub fn is_over(&self) -> bool {
        self.shared.status().over
    }

    /// Hands packets over to be sent, in order. Waits only when the target is many packets behind.
    pub async fn send(&mut self, packets: Vec<Packet>) -> Result<(), SessionEnded> {
        for packet in packets {
            self.hand_over(Out::Packet(packet)).await?;
        }
        Ok(())
    }

    /// Upgrades to WebSocket, in the middle of the traffic: probes, waits until the running poll and POST are
    /// answered, and sends what is left over the WebSocket. When the probe fails, the session goes on polling; when the
    /// future is dropped after it, the session can only be ended.
    pub async fn upgrade(&mut self) -> Result<(), UpgradeError> {
        let Transport::Polling(polling) = &mut self.transport else {
            return Err(UpgradeError::NotPolling);
        };
        let upgraded = upgrade::upgrade(&self.endpoint, &self.handshake.sid, polling, &self.shared).await?;
        self.transport = Transport::WebSocket(upgraded);
        self.handshake.over = "upgraded".to_owned();
        Ok(())
    }

    /// Closes in order: a close frame, or the packet `1`. What the target still sends, and how it ends, is recorded. The close
    /// frame is on its way then. Over polling the target has answered the packet: it may go over a new connection, and what a
    /// script does next over one that is read before.
    pub async fn close(&mut self, code: Option<u16>) {
        // Fails when the session has ended, which is what was wanted.
        let _ = self.hand_over(Out::Close(code)).await;
        self.shared.update(|status| status.closing = true);
        self.sent_within(CUT).await;
    }

    /// Ends the TCP connections without a word, after what was handed over is sent. A WebSocket has ended when this returns,
    /// so that what a script does next comes later; of polling the requests are given up, and the HTTP client ends its side.
    pub async fn cut(&mut self) {
        self.sent_within(CUT).await;
        self.shared.becomes_over();
        match std::mem::replace(&mut self.transport, Transport::Ended) {
            Transport::WebSocket(websocket) => websocket.cut().await,
            Transport::Polling(polling) => polling.cut().await,
            Transport::Ended => {}
        }
    }

    /// Ends the TCP connections with an RST. Over polling they are cut: the HTTP client offers no RST.
    pub async fn reset(&mut self) {
        self.sent_within(CUT).await;
        self.shared.becomes_over();
        match std::mem::replace(&mut self.transport, Transport::Ended) {
            Transport::WebSocket(websocket) => websocket.reset().await,
            // Fails when the case has as many entries as it may.
            Transport::Polling(_) => drop(self.shared.note("cut instead of reset: this session polls")),
            Transport::Ended => {}
        }
    }

    /// Stops reading.
    pub fn stall(&mut self) {
        self.shared.update(|status| status.stalled = true);
    }

    /// Reads again.
    pub fn resume(&mut self) {
        self.shared.update(|status| status.stalled = false);
    }

    /// Ends the session after its case: politely, but without waiting for a target that does not answer.
    pub async fn shutdown(mut self) {
        if !self.is_over() {
            let politely = async {
                self.close(None).await;
                self.shared
                    .wait_for(|status| status.unsent == 0 || status.over)
                    .await;
            };
            let _ = tokio::time::timeout(SHUTDOWN, politely).await;
        }
    }

    async fn hand_over(&mut self, out: Out) -> Result<(), SessionEnded> {
        if self.is_over() {
            return Err(SessionEnded);
        }
        let place = tokio::select! {
            biased;
            place = self.script.reserve() => place.map_err(|_| SessionEnded)?,
            () = self.shared.wait_for(|status| status.over) => return Err(SessionEnded),
        };
        self.shared.update(|status| status.unsent += 1);
        place.send(out);
        Ok(())
    }

    async fn sent_within(&self, patience: Duration) {
        let sent = self.shared.wait_for(|status| status.unsent == 0 || status.over);
        let _ = tokio::time::timeout(patience, sent).await;
    }
}
