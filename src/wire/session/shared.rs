//! What the tasks of a session share: where they record, whether they may read, and whether the session is over.
//!
//! Owns the meaning of the few packets that a session handles by itself: pings, where the heartbeat is automatic,
//! and the close packet.

use std::future::Future;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::notation::Heartbeat;
use crate::transcript::{Event, Frame, Side, Wire};
use crate::wire::payload::Packet;
use crate::wire::tap::{LimitReached, Tap};
use crate::wire::websocket_frame as frame;

/// How much of the body of a refusal is kept for the reader of the transcript, in bytes.
const EXCERPT: usize = 200;

/// What the tasks of a session share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) tap: Tap,
    heartbeat: Heartbeat,
    status: watch::Sender<Status>,
    /// One entry for each ping that is to be answered.
    pongs: mpsc::Sender<()>,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Status {
    /// Nothing is read for now.
    pub(super) stalled: bool,
    /// The player closes it: what still comes is read, nothing more is asked for.
    pub(super) closing: bool,
    /// It has ended.
    pub(super) over: bool,
    /// How much was handed over and is not sent.
    pub(super) unsent: usize,
}

/// Whether reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    Stop,
}

impl Shared {
    pub(super) fn new(tap: Tap, heartbeat: Heartbeat, pongs: mpsc::Sender<()>) -> Self {
        Self {
            tap,
            heartbeat,
            status: watch::Sender::new(Status::default()),
            pongs,
        }
    }

    /// Where the session stands.
    pub(super) fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Changes where it stands.
    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(change);
    }

    /// Waits until it stands so.
    pub(super) async fn wait_for(&self, condition: impl FnMut(&Status) -> bool) {
        // Fails only when the sender is gone, which is `self`.
        let _ = self.status.subscribe().wait_for(condition).await;
    }

    /// Drives a future only while the session is not stalled.
    pub(super) async fn while_reading<F: Future>(&self, future: F) -> F::Output {
        tokio::pin!(future);
        loop {
            self.wait_for(|status| !status.stalled).await;
            tokio::select! {
                biased;
                () = self.wait_for(|status| status.stalled) => {}
                output = &mut future => return output,
            }
        }
    }

    /// Takes the packets that came at once; a close packet among them ends the session, after all are recorded.
    pub(super) fn handle(&self, packets: Vec<Packet>) -> Result<Flow, LimitReached> {
        let mut flow = Flow::Go;
        for packet in packets {
            if self.handle_packet(packet)? == Flow::Stop {
                flow = Flow::Stop;
            }
        }
        if flow == Flow::Stop {
            self.end(Side::Target, "close packet", None);
        }
        Ok(flow)
    }

    fn handle_packet(&self, packet: Packet) -> Result<Flow, LimitReached> {
        let text = match packet {
            Packet::Binary(bytes) => {
                self.tap.post(Event::Received(Wire::Binary(bytes)))?;
                return Ok(Flow::Go);
            }
            Packet::Text(text) => match String::from_utf8(text) {
                Ok(text) => text,
                Err(error) => {
                    let payload = error.into_bytes();
                    let frame = Frame {
                        masked: false,
                        ..frame::message(frame::TEXT, payload)
                    };
                    self.tap.post(Event::Received(Wire::Frame(frame)))?;
                    return Ok(Flow::Go);
                }
            },
        };
        let (ping, close) = (text == "2", text == "1");
        self.tap.post(Event::Received(Wire::Text(text)))?;
        if ping && self.heartbeat == Heartbeat::Auto {
            let answered = self.pongs.try_send(()).is_ok();
            let note = if answered {
                "answered the ping"
            } else {
                "left the ping: earlier ones are not answered"
            };
            self.note(note)?;
        }
        Ok(if close { Flow::Stop } else { Flow::Go })
    }

    /// Records something for the reader of the transcript.
    pub(super) fn note(&self, note: impl Into<String>) -> Result<(), LimitReached> {
        self.tap.post(Event::Note(note.into()))
    }

    /// Records the end of the session, unless it has ended before.
    pub(super) fn end(&self, by: Side, how: impl Into<String>, code: Option<u16>) {
        if self.becomes_over() {
            self.tap.closed(by, how, code);
        }
    }

    /// Records that the player gave up because the case has received as much as it may.
    pub(super) fn stop(&self, limit: &LimitReached) {
        if self.becomes_over() {
            self.tap.stopped(limit);
        }
    }

    /// The player ended it: nothing is recorded.
    pub(super) fn becomes_over(&self) -> bool {
        self.status
            .send_if_modified(|status| !std::mem::replace(&mut status.over, true))
    }
}

/// The beginning of a body, as text.
pub(super) fn excerpt(body: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]).into_owned();
    if body.len() > EXCERPT {
        format!("{shown}…")
    } else {
        shown
    }
}

/// A task that ends with its handle.
#[derive(Debug)]
pub(super) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub(super) fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }

    /// Its result; `None` when it was aborted or panicked. To be asked for once.
    pub(super) async fn join(&mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }

    /// Ends it, and returns when whatever it held is dropped.
    pub(super) async fn end(mut self) {
        self.0.abort();
        self.join().await;
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
