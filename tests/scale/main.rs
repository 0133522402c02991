//! Measures what grows with entries, instances and invalidations: the figures of `docs/capacity.md`.
//!
//! `measured` measures in a real Redis what one entry, one token, one notice, one connection and one call
//! take, and fails if that differs from `paper`. `simulated` runs instances against one another, and compares
//! the result with closed forms. These extrapolate to 1,000 instances and 10^9 entries, which have not been
//! run.
//!
//! `SCALE=full` makes both larger, and prints more; `make scale` does that in a release build. Times are
//! printed and never asserted.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod measured;
mod paper;
mod simulated;
mod table;

/// Returns whether the full measurement is requested.
fn is_full() -> bool {
    std::env::var("SCALE").is_ok_and(|value| value == "full")
}
