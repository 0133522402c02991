//! The patterns that were cleared recently.
//!
//! A clear does not know the names of running loads and puts. So they compare their names with these
//! patterns when they store.

use std::collections::VecDeque;

use crate::key::glob::Pattern;

/// The maximum number of patterns that are remembered. If more are cleared during a load, the load counts as
/// matched.
const REMEMBERED: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Scans {
    /// The number of the last pattern.
    last: u64,
    /// The last patterns, the oldest first.
    patterns: VecDeque<Pattern>,
}

impl Scans {
    /// Remembers a pattern, and returns its number.
    pub(crate) fn begin(&mut self, pattern: &Pattern) -> u64 {
        if self.patterns.len() == REMEMBERED {
            self.patterns.pop_front();
        }
        self.patterns.push_back(pattern.clone());
        self.last += 1;
        self.last
    }

    /// Returns true if a pattern with a larger number than this may match a name.
    pub(crate) fn may_match_since<'n>(&self, number: u64, name: impl FnOnce() -> &'n str) -> bool {
        let newer = usize::try_from(self.last - number.min(self.last)).unwrap_or(usize::MAX);
        if newer == 0 {
            return false;
        }
        let name = name();
        newer > self.patterns.len()
            || self.patterns.iter().rev().take(newer).any(|pattern| pattern.matches(name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
    use super::*;

    #[test]
    fn a_name_is_compared_with_the_patterns_that_came_later() {
        let mut scans = Scans::default();
        let pattern = |text: &str| Pattern::new(text).unwrap();
        let first = scans.begin(&pattern("a:*"));
        let matches = |scans: &Scans, number, name| scans.may_match_since(number, || name);
        assert!(matches(&scans, 0, "a:1") && !matches(&scans, 0, "b:1"));
        assert!(!matches(&scans, first, "a:1"));
        for _ in 0..REMEMBERED {
            scans.begin(&pattern("c:*"));
        }
        assert!(matches(&scans, 0, "b:1"), "one that is forgotten might have matched");
        assert!(!matches(&scans, first, "b:1"));
    }
}
