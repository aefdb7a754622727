//! What the frames of a WebSocket amount to: messages, put together where they came in pieces.

use crate::transcript::{Frame, Wire};
use crate::wire::websocket_frame as frame;

/// The longest message that is put together, in bytes.
const LONGEST: usize = 64 << 20;

/// Puts messages together.
#[derive(Debug, Default)]
pub struct Messages {
    begun: Option<Frame>,
}

impl Messages {
    /// The message that is complete with this frame. What RFC 6455 forbids a client (no mask, reserved bits, a fragment out
    /// of place, text that is not UTF-8) is given as the frame that it is.
    pub fn take(&mut self, came: Frame) -> Option<Wire> {
        let proper = came.masked && came.rsv == 0;
        match (came.opcode, self.begun.take()) {
            (0, Some(mut begun)) if proper && begun.payload.len() + came.payload.len() <= LONGEST => {
                begun.payload.extend(came.payload);
                if came.fin {
                    return Some(whole(begun));
                }
                self.begun = Some(begun);
                None
            }
            (frame::TEXT | frame::BINARY, None) if proper && !came.fin => {
                self.begun = Some(came);
                None
            }
            (frame::TEXT | frame::BINARY, None) if proper => Some(whole(came)),
            (_, begun) => {
                self.begun = begun;
                Some(Wire::Frame(came))
            }
        }
    }
}

fn whole(message: Frame) -> Wire {
    if message.opcode == frame::BINARY {
        return Wire::Binary(message.payload);
    }
    match String::from_utf8(message.payload) {
        Ok(text) => Wire::Text(text),
        Err(error) => Wire::Frame(Frame {
            payload: error.into_bytes(),
            ..message
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(opcode: u8, fin: bool, payload: &str) -> Frame {
        Frame {
            fin,
            ..frame::message(opcode, payload.into())
        }
    }

    #[test]
    fn pieces_become_a_message_and_control_frames_may_stand_between() {
        let mut messages = Messages::default();
        assert_eq!(messages.take(piece(1, false, "4")), None);
        assert!(matches!(messages.take(piece(10, true, "")), Some(Wire::Frame(_))));
        assert_eq!(messages.take(piece(0, false, "2")), None);
        assert_eq!(
            messages.take(piece(0, true, "[]")),
            Some(Wire::Text("42[]".into()))
        );
    }

    #[test]
    fn what_a_client_may_not_send_is_shown_as_it_came() {
        let mut messages = Messages::default();
        let bare = Frame {
            masked: false,
            ..piece(1, true, "40")
        };
        assert_eq!(messages.take(bare.clone()), Some(Wire::Frame(bare)));
        assert!(matches!(messages.take(piece(0, true, "x")), Some(Wire::Frame(_))));
        assert_eq!(messages.take(piece(1, true, "40")), Some(Wire::Text("40".into())));
    }
}
