//! The direct API, one name at a time.

use std::future::Future;
use std::mem::discriminant;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::held_back::sets_later;
use super::{CacheManager, SetOptions};
use crate::call::{self, Call, Demands, Run};
use crate::collector::traced::Traced;
use crate::collector::{BypassReason, Subject};
use crate::config::Ttl;
use crate::deferral;
use crate::error::Error;
use crate::key::name::{MOST_TAGS, Name, validate_tag};
use crate::output::{CacheValue, ResultKind, SharedErrors, Shares};
use crate::stats::seldom::Reason;
use crate::support::boxed::boxed;
use crate::tiers::core::DIRECT;
use crate::tiers::dependencies::Brought;
use crate::tiers::inspect::Inspected;
use crate::tiers::invalidate::Targets;
use crate::tiers::key::{CallKey, named};
use crate::tiers::policy::{Grace, Policy, Weigh};
use crate::tiers::put::Worth;
use crate::tiers::reading::Ask;
use crate::tiers::store_outcome::PutOutcome;
use crate::value::{Coding, ValueRef, ValueType, type_of, value_of};

impl CacheManager {
    /// Returns the value under a name; `None` if there is none, if it is stale, if it is not a `V`, or in mode
    /// [`off`](crate::Mode::Off).
    ///
    /// # Errors
    /// [`Error::Name`] for an invalid name.
    pub async fn get<V: CacheValue>(&self, name: &str) -> Result<Option<V>, Error> {
        let key = self.key(name, &[])?;
        let core = self.core();
        if deferral::is_in_scope() && boxed(|| self.is_held_back(&key)).await {
            core.direct.slow.bypassed.one();
            return Ok(None);
        }
        if core.reads_memory(core.stores)
            && let Some(hit) = core.hit_in_memory(&key)
        {
            core.direct.memory_hit(hit.load_micros);
            Traced::hit(|| Subject::of_key(&Arc::new(key)), &hit);
            return Ok(Some(hit.value));
        }
        if core.is_off() {
            core.direct.slow.bypassed.one();
            return Ok(None);
        }
        let ask = Ask::fresh(core, type_of::<V>());
        let result = boxed(|| core.read(&key, ask)).await;
        result.count(&core.direct);
        Traced::found(|| Subject::of_key(&Arc::new(key)), || result.origin());
        Ok(result.into_value())
    }

    /// Stores a value under a name, for all processes that share the cache, and replaces what is there.
    ///
    /// The result of a load of that name that began before is not stored. If a removal of the name
    /// overtakes this call, the call is `Ok` and nothing is stored, because the removal is the later of
    /// the two. In mode [`off`](crate::Mode::Off), nothing is stored, and the entry of the name is removed, so
    /// that other processes do not serve the previous value.
    ///
    /// In the scope of a [transaction](crate::deferred) with a pending invalidation, nothing is stored, because the value may
    /// follow from a row that is not committed. The entry of the name is removed after the commit.
    ///
    /// # Errors
    /// - [`Error::Name`], [`Error::TooManyTags`] or [`Error::Duration`] for an invalid name, tag or TTL
    /// - [`Error::ValueTooLarge`], [`Error::NoRoom`] (in memory), [`Error::Encode`], [`Error::Lossy`]
    ///   or [`Error::Panics`] for the value. The previous entry of the name is then removed, since it
    ///   is older than this value.
    ///
    /// This method cannot check parts of the value that serde does not serialise, such as a field with
    /// `#[serde(skip)]`. An annotated function checks them if the type has `PartialEq` or `Debug`. See
    /// [`assert_round_trip`](crate::assert_round_trip).
    pub async fn set<V: CacheValue>(
        &self,
        name: &str,
        value: &V,
        options: impl Into<SetOptions>,
    ) -> Result<(), Error> {
        let options = options.into();
        let (key, ttl) = self.key_and_ttl(name, &options)?;
        if self.core().is_off() {
            self.core().set_nothing(&[&key]).await;
            return Ok(());
        }
        if sets_later(self.core(), [&key]) {
            return Ok(());
        }
        self.core()
            .set_directly(&Arc::new(key), ttl, options.weight, value_of(value))
            .await
            .map(drop)
    }

    /// Removes the value under a name, and prevents running loads from storing one.
    ///
    /// Returns true if there was a value. Returns `None` if this is unknown because Redis has not
    /// answered in time; the removal is then pending, and is sent again until Redis confirms it. In the scope of a
    /// [transaction](crate::deferred), the removal follows the commit, and this returns `None` as well.
    ///
    /// # Errors
    /// [`Error::Name`] for an invalid name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_runtime::Error> {
    /// # let cache = cache_runtime::CacheManager::builder().build()?;
    /// cache.set("user:1", &1, std::time::Duration::from_secs(60)).await?;
    /// assert_eq!(cache.delete("user:1").await?, Some(true));
    /// assert_eq!(cache.delete("user:1").await?, Some(false));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete(&self, name: &str) -> Result<Option<bool>, Error> {
        let key = self.key(name, &[])?;
        let core = self.core();
        let in_memory = core.meta_in_memory(&key).is_some();
        let removed = deferral::invalidate(core, Targets::name(key.name().as_str())).await;
        Ok(match removed {
            Some(removed) => Some(removed > 0),
            None if deferral::is_in_scope() => None,
            None if in_memory || core.redis.is_none() => Some(in_memory),
            None => None,
        })
    }

    /// Returns true if there is a fresh value of any type under a name.
    ///
    /// # Errors
    /// [`Error::Name`] for an invalid name.
    pub async fn exists(&self, name: &str) -> Result<bool, Error> {
        Ok(self.ttl(name).await?.is_some())
    }

    /// Returns the remaining TTL of the value under a name; `None` if there is no fresh one.
    ///
    /// # Errors
    /// [`Error::Name`] for an invalid name.
    pub async fn ttl(&self, name: &str) -> Result<Option<Ttl>, Error> {
        let key = self.key(name, &[])?;
        if deferral::is_in_scope() && boxed(|| self.is_held_back(&key)).await {
            return Ok(None);
        }
        Ok(self.core().remaining(&key).await)
    }

    /// Returns the value under a name. If there is none, runs `load` and stores its value.
    ///
    /// Concurrent callers of one name share one load, including those of annotated functions. Only `Ok`
    /// is stored. Cancel safe: if the loading caller is dropped, a waiting one takes over.
    ///
    /// The cache adds no error of its own. With an invalid name, tag or TTL, `load` runs each time,
    /// nothing is stored, and an error is logged. In mode [`off`](crate::Mode::Off), `load` runs for each
    /// caller, and nothing is stored.
    ///
    /// # Errors
    /// The error of `load`, which may be of any type. Only the caller whose load has failed gets it,
    /// since it need not be `Clone`. Callers that waited run their own loads, at most eight at once. If one
    /// of these succeeds, the callers that still wait have its value. A caller waits for no longer than
    /// the [limit](crate::CacheConfig::wait_limit), and then runs its load in any case.
    /// [`get_or_load_shared`](CacheManager::get_or_load_shared) and
    /// [`get_or_load_arc`](CacheManager::get_or_load_arc) give one error to all of them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_runtime::CacheManager;
    ///
    /// async fn answer(cache: &CacheManager) -> Result<u64, String> {
    ///     cache.get_or_load("answer", Duration::from_secs(60), async || Ok(42)).await
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_runtime::Error> {
    /// let cache = CacheManager::builder().build()?;
    /// assert_eq!(answer(&cache).await, Ok(42));
    /// assert_eq!(cache.get("answer").await?, Some(42_u64));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_load<V, E, F, Fut>(
        &self,
        name: &str,
        options: impl Into<SetOptions>,
        load: F,
    ) -> Result<V, E>
    where
        V: CacheValue,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        self.load_directly(name, &options.into(), SharedErrors::NONE, load).await
    }

    /// Does the same as [`get_or_load`](CacheManager::get_or_load), but all callers that waited for a
    /// failed load get a clone of its error.
    ///
    /// # Errors
    /// The error of `load`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_runtime::CacheManager;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_runtime::Error> {
    /// let cache = CacheManager::builder().build()?;
    /// let load = async || Err::<u64, _>("not found");
    /// assert_eq!(cache.get_or_load_shared("answer", Duration::from_secs(60), load).await, Err("not found"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_load_shared<V, E, F, Fut>(
        &self,
        name: &str,
        options: impl Into<SetOptions>,
        load: F,
    ) -> Result<V, E>
    where
        V: CacheValue,
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        self.load_directly(name, &options.into(), SharedErrors::CLONED, load).await
    }

    /// Does the same as [`get_or_load`](CacheManager::get_or_load), but all callers that waited for a
    /// failed load get its error, which is in an [`Arc`], so it may be of any type.
    ///
    /// # Errors
    /// The error of `load`.
    ///
    /// ```
    /// use std::io;
    /// use std::time::Duration;
    /// use cache_runtime::CacheManager;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_runtime::Error> {
    /// let cache = CacheManager::builder().build()?;
    /// let get = async || {
    ///     let load = async || Err::<u64, _>(io::Error::from(io::ErrorKind::NotFound));
    ///     cache.get_or_load_arc("answer", Duration::from_secs(60), load).await
    /// };
    /// let error = get().await.unwrap_err();
    /// assert_eq!(error.kind(), io::ErrorKind::NotFound);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_load_arc<V, E, F, Fut>(
        &self,
        name: &str,
        options: impl Into<SetOptions>,
        load: F,
    ) -> Result<V, Arc<E>>
    where
        V: CacheValue,
        E: Send + Sync + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        let load = || async { load().await.map_err(Arc::new) };
        self.load_directly(name, &options.into(), SharedErrors::CLONED, load).await
    }

    async fn load_directly<V, E, F, Fut>(
        &self,
        name: &str,
        options: &SetOptions,
        share: SharedErrors<E>,
        load: F,
    ) -> Result<V, E>
    where
        V: CacheValue,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        let core = self.core();
        let next = match self.call_of(name, options, type_of::<V>(), share.fits()) {
            Ok(call) if deferral::is_in_scope() && boxed(|| self.is_held_back(&call.key)).await => {
                core.direct.slow.bypassed.one();
                call::run_alone(BypassReason::Uncommitted)
            }
            Ok(call) => {
                if let Some(value) = self.hit_now(&call) {
                    return Ok(value);
                }
                call::next(call)
            }
            Err(reason) => call::run_alone(reason),
        };
        // The load begins when it is first polled: not at all on a hit.
        let body = pin!(async move { load().await });
        Run::<ResultKind<_>, _>::new(next, share, body).await
    }

    /// Returns the direct call of a name.
    ///
    /// # Errors
    /// The reason for which it is not cached.
    pub(super) fn call_of(
        &self,
        name: &str,
        options: &SetOptions,
        of: &'static dyn ValueType,
        shares: Shares,
    ) -> Result<Arc<Call>, BypassReason> {
        let core = self.core();
        let (key, ttl) = match self.key_and_ttl(name, options) {
            Ok(made) => made,
            Err(error) => {
                core.say_refused(&error);
                return Err(BypassReason::NoEntry);
            }
        };
        if core.is_off() {
            core.direct.slow.bypassed.one();
            return Err(BypassReason::Off);
        }
        let weigh = options.weight.map(|weight| Arc::new(move |_: ValueRef<'_>| weight) as Weigh);
        Ok(Arc::new(Call {
            core: Arc::clone(core),
            counters: Arc::clone(&core.direct),
            key: Arc::new(key),
            policy: Policy { weigh, ..Policy::new(of, ttl, core.config.jitter) },
            shares,
            stores: core.stores,
            demands: Demands::default(),
            heir: None,
            scope: deferral::current(),
            offer: None,
        }))
    }

    /// Returns the value of a direct call, if memory has it, and counts it.
    pub(super) fn hit_now<V: CacheValue>(&self, call: &Call) -> Option<V> {
        let core = self.core();
        let hit =
            core.reads_memory(core.stores).then(|| core.hit_in_memory(&call.key)).flatten()?;
        core.direct.memory_hit(hit.load_micros);
        Traced::hit(|| Subject::of_key(&call.key), &hit);
        Some(hit.value)
    }

    /// Invalidates everything below a prefix, and the name that equals the prefix. This is one step,
    /// regardless of the number of entries.
    ///
    /// A prefix is one or more whole segments: `video` covers `video:42` and not `videos:42`.
    ///
    /// # Errors
    /// [`Error::Name`] for a prefix that can cover no name: one that is empty, begins or ends with a
    /// `:`, has an empty segment or more than six segments, begins with `#`, begins or ends with
    /// white space. Also for one that contains a pattern, such as `video:*`, since a prefix needs none.
    pub async fn invalidate_prefix(&self, prefix: &str) -> Result<(), Error> {
        deferral::invalidate(self.core(), Targets::prefix(prefix)?).await;
        Ok(())
    }

    /// Invalidates everything below a prefix softly: for `window`, entries are stale, and not absent, for functions that may
    /// serve stale values.
    ///
    /// An entry counts as expired at the time of the invalidation. So a function with `stale_while_revalidate` returns it while
    /// one load replaces it, and a function with `stale_if_error` returns it if its load fails; each for its own time, and at
    /// most for `window`. All other functions load at once, as after [`invalidate_prefix`](CacheManager::invalidate_prefix).
    /// The entry whose name equals the prefix is removed. A `window` of less than a millisecond is a hard invalidation.
    ///
    /// A soft invalidation never weakens another one: after a hard one, all older entries are absent, and entries that are
    /// stale already keep their deadline. What Redis does not confirm is invalidated hard later.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_runtime::Error> {
    /// use std::time::Duration;
    ///
    /// let cache = cache_runtime::CacheManager::builder().build()?;
    /// cache.invalidate_prefix_softly("catalogue", Duration::from_secs(30)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`invalidate_prefix`](CacheManager::invalidate_prefix).
    ///
    /// # Cancel safety
    /// If the future is dropped, everything below the prefix is invalidated hard.
    pub async fn invalidate_prefix_softly(
        &self,
        prefix: &str,
        window: Duration,
    ) -> Result<(), Error> {
        deferral::invalidate(self.core(), Targets::prefix(prefix)?.softly(window)).await;
        Ok(())
    }

    /// Invalidates everything with this tag softly, as
    /// [`invalidate_prefix_softly`](CacheManager::invalidate_prefix_softly) does for a prefix.
    ///
    /// # Errors
    /// Those of [`invalidate_tag`](CacheManager::invalidate_tag).
    ///
    /// # Cancel safety
    /// If the future is dropped, everything with the tag is invalidated hard.
    pub async fn invalidate_tag_softly(&self, tag: &str, window: Duration) -> Result<(), Error> {
        deferral::invalidate(self.core(), Targets::tag(tag)?.softly(window)).await;
        Ok(())
    }

    /// Invalidates everything with this tag. This is one step, regardless of the number of entries.
    ///
    /// # Errors
    /// [`Error::Name`] for an invalid tag: one that is empty, begins with `#`, begins or
    /// ends with white space, or contains a control character or a pattern.
    pub async fn invalidate_tag(&self, tag: &str) -> Result<(), Error> {
        deferral::invalidate(self.core(), Targets::tag(tag)?).await;
        Ok(())
    }

    /// Returns the entry under a name, of any origin: its age, its tags and its state. If the entry is
    /// in Redis and in memory, the one in Redis is returned. Returns `None` if there is no entry, or
    /// Redis is unavailable.
    ///
    /// This is for diagnosis: for the name of a function's entry, it scans all entries in memory.
    ///
    /// # Errors
    /// [`Error::Name`] for an invalid name.
    pub async fn inspect(&self, name: &str) -> Result<Option<Inspected>, Error> {
        let key = self.key(name, &[])?;
        Ok(self.core().inspect(&key).await)
    }

    pub(super) fn key(&self, name: &str, tags: &[String]) -> Result<CallKey, Error> {
        let name = Name::direct(name)?;
        for tag in tags {
            validate_tag(tag)?;
        }
        Ok(named(&self.core().memory, name, tags))
    }

    pub(super) fn key_and_ttl(
        &self,
        name: &str,
        options: &SetOptions,
    ) -> Result<(CallKey, Ttl), Error> {
        if options.tags.len() > MOST_TAGS {
            let (name, given) = (name.to_owned(), options.tags.len());
            return Err(Error::TooManyTags { name, given, limit: MOST_TAGS });
        }
        let ttl = match options.ttl {
            Some(ttl) => ttl.check("ttl")?,
            None => self.config().ttl_of(name),
        };
        Ok((self.key(name, &options.tags)?, ttl))
    }
}

impl crate::tiers::core::Core {
    pub(super) async fn set_directly(
        self: &Arc<Self>,
        key: &Arc<CallKey>,
        ttl: Ttl,
        weight: Option<usize>,
        value: ValueRef<'_>,
    ) -> Result<PutOutcome, Error> {
        let (grace, coding, took) = (Grace::default(), Coding::default(), Duration::ZERO);
        let worth = Worth { value, ttl, grace, coding, weight, took, brought: Brought::default() };
        let outcome = self.set(key, self.stores, &worth, &self.direct).await;
        let outcome = outcome.inspect_err(|_| self.direct.slow.not_stored.one())?;
        if outcome != PutOutcome::Overtaken {
            self.direct.slow.stores.one();
        }
        Ok(outcome)
    }

    /// Removes the entries of names that are set while the cache is off: they are older than the values.
    pub(super) async fn set_nothing(self: &Arc<Self>, keys: &[&CallKey]) {
        self.direct.slow.bypassed.add(keys.len() as u64);
        let names = keys.iter().map(|key| key.name().as_str().to_owned()).collect();
        deferral::invalidate(self, Targets { names, ..Targets::default() }).await;
    }

    /// Logs the reason for which direct loads are not cached.
    fn say_refused(&self, error: &Error) {
        const WHY: &str =
            "a direct load is not cached: `load` runs each time, and nothing is stored";
        self.seldom(DIRECT, Reason::Refused(discriminant(error)), |times| {
            tracing::error!(error = format!("{error:#}"), times, "{WHY}");
        });
    }

    async fn remaining(&self, key: &CallKey) -> Option<Ttl> {
        if self.is_off() {
            return None;
        }
        let meta = match &self.redis {
            None => self.meta_in_memory(key)?,
            Some(redis) => match self.remaining_in_redis(redis, key).await {
                Ok(remaining) => return remaining,
                Err(_) if redis.usable() => return None,
                Err(_) => self.meta_of_an_outage(redis, key)?,
            },
        };
        if meta.fresh_for_ms == u64::MAX {
            return Some(Ttl::Forever);
        }
        let left = meta.fresh_for_ms.saturating_sub(meta.age_ms(self.clock.now_ms()));
        Some(Ttl::For(Duration::from_millis(left)))
    }
}
