//! The options of a directly stored value.

use std::time::Duration;

use crate::config::Ttl;

/// The TTL and the tags of a directly stored value.
///
/// A `Duration` or a [`Ttl`] converts into one.
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::{SetOptions, Ttl};
///
/// let options = SetOptions::from(Duration::from_secs(60)).tag("team:7").tag("plan:pro");
/// let forever = SetOptions::forever();
/// assert_eq!(SetOptions::from(Ttl::Forever), forever);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetOptions {
    pub(crate) ttl: Option<Ttl>,
    pub(crate) tags: Vec<String>,
    pub(crate) weight: Option<usize>,
}

impl SetOptions {
    /// Sets the TTL. Without it, the configuration decides by the prefix of the name.
    pub fn ttl(ttl: Duration) -> Self {
        Ttl::For(ttl).into()
    }

    /// Makes the value fresh until it is invalidated.
    pub fn forever() -> Self {
        Ttl::Forever.into()
    }

    /// Adds a tag to [invalidate](crate::CacheManager::invalidate_tag) by: at most 128, besides the
    /// prefixes of the name.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Sets the weight of the value in bytes of memory, instead of the estimate of the cache: for values
    /// with shared memory (a slice of a large `Bytes`, an `Arc` with other owners), which the cache
    /// cannot see.
    #[must_use]
    pub fn weight(mut self, bytes: usize) -> Self {
        self.weight = Some(bytes);
        self
    }
}

impl From<Duration> for SetOptions {
    fn from(ttl: Duration) -> Self {
        SetOptions::ttl(ttl)
    }
}

impl From<Ttl> for SetOptions {
    fn from(ttl: Ttl) -> Self {
        SetOptions { ttl: Some(ttl), ..SetOptions::default() }
    }
}
