//! The cache by hand, many names at a time.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::{CacheManager, SetOptions};
use crate::call::{CallKey, Leftover, Original, Present, Reading, Verdict, hit, judge};
use crate::core::{Core, Stores};
use crate::entry::Stored;
use crate::error::Error;
use crate::generation::Noted;
use crate::output::CacheValue;
use crate::redis::{Away, RedisStore};
use crate::value::{ValueType, type_of};

/// So many values are stored at once: more would wait for their turn with Redis, and not for long.
const AT_ONCE: usize = 256;

/// What [`CacheManager::warm`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warmed {
    /// Names that are fresh now: they were, or their load has succeeded.
    pub fresh: usize,
    /// Names whose load has failed.
    pub failed: usize,
}

impl CacheManager {
    /// The values under several names, in their order; `None` where there is no fresh `V`.
    ///
    /// From Redis this is one round trip for all of them.
    ///
    /// # Errors
    /// [`Error::Name`] for the first name that cannot be one.
    pub async fn get_many<V: CacheValue>(
        &self,
        names: &[impl AsRef<str>],
    ) -> Result<Vec<Option<V>>, Error> {
        let keys = names.iter().map(|name| self.key(name.as_ref(), &[]));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let core = self.core();
        let of = type_of::<V>();
        let mut readings: Vec<_> = keys.iter().map(|key| core.read_memory(key, of)).collect();
        if let Some(redis) = &core.redis {
            let missing: Vec<_> =
                readings.iter_mut().zip(&keys).filter(|(r, _)| r.is_none()).collect();
            let (places, keys): (Vec<_>, Vec<_>) = missing.into_iter().unzip();
            if !keys.is_empty() {
                let found = core.read_many(redis, &keys, of).await;
                places.into_iter().zip(found).for_each(|(place, found)| *place = Some(found));
            }
        }
        let nothing = || Reading::Miss(Leftover::Nothing);
        Ok(core.counted(readings.into_iter().map(|found| found.unwrap_or_else(nothing)).collect()))
    }

    /// Stores several values with the same options, as [`set`](CacheManager::set) does.
    ///
    /// # Errors
    /// As [`set`](CacheManager::set): [`Error::Name`] or [`Error::Duration`] before anything is
    /// stored; for a value that cannot be stored, after the others have been.
    pub async fn set_many<'v, V: CacheValue>(
        &self,
        values: impl IntoIterator<Item = (impl AsRef<str>, &'v V)>,
        options: impl Into<SetOptions>,
    ) -> Result<(), Error> {
        let options = options.into();
        let mut keyed = Vec::new();
        for (name, value) in values {
            let (key, ttl) = self.key_and_ttl(name.as_ref(), &options)?;
            keyed.push((Arc::new(key), ttl, value));
        }
        let mut stored = Ok(());
        for some in keyed.chunks(AT_ONCE) {
            let sets =
                some.iter().map(|(key, ttl, value)| self.core().set_by_hand(key, *ttl, *value));
            let outcomes = join_all(sets).await;
            stored = outcomes.into_iter().fold(stored, Result::and);
        }
        stored
    }

    /// Fills the cache ahead of its callers: runs `load` for each name that is not fresh, at most
    /// `concurrency` at a time, and stores what it returns.
    ///
    /// Loads are shared with callers who come meanwhile. Cancel safe: what has been stored stays.
    ///
    /// # Errors
    /// [`Error::Name`] or [`Error::Duration`] for arguments that cannot be used, before anything
    /// is loaded. A load that fails is counted, not returned.
    ///
    /// ```
    /// use cache_runtime::{CacheManager, Error, SetOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let cache = CacheManager::builder().build()?;
    /// let names = ["square:2", "square:3"];
    /// let load = |name: String| async move {
    ///     let x: u64 = name["square:".len()..].parse().map_err(|_| "no number")?;
    ///     Ok::<_, &str>(x * x)
    /// };
    /// let warmed = cache.warm(names, SetOptions::default(), 4, load).await?;
    /// assert_eq!((warmed.fresh, warmed.failed), (2, 0));
    /// assert_eq!(cache.get("square:3").await?, Some(9_u64));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn warm<V, E, F, Fut>(
        &self,
        names: impl IntoIterator<Item = impl Into<String>>,
        options: impl Into<SetOptions>,
        concurrency: usize,
        load: F,
    ) -> Result<Warmed, Error>
    where
        V: CacheValue,
        F: Fn(String) -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        let options = options.into();
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        for name in &names {
            self.key_and_ttl(name, &options)?;
        }
        let next = AtomicUsize::new(0);
        let worker = || async {
            let mut warmed = Warmed::default();
            while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                let load = || async { load(name.clone()).await.map_err(|_| Failed) };
                match self.get_or_load(name, options.clone(), load).await {
                    Ok(_) => warmed.fresh += 1,
                    Err(Failed) => warmed.failed += 1,
                }
            }
            warmed
        };
        let workers = (0..concurrency.clamp(1, names.len().max(1))).map(|_| worker());
        let all = join_all(workers).await;
        Ok(all.into_iter().fold(Warmed::default(), |sum, one| Warmed {
            fresh: sum.fresh + one.fresh,
            failed: sum.failed + one.failed,
        }))
    }
}

/// A load that failed.
struct Failed;

impl Core {
    /// What memory has to say, where it is asked first.
    fn read_memory(&self, key: &CallKey, of: &dyn ValueType) -> Option<Reading> {
        let hit = self.relies_on_memory(self.stores).then(|| self.value_in_memory(key, of, 0));
        hit.flatten().map(Reading::Memory)
    }

    async fn read_many(
        &self,
        redis: &RedisStore,
        keys: &[&CallKey],
        of: &dyn ValueType,
    ) -> Vec<Reading> {
        match self.fetch_many(redis, keys, of).await {
            Ok(readings) => readings,
            Err(Away) if redis.usable() => keys.iter().map(|_| Reading::Away).collect(),
            Err(Away) => {
                let found = |key: &&CallKey| self.value_of_an_outage(redis, key, of, self.stores);
                keys.iter().map(|key| found(key).map_or(Reading::Away, Reading::Memory)).collect()
            }
        }
    }

    async fn fetch_many(
        &self,
        redis: &RedisStore,
        keys: &[&CallKey],
        of: &dyn ValueType,
    ) -> Result<Vec<Reading>, Away> {
        let names: Vec<&str> = keys.iter().map(|key| key.name().as_str()).collect();
        let noted: Vec<_> = keys.iter().map(|key| self.generations.note(key.slots())).collect();
        let tags: BTreeSet<&str> =
            keys.iter().flat_map(|key| key.tags()).map(String::as_str).collect();
        let mut tags: Vec<String> = tags.into_iter().map(str::to_owned).collect();
        let passed = self.pass_memory(self.stores);
        let (values, mut tokens) = redis.read_many(&names, &tags).await?;
        passed.into_iter().for_each(|passed| self.generations.give_up(passed));
        // Tags that entries have of their own are known only now.
        let own = self.own_tags(keys, &values, &tags);
        if !own.is_empty() {
            tokens.extend(redis.tokens(&own).await?.into_iter().skip(1));
            tags.extend(own);
        }
        let present = Present::new(&tags, &tokens);
        let entries = keys.iter().zip(noted).zip(values);
        let reading = |((key, noted), (bytes, now_ms)): ((&&CallKey, _), _)| {
            self.reading(key, of, &noted, bytes, &present, now_ms)
        };
        Ok(entries.map(reading).collect())
    }

    fn reading(
        &self,
        key: &CallKey,
        of: &dyn ValueType,
        noted: &Noted,
        bytes: Option<Vec<u8>>,
        present: &Present<'_>,
        now_ms: u64,
    ) -> Reading {
        let Some(bytes) = bytes else {
            return Reading::Miss(Leftover::Nothing);
        };
        let leftover = match Stored::read(&bytes, self.address(key)) {
            Stored::Mark(_) => return Reading::Miss(Leftover::Nothing),
            Stored::Foreign(_) => Leftover::Undecodable,
            Stored::Value(header, payload) => match judge(key, &header, present, now_ms, 0) {
                Verdict::Usable => match self.types.decode(&header, payload, of, None) {
                    Some(value) => {
                        let hit = hit(value, &header, now_ms);
                        // What depends on more than was noted is not kept.
                        if self.stores == Stores::Tiered && header.tags.len() == key.tags().len() {
                            let original = Original::of(&hit, header.origin);
                            self.keep_copy(key, noted, original, &*hit.value);
                        }
                        return Reading::Redis(hit, header.state);
                    }
                    None => Leftover::Undecodable,
                },
                Verdict::Expired => Leftover::Expired,
                Verdict::Useless | Verdict::Depends => Leftover::Stale,
            },
        };
        Reading::Miss(leftover(bytes))
    }

    fn counted<V: CacheValue>(&self, readings: Vec<Reading>) -> Vec<Option<V>> {
        readings.iter().for_each(|reading| reading.count(&self.by_hand));
        readings.into_iter().map(Reading::into_value).collect()
    }

    /// The tags that entries have beyond these.
    fn own_tags(
        &self,
        keys: &[&CallKey],
        values: &[(Option<Vec<u8>>, u64)],
        known: &[String],
    ) -> Vec<String> {
        let mut own = BTreeSet::new();
        for (key, (bytes, _)) in keys.iter().zip(values) {
            if let Some(Stored::Value(header, _)) =
                bytes.as_deref().map(|bytes| Stored::read(bytes, self.address(key)))
            {
                let tags =
                    header.tags.iter().filter_map(|tag| tag.name.resolve(key.name().as_str()));
                own.extend(
                    tags.filter(|tag| !known.iter().any(|known| known == tag)).map(str::to_owned),
                );
            }
        }
        own.into_iter().collect()
    }
}
