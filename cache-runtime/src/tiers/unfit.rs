//! Values that cannot be stored: they are counted and logged.

use std::mem::discriminant;

use super::inherited::Untraced;
use super::key::CallKey;
use super::policy::Refusal;
use super::store_outcome::StoreOutcome;
use crate::error::{Error, REMEDY, with_causes};
use crate::stats::SiteCounters;
use crate::stats::seldom::Reason;
use crate::tiers::core::{Core, DIRECT};

impl Core {
    /// Counts and logs a value that cannot be stored, and returns the outcome.
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
            let error = with_causes(error);
            tracing::warn!(function, name, times, error, "a value is not stored");
        });
        StoreOutcome::Unfit
    }

    /// Returns the outcome of a value that the options of its function exclude. An option that panics, or gives what
    /// cannot be used, is counted and logged.
    pub(crate) fn refused(
        &self,
        key: &CallKey,
        counters: &SiteCounters,
        refusal: Refusal,
    ) -> StoreOutcome {
        let (reason, problem) = match refusal {
            Refusal::Unwanted => return StoreOutcome::Unwanted,
            Refusal::Panics(option) => (Reason::Panics(option), format!("`{option}` panics")),
            Refusal::Tags(fault) => {
                (Reason::Tags, format!("`tags_of` returns tags that cannot be used ({fault})"))
            }
        };
        counters.slow.not_stored.one();
        let (function, name) = (key.function(), key.name().as_str());
        self.seldom(function.unwrap_or(DIRECT), reason, |times| {
            tracing::error!(
                function,
                name,
                times,
                "{problem}: the value is returned, and not stored; correct the expression"
            );
        });
        StoreOutcome::Unwanted
    }

    /// Counts and logs a value that is not stored because its dependencies are not known, and returns the outcome.
    pub(crate) fn untraced(
        &self,
        key: &CallKey,
        counters: &SiteCounters,
        reason: Untraced,
    ) -> StoreOutcome {
        match reason {
            Untraced::Overtaken => {
                counters.slow.refused.one();
                return StoreOutcome::Overtaken;
            }
            Untraced::Unavailable => return StoreOutcome::Unavailable,
            _ => {}
        }
        counters.slow.not_stored.one();
        let (function, name) = (key.function(), key.name().as_str());
        let reason = reason.as_str();
        self.seldom(function.unwrap_or(DIRECT), Reason::Untraced(reason), |times| {
            tracing::warn!(
                function,
                name,
                times,
                reason,
                "a value is not stored, because what it inherits is not known"
            );
        });
        StoreOutcome::Untraced
    }

    /// Returns true if a value is not stored because Redis would not return it unchanged. Such a value is
    /// counted, and logged once for each function.
    pub(crate) fn is_lost(&self, key: &CallKey, counters: &SiteCounters, error: &Error) -> bool {
        let (type_name, message) = match error {
            Error::Lossy { type_name, message } => (type_name, message.clone()),
            Error::Encode { type_name, source } => (type_name, source.to_string()),
            _ => return false,
        };
        counters.slow.lossy.one();
        let function = key.function().unwrap_or(DIRECT);
        if self.losses.note(function, type_name, &message) {
            tracing::error!(
                function,
                type_name,
                reason = message,
                "values of this function are not stored in Redis, because Redis would not return them unchanged; \
                 {REMEDY}"
            );
        }
        true
    }
}
