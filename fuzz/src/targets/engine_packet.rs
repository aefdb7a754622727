//! One Engine.IO packet, as a WebSocket frame and as a part of a payload. The input is its text.
//!
//! - A frame is a packet exactly if it begins with a digit from 0 to 6, and its data is all that follows.
//! - What is decoded encodes as the same text.
//! - `b` begins a packet of bytes in a payload only.

use std::str;

use reference_impl::codec::EnginePacket;

/// Runs the target.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let is_typed = text.starts_with(|first| ('0'..='6').contains(&first));
    let frame = EnginePacket::decode_frame(text);
    assert_eq!(frame.is_ok(), is_typed, "{frame:?}");
    if let Ok(EnginePacket::Text(kind, rest)) = &frame {
        assert!(text.starts_with(kind.digit()));
        assert_eq!(*rest, &text[1..]);
    }
    let polled = EnginePacket::decode_polled(text);
    match &polled {
        Ok(EnginePacket::Binary(bytes)) => {
            assert!(text.starts_with('b'));
            assert!(bytes.len() <= text.len());
        }
        _ if text.starts_with('b') => assert!(polled.is_err()),
        _ => assert_eq!(polled, frame),
    }
    for packet in [frame, polled].into_iter().flatten() {
        let mut again = String::new();
        packet.encode_polled(&mut again);
        assert_eq!(again, text);
    }
}
