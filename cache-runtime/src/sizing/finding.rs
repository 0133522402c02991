//! Advice about the use of memory, and its text.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Advice about the memory of a cache. Its `Display` is a sentence or two with a remedy.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SizingFinding {
    /// More memory would answer noticeably more calls.
    #[non_exhaustive]
    MoreMemory {
        /// The present capacity, in bytes.
        capacity: u64,
        /// The present hit rate of memory.
        hit_rate: f64,
        /// The estimate for twice the capacity.
        hit_rate_at_2x: f64,
        /// The estimate for four times the capacity.
        hit_rate_at_4x: f64,
    },
    /// The entries of a function take much of the memory, and hardly a call finds one.
    #[non_exhaustive]
    RoomWithoutHits {
        /// The name of the call site.
        function: String,
        /// The memory of its entries, in bytes.
        bytes: u64,
        /// Its hit rate in memory.
        hit_rate: f64,
    },
    /// Most values of a function are the same when they are loaded after the end of their TTL.
    #[non_exhaustive]
    ShortTtl {
        /// The name of the call site.
        function: String,
        /// The number of loads whose value was compared with the previous one.
        compared: u64,
        /// Those whose value had not changed.
        unchanged: u64,
    },
    /// The requests to Redis of a function take longer than the loads that they save.
    #[non_exhaustive]
    CostsMoreThanItSaves {
        /// The name of the call site.
        function: String,
        /// The estimated time of its requests to Redis.
        spent: Duration,
        /// The load time that its hits have saved.
        saved: Duration,
    },
}

impl fmt::Display for SizingFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SizingFinding::MoreMemory { capacity, hit_rate, hit_rate_at_2x, hit_rate_at_4x } => {
                let [now, twice, four] =
                    [hit_rate, hit_rate_at_2x, hit_rate_at_4x].map(|rate| rate * 100.0);
                write!(
                    f,
                    "more memory would answer more calls: {now:.1} % with {}, about {twice:.1} % with {}, about {four:.1} % \
                     with {}; set CACHE_MEMORY_CAPACITY",
                    size(*capacity),
                    size(capacity.saturating_mul(2)),
                    size(capacity.saturating_mul(4))
                )
            }
            SizingFinding::RoomWithoutHits { function, bytes, hit_rate } => write!(
                f,
                "{function} takes {} of memory, which answers {:.1} % of its calls; limit it with `max_memory`, or cache \
                 it with `tier = \"redis\"` or not at all",
                size(*bytes),
                hit_rate * 100.0
            ),
            SizingFinding::ShortTtl { function, compared, unchanged } => write!(
                f,
                "{unchanged} of {compared} values of {function} had not changed when they were loaded after their TTL; a \
                 longer `ttl` saves loads, if changes are invalidated or may be seen later"
            ),
            SizingFinding::CostsMoreThanItSaves { function, spent, saved } => write!(
                f,
                "the requests to Redis of {function} took about {spent:.1?}, and its hits saved {saved:.1?} of load time; \
                 cache it with `tier = \"memory\"`, or not at all"
            ),
        }
    }
}

/// Returns a number of bytes for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}
