//! What waits to be sent in a session, and how much of it fits into one POST.

use std::collections::VecDeque;

use crate::{
    codec::{EnginePacket, EnginePacketType, encode_payload},
    engine::Message,
};

/// A packet that waits.
#[derive(Debug)]
pub(super) enum Outgoing {
    Pong,
    Message(Message),
}

impl Outgoing {
    fn as_packet(&self) -> EnginePacket<'_> {
        match self {
            Self::Pong => EnginePacket::Text(EnginePacketType::Pong, ""),
            Self::Message(Message::Text(text)) => EnginePacket::Text(EnginePacketType::Message, text),
            Self::Message(Message::Binary(data)) => EnginePacket::Binary(data.clone()),
        }
    }

    /// The size in a payload, in bytes.
    fn polled_len(&self) -> usize {
        match self {
            Self::Pong => 1,
            Self::Message(Message::Text(text)) => 1 + text.len(),
            Self::Message(Message::Binary(data)) => 1 + data.len().div_ceil(3) * 4,
        }
    }

    fn into_frame(self) -> Message {
        match self {
            Self::Pong => Message::Text("3".into()),
            Self::Message(Message::Text(mut text)) => {
                text.insert(0, EnginePacketType::Message.digit());
                Message::Text(text)
            }
            Self::Message(binary @ Message::Binary(_)) => binary,
        }
    }
}

/// The packets that wait, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    packets: VecDeque<Outgoing>,
}

impl Outbox {
    pub(super) fn push(&mut self, packet: Outgoing) {
        self.packets.push_back(packet);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Takes as many packets as make a payload of at most `max` bytes; one that is larger goes alone.
    pub(super) fn take_payload(&mut self, max: Option<usize>) -> String {
        let max = max.unwrap_or(usize::MAX);
        let mut size = 0;
        let mut count = 0;
        for packet in &self.packets {
            size += packet.polled_len() + usize::from(count > 0);
            if count > 0 && size > max {
                break;
            }
            count += 1;
        }
        let batch: Vec<_> = self.packets.drain(..count).collect();
        encode_payload(batch.iter().map(Outgoing::as_packet))
    }

    /// Takes everything, as WebSocket messages.
    pub(super) fn take_frames(&mut self) -> impl Iterator<Item = Message> {
        self.packets.drain(..).map(Outgoing::into_frame)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn batches_stay_below_the_limit_and_lose_nothing() {
        let texts = [
            "2[\"a\"]",
            "2[\"b\"]",
            "2[\"a long one that is over the limit\"]",
            "2[\"ü\"]",
        ];
        for max in [None, Some(1), Some(15), Some(16), Some(30), Some(1000)] {
            let mut outbox = Outbox::default();
            for text in texts {
                outbox.push(Outgoing::Message(Message::Text(text.into())));
            }
            outbox.push(Outgoing::Message(Message::Binary(Bytes::from_static(&[
                1, 2, 3, 4,
            ]))));
            outbox.push(Outgoing::Pong);
            let mut sent = Vec::new();
            while !outbox.is_empty() {
                let payload = outbox.take_payload(max);
                let packets: Vec<_> = payload.split('\u{1e}').map(str::to_owned).collect();
                assert!(
                    packets.len() == 1 || payload.len() <= max.unwrap_or(usize::MAX),
                    "{max:?}: {payload}"
                );
                sent.extend(packets);
            }
            let expected: Vec<_> = texts.iter().map(|text| format!("4{text}")).collect();
            assert_eq!(sent[..4], expected);
            assert_eq!(sent[4..], ["bAQIDBA==", "3"]);
        }
    }

    #[test]
    fn a_batch_is_as_large_as_it_may_be() {
        let mut outbox = Outbox::default();
        for _ in 0..3 {
            outbox.push(Outgoing::Message(Message::Text("2[\"a\"]".into())));
        }
        assert_eq!(outbox.take_payload(Some(15)), "42[\"a\"]\u{1e}42[\"a\"]");
    }
}
