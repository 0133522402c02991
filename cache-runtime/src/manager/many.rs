//! The direct API, many names at a time.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::{CacheManager, SetOptions};
use crate::call::PutOutcome;
use crate::call::{
    Ask, At, CallKey, Leftover, Original, Present, Reading, Vacancy, Verdict, hit, judge,
};
use crate::core::{Core, DIRECT, Stores};
use crate::entry::Stored;
use crate::error::Error;
use crate::generation::GenerationSnapshot;
use crate::memory::KnownWeight;
use crate::output::CacheValue;
use crate::redis::{Missed, Pace, ROOM, RedisStore};
use crate::seldom::Reason;
use crate::shape::encoded_size;
use crate::value::{ValueType, type_of};

/// The number of values that are stored concurrently. More would time out while they wait for Redis.
const AT_ONCE: usize = 256;

/// The result of [`CacheManager::set_many`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The number of values that are stored in the configured stores.
    pub stored: usize,
    /// The number of values that Redis has not confirmed in time, or that were set while it was
    /// unavailable. They are in the memory of this process for at most
    /// [`outage_ttl`](crate::CacheConfig::outage_ttl). No older value is served instead: the names are
    /// removed in Redis.
    pub unconfirmed: usize,
    /// The number of values that another change of the same name overtook. No value is stored under
    /// those names.
    pub overtaken: usize,
}

/// The result of [`CacheManager::warm`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarmReport {
    /// The number of names with a fresh value, which was stored before or has been loaded.
    pub fresh: usize,
    /// The number of names whose load failed.
    pub failed: usize,
    /// The number of names whose load succeeded, but whose value is not stored: it cannot be stored, or
    /// was invalidated in the meantime.
    pub missing: usize,
}

impl CacheManager {
    /// Returns the values under several names, in their order; `None` for a name without a fresh `V`.
    ///
    /// The names are read from Redis in parts of at most 1,000 names and about 1 MiB, estimated from the
    /// sizes so far, one part after the other. Each part has its own
    /// [`redis_timeout`](crate::CacheConfig::redis_timeout), and up to eight times as long while Redis
    /// answers pings, since a large answer is not an outage. If a single value takes longer, it is
    /// `None`. If Redis becomes unavailable, the values that were found before are returned. Cancel safe.
    ///
    /// # Errors
    /// [`Error::Name`] for the first invalid name.
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
        let nothing = || Reading::Miss(Vacancy::NOTHING);
        Ok(core.counted(readings.into_iter().map(|found| found.unwrap_or_else(nothing)).collect()))
    }

    /// Stores several values with the same options, as [`set`](CacheManager::set) does, and returns the
    /// number of stored ones.
    ///
    /// They are sent in parts of at most 256 values and about 1 MiB, one part after the other, so that
    /// each value has [`redis_timeout`](crate::CacheConfig::redis_timeout) for itself. An unavailable
    /// Redis is not an error: such values are counted in [`Written::unconfirmed`], and their number is
    /// logged. Cancel safe: values that were already stored stay.
    ///
    /// # Errors
    /// The errors of [`set`](CacheManager::set). For an invalid name or TTL, nothing is stored. For a
    /// value that cannot be stored, the others are stored first.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_runtime::CacheManager;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_runtime::Error> {
    /// let cache = CacheManager::builder().build()?;
    /// let written = cache.set_many([("square:2", &4), ("square:3", &9)], Duration::from_secs(60)).await?;
    /// assert_eq!((written.stored, written.unconfirmed), (2, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_many<'v, V: CacheValue>(
        &self,
        values: impl IntoIterator<Item = (impl AsRef<str>, &'v V)>,
        options: impl Into<SetOptions>,
    ) -> Result<Written, Error> {
        let options = options.into();
        let mut keyed = Vec::new();
        for (name, value) in values {
            let (key, ttl) = self.key_and_ttl(name.as_ref(), &options)?;
            keyed.push((Arc::new(key), ttl, value));
        }
        let (core, mut written, mut failed) = (self.core(), Written::default(), Ok(()));
        let mut rest = &keyed[..];
        while !rest.is_empty() {
            let (part, others) = rest.split_at(part_of(rest.iter().map(|(_, _, value)| *value)));
            rest = others;
            let weight = options.weight;
            let sets = part.iter();
            let sets = sets.map(|(key, ttl, value)| core.set_directly(key, *ttl, weight, *value));
            let mut is_pending = false;
            for outcome in join_all(sets).await {
                match outcome {
                    Ok(PutOutcome::Stored) => written.stored += 1,
                    Ok(PutOutcome::Overtaken) => written.overtaken += 1,
                    Ok(PutOutcome::Unavailable) => {
                        written.unconfirmed += 1;
                        is_pending = true;
                    }
                    Err(error) => failed = failed.and(Err(error)),
                }
            }
            if let Some(redis) = core.redis.as_ref().filter(|redis| is_pending && redis.is_up()) {
                // While something is pending nothing is stored in Redis.
                redis.settle().await;
            }
        }
        if written.unconfirmed > 0 {
            let Written { stored, unconfirmed, .. } = written;
            core.seldom(DIRECT, Reason::Unconfirmed, |times| {
                tracing::warn!(
                    stored,
                    unconfirmed,
                    times,
                    "Redis did not confirm some values in time: they stay in the memory of this process until Redis \
                     is back or their outage TTL ends"
                );
            });
        }
        failed.map(|()| written)
    }

    /// Fills the cache in advance: runs `load` for each name without a fresh value, at most
    /// `concurrency` at a time, and stores the results.
    ///
    /// Later callers share the running loads. Cancel safe: values that were already stored stay.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::TooManyTags`] or [`Error::Duration`] for invalid arguments; nothing is
    /// then loaded. A failed load is counted, and is not an error.
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
    /// let report = cache.warm(names, SetOptions::default(), 4, load).await?;
    /// assert_eq!((report.fresh, report.failed), (2, 0));
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
    ) -> Result<WarmReport, Error>
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
            let mut report = WarmReport::default();
            while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                let load = || async { load(name.clone()).await.map_err(|_| Failed) };
                match self.get_or_load(name, options.clone(), load).await {
                    Ok(_) if self.exists(name).await.unwrap_or(false) => report.fresh += 1,
                    Ok(_) => report.missing += 1,
                    Err(Failed) => report.failed += 1,
                }
            }
            report
        };
        let workers = (0..concurrency.clamp(1, names.len().max(1))).map(|_| worker());
        let all = join_all(workers).await;
        Ok(all.into_iter().fold(WarmReport::default(), |sum, one| WarmReport {
            fresh: sum.fresh + one.fresh,
            failed: sum.failed + one.failed,
            missing: sum.missing + one.missing,
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

    /// In parts, each with a deadline of its own: what is found is there whatever becomes of the rest.
    async fn read_many(
        &self,
        redis: &RedisStore,
        keys: &[&CallKey],
        of: &'static dyn ValueType,
    ) -> Vec<Reading> {
        let mut readings = Vec::with_capacity(keys.len());
        let mut pace = Pace::default();
        while let rest @ [_, ..] = &keys[readings.len()..] {
            let part = &rest[..rest.len().min(pace.values())];
            match self.fetch_many(redis, part, of, &mut pace).await {
                Ok(found) => readings.extend(found),
                Err(Missed::Late(_)) if pace.late() => {
                    // A single one that is too large for its deadline is passed by.
                    readings.extend((part.len() == 1).then_some(Reading::Unavailable));
                }
                Err(_) => break,
            }
        }
        let lost = &keys[readings.len()..];
        if !lost.is_empty() {
            let (lost, of_all) = (lost.len(), keys.len());
            tracing::debug!(
                lost,
                of_all,
                "some values were not read, because Redis did not answer in time"
            );
        }
        let of_an_outage = |key: &&CallKey| {
            let found =
                (!redis.usable()).then(|| self.value_of_an_outage(redis, key, of, self.stores));
            found.flatten().map_or(Reading::Unavailable, Reading::Memory)
        };
        readings.extend(lost.iter().map(of_an_outage));
        readings
    }

    async fn fetch_many(
        &self,
        redis: &RedisStore,
        keys: &[&CallKey],
        of: &'static dyn ValueType,
        pace: &mut Pace,
    ) -> Result<Vec<Reading>, Missed> {
        let names: Vec<&str> = keys.iter().map(|key| key.name().as_str()).collect();
        let snapshot: Vec<_> = keys.iter().map(|key| self.generations.note(key.slots())).collect();
        let tags: BTreeSet<&str> =
            keys.iter().flat_map(|key| key.tags()).map(String::as_str).collect();
        let mut tags: Vec<String> = tags.into_iter().map(str::to_owned).collect();
        let passed = self.pass_memory(self.stores);
        let (values, mut tokens) = redis.read_many(&names, &tags, pace).await?;
        passed.into_iter().for_each(|passed| self.generations.give_up(passed));
        // Tags that entries have of their own are known only now.
        let own = self.own_tags(keys, &values, &tags);
        if !own.is_empty() {
            tokens.extend(redis.tokens(&own).await?.into_iter().skip(1));
            tags.extend(own);
        }
        let present = Present::new(&tags, &tokens);
        let entries = keys.iter().zip(snapshot).zip(values);
        let reading = |((key, snapshot), (bytes, now_ms)): ((&&CallKey, _), _)| {
            self.reading(key, of, &snapshot, bytes, &present, now_ms)
        };
        let mut readings: Vec<_> = entries.map(reading).collect();
        self.look_beside(keys, of, &mut readings).await;
        Ok(readings)
    }

    /// Reads by itself each value that may be stored beside its name.
    async fn look_beside(
        &self,
        keys: &[&CallKey],
        of: &'static dyn ValueType,
        readings: &mut [Reading],
    ) {
        let may_be = |(key, reading): &(&&CallKey, &mut Reading)| {
            matches!(reading, Reading::Miss(_)) && self.shared_names.places(key.kind()) > 0
        };
        let mut missing: Vec<_> = keys.iter().zip(readings).filter(may_be).collect();
        for some in missing.chunks_mut(AT_ONCE) {
            let read = some.iter().map(|(key, _)| self.read(key, Ask::fresh(self.stores, of)));
            let found = join_all(read).await;
            some.iter_mut().zip(found).for_each(|((_, reading), found)| **reading = found);
        }
    }

    fn reading(
        &self,
        key: &CallKey,
        of: &dyn ValueType,
        snapshot: &GenerationSnapshot,
        bytes: Option<Vec<u8>>,
        present: &Present<'_>,
        now_ms: u64,
    ) -> Reading {
        let Some(bytes) = bytes else {
            return Reading::Miss(Vacancy::NOTHING);
        };
        let leftover = match Stored::read(&bytes, self.address(key)) {
            Stored::Placeholder(_) => return Reading::Miss(Vacancy::NOTHING),
            Stored::Foreign(_) => Leftover::Undecodable,
            Stored::Value(header, payload) => match judge(key, &header, present, now_ms, 0) {
                Verdict::Usable => match self.types.decode(&header, payload, of, None) {
                    Some(value) => {
                        let hit = hit(value, &header, now_ms);
                        // What depends on more than was noted is not kept.
                        if self.stores == Stores::Tiered && header.tags.len() == key.tags().len() {
                            let original = Original::of(&hit, header.origin, KnownWeight::Unknown);
                            self.keep_copy(key, snapshot, original, &*hit.value);
                        }
                        return Reading::Redis(hit, At { state: header.state, place: 0 });
                    }
                    None => Leftover::Undecodable,
                },
                Verdict::Expired => Leftover::Expired,
                Verdict::Useless | Verdict::Depends | Verdict::Foreign => Leftover::Stale,
            },
        };
        Reading::Miss(Vacancy::under_the_name(leftover(bytes)))
    }

    fn counted<V: CacheValue>(&self, readings: Vec<Reading>) -> Vec<Option<V>> {
        readings.iter().for_each(|reading| reading.count(&self.direct));
        readings.into_iter().map(Reading::into_value).collect()
    }

    /// The tags that entries have beyond these.
    fn own_tags(
        &self,
        keys: &[&CallKey],
        values: &[(Option<Vec<u8>>, u64)],
        known: &[String],
    ) -> Vec<String> {
        let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        let mut own = BTreeSet::new();
        for (key, (bytes, _)) in keys.iter().zip(values) {
            if let Some(Stored::Value(header, _)) =
                bytes.as_deref().map(|bytes| Stored::read(bytes, self.address(key)))
            {
                let tags =
                    header.tags.iter().filter_map(|tag| tag.name.resolve(key.name().as_str()));
                own.extend(tags.filter(|tag| !known.contains(tag)).map(str::to_owned));
            }
        }
        own.into_iter().collect()
    }
}

/// How many of these values are stored at once: by their number and by their size.
fn part_of<'v, V: CacheValue>(values: impl Iterator<Item = &'v V>) -> usize {
    let mut bytes = 0_usize;
    let fits = |value: &&V| {
        let is_first = bytes == 0;
        bytes = bytes.saturating_add(encoded_size(*value).max(1));
        is_first || bytes <= ROOM
    };
    values.take(AT_ONCE).take_while(fits).count()
}
