//! What never counts: pings, noops and the `auth` event of the test application, attempts of a client to connect again,
//! unless the script names them. A ping that siospec answers by itself counts only for a line that asks for it: it comes when
//! its time is up, and that may be before any other line.

use super::{DRIVER, label_name};
use crate::notation::{Action, Case, Content, Heartbeat, Item, Party, Step};
use std::collections::BTreeSet;

/// Reports that count only where a script names them.
const PASSING: [&str; 2] = ["reconnect_attempt", "reconnect_failed"];

/// Which of the three a script names, per label.
#[derive(Clone, Debug, Default)]
pub(in crate::play) struct Ambient {
    pings: BTreeSet<String>,
    noops: BTreeSet<String>,
    auth: BTreeSet<String>,
    all_pings: bool,
    /// Pings are no lines of the script, but where one asks for the next.
    automatic: bool,
    /// Words of reports that it names.
    reports: BTreeSet<String>,
    /// What the target of a client script may send by itself; only pongs, so the same walk serves.
    from_client: bool,
}

impl Ambient {
    /// What `case` names in the lines that `me` does not send.
    pub(in crate::play) fn of(case: &Case, me: Party) -> Self {
        let mut found = Self {
            from_client: me == Party::Server,
            automatic: case.header.heartbeat == Heartbeat::Auto,
            ..Self::default()
        };
        found.walk(&case.script, me);
        if found.from_client {
            // The labels of a wire script are not those of the record.
            let is_wire = case.header.over.is_empty();
            found.all_pings =
                case.header.heartbeat == Heartbeat::Manual || is_wire && !found.pings.is_empty();
        }
        found
    }

    /// Whether this packet never counts on this label.
    pub(in crate::play) fn is(&self, label: &str, packet: &str) -> bool {
        if label == DRIVER {
            let word = packet.split(' ').next().unwrap_or_default();
            return PASSING.contains(&word) && !self.reports.contains(word);
        }
        if self.from_client {
            return packet == "3" && !self.pings.contains(label) && !self.all_pings;
        }
        match packet {
            "2" => self.automatic || !self.pings.contains(label) && !self.all_pings,
            "6" => !self.noops.contains(label),
            _ => is_auth_event(packet) && !self.auth.contains(label),
        }
    }

    /// Whether this packet never counts where one of these lines is due.
    pub(super) fn is_beside(&self, steps: &[&Step], label: &str, packet: &str) -> bool {
        self.is(label, packet) && !(packet == "2" && steps.iter().any(|step| asks_for_ping(step)))
    }

    fn walk(&mut self, items: &[Item], me: Party) {
        for item in items {
            match item {
                Item::Step(step) => self.look_at(step, me),
                Item::AnyOrder(inner) => self.walk(inner, me),
                Item::Blank | Item::Comment(_) | Item::Template(_) => {}
            }
        }
    }

    fn look_at(&mut self, step: &Step, me: Party) {
        if let Action::Report { text, .. } = &step.action {
            let word = text.0.split(' ').next().unwrap_or_default();
            self.reports.insert(word.to_owned());
        }
        let Action::Wire {
            from,
            content,
            alternatives,
        } = &step.action
        else {
            return;
        };
        if *from == me {
            return;
        }
        let body = match content {
            Content::Request(request) => request.body.as_slice(),
            _ => &[],
        };
        let others = alternatives.iter().map(|a| &a.content);
        for content in std::iter::once(content).chain(body).chain(others) {
            let text = match content {
                Content::Text(text) => text,
                Content::Frame(frame) => &frame.payload,
                _ => continue,
            };
            for packet in text.0.split("\\x1e") {
                let family = if step.label.family { step.repeat } else { 1 };
                for label in (0..family).map(|n| label_name(step, n)) {
                    if packet == "2" || (self.from_client && packet == "3") {
                        self.pings.insert(label);
                    } else if packet == "6" {
                        self.noops.insert(label);
                    } else if is_auth_event(packet) {
                        self.auth.insert(label);
                    }
                }
            }
        }
    }
}

/// Whether a ping is, or may be, what a line expects.
fn asks_for_ping(step: &Step) -> bool {
    super::fits::contents(step).any(|content| matches!(content, Content::Text(text) if text.0 == "2"))
}

/// `42["auth",…]`, in any namespace.
fn is_auth_event(packet: &str) -> bool {
    let Some(rest) = packet.strip_prefix("42") else {
        return false;
    };
    let rest = if rest.starts_with('/') {
        rest.split_once(',').map_or("", |(_, rest)| rest)
    } else {
        rest
    };
    rest.starts_with("[\"auth\",") || rest.starts_with("[\"auth\"]")
}
