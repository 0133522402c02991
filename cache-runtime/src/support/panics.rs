//! Panics of the user's code.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the user's code, and returns its result, or `None` if it panics. The panic does not reach the
/// caller of the cache.
pub(crate) fn unless_panicking<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

/// Drops values of a user's type one by one. A `Drop` that panics fails no caller (R3), and all other values are
/// dropped.
pub(crate) fn drop_each<T>(values: impl IntoIterator<Item = T>) {
    for value in values {
        let _ = unless_panicking(move || drop(value));
    }
}
