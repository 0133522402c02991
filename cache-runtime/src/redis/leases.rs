//! What is known of whether placeholders that others wait for can be set, renewed and taken away with
//! the rights that there are.
//!
//! Where one of them is missing a placeholder stays until it ends by itself, and whoever waits for a
//! load that has failed would wait for that. So who finds another's placeholder tries it out, once for
//! each connection, with a placeholder of its own.

use std::sync::atomic::{AtomicU8, Ordering};

const UNKNOWN: u8 = 0;
const YES: u8 = 1;
const NO: u8 = 2;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Leases(AtomicU8);

impl Leases {
    /// Another connection may have other rights.
    pub(super) fn forget(&self) {
        self.0.store(UNKNOWN, Ordering::Release);
    }

    /// What is known of this connection.
    pub(super) fn known(&self) -> Option<bool> {
        match self.0.load(Ordering::Acquire) {
            UNKNOWN => None,
            known => Some(known == YES),
        }
    }

    /// Notes what came of a trial. Returns whether that is another than before.
    pub(super) fn note(&self, can: bool) -> bool {
        let new = if can { YES } else { NO };
        self.0.swap(new, Ordering::AcqRel) != new
    }
}
