//! One TCP connection that a client opened, and the ways to end it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// A connection whose end can be made a TCP reset.
#[derive(Debug)]
pub(super) struct Io {
    tcp: TcpStream,
    reset: Arc<AtomicBool>,
}

/// How a connection is ended from outside the task that owns it.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    reset: Arc<AtomicBool>,
    ended: Arc<watch::Sender<bool>>,
}

impl Io {
    pub(super) fn new(tcp: TcpStream) -> (Self, Ending) {
        let reset = Arc::new(AtomicBool::new(false));
        let ending = Ending {
            reset: Arc::clone(&reset),
            ended: Arc::new(watch::Sender::new(false)),
        };
        (Self { tcp, reset }, ending)
    }
}

impl Ending {
    /// Ends the connection without a word, or with a TCP reset.
    pub(super) fn end(&self, reset: bool) {
        self.reset.store(reset, Ordering::SeqCst);
        self.ended.send_replace(true);
    }

    /// Waits until somebody asked for the end.
    pub(super) async fn wanted(&self) {
        // Fails only when the sender is gone, which is `self`.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        if self.reset.load(Ordering::SeqCst) {
            // Fails only when the connection is no more.
            let _ = self.tcp.set_zero_linger();
        }
    }
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}
