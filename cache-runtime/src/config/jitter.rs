//! Random shortening of TTLs, which spreads the ends of values that were stored together.

use std::{fmt, time::Duration};

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
    pub const MAX: f64 = 0.5;

    /// Returns the fraction.
    pub fn fraction(self) -> f64 {
        self.0
    }

    /// The TTL shortened by a part of the fraction; `random` is a uniform random number.
    ///
    /// The result is at least [`Ttl::MIN`]. `Forever` stays.
    pub(crate) fn shorten(self, ttl: Ttl, random: u64) -> Ttl {
        match ttl {
            Ttl::For(duration) if self.0 > 0.0 => Ttl::For(self.shorten_time(duration, random)),
            ttl => ttl,
        }
    }

    fn shorten_time(self, duration: Duration, random: u64) -> Duration {
        // 53 bits, which a f64 holds exactly.
        let uniform = (random >> 11) as f64 / (1_u64 << 53) as f64;
        let factor = 1.0 - self.0.min(Jitter::MAX) * uniform;
        duration.mul_f64(factor).clamp(Ttl::MIN, duration.max(Ttl::MIN))
    }

    pub(super) fn is_in_range(self) -> bool {
        (0.0..=Jitter::MAX).contains(&self.0)
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

    #[test]
    fn a_fraction_that_is_no_number_is_out_of_range() {
        for fraction in [f64::NAN, f64::INFINITY, -0.1, 0.51] {
            assert!(!Jitter(fraction).is_in_range(), "{fraction}");
        }
        assert!(Jitter(0.0).is_in_range() && Jitter(0.5).is_in_range());
    }
}
