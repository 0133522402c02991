//! The places where values are kept.

use serde::{Deserialize, Serialize};

use super::{redis_url::RedisUrl, text::Textual};

/// Says where values are kept, as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Mode {
    /// Tiered if an address of Redis is configured, else in the memory of the process.
    #[default]
    Auto,
    /// In the memory of the process; the Redis settings are not looked at.
    Memory,
    /// In Redis alone: whatever another process has invalidated is seen by the next read. A
    /// configuration without an address is an error.
    Redis,
    /// In Redis, with copies in the memory of the process, which are kept coherent by a feed of
    /// invalidations. A configuration without an address is an error.
    Tiered,
}

/// Says where values are kept, as it follows from the whole configuration: see
/// [`CacheConfig::effective`](super::CacheConfig::effective).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend<'a> {
    /// The memory of the process alone.
    Memory,
    /// The Redis at this address.
    Redis(&'a RedisUrl),
    /// The Redis at this address, behind the memory of the process.
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

impl Textual for Mode {
    const EXPECTED: &'static str = "`auto`, `memory`, `redis` or `tiered`";

    fn from_text(text: &str) -> Option<Self> {
        let modes = [Mode::Auto, Mode::Memory, Mode::Redis, Mode::Tiered];
        modes.into_iter().find(|mode| mode.as_str() == text)
    }
}
