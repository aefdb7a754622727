//! What a line of the script does to a connection.

use super::player::{Connection, HEARTBEAT_LABEL, Player, closed};
use crate::notation::{
    Action, Binary, Content, Frame, Mask, OwnAction, Request as ScriptRequest, Step, Text,
};
use crate::pattern::render;
use crate::transcript::{Cause, Event, Frame as WireFrame, Request, Wire};
use crate::wire::{Channel, Packet};
use std::time::Duration;

/// How long a line may take to be handed to the connection.
const PERFORM: Duration = Duration::from_secs(3);

impl Player<'_> {
    /// Does one step, once.
    pub(super) async fn perform(&mut self, step: &Step, cause: Cause, label: &str) {
        match &step.action {
            Action::Wire { content, .. } => self.perform_content(content, cause, label).await,
            Action::Own(own) => self.perform_own(own, cause, label).await,
            Action::Command(_) | Action::Report { .. } => {
                self.judge
                    .break_off("commands for a driver can only be played against a client".into());
            }
        }
    }

    async fn perform_content(&mut self, content: &Content, cause: Cause, label: &str) {
        match content {
            Content::Text(text) => {
                let Some(bytes) = self.render(text, cause, label) else {
                    return;
                };
                let shown = String::from_utf8_lossy(&bytes).into_owned();
                self.record(label, Event::Sent(Wire::Text(shown)), Some(cause));
                self.send_text(label, bytes).await;
            }
            Content::Binary(binary) => {
                let bytes = bytes_of(binary);
                self.record(label, Event::Sent(Wire::Binary(bytes.clone())), Some(cause));
                self.send_binary(label, bytes).await;
            }
            Content::Request(request) => {
                let Some(request) = self.request(request, cause, label) else {
                    return;
                };
                self.record(label, Event::Sent(Wire::Request(request.clone())), Some(cause));
                self.last_request.insert(label.to_owned(), request.clone());
                self.send_request(label, request, false).await;
            }
            Content::WebSocket(request) => {
                let Some(request) = self.request(request, cause, label) else {
                    return;
                };
                self.record(label, Event::Sent(Wire::Request(request.clone())), Some(cause));
                let sent = tokio::time::timeout(PERFORM, self.channel(label).websocket(request)).await;
                self.note_send(
                    label,
                    sent.map_err(|_| "not sent in time".to_owned())
                        .and_then(|r| r.map_err(say)),
                );
            }
            Content::Raw(text) => {
                let Some(bytes) = self.render(text, cause, label) else {
                    return;
                };
                self.record(label, Event::Sent(Wire::Raw(bytes.clone())), Some(cause));
                let sent = tokio::time::timeout(PERFORM, self.channel(label).raw(bytes)).await;
                self.note_send(
                    label,
                    sent.map_err(|_| "not sent in time".to_owned())
                        .and_then(|r| r.map_err(say)),
                );
            }
            Content::Frame(frame) => self.perform_frame(frame, cause, label).await,
            Content::Close(_)
            | Content::Status { .. }
            | Content::Nothing
            | Content::Alive
            | Content::Rest => {
                self.judge
                    .break_off(format!("line {} can only be expected, not done", cause.line));
            }
        }
    }

    async fn perform_frame(&mut self, frame: &Frame, cause: Cause, label: &str) {
        let Some(payload) = self.render(&frame.payload, cause, label) else {
            return;
        };
        let recorded = WireFrame {
            opcode: frame.opcode,
            fin: frame.fin,
            rsv: frame.rsv,
            masked: frame.mask != Mask::None,
            payload: payload.clone(),
        };
        self.record(label, Event::Sent(Wire::Frame(recorded.clone())), Some(cause));
        let sent = self.channel(label).frame(&recorded, frame.mask, frame.length);
        let sent = tokio::time::timeout(PERFORM, sent).await;
        self.note_send(
            label,
            sent.map_err(|_| "not sent in time".to_owned())
                .and_then(|r| r.map_err(say)),
        );
    }

    /// Lets time pass, as a line of the script asks for.
    pub(super) async fn wait_for_time(
        &mut self,
        time: &crate::notation::Duration,
        cause: Cause,
        label: &str,
    ) {
        let Some(ms) = time.resolve(|name| self.judge.named(name, label)) else {
            self.judge.break_off(format!(
                "line {}: the duration names a value that is not known",
                cause.line
            ));
            return;
        };
        self.let_pass(ms).await;
        self.record(label, Event::Did(format!("wait {ms:.0}ms")), Some(cause));
    }

    async fn perform_own(&mut self, own: &OwnAction, cause: Cause, label: &str) {
        match own {
            OwnAction::Wait(duration) => self.wait_for_time(duration, cause, label).await,
            OwnAction::Reconnect => {
                self.connections.remove(label);
                self.drain().await;
                self.open(label, Some(cause)).await;
            }
            OwnAction::Upgrade => {
                self.record(label, Event::Did("upgrade".into()), Some(cause));
                self.upgrade(label).await;
            }
            OwnAction::Close(code) => {
                let what = code.map_or_else(|| "close".to_owned(), |code| format!("close {code}"));
                self.record(label, Event::Did(what), Some(cause));
                let closed = match self.connections.get_mut(label) {
                    Some(Connection::Session(session)) => {
                        session.close(*code).await;
                        Ok(())
                    }
                    Some(Connection::Channel(channel)) => channel.close(*code).await.map_err(say),
                    None => Ok(()),
                };
                self.note_send(label, closed);
            }
            OwnAction::Cut | OwnAction::Reset => {
                let reset = *own == OwnAction::Reset;
                self.record(
                    label,
                    Event::Did(if reset { "reset" } else { "cut" }.into()),
                    Some(cause),
                );
                match self.connections.get_mut(label) {
                    Some(Connection::Session(session)) if reset => session.reset().await,
                    Some(Connection::Session(session)) => session.cut().await,
                    Some(Connection::Channel(channel)) if reset => channel.reset().await,
                    Some(Connection::Channel(channel)) => channel.cut().await,
                    None => {}
                }
            }
            OwnAction::Stall | OwnAction::Resume => {
                let stall = *own == OwnAction::Stall;
                self.record(
                    label,
                    Event::Did(if stall { "stall" } else { "resume" }.into()),
                    Some(cause),
                );
                match self.connections.get_mut(label) {
                    Some(Connection::Session(session)) if stall => session.stall(),
                    Some(Connection::Session(session)) => session.resume(),
                    Some(Connection::Channel(channel)) if stall => channel.stall(),
                    Some(Connection::Channel(channel)) => channel.resume(),
                    None => {}
                }
            }
        }
    }

    async fn upgrade(&mut self, label: &str) {
        let Some(Connection::Session(session)) = self.connections.get_mut(label) else {
            self.judge
                .break_off("only a session script over polling can upgrade".into());
            return;
        };
        let upgraded = tokio::time::timeout(Duration::from_secs(2), session.upgrade()).await;
        match upgraded {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.record(label, closed(format!("the upgrade failed: {error}")), None),
            Err(_) => self.record(
                label,
                closed("the upgrade was not finished within 2 s".into()),
                None,
            ),
        }
    }

    /// Takes in what arrives for this many milliseconds.
    pub(super) async fn let_pass(&mut self, ms: f64) {
        let until = self.now() + ms;
        while let Some(seen) = self.next_arrival(until).await {
            self.take_in(seen).await;
        }
    }

    /// Sends a text packet or frame on whatever the label is.
    pub(super) async fn send_text(&mut self, label: &str, bytes: Vec<u8>) {
        let sent = match self.connections.get_mut(label) {
            Some(Connection::Session(session)) => {
                tokio::time::timeout(PERFORM, session.send(vec![Packet::Text(bytes)]))
                    .await
                    .map(|r| r.map_err(say))
            }
            Some(Connection::Channel(channel)) => tokio::time::timeout(PERFORM, channel.text(bytes))
                .await
                .map(|r| r.map_err(say)),
            None => Ok(Err("there is no connection".to_owned())),
        };
        self.note_send(label, sent.unwrap_or_else(|_| Err("not sent in time".into())));
    }

    async fn send_binary(&mut self, label: &str, bytes: Vec<u8>) {
        let sent = match self.connections.get_mut(label) {
            Some(Connection::Session(session)) => {
                tokio::time::timeout(PERFORM, session.send(vec![Packet::Binary(bytes)]))
                    .await
                    .map(|r| r.map_err(say))
            }
            Some(Connection::Channel(channel)) => tokio::time::timeout(PERFORM, channel.binary(bytes))
                .await
                .map(|r| r.map_err(say)),
            None => Ok(Err("there is no connection".to_owned())),
        };
        self.note_send(label, sent.unwrap_or_else(|_| Err("not sent in time".into())));
    }

    async fn send_request(&mut self, label: &str, request: Request, own: bool) {
        *self.outstanding.entry(label.to_owned()).or_default() += 1;
        let sent = tokio::time::timeout(PERFORM, self.channel(label).request(request, own)).await;
        self.note_send(
            label,
            sent.map_err(|_| "not sent in time".to_owned())
                .and_then(|r| r.map_err(say)),
        );
    }

    /// A failed send is no verdict: what follows from it is what the script expects or not.
    fn note_send(&mut self, label: &str, sent: Result<(), String>) {
        if let Err(reason) = sent {
            self.record(label, Event::Note(format!("could not send: {reason}")), None);
        }
    }

    /// Asks again where the last poll brought less than is expected.
    pub(super) async fn repoll(&mut self, label: &str) {
        self.ask_again(label, true).await;
    }

    /// Sends the last request of a channel again, unless one is under way; and whether it did. The answer counts as
    /// the script's own, or adds to the one that came before.
    pub(super) async fn ask_again(&mut self, label: &str, adds: bool) -> bool {
        // By what was taken in: the channel itself learns a little later than the record that it was answered.
        let is_channel = matches!(self.connections.get(label), Some(Connection::Channel(_)));
        if !is_channel || self.outstanding.get(label).is_some_and(|count| *count > 0) {
            return false;
        }
        let Some(request) = self.last_request.get(label).cloned() else {
            return false;
        };
        self.record(label, Event::Note("the poll is repeated".into()), None);
        self.send_request(label, request, adds).await;
        true
    }

    /// Answers a ping in a wire script: on the WebSocket that it came on, or by a POST of the player's own.
    pub(super) async fn answer_ping(&mut self, label: &str) {
        let Some(request) = self.last_request.get(label).cloned() else {
            self.record(label, Event::Note("answered the ping".into()), None);
            self.send_text(label, b"3".to_vec()).await;
            return;
        };
        if !request.target.contains("sid=") {
            return;
        }
        self.record(label, Event::Note("answered the ping by a POST".into()), None);
        let post = Request {
            method: "POST".into(),
            body: b"3".to_vec(),
            ..request
        };
        let tap = self.tap.labelled(HEARTBEAT_LABEL);
        let endpoint = &self.context.endpoint;
        let connection = self
            .connections
            .entry(HEARTBEAT_LABEL.to_owned())
            .or_insert_with(|| Connection::Channel(Box::new(Channel::new(endpoint, tap))));
        if let Connection::Channel(channel) = connection {
            let _ = tokio::time::timeout(PERFORM, channel.request(post, true)).await;
        }
    }

    pub(super) fn channel(&mut self, label: &str) -> &mut Channel {
        let tap = self.tap.labelled(label);
        let endpoint = &self.context.endpoint;
        let fresh = || Connection::Channel(Box::new(Channel::new(endpoint, tap.clone())));
        let connection = self.connections.entry(label.to_owned()).or_insert_with(fresh);
        if matches!(connection, Connection::Session(_)) {
            *connection = fresh();
        }
        match connection {
            Connection::Channel(channel) => channel,
            Connection::Session(_) => unreachable!("it was replaced above"),
        }
    }

    fn request(&mut self, request: &ScriptRequest, cause: Cause, label: &str) -> Option<Request> {
        let target = String::from_utf8_lossy(&self.render(&request.target, cause, label)?).into_owned();
        let mut headers = Vec::new();
        for (name, value) in &request.headers {
            let value = String::from_utf8_lossy(&self.render(value, cause, label)?).into_owned();
            headers.push((name.clone(), value));
        }
        let mut parts = Vec::new();
        for content in &request.body {
            match content {
                Content::Text(text) => parts.push(self.render(text, cause, label)?),
                Content::Binary(binary) => parts.push(bytes_of(binary)),
                _ => {}
            }
        }
        Some(Request {
            method: request.method.clone(),
            target: self.context.endpoint.resolve_target(&target),
            headers,
            body: parts.join(&0x1e),
        })
    }

    pub(super) fn render(&mut self, text: &Text, cause: Cause, label: &str) -> Option<Vec<u8>> {
        match render(text, cause.repetition, &self.judge.captures_for(label)) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.judge.break_off(format!("line {}: {error}", cause.line));
                None
            }
        }
    }
}

pub(super) fn bytes_of(binary: &Binary) -> Vec<u8> {
    match binary {
        Binary::Bytes(bytes) => bytes.clone(),
        Binary::Repeat { count, bytes } => bytes.repeat(*count as usize),
        Binary::Any => Vec::new(),
    }
}

fn say(error: impl std::fmt::Display) -> String {
    error.to_string()
}
