//! The health of the cache.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use crate::error::with_causes;
use crate::redis::{Breaker, FeedState};
use crate::support::timestamp;
use crate::tiers::core::Core;

/// The state of a cache, as [`CacheManager::health`](crate::CacheManager::health) finds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// The verdict.
    pub status: Status,
    /// The store in use: `"tiered"`, `"redis"`, or `"memory"`; `"off"` in mode [`off`](crate::Mode::Off).
    pub backend: &'static str,
    /// The response time of Redis at this check. Serialises as seconds.
    #[serde(serialize_with = "seconds")]
    pub latency: Option<Duration>,
    /// The state of the circuit breaker; `None` without Redis.
    pub breaker: Option<Breaker>,
    /// The time of the last failure of an operation, a check or a connection, by the clock of this machine.
    /// Serialises as in RFC 3339, in UTC, with milliseconds.
    #[serde(serialize_with = "timestamp::serialize_option")]
    pub last_failure: Option<SystemTime>,
    /// The number of pending invalidations: those that Redis has not confirmed.
    pub pending_invalidations: usize,
    /// Invalidations of other processes that are older than this have been received; `None` if no copies
    /// are kept in memory, or if the feed of invalidations is not connected. Serialises as seconds.
    #[serde(serialize_with = "seconds")]
    pub feed_lag: Option<Duration>,
    /// The reason for which a configured Redis is not used, or not fully. It also names commands that
    /// the user may not use or that the server lacks, if the cache works without them; these do not
    /// change the status.
    pub reason: Option<String>,
}

/// The verdict on a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// All configured stores are in use.
    Healthy,
    /// Redis is unavailable, and the memory of the process is used instead; or the feed of invalidations is
    /// unavailable, and memory is not used. In mode [`off`](crate::Mode::Off), Redis is unavailable, and
    /// invalidations are pending until it is back.
    Degraded,
    /// Redis is unavailable, and the configuration requires it.
    Down,
}

impl Health {
    pub(crate) async fn of(core: &Core) -> Self {
        let mut health = Health {
            status: Status::Healthy,
            backend: if core.is_off() { "off" } else { "memory" },
            latency: None,
            breaker: None,
            last_failure: None,
            pending_invalidations: 0,
            feed_lag: None,
            reason: None,
        };
        let Some(redis) = &core.redis else { return health };
        health.reason = match redis.status().await {
            Ok(()) => match redis.ping().await {
                Ok(latency) => {
                    health.latency = Some(latency);
                    None
                }
                Err(unavailable) => Some(with_causes(&unavailable)),
            },
            Err(unavailable) => Some(with_causes(&unavailable)),
        };
        health.breaker = Some(redis.breaker());
        health.last_failure = redis.last_failure();
        health.pending_invalidations = redis.pending();
        let feed_state = redis.feed_state();
        if let FeedState::Lag(lag) = feed_state {
            health.feed_lag = Some(lag);
        }
        if health.reason.is_none() {
            health.backend = core.stores.as_str();
            if feed_state == FeedState::Disconnected {
                health.status = Status::Degraded;
                health.backend = "redis";
                health.reason = Some(
                    "invalidations of other processes are not received: memory is not used".into(),
                );
            }
            // All stores are in use, so the status does not change; the reason names what is missing.
            if let Some(lacks) = redis.lacks() {
                health.reason = Some(
                    health
                        .reason
                        .map_or(lacks.clone(), |disconnected| format!("{disconnected}; {lacks}")),
                );
            }
        } else {
            let required = core.config.require_redis;
            health.status = if required { Status::Down } else { Status::Degraded };
        }
        health
    }
}

fn seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}
