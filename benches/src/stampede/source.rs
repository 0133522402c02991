//! What the callers of a stampede are after: a source that takes its time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long one load takes.
const LOAD: Duration = Duration::from_millis(20);

static LOADS: AtomicUsize = AtomicUsize::new(0);

/// How often something has been loaded so far.
pub fn loads() -> usize {
    LOADS.load(Ordering::Relaxed)
}

/// The body of every cached function here.
pub(super) async fn load(key: u64) -> u64 {
    LOADS.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(LOAD).await;
    key
}
