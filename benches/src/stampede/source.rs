//! The slow source of a stampede.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The duration of one load.
const LOAD: Duration = Duration::from_millis(20);

static LOADS: AtomicUsize = AtomicUsize::new(0);

/// Returns the number of loads so far.
pub fn loads() -> usize {
    LOADS.load(Ordering::Relaxed)
}

/// The body of every cached function here.
pub(super) async fn load(key: u64) -> u64 {
    LOADS.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(LOAD).await;
    key
}
