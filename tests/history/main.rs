//! A long random history: processes that read, load, put and invalidate the same few entries,
//! while Redis and the way to it fail in every way; and afterwards a check that no read saw what
//! it must not have seen.
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `HISTORY_MODE` | all | the mode of the caches: `redis`, `tiered` |
//! | `HISTORY_SECONDS` | 5 | how long a history is, unless the number of operations says so |
//! | `HISTORY_OPERATIONS` | | how many operations it has at least |
//! | `HISTORY_PROCESSES` | 4 | how many processes there are at a time |
//! | `HISTORY_TASKS` | 6 | how many tasks each of them has |
//! | `HISTORY_SEED` | the time | what the random numbers are made from |
//! | `HISTORY_CALM` | | set: nothing fails |
//!
//! `make soak` runs a million operations. The seed decides what everybody tries, not how the
//! threads of this machine take turns: a violation found once may take some runs to be found again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]
#![allow(unreachable_pub, reason = "a test binary is reached by nobody")]

mod checker;
mod disturber;
mod plan;
mod processes;
mod report;
mod run;

use plan::Plan;

#[test]
fn no_process_reads_what_was_invalidated_before() {
    for mode in plan::modes() {
        let outcome = run::run(&Plan::of(mode));
        println!("{}", report::summary(&outcome));
        assert!(outcome.verdict.violations.is_empty(), "{}", report::violations(&outcome));
    }
}
