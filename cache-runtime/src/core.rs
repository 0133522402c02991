//! What all parts of one cache share.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::Client;

use crate::background::Background;
use crate::call::CallKey;
use crate::clock::Clock;
use crate::config::{Backend, CacheConfig};
use crate::error::Error;
use crate::flight::Flights;
use crate::generation::Generations;
use crate::memory::{Memory, Terms};
use crate::redis::{RedisStore, Settings};
use crate::site::{Instance, Tier};
use crate::stats::{Counter, SiteCounters, SiteStats, Stats};
use crate::value::Types;

/// The state behind a [`CacheManager`](crate::CacheManager).
pub(crate) struct Core {
    pub(crate) config: CacheConfig,
    pub(crate) clock: Clock,
    pub(crate) generations: Arc<Generations>,
    pub(crate) memory: Memory,
    pub(crate) redis: Option<RedisStore>,
    pub(crate) flights: Arc<Flights<CallKey>>,
    pub(crate) background: Background,
    pub(crate) types: Types,
    pub(crate) by_hand: Arc<SiteCounters>,
    pub(crate) invalidations: Counter,
    sites: RwLock<HashMap<usize, (&'static Instance, Arc<SiteCounters>)>>,
}

/// A call site as one cache sees it.
#[derive(Clone)]
pub(crate) struct Bound {
    pub(crate) core: Arc<Core>,
    pub(crate) counters: Arc<SiteCounters>,
    /// Whether its values are looked for in memory first, Redis or not.
    pub(crate) in_memory: bool,
}

impl Core {
    /// # Errors
    /// [`Error::Config`] for a configuration that cannot be used.
    pub(crate) fn new(config: CacheConfig, clock: Clock) -> Result<Arc<Self>, Error> {
        config.validate()?;
        let generations = Arc::new(Generations::new());
        let redis = match config.effective()? {
            Backend::Memory => None,
            Backend::Redis(url) => {
                let settings = settings(&config, url)?;
                Some(RedisStore::new(settings, Arc::clone(&generations), clock.clone()))
            }
        };
        Ok(Arc::new(Core {
            memory: Memory::new(config.memory_capacity as u64, config.max_value_size),
            types: Types::new(config.codec, config.compress_above),
            flights: Flights::new(),
            background: Background::new(config.max_background_loads, config.max_load),
            by_hand: Arc::new(SiteCounters::new(0.0)),
            invalidations: Counter::default(),
            sites: RwLock::default(),
            config,
            clock,
            generations,
            redis,
        }))
    }

    /// This cache's view of a call site.
    pub(crate) fn bind(self: &Arc<Self>, instance: &'static Instance) -> Bound {
        let in_memory =
            self.redis.is_none() || instance.spec.tier == Some(Tier::Memory) || !instance.distinct;
        Bound { core: Arc::clone(self), counters: self.counters(instance), in_memory }
    }

    fn counters(&self, instance: &'static Instance) -> Arc<SiteCounters> {
        let key = std::ptr::from_ref(instance).addr();
        if let Some((_, counters)) =
            self.sites.read().unwrap_or_else(PoisonError::into_inner).get(&key)
        {
            return Arc::clone(counters);
        }
        let mut sites = self.sites.write().unwrap_or_else(PoisonError::into_inner);
        let (_, counters) = sites
            .entry(key)
            .or_insert_with(|| (instance, Arc::new(SiteCounters::new(instance.spec.cost))));
        Arc::clone(counters)
    }

    /// What a fresh entry in memory must satisfy now.
    #[inline]
    pub(crate) fn terms(&self, origin: Option<u64>) -> Terms<'_> {
        Terms {
            generations: &self.generations,
            now_ms: self.clock.now_ms(),
            origin,
            slots: None,
            grace_ms: 0,
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut sites = vec![SiteStats {
            name: "by hand".into(),
            prefix: String::new(),
            counts: self.by_hand.read(),
        }];
        let known = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites.extend(known.values().map(|(instance, counters)| SiteStats {
            name: instance.label().to_owned(),
            prefix: instance.spec.prefix().to_owned(),
            counts: counters.read(),
        }));
        drop(known);
        sites.retain(|site| site.counts != Default::default());
        let (redis_errors, redis_outages) =
            self.redis.as_ref().map_or((0, 0), RedisStore::failures);
        Stats {
            invalidations: self.invalidations.get(),
            redis_errors,
            redis_outages,
            flights: self.flights.len() as u64,
            background_loads: self.background.running() as u64,
            entries: self.memory.len(),
            bytes: self.memory.bytes(),
            capacity: self.memory.capacity(),
            ..Stats::of_sites(sites)
        }
    }

    /// Ends the background work; from now on Redis is away.
    pub(crate) fn close(&self) {
        self.background.close();
        if let Some(redis) = &self.redis {
            redis.close();
        }
    }

    pub(crate) fn reset_stats(&self) {
        self.by_hand.reset();
        for (_, counters) in self.sites.read().unwrap_or_else(PoisonError::into_inner).values() {
            counters.reset();
        }
        self.invalidations.reset();
        if let Some(redis) = &self.redis {
            redis.reset_failures();
        }
    }
}

fn settings(config: &CacheConfig, url: &crate::RedisUrl) -> Result<Settings, Error> {
    let refused = |expected: String| Error::Config {
        setting: "REDIS_URL".into(),
        value: url.to_string(),
        expected,
    };
    let info = url.connection_info().map_err(refused)?;
    let client = Client::open(info).map_err(|error| refused(error.to_string()))?;
    Ok(Settings {
        client,
        address: url.to_string(),
        namespace: config.namespace.clone(),
        connections: usize::from(config.redis_pool_max_connections),
        connect_timeout: config.redis_connect_timeout,
        turn_timeout: config.redis_pool_timeout,
        deadline: config.redis_timeout,
        health_interval: config.redis_health_check_interval.max(Duration::from_millis(10)),
        trust_restart: config.trust_restart,
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
        f.debug_struct("Bound").field("in_memory", &self.in_memory).finish_non_exhaustive()
    }
}
