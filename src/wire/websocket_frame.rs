//! WebSocket frames as bytes: any frame can be written, also a wrong one, and whatever comes is read as it is.
//!
//! Owns the frame header of RFC 6455, section 5.2. Judges nothing: reserved bits, opcodes and masks are reported.

use bytes::{Buf as _, BytesMut};

use crate::notation::Mask;
use crate::transcript::Frame;

/// The opcode of a text frame.
pub(super) const TEXT: u8 = 1;
/// The opcode of a binary frame.
pub(super) const BINARY: u8 = 2;
/// The opcode of a close frame.
pub(super) const CLOSE: u8 = 8;

/// The key of frames that are masked as RFC 6455 asks; always the same, so that a recorded case repeats exactly.
const MASK_KEY: [u8; 4] = [0x5a, 0xc3, 0x96, 0x3c];

/// What bytes of a connection that speaks WebSocket amount to.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded {
    /// More bytes are needed.
    More,
    /// A frame.
    Frame(Frame),
    /// A frame that announces more bytes than are allowed.
    TooLong(u64),
    /// Something that is no frame, for this reason.
    NotAFrame(&'static str),
}

/// A whole, unfragmented message.
pub(super) fn message(opcode: u8, payload: Vec<u8>) -> Frame {
    Frame {
        opcode,
        fin: true,
        rsv: 0,
        masked: true,
        payload,
    }
}

/// The bytes of a frame that a client sends. `length` is what the header claims instead of the truth.
pub fn encode(frame: &Frame, mask: Mask, length: Option<u64>) -> Vec<u8> {
    let key = match mask {
        Mask::Proper => Some(MASK_KEY),
        Mask::None => None,
        Mask::Key(key) => Some(key),
    };
    let mut bytes = Vec::with_capacity(frame.payload.len() + 14);
    bytes.push(u8::from(frame.fin) << 7 | (frame.rsv & 7) << 4 | frame.opcode & 15);
    let masked = u8::from(key.is_some()) << 7;
    match length.unwrap_or(frame.payload.len() as u64) {
        short @ 0..=125 => bytes.push(masked | short as u8),
        medium @ 126..=0xffff => {
            bytes.push(masked | 126);
            bytes.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(masked | 127);
            bytes.extend_from_slice(&long.to_be_bytes());
        }
    }
    match key {
        Some(key) => {
            bytes.extend_from_slice(&key);
            bytes.extend(
                frame
                    .payload
                    .iter()
                    .zip(key.iter().cycle())
                    .map(|(byte, mask)| byte ^ mask),
            );
        }
        None => bytes.extend_from_slice(&frame.payload),
    }
    bytes
}

/// Takes the next frame off the front of the buffer.
pub fn decode(buffer: &mut BytesMut, max_payload: usize) -> Decoded {
    let http = b"HTTP/1.";
    let shown = buffer.len().min(http.len());
    if buffer[..shown] == http[..shown] && shown > 0 {
        return if shown == http.len() {
            Decoded::NotAFrame("an HTTP response")
        } else {
            Decoded::More
        };
    }
    let [first, second, rest @ ..] = &buffer[..] else {
        return Decoded::More;
    };
    let (first, masked) = (*first, second & 0x80 != 0);
    let (announced, length_bytes) = match second & 0x7f {
        126 => match rest {
            [a, b, ..] => (u64::from(u16::from_be_bytes([*a, *b])), 2),
            _ => return Decoded::More,
        },
        127 => match rest.first_chunk::<8>() {
            Some(bytes) => (u64::from_be_bytes(*bytes), 8),
            None => return Decoded::More,
        },
        short => (u64::from(short), 0),
    };
    if announced >> 63 != 0 {
        return Decoded::NotAFrame("a frame whose length has its highest bit set");
    }
    let length = match usize::try_from(announced) {
        Ok(length) if length <= max_payload => length,
        _ => return Decoded::TooLong(announced),
    };
    let header = 2 + length_bytes + if masked { 4 } else { 0 };
    if buffer.len() < header + length {
        return Decoded::More;
    }
    let key = if masked {
        buffer[header - 4..header].first_chunk::<4>().copied()
    } else {
        None
    };
    buffer.advance(header);
    let mut payload = buffer.split_to(length).to_vec();
    if let Some(key) = key {
        payload
            .iter_mut()
            .zip(key.iter().cycle())
            .for_each(|(byte, mask)| *byte ^= mask);
    }
    Decoded::Frame(Frame {
        opcode: first & 15,
        fin: first & 0x80 != 0,
        rsv: first >> 4 & 7,
        masked,
        payload,
    })
}

/// The payload of a close frame with this code, or without one.
pub(super) fn close_payload(code: Option<u16>) -> Vec<u8> {
    code.map(|code| code.to_be_bytes().to_vec()).unwrap_or_default()
}

/// The code in the payload of a close frame.
pub(super) fn close_code(payload: &[u8]) -> Option<u16> {
    payload.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Decoded {
        decode(&mut BytesMut::from(bytes), 1 << 20)
    }

    #[test]
    fn the_examples_of_the_rfc_are_read_and_written() {
        let hello = Frame {
            opcode: TEXT,
            fin: true,
            rsv: 0,
            masked: true,
            payload: b"Hello".to_vec(),
        };
        let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(decoded(masked), Decoded::Frame(hello.clone()));
        assert_eq!(encode(&hello, Mask::Key([0x37, 0xfa, 0x21, 0x3d]), None), masked);
        let unmasked = b"\x81\x05Hello";
        assert_eq!(
            decoded(unmasked),
            Decoded::Frame(Frame {
                masked: false,
                ..hello.clone()
            })
        );
        assert_eq!(encode(&hello, Mask::None, None), unmasked);
        let fragment = b"\x01\x03Hel";
        let expected = Frame {
            fin: false,
            masked: false,
            payload: b"Hel".to_vec(),
            ..hello
        };
        assert_eq!(decoded(fragment), Decoded::Frame(expected));
    }

    #[test]
    fn every_length_and_header_comes_back() {
        for length in [0, 1, 125, 126, 127, 65535, 65536] {
            for mask in [Mask::Proper, Mask::None] {
                let payload = (0..length).map(|i| i as u8).collect();
                let frame = Frame {
                    opcode: 11,
                    fin: false,
                    rsv: 5,
                    masked: mask == Mask::Proper,
                    payload,
                };
                let bytes = encode(&frame, mask, None);
                let mut buffer = BytesMut::from(&bytes[..]);
                assert_eq!(decode(&mut buffer, 1 << 20), Decoded::Frame(frame), "{length}");
                assert!(buffer.is_empty());
                let mut cut = BytesMut::from(&bytes[..bytes.len() - 1]);
                assert_eq!(decode(&mut cut, 1 << 20), Decoded::More);
            }
        }
    }

    #[test]
    fn a_lying_length_is_written_as_asked() {
        let frame = message(TEXT, b"a".to_vec());
        assert_eq!(encode(&frame, Mask::None, Some(100)), b"\x81\x64a");
        assert_eq!(
            encode(&frame, Mask::None, Some(70000)),
            b"\x81\x7f\0\0\0\0\0\x01\x11\x70a"
        );
    }

    #[test]
    fn what_is_no_frame_is_told_apart() {
        assert_eq!(decoded(b"HTT"), Decoded::More);
        assert!(matches!(
            decoded(b"HTTP/1.1 400 Bad Request"),
            Decoded::NotAFrame(_)
        ));
        assert!(matches!(
            decoded(b"\x81\x7f\xff\0\0\0\0\0\0\0"),
            Decoded::NotAFrame(_)
        ));
        assert_eq!(
            decoded(b"\x81\x7f\0\0\0\0\x10\0\0\0"),
            Decoded::TooLong(0x1000_0000)
        );
    }

    #[test]
    fn close_codes_are_optional() {
        assert_eq!(close_code(&close_payload(Some(1009))), Some(1009));
        assert_eq!((close_code(b""), close_code(b"\x03")), (None, None));
    }
}
