//! Panics of the user's code.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the user's code returns; `None` if it panics, which no caller of the cache has deserved.
pub(crate) fn unless_panicking<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}
