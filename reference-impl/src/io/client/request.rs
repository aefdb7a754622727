//! One HTTP request on a connection of its own, and its answer.

use std::{io, pin::pin};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;

use super::url::ServerUrl;

/// The longest body that is read. `maxPayload` is for what a client sends, not for what it receives.
pub(super) const MAX_BODY: usize = 64 << 20;

#[derive(Debug, Error)]
pub(super) enum RequestError {
    #[error("connect to {authority}: {source}")]
    Connect { authority: String, source: io::Error },
    #[error("{method} request: {source}")]
    Http {
        method: http::Method,
        source: hyper::Error,
    },
    #[error("{method} request: the answer is longer than {MAX_BODY} bytes")]
    TooLong { method: http::Method },
}

/// Opens a TCP connection to the server.
pub(super) async fn connect(url: &ServerUrl) -> Result<TcpStream, RequestError> {
    let stream = TcpStream::connect((url.host.as_str(), url.port))
        .await
        .map_err(|source| RequestError::Connect {
            authority: url.authority.clone(),
            source,
        })?;
    // Without it small packets wait for acknowledgements of earlier ones; a socket that refuses works all the same.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Sends a request and reads the whole answer. Redirects are not followed: a session belongs to one server.
pub(super) async fn perform(
    url: &ServerUrl,
    mut request: Request<Bytes>,
) -> Result<Response<Bytes>, RequestError> {
    let method = request.method().clone();
    let failed = |source| RequestError::Http {
        method: method.clone(),
        source,
    };
    let headers = request.headers_mut();
    if let Ok(host) = HeaderValue::from_str(&url.authority) {
        headers.entry(header::HOST).or_insert(host);
    }
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let stream = connect(url).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let exchange = async {
        let response = sender
            .send_request(request.map(Full::new))
            .await
            .map_err(failed)?;
        let (head, body) = response.into_parts();
        let body = read(body)
            .await
            .map_err(failed)?
            .ok_or_else(|| RequestError::TooLong {
                method: method.clone(),
            })?;
        Ok(Response::from_parts(head, body))
    };
    let mut exchange = pin!(exchange);
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        done = &mut exchange => done,
        // The connection may end before its last bytes have been looked at.
        _ = &mut connection => exchange.await,
    }
}

/// `None` if it is too long.
async fn read(mut body: Incoming) -> Result<Option<Bytes>, hyper::Error> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if data.len() > MAX_BODY - bytes.len() {
            return Ok(None);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Some(bytes.freeze()))
}
