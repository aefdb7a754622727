//! A way to a server that can be cut: connections through it are lost, and new ones are made.

use std::io;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// A listener that passes everything on. Dropping it ends what goes through it.
#[derive(Debug)]
pub(super) struct Relay {
    /// Its address, in place of that of the server.
    pub(super) url: String,
    cuts: watch::Sender<u32>,
    task: AbortHandle,
}

impl Relay {
    /// Listens on a free port, for the server at `url`.
    pub(super) async fn start(url: &str) -> io::Result<Self> {
        let server = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (cuts, cut) = watch::channel(0);
        let task = tokio::spawn(relay(listener, server, cut)).abort_handle();
        Ok(Self { url, cuts, task })
    }

    /// Ends all connections at once.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(listener: TcpListener, server: String, mut cut: watch::Receiver<u32>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((mut client, _)) = accepted else { return };
                let server = server.clone();
                connections.spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(server).await {
                        let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
            changed = cut.changed() => {
                if changed.is_err() {
                    return;
                }
                connections.shutdown().await;
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
