//! The first word with a target, and whether it still answers: one polling handshake, looked at from outside.
//!
//! This decides only whether there is somebody to test. What a handshake must look like is the cases' business.

use crate::wire::Endpoint;
use std::time::{Duration, Instant};

/// How much of a body is read.
const BODY_LIMIT: usize = 4 * 1024;
/// How long the answer to a WebSocket handshake may take.
const WEBSOCKET_PATIENCE: Duration = Duration::from_secs(2);

/// How somebody answered the request for a handshake.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The content type; empty without one.
    pub content_type: String,
    /// The first 4 KiB of the body, as text.
    pub body: String,
    /// What the handshake announced, where the answer is one.
    pub announced: Option<Announced>,
}

/// What a handshake announced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Announced {
    /// The ping interval in milliseconds.
    pub ping_interval: f64,
    /// The ping timeout in milliseconds.
    pub ping_timeout: f64,
}

impl Announced {
    /// What `docs/server-app.md` asks for.
    pub(super) const DOCUMENTED: Self = Self {
        ping_interval: 300.0,
        ping_timeout: 200.0,
    };
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody accepts a connection.
    #[error("nobody accepts connections: {0}")]
    NoConnection(String),
    /// A connection was accepted, and nothing came.
    #[error("a connection is accepted, but no HTTP answer came within {} ms", .0.as_millis())]
    Silence(Duration),
    /// Something came that is no HTTP answer, or the connection ended before one.
    #[error("a connection is accepted, but the answer is not HTTP: {0}")]
    NotHttp(String),
}

/// Asks for a polling handshake, and waits for the head of the answer and the first of its body.
///
/// # Errors
/// Where no HTTP answer came within `patience`.
pub(super) async fn ask(
    client: &reqwest::Client,
    server: &Endpoint,
    patience: Duration,
) -> Result<Answer, NoAnswer> {
    let deadline = Instant::now() + patience;
    let url = server.url("?EIO=4&transport=polling");
    let sent = tokio::time::timeout(patience, client.get(url).send()).await;
    let response = match sent {
        Err(_) => return Err(NoAnswer::Silence(patience)),
        Ok(Err(error)) if error.is_connect() => return Err(NoAnswer::NoConnection(innermost(&error))),
        Ok(Err(error)) => return Err(NoAnswer::NotHttp(innermost(&error))),
        Ok(Ok(response)) => response,
    };
    let status = response.status().as_u16();
    let content_type = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let body = beginning(response, deadline).await;
    let announced = if status == 200 { announced(&body) } else { None };
    Ok(Answer {
        status,
        content_type,
        body,
        announced,
    })
}

/// Whether a WebSocket can be opened: the second opinion on who answers like an ordinary web server.
pub(super) async fn speaks_websocket(client: &reqwest::Client, server: &Endpoint) -> bool {
    let request = client
        .get(server.url("?EIO=4&transport=websocket"))
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "c2lvc3BlYyBzZWNvbmQgMQ==");
    let answered = tokio::time::timeout(WEBSOCKET_PATIENCE, request.send()).await;
    matches!(answered, Ok(Ok(response)) if response.status().as_u16() == 101)
}

/// The first of a body, as far as it comes before the deadline.
async fn beginning(mut response: reqwest::Response, deadline: Instant) -> String {
    let mut body = Vec::new();
    while body.len() < BODY_LIMIT {
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk[..chunk.len().min(BODY_LIMIT - body.len())]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

fn announced(body: &str) -> Option<Announced> {
    let packet = body.split('\x1e').next()?.strip_prefix('0')?;
    let open: serde_json::Value = serde_json::from_str(packet).ok()?;
    Some(Announced {
        ping_interval: open.get("pingInterval")?.as_f64()?,
        ping_timeout: open.get("pingTimeout")?.as_f64()?,
    })
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http_client;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers one connection with these bytes, then closes it, or holds it open.
    async fn answering(bytes: &'static [u8], hold: bool) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes).await;
            if hold {
                let _ = stream.read(&mut request).await;
            }
        });
        Endpoint::parse(&format!("http://127.0.0.1:{port}")).unwrap()
    }

    async fn ask_once(bytes: &'static [u8], hold: bool, patience: u64) -> Result<Answer, NoAnswer> {
        let url = answering(bytes, hold).await;
        ask(&http_client(false), &url, Duration::from_millis(patience)).await
    }

    #[tokio::test]
    async fn a_handshake_tells_its_timers() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 55\r\n\r\n0{\"sid\":\"a\",\"pingInterval\":25000,\"pingTimeout\":20000.0}";
        let answer = ask_once(answer, false, 5_000).await.unwrap();
        assert_eq!(
            answer.announced,
            Some(Announced {
                ping_interval: 25_000.0,
                ping_timeout: 20_000.0
            })
        );
    }

    #[tokio::test]
    async fn html_is_an_answer_and_no_handshake() {
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p>!";
        let answer = ask_once(answer, false, 5_000).await.unwrap();
        assert_eq!((answer.status, answer.content_type.as_str()), (404, "text/html"));
        assert_eq!(answer.announced, None);
    }

    #[tokio::test]
    async fn what_is_no_answer_says_what_it_is() {
        assert!(matches!(ask_once(b"", true, 50).await, Err(NoAnswer::Silence(_))));
        assert!(matches!(
            ask_once(b"SSH-2.0-x\r\n", false, 5_000).await,
            Err(NoAnswer::NotHttp(_))
        ));
        assert!(matches!(
            ask_once(b"", false, 5_000).await,
            Err(NoAnswer::NotHttp(_))
        ));
        let nobody = Endpoint::parse(&format!(
            "http://127.0.0.1:{}/",
            super::super::port::free().unwrap()
        ))
        .unwrap();
        let nobody = ask(&http_client(false), &nobody, Duration::from_secs(5)).await;
        assert!(matches!(nobody, Err(NoAnswer::NoConnection(_))));
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_cut() {
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
        assert_eq!(ask_once(answer, true, 200).await.unwrap().body, "abc");
    }
}
