//! Values that cannot be stored: counted, and said.

use std::mem::discriminant;

use super::key::CallKey;
use super::store_outcome::StoreOutcome;
use crate::core::{Core, DIRECT};
use crate::error::{Error, REMEDY};
use crate::seldom::Reason;
use crate::stats::SiteCounters;

impl Core {
    /// Counts and logs a value that cannot be stored, and says what has become of it.
    pub(crate) fn unfit(
        &self,
        key: &CallKey,
        counters: &SiteCounters,
        error: &Error,
    ) -> StoreOutcome {
        if self.is_lost(key, counters, error) {
            return StoreOutcome::Lossy;
        }
        counters.slow.not_stored.one();
        let (function, name) = (key.function(), key.name().as_str());
        let reason = Reason::NotStored(discriminant(error));
        self.seldom(function.unwrap_or(DIRECT), reason, |times| {
            tracing::warn!(function, name, times, %error, "a value is not stored");
        });
        StoreOutcome::Unfit
    }

    /// Whether a value is not stored since it would not come back as it is; counted, and said once for each
    /// function.
    pub(crate) fn is_lost(&self, key: &CallKey, counters: &SiteCounters, error: &Error) -> bool {
        let (Error::Lossy { type_name, message } | Error::Encode { type_name, message }) = error
        else {
            return false;
        };
        counters.slow.lossy.one();
        let function = key.function().unwrap_or(DIRECT);
        if self.losses.note(function, type_name, message) {
            tracing::error!(
                function,
                type_name,
                reason = message,
                "values of this function are not stored in Redis, since they would not come back as they \
                 are; {REMEDY}"
            );
        }
        true
    }
}
