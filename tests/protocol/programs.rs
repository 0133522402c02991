//! Programs that must never go wrong: who takes part, what may happen to them, and at least how
//! many states there must be, so that a search that goes nowhere is noticed.

use std::time::Instant;

use crate::redis::What::{Name, Prefix};
use crate::rules::Known::{Before, Within};
use crate::rules::Role::{Call, Clear, Invalidate, Put};
use crate::rules::Start::{Cold, Mirrored, Stored, Warm};
use crate::rules::{Model, Program, Role, Start};
use crate::search::explore;
use crate::state::Mishaps;

pub const NONE: Mishaps = Mishaps {
    evictions: 0,
    doubles: 0,
    interruptions: 0,
    lapses: 0,
    silences: 0,
    rollbacks: 0,
    cuts: 0,
    failures: 0,
};

pub fn program(start: Start, roles: &'static [Role], mishaps: Mishaps) -> Program {
    Program { start, roles, mishaps }
}

fn holds(start: Start, roles: &'static [Role], mishaps: Mishaps, floor: usize) {
    let began = Instant::now();
    let program = program(start, roles, mishaps);
    match explore(&Model { program, off: None }) {
        Ok(states) => {
            let ms = began.elapsed().as_millis();
            println!("{states:>8} states in {ms:>5} ms: {start:?}, {roles:?}, {mishaps:?}");
            assert!(states >= floor, "{program:?} has {states} states only");
        }
        Err(violation) => panic!("{program:?}:\n{}", violation.story),
    }
}

#[test]
fn loads_and_an_invalidation_with_evictions() {
    let mishaps = Mishaps { evictions: 2, ..NONE };
    holds(Cold, &[Call(0), Call(1), Invalidate(0, Name)], mishaps, 30_000);
    holds(Mirrored, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps, 50_000);
    holds(Warm, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps, 9_000);
    let mishaps = Mishaps { evictions: 1, ..NONE };
    holds(Stored, &[Call(0), Call(1), Invalidate(0, Name)], mishaps, 30_000);
}

#[test]
fn three_loads_and_an_invalidation() {
    holds(Cold, &[Call(0), Call(1), Call(1), Invalidate(0, Name)], NONE, 90_000);
    holds(Cold, &[Call(0), Call(1), Call(1), Invalidate(0, Prefix)], NONE, 100_000);
    holds(Mirrored, &[Call(0), Call(1), Call(1), Invalidate(0, Prefix)], NONE, 50_000);
}

#[test]
fn two_invalidations_with_notices_in_any_order_and_doubled() {
    let roles = &[Call(0), Call(1), Invalidate(0, Name), Invalidate(1, Prefix)];
    holds(Mirrored, roles, NONE, 50_000);
    let mishaps = Mishaps { doubles: 1, ..NONE };
    let roles = &[Call(1), Call(1), Invalidate(0, Prefix), Invalidate(0, Prefix)];
    holds(Mirrored, roles, mishaps, 100_000);
}

#[test]
fn a_feed_that_is_interrupted_and_a_lease_that_lapses() {
    let mishaps = Mishaps { interruptions: 1, lapses: 1, doubles: 1, ..NONE };
    holds(Warm, &[Invalidate(0, Name), Invalidate(0, Prefix)], mishaps, 3_000);
    holds(Stored, &[Call(1), Invalidate(0, Name)], mishaps, 7_000);
    holds(Mirrored, &[Call(1), Invalidate(0, Prefix)], mishaps, 10_000);
    let mishaps = Mishaps { interruptions: 1, ..NONE };
    holds(Mirrored, &[Call(1), Call(1), Invalidate(0, Prefix)], mishaps, 40_000);
}

#[test]
fn an_invalidation_that_is_not_confirmed() {
    let mishaps = Mishaps { silences: 1, evictions: 1, ..NONE };
    holds(Cold, &[Call(0), Call(1), Invalidate(0, Name)], mishaps, 70_000);
    holds(Mirrored, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps, 80_000);
    let mishaps = Mishaps { silences: 2, ..NONE };
    holds(Mirrored, &[Call(0), Invalidate(0, Name), Invalidate(1, Prefix)], mishaps, 50_000);
}

#[test]
fn a_server_that_comes_back_with_older_data() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    holds(Cold, &[Call(0), Invalidate(1, Name)], mishaps, 20_000);
    holds(Mirrored, &[Call(0), Invalidate(0, Prefix)], mishaps, 20_000);
    let mishaps = Mishaps { rollbacks: 1, silences: 1, ..NONE };
    holds(Stored, &[Call(1), Invalidate(0, Name)], mishaps, 80_000);
    let mishaps = Mishaps { rollbacks: 2, ..NONE };
    holds(Warm, &[Invalidate(0, Name)], mishaps, 5_000);
}

#[test]
fn a_connection_that_is_lost_while_the_feed_is_heard() {
    let mishaps = Mishaps { cuts: 1, silences: 1, ..NONE };
    holds(Stored, &[Call(0), Invalidate(0, Name)], mishaps, 3_000);
    holds(Mirrored, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps, 50_000);
    let mishaps = Mishaps { cuts: 1, ..NONE };
    holds(Mirrored, &[Call(0), Invalidate(0, Name), Invalidate(1, Prefix)], mishaps, 5_000);
    holds(Warm, &[Call(0), Put(0, Within), Invalidate(1, Name)], mishaps, 3_000);
}

#[test]
fn a_put_a_load_and_an_invalidation() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    holds(Stored, &[Call(0), Put(1, Within), Invalidate(0, Name)], mishaps, 40_000);
    holds(Stored, &[Call(1), Put(1, Within), Invalidate(0, Prefix)], mishaps, 60_000);
    holds(Cold, &[Call(0), Put(1, Before), Invalidate(1, Name)], mishaps, 20_000);
    holds(Mirrored, &[Call(0), Put(1, Before), Invalidate(0, Prefix)], mishaps, 30_000);
    holds(Warm, &[Call(0), Call(1), Put(0, Within), Invalidate(1, Name)], NONE, 18_000);
}

#[test]
fn two_puts_and_loads() {
    let mishaps = Mishaps { silences: 1, ..NONE };
    holds(Warm, &[Call(0), Put(0, Within), Put(1, Within)], mishaps, 10_000);
    holds(Cold, &[Call(0), Put(0, Before), Put(1, Within)], mishaps, 70_000);
    holds(Warm, &[Call(0), Call(1), Put(0, Before), Put(1, Before)], NONE, 10_000);
}

#[test]
fn a_put_when_the_server_comes_back_with_older_data() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    holds(Warm, &[Call(0), Put(0, Within)], mishaps, 5_000);
    holds(Stored, &[Call(1), Put(0, Before)], mishaps, 70_000);
}

#[test]
fn loads_and_a_clearing() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    holds(Cold, &[Call(0), Call(1), Clear(0)], mishaps, 20_000);
    holds(Mirrored, &[Call(0), Call(1), Clear(0)], mishaps, 10_000);
    holds(Warm, &[Call(0), Call(1), Clear(0)], mishaps, 1_000);
    holds(Mirrored, &[Call(0), Call(1), Clear(0), Invalidate(1, Name)], NONE, 90_000);
    holds(Mirrored, &[Call(1), Put(0, Within), Clear(0)], NONE, 6_000);
    holds(Mirrored, &[Call(1), Put(1, Within), Clear(0)], NONE, 5_000);
}

#[test]
fn bodies_that_fail() {
    let mishaps = Mishaps { failures: 1, evictions: 1, ..NONE };
    holds(Cold, &[Call(0), Call(1), Invalidate(0, Name)], mishaps, 10_000);
    holds(Stored, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps, 50_000);
}

#[test]
#[ignore = "takes minutes, and gigabytes: with optimisation only"]
fn mishaps_of_all_kinds_at_once() {
    let roles = &[Call(0), Call(1), Call(1), Invalidate(0, Prefix)];
    holds(Mirrored, roles, Mishaps { evictions: 1, silences: 1, doubles: 1, ..NONE }, 1_000_000);
    let roles = &[Call(0), Call(1), Invalidate(0, Name)];
    let mishaps = Mishaps { evictions: 1, doubles: 1, interruptions: 1, silences: 1, ..NONE };
    holds(Stored, roles, mishaps, 1_000_000);
    let mishaps = Mishaps { evictions: 1, rollbacks: 1, silences: 1, ..NONE };
    holds(Cold, roles, mishaps, 1_000_000);
    let roles = &[Call(0), Call(1), Put(0, Within), Invalidate(1, Name)];
    holds(Stored, roles, Mishaps { evictions: 1, silences: 1, ..NONE }, 1_000_000);
}
