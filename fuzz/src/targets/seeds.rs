//! Where campaigns begin: inputs for each target, made from the cases and vectors of the suite.

use std::collections::{BTreeSet, HashMap};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use siospec::{
    notation::{Action, Binary, Content, Item, Mask, Over, OwnAction, Party, Step},
    suite::{self, Allowed, Codec, Corpus, Operation, Trial, expand},
    transcript,
    wire::fuzzing::encode,
};

use super::frames::{self, Frame};

/// The longest seed, in bytes: mutations of long inputs are slow and seldom find more.
const LONGEST: usize = 4096;

/// The seeds of a target, each once; none where there is no such target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let corpus = suite::load_builtin();
    let packets = || frame_lists(&corpus, Codec::SocketPacket);
    let texts = |codec| {
        frame_lists(&corpus, codec)
            .into_iter()
            .flatten()
            .filter_map(as_text)
    };
    let engine = || texts(Codec::EnginePacket).chain(texts(Codec::EnginePayload));
    let with_first = |first: u8| move |seed: Vec<u8>| [&[first], &seed[..]].concat();
    let seeds: Vec<Vec<u8>> = match target {
        "engine_packet" => engine().collect(),
        "payload" => engine().collect(),
        "socket_decoder" => texts(Codec::SocketPacket).collect(),
        "attachments" => packets()
            .iter()
            .map(|list| written(list))
            .map(with_first(10))
            .collect(),
        "roundtrip" => packets()
            .iter()
            .map(|list| written(list))
            .chain(models())
            .collect(),
        "socketioxide_differential" => {
            let packets = packets()
                .into_iter()
                .map(|list| written(&list))
                .map(with_first(b's'));
            packets.chain(engine().map(with_first(b'p'))).collect()
        }
        "notation" => corpus
            .cases
            .iter()
            .map(|case| case.text.clone().into_bytes())
            .collect(),
        "wire_reader" => {
            let payloads = engine().map(with_first(b'p'));
            let frames = engine().map(|text| websocket_frames(&text)).map(with_first(b'f'));
            payloads.chain(frames).chain(responses()).collect()
        }
        "client" => conversations()
            .map(|steps| [&[0], &steps.join(&0xff)[..]].concat())
            .collect(),
        "server" => trials(&corpus).iter().map(operations).collect(),
        _ => Vec::new(),
    };
    let each_once: BTreeSet<Vec<u8>> = seeds.into_iter().filter(|seed| seed.len() <= LONGEST).collect();
    each_once.into_iter().collect()
}

/// The frames in the vectors of a codec: those that are decoded, and those that come out of an encoder.
fn frame_lists(corpus: &Corpus, codec: Codec) -> Vec<Vec<suite::Frame>> {
    let mut lists = Vec::new();
    for vector in corpus.vectors.iter().filter(|vector| vector.codec == codec) {
        if let Operation::Decode(frames) = &vector.operation {
            lists.push(frames.clone());
        }
        for allowed in std::iter::once(&vector.expect)
            .chain(&vector.also)
            .chain(&vector.tolerated)
        {
            if let Allowed::Frames(frames) = allowed {
                lists.push(frames.clone());
            }
        }
    }
    lists
}

fn as_text(frame: suite::Frame) -> Option<Vec<u8>> {
    match frame {
        suite::Frame::Text(text) => Some(text.into_bytes()),
        _ => None,
    }
}

fn written(list: &[suite::Frame]) -> Vec<u8> {
    frames::write(list.iter().filter_map(|frame| match frame {
        suite::Frame::Text(text) => Some(Frame::Text(text)),
        suite::Frame::Binary(data) => Some(Frame::Binary(Bytes::copy_from_slice(data))),
        suite::Frame::Reset => Some(Frame::Reset),
        suite::Frame::Odd(_) => None,
    }))
}

/// Bytes that `arbitrary` makes packets of.
fn models() -> impl Iterator<Item = Vec<u8>> {
    (1_u8..=8).map(|step| {
        let bytes = (0_u8..=127).map(|index| index.wrapping_mul(step.wrapping_mul(37)) ^ index);
        std::iter::once(0).chain(bytes).collect()
    })
}

/// A text as a frame of a server, as one of a client, and in two fragments; some with reserved bits, one with a reserved
/// opcode.
fn websocket_frames(text: &[u8]) -> Vec<u8> {
    let frame = |opcode, fin, rsv, masked, payload: &[u8]| {
        let frame = transcript::Frame {
            opcode,
            fin,
            rsv,
            masked,
            payload: payload.to_vec(),
        };
        encode(&frame, if masked { Mask::Proper } else { Mask::None }, None)
    };
    let (first, second) = text.split_at(text.len() / 2);
    [
        frame(1, true, 0, false, text),
        frame(2, true, 4, true, text),
        frame(1, false, 3, false, first),
        frame(0, true, 0, false, second),
        frame(11, true, 7, false, first),
    ]
    .concat()
}

fn responses() -> impl Iterator<Item = Vec<u8>> {
    [
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n40{\r\n1\r\n}\r\n0\r\nT: x\r\n\r\n",
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 34\r\n\r\n{\"code\":1,\"message\":\"Unknown sid\"}",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\u{1}a",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.0 200\n\nuntil the end",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\nSet-Cookie: io=x\r\n continued\r\n\r\na",
    ]
    .into_iter()
    .map(|text| [b"h", text.as_bytes()].concat())
}

/// What happens to a client, by `client`'s list of operations: sessions over each transport, lost, refused, closed.
fn conversations() -> impl Iterator<Item = Vec<&'static [u8]>> {
    const JOINED: [&[u8]; 4] = [b"c\0", b"h\0", b"r\x01ok", b"r\x0040{\"sid\":\"x\"}"];
    let after = |steps: &[&'static [u8]]| [&JOINED[..], steps].concat();
    [
        JOINED.to_vec(),
        after(&[b"e\0\x01\"hi\"", b"r\x01ok", b"r\x00430[1,2]", b"l\0", b"r\x01ok"]),
        after(&[
            b"e\0\x11{\"a\":1}",
            b"r\x01ok",
            b"r\x00461-0[{\"_placeholder\":true,\"num\":0}]\x1ebAQID",
        ]),
        after(&[
            b"r\x00420[\"ask\",1]",
            b"a\0[true]",
            b"r\x0042[\"a\"]\x1e42[\"b\"]\x1e2",
            b"r\x01ok",
        ]),
        // What waits for a POST to be over is more than one body may hold.
        after(&[
            b"e\0\0\"the first of them, which is sent at once\"",
            b"e\0\0\"the second one, and it has to wait for a while\"",
            b"e\0\0\"the third one, and it has to wait for a while\"",
            b"e\0\0\"the fourth one, and it has to wait for a while\"",
            b"r\x01ok",
            b"r\x01ok",
        ]),
        after(&[
            b"w\0",
            b"t\x003probe",
            b"r\x006",
            b"e\0\0true",
            b"t\x0042[\"a\"]",
            b"t\x002",
            b"x\0",
            b"n",
            b"n",
        ]),
        after(&[
            b"w\0",
            b"t\x003probe",
            b"r\x006",
            b"t\x00451-[\"a\",{\"_placeholder\":true,\"num\":0}]",
            b"b\0\x01",
            b"l\0",
        ]),
        after(&[
            b"c\x01",
            b"r\x01ok",
            b"r\x0040/custom,{\"sid\":\"y\"}",
            b"r\x0041/custom,",
            b"r\x0041",
            b"n",
        ]),
        after(&[
            b"r\x001",
            b"n",
            b"h\0",
            b"r\x01ok",
            b"r\x0044{\"message\":\"no\",\"data\":1}",
            b"n",
            b"n",
        ]),
        after(&[
            b"r\x00nonsense",
            b"n",
            b"f\0",
            b"n",
            b"s\0\x4b{\"code\":1}",
            b"n",
            b"h\0",
        ]),
        after(&[b"n", b"n", b"n", b"n", b"f\0", b"f\0"]),
        vec![
            b"e\0\x0b1",
            b"c\0",
            b"e\0\x0b1",
            b"e\0\x0f2",
            b"h\0",
            b"r\x0140{\"sid\":\"x\"}",
            b"d\x64\0",
            b"d\x64\0",
        ],
        vec![
            b"c\0",
            b"d\x20\x4e",
            b"n",
            b"n",
            b"c\x01",
            b"c\x02",
            b"l\0",
            b"l\x01",
            b"l\x02",
        ],
    ]
    .into_iter()
}

fn trials(corpus: &Corpus) -> Vec<Trial> {
    corpus
        .cases
        .iter()
        .filter_map(|case| expand(case).ok())
        .flatten()
        .collect()
}

/// What the client of a script does, as operations on the server.
fn operations(trial: &Trial) -> Vec<u8> {
    let mut operations = Operations {
        written: vec![0],
        over: trial.over,
        channels: HashMap::new(),
    };
    if let Some(over) = trial.over {
        operations.open_session(over);
    }
    if let Some(given) = &trial.case.header.given {
        let comma = if given.namespace == "/" { "" } else { "," };
        operations.say(0, &format!("40{}{comma}", given.namespace.trim_end_matches('/')));
    }
    steps(&trial.case.script, &mut |step| operations.step(step));
    operations.written
}

fn steps(items: &[Item], act: &mut impl FnMut(&Step)) {
    for item in items {
        match item {
            Item::Step(step) => act(step),
            Item::AnyOrder(items) => steps(items, act),
            _ => {}
        }
    }
}

struct Operations {
    written: Vec<u8>,
    over: Option<Over>,
    /// The WebSockets, by the names that the script has for them.
    channels: HashMap<String, u8>,
}

impl Operations {
    fn push(&mut self, operation: &[u8]) {
        self.written.extend_from_slice(operation);
        self.written.push(0xff);
    }

    fn open_session(&mut self, over: Over) {
        match over {
            Over::WebSocket => self.push(b"w"),
            Over::Polling => self.push(b"o"),
            Over::Upgraded => [&b"o"[..], b"u\0", b"t\x002probe", b"t\x005"]
                .iter()
                .for_each(|step| self.push(step)),
        }
    }

    fn say(&mut self, channel: u8, text: &str) {
        if self.over == Some(Over::Polling) {
            self.push(&[b"p\0", text.as_bytes()].concat());
            self.push(b"g\0");
        } else {
            self.push(&[b"t", &[channel][..], text.as_bytes()].concat());
        }
    }

    fn step(&mut self, step: &Step) {
        let known = self.channels.get(&step.label.name).copied();
        if step.timing.at.is_some() {
            self.push(b"n");
        }
        let content = match &step.action {
            Action::Wire {
                from: Party::Client,
                content,
                ..
            } => content,
            Action::Own(OwnAction::Upgrade) => {
                return [&b"u\0"[..], b"t\x002probe", b"t\x005"]
                    .iter()
                    .for_each(|step| self.push(step));
            }
            Action::Own(OwnAction::Wait(_)) => return self.push(b"n"),
            Action::Own(_) => return self.push(&[b'x', known.unwrap_or_default()]),
            _ => return,
        };
        match content {
            Content::Text(text) => self.say(known.unwrap_or_default(), &text.0),
            Content::Binary(Binary::Bytes(bytes)) if self.over == Some(Over::Polling) => {
                self.push(&[b"p\0b", STANDARD.encode(bytes).as_bytes()].concat());
            }
            Content::Binary(Binary::Bytes(bytes)) => self.push(&[b"b\0", &bytes[..]].concat()),
            Content::WebSocket(request) => {
                let next = self.channels.len() as u8;
                self.channels.insert(step.label.name.clone(), next);
                self.push(if request.target.0.contains("sid=") {
                    b"u\0"
                } else {
                    b"w"
                });
            }
            Content::Request(request) if request.headers.is_empty() && request.target.0.contains("EIO=4") => {
                let bodies = request.body.iter().filter_map(|content| match content {
                    Content::Text(text) => Some(text.0.as_str()),
                    _ => None,
                });
                let body = bodies.collect::<Vec<_>>().join("\u{1e}");
                match (request.method.as_str(), request.target.0.contains("sid=")) {
                    ("GET", false) => self.push(b"o"),
                    ("GET", true) => self.push(b"g\0"),
                    ("POST", true) => self.push(&[b"p\0", body.as_bytes()].concat()),
                    _ => {}
                }
            }
            Content::Request(request) => {
                let mut lines = format!(
                    "{} /socket.io/{}\nHost: localhost",
                    request.method, request.target
                );
                for (name, value) in &request.headers {
                    lines.push_str(&format!("\n{name}: {value}"));
                }
                self.push(&[b"q", lines.as_bytes()].concat());
            }
            _ => {}
        }
    }
}
