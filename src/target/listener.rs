//! Who listens on a port: the process group that was started, or somebody else.
//!
//! Read from `/proc` where there is one; elsewhere nothing is known, and the caller goes by the child being alive.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// Who listens on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A process of the group.
    Group,
    /// Another process.
    Other {
        /// Its id.
        pid: u32,
    },
    /// The system does not tell.
    Unknown,
}

/// Finds out who listens on `port`: a process of the group `pgid`, or another.
pub(super) fn owner(port: u16, pgid: u32) -> Owner {
    let sockets: BTreeSet<u64> = listening()
        .into_iter()
        .filter(|(of, _)| *of == port)
        .map(|(_, inode)| inode)
        .collect();
    if sockets.is_empty() {
        return Owner::Unknown;
    }
    // Mostly it is the process that was started, and nobody else need be looked at.
    if !open_sockets(pgid).is_disjoint(&sockets) {
        return Owner::Group;
    }
    let mut other = Owner::Unknown;
    for process in processes() {
        if open_sockets(process.pid).is_disjoint(&sockets) {
            continue;
        }
        if process.group == pgid {
            return Owner::Group;
        }
        other = Owner::Other { pid: process.pid };
    }
    other
}

/// The ports that the processes of the group `pgid` listen on.
pub(super) fn ports_of(pgid: u32) -> BTreeSet<u16> {
    let mut sockets = BTreeSet::new();
    for process in processes().filter(|process| process.group == pgid) {
        sockets.append(&mut open_sockets(process.pid));
    }
    listening()
        .into_iter()
        .filter(|(_, inode)| sockets.contains(inode))
        .map(|(port, _)| port)
        .collect()
}

/// The name of a process, for messages.
pub(super) fn process_name(pid: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

struct Process {
    pid: u32,
    group: u32,
}

fn processes() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some(Process {
            pid,
            group: group(&fs::read_to_string(entry.path().join("stat")).ok()?)?,
        })
    })
}

/// The process group in a line of `/proc/PID/stat`. The name in it may hold anything, so it is read from its end.
fn group(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(2)?.parse().ok()
}

/// Port and inode of every TCP socket that listens. The system tells of these first: what follows are connections, of which
/// a busy machine has tens of thousands.
fn listening() -> Vec<(u16, u64)> {
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let Ok(table) = fs::File::open(table) else {
            continue;
        };
        let rows = BufReader::new(table).lines().skip(1).map_while(Result::ok);
        found.extend(rows.map_while(|row| listening_row(&row)));
    }
    found
}

fn listening_row(row: &str) -> Option<(u16, u64)> {
    const LISTEN: &str = "0A";
    let columns: Vec<&str> = row.split_whitespace().collect();
    if *columns.get(3)? != LISTEN {
        return None;
    }
    let (_, port) = columns.get(1)?.rsplit_once(':')?;
    Some((u16::from_str_radix(port, 16).ok()?, columns.get(9)?.parse().ok()?))
}

fn open_sockets(pid: u32) -> BTreeSet<u64> {
    let descriptors = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd"));
    descriptors
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let link = fs::read_link(entry.path()).ok()?;
            link.to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')?
                .parse()
                .ok()
        })
        .collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn this_process_is_found_by_its_port() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = group(&fs::read_to_string("/proc/self/stat").unwrap()).unwrap();
        assert_eq!(owner(port, own), Owner::Group);
        assert!(ports_of(own).contains(&port));
        assert_eq!(
            owner(port, 0),
            Owner::Other {
                pid: std::process::id()
            }
        );
        drop(listener);
        assert_eq!(owner(port, own), Owner::Unknown);
    }

    #[test]
    fn a_process_may_have_any_name() {
        assert_eq!(group("7 (a) b (c) S 1 42 42 0 -1"), Some(42));
    }
}
