//! HTTP long-polling: one GET after the other, and one POST at a time.
//!
//! Owns the two loops and what an HTTP answer means for the session. An upgrade stops both loops between two requests
//! and takes over what is not sent.

use std::sync::Arc;

use tokio::sync::watch;

use super::outgoing::{Out, Outgoing};
use super::shared::{Flow, Shared, Task, excerpt};
use crate::transcript::{Event, Side, Wire};
use crate::wire::payload;
use crate::wire::stream::describe;
use crate::wire::tap::{LimitReached, Tap};

/// The most packets that go into one POST.
const BATCH: usize = 8;

/// A session that polls.
#[derive(Debug)]
pub(super) struct Polling {
    phase: watch::Sender<Phase>,
    get: Task<()>,
    post: Task<Outgoing>,
}

/// How far an upgrade is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// There is none.
    Polling,
    /// The probe is on its way: a poll that is answered by a noop is not followed by another until it is decided.
    Probing,
    /// The probe was answered: no further request.
    Stopped,
}

/// What the loops need to ask.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    pub(super) http: reqwest::Client,
    /// The URL of the session, or of the handshake.
    pub(super) url: String,
    /// The largest body that the target takes, in bytes.
    pub(super) max_payload: usize,
}

/// An HTTP answer with its whole body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The connection failed so.
    Failed(String),
    /// The case has received as much as it may.
    Limit(LimitReached),
}

impl Polling {
    /// Starts both loops.
    pub(super) fn start(requests: Requests, shared: Arc<Shared>, outgoing: Outgoing) -> Self {
        let (phase, _) = watch::channel(Phase::Polling);
        let get = Task::spawn(get_loop(requests.clone(), Arc::clone(&shared), phase.subscribe()));
        let post = Task::spawn(post_loop(requests, shared, outgoing, phase.subscribe()));
        Self { phase, get, post }
    }

    /// A probe is on its way.
    pub(super) fn probing(&self) {
        self.phase.send_replace(Phase::Probing);
    }

    /// The probe failed.
    pub(super) fn resume(&self) {
        self.phase.send_replace(Phase::Polling);
    }

    /// Gives up the running GET and POST, and returns when it is done.
    pub(super) async fn cut(self) {
        self.get.end().await;
        self.post.end().await;
    }

    /// Waits until the running GET and POST are answered, starts no other, and gives what is not sent.
    pub(super) async fn finish(&mut self) -> Option<Outgoing> {
        self.phase.send_replace(Phase::Stopped);
        self.get.join().await;
        self.post.join().await
    }
}

impl Requests {
    /// Asks for packets.
    pub(super) async fn get(&self, tap: &Tap) -> Result<Answer, NoAnswer> {
        answer(self.http.get(&self.url), tap).await
    }

    async fn post(&self, body: Vec<u8>, tap: &Tap) -> Result<Answer, NoAnswer> {
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "text/plain;charset=UTF-8")
            .body(body);
        answer(request, tap).await
    }
}

async fn answer(request: reqwest::RequestBuilder, tap: &Tap) -> Result<Answer, NoAnswer> {
    let mut response = request.send().await.map_err(|error| failed(&error))?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        tap.charge(chunk.len()).map_err(NoAnswer::Limit)?;
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status().as_u16(),
        body,
    })
}

/// The innermost cause, which is the one that says something.
fn failed(error: &reqwest::Error) -> NoAnswer {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    NoAnswer::Failed(cause.downcast_ref().map_or_else(|| cause.to_string(), describe))
}

async fn get_loop(requests: Requests, shared: Arc<Shared>, mut phase: watch::Receiver<Phase>) {
    loop {
        let status = shared.status();
        if status.over || status.closing || *phase.borrow() == Phase::Stopped {
            return;
        }
        let taken = match shared.while_reading(requests.get(&shared.tap)).await {
            Ok(answer) => take(&shared, answer),
            Err(NoAnswer::Limit(limit)) => Err(limit),
            Err(NoAnswer::Failed(how)) => {
                return shared.end(Side::Target, format!("GET failed: {how}"), None);
            }
        };
        match taken {
            Ok(Taken { flow: Flow::Stop, .. }) => return,
            // The noop that releases the poll for the upgrade: the next GET would be parked for long.
            Ok(Taken { released: true, .. }) => {
                let _ = phase.wait_for(|phase| *phase != Phase::Probing).await;
            }
            Ok(Taken { released: false, .. }) => {}
            Err(limit) => return shared.stop(&limit),
        }
    }
}

struct Taken {
    flow: Flow,
    /// It was nothing but a noop.
    released: bool,
}

fn take(shared: &Shared, answer: Answer) -> Result<Taken, LimitReached> {
    if answer.status != 200 {
        let how = format!("GET answered {}", answer.status);
        shared.note(format!("{how}: {}", excerpt(&answer.body)))?;
        shared.end(Side::Target, how, None);
        return Ok(Taken {
            flow: Flow::Stop,
            released: false,
        });
    }
    let released = answer.body == b"6";
    handle_body(shared, answer.body).map(|flow| Taken { flow, released })
}

/// Takes the packets of a body.
fn handle_body(shared: &Shared, body: Vec<u8>) -> Result<Flow, LimitReached> {
    if body.is_empty() {
        // Some servers end the poll of a closed session so; whether they may is the business of a wire script.
        shared.note("an answer without a packet")?;
        return Ok(Flow::Go);
    }
    match payload::split(&body) {
        Some(packets) => shared.handle(packets),
        None => {
            shared.note("the body of this answer is not UTF-8, so no payload")?;
            shared.tap.post(Event::Received(Wire::Raw(body)))?;
            Ok(Flow::Go)
        }
    }
}

async fn post_loop(
    requests: Requests,
    shared: Arc<Shared>,
    mut outgoing: Outgoing,
    mut phase: watch::Receiver<Phase>,
) -> Outgoing {
    loop {
        let first = tokio::select! {
            biased;
            _ = async { drop(phase.wait_for(|phase| *phase == Phase::Stopped).await) } => return outgoing,
            out = outgoing.next() => out,
        };
        let Some(first) = first else { return outgoing };
        let (parts, count) = batch(first, &mut outgoing, requests.max_payload);
        let sent = match requests.post(payload::join(&parts), &shared.tap).await {
            Ok(Answer { status: 200, .. }) => Ok(()),
            Ok(answer) => shared.note(format!(
                "POST answered {}: {}",
                answer.status,
                excerpt(&answer.body)
            )),
            Err(NoAnswer::Failed(how)) => shared.note(format!("POST failed: {how}")),
            Err(NoAnswer::Limit(limit)) => Err(limit),
        };
        shared.update(|status| status.unsent = status.unsent.saturating_sub(count));
        if let Err(limit) = sent {
            shared.stop(&limit);
            return outgoing;
        }
    }
}

/// The encoded packets of the next POST, and how many of them came from the script.
fn batch(first: Out, outgoing: &mut Outgoing, max_payload: usize) -> (Vec<Vec<u8>>, usize) {
    let mut script = usize::from(first != Out::Pong);
    let mut parts = vec![encode(&first)];
    let mut length = parts[0].len();
    while parts.len() < BATCH {
        let Some(next) = outgoing.next_now() else { break };
        let part = encode(&next);
        if length + 1 + part.len() > max_payload {
            outgoing.hold(next);
            break;
        }
        length += 1 + part.len();
        script += usize::from(next != Out::Pong);
        parts.push(part);
    }
    (parts, script)
}

fn encode(out: &Out) -> Vec<u8> {
    match out {
        Out::Packet(packet) => packet.encode(),
        Out::Pong => b"3".to_vec(),
        Out::Close(_) => b"1".to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::payload::Packet;
    use crate::wire::session::outgoing;

    #[tokio::test]
    async fn a_post_holds_eight_packets_and_no_more_than_the_target_takes() {
        let (script, _pongs, mut outgoing) = outgoing::queue();
        let packet = |text: &str| Out::Packet(Packet::Text(text.into()));
        for number in 0..12 {
            script.send(packet(&format!("4{number:02}"))).await.unwrap();
        }
        let first = outgoing.next().await.unwrap();
        let (parts, count) = batch(first, &mut outgoing, usize::MAX);
        assert_eq!((parts.len(), count), (8, 8));
        let first = outgoing.next().await.unwrap();
        let (parts, _) = batch(first, &mut outgoing, 11);
        assert_eq!(payload::join(&parts), b"408\x1e409\x1e410");
        let first = outgoing.next().await.unwrap();
        let (parts, _) = batch(first, &mut outgoing, 1);
        assert_eq!(payload::join(&parts), b"411");
    }
}
