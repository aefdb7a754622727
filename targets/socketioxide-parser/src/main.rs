//! Drives the codecs of socketioxide for siospec: JSON Lines over standard input and output, see docs/driver.md.

mod args;
mod engine;
mod socket;
mod values;

use serde_json::{Value, json};
use std::io::{BufRead, Write};

/// The codecs, by their names.
const CODECS: [&str; 3] = ["engine-packet", "engine-payload", "socket-packet"];

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let hello = json!({
        "hello": 1,
        "name": "socketioxide-parser",
        "version": "0.17.3",
        "language": "Rust",
        "codecs": CODECS,
    });
    writeln!(out, "{hello}")?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        writeln!(out, "{}", answer(&request))?;
        out.flush()?;
    }
    Ok(())
}

fn answer(request: &Value) -> Value {
    let (what, codec) = (request["do"].as_str(), request["codec"].as_str());
    let with_data = request["data"] != json!(false);
    let outcomes: Box<dyn Fn(&Value) -> Vec<Value>> = match (what, codec) {
        (Some("decode"), Some("engine-packet")) => Box::new(engine::decode_packets),
        (Some("decode"), Some("engine-payload")) => Box::new(engine::decode_payload),
        (Some("decode"), Some("socket-packet")) => Box::new(move |frames| socket::decode(frames, with_data)),
        (Some("encode"), Some("engine-packet")) => Box::new(|packet| vec![told(engine::encode_packet(packet))]),
        (Some("encode"), Some("engine-payload")) => Box::new(|packets| vec![told(engine::encode_payload(packets))]),
        (Some("encode"), Some("socket-packet")) => Box::new(|packet| vec![told(socket::encode(packet))]),
        _ => return json!({ "id": request["id"], "unsupported": what.unwrap_or("no command") }),
    };
    let inputs = request["inputs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let results: Vec<Vec<Value>> = inputs.iter().map(outcomes).collect();
    json!({ "id": request["id"], "results": results })
}

/// Frames, or why the library has no such packet.
fn told(frames: Result<Vec<Value>, String>) -> Value {
    match frames {
        Ok(frames) => json!({ "frames": frames }),
        Err(why) => json!({ "unsupported": why }),
    }
}
