//! The cases of a driver, each on a thread of its own: what they answer, and what they report.

use crate::jobs::Jobs;
use crate::lines::say;
use crate::{Client, Emission, Options, Refusal};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tokio::runtime;
use tokio::sync::mpsc as tasks;

/// How long a case may take for its answer. It waits for nothing but the library's own work.
const PATIENCE: Duration = Duration::from_secs(5);

/// What reports for one namespace of a case.
#[derive(Clone)]
pub struct Voice {
    case: Case,
    pub nsp: String,
    connected: Arc<AtomicBool>,
}

impl Voice {
    fn new(case: &Case, nsp: &str) -> Self {
        Self {
            case: case.clone(),
            nsp: nsp.to_owned(),
            connected: Arc::default(),
        }
    }

    /// Reports what the library says. `keys` are further keys of the report: an object.
    pub fn report(&self, report: &str, keys: Value) {
        match report {
            "connect" => self.connected.store(true, Ordering::SeqCst),
            "connect_error" | "disconnect" => self.connected.store(false, Ordering::SeqCst),
            _ => {}
        }
        let mut message = json!({"report": report, "nsp": self.nsp});
        if let (Some(message), Value::Object(keys)) = (message.as_object_mut(), keys) {
            message.extend(keys);
        }
        self.case.report(message);
    }

    /// Whether the namespace is connected, as far as was reported.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::SeqCst)
    }
}

#[derive(Clone)]
struct Case {
    name: String,
    closed: Arc<AtomicBool>,
}

impl Case {
    fn report(&self, mut message: Value) {
        if !self.closed.load(Ordering::SeqCst) {
            message["case"] = json!(self.name);
            say(&message);
        }
    }
}

type Request = (Value, mpsc::Sender<Result<(), Refusal>>);

/// A case on its thread, which ends when nobody can ask it any more.
pub struct Player {
    case: Case,
    requests: tasks::UnboundedSender<Request>,
}

impl Player {
    /// Begins a case, which plays with clients of the library.
    pub fn start<C: Client>(name: &str) -> Result<Self, Refusal> {
        let case = Case {
            name: name.to_owned(),
            closed: Arc::default(),
        };
        let (requests, asked) = tasks::unbounded_channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let played = case.clone();
        thread::Builder::new().spawn(move || {
            PLAYED.set(Some(played.clone()));
            runtime.block_on(play::<C>(played, asked));
            runtime.shutdown_background();
        })?;
        Ok(Self { case, requests })
    }

    /// Has it do what a request says.
    pub fn ask(&self, request: Value) -> Result<(), Refusal> {
        let (reply, answer) = mpsc::channel();
        let gone = |_| Refusal::Error("the thread of the case has ended".to_owned());
        self.requests.send((request, reply)).map_err(gone)?;
        let late = |_| Refusal::Error("the library does not give the thread back".to_owned());
        answer.recv_timeout(PATIENCE).map_err(late)?
    }

    /// Lets it report nothing from here on.
    pub fn silence(&self) {
        self.case.closed.store(true, Ordering::SeqCst);
    }
}

async fn play<C: Client>(case: Case, mut requests: tasks::UnboundedReceiver<Request>) {
    let mut clients = HashMap::new();
    while let Some((request, reply)) = requests.recv().await {
        let answer = answer::<C>(&case, &mut clients, &request).await;
        let _nobody_waits_any_more = reply.send(answer);
    }
}

async fn answer<C: Client>(
    case: &Case,
    clients: &mut HashMap<String, (C, Jobs)>,
    request: &Value,
) -> Result<(), Refusal> {
    let nsp = request["nsp"].as_str().unwrap_or("/");
    let mut options = Options(request["options"].as_object().cloned().unwrap_or_default());
    let connects = request["do"] == "connect";
    if connects && (options.take("forceNew")?.unwrap_or(false) || !clients.contains_key(nsp)) {
        let url = request["url"].as_str().unwrap_or_default().to_owned();
        let voice = Voice::new(case, nsp);
        clients.insert(nsp.to_owned(), (C::new(voice, url), Jobs::new()));
    }
    let none = || Refusal::Error(format!("there is no client of {nsp}: connect it first"));
    let (client, jobs) = clients.get_mut(nsp).ok_or_else(none)?;
    jobs.run(match request["do"].as_str() {
        Some("connect") => return client.connect(options),
        Some("emit") => client.emit(Emission::of(request))?,
        _ => client.disconnect()?,
    })
    .await
}

thread_local! {
    static PLAYED: RefCell<Option<Case>> = const { RefCell::new(None) };
}

/// A panic in a task of the library is seen by nobody but the hook. It is told by the case of its thread.
pub fn tell_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        let text = panic.payload_as_str().unwrap_or("no text");
        if let Some(case) = PLAYED.with_borrow(Clone::clone) {
            case.report(json!({"report": "error", "message": format!("panicked: {text}")}));
        }
    }));
}
