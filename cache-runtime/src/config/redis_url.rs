//! The address of Redis, which may hold a password.

use std::fmt;

use redis::{ConnectionInfo, IntoConnectionInfo};
use serde::{Deserialize, Serialize};

use super::mask::mask_url;

const EXPECTED: &str =
    "one URL such as `redis://user:password@host:6379/0` or `redis+unix:///run/redis.sock?db=0`";
const SCHEMES: [&str; 4] = ["redis", "rediss", "redis+unix", "unix"];

/// The address of a Redis server: `redis://[user:password@]host[:port][/db]`, `rediss://..` for an encrypted
/// connection (feature `tls`), or `redis+unix:///path/to/socket[?db=0&user=..&pass=..]` (also `unix://`).
///
/// `Debug` and `Display` never show the password, whether or not the text is a proper URL.
/// Serialising does write it: a configuration must read back as it was.
///
/// ```
/// use cache_runtime::RedisUrl;
///
/// let url = RedisUrl::from("redis://app:secret@cache.internal:6379/2");
/// assert_eq!(url.to_string(), "redis://app:***@cache.internal:6379/2");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// The text as it was given, with the password.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the connection is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.starts_with("rediss://")
    }

    /// What a client needs to connect, or what would have been accepted in place of this text.
    pub(crate) fn connection_info(&self) -> Result<ConnectionInfo, String> {
        self.check_scheme()?;
        let info = self.0.as_str().into_connection_info().map_err(|error| {
            // "what is wrong - kind: detail"; the detail quotes the URL's query.
            refusal(error.to_string().split(" - ").next().unwrap_or_default())
        })?;
        check_settings(&info)?;
        Ok(info)
    }

    fn check_scheme(&self) -> Result<(), String> {
        if self.0.split(',').filter(|part| part.contains("://")).count() > 1 {
            return Err(format!("{EXPECTED}; this build connects to one server, not to a cluster"));
        }
        match self.0.split_once("://") {
            Some(("rediss", _)) if !cfg!(feature = "tls") => Err(format!(
                "{EXPECTED}; this build connects without TLS (enable the feature `tls`)"
            )),
            Some(("rediss", rest)) if rest.contains('#') => Err(refusal(
                "no `#`: what it could say is that any certificate will do; name one in REDIS_TLS_CA",
            )),
            Some((scheme, _)) if SCHEMES.contains(&scheme) => Ok(()),
            Some((scheme, _)) if scheme.starts_with("redis-sentinel") => {
                Err(format!("{EXPECTED}; this build does not ask sentinels"))
            }
            _ => Err(EXPECTED.to_owned()),
        }
    }
}

impl From<&str> for RedisUrl {
    fn from(url: &str) -> Self {
        RedisUrl(url.to_owned())
    }
}

impl From<String> for RedisUrl {
    fn from(url: String) -> Self {
        RedisUrl(url)
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_url(&self.0, self.connection_info().is_ok()))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

/// The parts of an address that are configured one by one.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) db: Option<u16>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) tls: bool,
}

impl From<Parts> for RedisUrl {
    fn from(parts: Parts) -> Self {
        let Parts { host, port, db, username, password, tls } = parts;
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let user = username.as_deref().map(percent_encode).unwrap_or_default();
        let login = password.map(|password| format!("{user}:{}@", percent_encode(&password)));
        RedisUrl(format!(
            "redis{}://{}{host}:{}/{}",
            if tls { "s" } else { "" },
            login.unwrap_or_default(),
            port.unwrap_or(6379),
            db.unwrap_or(0)
        ))
    }
}

fn check_settings(info: &ConnectionInfo) -> Result<(), String> {
    let settings = info.redis_settings();
    if settings.db() < 0 {
        return Err(refusal("the database is a number from 0"));
    }
    // The client would connect without logging in at all.
    if settings.username().is_some() && settings.password().is_none() {
        return Err(refusal(
            "a user name needs a password; a password alone is written `:password@`",
        ));
    }
    Ok(())
}

fn refusal(reason: &str) -> String {
    format!("{EXPECTED} ({reason})")
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte.into())
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use redis::ConnectionAddr;

    use super::*;

    fn refused(url: &str) -> String {
        RedisUrl::from(url).connection_info().unwrap_err()
    }

    #[test]
    fn accepts_tcp_and_unix_addresses() {
        for url in [
            "redis://localhost",
            "redis://127.0.0.1:6379/3",
            "redis://:pass@host",
            "redis://:a,b@host",
            "redis://user:p%40ss@[::1]:7000/0",
            "redis+unix:///run/redis.sock",
            "unix:///run/redis.sock?db=2&pass=secret",
        ] {
            assert!(RedisUrl::from(url).connection_info().is_ok(), "{url}");
        }
    }

    #[test]
    fn refuses_what_this_build_cannot_do_and_says_so() {
        #[cfg(not(feature = "tls"))]
        assert!(refused("rediss://host").ends_with("(enable the feature `tls`)"));
        #[cfg(feature = "tls")]
        assert!(refused("rediss://host/#insecure").contains("REDIS_TLS_CA"));
        assert!(refused("redis-sentinel://host/master").ends_with("sentinels"));
        assert!(refused("redis://a,redis://b").contains("one server"));
        for url in ["", "localhost:6379", "http://host", "REDIS://host"] {
            assert_eq!(refused(url), EXPECTED, "{url:?}");
        }
    }

    #[test]
    fn refuses_malformed_addresses_with_the_reason() {
        assert!(refused("redis://host/first").contains("database"));
        assert!(refused("redis://host/-1").contains("database"));
        assert!(refused("redis://secret@host").contains(":password@"));
        assert!(refused("redis://:pa#ss@host").contains("did not parse"));
        assert!(refused("redis://").contains("("));
        assert!(!refused("redis://host?protocol=hunter2").contains("hunter2"));
    }

    #[test]
    fn parts_survive_special_characters() {
        let url = RedisUrl::from(Parts {
            host: "::1".to_owned(),
            port: Some(7000),
            db: Some(2),
            username: Some("a:b".to_owned()),
            password: Some("p@ss/w?rd#,%é".to_owned()),
            tls: false,
        });
        let info = url.connection_info().unwrap();
        assert_eq!(*info.addr(), ConnectionAddr::Tcp("::1".to_owned(), 7000));
        assert_eq!(info.redis_settings().db(), 2);
        assert_eq!(info.redis_settings().username(), Some("a:b"));
        assert_eq!(info.redis_settings().password(), Some("p@ss/w?rd#,%é"));
        assert_eq!(url.to_string(), "redis://a%3Ab:***@[::1]:7000/2");
    }

    #[test]
    fn parts_without_a_login() {
        let url = RedisUrl::from(Parts { host: "cache".to_owned(), ..Parts::default() });
        assert_eq!(url.expose(), "redis://cache:6379/0");
    }
}
