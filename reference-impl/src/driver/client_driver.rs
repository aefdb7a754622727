//! The driver itself: which case a request belongs to, what it asks for, and its answer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value, json};
use tokio::{runtime::Handle, sync::mpsc::UnboundedSender};

use super::{
    case::Case,
    options::ConnectOptions,
    values::{Problem, arguments_of},
};
use crate::{
    client::{
        faults::Fault,
        seams::NoFault,
        socket::{Command, Emission, Refused},
    },
    io::client::{Application, ClientHandle, ServerUrl, Told},
};

/// What the client can do, in the words of the protocol.
const WORDS: [&str; 28] = [
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

/// The reference client behind the driver protocol, without the lines: each message is one JSON value.
///
/// The hello, answers and reports go to the channel that it was started with. The channel ends when the driver is
/// dropped, or when it was given a deliberate fault that would end the program of a lesser client.
pub struct ClientDriver {
    runtime: Handle,
    fault: Option<Fault>,
    cases: Arc<Mutex<Cases>>,
    outlet: Outlet,
}

type Cases = HashMap<String, Case>;

/// Where answers and reports go; nowhere once the driver has ended.
#[derive(Clone)]
struct Outlet(Arc<Mutex<Option<UnboundedSender<Value>>>>);

impl ClientDriver {
    /// Starts a driver whose clients run on `runtime`, with a deliberate fault if there is to be one. The hello is sent
    /// at once.
    pub fn start(runtime: Handle, fault: Option<Fault>, out: UnboundedSender<Value>) -> Self {
        let driver = Self {
            runtime,
            fault,
            cases: Arc::default(),
            outlet: Outlet(Arc::new(Mutex::new(Some(out)))),
        };
        driver.outlet.send(json!({
            "hello": 1,
            "name": "siospec reference",
            "version": env!("CARGO_PKG_VERSION"),
            "language": "Rust",
            "client": WORDS,
        }));
        driver
    }

    /// Does what a request asks for, and answers it before anything that comes of it is reported. Never blocks, and never
    /// waits for the network. May be called from any thread.
    pub fn handle(&self, request: Value) {
        let id = &request["id"];
        let done = match request["do"].as_str() {
            Some("connect") => self.connect(&request),
            Some("emit") => self.emit(&request),
            Some("ack") => self.acknowledge(&request),
            Some("disconnect") => self.disconnect(&request),
            Some("close") => self.close(&request),
            Some(other) => Err(Problem::Unsupported(other.to_owned())),
            None => Err(Problem::Error("a request needs the key `do`".into())),
        };
        match done {
            Ok(()) => {}
            Err(Problem::Unsupported(what)) => self.outlet.send(json!({"id": id, "unsupported": what})),
            Err(Problem::Error(why)) => self.outlet.send(json!({"id": id, "error": why})),
        }
    }

    fn connect(&self, request: &Value) -> Result<(), Problem> {
        let name = case_of(request)?;
        let namespace = namespace_of(request);
        let none = Map::new();
        let options = ConnectOptions::read(request["options"].as_object().unwrap_or(&none))?;
        if let Some((_, values)) = &options.emit_on_connect {
            arguments_of(values)?;
        }
        let url = request["url"].as_str().ok_or_else(|| missing("url"))?;
        let url: ServerUrl = url
            .parse()
            .map_err(|error: crate::io::client::UrlError| Problem::Error(error.to_string()))?;
        let mut cases = self.cases();
        let case = cases.entry(name.clone()).or_default();
        case.remember(&namespace, &options);
        if !case.places.contains_key(&namespace) {
            case.defaults.insert(namespace.clone(), options.defaults);
            let shared = case.shared.filter(|_| !options.force_new);
            let place = shared.unwrap_or(case.clients.len());
            if shared.is_none() {
                let application = self.application(&name, case);
                let seams = self
                    .fault
                    .map_or_else(|| Box::new(NoFault) as Box<_>, Fault::seams);
                let client =
                    ClientHandle::with_seams(self.runtime.clone(), url, options.client, seams, application);
                case.clients.push(client);
                if !options.force_new {
                    case.shared = Some(place);
                }
            }
            case.places.insert(namespace.clone(), place);
        }
        let command = Command::Connect {
            namespace: namespace.clone(),
            auth: options.auth,
        };
        self.command(case, &namespace, command, request)
    }

    fn emit(&self, request: &Value) -> Result<(), Problem> {
        let namespace = namespace_of(request);
        let event = request["event"].as_str().ok_or_else(|| missing("event"))?;
        let arguments = arguments_of(list(&request["args"])?)?;
        self.in_case(request, |case| {
            let defaults = case.defaults.get(&namespace).copied().unwrap_or_default();
            let emission = Emission {
                event: event.to_owned(),
                arguments,
                ack: request["ack"].as_str().map(str::to_owned),
                timeout: request["timeout"].as_u64().or(defaults.ack_timeout),
                volatile: request["volatile"].as_bool().unwrap_or_default(),
                retries: defaults.retries,
            };
            let command = Command::Emit {
                namespace: namespace.clone(),
                emission,
            };
            self.command(case, &namespace, command, request)
        })
    }

    fn acknowledge(&self, request: &Value) -> Result<(), Problem> {
        let number = request["ack"].as_u64().ok_or_else(|| missing("ack"))?;
        let arguments = arguments_of(list(&request["args"])?)?;
        self.in_case(request, |case| {
            match case.answer(number, arguments).map_err(Problem::Error)? {
                Some(Command::Answer { reply, arguments }) => {
                    let namespace = reply.namespace.clone();
                    self.command(case, &namespace, Command::Answer { reply, arguments }, request)
                }
                _ => {
                    self.outlet.send(json!({"id": request["id"]}));
                    Ok(())
                }
            }
        })
    }

    fn disconnect(&self, request: &Value) -> Result<(), Problem> {
        let namespace = namespace_of(request);
        let command = Command::Disconnect {
            namespace: namespace.clone(),
        };
        self.in_case(request, |case| self.command(case, &namespace, command, request))
    }

    fn close(&self, request: &Value) -> Result<(), Problem> {
        let name = case_of(request)?;
        // Closing a case that is not there leaves nothing to be closed.
        drop(self.cases().remove(&name));
        self.outlet.send(json!({"id": request["id"]}));
        Ok(())
    }

    fn in_case(
        &self,
        request: &Value,
        act: impl FnOnce(&Case) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let name = case_of(request)?;
        let cases = self.cases();
        let case = cases.get(&name);
        act(case.ok_or_else(|| Problem::Error(format!("the case `{name}` has no client: connect first")))?)
    }

    /// Hands a command to the client that has the namespace, and answers.
    fn command(
        &self,
        case: &Case,
        namespace: &str,
        command: Command,
        request: &Value,
    ) -> Result<(), Problem> {
        let client = case
            .client_of(namespace)
            .ok_or_else(|| Problem::Error(Refused::NotJoined(namespace.to_owned()).to_string()))?;
        let id = &request["id"];
        client.command(command, |done| {
            self.outlet.send(match done {
                Ok(()) => json!({"id": id}),
                Err(refused) => json!({"id": id, "error": refused.to_string()}),
            });
        });
        Ok(())
    }

    /// What a client of this case tells, and what the handlers of the case do.
    fn application(&self, name: &str, case: &Case) -> Application {
        let name = Value::from(name);
        let memory = case.memory.clone();
        let outlet = self.outlet.clone();
        let cases = self.cases.clone();
        let runtime = self.runtime.clone();
        Box::new(move |told| match told {
            Told::Report(report) => {
                let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
                let (line, commands) = memory.handle(&name, report);
                outlet.send(line);
                commands
            }
            Told::Crashed(_) => {
                outlet.end();
                // The other cases are in the same program. This one is locked by whoever tells.
                let cases = cases.clone();
                runtime.spawn(async move {
                    let ended = std::mem::take(&mut *cases.lock().unwrap_or_else(PoisonError::into_inner));
                    drop(ended);
                });
                Vec::new()
            }
        })
    }

    fn cases(&self) -> MutexGuard<'_, Cases> {
        self.cases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ClientDriver {
    fn drop(&mut self) {
        self.outlet.end();
        self.cases().clear();
    }
}

impl Outlet {
    fn send(&self, message: Value) {
        if let Some(out) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // A receiver that is gone does not want to know.
            let _ = out.send(message);
        }
    }

    fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn case_of(request: &Value) -> Result<String, Problem> {
    match &request["case"] {
        Value::String(name) => Ok(name.clone()),
        _ => Err(missing("case")),
    }
}

fn namespace_of(request: &Value) -> String {
    request["nsp"].as_str().unwrap_or("/").to_owned()
}

fn list(value: &Value) -> Result<&[Value], Problem> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        _ => Err(Problem::Error("`args` must be a list".into())),
    }
}

fn missing(key: &str) -> Problem {
    Problem::Error(format!("the request needs the key `{key}`"))
}
