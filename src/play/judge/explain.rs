//! The words of a verdict: what was expected, what came and when, what would have been allowed, what to look at.

use super::fits::{Misfit, contents};
use super::label::{Arrival, What};
use super::{Flow, Judge, Judgement, label_name};
use crate::notation::{Action, Alternative, Binary, Content, Step};
use crate::outcome::Failure;
use crate::transcript::{Cause, Proof, Response};

/// How much of a long text is shown.
const SHOWN: usize = 200;

impl Arrival {
    /// What arrived, in words.
    pub(super) fn describe(&self) -> String {
        match &self.what {
            What::Text(text) => format!("`{}`", shorten(text)),
            What::Binary(bytes) => buffer(bytes),
            What::Response(response, _) => format!("status {}{}", response.status, body_excerpt(response)),
            What::Raw(bytes) => format!(
                "bytes that are no packet: `{}`",
                shorten(&String::from_utf8_lossy(bytes))
            ),
            What::Frame(frame) => format!(
                "a frame with opcode {}, fin {}, rsv {}: `{}`",
                frame.opcode,
                u8::from(frame.fin),
                frame.rsv,
                shorten(&String::from_utf8_lossy(&frame.payload))
            ),
            What::Request(line) => format!("the request `{}`", shorten(line)),
            What::Closed(closed) => format!("the end of the connection ({})", closed.how),
            What::Silence(Proof::Echo) => "nothing: an echo was the next thing that came".into(),
            What::Silence(Proof::Connect) => "nothing: a CONNECT was answered, the session works".into(),
            What::Silence(Proof::Window(ms)) => format!("nothing for {ms:.0} ms"),
            What::Silence(Proof::Failed(why)) => format!("no answer to the echo: {why}"),
        }
    }
}

impl<'c> Judge<'c> {
    pub(super) fn failure(&self, step: &Step, at: f64) -> Failure {
        let allowed = match &step.action {
            Action::Wire { alternatives, .. } | Action::Report { alternatives, .. } => alternatives
                .iter()
                .map(|a| content_in_words(&a.content))
                .collect(),
            Action::Own(_) | Action::Command(_) => Vec::new(),
        };
        Failure {
            line: step.line,
            at,
            allowed,
            ..Failure::default()
        }
    }

    pub(super) fn fail(&mut self, failure: Failure) -> Flow<'c> {
        self.verdict = Some(Judgement::Fail(failure));
        Flow::Again
    }

    pub(super) fn fail_misfit(
        &mut self,
        step: &Step,
        label: &str,
        arrival: &Arrival,
        misfit: Misfit,
    ) -> Flow<'c> {
        let mut failure = self.failure(step, arrival.at);
        failure.expected = misfit.expected;
        failure.came = self.on_label(label, &misfit.came);
        failure.hint = misfit.hint;
        failure.entry = Some(arrival.entry);
        failure.timed = matches!(arrival.what, What::Silence(Proof::Failed(_)));
        self.fail(failure)
    }

    pub(super) fn fail_nothing_came(&mut self, step: &Step, _repetition: u32, label: &str) -> Flow<'c> {
        let mut failure = self.failure(step, self.now);
        let allowance = self.allowance_of(step, label);
        failure.expected = match &step.action {
            Action::Report { text, .. } => format!("the report `{text}`"),
            _ => contents(step).next().map(content_in_words).unwrap_or_default(),
        };
        failure.came = self.on_label(label, &format!("nothing within {allowance:.0} ms"));
        failure.timed = true;
        failure.hint = self.hint_for_silence(step, label);
        self.fail(failure)
    }

    /// Ends the case, unless its verdict is found: so much came that nothing more is read.
    pub fn flooded(&mut self, came: String) {
        if self.verdict.is_some() {
            return;
        }
        let due = match self.nodes.get(self.node) {
            Some(super::Node::Step(step)) => Some(*step),
            Some(super::Node::AnyOrder(_)) => self.group.first().map(|(step, _)| *step),
            None => None,
        };
        let due = due.filter(|step| !self.is_mine(step));
        let mut failure = due.map_or_else(Failure::default, |step| self.failure(step, self.now));
        failure.expected = due
            .and_then(|step| contents(step).next())
            .map_or_else(|| "an end of what comes".to_owned(), content_in_words);
        failure.came = came;
        self.verdict = Some(Judgement::Fail(failure));
    }

    fn hint_for_silence(&self, step: &Step, label: &str) -> String {
        let closes = contents(step).any(|c| matches!(c, Content::Close(_)));
        if !closes {
            return String::new();
        }
        match self.connect_timer(label) {
            Some(timer) => format!(
                "the wait ends before the connect timer of the target (at {timer:.0} ms) could close the connection for another reason"
            ),
            None => {
                "siospec answered the pings meanwhile, so the heartbeat does not close the connection".into()
            }
        }
    }

    pub(super) fn fail_too_early(&mut self, step: &Step, label: &str, arrival: &Arrival) -> Flow<'c> {
        let mut failure = self.failure(step, arrival.at);
        failure.expected = format!(
            "{}, after the line above was done",
            contents(step).next().map(content_in_words).unwrap_or_default()
        );
        failure.came = self.on_label(label, &format!("{}, before it was asked for", arrival.describe()));
        failure.entry = Some(arrival.entry);
        self.fail(failure)
    }

    pub(super) fn fail_time(
        &mut self,
        step: &Step,
        label: &str,
        arrival: &Arrival,
        earliest: Option<f64>,
        latest: f64,
    ) -> Flow<'c> {
        let mut failure = self.failure(step, arrival.at);
        let what = contents(step).next().map(content_in_words).unwrap_or_default();
        let since = self
            .labels
            .get(label)
            .map_or(self.base, |state| state.last_line_at);
        (failure.expected, failure.came) = match earliest {
            Some(earliest) => (
                format!(
                    "{what} between {:.0} ms and {:.0} ms after the last line",
                    earliest - since,
                    latest - since
                ),
                self.on_label(label, &format!("it after {:.0} ms", arrival.at - since)),
            ),
            None => (
                format!("{what} within {:.0} ms", self.allowance_of(step, label)),
                self.on_label(
                    label,
                    &format!("{} after {:.0} ms", arrival.describe(), arrival.at - self.base),
                ),
            ),
        };
        failure.timed = true;
        failure.entry = Some(arrival.entry);
        self.fail(failure)
    }

    pub(super) fn fail_unexpected(&mut self, label: &str, arrival: &Arrival) -> Flow<'c> {
        let mut failure = Failure {
            at: arrival.at,
            entry: Some(arrival.entry),
            ..Failure::default()
        };
        failure.expected = "nothing more than the script asks for".into();
        failure.came = self.on_label(label, &arrival.describe());
        failure.hint = "every packet that comes must be expected; `< ...` says that more may follow".into();
        failure.timed = matches!(arrival.what, What::Silence(Proof::Failed(_)));
        self.fail(failure)
    }

    pub(super) fn fail_no_proof(&mut self) -> Flow<'c> {
        let failure = Failure {
            at: self.now,
            expected: "a proof that nothing more was on its way".into(),
            came: "the transcript ends before it".into(),
            timed: true,
            ..Failure::default()
        };
        self.fail(failure)
    }

    pub(super) fn fail_at_park(&mut self, step: &Step, label: &str) -> Flow<'c> {
        let arrival = self
            .labels
            .get(label)
            .and_then(|state| state.queue.front().cloned());
        let mut failure = self.failure(step, self.now);
        failure.expected = "this request to be held open until there is something to answer".into();
        failure.came = self.on_label(
            label,
            &arrival.as_ref().map_or_else(String::new, Arrival::describe),
        );
        failure.entry = arrival.map(|arrival| arrival.entry);
        self.fail(failure)
    }

    pub(super) fn out_of_step(&mut self, step: &Step, done: Cause) -> Flow<'c> {
        let mut failure = self.failure(step, self.now);
        failure.expected = format!("line {} to be done next", step.line);
        failure.came = format!("line {} was done", done.line);
        self.fail(failure)
    }

    pub(super) fn describe_tolerated(
        &self,
        step: &Step,
        alternative: &Alternative,
        label: &str,
        arrival: &Arrival,
    ) -> Failure {
        let mut failure = self.failure(step, arrival.at);
        failure.expected = match &step.action {
            Action::Report { text, .. } => format!("the report `{text}`"),
            _ => contents(step).next().map(content_in_words).unwrap_or_default(),
        };
        failure.came = self.on_label(label, &format!("{}, which is tolerated", arrival.describe()));
        failure.hint = alternative.comments.join(" ");
        failure.entry = Some(arrival.entry);
        failure
    }

    /// The value of a name that durations may use, in milliseconds.
    pub fn named(&self, name: &str, label: &str) -> Option<f64> {
        self.named_ms(name, label)
    }

    /// The line that is due, for a reader: its number and label.
    pub fn due(&self) -> Option<(u32, String)> {
        match self.nodes.get(self.node)? {
            super::Node::Step(step) => Some((step.line, label_name(step, self.repetition))),
            super::Node::AnyOrder(_) => self
                .group
                .first()
                .map(|(step, repetition)| (step.line, label_name(step, *repetition))),
        }
    }
}

impl Judge<'_> {
    /// What came, and where, as the script calls it.
    fn on_label(&self, label: &str, what: &str) -> String {
        let name = self.named.get(label).map_or(label, String::as_str);
        match name {
            "" | super::requests::ANY_LABEL => what.to_owned(),
            super::DRIVER => format!("from the driver: {what}"),
            name => format!("on {name}: {what}"),
        }
    }
}

/// What a line expects, in words.
pub(super) fn content_in_words(content: &Content) -> String {
    match content {
        Content::Text(text) => format!("`{}`", shorten(&text.0)),
        Content::Binary(Binary::Bytes(bytes)) => buffer(bytes),
        Content::Binary(Binary::Repeat { count, bytes }) => {
            format!("{} binary bytes", bytes.len() * *count as usize)
        }
        Content::Binary(Binary::Any) => "a binary packet".into(),
        Content::Request(request) => format!("the request `{} {}`", request.method, request.target),
        Content::WebSocket(request) => format!("a WebSocket handshake at `{}`", request.target),
        Content::Status { code, headers } if headers.is_empty() => format!("status {code}"),
        Content::Status { code, headers } => {
            let names: Vec<String> = headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            format!("status {code} with {}", names.join(", "))
        }
        Content::Raw(text) => format!("the bytes `{}`", shorten(&text.0)),
        Content::Frame(frame) => format!(
            "a frame with opcode {}: `{}`",
            frame.opcode,
            shorten(&frame.payload.0)
        ),
        Content::Close(None) => "the end of the connection, by the target".into(),
        Content::Close(Some(code)) => format!("a close by the target with code {code}"),
        Content::Nothing => "nothing".into(),
        Content::Alive => "a session that still works".into(),
        Content::Rest => "anything".into(),
    }
}

fn buffer(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > 16 {
        format!(" … {} bytes", bytes.len())
    } else {
        String::new()
    };
    if shown.is_empty() {
        "`<Buffer>`".into()
    } else {
        format!("`<Buffer {}{more}>`", shown.join(" "))
    }
}

/// A long text with its middle left out; control characters are shown as escapes.
pub(super) fn shorten(text: &str) -> String {
    let escape = |part: &str| -> String {
        part.chars()
            .map(|c| {
                if c.is_control() {
                    format!("\\x{:02x}", c as u32)
                } else {
                    c.to_string()
                }
            })
            .collect()
    };
    let count = text.chars().count();
    if count <= SHOWN {
        return escape(text);
    }
    let head: String = text.chars().take(SHOWN / 2).collect();
    let tail: String = text.chars().skip(count - SHOWN / 4).collect();
    format!("{} … {} characters … {}", escape(&head), count, escape(&tail))
}

/// The beginning of a response's body, for a message.
pub(super) fn body_excerpt(response: &Response) -> String {
    if response.body.is_empty() {
        return String::new();
    }
    format!(" `{}`", shorten(&String::from_utf8_lossy(&response.body)))
}
