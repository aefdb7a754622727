//! One WebSocket of a client: its handshake, messages both ways, and an orderly end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use http::{Request, StatusCode};
use tokio::{net::TcpStream, sync::mpsc::UnboundedReceiver};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message as Frame,
        client::IntoClientRequest,
        protocol::{CloseFrame, WebSocketConfig},
    },
};

use super::{
    handle::Shared,
    request::{MAX_BODY, connect},
    url::ServerUrl,
};
use crate::{
    client::engine::Arrival,
    engine::{ExchangeId, Message},
    io::filter::Filtered,
};

type Socket = WebSocketStream<Filtered<TcpStream>>;

/// How long the server may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What a WebSocket is to do.
pub(super) enum Directive {
    Frame(Message),
    Close(u16),
}

/// The directives of one WebSocket, and how many bytes of them wait.
pub(super) struct Directives {
    pub(super) receiver: UnboundedReceiver<Directive>,
    pub(super) queued: Arc<AtomicUsize>,
}

/// Opens a WebSocket and runs it to its end.
pub(super) async fn run(
    shared: &Arc<Shared>,
    exchange: ExchangeId,
    request: Request<()>,
    mut directives: Directives,
) {
    let mut socket = match open(&shared.url, request).await {
        Ok(socket) => socket,
        Err(why) => return shared.arrive(Arrival::Failed(exchange, why)),
    };
    let filters = shared.wire_filters();
    socket.get_mut().set_filters(filters.received, filters.sent);
    shared.arrive(Arrival::WsOpen(exchange));
    let why = converse(shared, exchange, &mut socket, &mut directives).await;
    if let Some(why) = why {
        shared.arrive(Arrival::WsClosed(exchange, why));
    }
    // A server that does not take part in the farewell is left.
    let farewell = async { while let Some(Ok(_)) = socket.next().await {} };
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, farewell).await;
}

async fn open(url: &ServerUrl, request: Request<()>) -> Result<Socket, String> {
    let failed = |error: Error| match error {
        Error::Http(response) => refusal(response.status(), response.body().as_deref().unwrap_or_default()),
        other => format!("WebSocket handshake: {other}"),
    };
    let stream = connect(url).await.map_err(|error| error.to_string())?;
    let target = format!("ws://{}{}", url.authority, request.uri());
    let mut handshake = target.into_client_request().map_err(failed)?;
    handshake.headers_mut().extend(request.into_parts().0.headers);
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(MAX_BODY);
    config.max_frame_size = Some(MAX_BODY);
    let stream = Filtered::new(stream, None);
    let (socket, _) = client_async_with_config(handshake, stream, Some(config))
        .await
        .map_err(failed)?;
    Ok(socket)
}

fn refusal(status: StatusCode, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(&body[..body.len().min(200)]);
    format!(
        "the WebSocket handshake was answered with status {}: {body}",
        status.as_u16()
    )
}

/// Returns how the server ended it, `None` if it was this side.
async fn converse(
    shared: &Arc<Shared>,
    exchange: ExchangeId,
    socket: &mut Socket,
    directives: &mut Directives,
) -> Option<String> {
    loop {
        tokio::select! {
            directive = directives.receiver.recv() => match directive {
                Some(Directive::Frame(message)) => {
                    let size = message.len();
                    if let Err(error) = socket.send(frame_of(message)).await {
                        return Some(format!("the WebSocket broke: {error}"));
                    }
                    directives.queued.fetch_sub(size, Ordering::Relaxed);
                }
                Some(Directive::Close(code)) => {
                    let frame = CloseFrame { code: code.into(), reason: "".into() };
                    // One that is broken is as good as closed.
                    let _ = socket.send(Frame::Close(Some(frame))).await;
                    return None;
                }
                None => return None,
            },
            frame = socket.next() => match frame {
                Some(Ok(Frame::Text(text))) => {
                    shared.arrive(Arrival::Frame(exchange, Message::Text(text.as_str().to_owned())));
                }
                Some(Ok(Frame::Binary(data))) => shared.arrive(Arrival::Frame(exchange, Message::Binary(data))),
                Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_))) => {}
                Some(Ok(Frame::Close(frame))) => {
                    let code = frame.map_or(1005, |frame| u16::from(frame.code));
                    return Some(format!("the server closed the WebSocket with code {code}"));
                }
                Some(Err(error)) => return Some(format!("the WebSocket broke: {error}")),
                None => return Some("the WebSocket ended without a close frame".into()),
            },
        }
    }
}

fn frame_of(message: Message) -> Frame {
    match message {
        Message::Text(text) => Frame::text(text),
        Message::Binary(data) => Frame::binary(data),
    }
}
