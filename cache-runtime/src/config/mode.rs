//! The stores of the values.

use serde::{Deserialize, Serialize};

use super::{redis_url::RedisUrl, text::Textual};

/// The configured stores of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Mode {
    /// Tiered if a Redis address is configured, otherwise the memory of the process.
    #[default]
    Auto,
    /// The memory of the process; the Redis settings are ignored.
    Memory,
    /// Redis only: the next read sees the invalidations of all processes. A configuration without an
    /// address is an error.
    Redis,
    /// Redis, with copies in the memory of the process, which a feed of invalidations keeps coherent. A
    /// configuration without an address is an error.
    Tiered,
    /// Nowhere: each call runs its body, and nothing is read, stored or shared. If a Redis address is configured,
    /// invalidations still go there, so that other processes serve no stale values.
    Off,
}

/// The stores of the values that follow from the whole configuration: see
/// [`CacheConfig::effective`](super::CacheConfig::effective).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend<'a> {
    /// The memory of the process only.
    Memory,
    /// The Redis at this address.
    Redis(&'a RedisUrl),
    /// The Redis at this address, with copies in the memory of the process.
    Tiered(&'a RedisUrl),
    /// Nowhere. Invalidations go to the Redis at this address, if there is one.
    Off(Option<&'a RedisUrl>),
}

impl<'a> Backend<'a> {
    /// Returns the address of the Redis that is connected; `None` if there is none.
    pub fn redis_url(self) -> Option<&'a RedisUrl> {
        match self {
            Backend::Memory => None,
            Backend::Redis(url) | Backend::Tiered(url) => Some(url),
            Backend::Off(url) => url,
        }
    }
}

impl Mode {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Mode::Auto => "auto",
            Mode::Memory => "memory",
            Mode::Redis => "redis",
            Mode::Tiered => "tiered",
            Mode::Off => "off",
        }
    }
}

impl Textual for Mode {
    const EXPECTED: &'static str = "`auto`, `memory`, `redis`, `tiered` or `off`";

    fn from_text(text: &str) -> Option<Self> {
        let modes = [Mode::Auto, Mode::Memory, Mode::Redis, Mode::Tiered, Mode::Off];
        modes.into_iter().find(|mode| mode.as_str() == text)
    }
}
