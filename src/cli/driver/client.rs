//! The steps for the driver of a client, each played against the reference server or a bare listener.

use super::relay::Relay;
use super::scene::{Scene, Stage, Trouble, alike};
use super::step::Step;
use crate::target::Request;
use crate::target::client::Answer;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

/// How many cases are played at once.
const MANY: usize = 20;
/// How long nothing must happen after a case was closed.
const QUIET: Duration = Duration::from_millis(500);
/// After how many milliseconds a lost connection is made again.
const SOON: u64 = 20;

/// Takes one step.
///
/// # Errors
/// Where it does not hold.
pub(super) async fn take(step: Step, stage: &Stage) -> Result<(), Trouble> {
    match step {
        Step::Transport(transports) => transport(stage, transports).await,
        Step::Option => unknown_option(stage).await,
        Step::Event => event(stage).await,
        Step::Undefined => undefined(stage).await,
        Step::Bytes => bytes(stage).await,
        Step::Ack => ack(stage).await,
        Step::AckTimeout => ack_timeout(stage).await,
        Step::Answer => answer(stage).await,
        Step::Auth => auth(stage).await,
        Step::Namespaces => namespaces(stage).await,
        Step::Refused => refused(stage).await,
        Step::Kicked => kicked(stage).await,
        Step::Again => again(stage).await,
        Step::Reconnection => reconnection(stage).await,
        Step::Many => many(stage).await,
        Step::Close => close(stage).await,
        Step::CloseEarly => close_early(stage).await,
    }
}

async fn connected<'s>(stage: &'s Stage, name: &str) -> Result<Scene<'s>, Trouble> {
    let mut scene = stage.scene(name);
    scene.connect("/", stage.options()).await?;
    Ok(scene)
}

/// Emits values, which the server sends back.
async fn echo(scene: &mut Scene<'_>, nsp: &str, args: Vec<Value>) -> Result<(), Trouble> {
    let expected = json!({"report": "event", "nsp": nsp, "event": "message-back", "args": args});
    scene.emit(nsp, "message", args).await?;
    scene.hear(expected).await.map(|_| ())
}

async fn transport(stage: &Stage, transports: &[&str]) -> Result<(), Trouble> {
    let mut scene = stage.scene("transport");
    let options = Map::from_iter([("transports".to_owned(), json!(transports))]);
    let report = scene.connect("/", options).await?;
    if stage.can(&["sid"]) && !report["sid"].is_string() {
        return Err(Trouble::Missing(format!("expected a `sid`, but came {report}")));
    }
    echo(&mut scene, "/", vec![json!("hello")]).await
}

async fn unknown_option(stage: &Stage) -> Result<(), Trouble> {
    let mut options = stage.options();
    options.insert("siospecNoSuchOption".to_owned(), json!(true));
    let (url, nsp) = (stage.url.clone(), "/".to_owned());
    match stage
        .scene("option")
        .answer(Request::Connect { url, nsp, options })
        .await?
    {
        Answer::Unsupported(_) => Ok(()),
        other => Err(Trouble::Missing(format!(
            "expected `unsupported` to the option siospecNoSuchOption, but came {}",
            in_words(&other)
        ))),
    }
}

async fn event(stage: &Stage) -> Result<(), Trouble> {
    let mut scene = connected(stage, "event").await?;
    let plain = json!([null, true, 0, -1, 1.5, 9_007_199_254_740_991_u64, "", "\u{2028}\n\"€😀", [[]], {"a": {}, "b": [1]}]);
    for value in plain.as_array().into_iter().flatten() {
        echo(&mut scene, "/", vec![value.clone()]).await?;
    }
    echo(&mut scene, "/", vec![json!(1), json!("two"), json!([3])]).await?;
    // A language with nothing but floats rounds it; it must still be told as a number.
    let (given, rounded) = (
        json!({"$number": "9007199254740993"}),
        json!(9_007_199_254_740_992_u64),
    );
    scene.emit("/", "message", vec![given.clone()]).await?;
    let expected = "of `message-back` with the argument 9007199254740993, or what it is rounded to,";
    let fits = |report: &Value| {
        report["event"] == "message-back" && [&given, &rounded].iter().any(|n| alike(&report["args"][0], n))
    };
    scene.hear_that(expected, fits).await.map(|_| ())
}

async fn undefined(stage: &Stage) -> Result<(), Trouble> {
    let mut scene = connected(stage, "undefined").await?;
    match scene
        .emit("/", "message", vec![json!({"$undefined": true})])
        .await
    {
        Err(Trouble::Unable(_)) => return Ok(()),
        other => other?,
    }
    let expected = "of `message-back` with the argument null or none";
    let fits = |report: &Value| {
        report["event"] == "message-back" && [json!([null]), json!([])].contains(&report["args"])
    };
    scene.hear_that(expected, fits).await.map(|_| ())
}

async fn bytes(stage: &Stage) -> Result<(), Trouble> {
    let mut scene = connected(stage, "bytes").await?;
    echo(&mut scene, "/", vec![json!({"$binary": "AAEC/w=="})]).await?;
    let nested = json!({"deep": [{"$binary": ""}, {"$binary": "+/+/"}]});
    match echo(&mut scene, "/", vec![json!("x"), nested]).await {
        // Some libraries send bytes alone or not at all.
        Err(Trouble::Unable(_)) => Ok(()),
        other => other,
    }
}

async fn ack(stage: &Stage) -> Result<(), Trouble> {
    let mut scene = connected(stage, "ack").await?;
    for (name, args) in [
        ("first", json!([1])),
        ("second", json!([])),
        ("third", json!(["a", {"b": 2}])),
    ] {
        let list = args.as_array().cloned().unwrap_or_default();
        scene
            .emit_with("/", "message-with-ack", list, Some(name), None)
            .await?;
        scene
            .hear(json!({"report": "ack", "nsp": "/", "ack": name, "args": args}))
            .await?;
    }
    Ok(())
}

async fn ack_timeout(stage: &Stage) -> Result<(), Trouble> {
    let mut scene = connected(stage, "ack-timeout").await?;
    scene
        .emit_with("/", "nobody-answers-this", vec![], Some("late"), Some(50))
        .await?;
    scene
        .hear(json!({"report": "ack_error", "nsp": "/", "ack": "late"}))
        .await?;
    scene
        .emit_with(
            "/",
            "message-with-ack",
            vec![json!(1)],
            Some("in time"),
            Some(20_000),
        )
        .await?;
    scene
        .hear(json!({"report": "ack", "nsp": "/", "ack": "in time", "args": [1]}))
        .await
        .map(|_| ())
}

async fn answer(stage: &Stage) -> Result<(), Trouble> {
    let mut scene = connected(stage, "answer").await?;
    for args in [vec![json!("yes"), json!(2)], vec![]] {
        scene
            .emit("/", "ask", vec![json!("question"), json!("why?")])
            .await?;
        let question = json!({"report": "event", "nsp": "/", "event": "question", "args": ["why?"]});
        let question = scene.hear(question).await?;
        let Some(ack) = question["ack"].as_u64() else {
            return Err(Trouble::Missing(format!(
                "expected a number as `ack`, but came {question}"
            )));
        };
        let answered = json!({"report": "event", "nsp": "/", "event": "answer", "args": args});
        scene.ask(Request::Ack { ack, args }).await?;
        scene.hear(answered).await?;
    }
    Ok(())
}

async fn auth(stage: &Stage) -> Result<(), Trouble> {
    let mut scene = stage.scene("auth");
    let mut options = stage.options();
    options.insert("auth".to_owned(), json!({"token": "123"}));
    scene.open("/", options).await?;
    let told = json!({"report": "event", "nsp": "/", "event": "auth", "args": [{"token": "123"}]});
    scene.hear(told).await.map(|_| ())
}

async fn namespaces(stage: &Stage) -> Result<(), Trouble> {
    let mut scene = connected(stage, "namespaces").await?;
    let mut options = stage.options();
    if !stage.can(&["namespaces"]) {
        options.insert("forceNew".to_owned(), json!(true));
    }
    scene.connect("/custom", options).await?;
    echo(&mut scene, "/custom", vec![json!("custom")]).await?;
    echo(&mut scene, "/", vec![json!("main")]).await
}

async fn refused(stage: &Stage) -> Result<(), Trouble> {
    let mut scene = stage.scene("refused");
    scene.open("/refused", stage.options()).await?;
    let expected = json!({"report": "connect_error", "nsp": "/refused", "message": "Not authorized", "data": {"code": 1}});
    scene.hear(expected).await.map(|_| ())
}

async fn kicked(stage: &Stage) -> Result<(), Trouble> {
    let mut scene = connected(stage, "kicked").await?;
    scene.emit("/", "leave", vec![]).await?;
    scene
        .hear(json!({"report": "disconnect", "nsp": "/"}))
        .await
        .map(|_| ())
}

async fn again(stage: &Stage) -> Result<(), Trouble> {
    let mut scene = connected(stage, "again").await?;
    scene.ask(Request::Disconnect { nsp: "/".to_owned() }).await?;
    scene.connect("/", stage.options()).await?;
    echo(&mut scene, "/", vec![json!("again")]).await
}

async fn reconnection(stage: &Stage) -> Result<(), Trouble> {
    let relay = Relay::start(&stage.url).await.map_err(system)?;
    let mut scene = stage.scene("reconnection");
    let mut options = stage.options();
    options.insert("reconnection".to_owned(), json!(true));
    options.insert("reconnectionDelay".to_owned(), json!(SOON));
    let (url, nsp) = (relay.url.clone(), "/".to_owned());
    scene.ask(Request::Connect { url, nsp, options }).await?;
    scene.hear(json!({"report": "connect", "nsp": "/"})).await?;
    relay.cut();
    scene.hear(json!({"report": "connect", "nsp": "/"})).await?;
    echo(&mut scene, "/", vec![json!("back")]).await
}

async fn many(stage: &Stage) -> Result<(), Trouble> {
    let mut scenes: Vec<Scene<'_>> = (0..MANY)
        .map(|number| stage.scene(&format!("many{number}")))
        .collect();
    for scene in &scenes {
        scene.open("/", stage.options()).await?;
    }
    for scene in &mut scenes {
        scene.hear(json!({"report": "connect", "nsp": "/"})).await?;
    }
    for (number, scene) in scenes.iter().enumerate() {
        scene.emit("/", "message", vec![json!(number)]).await?;
    }
    for (number, scene) in scenes.iter_mut().enumerate() {
        let own = json!({"report": "event", "nsp": "/", "event": "message-back", "args": [number]});
        scene.hear(own).await?;
    }
    Ok(())
}

async fn close(stage: &Stage) -> Result<(), Trouble> {
    let mut scene = connected(stage, "close").await?;
    echo(&mut scene, "/", vec![json!("open")]).await?;
    scene.ask(Request::Close {}).await?;
    scene.hear_nothing(QUIET).await
}

/// A listener takes a connection and says nothing; after `close` that one must end, and no other may come.
async fn close_early(stage: &Stage) -> Result<(), Trouble> {
    for transport in ["polling", "websocket"] {
        if stage.can(&[transport]) {
            close_half_open(stage, transport).await?;
        }
    }
    Ok(())
}

async fn close_half_open(stage: &Stage, transport: &str) -> Result<(), Trouble> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(system)?;
    let address = listener.local_addr().map_err(system)?;
    let mut scene = stage.scene("close-early");
    let mut options = Map::from_iter([("transports".to_owned(), json!([transport]))]);
    if stage.can(&["reconnection", "reconnection-delay"]) {
        options.insert("reconnection".to_owned(), json!(true));
        options.insert("reconnectionDelay".to_owned(), json!(SOON));
    }
    let (url, nsp) = (format!("http://{address}"), "/".to_owned());
    scene.ask(Request::Connect { url, nsp, options }).await?;
    let Ok(taken) = tokio::time::timeout(stage.patience, listener.accept()).await else {
        return Err(Trouble::Missing(format!(
            "nobody connected to {address} over {transport}"
        )));
    };
    let (mut connection, _) = taken.map_err(system)?;
    scene.ask(Request::Close {}).await?;
    if tokio::time::timeout(stage.patience, ended(&mut connection))
        .await
        .is_err()
    {
        return Err(Trouble::Missing(format!(
            "the connection over {transport} was still open {} s after `close` was answered",
            stage.patience.as_secs_f64()
        )));
    }
    match tokio::time::timeout(QUIET, listener.accept()).await {
        Ok(_) => Err(Trouble::Missing(format!(
            "another connection over {transport} was made after `close`"
        ))),
        Err(_) => scene.hear_nothing(QUIET).await,
    }
}

async fn ended(connection: &mut TcpStream) {
    let mut request = [0; 4096];
    while let Ok(1..) = connection.read(&mut request).await {}
}

fn system(error: std::io::Error) -> Trouble {
    Trouble::Missing(format!("siospec itself cannot listen: {error}"))
}

fn in_words(answer: &Answer) -> String {
    match answer {
        Answer::Done => "{\"id\":…}".to_owned(),
        Answer::Refused(why) => format!("the error `{why}`"),
        Answer::Unsupported(why) => format!("`unsupported`: {why}"),
    }
}
