//! What the cases of a driver report, as long as they are open.

use crate::lines::say;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What reports for one namespace of a case.
#[derive(Clone)]
pub struct Voice {
    case: Case,
    pub nsp: String,
    connected: Arc<AtomicBool>,
}

impl Voice {
    pub(crate) fn new(case: &Case, nsp: &str) -> Self {
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

    /// Reports what the payload of a CONNECT_ERROR packet says.
    pub fn refused(&self, payload: &str) {
        let keys = match serde_json::from_str(payload) {
            Ok(Value::Object(mut members)) => {
                members.retain(|key, _| key == "message" || key == "data");
                Value::Object(members)
            }
            Ok(Value::String(message)) => json!({"message": message}),
            _ => json!({"message": payload}),
        };
        self.report("connect_error", keys);
    }

    /// Whether the namespace is connected, as far as was reported.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::SeqCst)
    }
}

/// A case, as its reports see it.
#[derive(Clone)]
pub struct Case {
    name: String,
    closed: Arc<AtomicBool>,
}

impl Case {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            closed: Arc::default(),
        }
    }

    /// Lets it report nothing from here on.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    fn report(&self, mut message: Value) {
        if !self.closed.load(Ordering::SeqCst) {
            message["case"] = json!(self.name);
            say(&message);
        }
    }
}

thread_local! {
    static PLAYED: RefCell<Option<Case>> = const { RefCell::new(None) };
}

/// Whatever panics on this thread belongs to the case.
pub fn play_on_this_thread(case: &Case) {
    PLAYED.set(Some(case.clone()));
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
