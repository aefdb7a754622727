//! The options of `connect`, read strictly: an option that is not known is never just ignored.

use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::values::{Problem, json_of};
use crate::{client::ClientOptions, client::socket::Auth, engine::Transport};

/// What a `connect` asks for.
pub(super) struct ConnectOptions {
    pub(super) client: ClientOptions,
    pub(super) auth: Option<Auth>,
    pub(super) force_new: bool,
    /// An event and its arguments.
    pub(super) emit_on_connect: Option<(String, Vec<Value>)>,
    pub(super) defaults: Defaults,
}

/// What the emissions of a namespace have unless they say otherwise.
#[derive(Clone, Copy, Default)]
pub(super) struct Defaults {
    pub(super) retries: u32,
    pub(super) ack_timeout: Option<u64>,
}

impl ConnectOptions {
    pub(super) fn read(options: &Map<String, Value>) -> Result<Self, Problem> {
        let mut read = Self {
            client: ClientOptions {
                reconnection: false,
                randomization_factor: 0.0,
                ..ClientOptions::default()
            },
            auth: None,
            force_new: false,
            emit_on_connect: None,
            defaults: Defaults::default(),
        };
        let mut auth = None;
        let mut is_function = false;
        for (key, value) in options {
            match key.as_str() {
                "auth" => auth = Some(value.clone()),
                "authFunction" => is_function = flag(key, value)?,
                "forceNew" => read.force_new = flag(key, value)?,
                "emitOnConnect" => read.emit_on_connect = Some(event(key, value)?),
                "retries" => read.defaults.retries = u32::try_from(number(key, value)?).unwrap_or(u32::MAX),
                "ackTimeout" => read.defaults.ack_timeout = Some(number(key, value)?),
                _ => read_client_option(&mut read.client, key, value)?,
            }
        }
        read.auth = match (auth, is_function) {
            (auth, true) => Some(counting(auth)?),
            (Some(auth), false) => {
                let payload = json_of(&auth)?;
                Some(Box::new(move || Some(payload.clone())))
            }
            (None, false) => None,
        };
        Ok(read)
    }
}

fn read_client_option(client: &mut ClientOptions, key: &str, value: &Value) -> Result<(), Problem> {
    match key {
        "path" => client.path = format!("{}/", text(key, value)?.trim_end_matches('/')),
        "transports" => client.transports = transports(value)?,
        "upgrade" => client.upgrade = flag(key, value)?,
        "query" => client.query = pairs(key, value)?,
        "headers" => {
            client.headers = pairs(key, value)?
                .iter()
                .map(|(name, value)| {
                    Some((
                        name.parse::<HeaderName>().ok()?,
                        value.parse::<HeaderValue>().ok()?,
                    ))
                })
                .collect::<Option<_>>()
                .ok_or_else(|| {
                    Problem::Error("`headers` has a name or value that no header can have".into())
                })?;
        }
        "cookies" => client.cookies = flag(key, value)?,
        "reconnection" => client.reconnection = flag(key, value)?,
        // As in the client of the project, 0 is no limit.
        "reconnectionAttempts" => {
            client.reconnection_attempts = u32::try_from(number(key, value)?).ok().filter(|&limit| limit > 0);
        }
        "reconnectionDelay" => client.reconnection_delay = number(key, value)?,
        "reconnectionDelayMax" => client.reconnection_delay_max = number(key, value)?,
        "randomizationFactor" => {
            client.randomization_factor = value
                .as_f64()
                .filter(|factor| (0.0..=1.0).contains(factor))
                .ok_or_else(|| wrong(key, "a number from 0 to 1"))?;
        }
        "timeout" => client.timeout = number(key, value)?,
        "tryAllTransports" => client.try_all_transports = flag(key, value)?,
        _ => return Err(Problem::Unsupported(format!("the option `{key}`"))),
    }
    Ok(())
}

/// An auth function, which adds how often it was called.
fn counting(auth: Option<Value>) -> Result<Auth, Problem> {
    let members = match auth {
        None => Map::new(),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(wrong("auth", "an object")),
    };
    // A value that cannot be written is refused now, not at the first call.
    json_of(&Value::Object(members.clone()))?;
    let mut calls = 0_u64;
    Ok(Box::new(move || {
        calls += 1;
        let mut members = members.clone();
        members.insert("call".into(), calls.into());
        json_of(&Value::Object(members)).ok()
    }))
}

fn transports(value: &Value) -> Result<Vec<Transport>, Problem> {
    let list = value.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| wrong("transports", "a list of transports"))?;
    list.iter()
        .map(|name| match name.as_str() {
            Some("polling") => Ok(Transport::Polling),
            Some("websocket") => Ok(Transport::WebSocket),
            _ => Err(Problem::Unsupported(format!("the transport {name}"))),
        })
        .collect()
}

fn event(key: &str, value: &Value) -> Result<(String, Vec<Value>), Problem> {
    match value.as_array().map(Vec::as_slice) {
        Some([Value::String(name), arguments @ ..]) => Ok((name.clone(), arguments.to_vec())),
        _ => Err(wrong(key, "a list: the name of an event and its arguments")),
    }
}

fn pairs(key: &str, value: &Value) -> Result<Vec<(String, String)>, Problem> {
    let members = value.as_object().ok_or_else(|| wrong(key, "an object"))?;
    let pair = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        Value::Number(_) | Value::Bool(_) => Ok((name.clone(), value.to_string())),
        _ => Err(wrong(key, "an object of texts")),
    };
    members.iter().map(pair).collect()
}

fn flag(key: &str, value: &Value) -> Result<bool, Problem> {
    value.as_bool().ok_or_else(|| wrong(key, "true or false"))
}

fn text<'v>(key: &str, value: &'v Value) -> Result<&'v str, Problem> {
    value.as_str().ok_or_else(|| wrong(key, "a text"))
}

fn number(key: &str, value: &Value) -> Result<u64, Problem> {
    if value["$number"] == "Infinity" {
        return Ok(u64::MAX);
    }
    let number = value.as_f64().filter(|number| *number >= 0.0);
    number
        .map(|number| number as u64)
        .ok_or_else(|| wrong(key, "a number that is not negative"))
}

fn wrong(key: &str, expected: &str) -> Problem {
    Problem::Error(format!("`{key}` must be {expected}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(options: Value) -> Result<ConnectOptions, Problem> {
        ConnectOptions::read(options.as_object().expect("an object"))
    }

    #[test]
    fn options_are_read() {
        let options = read(json!({
            "path": "/x", "transports": ["websocket"], "query": {"a": 1}, "headers": {"X-A": "b"},
            "reconnection": true, "reconnectionAttempts": 2, "reconnectionDelay": 10, "forceNew": true,
            "emitOnConnect": ["hi", 1]
        }))
        .unwrap();
        assert_eq!(options.client.path, "/x/");
        assert_eq!(options.client.transports, [Transport::WebSocket]);
        assert_eq!(options.client.query, [("a".to_owned(), "1".to_owned())]);
        assert_eq!(options.client.headers[0].0, "x-a");
        assert_eq!(options.client.reconnection_attempts, Some(2));
        assert!(options.client.reconnection && options.force_new);
        assert_eq!(options.emit_on_connect, Some(("hi".into(), vec![json!(1)])));
        let options = read(json!({"reconnectionAttempts": {"$number": "Infinity"}})).unwrap();
        assert_eq!(options.client.reconnection_attempts, None);
        assert!(!options.client.reconnection);
    }

    #[test]
    fn an_auth_function_counts_its_calls() {
        let mut auth = read(json!({"auth": {"a": 1}, "authFunction": true}))
            .unwrap()
            .auth
            .unwrap();
        assert_eq!(auth().as_deref(), Some("{\"a\":1,\"call\":1}"));
        assert_eq!(auth().as_deref(), Some("{\"a\":1,\"call\":2}"));
        let mut auth = read(json!({"auth": "x"})).unwrap().auth.unwrap();
        assert_eq!(
            (auth().as_deref(), auth().as_deref()),
            (Some("\"x\""), Some("\"x\""))
        );
        assert!(read(json!({})).unwrap().auth.is_none());
    }

    #[test]
    fn what_is_not_known_or_wrong_is_said() {
        for (options, unsupported) in [
            (json!({"parser": "x"}), true),
            (json!({"transports": ["webtransport"]}), true),
            (json!({"upgrade": 1}), false),
            (json!({"transports": []}), false),
            (json!({"timeout": -1}), false),
            (json!({"headers": {"a b": "c"}}), false),
            (json!({"emitOnConnect": [1]}), false),
        ] {
            let shown = options.to_string();
            let problem = read(options).err().expect(&shown);
            assert_eq!(
                matches!(problem, Problem::Unsupported(_)),
                unsupported,
                "{shown}: {problem:?}"
            );
        }
    }
}
