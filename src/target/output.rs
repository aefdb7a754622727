//! What a target wrote to its standard output and error: the last of it, bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt};

const KEPT: usize = 64 * 1024;

/// The last 64 KiB of what a process wrote, in the order in which it was read. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Output(Arc<Mutex<VecDeque<u8>>>);

impl Output {
    /// Reads a stream to its end, keeping the last of it.
    pub(super) async fn collect(self, mut stream: impl AsyncRead + Unpin) {
        let mut chunk = vec![0; 8 * 1024];
        while let Ok(length @ 1..) = stream.read(&mut chunk).await {
            self.push(&chunk[..length]);
        }
    }

    /// The last lines, at most this many, as text; control characters other than tabs are made visible.
    pub(super) fn tail(&self, lines: usize) -> String {
        let bytes: Vec<u8> = self.lock().iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let all: Vec<&str> = text.lines().collect();
        let last = all[all.len().saturating_sub(lines)..].join("\n");
        last.chars().flat_map(visible).collect()
    }

    fn push(&self, bytes: &[u8]) {
        let mut kept = self.lock();
        kept.extend(bytes);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<u8>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn visible(c: char) -> Vec<char> {
    if c.is_control() && c != '\n' && c != '\t' {
        c.escape_default().collect()
    } else {
        vec![c]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_last_of_a_flood_is_kept() {
        let output = Output::default();
        let flood = "x\n".repeat(KEPT) + "the end\n";
        output.clone().collect(flood.as_bytes()).await;
        assert_eq!(output.tail(1), "the end");
        assert_eq!(output.lock().len(), KEPT);
    }

    #[tokio::test]
    async fn escapes_of_a_terminal_are_made_visible() {
        let output = Output::default();
        output.clone().collect("\u{1b}[2Jgone\n".as_bytes()).await;
        assert_eq!(output.tail(5), "\\u{1b}[2Jgone");
    }
}
