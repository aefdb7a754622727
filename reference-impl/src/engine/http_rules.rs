//! What the head of a request says beyond its query, and how answers are put together.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode, Version,
    header::{self, HeaderName},
    request::Parts,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    config::{Cors, EngineConfig},
    query::RefusalCode,
    server::Refused,
};
use crate::codec::quote;

/// How a request relates to the allowed origin.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Origin {
    /// No `Origin`, or nothing is configured: no header is added.
    #[default]
    None,
    /// The allowed one.
    Allowed,
    /// Any other one.
    Foreign,
}

impl Origin {
    pub(super) fn of(head: &Parts, cors: Option<&Cors>) -> Self {
        match (head.headers.get(header::ORIGIN), cors) {
            (Some(origin), Some(cors)) if origin.as_bytes() == cors.origin.as_bytes() => Self::Allowed,
            (Some(_), Some(_)) => Self::Foreign,
            _ => Self::None,
        }
    }
}

/// Whether the request asks for a WebSocket.
pub(super) fn wants_websocket(head: &Parts) -> bool {
    has_token(&head.headers, header::UPGRADE, "websocket")
        && has_token(&head.headers, header::CONNECTION, "upgrade")
}

/// Whether an HTTP/1.1 request lacks the host that it must name.
pub(super) fn lacks_host(head: &Parts) -> bool {
    head.version == Version::HTTP_11
        && !head.headers.contains_key(header::HOST)
        && head.uri.authority().is_none()
}

/// The 101 that answers a WebSocket handshake, or the refusal of a faulty one.
pub(super) fn accept_websocket(head: &Parts) -> Result<Response<Bytes>, Refused> {
    let version = head
        .headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .map(HeaderValue::as_bytes);
    if version.is_some_and(|version| version != b"13") {
        let mut response = refusal(RefusalCode::BadRequest, None);
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        response
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(Refused::new(response));
    }
    let key = head
        .headers
        .get(header::SEC_WEBSOCKET_KEY)
        .map_or(&b""[..], HeaderValue::as_bytes);
    let key_is_valid = STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16);
    if head.method != Method::GET || head.version != Version::HTTP_11 || version.is_none() || !key_is_valid {
        return Err(Refused::new(refusal(RefusalCode::BadRequest, None)));
    }
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    response
        .headers_mut()
        .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    insert(
        &mut response,
        header::SEC_WEBSOCKET_ACCEPT,
        &derive_accept_key(key),
    );
    Ok(response)
}

/// The answer to a poll or POST that went well.
pub(super) fn success(body: impl Into<Bytes>) -> Response<Bytes> {
    response(StatusCode::OK, "text/plain; charset=UTF-8", body.into())
}

/// A refusal as JSON, with the usual message of its code unless `message` says another.
pub(super) fn refusal(code: RefusalCode, message: Option<&str>) -> Response<Bytes> {
    let mut body = format!("{{\"code\":{},\"message\":", code as u8);
    quote(&mut body, message.unwrap_or_else(|| code.message()));
    body.push('}');
    response(code.status(), "application/json", body.into())
}

/// A refusal that Engine.IO has no code for.
pub(super) fn plain_refusal(status: StatusCode, message: &str) -> Response<Bytes> {
    let mut body = String::from("{\"message\":");
    quote(&mut body, message);
    body.push('}');
    response(status, "application/json", body.into())
}

/// The answer to a preflight request.
pub(super) fn preflight(head: &Parts, origin: Origin) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if origin == Origin::Allowed {
        response.headers_mut().insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET,POST"),
        );
        if let Some(asked) = head.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            response
                .headers_mut()
                .insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
    }
    response
}

/// Adds what a browser needs to show the response to a page of another origin.
pub(super) fn add_cors(response: &mut Response<Bytes>, origin: Origin, config: &EngineConfig) {
    let Some(cors) = &config.cors else { return };
    response
        .headers_mut()
        .append(header::VARY, HeaderValue::from_static("Origin"));
    if origin == Origin::Allowed {
        insert(response, header::ACCESS_CONTROL_ALLOW_ORIGIN, &cors.origin);
        response.headers_mut().insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
}

/// Adds the cookie of a handshake.
pub(super) fn add_cookie(response: &mut Response<Bytes>, config: &EngineConfig, sid: &str) {
    if let Some(name) = &config.cookie {
        insert(
            response,
            header::SET_COOKIE,
            &format!("{name}={sid}; Path=/; HttpOnly; SameSite=Lax"),
        );
    }
}

fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Inserts a header whose value comes from the configuration; one that no header can hold is left out.
fn insert(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}
