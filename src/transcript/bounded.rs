//! How much of a record is kept: a target that floods makes neither siospec nor its result large.

use super::packed::packed_len;
use super::{Entry, Event, Transcript, Wire};

/// How many bytes of a record are kept whole, counted as they are written.
const KEPT: usize = 2 << 20;
/// What is kept of a text beyond that, from its beginning and from its end, in bytes.
const HEAD: usize = 256;
const TAIL: usize = 64;

/// How many entries of a long record are kept, from its beginning and from its end.
const FIRST: usize = 1_000;
const LAST: usize = 200;

impl Transcript {
    /// Leaves out the middle of a record that has very many entries; `dropped` counts them. Gives the place that `entry` has
    /// now: that of a note where it was left out.
    ///
    /// Verdicts are derived before: a record without its middle can no longer be judged.
    pub fn shorten(&mut self, entry: Option<usize>) -> Option<usize> {
        let left_out = self.entries.len().saturating_sub(FIRST + LAST);
        if left_out == 0 {
            return entry;
        }
        let end = FIRST + left_out;
        let note = Entry {
            at: self.entries[FIRST].at,
            label: String::new(),
            event: Event::Note(format!("{left_out} entries are left out here")),
            cause: None,
        };
        self.entries.splice(FIRST..end, [note]);
        self.dropped += u64::try_from(left_out).unwrap_or(u64::MAX);
        match entry? {
            early if early < FIRST => Some(early),
            late if late >= end => Some(late - left_out + 1),
            _ => Some(FIRST),
        }
    }

    /// Cuts what goes beyond the bytes that a record may keep, beginning with what came last; `cut` counts it.
    ///
    /// Verdicts are derived before: what is cut can no longer be judged.
    pub fn bound(&mut self) {
        let mut left = KEPT;
        for entry in &mut self.entries {
            let (Event::Sent(wire) | Event::Received(wire)) = &mut entry.event else {
                continue;
            };
            let mut is_cut = false;
            for_each_content(wire, |content| {
                let len = content.packed_len();
                match left.checked_sub(len) {
                    Some(rest) => left = rest,
                    None => is_cut |= content.cut(),
                }
            });
            self.cut += u64::from(is_cut);
        }
    }
}

/// What a message is made of.
enum Content<'a> {
    Text(&'a mut String),
    Bytes(&'a mut Vec<u8>),
}

fn for_each_content(wire: &mut Wire, mut each: impl FnMut(Content<'_>)) {
    match wire {
        Wire::Text(text) | Wire::Driver(text) => each(Content::Text(text)),
        Wire::Binary(bytes) | Wire::Raw(bytes) => each(Content::Bytes(bytes)),
        Wire::Request(request) => {
            each(Content::Text(&mut request.target));
            headers(&mut request.headers, &mut each);
            each(Content::Bytes(&mut request.body));
        }
        Wire::Response(response) => {
            headers(&mut response.headers, &mut each);
            each(Content::Bytes(&mut response.body));
        }
        Wire::Frame(frame) => each(Content::Bytes(&mut frame.payload)),
    }
}

fn headers(headers: &mut [(String, String)], each: &mut impl FnMut(Content<'_>)) {
    for (name, value) in headers {
        each(Content::Text(name));
        each(Content::Text(value));
    }
}

impl Content<'_> {
    fn packed_len(&self) -> usize {
        match self {
            Self::Text(text) => packed_len(text.as_bytes()),
            Self::Bytes(bytes) => packed_len(bytes),
        }
    }

    /// Leaves the head and the tail; whether there was more.
    fn cut(self) -> bool {
        match self {
            Self::Text(text) => {
                let (Some(head), Some(tail)) = ends(text.len(), |at| text.is_char_boundary(at)) else {
                    return false;
                };
                text.replace_range(head..tail, &said(tail - head));
                text.shrink_to_fit();
            }
            Self::Bytes(bytes) => {
                let (Some(head), Some(tail)) = ends(bytes.len(), |_| true) else {
                    return false;
                };
                bytes.splice(head..tail, said(tail - head).into_bytes());
                bytes.shrink_to_fit();
            }
        }
        true
    }
}

/// From where to where something of this length is left out; nothing where little would be.
fn ends(len: usize, may_cut: impl Fn(usize) -> bool) -> (Option<usize>, Option<usize>) {
    if len <= 2 * (HEAD + TAIL) {
        return (None, None);
    }
    let head = (0..=HEAD).rev().find(|at| may_cut(*at));
    let tail = (len - TAIL..=len).find(|at| may_cut(*at));
    (head, tail)
}

fn said(left_out: usize) -> String {
    format!(" … {left_out} bytes are left out … ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Entry;

    fn received(wire: Wire) -> Entry {
        Entry {
            at: 0.0,
            label: String::new(),
            event: Event::Received(wire),
            cause: None,
        }
    }

    /// Digits that never repeat for long.
    fn noise(len: usize) -> String {
        let mut digits: String = (0..len / 4).map(|n: usize| n.to_string()).collect();
        digits.truncate(len);
        digits
    }

    #[test]
    fn the_middle_of_a_flood_of_packets_is_left_out() {
        let packet = |n: usize| received(Wire::Text(n.to_string()));
        let flood = || Transcript {
            entries: (0..20_000).map(packet).collect(),
            ..Transcript::default()
        };
        let mut record = flood();
        assert_eq!(record.shorten(Some(999)), Some(999));
        assert_eq!(record.entries.len(), FIRST + 1 + LAST);
        assert_eq!(record.dropped, 18_800);
        assert_eq!(record.entries[999], packet(999));
        let moved = flood().shorten(Some(19_999)).unwrap();
        assert_eq!(record.entries[moved], packet(19_999));
        assert_eq!(flood().shorten(Some(10_000)), Some(FIRST));
        let mut short = Transcript {
            entries: (0..FIRST + LAST).map(packet).collect(),
            ..Transcript::default()
        };
        let before = short.clone();
        assert_eq!(short.shorten(Some(1_100)), Some(1_100));
        assert_eq!(short, before);
    }

    #[test]
    fn a_flood_is_cut_and_what_repeats_is_not() {
        let flood = format!("42[\"€\",\"{}€€€\"]", noise(1 << 20));
        let repeated = "a".repeat(30 << 20);
        let mut entries = vec![received(Wire::Text(repeated.clone()))];
        for _ in 0..8 {
            entries.push(received(Wire::Text(flood.clone())));
            entries.push(received(Wire::Binary(flood.clone().into_bytes())));
        }
        entries.push(received(Wire::Text("41".to_owned())));
        let mut record = Transcript {
            entries,
            ..Transcript::default()
        };
        record.bound();
        assert_eq!(record.entries[0].event, Event::Received(Wire::Text(repeated)));
        assert_eq!(record.entries[1].event, Event::Received(Wire::Text(flood)));
        assert_eq!(record.cut, 15);
        let last = record.entries.last().unwrap();
        assert_eq!(last.event, Event::Received(Wire::Text("41".to_owned())));
        let Event::Received(Wire::Text(cut)) = &record.entries[15].event else {
            panic!("{:?}", record.entries[15]);
        };
        assert!(cut.starts_with("42[\"€\",\"012"), "{cut}");
        assert!(
            cut.ends_with("€€€\"]") && cut.contains("bytes are left out"),
            "{cut}"
        );
        assert!(serde_json::to_string(&record).unwrap().len() < KEPT + 20_000);
    }
}
