//! The number of values in one request, chosen so that each request fits into its deadline.

use std::time::Duration;

/// The number of values of the first request, when their sizes are unknown.
const FIRST: usize = 16;
/// The maximum number of values of a request.
const MOST: usize = 1_000;
/// The intended size of a reply, in bytes.
pub(crate) const ROOM: usize = 1 << 20;
/// The number of deadlines that a request may take while the server answers pings.
pub(super) const PATIENCE: u32 = 8;
/// The number of late replies in a row after which no further request is sent.
pub(super) const MOST_LATE: u32 = 3;

/// The size of the next request, derived from the last ones.
#[derive(Debug)]
pub(crate) struct Pace {
    values: usize,
    late: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { values: FIRST, late: 0 }
    }
}

impl Pace {
    /// Returns the number of values of the next request.
    pub(crate) fn values(&self) -> usize {
        self.values
    }

    /// Notes the number, the size and the duration of the received values.
    pub(super) fn note(&mut self, values: usize, bytes: usize, took: Duration, deadline: Duration) {
        self.late = 0;
        let mean = (bytes / values.max(1)).max(1);
        let next = if took > deadline / 4 { values / 2 } else { self.values.saturating_mul(4) };
        self.values = next.min(ROOM / mean).clamp(1, MOST);
    }

    /// Notes a late reply. The values are then requested one by one. Returns true if further requests are
    /// sent.
    pub(crate) fn late(&mut self) -> bool {
        self.late += 1;
        self.values = 1;
        self.late < MOST_LATE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_millis(250);

    #[test]
    fn small_values_are_asked_for_by_the_thousand() {
        let mut pace = Pace::default();
        for _ in 0..5 {
            pace.note(pace.values(), pace.values() * 8, DEADLINE / 100, DEADLINE);
        }
        assert_eq!(pace.values(), MOST);
    }

    #[test]
    fn large_values_are_asked_for_by_their_size() {
        let mut pace = Pace::default();
        pace.note(FIRST, FIRST * ROOM / 4, DEADLINE / 100, DEADLINE);
        assert_eq!(pace.values(), 4);
        pace.note(4, 4 * ROOM * 2, DEADLINE / 100, DEADLINE);
        assert_eq!(pace.values(), 1);
    }

    #[test]
    fn what_takes_long_is_halved_and_what_is_late_is_given_up_in_the_end() {
        let mut pace = Pace::default();
        pace.note(FIRST, FIRST, DEADLINE / 2, DEADLINE);
        assert_eq!(pace.values(), FIRST / 2);
        let mut tries = 1;
        while pace.late() {
            tries += 1;
        }
        assert_eq!(tries, MOST_LATE);
        assert_eq!(pace.values(), 1);
    }
}
