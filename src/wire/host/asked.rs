//! What a request asks for: its path and the parameters that Engine.IO knows.

use super::message::Answer;
use crate::transcript::Request;
use std::borrow::Cow;
use url::form_urlencoded;

/// The parts of a request that matter.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) version: String,
    pub(super) transport: String,
    pub(super) sid: Option<String>,
    /// It asks for a WebSocket.
    pub(super) upgrades: bool,
}

impl Asked {
    pub(super) fn read(request: &Request) -> Self {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let mut asked = Self {
            path: path.to_owned(),
            upgrades: is_upgrade(request),
            ..Self::default()
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "EIO" => asked.version = value.into_owned(),
                "transport" => asked.transport = value.into_owned(),
                "sid" => asked.sid = Some(value.into_owned()),
                _ => {}
            }
        }
        asked
    }
}

/// Whether a request asks for a WebSocket.
pub fn is_upgrade(request: &Request) -> bool {
    let mut headers = request.headers.iter();
    headers
        .any(|(name, value)| name.eq_ignore_ascii_case("upgrade") && value.eq_ignore_ascii_case("websocket"))
}

/// The value of a parameter of a request's query.
pub fn parameter<'a>(target: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let (_, query) = target.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

/// An answer that refuses.
pub(super) fn refusal(status: u16, body: &str) -> Answer {
    Answer {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.as_bytes().to_vec(),
    }
}
