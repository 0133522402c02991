//! Tokens of tags that are known only after the body.
//!
//! A load notes tokens before its body (R1). A tag that depends on the value is not known then. Its token is
//! recorded only if it is known to have existed, or not to have been removed, since before the body. Two numbers
//! show this:
//!
//! - A *removal counter* is raised before the tokens of tags are removed, and in the same step if one server has both.
//!   It consists of a random identity and a number. A counter that is lost gets another identity. Each tag has one of
//!   [`REMOVAL_COUNTERS`] counters. A load with such tags notes all of them before its body.
//! - The *birth* of a token is the state of its counter at a time when the token existed. It is recorded with the
//!   token, after a read of the counter that follows a read of the token.
//!
//! After the body, the tokens are noted, and then their counters are read. A token may be recorded in either of these
//! cases:
//!
//! - Its counter is as it was before the body: no tag of this counter was removed since.
//! - Its birth has the identity that was noted, and a number that is not greater. A removal after the load's begin
//!   would have raised the counter before it took the token, and each later token has a later birth.
//!
//! If a server was started again meanwhile, no token may be recorded: its counters may be older than the noted ones.
//!
//! In all other cases, the value is not stored. The birth is recorded then, so the value of the next load is.

use std::sync::Arc;

use super::error::{StoreError, StoreResult};
use super::keys::{Keys, REMOVAL_COUNTERS};
use super::lane::Lane;
use super::ready::Ready;
use super::script::{Script, ScriptCall};
use crate::support::random;

/// The life of a removal counter, from its last change on, in milliseconds: a day.
pub(super) const COUNTER_MS: &str = "86400000";

/// The length of a token, and of the identity of a counter.
pub(super) const WORD: usize = 8;

/// The state of a removal counter: its identity, and the number of removals as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Count(pub(super) Vec<u8>);

impl Count {
    /// Returns true if a token with this birth existed when the counter was noted, and was not removed before.
    pub(super) fn covers(&self, birth: &[u8]) -> bool {
        let (Some((own, noted)), Some((other, born))) = (parts(&self.0), parts(birth)) else {
            return false;
        };
        own == other && born <= noted
    }

    /// Returns true if the birth has another identity than the counter, so that no later load could use it.
    pub(super) fn is_of_another(&self, birth: &[u8]) -> bool {
        parts(birth).map(|(identity, _)| identity) != parts(&self.0).map(|(identity, _)| identity)
    }
}

/// Returns identity and number of a counter or birth; `None` if it is none.
fn parts(count: &[u8]) -> Option<(&[u8], u64)> {
    let (identity, number) = count.split_at_checked(WORD)?;
    Some((identity, std::str::from_utf8(number).ok()?.parse().ok()?))
}

/// Reads removal counters. Missing ones are made.
pub(super) async fn counts(
    ready: &Ready,
    keys: &Keys,
    numbers: impl Iterator<Item = u64>,
) -> StoreResult<Vec<Count>> {
    let keys: Vec<_> = numbers.map(|number| keys.removals(number)).collect();
    let values = ready.values(Lane::Quick, &keys).await?;
    let count = |value| StoreError::read::<Option<Vec<u8>>>(value).map(Option::unwrap_or_default);
    let mut counts: Vec<_> = values.into_iter().map(count).collect::<StoreResult<_>>()?;
    let missing = || (0..).zip(&counts).filter(|(_, count)| parts(count).is_none());
    let places: Vec<usize> = missing().map(|(place, _)| place).collect();
    if places.is_empty() {
        return Ok(counts.into_iter().map(Count).collect());
    }
    let identities: Vec<_> = places.iter().map(|_| random::word().to_le_bytes()).collect();
    let calls = places.iter().zip(&identities).filter_map(|(place, identity)| {
        let arguments = vec![&b"0"[..], identity, COUNTER_MS.as_bytes()];
        Some(ScriptCall { script: Script::Count, key: keys.get(*place)?, arguments })
    });
    let made = ready.script_each(Lane::Quick, &calls.collect::<Vec<_>>()).await;
    for (place, made) in places.into_iter().zip(made) {
        counts[place] = made.and_then(StoreError::read)?;
    }
    Ok(counts.into_iter().map(Count).collect())
}

/// The removal counters before the body of a load.
#[derive(Debug)]
pub(super) struct NotedCounts {
    counts: Vec<Count>,
    /// The runs of the servers. After another start, a server may have older counters, and count again to a number that
    /// it had already reached.
    pub(super) servers: String,
}

impl NotedCounts {
    /// Notes all counters, if the value of the load may have tags that are not known yet.
    pub(super) async fn before_body(
        ready: &Ready,
        keys: &Keys,
        derives: bool,
    ) -> StoreResult<Option<Arc<Self>>> {
        if !derives {
            return Ok(None);
        }
        Self::of_all(ready, keys).await.map(Some)
    }

    /// Notes all counters.
    pub(super) async fn of_all(ready: &Ready, keys: &Keys) -> StoreResult<Arc<Self>> {
        let counts = counts(ready, keys, 0..REMOVAL_COUNTERS).await?;
        Ok(Arc::new(NotedCounts { counts, servers: ready.server().to_owned() }))
    }

    pub(super) fn get(&self, number: u64) -> Option<&Count> {
        self.counts.get(usize::try_from(number).ok()?)
    }
}

/// Raises the counters of these tokens. This must end before the tokens are removed.
pub(super) async fn raise(ready: &Ready, keys: &Keys, tokens: &[String]) -> StoreResult<()> {
    let counters = counters_of(keys, tokens);
    let identity = random::word().to_le_bytes();
    let call = |key| {
        let arguments = vec![&b"1"[..], &identity, COUNTER_MS.as_bytes()];
        ScriptCall { script: Script::Count, key, arguments }
    };
    let calls: Vec<_> = counters.iter().map(call).collect();
    ready.script_each(Lane::Quick, &calls).await.into_iter().try_for_each(|raised| raised.map(drop))
}

/// Returns the keys of the counters that are raised before these keys are removed.
pub(super) fn counters_of(keys: &Keys, removed: &[String]) -> Vec<String> {
    let mut numbers: Vec<_> = removed.iter().filter_map(|key| keys.counter_of(key)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_iter().map(|number| keys.removals(number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(identity: &str, number: &str) -> Count {
        Count([identity.as_bytes(), number.as_bytes()].concat())
    }

    #[test]
    fn a_birth_of_the_same_counter_that_is_not_later_is_covered() {
        let noted = count("identity", "12");
        assert!(noted.covers(b"identity12") && noted.covers(b"identity9"));
        assert!(!noted.covers(b"identity13"), "it is later");
        assert!(!noted.covers(b"Identity9"), "the counter is another");
        for none in [&b""[..], b"identity", b"identityx", b"identity-1", b"short"] {
            assert!(!noted.covers(none) && noted.is_of_another(none));
        }
        assert!(!Count(Vec::new()).covers(b"identity1") && !Count(Vec::new()).covers(b""));
    }

    #[test]
    fn only_a_birth_of_another_counter_is_replaced() {
        let now = count("identity", "12");
        assert!(!now.is_of_another(b"identity13") && now.is_of_another(b"Identity12"));
    }

    #[test]
    fn removals_of_tags_are_counted_and_no_others() {
        let keys = Keys::new("cache");
        assert!(keys.counter_of("cache:#t:user:1").is_some_and(|number| number < REMOVAL_COUNTERS));
        for other in ["cache:#root", "cache:video:1", "cache:#t:#name:{cache:video:1}", "cache"] {
            assert_eq!(keys.counter_of(other), None, "{other}");
        }
        let removed = ["cache:#t:user:1", "cache:#t:user:1", "cache:video:1"].map(str::to_owned);
        assert_eq!(counters_of(&keys, &removed).len(), 1);
    }
}
