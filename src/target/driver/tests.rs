//! Drivers of a few lines, and what they must not get away with before anything is asked.

use super::super::launch::{Launch, Limits};
use super::Pipe;
use std::collections::BTreeMap;
use std::time::Duration;

/// Greets and knows nothing.
const IGNORANT: &str = r#"
import json, sys
def say(value): print(json.dumps(value), flush=True)
say({"hello": 1, "name": "x", "version": "1", "language": "Python", "client": ["polling"]})
for line in sys.stdin:
    say({"id": json.loads(line)["id"], "unsupported": "what?"})
"#;

/// What starts a driver that is written in Python.
pub(in crate::target) fn python(script: &str) -> Launch {
    Launch {
        command: ["python3", "-c", script].map(str::to_owned).to_vec(),
        folder: std::env::temp_dir(),
        env: BTreeMap::new(),
        path: String::new(),
    }
}

async fn start(script: &str) -> Result<Pipe, String> {
    let started = Pipe::start(&python(script), Limits::default(), Duration::from_secs(20)).await;
    started.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_driver_introduces_itself() {
    let hello = start(IGNORANT).await.unwrap().hello;
    assert_eq!(
        (hello.name.as_str(), hello.client),
        ("x", vec!["polling".to_owned()])
    );
    assert_eq!(hello.codecs, Vec::<String>::new());
}

#[tokio::test]
async fn a_driver_that_knows_every_command_is_refused() {
    let liar = start(&IGNORANT.replace("\"unsupported\": \"what?\"", "\"results\": []")).await;
    assert!(liar.unwrap_err().contains("nobody knows the command"));
    let old = start(&IGNORANT.replace("\"hello\": 1", "\"hello\": 0")).await;
    assert!(old.unwrap_err().contains("version 0"));
    let mute = start(&IGNORANT.replace("\"hello\": 1", "\"hi\": 1")).await;
    assert!(
        mute.unwrap_err()
            .contains("is no hello: expected {\"hello\":1,…}")
    );
}
