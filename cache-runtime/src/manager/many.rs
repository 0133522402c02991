//! The direct API, many names at a time.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::held_back::sets_later;
use super::{CacheManager, SetOptions};
use crate::collector::Subject;
use crate::collector::traced::Traced;
use crate::error::Error;
use crate::format::shape::encoded_size;
use crate::output::CacheValue;
use crate::redis::{AT_ONCE, part_of};
use crate::stats::seldom::Reason;
use crate::support::panics::drop_each;
use crate::tiers::core::DIRECT;
use crate::tiers::key::CallKey;
use crate::tiers::reading::Ask;
use crate::tiers::store_outcome::PutOutcome;
use crate::value::{type_of, value_of};

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
    /// those names. In the scope of a [transaction](crate::deferred) with a pending invalidation, this is so for all of
    /// them: they are removed after the commit.
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
    /// was invalidated in the meantime. In mode [`off`](crate::Mode::Off), this is the number of all names.
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
        if core.is_off() {
            core.direct.slow.bypassed.add(keys.len() as u64);
            return Ok(keys.iter().map(|_| None).collect());
        }
        let held_back = self.held_back(&keys).await;
        let lent: Vec<&CallKey> =
            keys.iter().filter(|key| !held_back.contains(key.name().as_str())).collect();
        let results = core.read_many(&lent, &Ask::fresh(core, type_of::<V>())).await;
        let mut results = results.into_iter();
        let value = |key: CallKey| {
            if held_back.contains(key.name().as_str()) {
                core.direct.slow.bypassed.one();
                return None;
            }
            let result = results.next()?;
            result.count(&core.direct);
            Traced::found(|| Subject::of_key(&Arc::new(key)), || result.origin());
            result.into_value()
        };
        Ok(keys.into_iter().map(value).collect())
    }

    /// Stores several values with the same options, as [`set`](CacheManager::set) does, and returns the
    /// number of stored ones. Of several values for one name, only the last counts.
    ///
    /// They are sent in parts of at most 256 values and about 1 MiB, one part after the other, so that
    /// each value has [`redis_timeout`](crate::CacheConfig::redis_timeout) for itself. An unavailable
    /// Redis is not an error: such values are counted in [`Written::unconfirmed`], and their number is
    /// logged. Cancel safe: values that were already stored stay. In mode [`off`](crate::Mode::Off), the
    /// entries of the names are removed, and each number of the result is zero.
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
        // Concurrent sets of one name would overtake one another.
        let mut names = HashSet::new();
        let last = keyed.iter().rev().filter(|&(key, ..)| names.insert(key.name().as_str()));
        let mut keyed: Vec<_> = last.cloned().collect();
        keyed.reverse();
        let (core, mut written, mut failed) = (self.core(), Written::default(), Ok(()));
        if core.is_off() {
            for part in keyed.chunks(AT_ONCE) {
                let keys: Vec<&CallKey> = part.iter().map(|(key, ..)| &**key).collect();
                core.set_nothing(&keys).await;
            }
            return Ok(written);
        }
        if sets_later(core, keyed.iter().map(|(key, ..)| &**key)) {
            written.overtaken = keyed.len();
            return Ok(written);
        }
        let mut rest = &keyed[..];
        while !rest.is_empty() {
            let (part, others) =
                rest.split_at(part_of(rest.iter().map(|(_, _, value)| encoded_size(*value))));
            rest = others;
            let weight = options.weight;
            let sets = part.iter();
            let sets = sets
                .map(|(key, ttl, value)| core.set_directly(key, *ttl, weight, value_of(*value)));
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
                // R6: while a removal is pending, nothing is stored in Redis.
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
    /// Later callers share the running loads. Cancel safe: values that were already stored stay. In mode
    /// [`off`](crate::Mode::Off), no load runs, since its value would not be stored.
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
        if self.core().is_off() {
            return Ok(WarmReport { missing: names.len(), ..WarmReport::default() });
        }
        let next = AtomicUsize::new(0);
        let worker = || async {
            let mut report = WarmReport::default();
            while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                let load = || async { load(name.clone()).await.map_err(|_| LoadFailed) };
                match self.get_or_load(name, options.clone(), load).await {
                    Ok(loaded) => {
                        drop_each([loaded]);
                        match self.exists(name).await {
                            Ok(true) => report.fresh += 1,
                            _ => report.missing += 1,
                        }
                    }
                    Err(LoadFailed) => report.failed += 1,
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
struct LoadFailed;
