//! How the cache is.

use std::time::Duration;

use serde::Serialize;

use crate::core::Core;

/// The state of a cache, as [`CacheManager::health`](crate::CacheManager::health) finds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// The verdict.
    pub status: Status,
    /// The store in use: `"redis"`, or `"memory"`.
    pub backend: &'static str,
    /// How long Redis took to answer just now.
    pub latency: Option<Duration>,
    /// Invalidations that Redis is not yet known to hold. While there are any it is not used.
    pub owed_invalidations: usize,
    /// Why Redis is not in use, where it should be.
    pub reason: Option<String>,
}

/// The verdict on a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// All stores that are configured are in use.
    Healthy,
    /// Redis is configured and away: the memory of the process stands in for it.
    Degraded,
    /// Redis is away, and the configuration requires it.
    Down,
}

impl Health {
    pub(crate) async fn of(core: &Core) -> Self {
        let Some(redis) = &core.redis else {
            return Health::in_memory(Status::Healthy, None, 0);
        };
        let reason = match redis.status().await {
            Ok(()) => match redis.ping().await {
                Ok(latency) => {
                    return Health {
                        backend: "redis",
                        latency: Some(latency),
                        ..Health::healthy()
                    };
                }
                Err(_) => "it does not answer in time".to_owned(),
            },
            Err(reason) => reason,
        };
        let status = if core.config.require_redis { Status::Down } else { Status::Degraded };
        Health::in_memory(status, Some(reason), redis.owed())
    }

    fn healthy() -> Self {
        Health::in_memory(Status::Healthy, None, 0)
    }

    fn in_memory(status: Status, reason: Option<String>, owed_invalidations: usize) -> Self {
        Health { status, backend: "memory", latency: None, owed_invalidations, reason }
    }
}
