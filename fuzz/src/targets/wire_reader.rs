//! The runner's own reader of what comes over the wire, against other programs. The first byte of the input says which:
//!
//! - `p`: a polling payload, against the decoder of the reference. What the reference accepts, the runner reads as the
//!   same packets; where the reference refuses, the runner shows what came, and has lost no byte of it.
//! - `f`: bytes of a WebSocket, against the header parser of tungstenite. Frames come out the same whether the bytes come
//!   at once or one by one, and encode as bytes that are read as the same frames.
//! - `h`: bytes of an HTTP connection. Responses come out the same whether the bytes come at once or in pieces, and no
//!   body is longer than what came.

use std::io::Cursor;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use bytes::BytesMut;
use reference_impl::codec::{EnginePacket, decode_payload};
use siospec::{
    notation::Mask,
    transcript::Frame,
    wire::{
        Packet,
        fuzzing::{Decoded, Progress, ResponseReader, Then, decode, encode, split},
    },
};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;

/// The longest frame that is accepted, in bytes.
const MAX_PAYLOAD: usize = 1 << 16;

/// Runs the target.
pub fn run(data: &[u8]) {
    match data {
        [b'p', body @ ..] => payload(body),
        [b'f', bytes @ ..] => frames(bytes),
        [b'h', bytes @ ..] => responses(bytes),
        _ => {}
    }
}

fn payload(body: &[u8]) {
    let ours = split(body);
    let Ok(text) = std::str::from_utf8(body) else {
        assert_eq!(ours, None);
        return;
    };
    let ours = ours.expect("UTF-8 is a payload, good or bad");
    assert_eq!(ours.len(), text.split('\u{1e}').count());
    for ((ours, theirs), part) in ours.iter().zip(decode_payload(text)).zip(text.split('\u{1e}')) {
        match (ours, theirs) {
            (Packet::Binary(ours), Ok(EnginePacket::Binary(theirs))) => assert_eq!(*ours, theirs),
            (Packet::Text(ours), Ok(EnginePacket::Text(..))) => assert_eq!(ours, part.as_bytes()),
            // Agreed: base64 without its padding is read, so that a report can show the bytes that were meant.
            (Packet::Binary(ours), Err(_)) => {
                let encoded = part.strip_prefix('b').expect("a part with bytes");
                assert_eq!(STANDARD_NO_PAD.encode(ours), encoded.trim_end_matches('='));
            }
            (Packet::Text(ours), Err(_)) => assert_eq!(ours, part.as_bytes()),
            (ours, theirs) => panic!("{part:?} is {ours:?} and {theirs:?}"),
        }
    }
}

fn frames(bytes: &[u8]) {
    let whole = all_frames([bytes]);
    let single = all_frames(bytes.chunks(1));
    assert_eq!(whole, single, "the frames depend on how the bytes come");
    let mut rest = bytes;
    for step in whole {
        match step {
            Decoded::Frame(frame) => {
                rest = &rest[header_agrees(rest, &frame)..];
                comes_back(&frame);
            }
            Decoded::TooLong(length) => assert!(length > MAX_PAYLOAD as u64),
            Decoded::NotAFrame(_) | Decoded::More => {}
        }
    }
}

fn all_frames<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Vec<Decoded> {
    let mut buffer = BytesMut::new();
    let mut found = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decode(&mut buffer, MAX_PAYLOAD) {
                Decoded::More => break,
                Decoded::Frame(frame) => found.push(Decoded::Frame(frame)),
                last => {
                    found.push(last);
                    return found;
                }
            }
        }
    }
    found
}

/// How many bytes the frame took, which tungstenite must see as the same frame.
fn header_agrees(bytes: &[u8], frame: &Frame) -> usize {
    let mut cursor = Cursor::new(bytes);
    // Agreed: tungstenite refuses reserved opcodes, the runner shows them.
    let Ok(header) = FrameHeader::parse(&mut cursor) else {
        assert!(matches!(frame.opcode, 3..=7 | 11..=15), "{frame:?}");
        let extended = match bytes[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        return 2 + extended + 4 * usize::from(frame.masked) + frame.payload.len();
    };
    let (header, length) = header.expect("the whole frame is there");
    assert_eq!(header.is_final, frame.fin);
    assert_eq!(
        [header.rsv1, header.rsv2, header.rsv3].map(u8::from),
        [4, 2, 1].map(|bit| u8::from(frame.rsv & bit != 0))
    );
    assert_eq!(u8::from(header.opcode), frame.opcode);
    assert_eq!(header.mask.is_some(), frame.masked);
    assert_eq!(length, frame.payload.len() as u64);
    let start = cursor.position() as usize;
    let mut payload = bytes[start..start + frame.payload.len()].to_vec();
    if let Some(mask) = header.mask {
        payload
            .iter_mut()
            .zip(mask.iter().cycle())
            .for_each(|(byte, mask)| *byte ^= mask);
    }
    assert_eq!(payload, frame.payload);
    start + frame.payload.len()
}

fn comes_back(frame: &Frame) {
    let mut buffer = BytesMut::from(&encoded(frame)[..]);
    assert_eq!(decode(&mut buffer, MAX_PAYLOAD), Decoded::Frame(frame.clone()));
    assert!(buffer.is_empty());
}

fn encoded(frame: &Frame) -> Vec<u8> {
    encode(frame, if frame.masked { Mask::Proper } else { Mask::None }, None)
}

fn responses(bytes: &[u8]) {
    let whole = all_responses([bytes]);
    let pieces = [1, 7].map(|size| all_responses(bytes.chunks(size)));
    for pieces in pieces {
        let failed = |progress: &[Progress]| matches!(progress.last(), Some(Progress::NotHttp(..)));
        if failed(&whole) || failed(&pieces) {
            // What could not be read depends on how much of it was there, whether it could does not.
            assert_eq!(failed(&whole), failed(&pieces), "{whole:?}\n{pieces:?}");
        } else {
            assert_eq!(whole, pieces, "the responses depend on how the bytes come");
        }
    }
    let bodies = whole.iter().map(|progress| match progress {
        Progress::Done(response, _) => response.body.len(),
        Progress::NotHttp(rest, _) => rest.len(),
        Progress::Interim(_) | Progress::More => 0,
    });
    assert!(bodies.sum::<usize>() <= bytes.len());
}

fn all_responses<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Vec<Progress> {
    let mut reader = ResponseReader::default();
    let mut found = Vec::new();
    for piece in pieces {
        reader.feed(piece);
        loop {
            match reader.next(false) {
                Progress::More => break,
                progress => found.push(progress),
            }
            if let Some(Progress::NotHttp(..) | Progress::Done(_, Then::Switched)) = found.last() {
                return found;
            }
        }
    }
    found.extend(reader.finish());
    found
}
