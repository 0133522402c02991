//! Random histories of transactions, with PostgreSQL as the truth.
//!
//! Several processes read and change a few rows of a table through a cache in Redis, with copies in memory and without.
//! Some of their transactions commit, others are rolled back, dropped, or lost with their connection; meanwhile Redis
//! fails, connections of the database are killed, and so is a process whose transactions use the outbox. Everything that
//! they have seen is recorded, and checked afterwards: see [`checker`].
//!
//! The processes are this test program: it starts itself again, with the ignored test [`process`].
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `HISTORY_OPERATIONS` | 100,000 | how many operations there are at least, in both modes together |
//! | `HISTORY_MODE` | both | the mode of the caches: `redis`, `tiered` |
//! | `HISTORY_PROCESSES` | 3 | how many processes there are at a time; one of them is killed now and then |
//! | `HISTORY_TASKS` | 4 | how many tasks each of them has |
//! | `HISTORY_SEED` | the time | what the random numbers are made from |
//! | `HISTORY_CALM` | | set: nothing fails |
//!
//! A history goes on until each kind of faults has been there. One in which a kind of reads, changes or ends is missing is a failure. The seed decides what
//! everybody tries, not how the threads of this machine take turns.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]
#![allow(unreachable_pub, reason = "a test binary is reached by nobody")]

mod checker;
mod children;
mod disturber;
mod event;
mod item;
mod plan;
mod process;
mod report;
mod run;

use event::{Fact, How, Outcome};
use run::Outcome as Lived;

#[test]
fn no_read_sees_what_a_commit_has_replaced_or_a_rollback_has_undone() {
    for plan in plan::plans() {
        let lived = run::run(&plan);
        println!("{}", report::summary(&lived));
        let missing = missing(&lived);
        assert!(lived.verdict.violations.is_empty(), "{}", report::violations(&lived));
        assert!(missing.is_empty(), "it has not happened: {missing:?}");
    }
}

/// Returns the kinds of events that the history does not contain.
fn missing(lived: &Lived) -> Vec<String> {
    let verdict = &lived.verdict;
    let mut missing = Vec::new();
    let reads = How::ALL.iter().filter(|how| !verdict.reads.contains_key(how));
    missing.extend(reads.map(|how| format!("{how:?}")));
    let facts = Fact::NEEDED.iter().filter(|fact| !verdict.facts.contains_key(fact));
    missing.extend(facts.map(|fact| format!("{fact:?}")));
    let outcomes = [Outcome::Committed, Outcome::RolledBack, Outcome::Unknown];
    let outcomes = outcomes.iter().filter(|outcome| !verdict.outcomes.contains_key(outcome));
    missing.extend(outcomes.map(|outcome| format!("{outcome:?}")));
    let sources = lived.plan.mode.sources().iter().filter(|source| verdict.from(source) == 0);
    missing.extend(sources.map(|source| format!("a read from {source}")));
    if verdict.own_reads == 0 {
        missing.push("a read of an own row".to_owned());
    }
    missing
}
