//! The outbox of a database, as its relay sees it.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// The rows in the outbox of a database: the invalidations of committed transactions that wait for a relay.
///
/// The relay of `cache-sqlx` [reports](crate::CacheManager::report_outbox) it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutboxLag {
    /// The number of rows that wait.
    pub rows: u64,
    /// The age of the oldest of them, by the clock of the database. Serialises as seconds.
    #[serde(serialize_with = "seconds")]
    pub oldest: Option<Duration>,
    /// The number of rows that could not be applied. A relay leaves them until they are deleted, or their `failures` are
    /// set to 0.
    pub poisoned: u64,
}

fn seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}
