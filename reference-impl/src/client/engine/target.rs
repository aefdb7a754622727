//! The target of a request: path and query, percent-encoded.

use std::fmt::Write as _;

use crate::engine::Transport;

/// The target of a request of this transport.
///
/// `query` is not encoded yet. The parameters of Engine.IO itself cannot be overridden by it.
pub(super) fn target(
    path: &str,
    query: &[(String, String)],
    transport: Transport,
    sid: Option<&str>,
    stamp: Option<&str>,
) -> String {
    let mut target = String::new();
    for byte in path.bytes() {
        push_byte(&mut target, byte, |byte| {
            byte.is_ascii_graphic() && !b"?#\"<>`{}".contains(&byte)
        });
    }
    target.push('?');
    let own = ["EIO", "transport", "sid", "t"];
    for (name, value) in query.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
        push(&mut target, name, value);
    }
    push(&mut target, "EIO", "4");
    push(&mut target, "transport", transport.name());
    for (name, value) in [("sid", sid), ("t", stamp)] {
        if let Some(value) = value {
            push(&mut target, name, value);
        }
    }
    target
}

fn push(target: &mut String, name: &str, value: &str) {
    if !target.ends_with('?') {
        target.push('&');
    }
    encode(target, name);
    target.push('=');
    encode(target, value);
}

/// Appends `text` with everything but letters, digits and `-_.!~*'()` escaped.
fn encode(target: &mut String, text: &str) {
    for byte in text.bytes() {
        push_byte(target, byte, |byte| {
            byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte)
        });
    }
}

fn push_byte(target: &mut String, byte: u8, plain: impl FnOnce(u8) -> bool) {
    if plain(byte) {
        target.push(char::from(byte));
    } else {
        // Writing to a String cannot fail.
        let _ = write!(target, "%{byte:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_encoded_and_nothing_overridden() {
        let query = [("c", "d=e"), ("sid", "mine"), ("ü&", "a b")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(
            target(
                "/socket.io/",
                &query,
                Transport::Polling,
                Some("X/Y+Z="),
                Some("t1")
            ),
            "/socket.io/?c=d%3De&%C3%BC%26=a%20b&EIO=4&transport=polling&sid=X%2FY%2BZ%3D&t=t1"
        );
        assert_eq!(
            target("/a b?/", &[], Transport::WebSocket, None, None),
            "/a%20b%3F/?EIO=4&transport=websocket"
        );
    }
}
