//! The handle of a cache: building one, the one of the process, and the direct API.

mod builder;
mod connected;
mod diagnosis;
mod direct;
mod global;
mod health;
mod held_back;
mod load_many;
mod many;
mod options;
mod scan;
mod scope;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

pub use builder::CacheManagerBuilder;
pub use global::{cache, install, try_cache};
pub(crate) use global::{current, global};
pub use health::{Health, Status};
pub use many::{WarmReport, Written};
pub use options::SetOptions;
pub use scan::NameScan;
pub(crate) use scope::{carried, current as scoped};
pub use scope::{with, with_blocking};

use crate::config::{Backend, CacheConfig};
use crate::error::Error;
use crate::registry::audit::unused_prefixes;
use crate::registry::registry;
use crate::sizing::Sizing;
use crate::stats::events::Event;
use crate::stats::{FleetStats, OutboxLag, Stats};
use crate::support::blocking::block_on;
use crate::support::clock::Clock;
use crate::tiers::core::Core;
use crate::tiers::settling;

/// A cache: its stores, its settings, its statistics.
///
/// Annotated functions use the manager that their attribute [names](crate::options#manager), or else that of
/// the [scope](crate::with) in which they run, or else that of the process (see [`install`]). The methods of the
/// manager are the direct API of the same cache.
///
/// A manager is a cheap handle; clones share the cache. It may be used from several tokio runtimes, and
/// outlives any of them. When the last clone is dropped, its background work ends.
///
/// # Errors
///
/// An outage of Redis is not an error: reads miss, writes go to the memory of the process, and
/// invalidations are kept until Redis has confirmed them. Invalid arguments are errors: a name, a
/// pattern, a TTL, a value above the size limit, or a value that cannot be encoded.
///
/// # Names
///
/// A name is text with `:` between its segments, such as `user:123:profile`. Every proper prefix
/// (`user`, `user:123`) is a tag of it: [`invalidate_prefix`](CacheManager::invalidate_prefix)
/// makes everything below stale at once, regardless of the number of entries. [Escape](crate::escape)
/// values that become part of a name. A value of another type than the requested one is `None`.
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::CacheManager;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_runtime::Error> {
/// let cache = CacheManager::builder().build()?;
/// cache.set("user:123:name", &"Ada".to_string(), Duration::from_secs(60)).await?;
/// assert_eq!(cache.get::<String>("user:123:name").await?.as_deref(), Some("Ada"));
///
/// cache.invalidate_prefix("user:123").await?;
/// assert_eq!(cache.get::<String>("user:123:name").await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CacheManager(Arc<Owner>);

/// The part that all clones of a manager own together. Its background work shares the core alone.
struct Owner(Arc<Core>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A weak reference to a manager.
#[derive(Clone)]
pub(crate) struct WeakManager(Weak<Owner>);

impl WeakManager {
    pub(crate) fn upgrade(&self) -> Option<CacheManager> {
        self.0.upgrade().map(CacheManager)
    }
}

/// Logs the configuration of the cache once, without the password of the address.
fn log_start(core: &Core) {
    let redis = core.config.effective().ok().and_then(Backend::redis_url).map(ToString::to_string);
    tracing::info!(
        mode = core.stores.as_str(),
        redis,
        namespace = core.config.namespace,
        capacity = core.memory.capacity(),
        version = env!("CARGO_PKG_VERSION"),
        "the cache is ready"
    );
}

/// Warns of prefixes without a function: a misspelled prefix has no effect.
fn warn_of_prefixes(config: &CacheConfig) {
    if config.prefix_ttls.is_empty() {
        return;
    }
    let prefixes = config.prefix_ttls.keys().map(String::as_str);
    for (prefix, meant) in unused_prefixes(prefixes, &registry().cached) {
        tracing::warn!(
            prefix,
            meant,
            "no cached function has this prefix of CACHE_PREFIX_TTLS: its TTL only applies to names that are set \
             directly"
        );
    }
}

impl CacheManager {
    /// Builds a manager. If Redis is configured, it is connected in the background at the first use.
    ///
    /// # Errors
    /// [`Error::Config`] for a configuration that cannot be used.
    fn new(config: CacheConfig, clock: Clock) -> Result<Self, Error> {
        warn_of_prefixes(&config);
        let core = Core::new(config, clock)?;
        log_start(&core);
        let owner = Arc::new(Owner(core));
        let weak = Arc::downgrade(&owner);
        owner.0.owned_by(weak);
        Ok(CacheManager(owner))
    }

    /// Returns its configuration.
    pub fn config(&self) -> &CacheConfig {
        &self.core().config
    }

    /// Returns its clock.
    pub fn clock(&self) -> &Clock {
        &self.core().clock
    }

    /// Returns the statistics of this manager.
    pub fn stats(&self) -> Stats {
        self.core().stats()
    }

    /// Reports the rows in the outbox of a database, for [`Stats::outbox`] and the metrics.
    ///
    /// The relay of `cache-sqlx` does so. Call it in a relay of your own.
    pub fn report_outbox(&self, lag: OutboxLag) {
        *self.core().outbox.lock() = lag;
    }

    /// Returns a report about the use of memory, with advice: the hit rate that more memory would bring, functions that
    /// take memory without hits, TTLs that are too short, functions that cost more than they save.
    ///
    /// It looks at every entry in memory, and blocks the thread for that time. With millions of entries, call it in
    /// `tokio::task::spawn_blocking`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use cache_runtime::CacheManager;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cache_runtime::Error> {
    /// let cache = CacheManager::builder().build()?;
    /// cache.set("user:1", &"Ada".to_string(), Duration::from_secs(60)).await?;
    ///
    /// let sizing = cache.sizing();
    /// assert_eq!((sizing.entries, sizing.functions[0].entries), (1, 1));
    /// println!("{sizing}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn sizing(&self) -> Sizing {
        self.core().sizing()
    }

    /// Resets the statistics to zero. Stored values are kept.
    pub fn reset_stats(&self) {
        self.core().reset_stats();
    }

    /// Returns the statistics of all processes that share this namespace in Redis, including processes
    /// that have ended; `None` while Redis is unavailable. Without Redis these are the statistics of
    /// this process.
    ///
    /// Each process adds its counts every few seconds ([`stats_interval`](CacheConfig::stats_interval))
    /// and at its [`disconnect`](CacheManager::disconnect). The counts of a killed process since its
    /// last report are lost. The sums are kept for 30 days after the last report, including those of
    /// removed functions.
    pub async fn fleet_stats(&self) -> Option<FleetStats> {
        self.core().fleet_stats().await
    }

    /// Resets the statistics of all processes to zero; those of each single process continue. Without
    /// Redis, this is [`reset_stats`](CacheManager::reset_stats). Returns false if Redis is unavailable,
    /// so that nothing was reset.
    pub async fn reset_fleet_stats(&self) -> bool {
        self.core().reset_fleet_stats().await
    }

    /// Returns the recent events with a number larger than `after`, the oldest first; with 0, all of
    /// them. At most the last 256 invalidations and the last 256 other events are kept.
    /// Invalidations are recorded from the first call of this method on.
    pub fn events(&self, after: u64) -> Vec<Event> {
        self.core().events.after(after)
    }

    /// Returns the store of values whose function has no `tier`: `"memory"`, `"redis"` or `"tiered"`. In mode
    /// [`off`](crate::Mode::Off), this is `"off"`.
    pub fn backend(&self) -> &'static str {
        self.core().stores.as_str()
    }

    /// Switches caching off or on for a `#[cached]` function. While it is off, each call runs the body,
    /// and nothing is stored. Invalidations continue, so that no old value is served when it is
    /// switched on again. The setting belongs to this manager.
    ///
    /// `function` is a [`path`](crate::SourceLocation::path) of the [registry](crate::registry()), for
    /// all instances of a generic function, or a [`name`](crate::SiteStats::name) of the statistics.
    ///
    /// # Errors
    /// [`Error::UnknownFunction`].
    pub fn set_enabled(&self, function: &str, enabled: bool) -> Result<(), Error> {
        self.core().switch(function, enabled)
    }

    /// Returns the functions that are switched off, by the names that were given to `set_enabled`.
    pub fn disabled(&self) -> Vec<String> {
        self.core().disabled().into_iter().collect()
    }

    /// Measures the response time of Redis. Returns `None` without Redis, or if Redis is unavailable.
    pub async fn ping(&self) -> Option<Duration> {
        self.core().redis.as_ref()?.ping().await.ok()
    }

    /// Returns the health of the cache.
    pub async fn health(&self) -> Health {
        Health::of(self.core()).await
    }

    /// Ends the background work, including loads, and stops using Redis. Annotated functions continue
    /// with the memory store.
    ///
    /// Pending invalidations are sent once more, within the operation timeout. Returns the number that
    /// Redis has still not confirmed.
    #[must_use = "this is the number of lost invalidations; other processes may serve the entries until they expire"]
    pub async fn disconnect(&self) -> usize {
        let core = self.core();
        core.background.close();
        settling::invalidate_now(core);
        let Some(redis) = &core.redis else { return 0 };
        redis.settle().await;
        redis.report().await;
        redis.close();
        let lost = redis.pending();
        if lost > 0 {
            tracing::warn!(
                lost,
                "disconnected with pending invalidations, which are lost: other processes may serve the entries \
                 until they expire"
            );
        }
        lost
    }

    /// Does the same as [`disconnect`](CacheManager::disconnect) for code that is not async: waits on this thread.
    ///
    /// A program without a runtime calls it before it ends. Otherwise, the invalidations of its last functions may be
    /// lost, because they are sent in the background.
    #[must_use = "this is the number of lost invalidations; other processes may serve the entries until they expire"]
    pub fn disconnect_blocking(&self) -> usize {
        block_on(self.disconnect())
    }

    /// Returns a handle for a function whose attribute names this manager.
    pub(crate) fn named(&self) -> Self {
        connected::note_use();
        self.clone()
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0.0
    }

    pub(crate) fn downgrade(&self) -> WeakManager {
        WeakManager(Arc::downgrade(&self.0))
    }
}

impl fmt::Debug for CacheManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CacheManager").field(self.core()).finish()
    }
}

/// Futures of the manager can be spawned.
#[allow(dead_code, reason = "checked by the compiler, never run")]
fn assert_spawnable(manager: &CacheManager) {
    fn is_send<F: Future + Send>(_: F) {}
    is_send(manager.get::<String>("a"));
    is_send(manager.set("a", &1_u8, SetOptions::default()));
    is_send(manager.clear("*"));
    is_send(manager.health());
    is_send(manager.diagnose());
    is_send(manager.fleet_stats());
}
