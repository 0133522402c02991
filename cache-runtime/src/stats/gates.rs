//! The statistics of sources, and of functions with a limit of their own.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// The numbers of a source with a limit, or of a function with `max_loads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GateStats {
    /// The name of the source; that of the function for its `max_loads`.
    pub name: String,
    /// The maximum number of bodies that run at once.
    pub limit: u32,
    /// Bodies that run now. Bodies that share the permit of another one are not counted.
    pub running: u32,
    /// Loads that wait now.
    pub waiting: u64,
    /// Loads that had to wait.
    pub queued: u64,
    /// Microseconds for which loads have waited.
    pub waited_micros: u64,
    /// Loads that were given up instead of waiting (`shed`).
    pub shed: u64,
    /// True while the breaker is open, because the source fails; `None` without a breaker.
    pub open: Option<bool>,
}

impl GateStats {
    /// Returns the time for which loads have waited.
    pub fn waited(&self) -> Duration {
        Duration::from_micros(self.waited_micros)
    }
}

impl fmt::Display for GateStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GateStats { name, limit, running, waiting, queued, shed, open, .. } = self;
        let waited = self.waited();
        write!(
            f,
            "{name}: {running} of {limit} loads run, {waiting} wait; {queued} have waited {waited:.1?}; {shed} were shed"
        )?;
        if *open == Some(true) { f.write_str("; it fails (its breaker is open)") } else { Ok(()) }
    }
}
