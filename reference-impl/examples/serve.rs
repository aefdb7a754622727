//! Serves the test application on 127.0.0.1: `PORT` (default 3000) and `VARIANT` come from the environment.

use std::{env, io, net::SocketAddr};

use reference_impl::{Options, Server};

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT")
        .ok()
        .and_then(|port| port.parse().ok())
        .unwrap_or(3000);
    let variant = env::var("VARIANT").unwrap_or_else(|_| "base".into());
    let options = Options::with_variant(&variant).ok_or_else(|| io::Error::other("unknown VARIANT"))?;
    let _server = Server::bind(SocketAddr::from(([127, 0, 0, 1], port)), options).await?;
    std::future::pending().await
}
