//! What the driver can be asked for, over real sockets.

use serde_json::{Value, json};

use crate::driven::Driven;

fn over(transport: &str) -> Value {
    match transport {
        "upgraded" => json!({}),
        single => json!({"transports": [single]}),
    }
}

/// What the test application says on connection.
fn auth(case: &str, auth: &Value) -> Value {
    json!({"case": case, "report": "event", "nsp": "/", "event": "auth", "args": [auth]})
}

#[tokio::test]
async fn events_bytes_and_acknowledgements_over_each_transport() {
    let mut driven = Driven::new("slow-heartbeat", None).await;
    for case in ["polling", "websocket", "upgraded"] {
        let mut options = over(case);
        options["auth"] = json!({"token": "T"});
        driven.connect(case, options).await;
        assert_eq!(driven.hear().await, auth(case, &json!({"token": "T"})));
        let values = json!([1, "a\u{1e}", {"b": {"$binary": "+/8="}}, {"$binary": ""}]);
        for _ in 0..20 {
            driven
                .act(json!({"do": "emit", "case": case, "nsp": "/", "event": "message", "args": values}))
                .await;
            let mut echo = driven.hear().await;
            assert_eq!(echo["args"].take(), values);
            assert_eq!(echo["event"], "message-back");
        }
        driven
            .act(json!({"do": "emit", "case": case, "nsp": "/", "event": "message-with-ack", "args": values, "ack": "x"}))
            .await;
        assert_eq!(
            driven.hear().await,
            json!({"case": case, "report": "ack", "nsp": "/", "ack": "x", "args": values})
        );
        driven
            .act(json!({"do": "disconnect", "case": case, "nsp": "/"}))
            .await;
        assert_eq!(
            driven.hear().await,
            json!({"case": case, "report": "disconnect", "nsp": "/", "reason": "io client disconnect"})
        );
        driven.act(json!({"do": "close", "case": case})).await;
    }
}

#[tokio::test]
async fn events_are_answered_once() {
    let mut driven = Driven::new("slow-heartbeat", None).await;
    driven.connect("c", over("websocket")).await;
    driven.hear().await;
    driven
        .act(json!({"do": "emit", "case": "c", "nsp": "/", "event": "ask", "args": ["question", 1]}))
        .await;
    let question = driven.hear().await;
    assert_eq!(
        (&question["event"], &question["args"]),
        (&json!("question"), &json!([1]))
    );
    for _ in 0..2 {
        driven
            .act(json!({"do": "ack", "case": "c", "ack": question["ack"], "args": [{"$binary": "Bw=="}]}))
            .await;
    }
    let answer = driven.hear().await;
    assert_eq!(
        (&answer["event"], &answer["args"]),
        (&json!("answer"), &json!([{"$binary": "Bw=="}]))
    );
    driven
        .act(json!({"do": "emit", "case": "c", "nsp": "/", "event": "message", "args": []}))
        .await;
    assert_eq!(driven.hear().await["event"], "message-back", "no second answer");
}

#[tokio::test]
async fn namespaces_share_a_connection_and_refusals_are_reported() {
    let mut driven = Driven::new("slow-heartbeat", None).await;
    driven.connect("c", over("websocket")).await;
    driven.hear().await;
    driven
        .act(json!({"do": "connect", "case": "c", "nsp": "/custom", "options": {}}))
        .await;
    assert_eq!(driven.hear().await["nsp"], "/custom");
    driven.hear().await;
    driven
        .act(json!({"do": "connect", "case": "c", "nsp": "/refused", "options": {}}))
        .await;
    assert_eq!(
        driven.hear().await,
        json!({"case": "c", "report": "connect_error", "nsp": "/refused", "message": "Not authorized", "data": {"code": 1}})
    );
    driven
        .act(json!({"do": "disconnect", "case": "c", "nsp": "/"}))
        .await;
    assert_eq!(driven.hear().await["report"], "disconnect");
    driven
        .act(json!({"do": "emit", "case": "c", "nsp": "/custom", "event": "message", "args": [2]}))
        .await;
    assert_eq!(driven.hear().await["nsp"], "/custom");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let mut driven = Driven::new("", None).await;
    let options = json!({"reconnection": true, "reconnectionAttempts": 2, "reconnectionDelay": 1});
    let request =
        json!({"do": "connect", "case": "c", "nsp": "/", "url": "http://127.0.0.1:1", "options": options});
    driven.act(request).await;
    let mut reports = Vec::new();
    for _ in 0..6 {
        reports.push(
            driven.hear().await["report"]
                .as_str()
                .expect("a report")
                .to_owned(),
        );
    }
    let each = ["connect_error", "reconnect_attempt"];
    assert_eq!(
        reports,
        [each[0], each[1], each[0], each[1], each[0], "reconnect_failed"]
    );
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let mut driven = Driven::new("", None).await;
    assert_eq!(
        driven.ask(json!({"do": "fly"})).await,
        json!({"unsupported": "fly"})
    );
    driven.connect("c", over("websocket")).await;
    driven.hear().await;
    for (request, key) in [
        (
            json!({"case": "c", "do": "emit", "nsp": "/", "event": "connect", "args": []}),
            "error",
        ),
        (
            json!({"case": "c", "do": "emit", "nsp": "/other", "event": "a", "args": []}),
            "error",
        ),
        (
            json!({"case": "d", "do": "emit", "nsp": "/", "event": "a", "args": []}),
            "error",
        ),
        (
            json!({"case": "c", "do": "emit", "nsp": "/", "args": []}),
            "error",
        ),
        (
            json!({"case": "c", "do": "emit", "nsp": "/", "event": "a", "args": [{"$special": "date"}]}),
            "unsupported",
        ),
        (json!({"case": "c", "do": "ack", "ack": 99, "args": []}), "error"),
        (
            json!({"case": "e", "do": "connect", "nsp": "/", "url": "https://x", "options": {}}),
            "error",
        ),
        (
            json!({"case": "e", "do": "connect", "nsp": "/", "options": {"x": 1}}),
            "unsupported",
        ),
        (json!({}), "error"),
    ] {
        let answer = driven.ask(request.clone()).await;
        assert!(answer.get(key).is_some(), "{request}: {answer}");
    }
}

#[tokio::test]
async fn a_closed_case_is_silent_and_others_go_on() {
    let mut driven = Driven::new("", None).await;
    for case in ["a", "b"] {
        driven.connect(case, over("upgraded")).await;
        driven.hear().await;
    }
    driven.say(json!({"do": "emit", "case": "a", "nsp": "/", "event": "message", "args": [], "ack": "x"}));
    driven.say(json!({"do": "close", "case": "a"}));
    let second = driven.say(json!({"do": "emit", "case": "b", "nsp": "/", "event": "message", "args": [3]}));
    let mut seen_answer = false;
    loop {
        let line = driven.hear().await;
        assert!(
            line["case"] != "a" || !seen_answer,
            "a report of a closed case: {line}"
        );
        seen_answer |= line["id"] == second - 1;
        if line["args"] == json!([3]) {
            break;
        }
    }
    assert!(seen_answer);
}
