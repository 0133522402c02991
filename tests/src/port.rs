use std::{
    net::{Ipv4Addr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the ports that systems give to outgoing connections. A client that keeps trying a dead
/// server on one of those is sooner or later given that very port and connects to itself, and then
/// the server cannot be restarted.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Returns a port that was free a moment ago and that no other call in this process returns.
///
/// Nothing else in the test process takes it later, because it is outside of the range from which the system
/// chooses free ports.
///
/// # Panics
///
/// If all of them are taken.
pub fn free_port() -> u16 {
    candidates().next().expect("there is always another one")
}

/// Listens on a port like [`free_port`]. Once the listener is closed, nothing answers there.
///
/// # Panics
///
/// If it cannot listen.
pub(crate) fn listen() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).expect("a free port")
}

/// Ports that were free a moment ago, no two the same in this process.
pub(crate) fn candidates() -> impl Iterator<Item = u16> {
    std::iter::repeat_with(next)
        .filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}

/// Test processes that run at the same time begin at different places.
fn next() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u64::from(process::id()) * 97 % u64::from(COUNT);
    let offset = (start + u64::from(NEXT.fetch_add(1, Ordering::Relaxed))) % u64::from(COUNT);
    FIRST + u16::try_from(offset).expect("the remainder is below COUNT")
}
