//! The test application of docs/server-app.md on socketioxide and axum.

use std::{collections::BTreeMap, env, error::Error, fmt, sync::Mutex, time::Duration};

use rmpv::Value;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::ser::{Serialize, SerializeTuple, Serializer};
use socketioxide::extract::{AckSender, Data, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::{SocketIo, TransportType, socket::Sid};

/// The handlers that ran, `connect` or `disconnect`, and for which socket.
static RUNS: Mutex<Vec<(Sid, &str)>> = Mutex::new(Vec::new());

// Each handler is a task. On one thread they run in the order in which they were spawned, that is in the order of the
// events; on several threads the answers to two events could overtake each other.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let ms = Duration::from_millis;
    let mut builder = SocketIo::builder()
        .ping_interval(ms(300))
        .ping_timeout(ms(200))
        .connect_timeout(ms(1000))
        .max_payload(1_000_000)
        .ws_max_message_size(1_000_000)
        .ws_max_frame_size(1_000_000)
        .max_buffer_size(20_000); // packets, of which `burst` sends many at once
    builder = match env::var("VARIANT").unwrap_or_default().as_str() {
        "" => builder,
        "polling-only" => builder.transports([TransportType::Polling]),
        "websocket-only" => builder.transports([TransportType::Websocket]),
        "upgrade-timeout" => builder.upgrade_timeout(ms(300)),
        "slow-heartbeat" => builder
            .ping_interval(ms(25_000))
            .ping_timeout(ms(20_000))
            .connect_timeout(ms(45_000)),
        other => return Err(format!("unknown VARIANT {other}").into()),
    };
    let (layer, io) = builder.build_layer();
    for namespace in ["/", "/custom", "/refused", "/guarded", "/slow"] {
        io.ns(namespace, connect.with(admit));
    }
    io.dyn_ns("/dyn-{digits}", connect.with(admit))?;
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", env::var("PORT")?)).await?;
    Ok(axum::serve(listener, axum::Router::new().layer(layer)).await?)
}

/// Whether a client may connect to a namespace.
async fn admit(socket: SocketRef, TryData(auth): TryData<Value>) -> Result<(), &'static str> {
    let token = Value::Map(vec![("token".into(), "123".into())]);
    let no_digits = |name: &str| name.starts_with("/dyn-") && !name[5..].bytes().all(|c| c.is_ascii_digit());
    match socket.ns() {
        "/refused" => Err("Not authorized"),
        "/guarded" if auth.ok() != Some(token) => Err("Not authorized"),
        "/slow" => Ok(tokio::time::sleep(Duration::from_millis(100)).await),
        name if no_digits(name) => Err("Invalid namespace"), // the pattern takes any name
        _ => Ok(()),
    }
}

/// The connection handler of every namespace. What cannot be sent any more is dropped.
async fn connect(socket: SocketRef, TryData(auth): TryData<Value>) {
    RUNS.lock().unwrap().push((socket.id, "connect"));
    socket.on_disconnect(async |s: SocketRef| RUNS.lock().unwrap().push((s.id, "disconnect")));
    if let "/" | "/custom" = socket.ns() {
        drop(socket.emit("auth", &auth.unwrap_or(Value::Map(Vec::new()))));
    }
    socket.on("message", echo);
    socket.on("mess€ge", echo);
    socket.on("message-with-ack", async |Data::<Args>(args), ack: AckSender| {
        drop(ack.send(&args))
    });
    socket.on("ask", async |s: SocketRef, Data::<Args>(Args(mut args))| {
        let event = args.remove(0);
        let question = s.emit_with_ack::<_, Args>(event.as_str().unwrap_or_default(), &Args(args));
        if let Ok(question) = question
            && let Ok(answer) = question.await
        {
            drop(s.emit("answer", &answer))
        }
    });
    socket.on("leave", async |s: SocketRef| drop(s.disconnect()));
    socket.on("join", async |s: SocketRef, Data::<String>(room)| s.join(room));
    socket.on(
        "shout",
        async |s: SocketRef, Data::<(String, Value)>((room, x))| drop(s.within(room).emit("shout", &x).await),
    );
    socket.on("attach", async |s: SocketRef, Data::<u8>(n)| {
        let attachments = (0..n).map(|i| Value::Binary(vec![i, n])).collect();
        drop(s.emit("attached", &Args(attachments)))
    });
    socket.on("burst", async |s: SocketRef, Data::<u32>(n)| {
        (0..n).for_each(|i| drop(s.emit("item", &i)))
    });
    socket.on("big", async |s: SocketRef, Data::<usize>(n)| {
        drop(s.emit("big", &"a".repeat(n)))
    });
    socket.on("count", async |s: SocketRef, Data::<Sid>(sid)| {
        let runs = RUNS.lock().unwrap().clone();
        let of = |handler| (handler, runs.iter().filter(|run| **run == (sid, handler)).count());
        drop(s.emit("count", &BTreeMap::from(["connect", "disconnect"].map(of))))
    });
}

async fn echo(socket: SocketRef, Data(args): Data<Args>) {
    drop(socket.emit("message-back", &args));
}

/// Any arguments, as many as there are: socketioxide expands what (de)serializes as a tuple.
struct Args(Vec<Value>);

impl Serialize for Args {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|arg| tuple.serialize_element(arg))?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Args {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(0, Elements) // the length is not known before; JSON does not need it
    }
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Args;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Args, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(elements)).map(Args)
    }
}
