//! The number of values in one request, chosen so that each request fits into its deadline.

use std::time::Duration;

/// The number of values of the first request, unless they are known to be large. If they are large all the
/// same, the request takes up to [`PATIENCE`] deadlines, and the next calls know their sizes.
const FIRST: usize = 256;
/// The number of values of the first request, if they are known to be large.
const FIRST_LARGE: usize = 16;
/// The maximum number of values of a request.
const MOST: usize = 1_000;
/// The maximum number of values that are stored at once, or read at once in separate requests. With more, some
/// would wait too long for their permits or replies.
pub(crate) const AT_ONCE: usize = 256;
/// The intended size of a request or reply, in bytes.
const ROOM: usize = 1 << 20;
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

impl Pace {
    /// Makes the pace for values that are known to be large, or for others.
    pub(super) fn new(are_large: bool) -> Self {
        Pace { values: if are_large { FIRST_LARGE } else { FIRST }, late: 0 }
    }

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

/// Returns the number of values of these sizes that are stored at once: at least one, if there is one.
pub(crate) fn part_of(sizes: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0_usize;
    let fits = |&(number, size): &(usize, usize)| {
        bytes = bytes.saturating_add(size);
        number == 0 || bytes <= ROOM
    };
    sizes.take(AT_ONCE).enumerate().take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_millis(250);

    #[test]
    fn small_values_are_asked_for_by_the_thousand() {
        let mut pace = Pace::new(false);
        for _ in 0..5 {
            pace.note(pace.values(), pace.values() * 8, DEADLINE / 100, DEADLINE);
        }
        assert_eq!(pace.values(), MOST);
    }

    #[test]
    fn large_values_are_asked_for_by_their_size() {
        let mut pace = Pace::new(false);
        pace.note(FIRST, FIRST * ROOM / 4, DEADLINE / 100, DEADLINE);
        assert_eq!(pace.values(), 4);
        pace.note(4, 4 * ROOM * 2, DEADLINE / 100, DEADLINE);
        assert_eq!(pace.values(), 1);
    }

    #[test]
    fn a_kind_of_large_values_is_asked_for_in_small_parts_from_the_beginning() {
        assert_eq!(Pace::new(false).values(), FIRST);
        assert_eq!(Pace::new(true).values(), FIRST_LARGE);
    }

    #[test]
    fn what_takes_long_is_halved_and_what_is_late_is_given_up_in_the_end() {
        let mut pace = Pace::new(false);
        pace.note(FIRST, FIRST, DEADLINE / 2, DEADLINE);
        assert_eq!(pace.values(), FIRST / 2);
        let mut tries = 1;
        while pace.late() {
            tries += 1;
        }
        assert_eq!(tries, MOST_LATE);
        assert_eq!(pace.values(), 1);
    }

    #[test]
    fn a_part_is_limited_by_number_and_by_size_and_is_never_empty() {
        let of = |sizes: &[usize]| part_of(sizes.iter().copied());
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[0; AT_ONCE + 1]), AT_ONCE);
        assert_eq!(of(&[ROOM / 2, ROOM / 2, 0, 1]), 3);
        assert_eq!(of(&[ROOM + 1, 0, 1]), 1);
    }
}
