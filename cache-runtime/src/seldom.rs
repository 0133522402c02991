//! Log lines for what may happen at every call: the first time, and then a count a minute.

use std::sync::atomic::{AtomicU64, Ordering};

/// How long nothing is said after something was.
const PAUSE_MS: u64 = 60_000;

/// How often something has happened, and when it was last said.
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    unsaid: AtomicU64,
    /// When it may be said again; zero: at once.
    next_ms: AtomicU64,
}

impl Seldom {
    /// It has happened. `say` is told how often it has since it was last said, this time included.
    pub(crate) fn happens(&self, now_ms: u64, say: impl FnOnce(u64)) {
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        let next = self.next_ms.load(Ordering::Relaxed);
        let until = now_ms.saturating_add(PAUSE_MS);
        let relaxed = Ordering::Relaxed;
        if now_ms >= next && self.next_ms.compare_exchange(next, until, relaxed, relaxed).is_ok() {
            say(self.unsaid.swap(0, Ordering::Relaxed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_the_first_time_and_then_once_a_minute_with_a_count() {
        let (seldom, mut said) = (Seldom::default(), Vec::new());
        for now_ms in (1_000..=181_000).step_by(1_000) {
            seldom.happens(now_ms, |times| said.push((now_ms, times)));
        }
        assert_eq!(said, [(1_000, 1), (61_000, 60), (121_000, 60), (181_000, 60)]);
    }
}
