//! How a driver introduces itself.

use super::error::{DriverError, rubbish};
use super::message::HelloMessage;
use serde::Deserialize as _;
use serde_json::Value;

/// The version of the protocol.
pub(super) const VERSION: u64 = 1;

/// What a client can do, in the words of the protocol: the needs of client scripts.
pub const CLIENT_WORDS: [&str; 28] = [
    "polling",
    "websocket",
    "upgrade",
    "background-upgrade",
    "namespaces",
    "force-new",
    "binary",
    "ack",
    "ack-timeout",
    "answer",
    "answer-later",
    "auth",
    "auth-function",
    "query",
    "headers",
    "cookies",
    "path",
    "reconnection",
    "reconnection-attempts",
    "reconnection-delay",
    "timeout",
    "volatile",
    "retries",
    "offline-buffer",
    "try-all-transports",
    "recovery",
    "connect-handler",
    "sid",
];

/// How a driver introduces itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The name of the library.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its language.
    pub language: String,
    /// The codecs that it drives, by their names.
    pub codecs: Vec<String>,
    /// Whether it reads the inputs of decoders as raw bytes too.
    pub raw: bool,
    /// What the client that it drives can do, in the words of the protocol; empty where it drives none.
    pub client: Vec<String>,
}

impl Hello {
    /// Reads the first message of a driver.
    pub(super) fn read(message: &Value) -> Result<Self, DriverError> {
        match &message["hello"] {
            Value::Number(version) if version.as_u64() == Some(VERSION) => {}
            Value::Null => {
                let why = format!("expected {{\"hello\":{VERSION},…}}");
                return Err(rubbish(&message.to_string(), "hello", why));
            }
            other => return Err(DriverError::Version(other.to_string())),
        }
        let hello = HelloMessage::deserialize(message)
            .map_err(|error| rubbish(&message.to_string(), "hello", error.to_string()))?;
        Ok(Self {
            name: hello.name,
            version: hello.version,
            language: hello.language,
            codecs: hello.codecs,
            raw: hello.raw,
            client: hello.client,
        })
    }
}
