//! Checks a configuration before it is used.

use cache_syntax::key_prefix_fault;

use super::problem::{Problem, problem};
use super::size::Bytes;
use super::{Backend, CacheConfig, Mode, settings::variable, sources};
use crate::error::Error;

impl CacheConfig {
    /// Checks every setting against what is accepted, and the settings against one another.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for the first setting that cannot be used; it names the field, the value
    /// found (a password in it is masked) and what is accepted.
    pub fn validate(&self) -> Result<(), Error> {
        self.check().map_err(|problem| problem.named(|field| field))
    }

    /// Returns the place where values will be kept: `auto` is tiered if an address is configured, else
    /// memory. `off` keeps none.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if Redis is requested and no address is configured, or if the address
    /// cannot be used.
    pub fn effective(&self) -> Result<Backend<'_>, Error> {
        self.backend().map_err(|problem| problem.named(|field| field))
    }

    /// Does the same as [`validate`](CacheConfig::validate), with the settings named as in the environment.
    pub(super) fn validate_variables(&self) -> Result<(), Error> {
        self.check().map_err(|problem| problem.named(variable))
    }

    fn check(&self) -> Result<(), Problem> {
        self.check_each()?;
        self.check_ttls()?;
        self.check_sources()?;
        self.check_compression()?;
        self.check_tls()?;
        self.check_redis_is_there()
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
        Ok(())
    }

    fn check_sources(&self) -> Result<(), Problem> {
        for (name, limit) in &self.sources {
            if !sources::is_accepted(name, *limit) {
                let given = format!("{name}={}", limit.max_loads);
                return problem("sources", given, sources::ACCEPTED);
            }
        }
        Ok(())
    }

    fn check_compression(&self) -> Result<(), Problem> {
        match self.compress_above {
            Some(bytes) if !cfg!(feature = "compression") => problem(
                "compress_above",
                Bytes(bytes),
                "no value: this build has no compression (enable the feature `compression`)",
            ),
            _ => Ok(()),
        }
    }

    /// Requires an encrypted connection for certificates, and a certificate and its key together.
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
            !self.require_redis || backend.redis_url().is_some(),
            "require_redis",
            true,
            "`false`, or an address of Redis (REDIS_URL) and a mode other than `memory`",
        )
    }

    fn backend(&self) -> Result<Backend<'_>, Problem> {
        match (self.mode, &self.redis_url) {
            (Mode::Memory, _) | (Mode::Auto, None) => Ok(Backend::Memory),
            (Mode::Off, None) => Ok(Backend::Off(None)),
            (Mode::Redis | Mode::Tiered, None) => problem(
                "mode",
                self.mode.as_str(),
                "an address of Redis with it (REDIS_URL or REDIS_HOST), or `auto`, `memory` or `off`",
            ),
            (_, Some(url)) => match url.address() {
                Ok(_) => Ok(match self.mode {
                    Mode::Redis => Backend::Redis(url),
                    Mode::Off => Backend::Off(Some(url)),
                    _ => Backend::Tiered(url),
                }),
                Err(error) => problem("redis_url", url, error.to_string()),
            },
        }
    }
}

const PREFIX: &str = "a key prefix and its TTL, such as `users=5m`: a prefix has no white space, brace, \
     `=` or `,`, does not begin with `#`, and neither begins nor ends with `:`";

fn require(
    fulfilled: bool,
    field: &'static str,
    value: impl ToString,
    expected: &str,
) -> Result<(), Problem> {
    if fulfilled { Ok(()) } else { problem(field, value, expected) }
}

/// Returns the reason for which no function can have a prefix that has a TTL of its own; `None` if one can.
fn fault_of(prefix: &str) -> Option<&'static str> {
    if prefix.contains(['=', ',']) {
        return Some("it contains `=` or `,`, which separate prefixes and TTLs");
    }
    key_prefix_fault(prefix)
}

#[cfg(test)]
mod tests;
