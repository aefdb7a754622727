//! socket.io-parser and engine.io-parser, in Node, by `node.mjs`.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde::Deserialize;
use serde_json::json;

use crate::{
    inputs::{Event, Inputs, Task},
    measure::Time,
};

/// What Node measured.
#[derive(Deserialize)]
pub(crate) struct Node {
    version: String,
    /// Nanoseconds, by the name of the task.
    times: BTreeMap<String, f64>,
}

impl Node {
    /// Its time in a task.
    pub(crate) fn time(&self, task: Task) -> Option<Time> {
        let nanos = *self.times.get(task.name())?;
        Some(Time { name: "Node", nanos })
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }
}

/// Measures the tasks in Node. `Err` says what is missing.
pub(crate) fn measure(inputs: &Inputs, tasks: &[Task]) -> Result<Node, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = here.join("../../targets/socket.io-parser");
    if !folder.join("node_modules").is_dir() {
        return Err(
            "its parsers are not installed; try: siospec install targets/socket.io-parser".to_owned(),
        );
    }
    let mut child = Command::new("node")
        .arg(here.join("node.mjs"))
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    // What goes wrong here is seen in how the process ends.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(question(inputs, tasks).as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("node.mjs ended with {}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("node.mjs gave no times: {error}"))
}

fn question(inputs: &Inputs, tasks: &[Task]) -> String {
    let event = |event: &Event| {
        let attachments = event.attachments.iter().map(base64);
        json!({ "text": event.text, "attachments": attachments.collect::<Vec<_>>() })
    };
    let events = json!({
        "small event": event(&inputs.small),
        "10 KB event": event(&inputs.large),
        "binary event": event(&inputs.binary),
    });
    let tasks: Vec<&str> = tasks.iter().map(|task| task.name()).collect();
    json!({ "events": events, "payload": inputs.payload, "tasks": tasks }).to_string()
}

fn base64(data: &bytes::Bytes) -> String {
    use reference_impl::codec::EnginePacket;
    let mut encoded = String::new();
    EnginePacket::Binary(data.clone()).encode_polled(&mut encoded);
    // Without the `b` in front.
    encoded.split_off(1)
}
