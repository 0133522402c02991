//! What a configuration must fulfil to be used.

use std::time::Duration;

use super::{Backend, CacheConfig, Jitter, Mode, size::Bytes, text::Text};
use crate::error::Error;
use crate::key::name::{prefix_fault, text_fault};
use crate::support::duration::show_duration;

const DAY: Duration = Duration::from_secs(86_400);
const LARGEST_NAMESPACE: usize = 64;
/// The longest string Redis holds.
const LARGEST_VALUE: usize = 512 << 20;
const SMALLEST_MEMORY: usize = 64 << 10;
const MOST_CONNECTIONS: u16 = 128;

impl CacheConfig {
    /// Checks every setting against what is accepted, and the settings against one another.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for the first setting that cannot be used; it names the field, the value
    /// found (a password in it is masked) and what is accepted.
    pub fn validate(&self) -> Result<(), Error> {
        self.check().map_err(|problem| problem.of_setting(problem.field.to_owned()))
    }

    /// Where values will be kept: `auto` is tiered if an address is configured, else memory.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if Redis is asked for and no address is configured, or if the address
    /// cannot be used.
    pub fn effective(&self) -> Result<Backend<'_>, Error> {
        self.backend().map_err(|problem| problem.of_setting(problem.field.to_owned()))
    }

    /// [`validate`](CacheConfig::validate), with the settings named as in the environment.
    pub(super) fn validate_variables(&self) -> Result<(), Error> {
        self.check().map_err(|problem| problem.of_setting(variable(problem.field)))
    }

    fn check(&self) -> Result<(), Problem> {
        self.check_namespace()?;
        self.check_ttls()?;
        self.check_times()?;
        self.check_sizes()?;
        self.check_connections()?;
        self.check_tls()?;
        self.check_redis_is_there()
    }

    fn check_namespace(&self) -> Result<(), Problem> {
        let accepted = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let length = 1..=LARGEST_NAMESPACE;
        require(
            length.contains(&self.namespace.len()) && self.namespace.chars().all(accepted),
            "namespace",
            &self.namespace,
            "1 to 64 ASCII letters, digits, `_`, `.` or `-`",
        )
    }

    fn check_ttls(&self) -> Result<(), Problem> {
        if let Some(expected) = self.default_ttl.out_of_range() {
            return problem("default_ttl", self.default_ttl, expected);
        }
        for (prefix, ttl) in &self.prefix_ttls {
            let given = || format!("{prefix}={ttl}");
            if let Some(fault) = fault_of(prefix) {
                return problem("prefix_ttls", given(), format!("{PREFIX} (`{prefix}`: {fault})"));
            }
            if let Some(expected) = ttl.out_of_range() {
                return problem("prefix_ttls", given(), expected);
            }
        }
        require(self.jitter.is_in_range(), "jitter", self.jitter, Jitter::EXPECTED)
    }

    fn check_times(&self) -> Result<(), Problem> {
        let times = [
            ("memory_ttl", self.memory_ttl),
            ("outage_ttl", self.outage_ttl),
            ("max_load", self.max_load),
            ("wait_limit", self.wait_limit),
            ("redis_pool_timeout", self.redis_pool_timeout),
            ("redis_connect_timeout", self.redis_connect_timeout),
            ("redis_timeout", self.redis_timeout),
            ("redis_health_check_interval", self.redis_health_check_interval),
        ];
        for (field, time) in times {
            let accepted = (Duration::from_millis(1)..=DAY).contains(&time);
            require(accepted, field, show_duration(time), "a duration from 1ms to 1d")?;
        }
        require(
            self.outage_grace <= DAY,
            "outage_grace",
            show_duration(self.outage_grace),
            "a duration of at most 1d, or 0 for none",
        )?;
        let interval = self.stats_interval;
        let accepted = Duration::from_millis(1)..=Duration::from_secs(60);
        require(
            interval.is_zero() || accepted.contains(&interval),
            "stats_interval",
            show_duration(interval),
            "a duration from 1ms to 1m, or 0 for never",
        )
    }

    fn check_sizes(&self) -> Result<(), Problem> {
        require(
            self.memory_capacity >= SMALLEST_MEMORY,
            "memory_capacity",
            Bytes(self.memory_capacity),
            "at least 64KiB",
        )?;
        require(
            (1..=LARGEST_VALUE).contains(&self.max_value_size),
            "max_value_size",
            Bytes(self.max_value_size),
            "1 byte to 512MiB, the most that Redis stores under one key",
        )?;
        match self.compress_above {
            Some(bytes) if !cfg!(feature = "compression") => problem(
                "compress_above",
                Bytes(bytes),
                "no value: this build has no compression (enable the feature `compression`)",
            ),
            _ => Ok(()),
        }
    }

    fn check_connections(&self) -> Result<(), Problem> {
        require(
            (1..=MOST_CONNECTIONS).contains(&self.redis_pool_max_connections),
            "redis_pool_max_connections",
            self.redis_pool_max_connections,
            "1 to 128 (commands share connections, so a few serve many callers)",
        )
    }

    /// What is said of certificates is for an encrypted connection, and a certificate has its key.
    fn check_tls(&self) -> Result<(), Problem> {
        let files = [
            ("redis_tls_ca", &self.redis_tls_ca),
            ("redis_tls_cert", &self.redis_tls_cert),
            ("redis_tls_key", &self.redis_tls_key),
        ];
        let plain = self.redis_url.as_ref().is_some_and(|url| !url.is_encrypted());
        for (field, file) in files {
            let Some(file) = file else { continue };
            let expected = "none, or an address that begins with `rediss://`";
            require(!plain, field, file.display(), expected)?;
        }
        match (&self.redis_tls_cert, &self.redis_tls_key) {
            (Some(file), None) => {
                problem("redis_tls_cert", file.display(), "its key with it (REDIS_TLS_KEY)")
            }
            (None, Some(file)) => {
                problem("redis_tls_key", file.display(), "its certificate with it (REDIS_TLS_CERT)")
            }
            _ => Ok(()),
        }
    }

    fn check_redis_is_there(&self) -> Result<(), Problem> {
        let backend = self.backend()?;
        require(
            !self.require_redis || backend != Backend::Memory,
            "require_redis",
            true,
            "`false`, or an address of Redis (REDIS_URL) and a mode other than `memory`",
        )
    }

    fn backend(&self) -> Result<Backend<'_>, Problem> {
        match (self.mode, &self.redis_url) {
            (Mode::Memory, _) | (Mode::Auto, None) => Ok(Backend::Memory),
            (Mode::Redis | Mode::Tiered, None) => problem(
                "mode",
                self.mode.as_str(),
                "an address of Redis with it (REDIS_URL or REDIS_HOST), or `auto` or `memory`",
            ),
            (_, Some(url)) => match url.address() {
                Ok(_) if self.mode == Mode::Redis => Ok(Backend::Redis(url)),
                Ok(_) => Ok(Backend::Tiered(url)),
                Err(error) => problem("redis_url", url, error.to_string()),
            },
        }
    }
}

const PREFIX: &str = "a key prefix and its TTL, such as `users=5m`: a prefix has no whitespace, `=` or \
     `,`, does not begin with `#`, and neither begins nor ends with `:`";

/// The variable that sets a field: the field's name in capitals, `CACHE_` before it unless it
/// belongs to `REDIS_`.
pub(super) fn variable(field: &str) -> String {
    let name = field.to_ascii_uppercase();
    if name.starts_with("REDIS_") { name } else { format!("CACHE_{name}") }
}

/// A setting that cannot be used.
struct Problem {
    field: &'static str,
    value: String,
    expected: String,
}

impl Problem {
    fn of_setting(&self, setting: String) -> Error {
        let (value, expected) = (self.value.clone(), self.expected.clone());
        Error::Config { setting, value, expected, source: None }
    }
}

fn problem<T>(
    field: &'static str,
    value: impl ToString,
    expected: impl Into<String>,
) -> Result<T, Problem> {
    Err(Problem { field, value: value.to_string(), expected: expected.into() })
}

fn require(
    fulfilled: bool,
    field: &'static str,
    value: impl ToString,
    expected: &str,
) -> Result<(), Problem> {
    if fulfilled { Ok(()) } else { problem(field, value, expected) }
}

/// Why a prefix with a TTL of its own can be that of no name.
fn fault_of(prefix: &str) -> Option<&'static str> {
    if prefix.contains(['=', ',']) {
        return Some("it holds a `=` or `,`, which stand between prefixes and TTLs");
    }
    text_fault(prefix).or(prefix_fault(prefix))
}

#[cfg(test)]
mod tests;
