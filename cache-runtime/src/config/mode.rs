//! The stores of the values.

use serde::{Deserialize, Serialize};

use super::{redis_url::RedisUrl, text::Text};

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
}

impl Mode {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Mode::Auto => "auto",
            Mode::Memory => "memory",
            Mode::Redis => "redis",
            Mode::Tiered => "tiered",
        }
    }
}

impl Text for Mode {
    const EXPECTED: &'static str = "`auto`, `memory`, `redis` or `tiered`";

    fn from_text(text: &str) -> Option<Self> {
        let modes = [Mode::Auto, Mode::Memory, Mode::Redis, Mode::Tiered];
        modes.into_iter().find(|mode| mode.as_str() == text)
    }
}
