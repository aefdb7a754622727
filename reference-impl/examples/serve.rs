//! Serves the test application on 127.0.0.1. From the environment: `PORT` (3000 if not set), `VARIANT` and `FAULT`.

use std::{env, io, net::SocketAddr};

use reference_impl::{Options, Server, faults};

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT")
        .ok()
        .and_then(|port| port.parse().ok())
        .unwrap_or(3000);
    let variant = env::var("VARIANT").unwrap_or_else(|_| "base".into());
    let mut options = Options::with_variant(&variant).ok_or_else(|| {
        io::Error::other(format!("there is no variant `{variant}`: see docs/server-app.md"))
    })?;
    if let Ok(name) = env::var("FAULT") {
        let fault = faults::by_name(&name);
        options.fault = Some(fault.ok_or_else(|| io::Error::other(format!("there is no fault `{name}`")))?);
    }
    let _server = Server::bind(SocketAddr::from(([127, 0, 0, 1], port)), options).await?;
    std::future::pending().await
}
