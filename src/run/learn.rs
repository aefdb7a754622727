//! What an application can do besides its base: found out while trials go on that do little but wait.
//!
//! A handler that is not there shows only by an answer that does not come; the run does not wait for that.

use super::fleet::{Fleet, Room};
use crate::play::probe_further;

/// How often the application is probed where the target is lost meanwhile.
const ATTEMPTS: u32 = 3;

impl Fleet {
    /// Finds out what the application can do, for all who ask what is known of an instance.
    pub(super) async fn learn(&self) {
        let mut found = None;
        for _ in 0..ATTEMPTS {
            let Ok(berth) = self.berth("", Room::Common).await else {
                break;
            };
            // All is known of these from the start.
            if self.target.is_builtin() || berth.context.client.is_some() {
                break;
            }
            let further = probe_further(&berth.context).await;
            let is_complete = further.values().all(|met| *met);
            found = Some(further);
            if is_complete {
                break;
            }
            // What a target does not answer over which it is lost is no word about its application.
            match berth.instance.health(self.patience).await {
                Ok(()) if berth.is_fit() => break,
                Ok(()) => {}
                Err(loss) => drop(berth.give_up(loss).await),
            }
        }
        self.further.send_replace(Some(found.unwrap_or_default()));
    }
}
