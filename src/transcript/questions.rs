//! The ids under which the target asks for acknowledgements, named instead of numbered: it counts them as it likes.

use super::{Event, Transcript, Wire};
use std::collections::BTreeMap;

/// Which id was the first, the second, … that the target asked under.
#[derive(Default)]
pub(super) struct Questions {
    /// Session, namespace and id, and which of its session and namespace it is, from 1.
    asked: BTreeMap<(String, String, String), usize>,
}

impl Questions {
    /// What the target asked in this transcript.
    pub(super) fn of(transcript: &Transcript) -> Self {
        let mut questions = Self::default();
        for entry in &transcript.entries {
            match &entry.event {
                Event::Received(Wire::Text(text)) => questions.note(&entry.label, text),
                Event::Received(Wire::Response(response)) => {
                    let body = String::from_utf8_lossy(&response.body);
                    body.split('\u{1e}')
                        .for_each(|packet| questions.note(&entry.label, packet));
                }
                _ => {}
            }
        }
        questions
    }

    fn note(&mut self, label: &str, packet: &str) {
        let Some(header) = Header::of(packet).filter(Header::is_event) else {
            return;
        };
        let of_same = |(other, namespace, _): &&(String, String, String)| {
            other == label && namespace == header.namespace
        };
        let nth = self.asked.keys().filter(of_same).count() + 1;
        self.asked.entry(header.key(label)).or_insert(nth);
    }

    /// A packet with its id replaced, where that is one of the target's: in its own events, and in what answers them.
    pub(super) fn replaced(&self, label: &str, by_target: bool, packet: String) -> String {
        let Some(header) = Header::of(&packet).filter(|header| header.is_event() == by_target) else {
            return packet;
        };
        // A session may also answer what another one was asked.
        let anywhere = || {
            self.asked
                .keys()
                .find_map(|(other, ..)| self.asked.get(&header.key(other)))
        };
        match self.asked.get(&header.key(label)).or_else(anywhere) {
            None => packet,
            Some(1) => format!("{}<id>{}", header.before, header.after),
            Some(nth) => format!("{}<id{nth}>{}", header.before, header.after),
        }
    }
}

/// An event or acknowledgement with an id.
struct Header<'a> {
    namespace: &'a str,
    id: &'a str,
    /// What comes before the id, and after it.
    before: &'a str,
    after: &'a str,
}

impl<'a> Header<'a> {
    fn of(packet: &'a str) -> Option<Self> {
        let rest = packet.strip_prefix('4')?;
        let rest = rest.strip_prefix(['2', '3']).or_else(|| {
            let counted = rest.strip_prefix(['5', '6'])?;
            let count = counted.bytes().take_while(u8::is_ascii_digit).count();
            counted[count..].strip_prefix('-')
        })?;
        let (namespace, rest) = if rest.starts_with('/') {
            rest.split_once(',')?
        } else {
            ("/", rest)
        };
        let before = &packet[..packet.len() - rest.len()];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, after) = rest.split_at(digits);
        (digits > 0).then_some(Self {
            namespace,
            id,
            before,
            after,
        })
    }

    fn is_event(&self) -> bool {
        self.before.starts_with("42") || self.before.starts_with("45")
    }

    fn key(&self, label: &str) -> (String, String, String) {
        (label.to_owned(), self.namespace.to_owned(), self.id.to_owned())
    }
}
