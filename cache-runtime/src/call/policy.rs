//! Which values are stored, and for how long.

use crate::clock::millis;
use crate::config::{Jitter, Ttl};
use crate::random;
use crate::redis::Life;
use crate::value::ValueCodec;

/// What a call site, or a caller by hand, has decided about storing.
pub(crate) struct Policy<V> {
    pub(crate) ttl: Ttl,
    /// The TTL of values that are `None`, where it is another.
    pub(crate) negative_ttl: Option<Ttl>,
    /// Tells a value that is `None`, where that matters.
    pub(crate) is_none: Option<fn(&V) -> bool>,
    pub(crate) cache_none: bool,
    pub(crate) cache_if: Option<fn(&V) -> bool>,
    pub(crate) jitter: Jitter,
    pub(crate) codec: Option<ValueCodec<V>>,
}

impl<V> Policy<V> {
    pub(crate) fn new(ttl: Ttl, jitter: Jitter) -> Self {
        Policy {
            ttl,
            negative_ttl: None,
            is_none: None,
            cache_none: true,
            cache_if: None,
            jitter,
            codec: None,
        }
    }

    /// How long this value will be fresh; `None` if it is not to be stored.
    pub(crate) fn life(&self, value: &V) -> Option<Ttl> {
        if self.cache_if.is_some_and(|wanted| !wanted(value)) {
            return None;
        }
        let none = self.is_none.is_some_and(|is_none| is_none(value));
        if none && !self.cache_none {
            return None;
        }
        let ttl = self.negative_ttl.filter(|_| none).unwrap_or(self.ttl);
        Some(self.jitter.shorten(ttl, random::word()))
    }
}

impl<V> Policy<V> {
    /// The longest life any of its values may have.
    pub(crate) fn longest(&self) -> Ttl {
        match (self.ttl, self.negative_ttl) {
            (Ttl::For(ttl), Some(Ttl::For(negative))) => Ttl::For(ttl.max(negative)),
            (ttl, None) => ttl,
            _ => Ttl::Forever,
        }
    }
}

/// A TTL as the life of a key in Redis.
pub(crate) fn life_of(ttl: Ttl) -> Life {
    ttl.duration().map_or(Life::Forever, Life::For)
}

/// A TTL as the number of milliseconds in an entry.
pub(crate) fn fresh_for_ms(ttl: Ttl) -> u64 {
    ttl.duration().map_or(u64::MAX, millis)
}
