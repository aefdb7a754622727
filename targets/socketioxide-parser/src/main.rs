//! Drives the codecs of socketioxide for siospec: JSON Lines over standard input and output, see docs/driver.md.

mod args;
mod engine;
mod frame;
mod outcome;
mod socket;
mod values;

use frame::Frame;
use outcome::Outcome;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::io::{BufRead, Write};

/// The codecs, by their names.
const CODECS: [&str; 3] = ["engine-packet", "engine-payload", "socket-packet"];

#[derive(Deserialize)]
struct Request<'a> {
    id: Value,
    #[serde(rename = "do")]
    what: String,
    #[serde(default)]
    codec: String,
    data: Option<bool>,
    repeat: Option<u32>,
    #[serde(borrow)]
    inputs: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Answer<'a> {
    id: &'a Value,
    results: Vec<Vec<Outcome>>,
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::with_capacity(1 << 18, std::io::stdout().lock());
    let hello = json!({
        "hello": 1,
        "name": "socketioxide-parser",
        "version": "0.17.3",
        "language": "Rust",
        "codecs": CODECS,
    });
    writeln!(out, "{hello}")?;
    out.flush()?;
    let mut input = std::io::stdin().lock();
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        let request: Request<'_> = serde_json::from_str(&line)?;
        match results(&request)? {
            Some(results) => serde_json::to_writer(&mut out, &Answer { id: &request.id, results })?,
            None => write!(out, "{}", json!({ "id": request.id, "unsupported": request.what }))?,
        }
        writeln!(out)?;
        out.flush()?;
        line.clear();
    }
    Ok(())
}

/// The outcomes of each input; `None` for what this driver does not know.
fn results(request: &Request<'_>) -> serde_json::Result<Option<Vec<Vec<Outcome>>>> {
    let repeat = request.repeat.unwrap_or(1).max(1);
    let with_data = request.data != Some(false);
    Ok(Some(match (request.what.as_str(), request.codec.as_str()) {
        ("decode", "engine-packet") => decode(request, repeat, engine::decode_packets)?,
        ("decode", "engine-payload") => decode(request, repeat, engine::decode_payload)?,
        ("decode", "socket-packet") => decode(request, repeat, |frames| socket::decode(frames, with_data))?,
        ("encode", "engine-packet") => encode(request, |packet| engine::encode_packet(packet, repeat))?,
        ("encode", "engine-payload") => encode(request, |packets| engine::encode_payload(packets, repeat))?,
        ("encode", "socket-packet") => encode(request, |packet| socket::encode(packet, repeat))?,
        _ => return Ok(None),
    }))
}

fn decode(
    request: &Request<'_>,
    repeat: u32,
    decode: impl Fn(&[Frame<'_>]) -> Vec<Outcome>,
) -> serde_json::Result<Vec<Vec<Outcome>>> {
    let inputs: Vec<Vec<Frame<'_>>> = serde_json::from_str(request.inputs.map_or("[]", RawValue::get))?;
    let outcomes = |frames: Vec<Frame<'_>>| {
        let mut outcomes = decode(&frames);
        for _ in 1..repeat {
            outcomes = decode(&frames);
        }
        outcomes
    };
    Ok(inputs.into_iter().map(outcomes).collect())
}

fn encode<T: DeserializeOwned>(
    request: &Request<'_>,
    encode: impl Fn(&T) -> Result<Vec<Value>, String>,
) -> serde_json::Result<Vec<Vec<Outcome>>> {
    let inputs: Vec<T> = serde_json::from_str(request.inputs.map_or("[]", RawValue::get))?;
    let outcome = |packet: &T| match encode(packet) {
        Ok(frames) => vec![Outcome::Frames(frames)],
        Err(why) => vec![Outcome::Unsupported(why)],
    };
    Ok(inputs.iter().map(outcome).collect())
}
