//! What a line of a client script does: commands for the driver, and answers of the player as the server. What it waits for
//! is `attend`'s.

use super::command;
use super::judge::DRIVER;
use super::perform::bytes_of;
use super::player::{Player, closed};
use crate::notation::{Action, Content, OwnAction, Step};
use crate::target::{DriverAnswer, DriverError};
use crate::transcript::{Cause, Event, Frame as WireFrame, Response, Wire};
use crate::wire::{Answer, Packet};
use serde_json::json;

impl Player<'_> {
    /// Does one step of a client script, once. `body` are the lines of the body of an answer.
    pub(super) async fn perform_as_server(&mut self, step: &Step, body: &[&Step], cause: Cause, label: &str) {
        match &step.action {
            Action::Command(text) => {
                let Some(bytes) = self.render(text, cause, label) else {
                    return;
                };
                let text = String::from_utf8_lossy(&bytes).into_owned();
                self.command(&text, Some(cause)).await;
            }
            Action::Wire { content, .. } => self.answer_with(content, body, cause, label).await,
            Action::Own(own) => self.do_as_server(own, cause, label).await,
            Action::Report { .. } => {}
        }
    }

    /// Tells the driver to do something.
    pub(super) async fn command(&mut self, text: &str, cause: Option<Cause>) {
        let line = cause.map_or(0, |cause| cause.line);
        let command = match command::parse(text) {
            Ok(command) => command,
            Err(why) => return self.judge.break_off(format!("line {line}: {why}")),
        };
        let mut request = command.request;
        let Some(hosting) = &mut self.hosting else { return };
        if command.answers {
            let Some(ack) = hosting.asked() else {
                self.record(DRIVER, Event::Sent(Wire::Driver(text.to_owned())), cause);
                let report = "refused \"no event has asked for an answer\"".to_owned();
                return self.record(DRIVER, Event::Received(Wire::Driver(report)), None);
            };
            request.insert("ack".to_owned(), ack);
        }
        let trial = self.trial;
        self.record(DRIVER, Event::Sent(Wire::Driver(text.to_owned())), cause);
        let asked = self.now();
        let Some(hosting) = &mut self.hosting else { return };
        let answer = hosting.request(trial, request).await;
        // The client cannot have begun much earlier.
        self.delay_by(self.now() - asked);
        match answer {
            Ok(DriverAnswer::Done) if command.refused => {
                self.record(DRIVER, Event::Received(Wire::Driver("accepted".to_owned())), None);
            }
            Ok(DriverAnswer::Refused(why)) if !command.refused => {
                let report = format!("refused {}", json!(why));
                self.record(DRIVER, Event::Received(Wire::Driver(report)), None);
            }
            Ok(DriverAnswer::Done | DriverAnswer::Refused(_)) => {}
            Ok(DriverAnswer::Unsupported(why)) => {
                self.judge.leave_out(format!("the client cannot do this: {why}"));
            }
            Err(error) => self.driver_failed(&error),
        }
    }

    pub(super) fn driver_failed(&mut self, error: &DriverError) {
        self.record(DRIVER, closed(error.to_string()), None);
        self.end_without_driver(error);
    }

    /// What nobody listens to any more is the client's doing; everything else that a driver is lost by is not known to be.
    pub(super) fn end_without_driver(&mut self, error: &DriverError) {
        if matches!(error, DriverError::CaseFlood { .. }) {
            self.judge.fail_flood(&error.to_string());
        } else {
            self.judge.break_off(format!("the driver is lost: {error}"));
        }
    }

    async fn answer_with(&mut self, content: &Content, body: &[&Step], cause: Cause, label: &str) {
        match content {
            Content::Text(text) => {
                let Some(bytes) = self.render(text, cause, label) else {
                    return;
                };
                let shown = String::from_utf8_lossy(&bytes).into_owned();
                self.record(label, Event::Sent(Wire::Text(shown)), Some(cause));
                self.send_as_server(label, Packet::Text(bytes)).await;
            }
            Content::Binary(binary) => {
                let bytes = bytes_of(binary);
                self.record(label, Event::Sent(Wire::Binary(bytes.clone())), Some(cause));
                self.send_as_server(label, Packet::Binary(bytes)).await;
            }
            Content::Frame(frame) => {
                let Some(payload) = self.render(&frame.payload, cause, label) else {
                    return;
                };
                let sent = WireFrame {
                    opcode: frame.opcode,
                    fin: frame.fin,
                    rsv: frame.rsv,
                    masked: matches!(frame.mask, crate::notation::Mask::Key(_)),
                    payload,
                };
                self.record(label, Event::Sent(Wire::Frame(sent.clone())), Some(cause));
                if let Some(hosting) = &self.hosting {
                    let done = hosting.frame(label, &sent, frame.mask, frame.length).await;
                    self.note_unsent(label, done);
                }
            }
            Content::Status { code, headers } => self.answer_status(code, headers, body, cause, label).await,
            Content::Close(code) => {
                let code = code.as_ref().and_then(|code| code.0.parse().ok());
                self.close_as_server(label, code, cause).await;
            }
            _ => self
                .judge
                .break_off(format!("line {} can only be expected, not done", cause.line)),
        }
    }

    async fn answer_status(
        &mut self,
        code: &crate::notation::Text,
        headers: &[(String, crate::notation::Text)],
        body: &[&Step],
        cause: Cause,
        label: &str,
    ) {
        let Ok(status) = code.0.parse::<u16>() else {
            return self.judge.break_off(format!(
                "line {}: `{code}` is no status to answer with",
                cause.line
            ));
        };
        let mut shown = Vec::new();
        for (name, value) in headers {
            let Some(value) = self.render(value, cause, label) else {
                return;
            };
            shown.push((name.clone(), String::from_utf8_lossy(&value).into_owned()));
        }
        let mut parts = Vec::new();
        for step in body {
            for repetition in 0..step.repeat {
                let cause = Cause {
                    line: step.line,
                    repetition,
                };
                match &step.action {
                    Action::Wire {
                        content: Content::Text(text),
                        ..
                    } => match self.render(text, cause, label) {
                        Some(bytes) => parts.push(bytes),
                        None => return,
                    },
                    Action::Wire {
                        content: Content::Binary(binary),
                        ..
                    } => parts.push(Packet::Binary(bytes_of(binary)).encode()),
                    _ => {}
                }
            }
        }
        let body = parts.join(&0x1e);
        let response = Response {
            status,
            headers: shown.clone(),
            body: body.clone(),
            own: false,
        };
        self.record(label, Event::Sent(Wire::Response(response)), Some(cause));
        let is_typed = shown
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let mut headers = shown;
        if !is_typed && status != 101 {
            headers.push(("content-type".to_owned(), "text/plain; charset=UTF-8".to_owned()));
        }
        if let Some(hosting) = &self.hosting {
            let done = hosting.answer(
                label,
                Answer {
                    status,
                    headers,
                    body,
                },
            );
            self.note_unsent(label, done);
        }
    }

    pub(super) async fn send_as_server(&mut self, label: &str, packet: Packet) {
        if let Some(hosting) = &self.hosting {
            let done = hosting.send(label, packet).await;
            self.note_unsent(label, done);
        }
    }

    /// A failed send is no verdict: what follows from it is what the script expects or not.
    fn note_unsent(&mut self, label: &str, done: bool) {
        if !done {
            let note = "could not send: nobody waits for it under this label".to_owned();
            self.record(label, Event::Note(note), None);
        }
    }

    async fn do_as_server(&mut self, own: &OwnAction, cause: Cause, label: &str) {
        match own {
            OwnAction::Wait(duration) => self.wait_for_time(duration, cause, label).await,
            OwnAction::Close(code) => self.close_as_server(label, *code, cause).await,
            OwnAction::Cut | OwnAction::Reset => {
                let reset = *own == OwnAction::Reset;
                let what = if reset { "reset" } else { "cut" };
                self.record(label, Event::Did(what.to_owned()), Some(cause));
                if let Some(hosting) = &mut self.hosting {
                    hosting.cut(label, reset).await;
                }
            }
            OwnAction::Reconnect => self.await_reconnection(label, cause).await,
            OwnAction::Upgrade | OwnAction::Stall | OwnAction::Resume => self.judge.break_off(format!(
                "line {}: a server does not do this; it can only close, cut, reset or wait",
                cause.line
            )),
        }
    }

    async fn close_as_server(&mut self, label: &str, code: Option<u16>, cause: Cause) {
        let what = code.map_or_else(|| "close".to_owned(), |code| format!("close {code}"));
        self.record(label, Event::Did(what), Some(cause));
        if let Some(hosting) = &mut self.hosting {
            hosting.close(label, code).await;
        }
    }
}
