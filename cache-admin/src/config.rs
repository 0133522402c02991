//! The access rules and their settings.

use std::env;
use std::fmt;

use cache_syntax::{BOOLEAN, nearest, parse_boolean};
use subtle::ConstantTimeEq as _;

/// The shortest key that is accepted.
const SHORTEST: usize = 16;

/// The variables that are read.
const VARIABLES: [&str; 3] =
    ["CACHE_ADMIN_KEY", "CACHE_ADMIN_PUBLIC_READS", "CACHE_ADMIN_SHOW_VALUES"];

/// Returns true for a variable with the prefix of this crate that it does not know.
fn is_unknown(name: &str) -> bool {
    name.starts_with("CACHE_ADMIN_") && !VARIABLES.contains(&name)
}

/// The access rules of the router.
///
/// The default allows nothing: give it a [key](AdminConfig::key), or make reading
/// [public](AdminConfig::public_reads).
#[derive(Clone, Debug)]
pub struct AdminConfig {
    pub(crate) key: Option<AdminKey>,
    pub(crate) public_reads: bool,
    pub(crate) show_values: bool,
    pub(crate) max_body: usize,
    pub(crate) max_warm: usize,
}

/// The secret that permits changes of the cache. It is never printed.
#[derive(Clone)]
pub struct AdminKey(String);

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    setting: &'static str,
    given: String,
    expected: &'static str,
}

impl Default for AdminConfig {
    fn default() -> Self {
        AdminConfig {
            key: None,
            public_reads: false,
            show_values: false,
            max_body: 1 << 20,
            max_warm: 1_000,
        }
    }
}

impl AdminConfig {
    /// Reads the configuration from the environment: `CACHE_ADMIN_KEY`, `CACHE_ADMIN_PUBLIC_READS` and
    /// `CACHE_ADMIN_SHOW_VALUES` (`true`, `yes`, `on` or `1`, or `false`, `no`, `off` or `0`). Another
    /// variable that begins with `CACHE_ADMIN_` is a warning in the log.
    ///
    /// # Errors
    /// A key of fewer than 16 characters, or another word than these.
    pub fn from_env() -> Result<Self, ConfigError> {
        let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for variable in names.filter(|name| is_unknown(name)) {
            tracing::warn!(
                variable,
                meant = nearest(&variable, VARIABLES),
                known = VARIABLES.join(", "),
                "this variable is unknown and has no effect"
            );
        }
        Self::from_vars(|name| env::var(name).ok())
    }

    fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let flag = |name| {
            let given = var(name).unwrap_or_default();
            match given.trim() {
                "" => Ok(false),
                word => parse_boolean(word).ok_or_else(|| ConfigError {
                    setting: name,
                    given: format!("{given:?}"),
                    expected: BOOLEAN,
                }),
            }
        };
        let key = var("CACHE_ADMIN_KEY").filter(|key| !key.is_empty());
        Ok(AdminConfig {
            key: key.map(AdminKey::new).transpose()?,
            public_reads: flag("CACHE_ADMIN_PUBLIC_READS")?,
            show_values: flag("CACHE_ADMIN_SHOW_VALUES")?,
            ..Self::default()
        })
    }

    /// Sets the key, which gives access to everything.
    #[must_use]
    pub fn key(self, key: AdminKey) -> Self {
        AdminConfig { key: Some(key), ..self }
    }

    /// Allows reading without the key if `public` is true: statistics, health, call sites, entries
    /// without their values, metrics. The default is `false`.
    #[must_use]
    pub fn public_reads(self, public: bool) -> Self {
        AdminConfig { public_reads: public, ..self }
    }

    /// Shows the value in `GET /entries/{name}` with the key if `show` is true. The default is `false`,
    /// because values may be confidential.
    #[must_use]
    pub fn show_values(self, show: bool) -> Self {
        AdminConfig { show_values: show, ..self }
    }

    /// Sets the maximum size of a request body in bytes. The default is 1 MiB.
    #[must_use]
    pub fn max_body(self, bytes: usize) -> Self {
        AdminConfig { max_body: bytes, ..self }
    }

    /// Sets the maximum number of entries of one `POST /warm`. The default is 1,000.
    #[must_use]
    pub fn max_warm(self, entries: usize) -> Self {
        AdminConfig { max_warm: entries, ..self }
    }
}

impl AdminKey {
    /// Makes a key.
    ///
    /// # Errors
    /// If it has fewer than 16 characters, or white space at either end.
    pub fn new(key: impl Into<String>) -> Result<Self, ConfigError> {
        let key = key.into();
        if key.len() < SHORTEST || key.trim() != key {
            return Err(ConfigError {
                setting: "CACHE_ADMIN_KEY",
                given: format!("a text of {} bytes", key.len()),
                expected: "at least 16 characters without white space at the ends, such as `openssl rand -hex 24` prints",
            });
        }
        Ok(AdminKey(key))
    }

    /// Returns true if this is the key. The duration does not reveal where two keys of the same length
    /// differ.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }
}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKey(***)")
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}; expected {}", self.setting, self.given, self.expected)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &str)]) -> Result<AdminConfig, String> {
        let var = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        AdminConfig::from_vars(var).map_err(|error| error.to_string())
    }

    #[test]
    fn by_default_nobody_may_do_anything() {
        let config = of(&[]);
        assert!(config.is_ok_and(|config| config.key.is_none() && !config.public_reads));
    }

    #[test]
    fn a_misspelled_variable_is_noticed_and_no_other() {
        assert!(is_unknown("CACHE_ADMIN_KYE") && is_unknown("CACHE_ADMIN_PUBLIC_READ"));
        assert!(!VARIABLES.into_iter().chain(["CACHE_MODE", "PATH"]).any(is_unknown));
        let of = |name: &str| of(&[(name, "maybe")]).is_err();
        assert!(VARIABLES.into_iter().all(of), "all that are listed are read");
    }

    #[test]
    fn a_short_key_is_refused_and_not_shown() {
        let error = of(&[("CACHE_ADMIN_KEY", "hunter2")]).err().unwrap_or_default();
        assert!(error.starts_with("CACHE_ADMIN_KEY is a text of 7 bytes; expected at least 16"));
        assert!(!error.contains("hunter2"));
    }

    #[test]
    fn a_flag_is_one_of_the_words_for_yes_and_no() {
        let error = of(&[("CACHE_ADMIN_SHOW_VALUES", "maybe")]).err().unwrap_or_default();
        assert!(
            error.starts_with("CACHE_ADMIN_SHOW_VALUES is \"maybe\"; expected `true`"),
            "{error}"
        );
        for (text, is_on) in
            [("true", true), ("YES", true), ("1", true), ("off", false), ("No", false)]
        {
            let config = of(&[("CACHE_ADMIN_PUBLIC_READS", text)]);
            assert!(config.is_ok_and(|config| config.public_reads == is_on), "{text}");
        }
    }

    #[test]
    fn a_key_is_compared_in_full_and_never_printed() {
        let key = AdminKey::new("0123456789abcdef");
        assert!(key.as_ref().is_ok_and(|key| key.is(b"0123456789abcdef")));
        assert!(key.as_ref().is_ok_and(|key| !key.is(b"0123456789abcdeg") && !key.is(b"")));
        assert!(!format!("{key:?}").contains("0123"));
    }
}
