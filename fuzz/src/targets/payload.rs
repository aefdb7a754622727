//! The body of a poll. The input is the body.
//!
//! - There are as many packets as separators and one more, unless one is malformed; then it is the last.
//! - Each part decodes as it would alone.
//! - A body without a malformed packet encodes as itself.

use std::str;

use reference_impl::codec::{EnginePacket, decode_payload, encode_payload};

/// Runs the target.
pub fn run(data: &[u8]) {
    let Ok(body) = str::from_utf8(data) else { return };
    let packets: Vec<_> = decode_payload(body).collect();
    let parts: Vec<&str> = body.split('\u{1e}').collect();
    assert!(!packets.is_empty());
    for (index, packet) in packets.iter().enumerate() {
        assert_eq!(*packet, EnginePacket::decode_polled(parts[index]));
        assert!(packet.is_ok() || index + 1 == packets.len());
    }
    if let Ok(packets) = packets.into_iter().collect::<Result<Vec<_>, _>>() {
        assert_eq!(packets.len(), parts.len());
        assert_eq!(encode_payload(packets), body);
    }
}
