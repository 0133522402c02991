//! A long random history: processes that read, load, put and invalidate the same few entries,
//! while Redis and the way to it fail in every way; and afterwards a check that no read saw what
//! it must not have seen.
//!
//! Some of the operations are calls of many keys: through functions that have the entries of the
//! functions of one key, through one that has entries of its own, and through the direct API. They
//! are dropped half-way as other calls are. Each of their keys is checked as a read of its own. A
//! history in which one of these kinds has seen no value is a failure.
//!
//! The values of one group have an owner, and so a tag of their own. A change of them invalidates the tag of the old owner
//! alone. Other functions inherit: their values contain the data of several keys, on two or three levels. Each datum
//! is checked as a read of its own. A history that has not seen such values, also stored ones, is a failure.
//!
//! Some changes are invalidated softly. Functions that may serve stale values may then return older values for a time, the others
//! must not.
//!
//! Redis is one server, or a cluster of six of which masters die, fall silent, forget what they have
//! confirmed and hand over slots. Old snapshots and what happens on the way to Redis are left to the
//! one server: the nodes of a cluster say themselves where they are, so nothing can be put before
//! them, and one that is restarted follows those that went on.
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `HISTORY_MODE` | all | the mode of the caches: `redis`, `tiered` |
//! | `HISTORY_REDIS` | all | what Redis is: `single`, `cluster` |
//! | `HISTORY_SECONDS` | 5, in a cluster 6 | how long a history is, unless the number of operations says so |
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
mod redis;
mod report;
mod run;

use cache_tests::history::How;

use checker::Sight;

#[test]
fn no_process_reads_what_was_invalidated_before() {
    for plan in plan::plans() {
        let outcome = run::run(&plan);
        println!("{}", report::summary(&outcome));
        let of_many = &outcome.verdict.checked_of_many;
        for how in How::READS_OF_MANY {
            assert!(of_many.contains_key(&how), "no value seen by {how:?}: {of_many:?}");
        }
        for sight in Sight::ALL {
            let sights = &outcome.verdict.sights;
            assert!(sights.contains_key(&sight), "no value seen of {sight:?}: {sights:?}");
        }
        assert!(outcome.verdict.violations.is_empty(), "{}", report::violations(&outcome));
    }
}
