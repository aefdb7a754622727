//! What a record tells of who was held up meanwhile: siospec, or the target.

use crate::transcript::{Entry, Event, Side, Transcript, Wire};
use crate::wire::LimitReached;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The part of the ping timeout by which a pong may be late and still be in time for sure.
const HEARTBEAT_SHARE: f64 = 0.5;
/// The ping timeout of the test application, where no handshake tells it.
const PING_TIMEOUT_MS: f64 = 200.0;

/// Whether the player stopped reading because more came than a case may receive: the machine has no part in that.
pub(super) fn flooded(record: &Transcript) -> bool {
    let gave_up = |event: &Event| matches!(event, Event::Closed(closed) if closed.by == Side::Player && LimitReached::is_told_by(&closed.how));
    record.entries.iter().any(|entry| gave_up(&entry.event))
}

/// Whether the target ended a session or channel: the very thing that many rules ask for.
pub(super) fn closed_by_target(record: &Transcript) -> bool {
    let by_target = |event: &Event| matches!(event, Event::Closed(closed) if closed.by == Side::Target);
    record.entries.iter().any(|entry| by_target(&entry.event))
}

/// Whether the runner was held up so much within a ping timeout that it may have missed it.
pub(super) fn pong_may_be_late(record: &Transcript) -> bool {
    let announced = |entry: &Entry| match &entry.event {
        Event::Opened(handshake) if handshake.ping_timeout > 0.0 => Some(handshake.ping_timeout),
        _ => None,
    };
    let timeouts = record.entries.iter().filter_map(announced);
    let timeout = timeouts.reduce(f64::min).unwrap_or(PING_TIMEOUT_MS);
    let mut within: VecDeque<(f64, f64)> = VecDeque::new();
    let mut sum = 0.0;
    for entry in &record.entries {
        let Event::Lag(ms) = entry.event else { continue };
        within.push_back((entry.at, ms));
        sum += ms;
        while let Some((at, old)) = within.front().copied()
            && at < entry.at - timeout
        {
            sum -= old;
            within.pop_front();
        }
        if sum > timeout * HEARTBEAT_SHARE {
            return true;
        }
    }
    false
}

/// Whether a line of the script let time pass: what follows it is looked at when the time of something is up.
pub(super) fn waited(record: &Transcript) -> bool {
    let waits = |event: &Event| matches!(event, Event::Did(what) if what.starts_with("wait "));
    record.entries.iter().any(|entry| waits(&entry.event))
}

/// The longest time, in milliseconds, that the target took for what it has no reason to wait with: to open a session or a
/// WebSocket, and to answer a request that is no poll.
pub(super) fn slowness(record: &Transcript) -> f64 {
    let mut slowest: f64 = 0.0;
    let mut asked: BTreeMap<&str, f64> = BTreeMap::new();
    let mut labels = BTreeSet::new();
    let mut before = 0.0;
    for entry in record.entries.iter().filter(|_| !record.hosts) {
        let label = entry.label.as_str();
        match &entry.event {
            Event::Lag(_) | Event::Note(_) => continue,
            Event::Sent(Wire::Request(request)) => {
                asked.remove(label);
                if request.method != "GET" || !request.target.contains("sid=") {
                    asked.insert(label, entry.at);
                }
            }
            Event::Received(Wire::Response(_)) | Event::Closed(_) if asked.contains_key(label) => {
                let since = asked.remove(label).unwrap_or(entry.at);
                slowest = slowest.max(entry.at - since);
            }
            Event::Opened(_) | Event::Closed(_) if !labels.contains(label) => {
                slowest = slowest.max(entry.at - before);
            }
            _ => {}
        }
        labels.insert(label);
        before = entry.at.max(before);
    }
    slowest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Closed, Request, Response};

    fn record(events: Vec<(f64, &str, Event)>) -> Transcript {
        let entry = |(at, label, event): (f64, &str, Event)| Entry {
            at,
            label: label.to_owned(),
            event,
            cause: None,
        };
        Transcript {
            entries: events.into_iter().map(entry).collect(),
            ..Transcript::default()
        }
    }

    fn asks(method: &str, target: &str) -> Event {
        Event::Sent(Wire::Request(Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }))
    }

    fn answer() -> Event {
        Event::Received(Wire::Response(Response {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
            own: false,
        }))
    }

    #[test]
    fn a_target_is_slow_where_it_lets_plain_requests_wait() {
        let handshake = || asks("GET", "/?EIO=4");
        let slow = record(vec![
            (1.0, "a", handshake()),
            (2.0, "b", handshake()),
            (5.0, "b", answer()),
            (71.0, "a", answer()),
        ]);
        assert!((slowness(&slow) - 70.0).abs() < f64::EPSILON);
        let polls = record(vec![(1.0, "", asks("GET", "/?sid=x")), (400.0, "", answer())]);
        assert!(slowness(&polls) < 1.0);
        let posts = record(vec![(1.0, "", asks("POST", "/?sid=x")), (31.0, "", answer())]);
        assert!((slowness(&posts) - 30.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_session_that_opens_late_shows_a_slow_target() {
        let end = |how: &str| {
            Event::Closed(Closed {
                by: Side::Target,
                how: how.to_owned(),
                code: None,
            })
        };
        let refused = record(vec![
            (3.0, "", Event::Lag(3.0)),
            (757.0, "", end("the handshake failed")),
        ]);
        assert!((slowness(&refused) - 757.0).abs() < f64::EPSILON);
        let later = record(vec![
            (2.0, "", end("the handshake failed")),
            (900.0, "", end("another end")),
        ]);
        assert!((slowness(&later) - 2.0).abs() < f64::EPSILON);
        assert!(closed_by_target(&later) && !waited(&later));
        assert!(waited(&record(vec![(
            9.0,
            "",
            Event::Did("wait 8ms".to_owned())
        )])));
    }
}
