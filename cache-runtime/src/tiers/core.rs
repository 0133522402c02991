//! The state that all parts of one cache share.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use once_cell::sync::OnceCell;

use crate::coherence::generation::{GenerationSnapshot, Generations, Passed, Slot, Storing};
use crate::config::{Backend, CacheConfig};
use crate::error::Error;
use crate::flight::{Flights, Retries};
use crate::format::entry::EntryAddress;
use crate::gates::Gates;
use crate::key::glob::Pattern;
use crate::key::prehashed::BuildPrehashed;
use crate::memory::{Gone, Made, Memory, NotReserved, ReadPredicate, RoomLimits};
use crate::redis::{Host, RedisStore, Servers, Settings, StoreError, Tls};
use crate::registry::registry;
use crate::site::{Instance, SiteSpec, Tier, TtlSpec};
use crate::stats::events::{EventKind, Events};
use crate::stats::seldom::{Reason, Seldoms};
use crate::stats::{
    Beyond, Counter, FleetStats, OutboxLag, SiteCounters, SiteStats, Stats, Total, Verification,
    totals_of,
};
use crate::support::clock::Clock;
use crate::support::lock::{Mutex, RwLock};
use crate::tiers::background::Background;
use crate::tiers::key::CallKey;
use crate::tiers::means::Means;
use crate::tiers::recent_errors::RecentErrors;
use crate::tiers::shared_names::SharedNames;
use crate::value::{Losses, Types};

/// The name that stands for the direct API where functions have their names.
pub(crate) const DIRECT: &str = "direct";

/// The state behind a [`CacheManager`](crate::CacheManager).
pub(crate) struct Core {
    pub(crate) config: CacheConfig,
    pub(crate) clock: Clock,
    pub(crate) generations: Arc<Generations>,
    pub(crate) memory: Memory,
    pub(crate) redis: Option<RedisStore>,
    pub(crate) flights: Arc<Flights<CallKey>>,
    pub(crate) background: Background,
    /// Loads that were requested directly.
    pub(crate) renewals: Arc<Flights<CallKey>>,
    /// The loads of callers that cannot use the outcome of a flight.
    pub(crate) retries: Arc<Retries<CallKey>>,
    pub(crate) recent_errors: RecentErrors,
    /// The limits on the bodies that run at once.
    pub(crate) gates: Gates,
    pub(crate) means: Means,
    pub(crate) types: Types,
    pub(crate) shared_names: SharedNames,
    pub(crate) losses: Losses,
    pub(crate) direct: Arc<SiteCounters>,
    /// The log lines about calls, whose number is bounded.
    pub(crate) seldom: Seldoms,
    pub(crate) invalidations: Counter,
    /// As a relay has reported it last.
    pub(crate) outbox: Mutex<OutboxLag>,
    pub(crate) events: Arc<Events>,
    /// The stores of values whose function has no `tier`.
    pub(crate) stores: Stores,
    sites: RwLock<HashMap<usize, (&'static Instance, Arc<SiteCounters>)>>,
    /// The same counters by the origin of entries.
    by_origin: RwLock<HashMap<u64, Arc<SiteCounters>, BuildPrehashed>>,
    /// The functions that have been switched off, by the names that were given.
    switched_off: RwLock<BTreeSet<String>>,
    owner: OnceCell<Weak<dyn Send + Sync>>,
}

/// The stores in which values are looked for and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stores {
    /// In memory only.
    Memory,
    /// In Redis only; in memory while Redis is unavailable.
    Redis,
    /// In Redis, with copies in memory while the feed is connected.
    Tiered,
    /// Nowhere: the mode is `off`.
    Off,
}

impl Stores {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Stores::Memory => "memory",
            Stores::Redis => "redis",
            Stores::Tiered => "tiered",
            Stores::Off => "off",
        }
    }
}

/// A call site, and its state in one cache.
#[derive(Clone)]
pub(crate) struct Bound {
    pub(crate) core: Arc<Core>,
    pub(crate) counters: Arc<SiteCounters>,
    pub(crate) stores: Stores,
}

impl Bound {
    /// Returns true if a call may be answered from memory before Redis is read.
    #[inline]
    pub(crate) fn reads_memory(&self) -> bool {
        self.core.reads_memory(self.stores)
    }
}

impl Core {
    /// Logs an event of a function, or of [`DIRECT`], that may happen at each of its calls. `say` is called
    /// the first time, and then once a minute with the number of times.
    pub(crate) fn seldom(&self, function: &str, reason: Reason, say: impl FnOnce(u64)) {
        self.seldom.happens(function, reason, self.clock.now_ms(), say);
    }

    /// Returns the address of the entry of this key in Redis.
    pub(crate) fn address(&self, key: &CallKey) -> EntryAddress {
        EntryAddress::new(&self.config.namespace, key.stored_as())
    }

    /// Makes the state of a cache.
    ///
    /// # Errors
    /// [`Error::Config`] for a configuration that cannot be used.
    pub(crate) fn new(config: CacheConfig, clock: Clock) -> Result<Arc<Self>, Error> {
        config.validate()?;
        let generations = Arc::new(Generations::new(config.memory_capacity as u64));
        let (stores, url) = match config.effective()? {
            Backend::Memory => (Stores::Memory, None),
            Backend::Redis(url) => (Stores::Redis, Some(url)),
            Backend::Tiered(url) => (Stores::Tiered, Some(url)),
            Backend::Off(url) => (Stores::Off, url),
        };
        let settings = url.map(|url| settings(&config, url)).transpose()?;
        let cores = available_parallelism().map_or(4, usize::from);
        let memory = Memory::new(config.memory_capacity as u64, config.max_value_size, cores);
        let keeps_in_memory = matches!(stores, Stores::Memory | Stores::Tiered);
        if keeps_in_memory && config.max_value_size > memory.room() {
            tracing::warn!(
                capacity = config.memory_capacity,
                largest = config.max_value_size,
                room = memory.room(),
                "values of more than `room` bytes are not kept in memory, although values up to `largest` bytes \
                 are cached (CACHE_MAX_VALUE_SIZE); raise CACHE_MEMORY_CAPACITY to keep them"
            );
        }
        let events = Arc::new(Events::default());
        Ok(Arc::new_cyclic(|core: &Weak<Core>| Core {
            redis: settings.map(|settings| {
                let host: Weak<dyn Host> = Weak::<Core>::clone(core);
                let store = RedisStore::new(
                    settings,
                    Arc::clone(&generations),
                    clock.clone(),
                    host,
                    Arc::clone(&events),
                );
                if stores == Stores::Tiered {
                    store.want_feed();
                }
                store
            }),
            stores,
            memory,
            types: Types::new(&config),
            losses: Losses::default(),
            flights: Flights::new(),
            background: Background::new(config.max_background_loads, config.max_load),
            shared_names: SharedNames::default(),
            renewals: Flights::new(),
            retries: Retries::new(),
            recent_errors: RecentErrors::default(),
            gates: Gates::new(&config.sources),
            means: Means::new(),
            direct: Arc::new(SiteCounters::new(0.0)),
            seldom: Seldoms::default(),
            invalidations: Counter::default(),
            outbox: Mutex::default(),
            events,
            sites: RwLock::default(),
            by_origin: RwLock::default(),
            switched_off: RwLock::default(),
            owner: OnceCell::new(),
            config,
            clock,
            generations,
        }))
    }

    /// Places an entry in memory if it is still valid, and returns true if it did. Between the check and the
    /// store, no other entry is stored under its name.
    pub(crate) fn place(
        &self,
        snapshot: &GenerationSnapshot,
        made: Made,
        may: impl FnOnce(&Storing<'_>) -> bool,
    ) -> bool {
        let hash = made.hash();
        let storing = self.generations.storing(snapshot);
        let placed = if may(&storing) { Ok(self.memory.place(made)) } else { Err(made) };
        // The lock is released before any value is dropped, because a `Drop` may use the cache.
        drop(storing);
        let is_placed = placed.is_ok();
        if is_placed {
            let current = |stamps: &_| self.generations.current(stamps);
            self.memory.ghosts.note_return(hash, self.clock.now_ms(), current);
        }
        self.let_go(placed.unwrap_or_else(Gone::from));
        is_placed
    }

    /// Counts the entries that had to leave memory, and drops them.
    fn let_go(&self, gone: Gone) {
        if !gone.evicted().is_empty() {
            let by_origin = self.by_origin.read();
            for origin in gone.evicted() {
                by_origin.get(origin).unwrap_or(&self.direct).slow.evictions.one();
            }
        }
        gone.let_go();
    }

    /// Returns the state of a call site in this cache.
    pub(crate) fn bind(self: &Arc<Self>, instance: &'static Instance) -> Bound {
        let stores = self.stores_of(instance);
        let SiteSpec { max_memory, max_entries, reserved, .. } = *instance.spec;
        if max_memory.is_some() || max_entries.is_some() {
            let site = std::ptr::from_ref(instance.spec).addr();
            // Without values in memory, except in an outage, a reserved room would only be taken from others.
            let reserved = reserved && !matches!(stores, Stores::Redis | Stores::Off);
            let limits = RoomLimits { max_memory, max_entries, reserved };
            match self.memory.open_room(instance.origin, site, limits) {
                Ok(gone) => self.let_go(gone),
                Err(NotReserved) => tracing::warn!(
                    function = instance.label(),
                    max_memory,
                    capacity = self.memory.capacity(),
                    "this `max_memory` is not reserved, because functions can reserve at most half of the memory; raise \
                     CACHE_MEMORY_CAPACITY"
                ),
            }
        }
        Bound { core: Arc::clone(self), counters: self.counters(instance), stores }
    }

    /// Returns true if nothing is read, stored or shared.
    pub(crate) fn is_off(&self) -> bool {
        self.stores == Stores::Off
    }

    fn stores_of(&self, instance: &Instance) -> Stores {
        if self.is_off() {
            return Stores::Off;
        }
        let Some(redis) = &self.redis else { return Stores::Memory };
        let stores = match instance.spec.tier {
            _ if !instance.distinct => Stores::Memory,
            None => self.stores,
            Some(Tier::Memory) => Stores::Memory,
            Some(Tier::Redis) => Stores::Redis,
            Some(Tier::Tiered) => Stores::Tiered,
        };
        let remembers_errors = !matches!(instance.spec.error_ttl, TtlSpec::Inherit);
        if stores != Stores::Redis || remembers_errors {
            // Other processes also invalidate values and errors that this process has in memory.
            redis.want_feed();
        }
        stores
    }

    /// Returns true if values in memory may be served without a read of Redis.
    #[inline]
    pub(crate) fn reads_memory(&self, stores: Stores) -> bool {
        match stores {
            Stores::Memory => true,
            Stores::Redis | Stores::Off => false,
            Stores::Tiered => self.generations.lease.holds(),
        }
    }

    /// Checks the same by the exact time, where this may take some nanoseconds more.
    pub(crate) fn relies_on_memory(&self, stores: Stores) -> bool {
        match stores {
            Stores::Memory => true,
            Stores::Redis | Stores::Off => false,
            Stores::Tiered => self.generations.lease.holds_exactly(),
        }
    }

    /// Returns the state of memory to give up once Redis has answered a read: see [`Generations::pass`].
    pub(crate) fn pass_memory(&self, stores: Stores) -> Option<Passed> {
        if stores == Stores::Tiered { self.generations.pass() } else { None }
    }

    /// Returns the Redis in which values are kept; `None` if they are kept in memory or nowhere.
    pub(crate) fn redis_for(&self, stores: Stores) -> Option<&RedisStore> {
        self.redis.as_ref().filter(|_| matches!(stores, Stores::Redis | Stores::Tiered))
    }

    fn counters(&self, instance: &'static Instance) -> Arc<SiteCounters> {
        let key = std::ptr::from_ref(instance).addr();
        if let Some((_, counters)) = self.sites.read().get(&key) {
            return Arc::clone(counters);
        }
        let mut sites = self.sites.write();
        let (_, counters) = sites.entry(key).or_insert_with(|| {
            let every = instance.spec.verified_every(self.config.verify);
            let verification = every.map(|every| Verification::new(every, self.clock.clone()));
            let counters = SiteCounters::new(instance.spec.cost).verified(verification);
            // This runs under the lock of the sites, which is also held when a function is switched on or
            // off.
            counters.switch(!self.disabled().iter().any(|function| instance.is_called(function)));
            (instance, Arc::new(counters))
        });
        self.by_origin.write().insert(instance.origin, Arc::clone(counters));
        Arc::clone(counters)
    }

    /// Makes the calls of a function bypass the cache, or use it again.
    ///
    /// # Errors
    /// [`Error::UnknownFunction`].
    pub(crate) fn switch(&self, function: &str, on: bool) -> Result<(), Error> {
        let sites = self.sites.write();
        let mut called = false;
        for (instance, counters) in sites.values() {
            if instance.is_called(function) {
                counters.switch(on);
                called = true;
            }
        }
        let is_declared = || registry().cached.iter().any(|site| site.location.path == function);
        if !called && !is_declared() {
            return Err(Error::UnknownFunction { function: function.to_owned() });
        }
        let mut off = self.switched_off.write();
        let changed = if on { off.remove(function) } else { off.insert(function.to_owned()) };
        if changed {
            let function = function.to_owned();
            self.events.note(EventKind::Switched { function, enabled: on });
        }
        Ok(())
    }

    /// Returns the functions that have been switched off.
    pub(crate) fn disabled(&self) -> BTreeSet<String> {
        self.switched_off.read().clone()
    }

    /// Returns the conditions that a fresh entry in memory must satisfy now.
    #[inline]
    pub(crate) fn predicate(&self, origin: Option<u64>) -> ReadPredicate<'_> {
        ReadPredicate {
            generations: &self.generations,
            now_ms: self.clock.now_ms(),
            origin,
            slots: None,
            grace_ms: 0,
            not_before_ms: 0,
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut sites = self.each_site(|name, prefix, counters| SiteStats {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            enabled: counters.is_on() && !self.is_off(),
            running: counters.at_gates().0,
            waiting: counters.at_gates().1,
            load_times: counters.load_times.read(),
            counts: counters.read(),
        });
        sites.retain(|site| site.counts != Default::default());
        let redis = self.redis.as_ref();
        let (sources, limits) = self.gates.stats();
        let (redis_errors, redis_outages) = redis.map_or((0, 0), RedisStore::failures);
        let (notices, feed_interruptions) = redis.map_or((0, 0), RedisStore::received);
        Stats {
            invalidations: self.invalidations.get(),
            redis_errors,
            redis_outages,
            redis_times: redis.map(RedisStore::times).unwrap_or_default(),
            notices,
            feed_interruptions,
            pending_invalidations: redis.map_or(0, RedisStore::pending) as u64,
            outbox: *self.outbox.lock(),
            sources,
            limits,
            flights: self.flights.len() as u64,
            background_loads: self.background.running() as u64,
            entries: self.memory.len(),
            bytes: self.memory.bytes(),
            capacity: self.memory.capacity(),
            ..Stats::of_sites(sites)
        }
    }

    /// Returns the results of `make` for the name, prefix and counters of each call site that has been
    /// called, and of the direct API.
    fn each_site<T>(&self, make: impl Fn(&str, &str, &SiteCounters) -> T) -> Vec<T> {
        self.each_origin(|name, prefix, _, counters| make(name, prefix, counters))
    }

    /// Does the same, with the origin of their entries.
    pub(super) fn each_origin<T>(
        &self,
        make: impl Fn(&str, &str, u64, &SiteCounters) -> T,
    ) -> Vec<T> {
        let sites = self.sites.read();
        let called = sites.values();
        let called =
            called.map(|(i, counters)| make(i.label(), i.spec.prefix(), i.origin, counters));
        called.chain([make(DIRECT, "", 0, &self.direct)]).collect()
    }

    /// Returns the sums of all processes; `None` while Redis is unavailable.
    pub(crate) async fn fleet_stats(&self) -> Option<FleetStats> {
        let Some(redis) = &self.redis else { return Some(FleetStats::of_one(self.stats())) };
        redis.fleet_sums().await.ok().map(FleetStats::of_all)
    }

    /// Resets the sums of all processes to zero. Returns true if this could be done.
    pub(crate) async fn reset_fleet_stats(&self) -> bool {
        match &self.redis {
            None => {
                self.reset_stats();
                true
            }
            Some(redis) => redis.reset_fleet_counters().await.is_ok(),
        }
    }

    pub(crate) fn bump(&self, slots: impl IntoIterator<Item = Slot>) {
        slots.into_iter().for_each(|slot| self.generations.bump(slot));
    }

    /// Drops the copies that match a pattern that another process has cleared in Redis.
    pub(crate) fn drop_cleared(&self, pattern: &str) {
        match Pattern::new(pattern) {
            Ok(pattern) if !pattern.is_everything() => self.drop_matching(&pattern),
            _ => self.generations.bump_epoch(),
        }
    }

    pub(crate) fn drop_matching(&self, pattern: &Pattern) {
        self.generations.begin_scan(pattern);
        // Stale copies are dropped as well, because they may be served.
        let predicate = ReadPredicate { grace_ms: u64::MAX, ..self.predicate(None) };
        let names = self.memory.names(predicate).filter(|name| pattern.matches(name));
        let slots: Vec<Slot> = names.map(|name| Slot::name(&name)).collect();
        self.bump(slots);
    }

    /// Ends the background work; from now on Redis is unavailable.
    pub(crate) fn close(&self) {
        self.background.close();
        if let Some(redis) = &self.redis {
            redis.close();
        }
    }

    /// Notes the owner, with which the cache ends.
    pub(crate) fn owned_by(&self, owner: Weak<dyn Send + Sync>) {
        _ = self.owner.set(owner);
    }

    /// Returns the owner, so that the cache does not end before something that is due later; `None` if it has ended.
    pub(crate) fn owner(&self) -> Option<Arc<dyn Send + Sync>> {
        self.owner.get()?.upgrade()
    }

    pub(crate) fn reset_stats(&self) {
        self.direct.reset();
        for (_, counters) in self.sites.read().values() {
            counters.reset();
        }
        self.invalidations.reset();
        self.memory.ghosts.reset();
        self.gates.reset();
        if let Some(redis) = &self.redis {
            redis.reset_failures();
        }
    }
}

impl Host for Core {
    fn receive_cleared(&self, pattern: &str) {
        self.drop_cleared(pattern);
    }

    fn totals(&self) -> Vec<Total> {
        let sites = self.each_site(|name, prefix, counters| {
            totals_of(name, prefix, &counters.ever()).collect::<Vec<_>>()
        });
        // Functions with the same printed name share one sum.
        let mut totals = BTreeMap::new();
        let beyond = Beyond {
            invalidations: self.invalidations.ever(),
            ..self.redis.as_ref().map(RedisStore::ever).unwrap_or_default()
        };
        for (field, total) in beyond.totals().chain(sites.into_iter().flatten()) {
            let sum: &mut u64 = totals.entry(field).or_default();
            *sum = sum.saturating_add(total);
        }
        totals.into_iter().collect()
    }
}

fn settings(config: &CacheConfig, url: &crate::RedisUrl) -> Result<Settings, Error> {
    let refused = |expected: String, source| Error::Config {
        setting: "REDIS_URL".into(),
        value: url.to_string(),
        expected,
        source,
    };
    let address = url.address().map_err(|error| refused(error.to_string(), None))?;
    let tls = Tls::read(config, url.is_encrypted()).map_err(|unusable| Error::Config {
        setting: unusable.setting.into(),
        value: unusable.file.display().to_string(),
        expected: unusable.expected.into(),
        source: Some(unusable.cause),
    })?;
    let unusable = |error: StoreError| {
        refused("an address that the client can connect to".into(), Some(error.into()))
    };
    Ok(Settings {
        servers: Arc::new(Servers::new(address, tls).map_err(unusable)?),
        address: url.to_string(),
        namespace: config.namespace.clone(),
        connections: usize::from(config.redis_pool_max_connections),
        connect_timeout: config.redis_connect_timeout,
        permit_timeout: config.redis_pool_timeout,
        deadline: config.redis_timeout,
        health_interval: config.redis_health_check_interval.max(Duration::from_millis(10)),
        trust_restart: config.trust_restart,
        stats_interval: config.stats_interval,
        memory_ttl: config.memory_ttl,
    })
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("config", &self.config)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("stores", &self.stores).finish_non_exhaustive()
    }
}
