//! Drives the codecs of socketioxide for siospec: JSON Lines over standard input and output, see docs/driver.md.

mod args;
mod engine;
mod frame;
mod outcome;
mod socket;
mod values;

use frame::Frame;
use outcome::Outcome;
use serde::de::{DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::marker::PhantomData;

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
        answer(&request, &mut out)?;
        out.flush()?;
        line.clear();
    }
    Ok(())
}

/// Writes the outcomes of each input as soon as they are there, so that no more than one input is in memory as values.
fn answer(request: &Request<'_>, out: &mut impl Write) -> std::io::Result<()> {
    let repeat = request.repeat.unwrap_or(1).max(1);
    let with_data = request.data != Some(false);
    match (request.what.as_str(), request.codec.as_str()) {
        ("decode", "engine-packet") => decode(request, out, repeat, engine::decode_packets),
        ("decode", "engine-payload") => decode(request, out, repeat, engine::decode_payload),
        ("decode", "socket-packet") => {
            decode(request, out, repeat, |frames| socket::decode(frames, with_data))
        }
        ("encode", "engine-packet") => encode(request, out, |packet| engine::encode_packet(packet, repeat)),
        ("encode", "engine-payload") => {
            encode(request, out, |packets| engine::encode_payload(packets, repeat))
        }
        ("encode", "socket-packet") => encode(request, out, |packet| socket::encode(packet, repeat)),
        _ => writeln!(
            out,
            "{}",
            json!({ "id": request.id, "unsupported": request.what })
        ),
    }
}

fn decode(
    request: &Request<'_>,
    out: &mut impl Write,
    repeat: u32,
    decode: impl Fn(&[Frame<'_>]) -> Vec<Outcome>,
) -> std::io::Result<()> {
    if repeat > 1 {
        // The codec in a plain loop.
        let inputs: Vec<Vec<Frame<'_>>> = serde_json::from_str(request.inputs.map_or("[]", RawValue::get))?;
        for _ in 1..repeat {
            inputs.iter().for_each(|frames| drop(black_box(decode(frames))));
        }
    }
    results(request, out, |frames: Vec<Frame<'_>>| decode(&frames))
}

fn encode<T: DeserializeOwned>(
    request: &Request<'_>,
    out: &mut impl Write,
    encode: impl Fn(&T) -> Result<Vec<Value>, String>,
) -> std::io::Result<()> {
    results(request, out, |packet: T| {
        [encode(&packet).map_or_else(Outcome::Unsupported, Outcome::Frames)]
    })
}

/// Writes the line that answers a request, with what `outcomes` makes of each input.
fn results<'a, T: Deserialize<'a>, O: Serialize>(
    request: &Request<'a>,
    out: &mut impl Write,
    outcomes: impl Fn(T) -> O,
) -> std::io::Result<()> {
    write!(out, "{{\"id\":{},\"results\":[", request.id)?;
    let inputs = request.inputs.map_or("[]", RawValue::get);
    let mut written = Written {
        out,
        outcomes,
        inputs: PhantomData,
    };
    serde_json::Deserializer::from_str(inputs).deserialize_seq(&mut written)?;
    writeln!(out, "]}}")
}

/// A list of inputs that is read one by one, and what comes of each is written.
struct Written<'w, W, F, T> {
    out: &'w mut W,
    outcomes: F,
    inputs: PhantomData<T>,
}

impl<'a, W: Write, T: Deserialize<'a>, O: Serialize, F: Fn(T) -> O> Visitor<'a>
    for &mut Written<'_, W, F, T>
{
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list of inputs")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut inputs: A) -> Result<(), A::Error> {
        let mut comma = "";
        while let Some(input) = inputs.next_element::<T>()? {
            self.out.write_all(comma.as_bytes()).map_err(A::Error::custom)?;
            serde_json::to_writer(&mut *self.out, &(self.outcomes)(input)).map_err(A::Error::custom)?;
            comma = ",";
        }
        Ok(())
    }
}
