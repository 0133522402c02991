//! The table of all settings. Each entry yields a field, its default, its setter, its variable, its check and
//! its row in the documentation.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use cache_syntax::MIN_TTL;
use serde::{Deserialize, Serialize};

use super::jitter::Jitter;
use super::mode::Mode;
use super::problem::{Problem, problem};
use super::redis_url::RedisUrl;
use super::shown::Shown as _;
use super::size::{bytes_text, optional_bytes_text};
use super::sources::SourceLimit;
use super::text::{Textual, duration_text, optional_duration_text};
use super::ttl::Ttl;
use crate::error::Error;
use crate::format::codec::DefaultCodec;

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

/// A setting, with the texts about it.
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
/// `variable apart`: it is read by code of its own. `set_by`: the setter takes more than one value. A value that
/// fails the check is refused with the accepted values.
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

        /// The setters, which accept any value; [`validate`](CacheConfig::validate) checks them.
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
/// In text, durations are written like `250ms`, `5m` or `1h30m`, and sizes like `64MiB`. A serialised configuration
/// uses the same forms, with durations in whole milliseconds.
///
/// # Secrets
///
/// `Debug` masks the password in [`redis_url`](CacheConfig::redis_url). Serialising **writes it in
/// full**, since a configuration must be read back unchanged: treat the output as a secret.
{
    /// The stores of the values.
    mode: Mode = Mode::Auto => {
        variable "CACHE_MODE" = "auto", "`auto`, `memory`, `redis`, `tiered` or `off`";
        set(mode: Mode) = mode,
            "Sets [the stores of the values](CacheConfig#structfield.mode).";
    }

    /// The first part of all keys in Redis, so that several applications can share one server.
    /// Each program and each environment (staging, production) that shares a Redis with others
    /// needs a namespace of its own.
    namespace: String = "cache".to_owned() => {
        variable "CACHE_NAMESPACE" = "cache", "1 to 64 ASCII letters, digits, `_`, `.` or `-`",
            if |namespace| is_namespace(namespace);
        set(namespace: impl Into<String>) = namespace.into(),
            "Sets [the namespace](CacheConfig#structfield.namespace).";
    }

    /// The codec of values in Redis.
    codec: DefaultCodec = DefaultCodec::default() => {
        variable "CACHE_CODEC" = "bincode",
            "`bincode`, `messagepack`, or `postcard` with the feature of that name";
        set(codec: DefaultCodec) = codec,
            "Sets [the codec](CacheConfig#structfield.codec) of call sites that have none of their own.";
    }

    /// The TTL of a value if neither its call site nor its prefix has one.
    default_ttl: Ttl = Ttl::For(Duration::from_secs(300)) => {
        variable "CACHE_DEFAULT_TTL" = "5m", "a duration from 1ms to 100 years, or `forever`";
        set(ttl: impl Into<Ttl>) = ttl.into(),
            "Sets [the TTL](CacheConfig#structfield.default_ttl) of values that have no other TTL.";
    }

    /// TTLs by key prefix; the longest matching prefix counts.
    prefix_ttls: BTreeMap<String, Ttl> = BTreeMap::new() => {
        variable apart "CACHE_PREFIX_TTLS" = "none", "key prefixes and TTLs, such as `users=5m,posts=60s`";
        set_by prefix_ttl;
    }

    /// The maximum fraction by which TTLs are shortened at random.
    jitter: Jitter = Jitter::default() => {
        variable "CACHE_JITTER" = "0.0", "a fraction from 0.0 to 0.5", if |jitter| jitter.is_in_range();
        set(fraction: impl Into<Jitter>) = fraction.into(),
            "Sets [the maximum fraction](CacheConfig#structfield.jitter) by which TTLs are shortened.";
    }

    /// The memory that entries may take, in bytes.
    #[serde(with = "bytes_text")]
    memory_capacity: usize = 64 << 20 => {
        variable "CACHE_MEMORY_CAPACITY" = "64MiB", "at least 64KiB", if |bytes| *bytes >= SMALLEST_MEMORY;
        set(bytes: usize) = bytes,
            "Sets [the bound of the memory store](CacheConfig#structfield.memory_capacity), in bytes.";
    }

    /// The maximum lifetime of a copy in memory, in mode `tiered`. It bounds the effect of changes without a notice, such as a
    /// key deleted with `redis-cli`.
    #[serde(with = "duration_text")]
    memory_ttl: Duration = Duration::from_secs(60) => {
        variable "CACHE_MEMORY_TTL" = "60s", "a duration from 1ms to 1d", if is_time;
        set(ttl: Duration) = ttl,
            "Sets [the maximum lifetime of copies in memory](CacheConfig#structfield.memory_ttl).";
    }

    /// The maximum lifetime of values that are loaded while Redis is unavailable.
    #[serde(with = "duration_text")]
    outage_ttl: Duration = Duration::from_secs(30) => {
        variable "CACHE_OUTAGE_TTL" = "30s", "a duration from 1ms to 1d", if is_time;
        set(ttl: Duration) = ttl,
            "Sets [the maximum lifetime of values that are loaded during an outage](CacheConfig#structfield.outage_ttl).";
    }

    /// The time for which copies are served after Redis became unavailable, in mode `tiered`. It begins when the
    /// invalidations of other processes were last received, which may be some seconds before the outage is detected.
    #[serde(with = "duration_text")]
    outage_grace: Duration = Duration::from_secs(10) => {
        variable "CACHE_OUTAGE_GRACE" = "10s", "a duration of at most 1d, or 0 for none",
            if |grace| *grace <= DAY;
        set(grace: Duration) = grace,
            "Sets [the time for which copies are served in an outage](CacheConfig#structfield.outage_grace).";
    }

    /// The largest value that is stored or read, in bytes.
    ///
    /// The size is independent of store, codec and compression. It is the sum of the bytes of all
    /// strings, of each number in its full width (a `u64` has 8), and of 8 bytes for the length of each
    /// string and list. Names of fields do not count. A larger value is returned and not stored; if
    /// another process has stored one, it is not read. An entry whose encoded value has more than eight
    /// times the limit is neither written nor decompressed.
    #[serde(with = "bytes_text")]
    max_value_size: usize = 1 << 20 => {
        variable "CACHE_MAX_VALUE_SIZE" = "1MiB", "1 byte to 512MiB, the most that Redis stores under one key",
            if |bytes| (1..=LARGEST_VALUE).contains(bytes);
        set(bytes: usize) = bytes,
            "Sets [the largest value that is stored](CacheConfig#structfield.max_value_size), in bytes.";
    }

    /// The encoded size, in bytes, above which values are compressed in Redis; `None` for never.
    #[serde(with = "optional_bytes_text")]
    compress_above: Option<usize> = None => {
        variable "CACHE_COMPRESS_ABOVE" = "none",
            "a number of bytes such as `64KiB`; needs the feature `compression`";
        set(bytes: impl Into<Option<usize>>) = bytes.into(),
            "Sets [the size above which values are compressed](CacheConfig#structfield.compress_above), in bytes; `None` for never.";
    }

    /// The longest load whose value is still stored in Redis.
    #[serde(with = "duration_text")]
    max_load: Duration = Duration::from_secs(300) => {
        variable "CACHE_MAX_LOAD" = "5m", "a duration from 1ms to 1d", if is_time;
        set(limit: Duration) = limit,
            "Sets [the longest load whose value is stored](CacheConfig#structfield.max_load).";
    }

    /// The minimum time for which a caller waits for another caller's load before it loads too. If four
    /// times the mean load time is longer, that counts instead.
    ///
    /// The mean is that of the function; for direct loads, of all names with the same first prefix. The
    /// time that a load waits for other loads does not count. When the limit is reached, one of the
    /// waiting callers loads, and the others wait for it. If two loads would wait for each other, one
    /// of them does not wait.
    ///
    /// After a failed load whose error cannot be shared, a caller waits for no longer than this until
    /// others have made room for its load.
    #[serde(with = "duration_text")]
    wait_limit: Duration = Duration::from_secs(10) => {
        variable "CACHE_WAIT_LIMIT" = "10s", "a duration from 1ms to 1d", if is_time;
        set(limit: Duration) = limit,
            "Sets [the minimum time for which a caller waits for another caller's load](CacheConfig#structfield.wait_limit).";
    }

    /// The maximum number of concurrent loads in the background: background refreshes, and loads of functions
    /// that are `detached`. Above it, stale values are served without a refresh, and detached loads run in
    /// their callers.
    ///
    /// A function starts no further one while it runs as many as there are free places. So one
    /// function whose bodies hang takes half of the places, and two take two thirds. This is logged
    /// once for each function.
    max_background_loads: u16 = 256 => {
        variable "CACHE_MAX_BACKGROUND_LOADS" = "256", "0 (for none) to 65535";
        set(loads: u16) = loads,
            "Sets [the maximum number of loads in the background](CacheConfig#structfield.max_background_loads).";
    }

    /// The sources, such as databases and services, and their limits in this process. Of the functions with this `source`, at most
    /// this number of bodies run at once; the others wait. A source without an entry has no limit.
    sources: BTreeMap<String, SourceLimit> = BTreeMap::new() => {
        variable apart "CACHE_SOURCES" = "none", "sources and limits, such as `postgres=32,stripe=5,breaker`; `breaker` belongs to the source before it";
        set_by source;
    }

    /// The time in which at most one hit of each function is [checked against its source](macro@crate::cached#verification).
    /// The option `verify` of a function precedes it. It only concerns functions whose bodies can run in the
    /// background. By default, only functions with the option are verified.
    #[serde(with = "optional_duration_text")]
    verify: Option<Duration> = None => {
        variable "CACHE_VERIFY" = "none", "a duration from 1ms to 1d", if |every| every.as_ref().is_none_or(is_time);
        set(every: impl Into<Option<Duration>>) = every.into(),
            "Sets [the time in which at most one hit of each function is verified](CacheConfig#structfield.verify); `None` for never.";
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
    /// the roots of the system. The file is read again at each attempt to connect.
    redis_tls_ca: Option<PathBuf> = None => {
        variable "REDIS_TLS_CA" = "none", "a path; for `rediss://`";
        set(file: impl Into<PathBuf>) = Some(file.into()),
            "Sets [the file with the trusted authorities](CacheConfig#structfield.redis_tls_ca).";
    }

    /// A PEM file with the certificate that this client presents to the server. The file is read again at
    /// each attempt to connect, so the certificate may be renewed at any time.
    redis_tls_cert: Option<PathBuf> = None => {
        variable "REDIS_TLS_CERT" = "none", "a path, with `REDIS_TLS_KEY`; for `rediss://`";
        set_by redis_tls_identity;
    }

    /// A PEM file with the key of that certificate.
    redis_tls_key: Option<PathBuf> = None => {
        variable "REDIS_TLS_KEY" = "none", "a path, with `REDIS_TLS_CERT`";
        set_by redis_tls_identity;
    }

    /// The number of multiplexed connections to each server, over which commands are spread.
    redis_pool_max_connections: u16 = 2 => {
        variable "REDIS_POOL_MAX_CONNECTIONS" = "2", "1 to 128 (commands share connections, so a few serve many callers)",
            if |connections| (1..=MOST_CONNECTIONS).contains(connections);
        set(connections: u16) = connections,
            "Sets [the number of connections](CacheConfig#structfield.redis_pool_max_connections).";
    }

    /// The maximum time for which an operation waits until it may start, if too many are running. After
    /// it, the call continues without Redis.
    #[serde(with = "duration_text")]
    redis_pool_timeout: Duration = Duration::from_millis(250) => {
        variable "REDIS_POOL_TIMEOUT" = "250ms", "a duration from 1ms to 1d", if is_time;
        set(timeout: Duration) = timeout,
            "Sets [the maximum time for which an operation waits to start](CacheConfig#structfield.redis_pool_timeout).";
    }

    /// The timeout for connecting.
    #[serde(with = "duration_text")]
    redis_connect_timeout: Duration = Duration::from_secs(2) => {
        variable "REDIS_CONNECT_TIMEOUT" = "2s", "a duration from 1ms to 1d", if is_time;
        set(timeout: Duration) = timeout,
            "Sets [the timeout for connecting](CacheConfig#structfield.redis_connect_timeout).";
    }

    /// The timeout of one operation. After it, the call continues without Redis.
    #[serde(with = "duration_text")]
    redis_timeout: Duration = Duration::from_millis(250) => {
        variable "REDIS_TIMEOUT" = "250ms", "a duration from 1ms to 1d", if is_time;
        set(timeout: Duration) = timeout,
            "Sets [the timeout of one operation](CacheConfig#structfield.redis_timeout).";
    }

    /// The interval at which an idle connection is checked.
    #[serde(with = "duration_text")]
    redis_health_check_interval: Duration = Duration::from_secs(30) => {
        variable "REDIS_HEALTH_CHECK_INTERVAL" = "30s", "a duration from 1ms to 1d", if is_time;
        set(interval: Duration) = interval,
            "Sets [the interval at which idle connections are checked](CacheConfig#structfield.redis_health_check_interval).";
    }

    /// The interval at which this process adds its statistics to those of the fleet in Redis.
    #[serde(with = "duration_text")]
    stats_interval: Duration = Duration::from_secs(5) => {
        variable "CACHE_STATS_INTERVAL" = "5s", "a duration from 1ms to 1m, or 0 for never",
            if |interval| interval.is_zero() || (MIN_TTL..=MINUTE).contains(interval);
        set(interval: Duration) = interval,
            "Sets [the interval at which statistics are reported](CacheConfig#structfield.stats_interval).";
    }

    /// If true, connecting a manager fails if Redis cannot be reached.
    require_redis: bool = false => {
        variable "CACHE_REQUIRE_REDIS" = "false", "`true` or `false`";
        set(require: bool) = require,
            "Makes [connecting without Redis](CacheConfig#structfield.require_redis) an error if `require` is true.";
    }

    /// If true, a restarted Redis is trusted to have lost no invalidation. If false, the cache starts cold after a restart.
    trust_restart: bool = false => {
        variable "CACHE_TRUST_RESTART" = "false", "`true` or `false`";
        set(trust: bool) = trust,
            "Trusts [a restarted Redis](CacheConfig#structfield.trust_restart) if `trust` is true.";
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

    /// Sets [the limit](CacheConfig#structfield.sources) of a source.
    #[must_use]
    pub fn source(mut self, name: impl Into<String>, limit: SourceLimit) -> Self {
        self.sources.insert(name.into(), limit);
        self
    }

    /// Sets the files with [the certificate of this client](CacheConfig#structfield.redis_tls_cert) and its key.
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

    /// Compares the defaults as text, in which durations have one form.
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

    /// Variables that only work together with others have tests of their own.
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
