//! The policy of a function: the values that are stored, their life, and the consequences of a slow or failed
//! load.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Jitter, Ttl};
use crate::error::Error;
use crate::gates::SiteLimits;
use crate::key::name::{MOST_TAGS, validate_tag};
use crate::redis::Life;
use crate::site::{Coalesce, Inherit};
use crate::support::clock::millis;
use crate::support::panics::unless_panicking;
use crate::support::random;
use crate::value::{Coding, ValueRef, ValueType};

/// A test of values of one type.
pub(crate) type Test = Arc<dyn Fn(ValueRef<'_>) -> bool + Send + Sync>;

/// Returns the bytes of memory that a value of one type takes.
pub(crate) type Weigh = Arc<dyn Fn(ValueRef<'_>) -> usize + Send + Sync>;

/// Returns the tags that follow from a value of one type, without duplicates.
pub(crate) type TagsOf = Arc<dyn Fn(ValueRef<'_>) -> Vec<String> + Send + Sync>;

/// Returns the time for which a value of one type is fresh.
pub(crate) type TtlOf = Arc<dyn Fn(ValueRef<'_>) -> Ttl + Send + Sync>;

/// The life that a load expects if only its value decides. The tokens that it notes live for the day that they live
/// at least.
const EXPECTED: Duration = Duration::from_secs(12 * 3600);

/// The decisions of a call site, or of a direct caller, about storing.
pub(crate) struct Policy {
    /// The type of the values.
    pub(crate) of: &'static dyn ValueType,
    pub(crate) ttl: Ttl,
    /// Decides in the place of `ttl`.
    pub(crate) ttl_of: Option<TtlOf>,
    /// The TTL of values that are `None`, if it differs.
    pub(crate) negative_ttl: Option<Ttl>,
    /// Returns true if a value is `None`; absent if this does not matter.
    pub(crate) is_none: Option<Test>,
    pub(crate) cache_none: bool,
    pub(crate) cache_if: Option<Test>,
    pub(crate) weigh: Option<Weigh>,
    pub(crate) tags_of: Option<TagsOf>,
    /// The dependencies that its values take over from the cached functions that its body calls.
    pub(crate) inherits: Inherit,
    pub(crate) jitter: Jitter,
    pub(crate) coding: Coding,
    pub(crate) grace: Grace,
    /// The maximum time that a caller with a stale value waits for a load.
    pub(crate) load_timeout: Option<Duration>,
    /// The time for which an error is remembered.
    pub(crate) error_ttl: Option<Duration>,
    /// The eagerness with which a value is refreshed before its TTL is over; see `call/early.rs`.
    pub(crate) early_refresh: f64,
    /// True if a load goes on without its caller.
    pub(crate) detached: bool,
    pub(crate) coalesce: Coalesce,
    /// The limits on its bodies that run at once, if there are any.
    pub(crate) limits: Option<Arc<SiteLimits>>,
    /// The maximum wait for a permit, after which a load is given up.
    pub(crate) shed: Option<Duration>,
}

/// The time past its TTL for which a value may be served or is kept, in milliseconds; `u64::MAX` is for ever.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Grace {
    /// The time for which it may be served while it is refreshed.
    pub(crate) while_revalidate_ms: u64,
    /// The time for which it may be served when a load fails.
    pub(crate) if_error_ms: u64,
    /// The time for which it is kept for the body of the next load (`keep`). It is not served for that reason.
    pub(crate) keep_ms: u64,
}

impl Grace {
    pub(crate) fn longest_ms(self) -> u64 {
        self.while_revalidate_ms.max(self.if_error_ms)
    }

    /// Returns the time past its TTL for which a value is kept.
    pub(crate) fn kept_ms(self) -> u64 {
        self.longest_ms().max(self.keep_ms)
    }

    /// Returns the time for which a value is kept whose TTL is `ttl`.
    pub(crate) fn after(self, ttl: Ttl) -> Ttl {
        match (ttl, self.kept_ms()) {
            (Ttl::Forever, _) | (_, u64::MAX) => Ttl::Forever,
            (Ttl::For(ttl), grace) => Ttl::For(ttl.saturating_add(Duration::from_millis(grace))),
        }
    }
}

/// The reason for which a value is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The options of its function refuse it.
    Unwanted,
    /// The expression in this option panics.
    Panics(&'static str),
    /// Its `tags_of` returns tags that cannot be used, for this reason.
    Tags(String),
}

impl Policy {
    pub(crate) fn new(of: &'static dyn ValueType, ttl: Ttl, jitter: Jitter) -> Self {
        Policy {
            of,
            ttl,
            ttl_of: None,
            negative_ttl: None,
            is_none: None,
            cache_none: true,
            cache_if: None,
            weigh: None,
            tags_of: None,
            inherits: Inherit::Nothing,
            jitter,
            coding: Coding::default(),
            grace: Grace::default(),
            load_timeout: None,
            error_ttl: None,
            early_refresh: 0.0,
            detached: false,
            coalesce: Coalesce::Process,
            limits: None,
            shed: None,
        }
    }

    /// Returns the time past its TTL for which this value may be served or is kept. It is zero for a `None` that has a
    /// TTL of its own: this TTL limits the time for which the absence is trusted.
    pub(crate) fn grace_of(&self, value: ValueRef<'_>) -> Grace {
        if self.negative_ttl.is_some() && self.is_none(value) {
            return Grace::default();
        }
        self.grace
    }

    fn is_none(&self, value: ValueRef<'_>) -> bool {
        self.is_none.as_ref().is_some_and(|is_none| is_none(value))
    }

    /// Returns the time for which this value will be fresh.
    ///
    /// # Errors
    /// Returns the reason for which the value is not stored.
    pub(crate) fn life(&self, value: ValueRef<'_>) -> Result<Ttl, Refusal> {
        if let Some(wanted) = &self.cache_if {
            // R3: a panic in the expression must not fail the caller, which has the value.
            match unless_panicking(|| wanted(value)) {
                Some(true) => {}
                Some(false) => return Err(Refusal::Unwanted),
                None => return Err(Refusal::Panics("cache_if")),
            }
        }
        let none = self.is_none(value);
        if none && !self.cache_none {
            return Err(Refusal::Unwanted);
        }
        let ttl = match self.negative_ttl.filter(|_| none) {
            Some(ttl) => ttl,
            None => self.ttl_of(value)?,
        };
        Ok(self.jitter.shorten(ttl, random::cheap()))
    }

    fn ttl_of(&self, value: ValueRef<'_>) -> Result<Ttl, Refusal> {
        let Some(ttl_of) = &self.ttl_of else { return Ok(self.ttl) };
        // R3: a panic in the closure must not fail the caller, which has the value.
        match unless_panicking(|| ttl_of(value)).ok_or(Refusal::Panics("ttl"))? {
            Ttl::For(ttl) if ttl < Ttl::MIN => Err(Refusal::Unwanted),
            Ttl::For(ttl) => Ok(Ttl::For(ttl.min(Ttl::MAX))),
            Ttl::Forever => Ok(Ttl::Forever),
        }
    }

    /// Returns the tags that follow from this value, as they are stored and without duplicates.
    ///
    /// # Errors
    /// Returns the reason for which the value is not stored: without its tags, it could not be invalidated.
    pub(crate) fn derived_tags(&self, value: ValueRef<'_>) -> Result<Vec<String>, Refusal> {
        let Some(tags_of) = &self.tags_of else { return Ok(Vec::new()) };
        // R3: a panic in the expression must not fail the caller, which has the value.
        let tags = unless_panicking(|| tags_of(value)).ok_or(Refusal::Panics("tags_of"))?;
        if tags.len() > MOST_TAGS {
            return Err(Refusal::Tags(format!("there are more than {MOST_TAGS} of them")));
        }
        let stored = |tag: &String| validate_tag(tag).map(Cow::into_owned);
        let stored: Result<_, Error> = tags.iter().map(stored).collect();
        stored.map_err(|error| Refusal::Tags(error.to_string()))
    }

    /// Returns true if its values may bring dependencies that are not known before they are loaded.
    pub(crate) fn derives(&self) -> bool {
        self.tags_of.is_some() || self.inherits.is_any()
    }

    /// Returns the maximum time for which any of its values may be kept. If the value decides, this is the expected
    /// time. The tokens of a value with a longer life are raised when it is stored.
    pub(crate) fn longest(&self) -> Ttl {
        let ttl = if self.ttl_of.is_some() { Ttl::For(EXPECTED) } else { self.ttl };
        let ttl = match (ttl, self.negative_ttl) {
            (Ttl::For(ttl), Some(Ttl::For(negative))) => Ttl::For(ttl.max(negative)),
            (ttl, None) => ttl,
            _ => Ttl::Forever,
        };
        self.grace.after(ttl)
    }
}

/// Returns a TTL as the life of a key in Redis.
pub(crate) fn life_of(ttl: Ttl) -> Life {
    ttl.duration().map_or(Life::Forever, Life::For)
}

/// Returns a TTL as the number of milliseconds in an entry.
pub(crate) fn fresh_for_ms(ttl: Ttl) -> u64 {
    ttl.duration().map_or(u64::MAX, millis)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a test reports by panicking")]

    use super::*;
    use crate::key::name::shorten;
    use crate::value::{type_of, value_of};

    fn derived(
        tags_of: impl Fn() -> Vec<String> + Send + Sync + 'static,
    ) -> Result<Vec<String>, Refusal> {
        let jitter = Jitter::from(0.0);
        let policy = Policy::new(type_of::<u64>(), Ttl::Forever, jitter);
        let tags_of: TagsOf = Arc::new(move |_| tags_of());
        Policy { tags_of: Some(tags_of), ..policy }.derived_tags(value_of(&7_u64))
    }

    fn numbered(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("n:{n}")).collect()
    }

    #[test]
    fn derived_tags_are_checked_and_shortened_as_those_of_the_direct_api() {
        let long = "x".repeat(300);
        let expected = Ok(vec!["user:7".to_owned(), shorten(&long).into_owned()]);
        assert_eq!(derived(move || vec!["user:7".to_owned(), long.clone()]), expected);
        let Err(Refusal::Tags(reason)) = derived(|| vec!["user:*".to_owned()]) else {
            panic!("a pattern is no tag");
        };
        assert!(reason.starts_with("the tag \"user:*\" cannot be used"), "{reason}");
    }

    #[test]
    fn more_tags_than_an_entry_has_are_refused() {
        assert_eq!(derived(|| numbered(128)), Ok(numbered(128)));
        let Err(Refusal::Tags(reason)) = derived(|| numbered(129)) else {
            panic!("these are too many");
        };
        assert_eq!(reason, "there are more than 128 of them");
    }

    // R3
    #[test]
    fn a_panic_while_the_tags_are_derived_refuses_the_value() {
        assert_eq!(derived(|| panic!("in `tags_of`")), Err(Refusal::Panics("tags_of")));
    }
}
