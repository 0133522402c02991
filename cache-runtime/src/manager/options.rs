//! How a value is stored by hand.

use std::time::Duration;

use crate::config::Ttl;

/// How long a value stored by hand is fresh, and what it can be invalidated by.
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
}

impl SetOptions {
    /// Fresh for so long. Without a TTL the configuration decides, by the name's prefix.
    pub fn ttl(ttl: Duration) -> Self {
        Ttl::For(ttl).into()
    }

    /// Fresh until it is invalidated.
    pub fn forever() -> Self {
        Ttl::Forever.into()
    }

    /// One more tag to [invalidate](crate::CacheManager::invalidate_tag) by.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
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
        SetOptions { ttl: Some(ttl), tags: Vec::new() }
    }
}
