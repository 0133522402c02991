//! The configuration: what can be set, from where, and what is accepted.

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
use crate::codec::DefaultCodec;

/// The configuration of a cache.
///
/// Made from [the environment](CacheConfig::from_env), from a file (it implements serde's traits;
/// every field may be left out, an unknown one is an error), or in code:
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
/// Setters accept anything; [`validate`](CacheConfig::validate) finds what cannot be used. A
/// manager validates the configuration it is given.
///
/// Each field has an environment variable, named at the field. As text, durations are written like
/// `250ms`, `5m` or `1h30m` and sizes like `64MiB`; a serialised configuration uses the same forms,
/// with durations in whole milliseconds.
///
/// # Secrets
///
/// `Debug` masks the password in [`redis_url`](CacheConfig::redis_url). Serialising **writes it in
/// full**, since a configuration must read back as it was: treat the output as a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheConfig {
    /// The stores of the values. `CACHE_MODE`: `auto` (the default), `memory`, `redis`, `tiered`.
    pub mode: Mode,
    /// The beginning of all names in Redis, so that several applications can share one server.
    /// Each program and each environment (staging, production) that shares a Redis with others
    /// needs one of its own. `CACHE_NAMESPACE`, default `cache`; ASCII letters, digits, `_`, `.`, `-`.
    pub namespace: String,
    /// The codec of values in Redis. `CACHE_CODEC`: `bincode` (the default), `messagepack`, or
    /// `postcard` with the feature of that name.
    pub codec: DefaultCodec,

    /// The TTL of a value if neither its call site nor its prefix has one.
    /// `CACHE_DEFAULT_TTL`, default 5 minutes.
    pub default_ttl: Ttl,
    /// TTLs by key prefix; the longest prefix that fits counts. `CACHE_PREFIX_TTLS`, such as
    /// `users=5m,posts=60s`.
    pub prefix_ttls: BTreeMap<String, Ttl>,
    /// The largest fraction by which TTLs are shortened at random. `CACHE_JITTER`, 0.0 (the default) to 0.5.
    pub jitter: Jitter,

    /// The bytes that values in memory may take, counted as the size of their encoding.
    /// `CACHE_MEMORY_CAPACITY`, default 64 MiB.
    #[serde(with = "bytes_text")]
    pub memory_capacity: usize,
    /// The maximum life of a copy in memory, in mode `tiered`. `CACHE_MEMORY_TTL`, default 60 s. It bounds the
    /// effect of changes without a notice, such as a key deleted with `redis-cli`.
    #[serde(with = "duration_text")]
    pub memory_ttl: Duration,
    /// The life of values that are loaded while Redis is unavailable. `CACHE_OUTAGE_TTL`, default 30 s.
    #[serde(with = "duration_text")]
    pub outage_ttl: Duration,
    /// The time for which copies are served after Redis became unavailable, in mode `tiered`. It begins when the
    /// invalidations of other processes were last received, which may be some seconds before the outage is noticed. `CACHE_OUTAGE_GRACE`, default 10 s; 0 for not at all.
    #[serde(with = "duration_text")]
    pub outage_grace: Duration,
    /// The largest value that is stored or read, in bytes. `CACHE_MAX_VALUE_SIZE`, default 1 MiB.
    ///
    /// The size is the same in memory, in Redis and for every codec, compressed or not: that of the type
    /// itself, the bytes of its texts, each number in its full width (a `u64` has 8), and 8 bytes for the
    /// length of each text and list. Names of fields do not count. A larger value is returned and not
    /// stored, and one that another process has stored is not read. An entry whose encoded value has more
    /// than eight times the limit is neither written nor decompressed.
    #[serde(with = "bytes_text")]
    pub max_value_size: usize,
    /// The encoded size, in bytes, from which values are compressed on their way to Redis; `None`
    /// (the default) for never. `CACHE_COMPRESS_ABOVE`; needs the feature `compression`.
    #[serde(with = "optional_bytes_text")]
    pub compress_above: Option<usize>,
    /// The longest load whose value is still stored in Redis. `CACHE_MAX_LOAD`, default 5 minutes.
    #[serde(with = "duration_text")]
    pub max_load: Duration,
    /// The minimum time for which a caller waits for another's load before it loads too; four times the mean
    /// load time, if that is longer. `CACHE_WAIT_LIMIT`, default 10 s.
    ///
    /// The mean is that of the function; for direct loads, of all names with the same first prefix. What a load waits
    /// for other loads does not count. When it is over one of those who wait loads, and the others wait for that one.
    /// A caller whose load would wait for a load that waits for it loads at once.
    #[serde(with = "duration_text")]
    pub wait_limit: Duration,
    /// The maximum number of background refreshes at once. Beyond it, stale values are served and not
    /// refreshed. `CACHE_MAX_BACKGROUND_LOADS`, default 256; 0 for none.
    ///
    /// A function begins no further one while it has as many of them as places are left: one whose bodies
    /// hang takes half of the places, two take two thirds. The log says so once for each function.
    pub max_background_loads: u16,

    /// The address of Redis: of one server, of a cluster's nodes, or of sentinels (see
    /// [`redis_servers`](crate::redis_servers)). `REDIS_URL`, or `REDIS_HOST` with `REDIS_PORT` (6379), `REDIS_DB` (0),
    /// `REDIS_USERNAME`, `REDIS_PASSWORD` and `REDIS_TLS` (`false`).
    pub redis_url: Option<RedisUrl>,
    /// A PEM file with the certificates of the authorities that may sign the server's certificate, instead of
    /// the roots of the system. `REDIS_TLS_CA`; for `rediss://`. It is read when a manager is made.
    pub redis_tls_ca: Option<PathBuf>,
    /// A PEM file with the certificate that this client shows to the server.
    /// `REDIS_TLS_CERT`; for `rediss://`. It is read when a manager is made: a program whose certificate is
    /// renewed has to make a new one, or to be started anew.
    pub redis_tls_cert: Option<PathBuf>,
    /// A PEM file with the key of that certificate. `REDIS_TLS_KEY`.
    pub redis_tls_key: Option<PathBuf>,
    /// The number of multiplexed connections, to each server, that commands are spread over.
    /// `REDIS_POOL_MAX_CONNECTIONS`, default 2.
    pub redis_pool_max_connections: u16,
    /// The timeout for the turn of an operation if too many are running; after it the call goes on without
    /// Redis. `REDIS_POOL_TIMEOUT`, default 250 ms.
    #[serde(with = "duration_text")]
    pub redis_pool_timeout: Duration,
    /// The timeout for connecting. `REDIS_CONNECT_TIMEOUT`, default 2 s.
    #[serde(with = "duration_text")]
    pub redis_connect_timeout: Duration,
    /// The timeout of one operation; after it the call goes on without Redis.
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
    /// If true, a manager that cannot reach Redis at its start is an error. `CACHE_REQUIRE_REDIS`, default
    /// `false`.
    pub require_redis: bool,
    /// If true, a Redis that restarted is trusted to have lost no invalidation. `CACHE_TRUST_RESTART`, default
    /// `false`: after a restart the cache begins cold.
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
    /// Returns the TTL of values under this key prefix: that of the prefix itself, else of the nearest enclosing prefix
    /// (`video` encloses `video:meta`), else the default.
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
