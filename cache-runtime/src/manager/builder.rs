//! Making a manager.

use super::{CacheManager, global};
use crate::clock::Clock;
use crate::config::{Backend, CacheConfig};
use crate::error::Error;

/// Makes a [`CacheManager`] with more than its configuration: a clock, too.
#[derive(Clone, Debug, Default)]
pub struct CacheManagerBuilder {
    config: CacheConfig,
    clock: Clock,
}

impl CacheManagerBuilder {
    /// Sets the configuration. The default is the memory store alone.
    #[must_use]
    pub fn config(mut self, config: CacheConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets the source of time, such as a [mock](Clock::mock) in tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the manager. Redis, if it is configured, is connected in the background on first use.
    ///
    /// # Errors
    /// [`Error::Config`] for a configuration that cannot be used.
    pub fn build(self) -> Result<CacheManager, Error> {
        CacheManager::new(self.config, self.clock)
    }

    /// Makes the manager and waits for the first attempt to connect, at most the connect timeout.
    ///
    /// # Errors
    /// [`Error::Config`]; and [`Error::RedisRequired`] if Redis cannot be used and the configuration requires it.
    /// Otherwise a manager is made, and Redis is used as soon as it is available.
    pub async fn connect(self) -> Result<CacheManager, Error> {
        let manager = self.build()?;
        require_redis(&manager).await?;
        global::note_connected();
        Ok(manager)
    }
}

impl CacheManager {
    /// Returns a builder for a manager.
    pub fn builder() -> CacheManagerBuilder {
        CacheManagerBuilder::default()
    }

    /// Makes a manager with this configuration, and connects it.
    ///
    /// # Errors
    /// As [`CacheManagerBuilder::connect`].
    pub async fn connect(config: CacheConfig) -> Result<Self, Error> {
        Self::builder().config(config).connect().await
    }
}

/// Waits for the first attempt to connect, and fails where the configuration requires Redis.
async fn require_redis(manager: &CacheManager) -> Result<(), Error> {
    let Some(redis) = &manager.core().redis else {
        return Ok(());
    };
    let status = redis.status().await;
    match (status, manager.config().require_redis, manager.config().effective()?) {
        (Err(message), true, Backend::Redis(url) | Backend::Tiered(url)) => {
            Err(Error::RedisRequired { url: url.to_string(), message })
        }
        _ => Ok(()),
    }
}
