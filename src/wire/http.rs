//! HTTP requests: the client for polite polling, and requests written byte by byte for channels.
//!
//! Owns what a request of a channel looks like on the wire. Reading what comes back is `response`'s work.

use std::time::Duration;

use super::{Endpoint, tls};
use crate::transcript::Request;

/// The value by which a script leaves a header out that would be sent otherwise.
const ABSENT: &str = "absent";

/// The key that every WebSocket handshake of a channel sends: the example of RFC 6455, so that transcripts repeat.
const WEBSOCKET_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The client that polling sessions share: no proxy of the machine, no redirects, no connection kept for long.
pub fn http_client(insecure: bool) -> reqwest::Client {
    tls::install();
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_idle_timeout(Duration::from_secs(1))
        .tcp_nodelay(true)
        .http1_only();
    // Building fails only for a TLS backend that reqwest does not know, or a proxy that cannot be read.
    tls::preconfigure(builder, insecure)
        .build()
        .expect("the options of the HTTP client are fixed")
}

/// An ordinary request, with its target resolved, as bytes. The caller's headers replace the ones that would be sent.
pub(super) fn encode(endpoint: &Endpoint, request: &Request) -> Vec<u8> {
    let mut defaults = vec![
        ("Host", endpoint.authority()),
        ("User-Agent", "siospec".to_owned()),
    ];
    let chunked = request.headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding") && value.to_ascii_lowercase().contains("chunked")
    });
    let has_body = !request.body.is_empty() || matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
    if has_body {
        defaults.push(("Content-Type", "text/plain;charset=UTF-8".to_owned()));
        if !chunked {
            defaults.push(("Content-Length", request.body.len().to_string()));
        }
    }
    let mut bytes = head(request, &defaults);
    if chunked && has_body {
        if !request.body.is_empty() {
            bytes.extend_from_slice(format!("{:x}\r\n", request.body.len()).as_bytes());
            bytes.extend_from_slice(&request.body);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
    } else {
        bytes.extend_from_slice(&request.body);
    }
    bytes
}

/// The request of a WebSocket handshake as bytes.
pub(super) fn encode_websocket(endpoint: &Endpoint, request: &Request) -> Vec<u8> {
    let defaults = [
        ("Host", endpoint.authority()),
        ("Upgrade", "websocket".to_owned()),
        ("Connection", "Upgrade".to_owned()),
        ("Sec-WebSocket-Version", "13".to_owned()),
        ("Sec-WebSocket-Key", WEBSOCKET_KEY.to_owned()),
    ];
    let mut bytes = head(request, &defaults);
    bytes.extend_from_slice(&request.body);
    bytes
}

fn head(request: &Request, defaults: &[(&str, String)]) -> Vec<u8> {
    let overridden = |name: &str| {
        request
            .headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    let defaults = defaults
        .iter()
        .filter(|(name, _)| !overridden(name))
        .map(|(name, value)| (*name, value));
    let given = request.headers.iter().map(|(name, value)| (name.as_str(), value));
    for (name, value) in defaults.chain(given).filter(|(_, value)| *value != ABSENT) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(method: &str, headers: &[(&str, &str)], body: &str) -> String {
        let endpoint = Endpoint::parse("http://localhost:3000").unwrap();
        let headers = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        let target = endpoint.resolve_target("?EIO=4");
        let request = Request {
            method: method.to_owned(),
            target,
            headers,
            body: body.into(),
        };
        String::from_utf8(encode(&endpoint, &request)).unwrap()
    }

    #[test]
    fn a_get_has_no_body_headers() {
        assert_eq!(
            encoded("GET", &[], ""),
            "GET /socket.io/?EIO=4 HTTP/1.1\r\nHost: localhost:3000\r\nUser-Agent: siospec\r\n\r\n"
        );
    }

    #[test]
    fn headers_are_replaced_left_out_and_sent_as_written() {
        let text = encoded(
            "POST",
            &[("content-TYPE", "x"), ("Host", "absent"), ("ORIGIN", "http://a")],
            "40",
        );
        assert_eq!(
            text,
            "POST /socket.io/?EIO=4 HTTP/1.1\r\nUser-Agent: siospec\r\nContent-Length: 2\r\ncontent-TYPE: x\r\nORIGIN: http://a\r\n\r\n40"
        );
    }

    #[test]
    fn a_chunked_body_is_chunked() {
        let text = encoded("POST", &[("Transfer-Encoding", "chunked")], "0123456789");
        assert!(!text.contains("Content-Length"), "{text}");
        assert!(text.ends_with("\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"), "{text}");
    }
}
