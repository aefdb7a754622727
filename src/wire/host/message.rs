//! What a client does, and what it is answered: as the player has it, and as HTTP has it.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};

use crate::transcript::{Frame, Request};
use crate::wire::tap::Tap;

/// Something that a client did.
#[derive(Debug)]
pub struct Arrived {
    /// Milliseconds since the case started.
    pub at: f64,
    /// The number of the request that it began with, from 1.
    pub exchange: u64,
    /// What.
    pub what: What,
}

/// What a client did.
#[derive(Debug)]
pub enum What {
    /// It asked for something, and waits for the answer.
    Request(Request),
    /// It sent a frame over the WebSocket which came of the request.
    Frame(Frame),
    /// It gave up waiting, or ended the WebSocket: how, and the code of its close frame.
    Gone(String, Option<u16>),
    /// The case has received as much as it may.
    TooMuch(String),
}

/// An answer to a request; with status 101 it accepts a WebSocket.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers besides those that HTTP needs.
    pub headers: Vec<(String, String)>,
    /// The body, in bytes.
    pub body: Vec<u8>,
}

/// The request as the record shows it.
pub(super) async fn describe(request: hyper::Request<Incoming>, tap: &Tap) -> Result<Request, String> {
    let (parts, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while !body.is_end_stream() {
        match body.frame().await {
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                tap.charge(data.len()).map_err(|limit| limit.to_string())?;
                bytes.extend_from_slice(&data);
            }
            // A body that breaks off: who waits for the answer is gone as well.
            Some(Err(_)) | None => break,
        }
    }
    let headers = parts.headers.iter();
    Ok(Request {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: headers
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body: bytes,
    })
}

/// An answer as it is sent. `key` is that of a WebSocket handshake.
pub(super) fn response(answer: Answer, key: Option<Vec<u8>>) -> hyper::Response<Full<Bytes>> {
    let mut builder = hyper::Response::builder().status(answer.status);
    if let (101, Some(key)) = (answer.status, key) {
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(&key);
        builder = builder
            .header("upgrade", "websocket")
            .header("connection", "Upgrade")
            .header("sec-websocket-accept", accept);
    }
    for (name, value) in answer.headers {
        builder = builder.header(name, value);
    }
    // What is no header at all is left out: the script is told so when it is read.
    builder
        .body(Full::new(Bytes::from(answer.body)))
        .unwrap_or_default()
}
