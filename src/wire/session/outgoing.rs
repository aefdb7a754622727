//! What a session has to send, in order; it moves from one transport to the other when the session is upgraded.

use tokio::sync::mpsc;

use crate::wire::payload::Packet;

/// How many packets may wait for the target to take them.
const QUEUE: usize = 64;

/// Something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Out {
    /// A packet.
    Packet(Packet),
    /// The answer to a ping.
    Pong,
    /// The end in order, with this WebSocket close code where one is given.
    Close(Option<u16>),
}

/// The receiving end of what a session has to send.
#[derive(Debug)]
pub(super) struct Outgoing {
    packets: mpsc::Receiver<Out>,
    pongs: mpsc::Receiver<()>,
    /// Taken from the queue and put back.
    held: Option<Out>,
}

/// A queue, the sender of the script, and the sender for pongs, which overtake the script's packets.
pub(super) fn queue() -> (mpsc::Sender<Out>, mpsc::Sender<()>, Outgoing) {
    let (script, packets) = mpsc::channel(QUEUE);
    let (heartbeat, pongs) = mpsc::channel(QUEUE);
    (
        script,
        heartbeat,
        Outgoing {
            packets,
            pongs,
            held: None,
        },
    )
}

impl Outgoing {
    /// The next thing to send; `None` when the session is gone. Loses nothing when it is dropped while it waits.
    pub(super) async fn next(&mut self) -> Option<Out> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        tokio::select! {
            biased;
            Some(()) = self.pongs.recv() => Some(Out::Pong),
            out = self.packets.recv() => out,
        }
    }

    /// The next thing to send, if there is one by now.
    pub(super) fn next_now(&mut self) -> Option<Out> {
        self.held.take().or_else(|| self.packets.try_recv().ok())
    }

    /// Puts something back that has to wait.
    pub(super) fn hold(&mut self, out: Out) {
        self.held = Some(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(text: &str) -> Out {
        Out::Packet(Packet::Text(text.into()))
    }

    #[tokio::test]
    async fn packets_keep_their_order_and_pongs_overtake_them() {
        let (script, heartbeat, mut outgoing) = queue();
        script.send(packet("a")).await.unwrap();
        script.send(packet("b")).await.unwrap();
        heartbeat.send(()).await.unwrap();
        assert_eq!(outgoing.next().await, Some(Out::Pong));
        assert_eq!(outgoing.next().await, Some(packet("a")));
        let b = outgoing.next_now().unwrap();
        outgoing.hold(b);
        assert_eq!(outgoing.next().await, Some(packet("b")));
        assert_eq!(outgoing.next_now(), None);
    }
}
