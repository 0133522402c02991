//! Entries in Redis that were invalidated softly: they are stale for a time, and not absent.

use super::examine::{Leftover, RedisRead, Terms, UsableEntry, Vacancy};
use super::key::CallKey;
use super::validity;
use crate::format::entry::Stored;
use crate::redis::{Found, RedisStore, Unavailable};
use crate::tiers::core::Core;

impl Core {
    /// Serves an entry as a stale value if it was invalidated softly, and nothing else has invalidated it. `changed` are the
    /// tags whose tokens are others than those that it records.
    ///
    /// R1: each of these tokens is the predecessor of the present one, so the entry is not fresh, and was not invalidated hard.
    pub(super) async fn fetch_softened<T>(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        found: Found,
        terms: Terms,
        changed: &[(String, u64)],
        take: impl Fn(&UsableEntry<'_, '_>) -> Option<T>,
    ) -> Result<RedisRead<T>, Unavailable> {
        let age = redis.soft_age(changed).await?;
        let (now_ms, place) = (found.now_ms, key.place());
        let served = age.and_then(|age| match self.stored(key, &found) {
            Some(Stored::Value(header, payload)) if !key.is_of_others(header.fingerprint) => {
                let header = validity::softened(&header, age, now_ms, terms.grace_ms)?;
                take(&UsableEntry { header: &header, payload, now_ms, place, snapshot: None })
            }
            _ => None,
        });
        Ok(match served {
            Some(served) => RedisRead::Usable(served),
            None => {
                let leftover = Leftover::Stale(found.bytes.unwrap_or_default());
                RedisRead::Not(Vacancy::under_the_name(leftover))
            }
        })
    }
}
