//! The connection to the cache that a command works on.

use std::env;
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Mode};

use crate::args::Cli;
use crate::exit::Failure;

/// The data that is needed to connect.
pub(crate) struct Connection {
    config: CacheConfig,
    patience: Duration,
    /// True if the environment says that the programs run without a cache.
    is_off: bool,
}

impl Connection {
    /// Reads the configuration from the environment, in the same way as the programs, and from the arguments.
    pub(crate) fn new(cli: &Cli) -> Result<Self, Failure> {
        let config = CacheConfig::from_vars(|name| match (name, &cli.url) {
            // This program always uses Redis, regardless of the mode of the programs.
            ("CACHE_MODE" | "CACHE_REQUIRE_REDIS", _) => None,
            ("REDIS_URL", Some(url)) => Some(url.clone()),
            (
                "REDIS_HOST" | "REDIS_PORT" | "REDIS_DB" | "REDIS_USERNAME" | "REDIS_PASSWORD"
                | "REDIS_TLS",
                Some(_),
            ) => None,
            ("REDIS_TLS_CA" | "REDIS_TLS_CERT" | "REDIS_TLS_KEY", Some(url))
                if !url.starts_with("rediss://") =>
            {
                None
            }
            (name, _) => env::var(name).ok(),
        })?;
        if config.redis_url.is_none() {
            return Err(Failure::Usage(
                "no address of Redis is given; use --url or REDIS_URL".into(),
            ));
        }
        let config = match &cli.namespace {
            Some(namespace) => config.namespace(namespace),
            None => config,
        };
        let patience = cli.timeout;
        let config = config
            .mode(Mode::Redis)
            .require_redis(true)
            .redis_connect_timeout(patience)
            // This program does not count as an instance, so it sends no reports.
            .stats_interval(Duration::ZERO);
        config.validate()?;
        let is_off = env::var("CACHE_MODE").is_ok_and(|mode| mode.trim() == "off");
        Ok(Connection { config, patience, is_off })
    }

    /// Returns a manager that uses Redis.
    pub(crate) async fn open(&self) -> Result<CacheManager, Failure> {
        let config = self.config.clone().redis_timeout(self.patience);
        Ok(CacheManager::connect(config).await?)
    }

    /// Returns a manager that has not connected yet, with the timeouts of the programs. It is off if they are.
    pub(crate) fn prepare(&self) -> Result<CacheManager, Failure> {
        let config = self.config.clone();
        let config = if self.is_off { config.mode(Mode::Off) } else { config };
        Ok(CacheManager::builder().config(config).build()?)
    }
}
