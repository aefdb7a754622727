//! One TCP connection of a channel, and the task that owns it.
//!
//! Owns reading and writing side by side, stalling, and the ways to end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::inbound::{Flow, Inbound};
use crate::wire::stream::{Stream, describe};
use crate::wire::tap::Tap;

/// How many writes may wait for the target to read.
const OUTBOX: usize = 16;
/// How long a target may take to read what was sent before this side ends the connection.
const PATIENCE: Duration = Duration::from_millis(100);
/// How much is read at once, in bytes.
const READ: usize = 16 * 1024;

/// A connection that is up, or was. Dropping it drops `end`, and the task takes that for a cut.
#[derive(Debug)]
pub(super) struct Connection {
    status: Arc<watch::Sender<Status>>,
    outbox: mpsc::Sender<Vec<u8>>,
    end: Option<oneshot::Sender<End>>,
    task: JoinHandle<()>,
}

/// What is known about a connection.
#[derive(Debug, Default)]
pub(super) struct Status {
    /// Another request, or frame, may be sent over it.
    pub(super) reusable: bool,
    /// It speaks WebSocket.
    pub(super) websocket: bool,
    /// The script sent raw bytes over it.
    pub(super) raw: bool,
    /// Nothing is read for now.
    pub(super) stalled: bool,
    /// How many writes are handed over and not done.
    pub(super) unwritten: usize,
    /// A close frame was sent.
    pub(super) close_sent: bool,
    /// The requests that are not answered yet.
    pub(super) due: VecDeque<Due>,
}

/// A request that is not answered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    /// It is the player's own, not the script's.
    pub(super) own: bool,
    /// Its method is HEAD.
    pub(super) to_head: bool,
}

/// How this side ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Without a word.
    Cut,
    /// With a TCP RST.
    Reset,
}

/// Nothing can be sent any more.
#[derive(Debug)]
pub(super) struct Gone;

impl Connection {
    /// Starts reading from a fresh connection.
    pub(super) fn start(stream: Stream, tap: Tap, stalled: bool) -> Self {
        let status = Arc::new(watch::Sender::new(Status {
            reusable: true,
            stalled,
            ..Status::default()
        }));
        let (outbox, queue) = mpsc::channel(OUTBOX);
        let (end, ended) = oneshot::channel();
        let inbound = Inbound::new(tap, Arc::clone(&status), outbox.clone());
        let task = tokio::spawn(run(stream, inbound, queue, ended, Arc::clone(&status)));
        Self {
            status,
            outbox,
            end: Some(end),
            task,
        }
    }

    /// Hands bytes over to be written, in order.
    pub(super) async fn write(&self, bytes: Vec<u8>) -> Result<(), Gone> {
        let place = self.outbox.reserve().await.map_err(|_| Gone)?;
        self.status.send_modify(|status| status.unwritten += 1);
        place.send(bytes);
        Ok(())
    }

    /// What is known about it.
    pub(super) fn status(&self) -> watch::Ref<'_, Status> {
        self.status.borrow()
    }

    /// Notes that a response is due, unless nothing more can be sent. Whoever sees the end of the connection afterwards
    /// knows then that something was lost.
    pub(super) fn expect(&self, expect: impl FnOnce(&mut Status)) -> Result<(), Gone> {
        let possible = self.status.send_if_modified(|status| {
            if status.reusable {
                expect(status);
            }
            status.reusable
        });
        if possible { Ok(()) } else { Err(Gone) }
    }

    /// Changes what is known about it.
    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(change);
    }

    /// Waits until the status is as asked, or the connection is gone.
    pub(super) async fn wait_for(&self, mut condition: impl FnMut(&Status) -> bool) {
        until(&mut self.status.subscribe(), |status| {
            condition(status) || !status.reusable
        })
        .await;
    }

    /// Waits until what was handed over is written, or the target does not take it.
    pub(super) async fn written(&self) {
        let written = self.wait_for(|status| status.unwritten == 0);
        let _ = tokio::time::timeout(PATIENCE, written).await;
    }

    /// Ends it once what was handed over is written, or the target does not take it. Returns when it is ended.
    pub(super) async fn end(mut self, end: End) {
        self.written().await;
        if let Some(sender) = self.end.take() {
            // Fails when the connection has ended by itself.
            let _ = sender.send(end);
        }
        let _ = (&mut self.task).await;
    }
}

async fn run(
    stream: Stream,
    mut inbound: Inbound,
    queue: mpsc::Receiver<Vec<u8>>,
    ended: oneshot::Receiver<End>,
    status: Arc<watch::Sender<Status>>,
) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let end = tokio::select! {
        biased;
        end = ended => end.unwrap_or(End::Cut),
        () = read(&mut reader, &mut inbound, status.subscribe()) => End::Cut,
        () = write(&mut writer, queue, &status) => End::Cut,
    };
    let stream = reader.unsplit(writer);
    if end == End::Reset {
        // Fails only when the connection is no more.
        let _ = stream.reset_on_drop();
    }
    drop(stream);
    status.send_modify(|status| {
        status.reusable = false;
        status.due.clear();
    });
}

/// Reads until the connection ends or is given up.
async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    inbound: &mut Inbound,
    mut status: watch::Receiver<Status>,
) {
    let mut buffer = BytesMut::new();
    loop {
        until(&mut status, |status| !status.stalled).await;
        buffer.clear();
        buffer.reserve(READ);
        let result = tokio::select! {
            result = stream.read_buf(&mut buffer) => result,
            () = until(&mut status, |status| status.stalled) => continue,
        };
        match result {
            Ok(0) => return inbound.handle_end("TCP connection ended"),
            Ok(_) if inbound.handle(&buffer) == Flow::Stop => return,
            Ok(_) => {}
            Err(error) => return inbound.handle_end(&describe(&error)),
        }
    }
}

/// Writes what is queued, and never returns: that the connection has ended is seen by reading.
async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    mut queue: mpsc::Receiver<Vec<u8>>,
    status: &watch::Sender<Status>,
) {
    while let Some(bytes) = queue.recv().await {
        if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
            break;
        }
        status.send_modify(|status| status.unwritten = status.unwritten.saturating_sub(1));
    }
    drop(queue);
    std::future::pending::<()>().await;
}

async fn until(status: &mut watch::Receiver<Status>, condition: impl FnMut(&Status) -> bool) {
    // Fails when the sender is gone, which ends the task that waits here.
    let _ = status.wait_for(condition).await;
}
