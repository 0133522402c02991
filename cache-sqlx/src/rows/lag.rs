//! The rows that wait.

use std::time::Duration;

use cache_runtime::OutboxLag;

/// Returns the lag from the counts of a query.
pub(crate) fn lag(rows: i64, oldest_seconds: Option<f64>, poisoned: i64) -> OutboxLag {
    // A clock that was set back makes a negative age.
    let oldest = oldest_seconds
        .map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO));
    let count = |rows: i64| u64::try_from(rows).unwrap_or(0);
    OutboxLag { rows: count(rows), oldest, poisoned: count(poisoned) }
}
