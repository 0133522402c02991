//! Panics of the user's code.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the user's code, and returns its result, or `None` if it panics. The panic does not reach the
/// caller of the cache.
pub(crate) fn unless_panicking<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

/// Drops values of a user's type one by one. If a `Drop` panics, all other values are still dropped, and no
/// caller fails (R3).
pub(crate) fn drop_each<T>(values: impl IntoIterator<Item = T>) {
    for value in values {
        let _ = unless_panicking(move || drop(value));
    }
}
