//! The table of all settings: from one entry of it a field, its default, its setter, its variable, its check and its
//! row in the documentation are made.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use cache_syntax::MIN_TTL;
use serde::{Deserialize, Serialize};

use super::jitter::Jitter;
use super::mode::Mode;
use super::problem::{Problem, problem};
use super::redis_url::RedisUrl;
use super::shown::Shown as _;
use super::size::{bytes_text, optional_bytes_text};
use super::text::{Textual, duration_text};
use super::ttl::Ttl;
use crate::codec::DefaultCodec;
use crate::error::Error;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const LARGEST_NAMESPACE: usize = 64;
/// The longest string that Redis stores, in bytes.
const LARGEST_VALUE: usize = 512 << 20;
const SMALLEST_MEMORY: usize = 64 << 10;
const MOST_CONNECTIONS: u16 = 128;

/// Looks up variables.
pub(super) trait VariableSource {
    /// Sets a field from its variable, if that is set.
    fn set<T: Textual>(&self, variable: &str, field: &mut T) -> Result<(), Error>;
}

/// A setting, for what is said of it.
pub(super) struct Setting {
    pub(super) field: &'static str,
    pub(super) variable: &'static str,
    #[cfg(test)]
    pub(super) default: &'static str,
}

/// Makes the configuration from entries of this form:
///
/// ```text
/// /// What it is.
/// field: Type = default => {
///     variable "NAME" = "default as text", "accepted values", if |value| check;
///     set(argument: Type) = value of the field, "Sets it.";
/// }
/// ```
///
/// `variable apart`: it is read by code of its own. `set_by`: the setter takes more than one value. A value that fails
/// the check is refused with the accepted values.
macro_rules! settings {
    (
        $(#[$attribute:meta])*
        {$(
            $(#[$of_field:meta])*
            $field:ident: $type:ty = $default:expr => {
                variable $($apart:ident)? $variable:literal = $shown:literal, $accepted:literal $(,
            if $check:expr)?;
                $(set($argument:ident: $argument_type:ty) = $value:expr, $setter_doc:literal;)?
                $(set_by $setter:ident;)?
            }
        )+}
    ) => {
        $(#[$attribute])*
        ///
        /// # Settings
        ///
        /// | field | variable | default | accepted |
        /// |---|---|---|---|
        $(#[doc = concat!(
            "| [`", stringify!($field), "`](#structfield.", stringify!($field), ") | `", $variable, "` | `", $shown,
            "` | ", $accepted, " |"
        )])+
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct CacheConfig {$(
            $(#[$of_field])*
            ///
            #[doc = concat!("`", $variable, "`, default `", $shown, "`: ", $accepted, ".")]
            pub $field: $type,
        )+}

        impl Default for CacheConfig {
            fn default() -> Self {
                CacheConfig { $($field: $default),+ }
            }
        }

        /// Setters accept anything; [`validate`](CacheConfig::validate) judges.
        impl CacheConfig {
            $($(
                #[doc = $setter_doc]
                #[must_use]
                pub fn $field(mut self, $argument: $argument_type) -> Self {
                    self.$field = $value;
                    self
                }
            )?)+

            /// Sets each field from its variable, except for those that are read apart.
            pub(super) fn read_each(&mut self, source: &impl VariableSource) -> Result<(), Error> {
                $(settings!(@read $($apart)? source, $variable, self.$field);)+
                Ok(())
            }

            /// Checks each field alone.
            pub(super) fn check_each(&self) -> Result<(), Problem> {
                $($(
                    let check: fn(&$type) -> bool = $check;
                    if !check(&self.$field) {
                        return problem(stringify!($field), self.$field.shown(), $accepted);
                    }
                )?)+
                Ok(())
            }
        }

        /// All settings, in the order of the fields.
        pub(super) const SETTINGS: &[Setting] = &[$(Setting {
            field: stringify!($field),
            variable: $variable,
            #[cfg(test)]
            default: $shown,
        }),+];
    };
    (@read apart $source:ident, $variable:literal, $field:expr) => {};
    (@read $source:ident, $variable:literal, $field:expr) => {
        $source.set($variable, &mut $field)?
    };
}

settings! {
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
/// As text, durations are written like `250ms`, `5m` or `1h30m` and sizes like `64MiB`; a serialised configuration uses the
/// same forms, with durations in whole milliseconds.
///
/// # Secrets
///
/// `Debug` masks the password in [`redis_url`](CacheConfig::redis_url). Serialising **writes it in
/// full**, since a configuration must read back as it was: treat the output as a secret.
{
    /// The stores of the values.
    mode: Mode = Mode::Auto => {
        variable "CACHE_MODE" = "auto", "`auto`, `memory`, `redis` or `tiered`";
        set(mode: Mode) = mode,
            "Sets [where values are kept](CacheConfig#structfield.mode).";
    }

    /// The beginning of all names in Redis, so that several applications can share one server.
    /// Each program and each environment (staging, production) that shares a Redis with others
    /// needs one of its own.
    namespace: String = "cache".to_owned() => {
        variable "CACHE_NAMESPACE" = "cache", "1 to 64 ASCII letters, digits, `_`, `.` or `-`",
            if |namespace| is_namespace(namespace);
        set(namespace: impl Into<String>) = namespace.into(),
            "Sets [what all names begin with](CacheConfig#structfield.namespace).";
    }

    /// The codec of values in Redis.
    codec: DefaultCodec = DefaultCodec::default() => {
        variable "CACHE_CODEC" = "bincode",
            "`bincode`, `messagepack`, or `postcard` with the feature of that name";
        set(codec: DefaultCodec) = codec,
            "Sets [the codec](CacheConfig#structfield.codec) of call sites that name none.";
    }

    /// The TTL of a value if neither its call site nor its prefix has one.
    default_ttl: Ttl = Ttl::For(Duration::from_secs(300)) => {
        variable "CACHE_DEFAULT_TTL" = "5m", "a duration from 1ms to 100 years, or `forever`";
        set(ttl: impl Into<Ttl>) = ttl.into(),
            "Sets [the TTL](CacheConfig#structfield.default_ttl) of values that have no other.";
    }

    /// TTLs by key prefix; the longest prefix that fits counts.
    prefix_ttls: BTreeMap<String, Ttl> = BTreeMap::new() => {
        variable apart "CACHE_PREFIX_TTLS" = "none", "key prefixes and TTLs, such as `users=5m,posts=60s`";
        set_by prefix_ttl;
    }

    /// The largest fraction by which TTLs are shortened at random.
    jitter: Jitter = Jitter::default() => {
        variable "CACHE_JITTER" = "0.0", "a fraction from 0.0 to 0.5", if |jitter| jitter.is_in_range();
        set(fraction: impl Into<Jitter>) = fraction.into(),
            "Sets [the fraction](CacheConfig#structfield.jitter) by which TTLs are shortened at most.";
    }

    /// The bytes that values in memory may take, counted as the size of their encoding.
    #[serde(with = "bytes_text")]
    memory_capacity: usize = 64 << 20 => {
        variable "CACHE_MEMORY_CAPACITY" = "64MiB", "at least 64KiB", if |bytes| *bytes >= SMALLEST_MEMORY;
        set(bytes: usize) = bytes,
            "Sets [the bound of the memory store](CacheConfig#structfield.memory_capacity), in bytes.";
    }

    /// The maximum life of a copy in memory, in mode `tiered`. It bounds the effect of changes without a notice, such as a
    /// key deleted with `redis-cli`.
    #[serde(with = "duration_text")]
    memory_ttl: Duration = Duration::from_secs(60) => {
        variable "CACHE_MEMORY_TTL" = "60s", "a duration from 1ms to 1d", if is_time;
        set(ttl: Duration) = ttl,
            "Sets [how long copies of what is in Redis are kept](CacheConfig#structfield.memory_ttl).";
    }

    /// The life of values that are loaded while Redis is unavailable.
    #[serde(with = "duration_text")]
    outage_ttl: Duration = Duration::from_secs(30) => {
        variable "CACHE_OUTAGE_TTL" = "30s", "a duration from 1ms to 1d", if is_time;
        set(ttl: Duration) = ttl,
            "Sets [how long values loaded during an outage are kept](CacheConfig#structfield.outage_ttl).";
    }

    /// The time for which copies are served after Redis became unavailable, in mode `tiered`. It begins when the
    /// invalidations of other processes were last received, which may be some seconds before the outage is noticed.
    #[serde(with = "duration_text")]
    outage_grace: Duration = Duration::from_secs(10) => {
        variable "CACHE_OUTAGE_GRACE" = "10s", "a duration of at most 1d, or 0 for none",
            if |grace| *grace <= DAY;
        set(grace: Duration) = grace,
            "Sets [how long values from before an outage are served](CacheConfig#structfield.outage_grace).";
    }

    /// The largest value that is stored or read, in bytes.
    ///
    /// The size is the same in memory, in Redis and for every codec, compressed or not: that of the type
    /// itself, the bytes of its texts, each number in its full width (a `u64` has 8), and 8 bytes for the
    /// length of each text and list. Names of fields do not count. A larger value is returned and not
    /// stored, and one that another process has stored is not read. An entry whose encoded value has more
    /// than eight times the limit is neither written nor decompressed.
    #[serde(with = "bytes_text")]
    max_value_size: usize = 1 << 20 => {
        variable "CACHE_MAX_VALUE_SIZE" = "1MiB", "1 byte to 512MiB, the most that Redis stores under one key",
            if |bytes| (1..=LARGEST_VALUE).contains(bytes);
        set(bytes: usize) = bytes,
            "Sets [the largest value that is stored](CacheConfig#structfield.max_value_size), in bytes.";
    }

    /// The encoded size, in bytes, from which values are compressed on their way to Redis; `None` for never.
    #[serde(with = "optional_bytes_text")]
    compress_above: Option<usize> = None => {
        variable "CACHE_COMPRESS_ABOVE" = "none",
            "a number of bytes such as `64KiB`; needs the feature `compression`";
        set(bytes: impl Into<Option<usize>>) = bytes.into(),
            "Sets [the size from which values are compressed](CacheConfig#structfield.compress_above), in bytes; `None` for never.";
    }

    /// The longest load whose value is still stored in Redis.
    #[serde(with = "duration_text")]
    max_load: Duration = Duration::from_secs(300) => {
        variable "CACHE_MAX_LOAD" = "5m", "a duration from 1ms to 1d", if is_time;
        set(limit: Duration) = limit,
            "Sets [the longest load whose value is stored](CacheConfig#structfield.max_load).";
    }

    /// The minimum time for which a caller waits for another's load before it loads too; four times the mean
    /// load time, if that is longer.
    ///
    /// The mean is that of the function; for direct loads, of all names with the same first prefix. What a load waits
    /// for other loads does not count. When it is over one of those who wait loads, and the others wait for that one.
    /// A caller whose load would wait for a load that waits for it loads at once.
    #[serde(with = "duration_text")]
    wait_limit: Duration = Duration::from_secs(10) => {
        variable "CACHE_WAIT_LIMIT" = "10s", "a duration from 1ms to 1d", if is_time;
        set(limit: Duration) = limit,
            "Sets [the least time a caller waits for another's load](CacheConfig#structfield.wait_limit).";
    }

    /// The maximum number of background refreshes at once. Beyond it, stale values are served and not
    /// refreshed.
    ///
    /// A function begins no further one while it has as many of them as places are left: one whose bodies
    /// hang takes half of the places, two take two thirds. The log says so once for each function.
    max_background_loads: u16 = 256 => {
        variable "CACHE_MAX_BACKGROUND_LOADS" = "256", "0 (for none) to 65535";
        set(loads: u16) = loads,
            "Sets [how many loads may run in the background](CacheConfig#structfield.max_background_loads).";
    }

    /// The address of Redis: of one server, of a cluster's nodes, or of sentinels (see
    /// [`redis_servers`](crate::redis_servers)).
    redis_url: Option<RedisUrl> = None => {
        variable apart "REDIS_URL" = "none",
            "an address, or instead of it the variables `REDIS_HOST`, `REDIS_PORT` (default 6379), `REDIS_DB` (default 0), `REDIS_USERNAME`, `REDIS_PASSWORD` and `REDIS_TLS` (default `false`)";
        set(url: impl Into<RedisUrl>) = Some(url.into()),
            "Sets [the address of Redis](CacheConfig#structfield.redis_url).";
    }

    /// A PEM file with the certificates of the authorities that may sign the server's certificate, instead of
    /// the roots of the system. It is read when a manager is made.
    redis_tls_ca: Option<PathBuf> = None => {
        variable "REDIS_TLS_CA" = "none", "a path; for `rediss://`";
        set(file: impl Into<PathBuf>) = Some(file.into()),
            "Sets [whose signature counts](CacheConfig#structfield.redis_tls_ca), by a file.";
    }

    /// A PEM file with the certificate that this client shows to the server. It is read when a manager is made: a program
    /// whose certificate is renewed has to make a new manager or restart.
    redis_tls_cert: Option<PathBuf> = None => {
        variable "REDIS_TLS_CERT" = "none", "a path, with `REDIS_TLS_KEY`; for `rediss://`";
        set_by redis_tls_identity;
    }

    /// A PEM file with the key of that certificate.
    redis_tls_key: Option<PathBuf> = None => {
        variable "REDIS_TLS_KEY" = "none", "a path, with `REDIS_TLS_CERT`";
        set_by redis_tls_identity;
    }

    /// The number of multiplexed connections, to each server, that commands are spread over.
    redis_pool_max_connections: u16 = 2 => {
        variable "REDIS_POOL_MAX_CONNECTIONS" = "2", "1 to 128 (commands share connections, so a few serve many callers)",
            if |connections| (1..=MOST_CONNECTIONS).contains(connections);
        set(connections: u16) = connections,
            "Sets [the number of connections](CacheConfig#structfield.redis_pool_max_connections).";
    }

    /// The timeout for the turn of an operation if too many are running; after it the call goes on without
    /// Redis.
    #[serde(with = "duration_text")]
    redis_pool_timeout: Duration = Duration::from_millis(250) => {
        variable "REDIS_POOL_TIMEOUT" = "250ms", "a duration from 1ms to 1d", if is_time;
        set(timeout: Duration) = timeout,
            "Sets [how long an operation may wait for its turn](CacheConfig#structfield.redis_pool_timeout).";
    }

    /// The timeout for connecting.
    #[serde(with = "duration_text")]
    redis_connect_timeout: Duration = Duration::from_secs(2) => {
        variable "REDIS_CONNECT_TIMEOUT" = "2s", "a duration from 1ms to 1d", if is_time;
        set(timeout: Duration) = timeout,
            "Sets [how long connecting may take](CacheConfig#structfield.redis_connect_timeout).";
    }

    /// The timeout of one operation; after it the call goes on without Redis.
    #[serde(with = "duration_text")]
    redis_timeout: Duration = Duration::from_millis(250) => {
        variable "REDIS_TIMEOUT" = "250ms", "a duration from 1ms to 1d", if is_time;
        set(timeout: Duration) = timeout,
            "Sets [how long one operation may take](CacheConfig#structfield.redis_timeout).";
    }

    /// The interval at which an idle connection is checked.
    #[serde(with = "duration_text")]
    redis_health_check_interval: Duration = Duration::from_secs(30) => {
        variable "REDIS_HEALTH_CHECK_INTERVAL" = "30s", "a duration from 1ms to 1d", if is_time;
        set(interval: Duration) = interval,
            "Sets [how often an idle connection is tried](CacheConfig#structfield.redis_health_check_interval).";
    }

    /// The interval at which this process adds its statistics to those of the fleet in Redis.
    #[serde(with = "duration_text")]
    stats_interval: Duration = Duration::from_secs(5) => {
        variable "CACHE_STATS_INTERVAL" = "5s", "a duration from 1ms to 1m, or 0 for never",
            if |interval| interval.is_zero() || (MIN_TTL..=MINUTE).contains(interval);
        set(interval: Duration) = interval,
            "Sets [how often statistics are added to those of all processes](CacheConfig#structfield.stats_interval).";
    }

    /// If true, a manager that cannot reach Redis at its start is an error.
    require_redis: bool = false => {
        variable "CACHE_REQUIRE_REDIS" = "false", "`true` or `false`";
        set(require: bool) = require,
            "Sets [whether a start without Redis is an error](CacheConfig#structfield.require_redis).";
    }

    /// If true, a Redis that restarted is trusted to have lost no invalidation. If false, the cache begins cold after a restart.
    trust_restart: bool = false => {
        variable "CACHE_TRUST_RESTART" = "false", "`true` or `false`";
        set(trust: bool) = trust,
            "Sets [whether a restarted Redis is trusted](CacheConfig#structfield.trust_restart).";
    }
}
}

impl CacheConfig {
    /// Sets [the TTL](CacheConfig#structfield.prefix_ttls) of values under a key prefix.
    #[must_use]
    pub fn prefix_ttl(mut self, prefix: impl Into<String>, ttl: impl Into<Ttl>) -> Self {
        self.prefix_ttls.insert(prefix.into(), ttl.into());
        self
    }

    /// Sets [the certificate of this client](CacheConfig#structfield.redis_tls_cert) and its key, by files.
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
}

fn is_namespace(namespace: &str) -> bool {
    let accepted = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    (1..=LARGEST_NAMESPACE).contains(&namespace.len()) && namespace.chars().all(accepted)
}

fn is_time(time: &Duration) -> bool {
    (MIN_TTL..=DAY).contains(time)
}

/// Returns the variable of a field.
pub(super) fn variable(field: &'static str) -> &'static str {
    SETTINGS.iter().find(|setting| setting.field == field).map_or(field, |setting| setting.variable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn a_variable_has_the_name_of_its_field() {
        for Setting { field, variable, .. } in SETTINGS {
            let capitals = field.to_ascii_uppercase();
            let expected =
                if field.starts_with("redis_") { capitals } else { format!("CACHE_{capitals}") };
            assert_eq!(*variable, expected);
        }
    }

    /// Compared as text, in which durations have one form.
    #[test]
    fn the_default_in_the_documentation_is_the_default() {
        let defaults = serde_json::to_value(CacheConfig::default()).unwrap();
        assert_eq!(defaults.as_object().unwrap().len(), SETTINGS.len(), "each field is a setting");
        for setting in SETTINGS {
            let is_none = match &defaults[setting.field] {
                serde_json::Value::Object(ttls) => ttls.is_empty(),
                value => value.is_null(),
            };
            assert_eq!(is_none, setting.default == "none", "{}", setting.field);
            let default = |name: &str| {
                (name == setting.variable && !is_none).then(|| setting.default.to_owned())
            };
            let config = CacheConfig::from_vars(default).unwrap();
            assert_eq!(config, CacheConfig::default(), "{}", setting.field);
        }
    }

    /// The variables that only work together with others are tested on their own.
    #[test]
    fn every_variable_is_read() {
        for setting in SETTINGS {
            let wrong = match setting.field {
                "namespace" => "a b",
                "compress_above" => "often",
                "redis_url" | "redis_tls_ca" | "redis_tls_cert" | "redis_tls_key" => "x",
                _ => "no such value",
            };
            let get = |name: &str| match name {
                "REDIS_URL" if name != setting.variable => Some("redis://host".to_owned()),
                name => (name == setting.variable).then(|| wrong.to_owned()),
            };
            let error = CacheConfig::from_vars(get).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{} is ", setting.variable)), "{error}");
        }
    }
}
