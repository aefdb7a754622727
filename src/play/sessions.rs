//! Which session of the client is which label of the script.

use super::judge::sessions_of;
use crate::notation::Item;
use crate::transcript::{Event, Wire};
use std::collections::{BTreeMap, BTreeSet};

/// The sessions of the client, by their labels.
#[derive(Default)]
pub(super) struct Sessions {
    /// The labels, in the order of the script.
    labels: Vec<String>,
    /// The label of each session, by its number.
    names: Vec<String>,
    /// The session that a label stands for now.
    current: BTreeMap<String, usize>,
    /// Labels whose session has ended.
    ended: BTreeSet<String>,
    /// Labels whose session is a new one, which the script has not asked for yet.
    reopened: BTreeSet<String>,
}

impl Sessions {
    /// None yet, for the labels of this script.
    pub(super) fn of(script: &[Item]) -> Self {
        Self {
            labels: sessions_of(script),
            ..Self::default()
        }
    }

    /// The session that a label stands for now.
    pub(super) fn current(&self, label: &str) -> Option<usize> {
        self.current.get(label).copied()
    }

    /// The player has ended the session of a label.
    pub(super) fn end(&mut self, label: &str) {
        self.ended.insert(label.to_owned());
    }

    /// Whether the client has opened a session under this label that the script has not asked for yet.
    pub(super) fn take_reopened(&mut self, label: &str) -> bool {
        self.reopened.remove(label)
    }

    /// The label under which something of the n-th session is recorded. `None` for what belongs to a session which the
    /// client has replaced.
    pub(super) fn name(&mut self, number: usize, event: &Event) -> Option<String> {
        if matches!(event, Event::Opened(_)) {
            let label = self.next_label(number);
            while self.names.len() <= number {
                self.names.push(format!("~{}", self.names.len()));
            }
            self.names[number].clone_from(&label);
            if self.current.insert(label.clone(), number).is_some() {
                self.reopened.insert(label.clone());
            }
            self.ended.remove(&label);
            return Some(label);
        }
        let Some(label) = self.names.get(number) else {
            // Nothing was opened: it is told beside the first session.
            return self.labels.first().cloned().or_else(|| Some(String::new()));
        };
        if self.current.get(label) != Some(&number) {
            return None;
        }
        if matches!(event, Event::Closed(_))
            || matches!(event, Event::Received(Wire::Text(text)) if text == "1")
        {
            self.ended.insert(label.clone());
        }
        Some(label.clone())
    }

    /// The first label without a session, or else one whose session has ended; a session more than that has no name.
    fn next_label(&self, number: usize) -> String {
        let unused = self
            .labels
            .iter()
            .find(|label| !self.current.contains_key(*label));
        let ended = || self.labels.iter().find(|label| self.ended.contains(*label));
        unused
            .or_else(ended)
            .cloned()
            .unwrap_or_else(|| format!("~{number}"))
    }
}
