//! One HTTP request: its head to the stack, its body if the stack wants it, the answer back.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, upgrade::OnUpgrade};

use super::driver::{Directive, Driver, Exchange};

/// How long the rest of a refused body is read, so that the client gets to see the refusal.
const DRAIN: Duration = Duration::from_secs(2);

/// Where a request that became a WebSocket is left for the connection's task.
#[derive(Clone, Default)]
pub(super) struct UpgradeSlot(Arc<Mutex<Option<(Exchange, OnUpgrade)>>>);

impl UpgradeSlot {
    pub(super) fn take(&self) -> Option<(Exchange, OnUpgrade)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, exchange: Exchange, upgrade: OnUpgrade) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((exchange, upgrade));
    }
}

/// Answers one request.
pub(super) async fn answer(
    driver: Arc<Driver>,
    slot: UpgradeSlot,
    mut request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, body) = request.into_parts();
    let mut exchange = driver.begin();
    exchange.handle_request(head);
    let response = match exchange.next().await {
        Some(Directive::Respond(response)) => response,
        Some(Directive::ReadBody { limit }) => answer_body(&mut exchange, body, limit).await,
        Some(Directive::Accept(response)) => {
            slot.put(exchange, upgrade);
            response
        }
        Some(Directive::Frame(_) | Directive::Close(_)) | None => unanswered(),
    };
    Ok(response.map(Full::new))
}

/// Brings the body to the stack, unless the stack answers before it has come.
async fn answer_body(exchange: &mut Exchange, mut body: Incoming, limit: usize) -> Response<Bytes> {
    let read = tokio::select! {
        read = read_body(&mut body, limit) => read,
        directive = exchange.next() => return response_of(directive),
    };
    match read {
        Ok(bytes) => exchange.handle_body(bytes),
        Err(BodyError::TooLarge) => {
            exchange.handle_body_too_large();
            tokio::spawn(tokio::time::timeout(DRAIN, drain(body)));
        }
        // Dropping the exchange tells the stack; nobody is there to read the answer.
        Err(BodyError::Broken) => return unanswered(),
    }
    response_of(exchange.next().await)
}

enum BodyError {
    TooLarge,
    Broken,
}

async fn read_body(body: &mut Incoming, limit: usize) -> Result<Bytes, BodyError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        if data.len() > limit - bytes.len() {
            return Err(BodyError::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

fn response_of(directive: Option<Directive>) -> Response<Bytes> {
    match directive {
        Some(Directive::Respond(response)) => response,
        _ => unanswered(),
    }
}

/// For a request that the stack will not answer: its session is gone.
fn unanswered() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
