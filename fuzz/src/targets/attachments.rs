//! Reassembly: any sequence of frames on one connection. The first byte of the input, modulo 16, is how many attachments
//! the receiver allows; `frames` says how the rest is read.
//!
//! - A header is followed by as many binary frames as it announced, never more than the receiver allows, and the packet
//!   that results has exactly those, in order.
//! - A text while attachments are due, and a binary frame while none are, are refused, and the decoder starts afresh.
//! - A reset forgets what was pending, whatever it was.

use bytes::Bytes;
use reference_impl::codec::{Decoder, Packet, PacketError};

use super::{
    frames::{Frame, read},
    socket_decoder::check,
};

/// What the decoder owes, as an observer counts it.
#[derive(Default)]
struct Pending {
    announced: usize,
    came: Vec<Bytes>,
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((limit, rest)) = data.split_first() else {
        return;
    };
    let limit = usize::from(limit % 16);
    let mut decoder = Decoder::new(limit);
    let mut pending: Option<Pending> = None;
    for frame in read(rest) {
        match frame {
            Frame::Text(text) => {
                let before = pending.take();
                match decoder.decode_text(text) {
                    Ok(packet) => {
                        assert!(before.is_none(), "a text was taken while attachments were due");
                        match packet {
                            Some(packet) => finished(&packet, &[]),
                            None => pending = Some(announced(text, limit)),
                        }
                    }
                    Err(error) => {
                        let due = before.map(|pending| pending.announced - pending.came.len());
                        let expected = due.map(PacketError::TextInsteadOfAttachment);
                        assert!(expected.is_none_or(|expected| error == expected), "{error}");
                    }
                }
            }
            Frame::Binary(bytes) => {
                let Some(mut due) = pending.take() else {
                    assert_eq!(
                        decoder.decode_binary(bytes),
                        Err(PacketError::UnexpectedAttachment)
                    );
                    continue;
                };
                due.came.push(bytes.clone());
                match decoder.decode_binary(bytes) {
                    Ok(Some(packet)) => finished(&packet, &due.came),
                    Ok(None) => {
                        assert!(due.came.len() < due.announced);
                        pending = Some(due);
                    }
                    Err(error) => panic!("an attachment that was due is refused: {error}"),
                }
            }
            Frame::Reset => {
                decoder.reset();
                pending = None;
            }
        }
    }
}

/// The number in a header that was accepted, read in another way than the decoder does.
fn announced(text: &str, limit: usize) -> Pending {
    let digits = text[1..].split('-').next().unwrap_or_default();
    let announced: usize = digits.parse().expect("a header has a number");
    assert!((1..=limit).contains(&announced), "{announced} of {limit}");
    Pending {
        announced,
        came: Vec::new(),
    }
}

fn finished(packet: &Packet<'_>, came: &[Bytes]) {
    assert_eq!(packet.attachments(), came);
    check(packet);
}
