//! Building a manager.

use super::{CacheManager, global};
use crate::config::{Backend, CacheConfig};
use crate::error::Error;
use crate::support::clock::Clock;

/// Builds a [`CacheManager`] from a configuration and a clock.
#[derive(Clone, Debug, Default)]
pub struct CacheManagerBuilder {
    config: CacheConfig,
    clock: Clock,
}

impl CacheManagerBuilder {
    /// Sets the configuration. The default uses only memory.
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

    /// Builds the manager. If Redis is configured, it is connected in the background at the first use.
    ///
    /// # Errors
    /// [`Error::Config`] for an invalid configuration.
    pub fn build(self) -> Result<CacheManager, Error> {
        CacheManager::new(self.config, self.clock)
    }

    /// Builds the manager, and waits for the first attempt to connect, at most for the connect timeout.
    ///
    /// # Errors
    /// [`Error::Config`] for an invalid configuration, and [`Error::RedisRequired`] if Redis cannot be
    /// used and the configuration requires it. Otherwise, Redis is used as soon as it is available.
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

    /// Builds a manager with this configuration, and connects it.
    ///
    /// # Errors
    /// The errors of [`CacheManagerBuilder::connect`].
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
        (Err(error), true, Backend::Redis(url) | Backend::Tiered(url)) => {
            Err(Error::RedisRequired { url: url.to_string(), source: error.into() })
        }
        _ => Ok(()),
    }
}
