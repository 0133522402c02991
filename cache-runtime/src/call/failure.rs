//! Loads that have failed: counted, and said.

use std::time::Duration;

use super::Call;
use crate::clock::micros;
use crate::core::DIRECT;
use crate::seldom::Reason;

impl Call {
    /// Counts the run of a body, and how long it took.
    pub(super) fn count_load(&self, took: Duration) {
        self.counters.slow.loads.one();
        self.counters.slow.load_micros.add(micros(took));
        self.counters.load_times.record(took);
    }

    /// Says that a load has failed, and what comes of it.
    pub(super) fn say_failed(&self, reason: Reason, error: &dyn Fn() -> String, what: &str) {
        let (function, name) = (self.key.function(), self.key.name());
        self.core.seldom(function.unwrap_or(DIRECT), reason, |times| {
            let error = error();
            tracing::warn!(function, name = name.as_str(), error, times, "{what}");
        });
    }

    /// A load in the background has failed.
    pub(super) fn say_failed_in_background(&self, error: &str) {
        let what = "a background refresh failed; the stale value is served until it is too old";
        self.say_failed(Reason::FailedAside, &|| error.to_owned(), what);
    }

    /// A load in the background has taken longer than it may.
    pub(super) fn give_up(&self, limit: Duration) {
        self.counters.slow.load_errors.one();
        self.note_failure();
        let error = || format!("it took longer than {limit:?} (CACHE_MAX_LOAD)");
        self.say_failed(Reason::GivenUp, &error, "a background refresh was cancelled");
    }
}
