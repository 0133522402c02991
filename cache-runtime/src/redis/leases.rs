//! The result of the trial of leases: placeholders that other processes wait for.
//!
//! If the right to remove a placeholder is missing, the placeholder stays until it expires. The processes
//! that wait for a failed load wait until then. So the rights are tried once for each connection, with a
//! placeholder made for this.

use std::sync::atomic::{AtomicU8, Ordering};

const UNKNOWN: u8 = 0;
const YES: u8 = 1;
const NO: u8 = 2;

/// The result of the trial.
#[derive(Debug, Default)]
pub(super) struct Leases(AtomicU8);

impl Leases {
    /// Forgets the result: another connection may have other rights.
    pub(super) fn forget(&self) {
        self.0.store(UNKNOWN, Ordering::Release);
    }

    /// Returns the result for this connection, if there is one.
    pub(super) fn known(&self) -> Option<bool> {
        match self.0.load(Ordering::Acquire) {
            UNKNOWN => None,
            known => Some(known == YES),
        }
    }

    /// Notes the result of a trial. Returns true if it differs from the one before.
    pub(super) fn note(&self, can: bool) -> bool {
        let new = if can { YES } else { NO };
        self.0.swap(new, Ordering::AcqRel) != new
    }
}
