//! Small drivers that behave, and small drivers that do not.

use super::super::driver::DriverError;
use super::super::driver::tests::python;
use super::super::launch::Limits;
use super::*;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(20);

/// Does with `emit` what the event says, and answers everything else.
const DRIVER: &str = r#"
import json, os, sys, time
def say(value): print(json.dumps(value), flush=True)
say({"hello": 1, "name": "x", "version": "1", "language": "Python", "client": ["polling"]})
for line in sys.stdin:
    request = json.loads(line)
    number, what, case = request["id"], request["do"], request.get("case")
    if what == "emit":
        event = request["event"]
        if event == "die": print("last words", file=sys.stderr, flush=True); os._exit(7)
        elif event == "hang": time.sleep(600)
        elif event == "rubbish": print("here I am", flush=True)
        elif event == "wordless": say({"case": case})
        elif event == "caseless": say({"report": "connect"})
        elif event == "flood":
            while True: sys.stdout.write("x" * 1000000)
        elif event == "foreign": say({"id": 999})
        elif event == "twice": say({"id": number}); say({"id": number})
        elif event == "stranger": say({"case": "c99:x", "report": "connect", "nsp": "/"})
        elif event == "refuse": say({"id": number, "error": "reserved"}); continue
        elif event == "unable": say({"id": number, "unsupported": "never heard"}); continue
        elif event == "many":
            for _ in range(20000): say({"case": case, "report": "connect", "nsp": "/"})
        elif event == "large":
            for _ in range(4): say({"case": case, "report": "event", "nsp": "/", "event": "large", "args": ["x" * (30 << 20)]})
        elif event == "echo": say({"case": case, "report": "event", "nsp": "/", "event": "echo", "args": request["args"]})
        elif event == "haunt": say({"case": request["args"][0], "report": "connect", "nsp": "/"})
        say({"id": number})
    elif what in ("connect", "close"): say({"id": number})
    else: say({"id": number, "unsupported": what})
"#;

async fn start(script: &str, patience: Duration) -> Result<ClientInstance, String> {
    let launch = python(script);
    let target = ClientTarget::command(launch.command);
    let started = target.start(Limits::default(), patience).await;
    started.map_err(|error| error.to_string())
}

fn emit(event: &str, arguments: Value) -> Map<String, Value> {
    let Value::Object(map) = json!({"do": "emit", "nsp": "/", "event": event, "args": arguments}) else {
        unreachable!("it is an object")
    };
    map
}

#[tokio::test]
async fn answers_and_reports_reach_the_case_that_they_belong_to() {
    let instance = start(DRIVER, PATIENCE).await.unwrap();
    assert_eq!(instance.hello().client, ["polling"]);
    let cases: Vec<_> = (0..50).map(|number| instance.case(&number.to_string())).collect();
    let plays = cases
        .into_iter()
        .enumerate()
        .map(|(number, mut case)| async move {
            assert_eq!(
                case.request(emit("echo", json!([number]))).await.unwrap(),
                Answer::Done
            );
            assert_eq!(case.report().await.unwrap()["args"], json!([number]));
            let refused = case.request(emit("refuse", json!([]))).await.unwrap();
            assert_eq!(refused, Answer::Refused("reserved".to_owned()));
            let unable = case.request(emit("unable", json!([]))).await.unwrap();
            assert_eq!(unable, Answer::Unsupported("never heard".to_owned()));
            case.close().await.unwrap();
        });
    for play in plays.map(tokio::spawn).collect::<Vec<_>>() {
        play.await.unwrap();
    }
    assert!(instance.0.core.cause().is_none());
    instance.stop().await;
    assert_eq!(instance.lost().await.to_string(), "the target was stopped");
}

#[tokio::test]
async fn what_goes_wrong_has_a_name_and_ends_all_cases() {
    for (event, words) in [
        ("die", "exit status: 7"),
        ("die", "| last words"),
        ("hang", "did not answer within 1 s"),
        (
            "rubbish",
            "wrote `here I am`, which is no answer or report: it is no JSON",
        ),
        ("wordless", "neither an `id` nor a `report`"),
        ("caseless", "no report: missing field `case`"),
        ("flood", "more than 32 MiB"),
        ("foreign", "answered the request 999, expected the answer to 1"),
        ("twice", "answered the request 1, but no request waits"),
        ("stranger", "reported for the case c99:x, which there never was"),
    ] {
        let patience = if event == "hang" {
            Duration::from_secs(1)
        } else {
            PATIENCE
        };
        let instance = start(DRIVER, patience).await.unwrap();
        let (case, mut other) = (instance.case("it"), instance.case("other"));
        let _answered_where_the_mistake_came_after = case.request(emit(event, json!([]))).await;
        let lost = instance.lost().await.to_string();
        assert!(lost.contains(words), "{event}: {lost}");
        assert_eq!(other.report().await, None, "{event}");
        assert_eq!(other.error().unwrap().to_string(), lost, "{event}");
        let refused = other.request(emit("echo", json!([]))).await.unwrap_err();
        assert_eq!(refused.to_string(), lost, "{event}");
        assert_eq!(instance.case("late").report().await, None, "{event}");
    }
}

#[tokio::test]
async fn a_flood_of_reports_ends_its_case_alone() {
    for event in ["many", "large"] {
        let instance = start(DRIVER, PATIENCE).await.unwrap();
        let (mut case, mut other) = (instance.case("loud"), instance.case("other"));
        let _answered_or_ended = case.request(emit(event, json!([]))).await;
        let end = async { while case.report().await.is_some() {} };
        tokio::time::timeout(3 * PATIENCE, end).await.unwrap();
        let error = case.error().unwrap().to_string();
        assert!(error.contains("without end for the case c1:loud"), "{error}");
        assert!(matches!(
            case.request(emit("echo", json!([]))).await,
            Err(DriverError::CaseFlood { .. })
        ));
        drop(case);
        assert_eq!(
            other.request(emit("echo", json!([1]))).await.unwrap(),
            Answer::Done
        );
        assert_eq!(other.report().await.unwrap()["args"], json!([1]));
    }
}

#[tokio::test]
async fn late_reports_of_a_closed_case_are_ignored() {
    let instance = start(DRIVER, PATIENCE).await.unwrap();
    let (closed, mut other) = (instance.case("closed"), instance.case("other"));
    let id = closed.id().to_owned();
    closed.close().await.unwrap();
    assert_eq!(
        other.request(emit("haunt", json!([id]))).await.unwrap(),
        Answer::Done
    );
    assert_eq!(
        other.request(emit("echo", json!([1]))).await.unwrap(),
        Answer::Done
    );
    assert_eq!(other.report().await.unwrap()["event"], "echo");
}

#[tokio::test]
async fn a_driver_without_a_client_is_refused() {
    let codec = DRIVER.replace("\"client\": [\"polling\"]", "\"codecs\": [\"socket-packet\"]");
    let error = start(&codec, PATIENCE).await.unwrap_err();
    assert!(error.contains("no list `client`"), "{error}");
}

/// A driver in this process, of which every case that is dropped reports its closing for the next one.
fn in_process() -> (mpsc::Sender<Value>, mpsc::Receiver<Value>) {
    let (requests, mut asked) = mpsc::channel::<Value>(8);
    let (messages, read) = mpsc::channel(8);
    tokio::spawn(async move {
        let _read = messages
            .send(json!({"hello": 1, "name": "inside", "client": ["websocket"]}))
            .await;
        while let Some(request) = asked.recv().await {
            let id = &request["id"];
            let (report, answer) = match request["do"].as_str() {
                Some("close") => (
                    json!({"case": "c2:", "report": "reconnect_failed"}),
                    json!({"id": id}),
                ),
                _ => (Value::Null, json!({"id": id, "unsupported": "?"})),
            };
            for message in [report, answer].into_iter().filter(Value::is_object) {
                let _read = messages.send(message).await;
            }
        }
    });
    (requests, read)
}

#[tokio::test]
async fn a_driver_in_this_process_is_spoken_with_like_any_other() {
    let target = ClientTarget::builtin(in_process);
    let instance = target.start(Limits::default(), PATIENCE).await.unwrap();
    assert_eq!(
        (target.info().name.as_str(), instance.hello().name.as_str()),
        ("reference", "inside")
    );
    let (dropped, mut other) = (instance.case(""), instance.case(""));
    drop(dropped);
    assert_eq!(other.report().await.unwrap()["report"], "reconnect_failed");
    instance.stop().await;
    assert_eq!(other.report().await, None);
}
