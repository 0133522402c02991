//! The counts of a gate.

use crate::stats::Counter;

/// The events at a gate.
#[derive(Debug, Default)]
pub(super) struct GateCounters {
    /// Loads that had to wait.
    pub(super) queued: Counter,
    /// The time that they have waited.
    pub(super) waited_micros: Counter,
    /// Loads that were given up instead of waiting.
    pub(super) shed: Counter,
}
