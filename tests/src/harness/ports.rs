//! Free loopback ports.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// Below the range from which the kernel picks the local ports of outgoing connections.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that nothing listens on and that this process has not given out before.
pub fn free_port() -> u16 {
    free_block(1)
}

/// The middle of four free ports: a broker takes `port - 2` (fast port), `port` and `port + 1` (replication).
pub fn free_broker_port() -> u16 {
    free_block(4) + 2
}

fn free_block(size: u16) -> u16 {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..10_000 {
        let first = fastrand::u16(RANGE.start..RANGE.end - size);
        let mut block = first..first + size;
        if block.clone().any(|port| taken.contains(&port)) {
            continue;
        }
        if block.all(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()) {
            taken.extend(first..first + size);
            return first;
        }
    }
    panic!("no {size} free ports in a row in {RANGE:?}");
}
