//! Drives the codecs of socketioxide for siospec: JSON Lines over standard input and output, see docs/driver.md.

mod args;
mod engine;
mod frame;
mod outcome;
mod socket;
mod values;

use frame::{Frame, Raw};
use outcome::{Encoded, Outcome};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::marker::PhantomData;
use values::Given;

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
    /// How many bytes stand behind it.
    bytes: Option<usize>,
}

/// The inputs of a request.
enum Inputs<'a> {
    /// A list of them.
    Json(&'a str),
    /// Those of a decoder, one after the other.
    Raw(&'a [u8]),
}

/// The inputs of a request, wherever they stand in it.
#[derive(Deserialize)]
struct JsonInputs<'a> {
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
        "raw": true,
    });
    writeln!(output, "{hello}")?;
    let mut input = BufReader::with_capacity(READ, std::io::stdin().lock());
    let (mut line, mut raw, mut out) = (String::new(), Vec::new(), Vec::new());
    while input.read_line(&mut line)? > 0 {
        if let Some((request, inputs)) = inputs_last(&line) {
            answer(&request, &Inputs::Json(inputs), &mut out)?;
        } else {
            let request: Request = serde_json::from_str(&line)?;
            raw.resize(request.bytes.unwrap_or(0), 0);
            input.read_exact(&mut raw)?;
            let json: JsonInputs<'_> = serde_json::from_str(&line)?;
            let inputs = json.inputs.map_or(Inputs::Raw(&raw), |json| Inputs::Json(json.get()));
            answer(&request, &inputs, &mut out)?;
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
    let inputs = line[at..].trim_end().strip_suffix('}')?;
    // Where something stands behind them, they are no list.
    inputs.ends_with(']').then_some((request, inputs))
}

/// Writes the outcomes of each input as soon as they are there, so that no more than one input is in memory as values.
fn answer(request: &Request, inputs: &Inputs<'_>, out: &mut Vec<u8>) -> serde_json::Result<()> {
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
        ("decode", _) => decode(inputs, out, repeat, |frames, tell| socket::decode(frames, with_data, tell)),
        (_, "engine-packet") => encode(inputs, out, |packet: &Given<'_>| engine::encode_packet(packet, repeat)),
        (_, "engine-payload") => {
            encode(inputs, out, |packets: &Vec<Given<'_>>| engine::encode_payload(packets, repeat))
        }
        (_, _) => encode(inputs, out, |packet: &Given<'_>| socket::encode(packet, repeat)),
    }?;
    out.extend_from_slice(b"]}");
    Ok(())
}

fn decode<'a>(
    inputs: &Inputs<'a>,
    out: &mut Vec<u8>,
    repeat: u32,
    decode: impl Fn(&mut dyn Iterator<Item = Frame<'a>>, &mut dyn FnMut(Outcome)),
) -> serde_json::Result<()> {
    if repeat > 1 {
        // The codec in a plain loop.
        let inputs: Vec<Vec<Frame<'a>>> = match inputs {
            Inputs::Json(inputs) => serde_json::from_str(inputs)?,
            Inputs::Raw(bytes) => Raw(bytes).inputs(),
        };
        for _ in 1..repeat {
            inputs
                .iter()
                .for_each(|frames| decode(&mut frames.iter().cloned(), &mut |outcome| drop(black_box(outcome))));
        }
    }
    let mut raw = match inputs {
        Inputs::Json(inputs) => {
            return results(inputs, out, |frames: Vec<Frame<'a>>, tell| decode(&mut frames.into_iter(), tell));
        }
        Inputs::Raw(bytes) => Raw(bytes),
    };
    let mut is_first = true;
    while !raw.is_empty() {
        write_outcomes(std::mem::take(&mut is_first), out, |tell| {
            let mut frames = raw.by_ref().fuse();
            decode(&mut frames, tell);
            // Not every decoder takes all frames.
            frames.for_each(drop);
        })?;
    }
    Ok(())
}

fn encode<'a, T: Deserialize<'a>>(
    inputs: &Inputs<'a>,
    out: &mut Vec<u8>,
    encode: impl Fn(&T) -> Result<Vec<Encoded>, String>,
) -> serde_json::Result<()> {
    let Inputs::Json(inputs) = inputs else {
        return Ok(());
    };
    results(inputs, out, |packet: T, tell| tell(encode(&packet).map_or_else(Outcome::Unsupported, Outcome::Frames)))
}

/// Writes the outcomes of an input as they come.
fn write_outcomes(
    is_first: bool,
    out: &mut Vec<u8>,
    outcomes: impl FnOnce(&mut dyn FnMut(Outcome)),
) -> serde_json::Result<()> {
    out.extend_from_slice(if is_first { b"[" } else { b",[" });
    let begin = out.len();
    let mut written = Ok(());
    outcomes(&mut |outcome| {
        if out.len() > begin {
            out.push(b',');
        }
        if let Err(error) = outcome.write(out) {
            written = Err(error);
        }
    });
    out.push(b']');
    written
}

/// Writes what `outcomes` makes of each input.
fn results<'a, T: Deserialize<'a>>(
    inputs: &'a str,
    out: &mut Vec<u8>,
    outcomes: impl Fn(T, &mut dyn FnMut(Outcome)),
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

impl<'a, T: Deserialize<'a>, F: Fn(T, &mut dyn FnMut(Outcome))> Visitor<'a> for Written<'_, F, T> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list of inputs")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut inputs: A) -> Result<(), A::Error> {
        let mut is_first = true;
        while let Some(input) = inputs.next_element::<T>()? {
            write_outcomes(std::mem::take(&mut is_first), self.out, |tell| (self.outcomes)(input, tell))
                .map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
