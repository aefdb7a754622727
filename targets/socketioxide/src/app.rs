//! Owns the handlers, namespace by namespace.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use rmpv::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::Sid;

use crate::args::Args;
use crate::counts;

pub fn register(io: &SocketIo) -> Result<(), Box<dyn Error>> {
    io.ns("/", main_namespace);
    io.ns("/custom", base);
    io.ns("/refused", message.with(refuse));
    io.ns("/guarded", message.with(guard));
    io.ns("/slow", message.with(take_time));
    io.dyn_ns("/dyn-{digits}", message_and_rooms.with(only_digits))?;
    Ok(())
}

async fn message(socket: SocketRef) {
    counts::connected(socket.id);
    socket.on_disconnect(async |socket: SocketRef| counts::disconnected(socket.id));
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
        let (connect, disconnect) = counts::of(sid);
        let count = BTreeMap::from([("connect", connect), ("disconnect", disconnect)]);
        socket.emit("count", &count).ok();
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
