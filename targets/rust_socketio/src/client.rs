//! The clients of one case: what is asked of them, and what they report.

use crate::values::{acknowledged, arguments, payload, plain};
use crate::{Case, Refusal, Request};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Error, Event, Payload, TransportType};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long an acknowledgement is waited for where nothing else is asked for: the library wants a limit.
const LONG: Duration = Duration::from_secs(3600);
/// How the library introduces what a CONNECT_ERROR packet says.
const REFUSED: &str = "Received an ConnectError frame: ";

type Job = BoxFuture<'static, Result<(), Error>>;

/// A client of a namespace. What it is asked for is done in order, one after the other.
struct Namespace {
    client: Arc<Mutex<Option<Client>>>,
    connected: Arc<AtomicBool>,
    jobs: mpsc::UnboundedSender<Job>,
    busy: Arc<AtomicUsize>,
}

/// Plays a case until nobody asks any more.
pub async fn play(case: Case, mut requests: mpsc::UnboundedReceiver<Request>) {
    let mut namespaces = HashMap::new();
    while let Some((request, reply)) = requests.recv().await {
        let answer = answer(&case, &mut namespaces, &request).await;
        let _nobody_waits_any_more = reply.send(answer);
    }
}

async fn answer(
    case: &Case,
    namespaces: &mut HashMap<String, Namespace>,
    request: &Value,
) -> Result<(), Refusal> {
    let nsp = request["nsp"].as_str().unwrap_or("/").to_owned();
    if request["do"] == "connect" {
        let there = namespaces
            .get(&nsp)
            .is_some_and(|there: &Namespace| there.connected.load(Ordering::SeqCst));
        if there && request["options"]["forceNew"] != json!(true) {
            let why = "a client connects when it is built, and cannot be asked to";
            return Err(Refusal::Unsupported(why.to_owned()));
        }
        let namespace = Namespace::connect(case, &nsp, request)?;
        namespaces.insert(nsp, namespace);
        return Ok(());
    }
    let none = || Refusal::Error(format!("there is no client of {nsp}: connecting gives one"));
    let namespace = namespaces.get(&nsp).ok_or_else(none)?;
    let client = namespace
        .client
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let client = client.ok_or_else(none)?;
    let job = if request["do"] == "disconnect" {
        let (case, connected) = (case.clone(), namespace.connected.clone());
        // The library tells its handlers nothing of it: that it comes back is how an application knows.
        let left = async move {
            client.disconnect().await?;
            if connected.swap(false, Ordering::SeqCst) {
                case.report(json!({"report": "disconnect", "nsp": nsp}));
            }
            Ok(())
        };
        left.boxed()
    } else {
        emission(case, client, &nsp, request)?
    };
    namespace
        .run(job)
        .await
        .map_err(|error| Refusal::Error(error.to_string()))
}

fn emission(case: &Case, client: Client, nsp: &str, request: &Value) -> Result<Job, Refusal> {
    if request["volatile"] == json!(true) || !request["retries"].is_null() {
        return Err(Refusal::Unsupported("volatile and retries".to_owned()));
    }
    let event = request["event"].as_str().unwrap_or_default().to_owned();
    let data = payload(&request["args"])?;
    let ack = request["ack"].clone();
    if ack.is_null() {
        return Ok(async move { client.emit(event, data).await }.boxed());
    }
    let timeout = request["timeout"].as_u64().map_or(LONG, Duration::from_millis);
    let (case, nsp) = (case.clone(), nsp.to_owned());
    let acked = move |payload: Payload, _: Client| {
        case.report(json!({"report": "ack", "nsp": nsp, "ack": ack, "args": acknowledged(payload)}));
        async {}.boxed()
    };
    Ok(async move { client.emit_with_ack(event, data, timeout, acked).await }.boxed())
}

impl Namespace {
    fn connect(case: &Case, nsp: &str, request: &Value) -> Result<Self, Refusal> {
        let options = &request["options"];
        let connected = Arc::new(AtomicBool::new(false));
        let emission = plain(&options["emitOnConnect"])?;
        let builder = listening(builder(request)?, case, nsp, emission, connected.clone());
        let client = Arc::new(Mutex::new(None));
        let (built, failed) = (client.clone(), case.clone());
        let name = nsp.to_owned();
        tokio::spawn(async move {
            match builder.connect().await {
                Ok(client) => *built.lock().unwrap_or_else(PoisonError::into_inner) = Some(client),
                Err(error) => failed
                    .report(json!({"report": "connect_error", "nsp": name, "message": error.to_string()})),
            }
        });
        let (jobs, mut waiting) = mpsc::unbounded_channel::<Job>();
        let busy = Arc::new(AtomicUsize::new(0));
        let left = busy.clone();
        tokio::spawn(async move {
            while let Some(job) = waiting.recv().await {
                if let Err(error) = job.await {
                    eprintln!("after it was answered: {error}");
                }
                left.fetch_sub(1, Ordering::SeqCst);
            }
        });
        Ok(Self {
            client,
            connected,
            jobs,
            busy,
        })
    }

    /// Does something up to its first wait; the rest, and what comes after it, is done later.
    async fn run(&self, mut job: Job) -> Result<(), Error> {
        if self.busy.load(Ordering::SeqCst) == 0
            && let Poll::Ready(done) = futures_util::poll!(job.as_mut())
        {
            return done;
        }
        self.busy.fetch_add(1, Ordering::SeqCst);
        let _ends_with_the_runtime = self.jobs.send(job);
        Ok(())
    }
}

/// A client with the options of a request.
fn builder(request: &Value) -> Result<ClientBuilder, Refusal> {
    let mut address = request["url"].as_str().unwrap_or_default().to_owned();
    let nothing = serde_json::Map::new();
    let options = request["options"].as_object().unwrap_or(&nothing);
    let text = |key: &str| options.get(key).and_then(Value::as_str);
    let number = |key: &str| options.get(key).and_then(Value::as_u64);
    address.push_str(text("path").unwrap_or("/socket.io/"));
    for (index, (key, value)) in options
        .get("query")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mark = if index == 0 { '?' } else { '&' };
        address.push_str(&format!("{mark}{}={}", escaped(key), escaped(&value)));
    }
    let mut builder = ClientBuilder::new(address)
        .namespace(request["nsp"].as_str().unwrap_or("/"))
        .reconnect(options.get("reconnection") == Some(&json!(true)))
        .reconnect_delay(
            number("reconnectionDelay").unwrap_or(1000),
            number("reconnectionDelayMax").unwrap_or(5000),
        );
    for (key, value) in options {
        builder = match key.as_str() {
            "auth" => builder.auth(plain(value)?),
            "headers" => {
                let headers = value.as_object().into_iter().flatten();
                headers.fold(builder, |builder, (name, value)| {
                    builder.opening_header(name.as_str(), value.as_str().unwrap_or_default())
                })
            }
            "reconnectionAttempts" => {
                let most = value.as_u64().and_then(|most| u8::try_from(most).ok());
                builder.max_reconnect_attempts(most.ok_or_else(|| unsupported(key))?)
            }
            "path"
            | "query"
            | "reconnection"
            | "reconnectionDelay"
            | "reconnectionDelayMax"
            | "forceNew"
            | "emitOnConnect"
            | "transports"
            | "upgrade" => builder,
            "cookies" | "authFunction" | "tryAllTransports" if value == &json!(false) => builder,
            _ => return Err(unsupported(key)),
        };
    }
    let transports = options
        .get("transports")
        .cloned()
        .unwrap_or_else(|| json!(["polling", "websocket"]));
    let transports: Vec<&str> = transports
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let upgrades = options.get("upgrade") != Some(&json!(false));
    Ok(builder.transport_type(match (transports.as_slice(), upgrades) {
        (["polling"], _) | (["polling", ..], false) => TransportType::Polling,
        (["websocket"], _) => TransportType::Websocket,
        (["polling", "websocket"], true) => TransportType::Any,
        _ => return Err(unsupported("transports")),
    }))
}

fn unsupported(option: &str) -> Refusal {
    Refusal::Unsupported(format!("the option {option}, or this value of it"))
}

/// The same client, which reports what it hears.
fn listening(
    builder: ClientBuilder,
    case: &Case,
    nsp: &str,
    emit_on_connect: Value,
    connected: Arc<AtomicBool>,
) -> ClientBuilder {
    let on = |word: &'static str| {
        let (case, nsp, connected) = (case.clone(), nsp.to_owned(), connected.clone());
        move |is: bool, more: Value| {
            connected.store(is, Ordering::SeqCst);
            let mut report = json!({"report": word, "nsp": nsp});
            if let (Some(report), Value::Object(more)) = (report.as_object_mut(), more) {
                report.extend(more);
            }
            case.report(report);
        }
    };
    let (connect, disconnect, refused, event) =
        (on("connect"), on("disconnect"), on("connect_error"), on("event"));
    builder
        .on(Event::Connect, move |_, client| {
            connect(true, Value::Null);
            let emission = emit_on_connect.as_array().cloned().unwrap_or_default();
            async move {
                if let Some((Value::String(event), data)) = emission.split_first()
                    && let Err(error) = client.emit(event.as_str(), data.to_vec()).await
                {
                    eprintln!("in the handler of the connection: {error}");
                }
            }
            .boxed()
        })
        .on(Event::Close, move |_, _| {
            disconnect(false, Value::Null);
            async {}.boxed()
        })
        .on(Event::Error, {
            let connected = connected.clone();
            move |payload, _| {
                let error = arguments(payload).into_iter().next().unwrap_or_default();
                let text = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
                match text.strip_prefix(REFUSED) {
                    Some(data) => refused(false, refusal(data)),
                    None if !connected.load(Ordering::SeqCst) => refused(false, json!({"message": text})),
                    None => eprintln!("the library tells of an error: {text}"),
                }
                async {}.boxed()
            }
        })
        .on_any(move |name, payload, _| {
            event(true, json!({"event": name.as_str(), "args": arguments(payload)}));
            async {}.boxed()
        })
}

/// Message and data of a CONNECT_ERROR packet.
fn refusal(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(mut members)) => {
            members.retain(|key, _| key == "message" || key == "data");
            Value::Object(members)
        }
        Ok(Value::String(message)) => json!({"message": message}),
        _ => json!({"message": text}),
    }
}

/// A part of a query, as a URL has it.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let one = |byte| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(one).collect()
}
