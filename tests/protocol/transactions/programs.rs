//! Scenarios that must never go wrong, and at least how many states each must have, so that a search that goes nowhere
//! is noticed.

use std::time::Instant;

use crate::search::explore;

use super::cache::Targets;
use super::rules::Isolation::Snapshot;
use super::rules::Part::{Reader, Relay, Transaction, Writer};
use super::rules::Registration::OneByOne;
use super::rules::{Case, Faults, Isolation, Part, Plan, Registration, Scenario};

pub const NAME: Targets = Targets::NAME;
pub const TAG: Targets = Targets::TAG;
pub const BOTH: Targets = Targets::BOTH;

/// A transaction that may write once.
pub const WRITES: Plan = Plan {
    isolation: Isolation::ReadCommitted,
    registration: Registration::Together,
    writes: 1,
    calls: 0,
    savepoints: 0,
    fails: false,
    around: false,
    outbox: false,
};

/// The same that may call once in its scope.
pub const CALLS: Plan = Plan { calls: 1, ..WRITES };

pub const NONE: Faults = Faults { unanswered: 0, silences: 0, deaths: 0 };

pub fn scenario(parts: &'static [Part], entries: Targets) -> Scenario {
    Scenario { parts, entries, warm: false, faults: NONE }
}

impl Scenario {
    /// Returns the same with the entries in Redis and in memory.
    pub fn warm(self) -> Scenario {
        Scenario { warm: true, ..self }
    }

    pub fn with(self, faults: Faults) -> Scenario {
        Scenario { faults, ..self }
    }
}

fn hold(scenario: Scenario, floor: usize) {
    let began = Instant::now();
    match explore(&Case { scenario, off: None }) {
        Ok(states) => {
            let ms = began.elapsed().as_millis();
            println!("{states:>8} states in {ms:>5} ms: {scenario:?}");
            assert!(states >= floor, "{scenario:?} has {states} states only");
        }
        Err(violation) => panic!("{scenario:?}:\n{}", violation.story),
    }
}

#[test]
fn a_transaction_and_a_reader() {
    const LONG: Plan = Plan { writes: 2, calls: 2, savepoints: 1, ..WRITES };
    const HERE: &[Part] = &[Transaction(0, LONG), Reader(0, NAME)];
    hold(scenario(HERE, NAME), 11_000);
    hold(scenario(HERE, NAME).warm(), 1_500);
    const THERE: &[Part] = &[Transaction(0, LONG), Reader(1, NAME)];
    hold(scenario(THERE, NAME), 11_000);
    const CALL: &[Part] = &[Transaction(0, CALLS), Reader(0, NAME), Reader(1, NAME)];
    hold(scenario(CALL, NAME), 16_000);
}

#[test]
fn a_transaction_that_registers_one_by_one() {
    const PLAN: Plan = Plan { registration: OneByOne, calls: 2, ..WRITES };
    const PARTS: &[Part] = &[Transaction(0, PLAN), Reader(0, TAG)];
    hold(scenario(PARTS, BOTH), 5_000);
    const SAVEPOINT: Plan = Plan { savepoints: 1, registration: OneByOne, ..CALLS };
    const BOTH_READ: &[Part] =
        &[Transaction(0, Plan { calls: 1, ..PLAN }), Reader(0, NAME), Reader(0, TAG)];
    hold(scenario(BOTH_READ, BOTH), 36_000);
    const NESTED: &[Part] = &[Transaction(0, SAVEPOINT), Reader(0, TAG)];
    hold(scenario(NESTED, BOTH).warm(), 440);
}

#[test]
fn a_write_that_fails() {
    const PLAN: Plan = Plan { fails: true, savepoints: 1, calls: 2, ..WRITES };
    const PARTS: &[Part] = &[Transaction(0, PLAN), Reader(0, NAME)];
    hold(scenario(PARTS, NAME), 3_300);
    hold(scenario(PARTS, NAME).warm(), 380);
}

#[test]
fn a_transaction_and_another_writer() {
    const PARTS: &[Part] = &[Transaction(0, CALLS), Writer(1), Reader(0, NAME)];
    hold(scenario(PARTS, NAME), 46_000);
    const TWO: &[Part] = &[Transaction(0, CALLS), Transaction(1, WRITES), Reader(1, NAME)];
    hold(scenario(TWO, NAME), 62_000);
    const NEAR: &[Part] = &[Transaction(0, CALLS), Transaction(0, CALLS)];
    hold(scenario(NEAR, NAME), 53_000);
}

#[test]
fn a_transaction_that_reads_from_a_snapshot() {
    const PLAN: Plan = Plan { isolation: Snapshot, calls: 2, ..WRITES };
    const PARTS: &[Part] = &[Transaction(0, PLAN), Writer(1), Reader(0, NAME)];
    hold(scenario(PARTS, NAME), 33_000);
    const ONE: Plan = Plan { isolation: Snapshot, ..CALLS };
    const TWO: &[Part] = &[Transaction(0, ONE), Transaction(1, CALLS)];
    hold(scenario(TWO, NAME), 39_000);
    hold(scenario(TWO, NAME).warm(), 11_000);
}

#[test]
fn a_load_that_begins_a_transaction() {
    const PLAN: Plan = Plan { around: true, ..CALLS };
    const PARTS: &[Part] = &[Transaction(0, PLAN), Writer(1), Reader(0, NAME)];
    hold(scenario(PARTS, NAME), 71_000);
    const SNAPSHOT: Plan = Plan { around: true, isolation: Snapshot, ..CALLS };
    const OLD: &[Part] = &[Transaction(0, SNAPSHOT), Writer(0), Reader(0, NAME)];
    hold(scenario(OLD, NAME), 49_000);
}

#[test]
fn a_commit_without_an_answer() {
    let faults = Faults { unanswered: 1, ..NONE };
    const PARTS: &[Part] = &[Transaction(0, CALLS), Reader(1, NAME)];
    hold(scenario(PARTS, NAME).with(faults), 9_800);
    const TWO: &[Part] = &[Transaction(0, WRITES), Writer(1), Reader(0, NAME)];
    hold(scenario(TWO, NAME).with(faults), 13_000);
    let faults = Faults { unanswered: 1, silences: 1, ..NONE };
    const ONE: &[Part] = &[Transaction(0, WRITES), Writer(1), Reader(0, NAME)];
    hold(scenario(ONE, NAME).warm().with(faults), 33_000);
}

#[test]
fn an_outbox_and_a_process_that_dies_at_any_step() {
    const PLAN: Plan = Plan { outbox: true, ..WRITES };
    const PARTS: &[Part] = &[Transaction(0, PLAN), Relay(0), Relay(1), Reader(1, NAME)];
    let faults = Faults { deaths: 1, ..NONE };
    hold(scenario(PARTS, NAME).warm().with(faults), 5_900);
    const FEW: &[Part] = &[Transaction(0, PLAN), Relay(0), Reader(0, NAME)];
    let faults = Faults { deaths: 2, silences: 1, ..NONE };
    hold(scenario(FEW, NAME).with(faults), 11_000);
    let faults = Faults { deaths: 1, unanswered: 1, ..NONE };
    hold(scenario(FEW, NAME).with(faults), 5_700);
    const TWO: &[Part] = &[Transaction(0, PLAN), Transaction(1, PLAN), Relay(0)];
    let faults = Faults { deaths: 1, silences: 1, ..NONE };
    hold(scenario(TWO, NAME).warm().with(faults), 47_000);
}

#[test]
#[ignore = "takes minutes, and gigabytes: with optimisation only"]
fn transactions_at_length() {
    const LONG: Plan = Plan { writes: 2, calls: 2, savepoints: 2, around: true, ..WRITES };
    const PARTS: &[Part] = &[Transaction(0, LONG), Reader(0, NAME)];
    hold(scenario(PARTS, NAME), 19_000);
    const AROUND: Plan = Plan { savepoints: 1, around: true, ..CALLS };
    const WRITER: &[Part] = &[Transaction(0, AROUND), Writer(1), Reader(0, NAME)];
    hold(scenario(WRITER, NAME), 110_000);
    const SPLIT: Plan = Plan { registration: OneByOne, calls: 2, savepoints: 1, ..WRITES };
    const SPLIT_READ: &[Part] = &[Transaction(0, SPLIT), Reader(0, NAME), Reader(0, TAG)];
    hold(scenario(SPLIT_READ, BOTH), 91_000);
    const OLD: Plan = Plan { isolation: Snapshot, calls: 2, ..WRITES };
    const TWO: &[Part] = &[Transaction(0, OLD), Transaction(1, CALLS), Reader(0, NAME)];
    hold(scenario(TWO, NAME), 910_000);
    let faults = Faults { unanswered: 1, ..NONE };
    const READERS: &[Part] = &[Transaction(0, CALLS), Reader(0, NAME), Reader(1, NAME)];
    hold(scenario(READERS, NAME).with(faults), 150_000);
    let faults = Faults { unanswered: 1, silences: 1, ..NONE };
    const READ: &[Part] = &[Transaction(0, CALLS), Writer(1), Reader(0, NAME)];
    hold(scenario(READ, NAME).with(faults), 1_300_000);
    const OUTBOX: Plan = Plan { outbox: true, ..WRITES };
    const RELAYS: &[Part] = &[Transaction(0, OUTBOX), Relay(0), Relay(1), Reader(1, NAME)];
    let faults = Faults { unanswered: 1, silences: 1, deaths: 1 };
    hold(scenario(RELAYS, NAME).with(faults), 260_000);
}
