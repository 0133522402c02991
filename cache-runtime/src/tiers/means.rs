//! The mean durations of loads, which determine the wait limit for another caller's load.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The number of means. If there are more kinds of keys, some of them share one.
const KINDS: usize = 1_024;

/// The mean load times of one manager, by the kind of the key: its function, or the first prefix of a direct
/// name.
#[derive(Debug)]
pub(crate) struct Means(Box<[Mean]>);

#[derive(Debug, Default)]
pub(crate) struct Mean {
    loads: AtomicU64,
    micros: AtomicU64,
}

impl Means {
    pub(crate) fn new() -> Self {
        Means((0..KINDS).map(|_| Mean::default()).collect())
    }

    pub(crate) fn of(&self, kind: u64) -> &Mean {
        &self.0[kind as usize % KINDS]
    }
}

impl Mean {
    /// Notes the time of a load, without its waits for other loads.
    pub(crate) fn note(&self, took: Duration) {
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(0), Ordering::Relaxed);
        self.loads.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the mean; zero if there was no load.
    pub(crate) fn get(&self) -> Duration {
        let micros = self.micros.load(Ordering::Relaxed);
        Duration::from_micros(
            micros.checked_div(self.loads.load(Ordering::Relaxed)).unwrap_or_default(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_mean_of_its_own() {
        let (means, second) = (Means::new(), Duration::from_secs(1));
        means.of(1).note(second);
        means.of(1).note(3 * second);
        means.of(2).note(second);
        assert_eq!(
            [1, 2, 3].map(|kind| means.of(kind).get()),
            [2 * second, second, Duration::ZERO]
        );
    }
}
