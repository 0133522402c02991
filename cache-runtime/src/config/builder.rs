//! The setters, which accept any value; `validate` checks them.

use std::path::PathBuf;
use std::time::Duration;

use super::{CacheConfig, Jitter, Mode, RedisUrl, Ttl};
use crate::format::codec::DefaultCodec;

impl CacheConfig {
    /// Sets [the stores of the values](CacheConfig#structfield.mode).
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets [the namespace](CacheConfig#structfield.namespace).
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Sets [the codec](CacheConfig#structfield.codec) of call sites that have none of their own.
    #[must_use]
    pub fn codec(mut self, codec: DefaultCodec) -> Self {
        self.codec = codec;
        self
    }

    /// Sets [the TTL](CacheConfig#structfield.default_ttl) of values that have no other TTL.
    #[must_use]
    pub fn default_ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.default_ttl = ttl.into();
        self
    }

    /// Sets [the TTL](CacheConfig#structfield.prefix_ttls) of values under a key prefix.
    #[must_use]
    pub fn prefix_ttl(mut self, prefix: impl Into<String>, ttl: impl Into<Ttl>) -> Self {
        self.prefix_ttls.insert(prefix.into(), ttl.into());
        self
    }

    /// Sets [the maximum fraction](CacheConfig#structfield.jitter) by which TTLs are shortened.
    #[must_use]
    pub fn jitter(mut self, fraction: impl Into<Jitter>) -> Self {
        self.jitter = fraction.into();
        self
    }

    /// Sets [the bound of the memory store](CacheConfig#structfield.memory_capacity), in bytes.
    #[must_use]
    pub fn memory_capacity(mut self, bytes: usize) -> Self {
        self.memory_capacity = bytes;
        self
    }

    /// Sets [the maximum lifetime of copies in memory](CacheConfig#structfield.memory_ttl).
    #[must_use]
    pub fn memory_ttl(mut self, ttl: Duration) -> Self {
        self.memory_ttl = ttl;
        self
    }

    /// Sets [the maximum lifetime of values that are loaded during an
    /// outage](CacheConfig#structfield.outage_ttl).
    #[must_use]
    pub fn outage_ttl(mut self, ttl: Duration) -> Self {
        self.outage_ttl = ttl;
        self
    }

    /// Sets [the time for which copies are served in an outage](CacheConfig#structfield.outage_grace).
    #[must_use]
    pub fn outage_grace(mut self, grace: Duration) -> Self {
        self.outage_grace = grace;
        self
    }

    /// Sets [the largest value that is stored](CacheConfig#structfield.max_value_size), in bytes.
    #[must_use]
    pub fn max_value_size(mut self, bytes: usize) -> Self {
        self.max_value_size = bytes;
        self
    }

    /// Sets [the size above which values are compressed](CacheConfig#structfield.compress_above), in
    /// bytes; `None` for never.
    #[must_use]
    pub fn compress_above(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.compress_above = bytes.into();
        self
    }

    /// Sets [the longest load whose value is stored](CacheConfig#structfield.max_load).
    #[must_use]
    pub fn max_load(mut self, limit: Duration) -> Self {
        self.max_load = limit;
        self
    }

    /// Sets [the minimum time for which a caller waits for another caller's
    /// load](CacheConfig#structfield.wait_limit).
    #[must_use]
    pub fn wait_limit(mut self, limit: Duration) -> Self {
        self.wait_limit = limit;
        self
    }

    /// Sets [the maximum number of background refreshes](CacheConfig#structfield.max_background_loads).
    #[must_use]
    pub fn max_background_loads(mut self, loads: u16) -> Self {
        self.max_background_loads = loads;
        self
    }

    /// Sets [the address of Redis](CacheConfig#structfield.redis_url).
    #[must_use]
    pub fn redis_url(mut self, url: impl Into<RedisUrl>) -> Self {
        self.redis_url = Some(url.into());
        self
    }

    /// Sets [the file with the trusted authorities](CacheConfig#structfield.redis_tls_ca).
    #[must_use]
    pub fn redis_tls_ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.redis_tls_ca = Some(file.into());
        self
    }

    /// Sets the files with [the certificate of this client](CacheConfig#structfield.redis_tls_cert) and
    /// its key.
    #[must_use]
    pub fn redis_tls_identity(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.redis_tls_cert = Some(certificate.into());
        self.redis_tls_key = Some(key.into());
        self
    }

    /// Sets [the number of connections](CacheConfig#structfield.redis_pool_max_connections).
    #[must_use]
    pub fn redis_pool_max_connections(mut self, connections: u16) -> Self {
        self.redis_pool_max_connections = connections;
        self
    }

    /// Sets [the maximum time for which an operation waits to
    /// start](CacheConfig#structfield.redis_pool_timeout).
    #[must_use]
    pub fn redis_pool_timeout(mut self, timeout: Duration) -> Self {
        self.redis_pool_timeout = timeout;
        self
    }

    /// Sets [the timeout for connecting](CacheConfig#structfield.redis_connect_timeout).
    #[must_use]
    pub fn redis_connect_timeout(mut self, timeout: Duration) -> Self {
        self.redis_connect_timeout = timeout;
        self
    }

    /// Sets [the timeout of one operation](CacheConfig#structfield.redis_timeout).
    #[must_use]
    pub fn redis_timeout(mut self, timeout: Duration) -> Self {
        self.redis_timeout = timeout;
        self
    }

    /// Sets [the interval at which idle connections are
    /// checked](CacheConfig#structfield.redis_health_check_interval).
    #[must_use]
    pub fn redis_health_check_interval(mut self, interval: Duration) -> Self {
        self.redis_health_check_interval = interval;
        self
    }

    /// Sets [the interval at which statistics are reported](CacheConfig#structfield.stats_interval).
    #[must_use]
    pub fn stats_interval(mut self, interval: Duration) -> Self {
        self.stats_interval = interval;
        self
    }

    /// Makes [connecting without Redis](CacheConfig#structfield.require_redis) an error if `require` is true.
    #[must_use]
    pub fn require_redis(mut self, require: bool) -> Self {
        self.require_redis = require;
        self
    }

    /// Trusts [a restarted Redis](CacheConfig#structfield.trust_restart) if `trust` is true.
    #[must_use]
    pub fn trust_restart(mut self, trust: bool) -> Self {
        self.trust_restart = trust;
        self
    }
}
