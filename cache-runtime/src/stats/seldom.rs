//! Log lines for events that may happen at every call: the first time, and then a count once a minute.

use std::collections::HashMap;
use std::mem::Discriminant;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64;

use crate::error::Error;
use crate::support::lock::Mutex;

/// The time for which a message is suppressed after it was logged.
const PAUSE_MS: u64 = 60_000;

/// The maximum number of pairs of a function and a reason with a pause of their own; the others share one.
const MOST: usize = 4_096;

/// The reason for a message about a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// A value is not stored.
    NotStored(Discriminant<Error>),
    /// A direct load is not cached.
    Refused(Discriminant<Error>),
    /// Redis has not confirmed a value that was set directly.
    Unconfirmed,
    /// A call is not cached: its output hides a `Result`.
    Output,
    /// A call is not cached: there is no key for its arguments.
    Key,
    /// A call is not cached: its arguments have no fingerprint.
    Fingerprint,
    /// The code of a value's type, or this option of its function, panics.
    Panics(&'static str),
    /// A call is not cached, or a value is not stored: a tag cannot be rendered, or cannot be used.
    Tags,
    /// A call is not cached: the result of the expression in this option cannot be used.
    Ttl(&'static str),
    /// The option `entry` does not name an entry.
    Entry(Discriminant<Error>),
    /// The prefix or tag of an invalidation cannot be rendered.
    Rendering(&'static str),
    /// A value is not stored: its dependencies are not known, for this reason.
    Untraced(&'static str),
    /// A load failed, and the previous value is served.
    Failed,
    /// A load in the background failed.
    FailedInBackground,
    /// A load in the background took too long.
    GivenUp,
    /// A served value differs from that of its source.
    Inconsistent,
    /// The body of a load panicked.
    Panicked,
    /// A source fails.
    SourceFails,
    /// A source has recovered.
    SourceRecovers,
    /// Redis lacks a right or a command.
    Lacks,
    /// All functions and reasons beyond the first [`MOST`].
    Others,
}

/// The messages that one manager has logged, by function and reason.
#[derive(Debug, Default)]
pub(crate) struct Seldoms(Mutex<HashMap<(u64, Reason), Arc<Seldom>>>);

impl Seldoms {
    /// Notes an event of `function`. `say` gets the number of events since the last message, including this
    /// one.
    pub(crate) fn happens(
        &self,
        function: &str,
        reason: Reason,
        now_ms: u64,
        say: impl FnOnce(u64),
    ) {
        // A subscriber of the log may use the cache, so the lock is released first.
        self.of(function, reason).happens(now_ms, say);
    }

    fn of(&self, function: &str, reason: Reason) -> Arc<Seldom> {
        let key = (xxh3_64(function.as_bytes()), reason);
        let mut known = self.0.lock();
        let is_known = known.len() < MOST || known.contains_key(&key);
        let key = if is_known { key } else { (0, Reason::Others) };
        Arc::clone(known.entry(key).or_default())
    }
}

/// The number of events since the last message, and the time of that message.
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    unsaid: AtomicU64,
    /// The time at which the next message may be logged; zero: at once.
    next_ms: AtomicU64,
}

impl Seldom {
    /// Notes an event. `say` gets the number of events since the last message, including this one.
    pub(crate) fn happens(&self, now_ms: u64, say: impl FnOnce(u64)) {
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        let next = self.next_ms.load(Ordering::Relaxed);
        let until = now_ms.saturating_add(PAUSE_MS);
        let relaxed = Ordering::Relaxed;
        if now_ms >= next && self.next_ms.compare_exchange(next, until, relaxed, relaxed).is_ok() {
            say(self.unsaid.swap(0, Ordering::Relaxed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_the_first_time_and_then_once_a_minute_with_a_count() {
        let (seldom, mut said) = (Seldom::default(), Vec::new());
        for now_ms in (1_000..=181_000).step_by(1_000) {
            seldom.happens(now_ms, |times| said.push((now_ms, times)));
        }
        assert_eq!(said, [(1_000, 1), (61_000, 60), (121_000, 60), (181_000, 60)]);
    }

    #[test]
    fn each_function_and_reason_has_a_pause_of_its_own() {
        let (seldoms, mut said) = (Seldoms::default(), Vec::new());
        for _ in 0..100 {
            for function in ["a", "b"] {
                for reason in [Reason::Key, Reason::Ttl("ttl"), Reason::Ttl("negative_ttl")] {
                    seldoms.happens(function, reason, 1, |times| {
                        said.push((function, reason, times));
                    });
                }
            }
        }
        assert_eq!(said.len(), 6, "{said:?}");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (seldoms, mut said) = (Seldoms::default(), 0);
        for function in 0..3 * MOST {
            seldoms.happens(&function.to_string(), Reason::Key, 1, |_| said += 1);
        }
        assert_eq!(said, MOST + 1, "all beyond the bound are one");
        assert_eq!(seldoms.0.lock().len(), MOST + 1);
    }
}
