//! The open packet: what a server says of a new session.

use thiserror::Error;

use crate::{
    codec::{json_field, unquote, validate_json},
    engine::Millis,
};

/// The longest heartbeat that is believed: about 24 days.
const MAX_MILLIS: f64 = 2_147_483_647.0;

/// What an open packet says.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Handshake {
    pub(super) sid: String,
    /// Whether the session may change to WebSocket.
    pub(super) offers_websocket: bool,
    /// `pingInterval` and `pingTimeout` together: how long the server may be silent.
    pub(super) heartbeat: Millis,
    /// The most bytes that a POST of several packets may have.
    pub(super) max_payload: Option<usize>,
}

/// Why an open packet is of no use.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(super) enum HandshakeError {
    #[error("the open packet is not a JSON object")]
    NotAnObject,
    #[error("the open packet has no `sid`, or one that is not a text")]
    Sid,
    #[error("the open packet has no usable `{0}`: expected a number of milliseconds")]
    Number(&'static str),
}

impl Handshake {
    pub(super) fn parse(text: &str) -> Result<Self, HandshakeError> {
        if !text.trim_start().starts_with('{') || validate_json(text).is_err() {
            return Err(HandshakeError::NotAnObject);
        }
        let sid = json_field(text, "sid").and_then(unquote).unwrap_or_default();
        if sid.is_empty() {
            return Err(HandshakeError::Sid);
        }
        let heartbeat = millis(text, "pingInterval")? + millis(text, "pingTimeout")?;
        if heartbeat == 0 {
            return Err(HandshakeError::Number("pingTimeout"));
        }
        let max_payload = json_field(text, "maxPayload").and_then(|number| number.parse::<f64>().ok());
        Ok(Self {
            sid: sid.into_owned(),
            offers_websocket: json_field(text, "upgrades").is_some_and(names_websocket),
            heartbeat,
            max_payload: max_payload
                .filter(|&max| (1.0..1e15).contains(&max))
                .map(|max| max as usize),
        })
    }
}

fn millis(text: &str, key: &'static str) -> Result<Millis, HandshakeError> {
    json_field(text, key)
        .and_then(|number| number.parse::<f64>().ok())
        .filter(|number| number.is_finite() && *number >= 0.0)
        .map(|number| number.min(MAX_MILLIS) as Millis)
        .ok_or(HandshakeError::Number(key))
}

/// Whether `list` is an array with the text `websocket` in it.
fn names_websocket(list: &str) -> bool {
    let inner = list.strip_prefix('[').and_then(|list| list.strip_suffix(']'));
    inner.is_some_and(|inner| {
        crate::codec::ArgumentIter::from(inner).any(|item| unquote(item).as_deref() == Some("websocket"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str =
        r#"{"sid":"s","upgrades":["foo","websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":30}"#;

    #[test]
    fn reads_what_servers_send() {
        let whole = Handshake {
            sid: "s".into(),
            offers_websocket: true,
            heartbeat: 500,
            max_payload: Some(30),
        };
        assert_eq!(Handshake::parse(WHOLE), Ok(whole));
        let other = Handshake::parse(
            r#" {"x":{"sid":1},"pingTimeout":200.9,"pingInterval":1e2,"upgrades":[],"sid":"a\/b"} "#,
        )
        .unwrap();
        assert_eq!((other.sid.as_str(), other.heartbeat), ("a/b", 300));
        assert_eq!((other.offers_websocket, other.max_payload), (false, None));
        let odd = WHOLE
            .replace("30}", "\"x\"}")
            .replace("[\"foo\",\"websocket\"]", "\"websocket\"");
        let odd = Handshake::parse(&odd).unwrap();
        assert_eq!((odd.offers_websocket, odd.max_payload), (false, None));
    }

    #[test]
    fn refuses_what_cannot_be_a_session() {
        use HandshakeError as E;
        for (text, error) in [
            ("{bad", E::NotAnObject),
            ("null", E::NotAnObject),
            ("[]", E::NotAnObject),
            ("", E::NotAnObject),
            ("{}", E::Sid),
            (r#"{"sid":1}"#, E::Sid),
            (r#"{"sid":""}"#, E::Sid),
            (r#"{"sid":"s"}"#, E::Number("pingInterval")),
            (
                r#"{"sid":"s","pingInterval":-1,"pingTimeout":1}"#,
                E::Number("pingInterval"),
            ),
            (
                r#"{"sid":"s","pingInterval":1,"pingTimeout":"x"}"#,
                E::Number("pingTimeout"),
            ),
            (
                r#"{"sid":"s","pingInterval":1,"pingTimeout":1e400}"#,
                E::Number("pingTimeout"),
            ),
            (
                r#"{"sid":"s","pingInterval":0,"pingTimeout":0}"#,
                E::Number("pingTimeout"),
            ),
        ] {
            assert_eq!(Handshake::parse(text), Err(error), "{text}");
        }
    }
}
