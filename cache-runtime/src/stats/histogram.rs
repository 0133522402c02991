//! Histograms of durations, with bounds that double.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Serialize, Serializer};

/// The number of finite bounds: 1, 2, 4 ... 2^26 microseconds, which is 67 seconds.
const BOUNDS: usize = 27;

/// A histogram of durations: counts by upper bounds that double, from a microsecond to 67 seconds.
///
/// Serialises as its count, its mean, three quantiles and the maximum, in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latencies {
    counts: [u64; BOUNDS + 1],
    sum: Duration,
    max: Duration,
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies { counts: [0; BOUNDS + 1], sum: Duration::ZERO, max: Duration::ZERO }
    }
}

impl Latencies {
    /// Returns the number of durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns their sum.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Returns the maximum.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// Returns each upper bound with the number of durations up to it; `None` means no bound.
    pub fn cumulative(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + '_ {
        self.counts.iter().enumerate().scan(0, |below, (place, count)| {
            *below += count;
            Some(((place < BOUNDS).then(|| bound(place)), *below))
        })
    }

    /// Returns the upper bound of this fraction of the durations (`0.5` is half), or the maximum if that
    /// is less. Returns `None` if there are no durations.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let wanted = part.clamp(0.0, 1.0) * count as f64;
        let (bound, _) = self.cumulative().find(|(_, n)| *n > 0 && *n as f64 >= wanted)?;
        Some(bound.map_or(self.max, |bound| bound.min(self.max)))
    }
}

impl Serialize for Latencies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let seconds = |part| self.quantile(part).map(|bound: Duration| bound.as_secs_f64());
        let count = self.count();
        let mean = if count == 0 { 0.0 } else { self.sum.as_secs_f64() / count as f64 };
        let mut fields = serializer.serialize_struct("Latencies", 6)?;
        fields.serialize_field("count", &count)?;
        fields.serialize_field("mean", &mean)?;
        fields.serialize_field("p50", &seconds(0.5))?;
        fields.serialize_field("p95", &seconds(0.95))?;
        fields.serialize_field("p99", &seconds(0.99))?;
        fields.serialize_field("max", &self.max.as_secs_f64())?;
        fields.end()
    }
}

/// The counts while they are made.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: [AtomicU64; BOUNDS + 1],
    sum_nanos: AtomicU64,
    max_nanos: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            counts: array::from_fn(|_| AtomicU64::new(0)),
            sum_nanos: AtomicU64::new(0),
            max_nanos: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    pub(crate) fn record(&self, took: Duration) {
        self.counts[place(took)].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.max_nanos.fetch_max(nanos, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Latencies {
        Latencies {
            counts: array::from_fn(|place| self.counts[place].load(Ordering::Relaxed)),
            sum: Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed)),
            max: Duration::from_nanos(self.max_nanos.load(Ordering::Relaxed)),
        }
    }

    pub(crate) fn reset(&self) {
        let all = self.counts.iter().chain([&self.sum_nanos, &self.max_nanos]);
        all.for_each(|number| number.store(0, Ordering::Relaxed));
    }
}

fn bound(place: usize) -> Duration {
    Duration::from_micros(1 << place)
}

/// Returns the index of the first bound that is not below the duration.
fn place(took: Duration) -> usize {
    let micros = took.as_nanos().div_ceil(1_000);
    let bits = (u128::BITS - micros.saturating_sub(1).leading_zeros()) as usize;
    bits.min(BOUNDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_at_the_first_bound_it_keeps() {
        for (nanos, expected) in
            [(0, 0), (1_000, 0), (1_001, 1), (2_000, 1), (2_001, 2), (4_000, 2), (u64::MAX, BOUNDS)]
        {
            let took = Duration::from_nanos(nanos);
            assert_eq!(place(took), expected, "{took:?}");
            assert!(expected == BOUNDS || took <= bound(expected));
        }
    }

    #[test]
    fn quantiles_are_upper_bounds() {
        let histogram = Histogram::default();
        (0..90).for_each(|_| histogram.record(Duration::from_micros(3)));
        (0..10).for_each(|_| histogram.record(Duration::from_millis(1)));
        let times = histogram.read();
        assert_eq!((times.count(), times.sum()), (100, Duration::from_micros(10_270)));
        assert_eq!(times.quantile(0.5), Some(Duration::from_micros(4)));
        assert_eq!(times.quantile(0.99), Some(Duration::from_millis(1)));
        assert_eq!(times.cumulative().last(), Some((None, 100)));
        histogram.reset();
        assert_eq!(histogram.read(), Latencies::default());
        assert_eq!(Latencies::default().quantile(0.5), None);
    }

    #[test]
    fn a_quantile_is_never_over_the_longest() {
        for longest in [Duration::from_millis(300), Duration::from_secs(100)] {
            let histogram = Histogram::default();
            histogram.record(longest);
            assert_eq!(histogram.read().quantile(0.5), Some(longest));
            assert_eq!(histogram.read().max(), longest);
        }
    }
}
