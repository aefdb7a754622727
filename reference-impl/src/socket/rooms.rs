//! Which sockets are in which room of which namespace.

use std::collections::{BTreeMap, BTreeSet};

use super::event::SocketKey;

/// Rooms exist as long as somebody is in them.
#[derive(Default)]
pub(super) struct Rooms {
    members: BTreeMap<(String, String), BTreeSet<SocketKey>>,
}

impl Rooms {
    pub(super) fn join(&mut self, namespace: &str, room: &str, socket: SocketKey) {
        self.members
            .entry((namespace.to_owned(), room.to_owned()))
            .or_default()
            .insert(socket);
    }

    pub(super) fn leave(&mut self, namespace: &str, room: &str, socket: SocketKey) {
        let room = (namespace.to_owned(), room.to_owned());
        if let Some(members) = self.members.get_mut(&room) {
            members.remove(&socket);
            if members.is_empty() {
                self.members.remove(&room);
            }
        }
    }

    /// The members, in the order of their keys.
    pub(super) fn members(&self, namespace: &str, room: &str) -> Vec<SocketKey> {
        let room = (namespace.to_owned(), room.to_owned());
        self.members.get(&room).into_iter().flatten().copied().collect()
    }
}
