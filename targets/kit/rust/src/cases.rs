//! The cases of a driver, each on a thread of its own: what they answer.

use crate::jobs::Jobs;
use crate::reports::{Case, Voice, play_on_this_thread};
use crate::{Client, Emission, Options, Refusal};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::runtime;
use tokio::sync::mpsc as tasks;

/// How long a case may take for its answer. It waits for nothing but the library's own work.
const PATIENCE: Duration = Duration::from_secs(5);

type Request = (Value, mpsc::Sender<Result<(), Refusal>>);

/// A case on its thread, which ends when nobody can ask it any more.
pub struct Player {
    case: Case,
    requests: tasks::UnboundedSender<Request>,
}

impl Player {
    /// Begins a case, which plays with clients of the library.
    pub fn start<C: Client>(name: &str) -> Result<Self, Refusal> {
        let case = Case::new(name);
        let (requests, asked) = tasks::unbounded_channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let played = case.clone();
        thread::Builder::new().spawn(move || {
            play_on_this_thread(&played);
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
        self.case.close();
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
    if connects {
        return client.connect(options);
    }
    let job = match request["do"].as_str() {
        Some("emit") => client.emit(Emission::of(request))?,
        _ => client.disconnect()?,
    };
    jobs.run(job).await
}
