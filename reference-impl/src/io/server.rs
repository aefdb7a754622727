//! Listening, accepting and shutting down.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::{
    driver::Driver,
    http::{UpgradeSlot, answer},
    websocket,
};
use crate::options::Options;

/// How long to wait before accepting again when the system has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The reference server.
pub struct Server;

impl Server {
    /// Listens on `address` and serves on the current tokio runtime until the handle is shut down or dropped.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on.
    pub async fn bind(address: SocketAddr, options: Options) -> io::Result<ServerHandle> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let driver = Driver::new(&options);
        let task = tokio::spawn(async move {
            tokio::select! {
                () = accept(listener, &driver, &options) => {}
                () = driver.run_timers() => {}
            }
        });
        Ok(ServerHandle { address, task })
    }
}

/// A running server. Dropping it ends the server and all its connections.
#[derive(Debug)]
pub struct ServerHandle {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl ServerHandle {
    /// Where the server listens; with the port that was chosen if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Ends the server and all its connections, and waits until the address is free.
    pub async fn shutdown(mut self) {
        self.task.abort();
        // The only outcome is that the task was cancelled.
        let _ = (&mut self.task).await;
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, driver: &Arc<Driver>, options: &Options) {
    // Dropping the set aborts the tasks in it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, driver.clone(), options.header_timeout));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one TCP connection, first HTTP, then the WebSocket that it may turn into.
async fn serve(stream: TcpStream, driver: Arc<Driver>, header_timeout: Duration) {
    // Without it small packets wait for acknowledgements of earlier ones; a socket that refuses is served all the same.
    let _ = stream.set_nodelay(true);
    let slot = UpgradeSlot::default();
    let service = service_fn(|request| answer(driver.clone(), slot.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // Errors are the client's: it went away, or did not speak HTTP and has been told so.
    let _ = connection.await;
    if let Some((exchange, upgrade)) = slot.take() {
        websocket::run(exchange, upgrade).await;
    }
}
