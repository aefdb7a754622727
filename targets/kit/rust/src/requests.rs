//! What is asked for, and how it is refused.

use crate::plain_list;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::Duration;

/// Why something was not done: there is no such thing in the library, or the library refused it.
#[derive(Debug)]
pub enum Refusal {
    Unsupported(String),
    Error(String),
}

/// What the driver protocol has and the library has not.
pub fn unsupported(what: impl Into<String>) -> Refusal {
    Refusal::Unsupported(what.into())
}

impl<E: std::error::Error> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Error(error.to_string())
    }
}

/// The transports of a connection.
pub enum Transports {
    Polling,
    WebSocket,
    /// Polling, and the upgrade to WebSocket.
    Both,
}

/// The options of `connect`. A driver takes those that its library has; what is left is unsupported.
pub struct Options(pub(crate) Map<String, Value>);

impl Options {
    /// Takes an option, of any type that JSON can be.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Refusal> {
        let value = self.0.remove(name).map(serde_json::from_value).transpose();
        value.map_err(|error| unsupported(format!("this value of the option {name}: {error}")))
    }

    /// Takes `path` and `query`, which a library of Rust has in the address that it connects to.
    pub fn take_address(&mut self, url: &str) -> Result<String, Refusal> {
        let path: Option<String> = self.take("path")?;
        let query: Option<Map<String, Value>> = self.take("query")?;
        let mut address = format!("{url}{}", path.as_deref().unwrap_or("/socket.io/"));
        for (index, (key, value)) in query.into_iter().flatten().enumerate() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let mark = if index == 0 { '?' } else { '&' };
            address.push_str(&format!("{mark}{}={}", escaped(&key), escaped(&value)));
        }
        Ok(address)
    }

    /// Takes `transports` and `upgrade`.
    pub fn take_transports(&mut self) -> Result<Transports, Refusal> {
        let names: Option<Vec<String>> = self.take("transports")?;
        let names = names.map_or_else(|| "polling websocket".to_owned(), |names| names.join(" "));
        match (names.as_str(), self.take("upgrade")?.unwrap_or(true)) {
            ("polling", _) | ("polling websocket", false) => Ok(Transports::Polling),
            ("polling websocket", true) => Ok(Transports::Both),
            ("websocket", _) => Ok(Transports::WebSocket),
            _ => Err(unsupported(format!("the transports {names}"))),
        }
    }

    /// Takes `emitOnConnect`: an event and its arguments.
    pub fn take_emission(&mut self) -> Result<Option<(String, Vec<Value>)>, Refusal> {
        let list: Option<Vec<Value>> = self.take("emitOnConnect")?;
        let list = plain_list(&list.unwrap_or_default())?;
        Ok(match list.split_first() {
            Some((Value::String(event), args)) => Some((event.clone(), args.to_vec())),
            _ => None,
        })
    }

    /// Refuses what was not taken, but for what asks for nothing.
    pub fn refuse_the_rest(self) -> Result<(), Refusal> {
        let mut rest = self.0.iter().filter(|(_, value)| **value != Value::Bool(false));
        rest.next()
            .map_or(Ok(()), |(name, _)| Err(unsupported(format!("the option {name}"))))
    }
}

/// A part of a query, as a URL has it.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let one = |byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// What is to be emitted. Its values are those of the driver protocol.
pub struct Emission {
    pub event: String,
    pub args: Vec<Value>,
    /// The name under which the acknowledgement is reported.
    pub ack: Option<String>,
    pub timeout: Option<Duration>,
    pub volatile: bool,
}

impl Emission {
    pub(crate) fn of(request: &Value) -> Self {
        let text = |key: &str| request[key].as_str().map(str::to_owned);
        Self {
            event: text("event").unwrap_or_default(),
            args: request["args"].as_array().cloned().unwrap_or_default(),
            ack: text("ack"),
            timeout: request["timeout"].as_u64().map(Duration::from_millis),
            volatile: request["volatile"] == Value::Bool(true),
        }
    }
}
