//! How much memory a target uses: its process and all that descend from it.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// How old the numbers may be. All targets share one look at the system, as it visits every process.
const FRESH_FOR: Duration = Duration::from_millis(500);

/// The resident memory in bytes of the process `root` and its descendants; 0 where it is gone.
pub(super) fn used_by(root: u32) -> u64 {
    static SYSTEM: Mutex<Option<(Instant, System)>> = Mutex::new(None);
    let mut shared = SYSTEM.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let (taken_at, system) = shared.get_or_insert_with(|| (Instant::now(), look(System::new())));
    if taken_at.elapsed() > FRESH_FOR || system.process(Pid::from_u32(root)).is_none() {
        *system = look(std::mem::take(system));
        *taken_at = Instant::now();
    }
    sum(system, Pid::from_u32(root))
}

/// The same, looked at anew: for few questions.
pub(super) fn used_now(root: u32) -> u64 {
    sum(&look(System::new()), Pid::from_u32(root))
}

fn look(mut system: System) -> System {
    let what = ProcessRefreshKind::nothing().with_memory().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    system
}

fn sum(system: &System, root: Pid) -> u64 {
    let mut family = BTreeSet::from([root]);
    loop {
        let before = family.len();
        #[expect(
            clippy::iter_over_hash_type,
            reason = "the family does not depend on the order"
        )]
        for (pid, process) in system.processes() {
            if process.parent().is_some_and(|parent| family.contains(&parent)) {
                family.insert(*pid);
            }
        }
        if family.len() == before {
            break;
        }
    }
    family
        .iter()
        .filter_map(|pid| system.process(*pid))
        .map(sysinfo::Process::memory)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_nobody_uses_none() {
        assert!(used_by(std::process::id()) > 1_000_000);
        assert_eq!(used_by(u32::MAX - 7), 0);
    }
}
