//! Free ports on the loopback interface.
//!
//! A port is chosen outside the range from which the system takes the ports of outgoing connections, and never twice in
//! one process, so that the time between finding it free and the target's binding it is as harmless as it can be. That
//! it was the target who bound it is checked afterwards (`listener`).

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

const LOWEST: u16 = 10_240;
const ATTEMPTS: u32 = 2_000;

/// Finds a port of 127.0.0.1 that nobody listens on.
///
/// # Errors
/// Where the system refuses to bind any port.
pub fn free() -> io::Result<u16> {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let mut next = NEXT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let end = ephemeral_start();
    let mut port = next.unwrap_or_else(|| somewhere(LOWEST, end));
    let mut refusal = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for _ in 0..ATTEMPTS {
        let candidate = port;
        port = if port + 1 >= end { LOWEST } else { port + 1 };
        *next = Some(port);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, candidate)) {
            Ok(_) => return Ok(candidate),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Where the ports of outgoing connections begin.
fn ephemeral_start() -> u16 {
    let setting = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    match setting
        .split_whitespace()
        .next()
        .and_then(|first| first.parse().ok())
    {
        Some(first) if first > LOWEST + 1_000 => first,
        _ => 32_768,
    }
}

/// A place to begin that differs from process to process.
fn somewhere(from: u16, to: u16) -> u16 {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    let seed = nanos.rotate_left(7) ^ std::process::id().wrapping_mul(2_654_435_761);
    from + (seed % u32::from(to - from)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_never_the_same() {
        let ports: Vec<u16> = (0..20).map(|_| free().unwrap()).collect();
        let mut unique = ports.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), ports.len());
    }

    #[test]
    fn a_port_that_is_taken_is_passed_over() {
        let first = free().unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first + 1));
        let second = free().unwrap();
        assert!(taken.is_err() || second != first + 1, "{second} is taken");
    }
}
