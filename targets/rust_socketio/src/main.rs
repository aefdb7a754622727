//! Drives the asynchronous client of rust_socketio for siospec: JSON Lines, see docs/driver.md.
//!
//! Each case has a thread and a runtime of its own, which take all that the library has spawned with them when they end.

mod client;
mod values;

use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::mpsc as tasks;

const VERSION: &str = "0.6.0";
const CAPABILITIES: [&str; 14] = [
    "polling",
    "websocket",
    "upgrade",
    "force-new",
    "binary",
    "ack",
    "auth",
    "query",
    "headers",
    "path",
    "reconnection",
    "reconnection-attempts",
    "reconnection-delay",
    "connect-handler",
];
/// How long a case may take for its answer. It waits for nothing but the library's own work.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why something was not done.
pub enum Refusal {
    Unsupported(String),
    Error(String),
}

/// What reports belong to.
#[derive(Clone)]
pub struct Case {
    name: String,
    closed: Arc<AtomicBool>,
}

impl Case {
    pub fn report(&self, mut report: Value) {
        if !self.closed.load(Ordering::SeqCst) {
            report["case"] = json!(self.name);
            say(&report);
        }
    }
}

type Request = (Value, mpsc::Sender<Result<(), Refusal>>);

struct Player {
    case: Case,
    requests: tasks::UnboundedSender<Request>,
}

impl Player {
    fn start(name: &str) -> std::io::Result<Self> {
        let case = Case {
            name: name.to_owned(),
            closed: Arc::default(),
        };
        let (requests, asked) = tasks::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let played = case.clone();
        std::thread::Builder::new().spawn(move || {
            PLAYED.set(Some(played.clone()));
            runtime.block_on(client::play(played, asked));
            runtime.shutdown_background();
        })?;
        Ok(Self { case, requests })
    }

    fn ask(&self, request: Value) -> Result<(), Refusal> {
        let (reply, answer) = mpsc::channel();
        let gone = |_| Refusal::Error("the thread of the case has ended".to_owned());
        self.requests.send((request, reply)).map_err(|_| gone(()))?;
        let late = |_| Refusal::Error("the library does not give the thread back".to_owned());
        answer.recv_timeout(PATIENCE).map_err(late)?
    }
}

thread_local! {
    static PLAYED: RefCell<Option<Case>> = const { RefCell::new(None) };
}

/// A panic in a task of the library is seen by nobody but the hook.
fn tell_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        let text = panic.payload_as_str().unwrap_or("no text");
        let message = format!("panicked: {text}");
        if let Some(case) = PLAYED.with_borrow(Clone::clone) {
            case.report(json!({"report": "error", "message": message}));
        }
    }));
}

fn say(message: &Value) {
    let mut out = std::io::stdout().lock();
    // Nobody is left to tell when the output is closed.
    let _ = writeln!(out, "{message}").and_then(|()| out.flush());
}

fn answer(cases: &mut HashMap<String, Player>, request: Value) -> Result<(), Refusal> {
    let name = request["case"].as_str().unwrap_or_default().to_owned();
    match request["do"].as_str().unwrap_or_default() {
        "close" => {
            if let Some(player) = cases.remove(&name) {
                player.case.closed.store(true, Ordering::SeqCst);
            }
            Ok(())
        }
        "connect" | "emit" | "disconnect" => {
            if !cases.contains_key(&name) {
                let player = Player::start(&name).map_err(|error| Refusal::Error(error.to_string()))?;
                cases.insert(name.clone(), player);
            }
            cases[&name].ask(request)
        }
        other => Err(Refusal::Unsupported(other.to_owned())),
    }
}

fn main() -> std::io::Result<()> {
    tell_panics();
    say(&json!({
        "hello": 1, "name": "rust_socketio", "version": VERSION, "language": "Rust", "client": CAPABILITIES,
    }));
    let mut cases = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let request: Value = serde_json::from_str(&line)?;
        let id = request["id"].clone();
        say(&match answer(&mut cases, request) {
            Ok(()) => json!({"id": id}),
            Err(Refusal::Unsupported(why)) => json!({"id": id, "unsupported": why}),
            Err(Refusal::Error(why)) => json!({"id": id, "error": why}),
        });
    }
    Ok(())
}
