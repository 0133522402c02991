//! The breaker of a source: while the source fails, its bodies run one at a time, with pauses.

use std::time::Duration;

use crate::support::clock::millis;

/// The number of failures in a row that open the breaker.
const FAILURES: u32 = 5;
/// The first and the longest pause between two probes.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The state of a source, as its bodies have found it.
#[derive(Debug, Default)]
pub(super) struct SourceBreaker {
    /// The number of failures since the last success.
    failures: u32,
    open: Option<OpenBreaker>,
}

#[derive(Debug)]
struct OpenBreaker {
    pause_ms: u64,
    /// The time of the next probe.
    next_ms: u64,
    /// True if a probe runs.
    probing: bool,
}

/// The change that the result of a body has caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BreakerChange {
    Opened,
    Closed,
}

impl SourceBreaker {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Returns true if a call is rejected now: the source fails, and it is not the time of a probe.
    pub(super) fn rejects(&self, now_ms: u64) -> bool {
        self.open.as_ref().is_some_and(|open| open.probing || now_ms < open.next_ms)
    }

    /// Begins a probe. Returns false if it is not the time of one.
    pub(super) fn begin_probe(&mut self, now_ms: u64) -> bool {
        match &mut self.open {
            Some(open) if !open.probing && now_ms >= open.next_ms => {
                open.probing = true;
                true
            }
            _ => false,
        }
    }

    /// Ends a probe, whose result has been noted if it has one.
    pub(super) fn end_probe(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = false;
        }
    }

    /// Notes that a body has succeeded. Returns true if this closes the breaker.
    pub(super) fn succeeds(&mut self) -> Option<BreakerChange> {
        self.failures = 0;
        self.open.take().map(|_| BreakerChange::Closed)
    }

    /// Notes that a body has failed; `is_probe` is true for a probe. `fraction` is a random number from 0 to 1, by which the
    /// next pause is shortened.
    pub(super) fn fails(
        &mut self,
        is_probe: bool,
        now_ms: u64,
        fraction: f64,
    ) -> Option<BreakerChange> {
        self.failures = self.failures.saturating_add(1);
        let next_ms = |pause_ms| now_ms.saturating_add(shortened(pause_ms, fraction));
        match &mut self.open {
            Some(open) => {
                // Other bodies may fail as well; only a probe makes the pauses longer.
                if is_probe {
                    open.pause_ms = open.pause_ms.saturating_mul(2).min(millis(PAUSES.1));
                    open.next_ms = next_ms(open.pause_ms);
                }
                None
            }
            None if self.failures >= FAILURES => {
                let pause_ms = millis(PAUSES.0);
                let next_ms = next_ms(pause_ms);
                self.open = Some(OpenBreaker { pause_ms, next_ms, probing: false });
                Some(BreakerChange::Opened)
            }
            None => None,
        }
    }
}

/// Returns a pause without up to a half of it, so that many processes do not probe at once.
fn shortened(pause_ms: u64, fraction: f64) -> u64 {
    pause_ms - (pause_ms as f64 / 2.0 * fraction.clamp(0.0, 1.0)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> SourceBreaker {
        let mut breaker = SourceBreaker::default();
        (1..FAILURES).for_each(|_| assert_eq!(breaker.fails(false, 0, 0.0), None));
        assert_eq!(breaker.fails(false, 0, 0.0), Some(BreakerChange::Opened));
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it() {
        let mut breaker = SourceBreaker::default();
        (1..FAILURES).for_each(|_| assert_eq!(breaker.fails(false, 0, 0.0), None));
        assert_eq!(breaker.succeeds(), None);
        (1..FAILURES).for_each(|_| assert_eq!(breaker.fails(false, 0, 0.0), None));
        assert!(!breaker.is_open());
        assert!(open().is_open());
    }

    #[test]
    fn one_probe_at_a_time_runs_after_each_pause() {
        let mut breaker = open();
        let (mut now_ms, mut pauses) = (0, Vec::new());
        for _ in 0..8 {
            let pause = (0..10_000).find(|pause| !breaker.rejects(now_ms + pause));
            let pause = pause.unwrap_or_default();
            pauses.push(pause);
            now_ms += pause;
            assert!(breaker.begin_probe(now_ms) && !breaker.begin_probe(now_ms));
            assert!(breaker.rejects(now_ms + 60_000), "a probe runs");
            assert_eq!(breaker.fails(true, now_ms, 0.0), None);
            breaker.end_probe();
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        assert_eq!(breaker.succeeds(), Some(BreakerChange::Closed));
        assert!(!breaker.rejects(now_ms));
    }

    #[test]
    fn a_probe_without_a_result_leaves_its_turn_to_the_next() {
        let mut breaker = open();
        assert!(breaker.begin_probe(100));
        breaker.end_probe();
        assert!(breaker.begin_probe(100));
    }

    #[test]
    fn a_pause_is_at_most_halved() {
        assert_eq!([0.0, 0.5, 1.0].map(|fraction| shortened(100, fraction)), [100, 75, 50]);
    }
}
