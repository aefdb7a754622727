//! One case: its clients, what its handlers do, and the acknowledgements that it may yet send.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value, json};

use super::{
    options::{ConnectOptions, Defaults},
    values::{arguments_of, value_of, values_of},
};
use crate::{
    client::socket::{Command, Emission, Reply, Report},
    codec::Arguments,
    io::client::ClientHandle,
};

/// The clients of a case. Dropping it ends them all.
#[derive(Default)]
pub(super) struct Case {
    pub(super) clients: Vec<ClientHandle>,
    /// The one that namespaces share unless they want a connection of their own.
    pub(super) shared: Option<usize>,
    /// Which client has a namespace.
    pub(super) places: HashMap<String, usize>,
    /// What the emissions of a namespace have unless they say otherwise.
    pub(super) defaults: HashMap<String, Defaults>,
    pub(super) memory: Arc<Mutex<Memory>>,
}

/// What the handlers of a case share with its requests.
#[derive(Default)]
pub(super) struct Memory {
    /// What the handler of a namespace's connection emits.
    on_connect: HashMap<String, Emission>,
    replies: HashMap<u64, Option<Reply>>,
    last_reply: u64,
}

impl Case {
    /// Remembers what the handler of the connection is to emit.
    pub(super) fn remember(&self, namespace: &str, options: &ConnectOptions) {
        let Some((event, values)) = &options.emit_on_connect else {
            return;
        };
        let emission = Emission {
            event: event.clone(),
            arguments: arguments_of(values).unwrap_or_default(),
            retries: options.defaults.retries,
            timeout: options.defaults.ack_timeout,
            ..Emission::default()
        };
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.on_connect.insert(namespace.to_owned(), emission);
    }

    /// The client that has a namespace.
    pub(super) fn client_of(&self, namespace: &str) -> Option<&ClientHandle> {
        self.clients.get(*self.places.get(namespace)?)
    }

    /// Answers an event. `Ok(None)`: it has been answered before, and this client answers once.
    pub(super) fn answer(&self, number: u64, arguments: Arguments) -> Result<Option<Command>, String> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let reply = memory.replies.get_mut(&number);
        let reply =
            reply.ok_or_else(|| format!("no event was reported with the acknowledgement {number}"))?;
        Ok(reply.take().map(|reply| Command::Answer { reply, arguments }))
    }
}

impl Memory {
    /// Writes a report as the protocol has it, and does what the handler does.
    pub(super) fn handle(&mut self, case: &Value, report: Report) -> (Value, Vec<Command>) {
        let mut line = Map::new();
        let mut put = |key: &str, value: Value| {
            line.insert(key.to_owned(), value);
        };
        put("case", case.clone());
        let mut commands = Vec::new();
        match report {
            Report::Connected { namespace, sid } => {
                put("report", "connect".into());
                if let Some(emission) = self.on_connect.get(&namespace) {
                    commands.push(Command::Emit {
                        namespace: namespace.clone(),
                        emission: emission.clone(),
                    });
                }
                put("nsp", namespace.into());
                put("sid", sid.into());
            }
            Report::ConnectError {
                namespace,
                message,
                data,
            } => {
                put("report", "connect_error".into());
                put("nsp", namespace.into());
                put("message", message.into());
                if let Some(data) = data {
                    put("data", value_of(&data));
                }
            }
            Report::Event {
                namespace,
                name,
                arguments,
                reply,
            } => {
                put("report", "event".into());
                put("nsp", namespace.into());
                put("event", name.into());
                put("args", values_of(&arguments).into());
                if reply.is_some() {
                    self.last_reply += 1;
                    self.replies.insert(self.last_reply, reply);
                    put("ack", self.last_reply.into());
                }
            }
            Report::Acknowledged {
                namespace,
                ack,
                arguments,
            } => {
                put("report", "ack".into());
                put("nsp", namespace.into());
                put("ack", ack.into());
                put("args", values_of(&arguments).into());
            }
            Report::AckFailed {
                namespace,
                ack,
                message,
            } => {
                put("report", "ack_error".into());
                put("nsp", namespace.into());
                put("ack", ack.into());
                put("message", message.into());
            }
            Report::Disconnected { namespace, reason } => {
                put("report", "disconnect".into());
                put("nsp", namespace.into());
                put("reason", reason.to_string().into());
            }
            Report::ReconnectAttempt(attempt) => {
                put("report", "reconnect_attempt".into());
                put("attempt", json!(attempt));
            }
            Report::ReconnectFailed => put("report", "reconnect_failed".into()),
        }
        (Value::Object(line), commands)
    }
}
