//! Random shortening of TTLs, which spreads the ends of values that were stored together.

use std::{fmt, time::Duration};

use cache_syntax::JITTER;
use serde::{Deserialize, Serialize};

use super::{text::Textual, ttl::Ttl};

/// The maximum fraction by which each TTL is shortened at random, so that values that were stored
/// together are not all loaded again together.
///
/// From 0.0 (none, the default) to 0.5. A TTL is never lengthened.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Jitter(f64);

impl Jitter {
    /// The maximum.
    pub const MAX: f64 = JITTER.most;

    /// Returns the fraction.
    pub fn fraction(self) -> f64 {
        self.0
    }

    /// Returns the TTL shortened by a part of the fraction; `random` is a uniform random number.
    ///
    /// The result is at least [`Ttl::MIN`]. `Forever` stays.
    pub(crate) fn shorten(self, ttl: Ttl, random: u64) -> Ttl {
        match ttl {
            Ttl::For(duration) if self.0 > 0.0 => Ttl::For(self.shorten_time(duration, random)),
            ttl => ttl,
        }
    }

    fn shorten_time(self, duration: Duration, random: u64) -> Duration {
        // The number has 53 bits, which an `f64` holds exactly.
        let uniform = (random >> 11) as f64 / (1_u64 << 53) as f64;
        let factor = 1.0 - self.0.min(Jitter::MAX) * uniform;
        duration.mul_f64(factor).clamp(Ttl::MIN, duration.max(Ttl::MIN))
    }

    pub(super) fn is_in_range(self) -> bool {
        JITTER.contains(self.0)
    }
}

impl From<f64> for Jitter {
    fn from(fraction: f64) -> Self {
        Jitter(fraction)
    }
}

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Textual for Jitter {
    const EXPECTED: &'static str = "a fraction from 0.0 to 0.5";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().map(Jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Ttl = Ttl::For(Duration::from_secs(60));

    #[test]
    fn shortens_by_at_most_the_fraction() {
        let jitter = Jitter(0.5);
        assert_eq!(jitter.shorten(MINUTE, 0), MINUTE);
        assert_eq!(jitter.shorten(MINUTE, 1 << 63), Ttl::For(Duration::from_secs(45)));
        let shortest = jitter.shorten(MINUTE, u64::MAX).duration();
        assert!(shortest.is_some_and(|time| time >= Duration::from_secs(30)));
    }

    #[test]
    fn leaves_forever_and_the_minimum_alone() {
        assert_eq!(Jitter(0.5).shorten(Ttl::Forever, u64::MAX), Ttl::Forever);
        assert_eq!(Jitter(0.5).shorten(Ttl::For(Ttl::MIN), u64::MAX), Ttl::For(Ttl::MIN));
    }

    #[test]
    fn no_jitter_keeps_the_ttl_exactly() {
        for random in [0, 1, u64::MAX] {
            assert_eq!(Jitter::default().shorten(MINUTE, random), MINUTE);
        }
    }
}
