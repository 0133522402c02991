//! The configuration: the settings, their sources, and their accepted values.

mod builder;
mod check;
mod env;
mod jitter;
mod mask;
mod mode;
mod redis_url;
mod size;
mod text;
mod ttl;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

pub(crate) use self::redis_url::Address;
pub use self::{
    jitter::Jitter,
    mode::{Backend, Mode},
    redis_url::RedisUrl,
    ttl::Ttl,
};
use self::{
    size::{bytes_text, optional_bytes_text},
    text::duration_text,
};
use crate::format::codec::DefaultCodec;

/// The configuration of a cache.
///
/// It comes from [the environment](CacheConfig::from_env), from a file (it implements serde's traits;
/// every field may be left out, an unknown one is an error), or from code:
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::CacheConfig;
///
/// let config = CacheConfig::default()
///     .namespace("shop")
///     .redis_url("redis://localhost:6379")
///     .default_ttl(Duration::from_secs(600))
///     .prefix_ttl("users", Duration::from_secs(60));
/// config.validate()?;
/// # Ok::<(), cache_runtime::Error>(())
/// ```
///
/// Setters accept any value; [`validate`](CacheConfig::validate) finds invalid ones. A manager validates its
/// configuration when it is built.
///
/// Each field has an environment variable, which its documentation names. In text, durations are written like
/// `250ms`, `5m` or `1h30m`, and sizes like `64MiB`. A serialised configuration uses the same forms,
/// with durations in whole milliseconds.
///
/// # Secrets
///
/// `Debug` masks the password in [`redis_url`](CacheConfig::redis_url). Serialising **writes it in
/// full**, since a configuration must be read back unchanged: treat the output as a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheConfig {
    /// The stores of the values. `CACHE_MODE`: `auto` (the default), `memory`, `redis`, `tiered`.
    pub mode: Mode,
    /// The first part of all keys in Redis, so that several applications can share one server.
    /// Each program and each environment (staging, production) that shares a Redis with others
    /// needs a namespace of its own. `CACHE_NAMESPACE`, default `cache`; ASCII letters, digits, `_`,
    /// `.`, `-`.
    pub namespace: String,
    /// The codec of values in Redis. `CACHE_CODEC`: `bincode` (the default), `messagepack`, or
    /// `postcard` with the feature of that name.
    pub codec: DefaultCodec,

    /// The TTL of a value if neither its call site nor its prefix has one.
    /// `CACHE_DEFAULT_TTL`, default 5 minutes.
    pub default_ttl: Ttl,
    /// TTLs by key prefix; the longest matching prefix counts. `CACHE_PREFIX_TTLS`, such as
    /// `users=5m,posts=60s`.
    pub prefix_ttls: BTreeMap<String, Ttl>,
    /// The maximum fraction by which TTLs are shortened at random. `CACHE_JITTER`, 0.0 (the default) to 0.5.
    pub jitter: Jitter,

    /// The memory that entries may take, in bytes.
    /// `CACHE_MEMORY_CAPACITY`, default 64 MiB.
    #[serde(with = "bytes_text")]
    pub memory_capacity: usize,
    /// The maximum lifetime of a copy in memory, in mode `tiered`. `CACHE_MEMORY_TTL`, default 60 s. It
    /// bounds the effect of changes without a notice, such as a key deleted with `redis-cli`.
    #[serde(with = "duration_text")]
    pub memory_ttl: Duration,
    /// The maximum lifetime of values that are loaded while Redis is unavailable. `CACHE_OUTAGE_TTL`,
    /// default 30 s.
    #[serde(with = "duration_text")]
    pub outage_ttl: Duration,
    /// The time for which copies are served after Redis became unavailable, in mode `tiered`. It begins
    /// when the invalidations of other processes were last received, which may be some seconds before
    /// the outage is detected. `CACHE_OUTAGE_GRACE`, default 10 s; with 0, copies are not served.
    #[serde(with = "duration_text")]
    pub outage_grace: Duration,
    /// The largest value that is stored or read, in bytes. `CACHE_MAX_VALUE_SIZE`, default 1 MiB.
    ///
    /// The size is independent of store, codec and compression. It is the sum of the bytes of all
    /// strings, of each number in its full width (a `u64` has 8), and of 8 bytes for the length of each
    /// string and list. Names of fields do not count. A larger value is returned and not stored; if
    /// another process has stored one, it is not read. An entry whose encoded value has more than eight
    /// times the limit is neither written nor decompressed.
    #[serde(with = "bytes_text")]
    pub max_value_size: usize,
    /// The encoded size, in bytes, above which values are compressed in Redis; `None`
    /// (the default) for never. `CACHE_COMPRESS_ABOVE`; needs the feature `compression`.
    #[serde(with = "optional_bytes_text")]
    pub compress_above: Option<usize>,
    /// The longest load whose value is still stored in Redis. `CACHE_MAX_LOAD`, default 5 minutes.
    #[serde(with = "duration_text")]
    pub max_load: Duration,
    /// The minimum time for which a caller waits for another caller's load before it loads too. If four
    /// times the mean load time is longer, that counts instead. `CACHE_WAIT_LIMIT`, default 10 s.
    ///
    /// The mean is that of the function; for direct loads, of all names with the same first prefix. The
    /// time that a load waits for other loads does not count. When the limit is reached, one of the
    /// waiting callers loads, and the others wait for it. If two loads would wait for each other, one
    /// of them does not wait.
    #[serde(with = "duration_text")]
    pub wait_limit: Duration,
    /// The maximum number of concurrent background refreshes. Above it, stale values are served without a
    /// refresh. `CACHE_MAX_BACKGROUND_LOADS`, default 256; 0 for none.
    ///
    /// A function starts no further refresh while it runs as many as there are free places. So one
    /// function whose bodies hang takes half of the places, and two take two thirds. This is logged
    /// once for each function.
    pub max_background_loads: u16,

    /// The address of Redis: of one server, of a cluster's nodes, or of sentinels (see
    /// [`redis_servers`](crate::redis_servers)). `REDIS_URL`, or `REDIS_HOST` with `REDIS_PORT` (6379),
    /// `REDIS_DB` (0), `REDIS_USERNAME`, `REDIS_PASSWORD` and `REDIS_TLS` (`false`).
    pub redis_url: Option<RedisUrl>,
    /// A PEM file with the certificates of the authorities that may sign the server's certificate, instead of
    /// the roots of the system. `REDIS_TLS_CA`; for `rediss://`. The file is read again at each attempt
    /// to connect.
    pub redis_tls_ca: Option<PathBuf>,
    /// A PEM file with the certificate that this client presents to the server.
    /// `REDIS_TLS_CERT`; for `rediss://`. The file is read again at each attempt to connect, so the
    /// certificate may be renewed at any time.
    pub redis_tls_cert: Option<PathBuf>,
    /// A PEM file with the key of that certificate. `REDIS_TLS_KEY`.
    pub redis_tls_key: Option<PathBuf>,
    /// The number of multiplexed connections to each server, over which commands are spread.
    /// `REDIS_POOL_MAX_CONNECTIONS`, default 2.
    pub redis_pool_max_connections: u16,
    /// The maximum time for which an operation waits until it may start, if too many are running. After
    /// it, the call continues without Redis. `REDIS_POOL_TIMEOUT`, default 250 ms.
    #[serde(with = "duration_text")]
    pub redis_pool_timeout: Duration,
    /// The timeout for connecting. `REDIS_CONNECT_TIMEOUT`, default 2 s.
    #[serde(with = "duration_text")]
    pub redis_connect_timeout: Duration,
    /// The timeout of one operation. After it, the call continues without Redis.
    /// `REDIS_TIMEOUT`, default 250 ms.
    #[serde(with = "duration_text")]
    pub redis_timeout: Duration,
    /// The interval at which an idle connection is checked. `REDIS_HEALTH_CHECK_INTERVAL`, default 30 s.
    #[serde(with = "duration_text")]
    pub redis_health_check_interval: Duration,
    /// The interval at which this process adds its statistics to those of the fleet in Redis.
    /// `CACHE_STATS_INTERVAL`, default 5 s, at most a minute; 0 for never.
    #[serde(with = "duration_text")]
    pub stats_interval: Duration,
    /// If true, connecting a manager fails if Redis cannot be reached. `CACHE_REQUIRE_REDIS`, default
    /// `false`.
    pub require_redis: bool,
    /// If true, a restarted Redis is trusted to have lost no invalidation. `CACHE_TRUST_RESTART`, default
    /// `false`: after a restart, the cache starts cold.
    pub trust_restart: bool,
}

impl Default for CacheConfig {
    fn default() -> Self {
        CacheConfig {
            mode: Mode::Auto,
            namespace: "cache".to_owned(),
            codec: DefaultCodec::default(),
            default_ttl: Ttl::For(Duration::from_secs(300)),
            prefix_ttls: BTreeMap::new(),
            jitter: Jitter::default(),
            memory_capacity: 64 << 20,
            memory_ttl: Duration::from_secs(60),
            outage_ttl: Duration::from_secs(30),
            outage_grace: Duration::from_secs(10),
            max_value_size: 1 << 20,
            compress_above: None,
            max_load: Duration::from_secs(300),
            wait_limit: Duration::from_secs(10),
            max_background_loads: 256,
            redis_url: None,
            redis_tls_ca: None,
            redis_tls_cert: None,
            redis_tls_key: None,
            redis_pool_max_connections: 2,
            redis_pool_timeout: Duration::from_millis(250),
            redis_connect_timeout: Duration::from_secs(2),
            redis_timeout: Duration::from_millis(250),
            redis_health_check_interval: Duration::from_secs(30),
            stats_interval: Duration::from_secs(5),
            require_redis: false,
            trust_restart: false,
        }
    }
}

impl CacheConfig {
    /// Returns the TTL of values under this key prefix: that of the prefix itself, otherwise that of
    /// the nearest enclosing prefix (`video` encloses `video:meta`), otherwise the default.
    pub fn ttl_of(&self, prefix: &str) -> Ttl {
        std::iter::successors(Some(prefix), |prefix| Some(prefix.rsplit_once(':')?.0))
            .find_map(|prefix| self.prefix_ttls.get(prefix))
            .copied()
            .unwrap_or(self.default_ttl)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn the_longest_prefix_decides_the_ttl() {
        let seconds = |n| Ttl::For(Duration::from_secs(n));
        let config = CacheConfig::default()
            .prefix_ttl("video", Duration::from_secs(1))
            .prefix_ttl("video:meta", Duration::from_secs(2));
        assert_eq!(config.ttl_of("video"), seconds(1));
        assert_eq!(config.ttl_of("video:meta:old"), seconds(2));
        assert_eq!(config.ttl_of("video:other"), seconds(1));
        assert_eq!(config.ttl_of("videos"), seconds(300));
    }

    #[test]
    fn debug_shows_every_setting_and_no_password() {
        let config = CacheConfig::default().redis_url("redis://app:hunter2@host");
        let text = format!("{config:?}");
        assert!(text.contains("redis_url: Some(RedisUrl(redis://app:***@host))"), "{text}");
        assert!(!text.contains("hunter2"));
    }

    #[test]
    fn a_serialised_configuration_reads_back_with_its_password() {
        let config = CacheConfig::default()
            .redis_url("redis://app:hunter2@host")
            .prefix_ttl("users", Ttl::Forever)
            .compress_above(10_000)
            .jitter(0.25)
            .max_load(Duration::from_millis(1_500));
        let json = serde_json::to_string(&config).unwrap();
        assert!(
            json.contains("hunter2") && json.contains(r#""memory_capacity":"64MiB""#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<CacheConfig>(&json).unwrap(), config);
    }

    #[test]
    fn a_file_may_leave_fields_out_but_not_misspell_them() {
        let config: CacheConfig = serde_json::from_str(
            r#"{"default_ttl": 60, "memory_capacity": 4096, "redis_timeout": "1s"}"#,
        )
        .unwrap();
        assert_eq!(config.default_ttl, Ttl::For(Duration::from_secs(60)));
        assert_eq!(config.memory_capacity, 4096);
        assert_eq!(config.redis_timeout, Duration::from_secs(1));
        assert_eq!(config.namespace, "cache");

        let error = serde_json::from_str::<CacheConfig>(r#"{"redis_timout": "1s"}"#).unwrap_err();
        assert!(error.to_string().contains("redis_timout"));
    }
}
