//! Owns the counters behind the event `count`: how often the two handlers have run for each Socket.IO id.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use socketioxide::socket::Sid;

/// The latest 10,000 ids.
static RUNS: Mutex<VecDeque<Runs>> = Mutex::new(VecDeque::new());

struct Runs {
    sid: Sid,
    connect: u64,
    disconnect: u64,
}

pub fn connected(sid: Sid) {
    let mut runs = lock();
    match runs.iter_mut().find(|runs| runs.sid == sid) {
        Some(runs) => runs.connect += 1,
        None => runs.push_back(Runs {
            sid,
            connect: 1,
            disconnect: 0,
        }),
    }
    let surplus = runs.len().saturating_sub(10_000);
    runs.drain(..surplus);
}

pub fn disconnected(sid: Sid) {
    if let Some(runs) = lock().iter_mut().find(|runs| runs.sid == sid) {
        runs.disconnect += 1;
    }
}

/// The runs of the connection handler and of the disconnection handler.
pub fn of(sid: Sid) -> (u64, u64) {
    let found = lock()
        .iter()
        .find(|runs| runs.sid == sid)
        .map(|runs| (runs.connect, runs.disconnect));
    found.unwrap_or_default()
}

fn lock() -> MutexGuard<'static, VecDeque<Runs>> {
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}
