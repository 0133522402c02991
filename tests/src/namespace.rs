use std::{
    process,
    sync::atomic::{AtomicUsize, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Returns a namespace that no other test uses, in this process or another, now or on an earlier run
/// against the same server.
pub fn unique_namespace() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("test-{}-{:x}-{number}", process::id(), started.as_nanos())
}
