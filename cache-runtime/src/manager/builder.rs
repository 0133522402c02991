//! Building a manager.

use super::{CacheManager, global};
use crate::config::{CacheConfig, Mode};
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

    /// Returns a manager in mode [`off`](Mode::Off) without Redis: each call runs its body, and nothing is
    /// stored. It is for tests of the functions themselves, and for programs that are to run without a
    /// cache.
    ///
    /// Its invalidations reach no other process. If other processes cache the same data in Redis, configure
    /// the mode `off` together with the address of Redis instead.
    ///
    /// ```
    /// use cache_runtime::{CacheManager, cached, with};
    ///
    /// #[cached]
    /// async fn double(x: u64) -> u64 {
    ///     x * 2
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let manager = CacheManager::off();
    /// let doubled = with(&manager, async { (double(1).await, double(1).await) }).await;
    /// assert_eq!(doubled, (2, 2));
    /// assert_eq!(manager.stats().total.bypassed, 2);
    /// # }
    /// ```
    pub fn off() -> Self {
        let off = Self::builder().config(CacheConfig::default().mode(Mode::Off)).build();
        #[allow(clippy::expect_used, reason = "a test builds this manager")]
        off.expect("the default configuration is valid in each mode without Redis")
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
    let url = manager.config().effective()?.redis_url();
    match (status, manager.config().require_redis, url) {
        (Err(error), true, Some(url)) => {
            Err(Error::RedisRequired { url: url.to_string(), source: error.into() })
        }
        _ => Ok(()),
    }
}
