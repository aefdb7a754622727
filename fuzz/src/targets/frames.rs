//! Frames of a connection as the bytes of an input, in a form that a mutator seldom breaks.
//!
//! Frames end at a byte 0xFF, which no text contains. The first byte of a frame says what it is: `b` the bytes behind it,
//! `r` a reset of the decoder, anything else a text that begins with that very byte. So `51-["a"]`, 0xFF, `bxyz` is a
//! header and its attachment.

use bytes::Bytes;

/// Something that is given to a decoder.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(Bytes),
    /// The decoder is reset.
    Reset,
}

/// What stands between two frames.
const END: u8 = 0xff;

/// Reads frames; texts that are not UTF-8 are left out, because no WebSocket delivers them.
pub fn read(data: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    data.split(|byte| *byte == END).filter_map(|frame| match frame {
        [b'b', bytes @ ..] => Some(Frame::Binary(Bytes::copy_from_slice(bytes))),
        [b'r', ..] => Some(Frame::Reset),
        text => std::str::from_utf8(text).ok().map(Frame::Text),
    })
}

/// The input that `read` reads as these frames: all but binary ones that contain the byte 0xFF.
pub fn write<'a>(frames: impl IntoIterator<Item = Frame<'a>>) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = frames
        .into_iter()
        .map(|frame| match frame {
            Frame::Text(text) => text.as_bytes().to_vec(),
            Frame::Binary(data) => [b"b", &data[..]].concat(),
            Frame::Reset => b"r".to_vec(),
        })
        .collect();
    parts.join(&END)
}
