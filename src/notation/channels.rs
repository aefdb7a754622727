//! What is known of each channel of a wire script while it is read, so that a status, a packet of a body and a
//! frame can be told apart.

use super::content::{is_status, is_three_digits};
use super::model::Label;
use std::collections::BTreeMap;

/// One channel: a TCP connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Channel {
    /// Requests without a status yet.
    unanswered: u32,
    /// A status was the last thing that was said of an answer, so packets of its body may follow.
    in_body: bool,
    /// Raw bytes were sent, so anything may come.
    raw: bool,
    /// The last request asks for a WebSocket.
    asked_for_websocket: bool,
    /// It was, or may have been, granted.
    websocket: bool,
}

/// What a line of the answering side may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A status line.
    Status,
    /// A packet or text of a body, or a frame.
    Packet,
    /// Neither: there is no request to answer.
    Unasked,
    /// The answer has to begin with its status.
    NeedsStatus,
}

impl Channel {
    pub(super) fn request(&mut self, websocket: bool, times: u32) {
        self.unanswered = self.unanswered.saturating_add(times);
        self.in_body = false;
        self.asked_for_websocket = websocket;
        self.websocket = false;
    }

    pub(super) fn raw(&mut self) {
        self.raw = true;
        self.in_body = true;
    }

    /// What the text of an answering line is here.
    pub(super) fn answer(&self, text: &str) -> Answer {
        if self.websocket {
            return Answer::Packet;
        }
        if self.unanswered > 0 && !self.in_body {
            return if is_status(text) {
                Answer::Status
            } else {
                Answer::NeedsStatus
            };
        }
        if is_three_digits(text) && (self.unanswered > 0 || self.raw) {
            return Answer::Status;
        }
        let looks_like_status = is_three_digits(text) && (b'1'..=b'5').contains(&text.as_bytes()[0]);
        match self.in_body && !looks_like_status {
            true => Answer::Packet,
            false => Answer::Unasked,
        }
    }

    pub(super) fn status(&mut self, code: &str, times: u32) {
        self.unanswered = self.unanswered.saturating_sub(times);
        self.in_body = true;
        self.grant(code);
    }

    /// A status that is as good or tolerated.
    pub(super) fn grant(&mut self, code: &str) {
        let may_be_granted = code == "101" || code.contains('<');
        self.websocket |= may_be_granted && (self.asked_for_websocket || self.raw);
    }

    /// Whether frames can be sent and expected.
    pub(super) fn speaks_frames(&self) -> bool {
        self.websocket || self.asked_for_websocket || self.raw
    }
}

/// The channels by name.
#[derive(Debug, Default)]
pub(super) struct Channels {
    by_name: BTreeMap<String, Channel>,
}

impl Channels {
    /// The channel of a label. A member of a family (`s3`) that was not named before is as its family (`s#`) is.
    pub(super) fn get(&mut self, label: &Label) -> &mut Channel {
        let name = if label.family {
            format!("{}#", label.name)
        } else {
            label.name.clone()
        };
        if !self.by_name.contains_key(&name) {
            let family = name.trim_end_matches(|c: char| c.is_ascii_digit());
            let like = self
                .by_name
                .get(&format!("{family}#"))
                .cloned()
                .unwrap_or_default();
            self.by_name.insert(name.clone(), like);
        }
        self.by_name.entry(name).or_default()
    }
}
