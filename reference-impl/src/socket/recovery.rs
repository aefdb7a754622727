//! Connection state recovery: what was sent lately, and who may come back for it.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::{codec::Arguments, engine::Millis};

/// How many packets, and how many absent clients, are remembered at most.
const MAX_REMEMBERED: usize = 10_000;
/// How many bytes of packets are remembered at most.
const MAX_REMEMBERED_BYTES: usize = 16 << 20;
/// A client's last offset may be older than its absence: packets are kept for this long beyond it, in milliseconds.
const IDLE: Millis = 60_000;

/// To whom an event was sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Target {
    /// The socket with this id.
    Socket(String),
    /// A room.
    Room(String),
}

/// A client that went away and may come back.
#[derive(Clone, Debug)]
pub(super) struct Absent {
    pub(super) namespace: String,
    pub(super) sid: String,
    pub(super) rooms: BTreeSet<String>,
    since: Millis,
}

/// An event that an absent client has not seen.
#[derive(Clone, Debug)]
pub(super) struct Missed {
    pub(super) name: String,
    /// With the offset as the last argument.
    pub(super) arguments: Arguments,
}

impl Missed {
    fn size(&self) -> usize {
        let attachments: usize = self.arguments.attachments().iter().map(bytes::Bytes::len).sum();
        self.name.len() + self.arguments.json().len() + attachments
    }
}

/// The memory of all namespaces.
pub(super) struct Recovery {
    /// How long a client may stay away.
    keep: Millis,
    next_offset: u64,
    sent: VecDeque<Sent>,
    sent_bytes: usize,
    absent: HashMap<String, Absent>,
}

struct Sent {
    namespace: String,
    offset: String,
    target: Target,
    at: Millis,
    packet: Missed,
}

impl Recovery {
    pub(super) fn new(keep: Millis) -> Self {
        Self {
            keep,
            next_offset: 0,
            sent: VecDeque::new(),
            sent_bytes: 0,
            absent: HashMap::new(),
        }
    }

    /// Remembers an event that is sent now; returns its arguments with the offset behind them.
    pub(super) fn record(
        &mut self,
        now: Millis,
        namespace: &str,
        target: Target,
        name: &str,
        arguments: &Arguments,
    ) -> Arguments {
        self.next_offset += 1;
        let offset = format!("{:x}", self.next_offset);
        let mut arguments = arguments.clone();
        arguments.push_str(&offset);
        let packet = Missed {
            name: name.to_owned(),
            arguments: arguments.clone(),
        };
        self.sent_bytes += packet.size();
        self.sent.push_back(Sent {
            namespace: namespace.to_owned(),
            offset,
            target,
            at: now,
            packet,
        });
        self.expire(now);
        arguments
    }

    /// Remembers a client that went away now.
    pub(super) fn leave(
        &mut self,
        now: Millis,
        pid: String,
        namespace: String,
        sid: String,
        rooms: BTreeSet<String>,
    ) {
        self.expire(now);
        if self.absent.len() < MAX_REMEMBERED {
            self.absent.insert(
                pid,
                Absent {
                    namespace,
                    sid,
                    rooms,
                    since: now,
                },
            );
        }
    }

    /// Finds the client that comes back, and what it missed after `offset`. It is forgotten then: nobody comes back
    /// twice.
    pub(super) fn restore(
        &mut self,
        now: Millis,
        namespace: &str,
        pid: &str,
        offset: &str,
    ) -> Option<(Absent, Vec<Missed>)> {
        self.expire(now);
        self.absent
            .get(pid)
            .filter(|absent| absent.namespace == namespace)?;
        let seen = self
            .sent
            .iter()
            .position(|sent| sent.namespace == namespace && sent.offset == offset)?;
        let absent = self.absent.remove(pid)?;
        let missed = self
            .sent
            .iter()
            .skip(seen + 1)
            .filter(|sent| sent.namespace == namespace)
            .filter(|sent| match &sent.target {
                Target::Socket(sid) => *sid == absent.sid,
                Target::Room(room) => absent.rooms.contains(room),
            })
            .map(|sent| sent.packet.clone())
            .collect();
        Some((absent, missed))
    }

    fn expire(&mut self, now: Millis) {
        let keep = self.keep;
        while let Some(oldest) = self.sent.front()
            && (oldest.at + keep + IDLE < now
                || self.sent.len() > MAX_REMEMBERED
                || self.sent_bytes > MAX_REMEMBERED_BYTES)
        {
            self.sent_bytes -= oldest.packet.size();
            self.sent.pop_front();
        }
        self.absent
            .retain(|_, absent| now < absent.since.saturating_add(keep));
    }
}
