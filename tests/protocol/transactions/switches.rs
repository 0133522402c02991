//! Each rule switched off: the model must find out what it is good for.

use crate::search::{Violation, explore};

use super::programs::{BOTH, CALLS, NAME, NONE, TAG, WRITES, scenario};
use super::rules::Isolation::Snapshot;
use super::rules::Part::{Reader, Relay, Transaction, Writer};
use super::rules::Registration::OneByOne;
use super::rules::{Case, Faults, Part, Plan, Safeguard, Scenario};

/// The words with which a violation ends.
const UNCOMMITTED: &str = "which is uncommitted";
const OUTDATED: &str = "which is outdated";
const OWN_IS_UNSEEN: &str = "which its transaction has written";
const LOST: &str = "in the end";

const OUTBOX: Plan = Plan { outbox: true, ..WRITES };

/// The scenario goes well with the rule, and in this way badly without it.
fn needs(safeguard: Safeguard, scenario: Scenario, fault: &str) {
    let with = explore(&Case { scenario, off: None });
    let states =
        with.unwrap_or_else(|violation| panic!("{safeguard:?} is on:\n{}", violation.story));
    match explore(&Case { scenario, off: Some(safeguard) }) {
        Ok(_) => panic!("without {safeguard:?} nothing goes wrong in {states} states"),
        Err(Violation { steps, story }) => {
            println!(
                "{states} states hold; without {safeguard:?} {steps} steps go wrong:\n{story}"
            );
            let last = story.lines().last().unwrap();
            assert!(last.contains(fault), "not {fault:?}");
        }
    }
}

/// Checks that nothing goes wrong even without the rule.
fn can_do_without(safeguard: Safeguard, scenario: Scenario, floor: usize) {
    match explore(&Case { scenario, off: Some(safeguard) }) {
        Ok(states) => assert!(states >= floor, "{states} states only"),
        Err(violation) => panic!("without {safeguard:?}:\n{}", violation.story),
    }
}

#[test]
fn an_invalidation_before_the_commit_lets_a_reader_bring_the_old_value_back() {
    const PARTS: &[Part] = &[Transaction(0, WRITES), Reader(1, NAME)];
    needs(Safeguard::CommitsFirst, scenario(PARTS, NAME), OUTDATED);
}

#[test]
fn a_commit_returns_when_it_has_invalidated() {
    needs(Safeguard::ReturnsLast, scenario(&[Transaction(0, WRITES)], NAME).warm(), OUTDATED);
}

#[test]
fn a_put_that_stores_after_the_commit_overwrites_a_newer_one() {
    const PARTS: &[Part] = &[Transaction(0, WRITES), Writer(1)];
    needs(Safeguard::PutsRemove, scenario(PARTS, NAME), OUTDATED);
}

#[test]
fn a_hit_hides_what_the_transaction_has_written() {
    let scenario = scenario(&[Transaction(0, CALLS)], NAME).warm();
    needs(Safeguard::PendingIsNotRead, scenario, OWN_IS_UNSEEN);
}

#[test]
fn a_flight_hides_what_the_transaction_has_written() {
    const PARTS: &[Part] = &[Transaction(0, CALLS), Reader(0, NAME)];
    needs(Safeguard::PendingIsNotJoined, scenario(PARTS, NAME), OWN_IS_UNSEEN);
}

#[test]
fn a_load_while_something_is_pending_is_not_stored() {
    const PARTS: &[Part] = &[Transaction(0, CALLS)];
    needs(Safeguard::PendingIsNotStored, scenario(PARTS, NAME), UNCOMMITTED);
}

#[test]
fn a_load_while_something_is_pending_is_not_shared() {
    const PARTS: &[Part] = &[Transaction(0, CALLS), Reader(0, NAME)];
    needs(Safeguard::PendingIsNotShared, scenario(PARTS, NAME), UNCOMMITTED);
}

/// Another dependency of the row may be registered later, or never.
#[test]
fn a_load_while_anything_is_pending_is_not_stored() {
    const PLAN: Plan = Plan { registration: OneByOne, ..CALLS };
    const PARTS: &[Part] = &[Transaction(0, PLAN)];
    needs(Safeguard::AnyPendingCounts, scenario(PARTS, BOTH), UNCOMMITTED);
}

#[test]
fn a_load_between_a_write_and_its_registration_would_be_stored() {
    needs(Safeguard::RegistersFirst, scenario(&[Transaction(0, CALLS)], NAME), UNCOMMITTED);
}

#[test]
fn a_load_whose_body_writes_is_not_stored() {
    needs(Safeguard::AdditionsCount, scenario(&[Transaction(0, CALLS)], NAME), UNCOMMITTED);
}

#[test]
fn a_load_is_watched_from_the_look_for_its_entry() {
    let scenario = scenario(&[Transaction(0, CALLS)], NAME);
    needs(Safeguard::AdditionsCountFromTheLook, scenario, UNCOMMITTED);
}

#[test]
fn a_load_whose_body_rolls_back_what_it_has_read_is_not_stored() {
    const PLAN: Plan = Plan { savepoints: 1, ..CALLS };
    const PARTS: &[Part] = &[Transaction(0, PLAN)];
    needs(Safeguard::AdditionsAreNotTakenBack, scenario(PARTS, NAME), UNCOMMITTED);
}

#[test]
fn a_load_whose_body_begins_a_transaction_that_writes_is_not_stored() {
    const PLAN: Plan = Plan { around: true, ..CALLS };
    const PARTS: &[Part] = &[Transaction(0, PLAN)];
    needs(Safeguard::LoadsAroundCount, scenario(PARTS, NAME), UNCOMMITTED);
}

#[test]
fn a_load_from_a_snapshot_is_not_stored() {
    const PLAN: Plan = Plan { isolation: Snapshot, calls: 2, ..WRITES };
    const PARTS: &[Part] = &[Transaction(0, PLAN), Writer(1)];
    needs(Safeguard::SnapshotsAreNotStored, scenario(PARTS, NAME), OUTDATED);
}

#[test]
fn a_load_from_a_snapshot_is_not_shared() {
    const PLAN: Plan = Plan { isolation: Snapshot, calls: 2, ..WRITES };
    const PARTS: &[Part] = &[Transaction(0, PLAN), Writer(0), Reader(0, NAME)];
    needs(Safeguard::SnapshotsAreNotShared, scenario(PARTS, NAME), OUTDATED);
}

#[test]
fn a_commit_without_an_answer_has_perhaps_happened() {
    let faults = Faults { unanswered: 1, ..NONE };
    let scenario = scenario(&[Transaction(0, WRITES)], NAME).warm().with(faults);
    needs(Safeguard::UnknownInvalidatesAtOnce, scenario, OUTDATED);
}

#[test]
fn a_commit_without_an_answer_may_happen_after_the_invalidation() {
    let faults = Faults { unanswered: 1, ..NONE };
    const PARTS: &[Part] = &[Transaction(0, WRITES), Reader(0, NAME)];
    let scenario = scenario(PARTS, NAME).with(faults);
    needs(Safeguard::UnknownInvalidatesAgain, scenario, LOST);
    needs(Safeguard::AgainIsLate, scenario, LOST);
}

#[test]
fn without_an_outbox_a_process_that_dies_loses_an_invalidation() {
    let faults = Faults { deaths: 1, ..NONE };
    const PARTS: &[Part] = &[Transaction(0, OUTBOX), Relay(1)];
    let scenario = scenario(PARTS, NAME).warm().with(faults);
    needs(Safeguard::OutboxIsWritten, scenario, LOST);
}

#[test]
fn the_row_of_an_outbox_is_written_in_the_transaction() {
    let faults = Faults { deaths: 1, ..NONE };
    const PARTS: &[Part] = &[Transaction(0, OUTBOX), Relay(1)];
    let scenario = scenario(PARTS, NAME).warm().with(faults);
    needs(Safeguard::RowIsNotLate, scenario, LOST);
    const READ: &[Part] = &[Transaction(0, OUTBOX), Relay(1), Reader(1, NAME)];
    needs(Safeguard::RowIsNotEarly, self::scenario(READ, NAME).with(faults), LOST);
}

#[test]
fn the_row_of_an_outbox_is_deleted_after_its_invalidation() {
    let faults = Faults { deaths: 1, ..NONE };
    const PARTS: &[Part] = &[Transaction(0, OUTBOX), Relay(0)];
    let scenario = scenario(PARTS, NAME).warm().with(faults);
    needs(Safeguard::RowsAreDeletedLast, scenario, LOST);
}

#[test]
fn the_row_of_an_outbox_is_deleted_when_its_invalidation_is_confirmed() {
    let faults = Faults { deaths: 1, silences: 1, ..NONE };
    const ALONE: &[Part] = &[Transaction(0, OUTBOX)];
    let scenario = scenario(ALONE, NAME).warm().with(faults);
    needs(Safeguard::RowsWaitForConfirmation, scenario, LOST);
}

/// So nothing depends on what is registered, or when: only hits do.
#[test]
fn where_no_load_is_stored_none_has_to_be_watched() {
    const PLAN: Plan =
        Plan { isolation: Snapshot, registration: OneByOne, savepoints: 1, calls: 1, ..WRITES };
    const PARTS: &[Part] = &[Transaction(0, PLAN), Reader(0, TAG)];
    let rules = [
        Safeguard::PendingIsNotStored,
        Safeguard::PendingIsNotShared,
        Safeguard::AnyPendingCounts,
        Safeguard::AdditionsCount,
        Safeguard::AdditionsAreNotTakenBack,
        Safeguard::RegistersFirst,
    ];
    for safeguard in rules {
        can_do_without(safeguard, scenario(PARTS, BOTH), 1_600);
    }
}

/// There is a row if the commit has happened.
#[test]
fn with_an_outbox_a_commit_without_an_answer_needs_one_invalidation() {
    let faults = Faults { unanswered: 1, ..NONE };
    const PARTS: &[Part] = &[Transaction(0, OUTBOX), Relay(1), Reader(0, NAME)];
    let scenario = scenario(PARTS, NAME).with(faults);
    can_do_without(Safeguard::UnknownInvalidatesAgain, scenario, 1_900);
}

#[test]
fn a_savepoint_that_is_released_leaves_its_invalidations_to_the_transaction() {
    const PLAN: Plan = Plan { savepoints: 1, ..WRITES };
    let scenario = scenario(&[Transaction(0, PLAN)], NAME).warm();
    needs(Safeguard::ReleasesKeepPending, scenario, LOST);
}

#[test]
fn a_savepoint_that_is_rolled_back_discards_its_own_invalidations_alone() {
    const PLAN: Plan = Plan { savepoints: 1, ..WRITES };
    let scenario = scenario(&[Transaction(0, PLAN)], NAME).warm();
    needs(Safeguard::RollbacksKeepOuter, scenario, LOST);
}

#[test]
fn a_call_in_a_savepoint_depends_on_what_the_transaction_has_written() {
    const PLAN: Plan = Plan { savepoints: 1, ..CALLS };
    const PARTS: &[Part] = &[Transaction(0, PLAN)];
    needs(Safeguard::SavepointsSeeOuter, scenario(PARTS, NAME).warm(), OWN_IS_UNSEEN);
    needs(Safeguard::SavepointsSeeOuter, scenario(PARTS, NAME), UNCOMMITTED);
}

/// The call's own scope may be that of the transaction.
#[test]
fn a_call_depends_on_what_an_open_savepoint_has_written() {
    const PLAN: Plan = Plan { savepoints: 1, ..CALLS };
    const PARTS: &[Part] = &[Transaction(0, PLAN)];
    needs(Safeguard::OuterSeesSavepoints, scenario(PARTS, NAME).warm(), OWN_IS_UNSEEN);
    needs(Safeguard::OuterSeesSavepoints, scenario(PARTS, NAME), UNCOMMITTED);
}

#[test]
fn a_load_after_a_write_that_has_failed_is_not_stored() {
    const PLAN: Plan = Plan { fails: true, ..CALLS };
    needs(Safeguard::FailedWritesCount, scenario(&[Transaction(0, PLAN)], NAME), UNCOMMITTED);
}

/// It would be lost if the transaction around it is rolled back.
#[test]
fn another_transaction_in_the_scope_invalidates_when_it_commits() {
    const PARTS: &[Part] = &[Transaction(0, WRITES), Writer(0)];
    needs(Safeguard::OthersDoNotWait, scenario(PARTS, NAME).warm(), OUTDATED);
}

/// It would only cost loads.
#[test]
fn an_invalidation_after_a_rollback_does_no_harm() {
    const PLAN: Plan = Plan { savepoints: 1, ..CALLS };
    const PARTS: &[Part] = &[Transaction(0, PLAN), Reader(0, NAME)];
    can_do_without(Safeguard::RollbacksDoNotInvalidate, scenario(PARTS, NAME), 1_900);
    can_do_without(Safeguard::RollbacksDiscardOwn, scenario(PARTS, NAME), 1_700);
}
