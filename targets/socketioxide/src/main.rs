//! The test application of docs/server-app.md on socketioxide and axum.

mod app;
mod args;
mod counts;

use std::env;
use std::time::Duration;

use socketioxide::{SocketIo, TransportType};

// Each handler is a task. On one thread they run in the order in which they were spawned, that is in the order of the
// events; on several threads the answers to two events could overtake each other.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = SocketIo::builder()
        .ping_interval(ms(300))
        .ping_timeout(ms(200))
        .connect_timeout(ms(1000))
        .max_payload(1_000_000)
        .ws_max_message_size(1_000_000)
        .ws_max_frame_size(1_000_000)
        .max_buffer_size(20_000); // packets, of which `burst` sends up to 10,000 at once
    builder = match env::var("VARIANT").unwrap_or_default().as_str() {
        "" => builder,
        "polling-only" => builder.transports([TransportType::Polling]),
        "websocket-only" => builder.transports([TransportType::Websocket]),
        "upgrade-timeout" => builder.upgrade_timeout(ms(300)),
        "slow-heartbeat" => builder
            .ping_interval(ms(25_000))
            .ping_timeout(ms(20_000))
            .connect_timeout(ms(45_000)),
        other => return Err(format!("unknown VARIANT {other}").into()),
    };
    let (layer, io) = builder.build_layer();

    app::register(&io)?;

    let address = format!("127.0.0.1:{}", env::var("PORT")?);
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
