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
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::marker::PhantomData;

/// The codecs, by their names.
const CODECS: [&str; 3] = ["engine-packet", "engine-payload", "socket-packet"];
/// How much is read at once, in bytes: as much as a pipe holds.
const READ: usize = 1 << 16;

/// A request without its inputs.
#[derive(Deserialize)]
struct Request {
    id: Value,
    #[serde(rename = "do")]
    what: String,
    #[serde(default)]
    codec: String,
    data: Option<bool>,
    repeat: Option<u32>,
}

/// The inputs of a request, wherever they stand in it.
#[derive(Deserialize)]
struct Inputs<'a> {
    #[serde(borrow)]
    inputs: Option<&'a RawValue>,
}

fn main() -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    let hello = json!({
        "hello": 1,
        "name": "socketioxide-parser",
        "version": "0.17.3",
        "language": "Rust",
        "codecs": CODECS,
    });
    writeln!(output, "{hello}")?;
    let mut input = BufReader::with_capacity(READ, std::io::stdin().lock());
    let (mut line, mut out) = (String::new(), Vec::new());
    while input.read_line(&mut line)? > 0 {
        let last = inputs_last(&line).is_some_and(|(request, inputs)| answer(&request, inputs, &mut out).is_ok());
        if !last {
            out.clear();
            let inputs: Inputs<'_> = serde_json::from_str(&line)?;
            let inputs = inputs.inputs.map_or("[]", RawValue::get);
            answer(&serde_json::from_str(&line)?, inputs, &mut out)?;
        }
        out.push(b'\n');
        output.write_all(&out)?;
        output.flush()?;
        out.clear();
        line.clear();
    }
    Ok(())
}

/// A request whose inputs stand last, with the text of these: so it need not be looked through to find their end.
fn inputs_last(line: &str) -> Option<(Request, &str)> {
    const KEY: &str = "\"inputs\":";
    let at = line.find(KEY)? + KEY.len();
    let request = serde_json::from_str(&format!("{}[]}}", &line[..at])).ok()?;
    Some((request, line[at..].trim_end().strip_suffix('}')?))
}

/// Writes the outcomes of each input as soon as they are there, so that no more than one input is in memory as values.
fn answer(request: &Request, inputs: &str, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let Request { id, what, codec, .. } = request;
    let repeat = request.repeat.unwrap_or(1).max(1);
    let with_data = request.data != Some(false);
    if !CODECS.contains(&codec.as_str()) || what != "decode" && what != "encode" {
        return serde_json::to_writer(out, &json!({ "id": id, "unsupported": what }));
    }
    out.extend_from_slice(b"{\"id\":");
    serde_json::to_writer(&mut *out, id)?;
    out.extend_from_slice(b",\"results\":[");
    match (what.as_str(), codec.as_str()) {
        ("decode", "engine-packet") => decode(inputs, out, repeat, engine::decode_packets),
        ("decode", "engine-payload") => decode(inputs, out, repeat, engine::decode_payload),
        ("decode", _) => decode(inputs, out, repeat, |frames| socket::decode(frames, with_data)),
        (_, "engine-packet") => encode(inputs, out, |packet| engine::encode_packet(packet, repeat)),
        (_, "engine-payload") => encode(inputs, out, |packets| engine::encode_payload(packets, repeat)),
        (_, _) => encode(inputs, out, |packet| socket::encode(packet, repeat)),
    }?;
    out.extend_from_slice(b"]}");
    Ok(())
}

fn decode<'a>(
    inputs: &'a str,
    out: &mut Vec<u8>,
    repeat: u32,
    decode: impl Fn(&mut dyn Iterator<Item = Frame<'a>>) -> Vec<Outcome>,
) -> serde_json::Result<()> {
    if repeat > 1 {
        // The codec in a plain loop.
        let inputs: Vec<Vec<Frame<'a>>> = serde_json::from_str(inputs)?;
        for _ in 1..repeat {
            inputs.iter().for_each(|frames| drop(black_box(decode(&mut frames.iter().cloned()))));
        }
    }
    results(inputs, out, |frames: Vec<Frame<'a>>| decode(&mut frames.into_iter()))
}

fn encode<T: DeserializeOwned>(
    inputs: &str,
    out: &mut Vec<u8>,
    encode: impl Fn(&T) -> Result<Vec<Value>, String>,
) -> serde_json::Result<()> {
    results(inputs, out, |packet: T| {
        vec![encode(&packet).map_or_else(Outcome::Unsupported, Outcome::Frames)]
    })
}

/// Writes what `outcomes` makes of each input.
fn results<'a, T: Deserialize<'a>>(
    inputs: &'a str,
    out: &mut Vec<u8>,
    outcomes: impl Fn(T) -> Vec<Outcome>,
) -> serde_json::Result<()> {
    let mut inputs_read = serde_json::Deserializer::from_str(inputs);
    let inputs = PhantomData;
    inputs_read.deserialize_seq(Written { out, outcomes, inputs })?;
    inputs_read.end()
}

/// A list of inputs that is read one by one, and what comes of each is written.
struct Written<'w, F, T> {
    out: &'w mut Vec<u8>,
    outcomes: F,
    inputs: PhantomData<T>,
}

impl<'a, T: Deserialize<'a>, F: Fn(T) -> Vec<Outcome>> Visitor<'a> for Written<'_, F, T> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list of inputs")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut inputs: A) -> Result<(), A::Error> {
        let mut is_first = true;
        while let Some(input) = inputs.next_element::<T>()? {
            self.out.extend_from_slice(if is_first { b"[" } else { b",[" });
            is_first = false;
            for (index, outcome) in (self.outcomes)(input).iter().enumerate() {
                if index > 0 {
                    self.out.push(b',');
                }
                outcome.write(self.out).map_err(A::Error::custom)?;
            }
            self.out.push(b']');
        }
        Ok(())
    }
}
