//! The test application of docs/server-app.md on socketioxide and axum.

mod args;

use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::sync::Mutex;
use std::time::Duration;

use args::Args;
use rmpv::Value;
use socketioxide::extract::{AckSender, Data, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::Sid;
use socketioxide::{SocketIo, TransportType};

/// How often the connection and the disconnection handler have run, for the latest 10,000 ids.
static COUNTS: Mutex<VecDeque<(Sid, [u64; 2])>> = Mutex::new(VecDeque::new());

// Each handler is a task. On one thread they run in the order in which they were spawned, that is in the order of the
// events; on several threads the answers to two events could overtake each other.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = SocketIo::builder()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(200))
        .connect_timeout(Duration::from_millis(1000))
        .max_payload(1_000_000)
        .ws_max_message_size(1_000_000)
        .ws_max_frame_size(1_000_000)
        .max_buffer_size(20_000); // packets: `burst` sends up to 10,000 at once
    builder = match env::var("VARIANT").unwrap_or_default().as_str() {
        "" => builder,
        "polling-only" => builder.transports([TransportType::Polling]),
        "websocket-only" => builder.transports([TransportType::Websocket]),
        "upgrade-timeout" => builder.upgrade_timeout(Duration::from_millis(300)),
        "slow-heartbeat" => builder
            .ping_interval(Duration::from_millis(25_000))
            .ping_timeout(Duration::from_millis(20_000))
            .connect_timeout(Duration::from_millis(45_000)),
        other => return Err(format!("unknown VARIANT {other}").into()),
    };
    let (layer, io) = builder.build_layer();

    io.ns("/", main_namespace);
    io.ns("/custom", base);
    io.ns("/refused", message.with(refuse));
    io.ns("/guarded", message.with(guard));
    io.ns("/slow", message.with(take_time));
    io.dyn_ns("/dyn-{digits}", message_and_rooms.with(only_digits))?;

    let address = format!("127.0.0.1:{}", env::var("PORT")?);
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}

fn count_run(sid: Sid, handler: usize) {
    let mut counts = COUNTS.lock().unwrap();
    if !counts.iter().any(|(known, _)| *known == sid) {
        counts.push_back((sid, [0, 0]));
    }
    for (_, runs) in counts.iter_mut().filter(|(known, _)| *known == sid) {
        runs[handler] += 1;
    }
    let surplus = counts.len().saturating_sub(10_000);
    counts.drain(..surplus);
}

async fn message(socket: SocketRef) {
    count_run(socket.id, 0);
    socket.on_disconnect(async |socket: SocketRef| count_run(socket.id, 1));
    socket.on("message", echo);
}

async fn echo(socket: SocketRef, Data(args): Data<Args>) {
    socket.emit("message-back", &args).ok();
}

async fn message_and_rooms(socket: SocketRef) {
    message(socket.clone()).await;
    socket.on("join", async |socket: SocketRef, Data::<String>(room)| {
        socket.join(room)
    });
    socket.on(
        "shout",
        async |socket: SocketRef, Data::<(String, Value)>((room, value))| {
            socket.within(room).emit("shout", &value).await.ok();
        },
    );
}

async fn base(socket: SocketRef, TryData(auth): TryData<Value>) {
    message_and_rooms(socket.clone()).await;
    socket.emit("auth", &auth.unwrap_or(Value::Map(Vec::new()))).ok();
    socket.on("message-with-ack", async |Data::<Args>(args), ack: AckSender| {
        ack.send(&args).ok();
    });
    socket.on("ask", ask);
    socket.on("leave", async |socket: SocketRef| {
        socket.disconnect().ok();
    });
}

async fn ask(socket: SocketRef, Data(mut args): Data<Args>) {
    let Some(Value::String(event)) = args.0.first().cloned() else {
        return;
    };
    args.0.remove(0);
    let Ok(answer) = socket.emit_with_ack::<_, Args>(event.as_str().unwrap_or_default(), &args) else {
        return;
    };
    if let Ok(answer) = answer.await {
        socket.emit("answer", &answer).ok();
    }
}

async fn main_namespace(socket: SocketRef, auth: TryData<Value>) {
    base(socket.clone(), auth).await;
    socket.on("attach", async |socket: SocketRef, Data::<u8>(n)| {
        let attachments = (0..n).map(|i| Value::Binary(vec![i, n])).collect();
        socket.emit("attached", &Args(attachments)).ok();
    });
    socket.on("burst", async |socket: SocketRef, Data::<u64>(n)| {
        for i in 0..n.min(10_000) {
            socket.emit("item", &i).ok();
        }
    });
    socket.on("big", async |socket: SocketRef, Data::<usize>(n)| {
        socket.emit("big", &"a".repeat(n.min(10_000_000))).ok();
    });
    socket.on("count", async |socket: SocketRef, Data::<Sid>(sid)| {
        let [connect, disconnect] = COUNTS
            .lock()
            .unwrap()
            .iter()
            .find(|(known, _)| *known == sid)
            .map_or([0, 0], |(_, runs)| *runs);
        socket
            .emit(
                "count",
                &BTreeMap::from([("connect", connect), ("disconnect", disconnect)]),
            )
            .ok();
    });
    socket.on("mess€ge", echo);
}

async fn refuse() -> Result<(), &'static str> {
    Err("Not authorized")
}

async fn guard(TryData(auth): TryData<Value>) -> Result<(), &'static str> {
    let expected = Value::Map(vec![("token".into(), "123".into())]);
    if auth.is_ok_and(|auth| auth == expected) {
        Ok(())
    } else {
        Err("Not authorized")
    }
}

async fn take_time() -> Result<(), &'static str> {
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(())
}

/// The pattern takes any name after `/dyn-`: what is not digits is refused as the library refuses unknown namespaces.
async fn only_digits(socket: SocketRef) -> Result<(), &'static str> {
    let digits = socket.ns().trim_start_matches("/dyn-");
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err("Invalid namespace")
    }
}
