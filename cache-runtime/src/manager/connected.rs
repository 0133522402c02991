//! Remembers that a manager was connected and not used since, for a warning.

use std::sync::atomic::{AtomicBool, Ordering};

/// True if a manager was connected, and none was installed, no scope was opened and no attribute named one since.
static IN_VAIN: AtomicBool = AtomicBool::new(false);

/// Notes that a manager was connected.
pub(super) fn note() {
    IN_VAIN.store(true, Ordering::Relaxed);
}

/// Notes that the program has chosen the manager that it uses.
pub(super) fn note_use() {
    // Scopes are opened often and on many cores, so the common case only reads.
    if is_in_vain() {
        IN_VAIN.store(false, Ordering::Relaxed);
    }
}

/// Returns true if a manager was connected and not used since.
pub(super) fn is_in_vain() -> bool {
    IN_VAIN.load(Ordering::Relaxed)
}
