//! Programs that must never go wrong: who takes part, what may happen to them, and at least how
//! many states there must be, so that a search that goes nowhere is noticed.

use std::time::Instant;

use crate::redis::What::{Name, Prefix, PrefixAndOwn};
use crate::rules::Known::{Before, Within};
use crate::rules::Role::{Call, Clear, Direct, Invalidate, Other, Put};
use crate::rules::Servers::{PrefixApart, RootApart, TokensApart};
use crate::rules::Start::{Cold, Stored, TokensCached, Warm};
use crate::rules::{Model, Program, Role, Servers, Start, Tag};
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
    forks: 0,
    drops: 0,
};

pub fn program(start: Start, roles: &'static [Role], mishaps: Mishaps) -> Program {
    Program { servers: Servers::One, start, roles, mishaps, tag: Tag::Prefix }
}

impl Program {
    /// Returns the same on other servers.
    pub fn on(self, servers: Servers) -> Program {
        Program { servers, ..self }
    }

    /// Returns the same with another tag in place of the prefix.
    pub fn with(self, tag: Tag) -> Program {
        Program { tag, ..self }
    }
}

fn holds(start: Start, roles: &'static [Role], mishaps: Mishaps, floor: usize) {
    hold(program(start, roles, mishaps), floor);
}

pub fn hold(program: Program, floor: usize) {
    let began = Instant::now();
    let Program { servers, start, roles, mishaps, tag } = program;
    match explore(&Model { program, off: None }) {
        Ok(states) => {
            let ms = began.elapsed().as_millis();
            println!(
                "{states:>8} states in {ms:>5} ms: {servers:?}, {start:?}, {roles:?}, {mishaps:?}, {tag:?}"
            );
            assert!(states >= floor, "{program:?} has {states} states only");
        }
        Err(violation) => panic!("{program:?}:\n{}", violation.story),
    }
}

#[test]
fn loads_and_an_invalidation_with_evictions() {
    let mishaps = Mishaps { evictions: 2, ..NONE };
    holds(Cold, &[Call(0), Call(1), Invalidate(0, Name)], mishaps, 30_000);
    holds(TokensCached, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps, 50_000);
    holds(Warm, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps, 9_000);
    let mishaps = Mishaps { evictions: 1, ..NONE };
    holds(Stored, &[Call(0), Call(1), Invalidate(0, Name)], mishaps, 30_000);
}

#[test]
fn three_loads_and_an_invalidation() {
    holds(Cold, &[Call(0), Call(1), Call(1), Invalidate(0, Name)], NONE, 90_000);
    holds(Cold, &[Call(0), Call(1), Call(1), Invalidate(0, Prefix)], NONE, 100_000);
    holds(TokensCached, &[Call(0), Call(1), Call(1), Invalidate(0, Prefix)], NONE, 50_000);
}

#[test]
fn two_invalidations_with_notices_in_any_order_and_doubled() {
    let roles = &[Call(0), Call(1), Invalidate(0, Name), Invalidate(1, Prefix)];
    holds(TokensCached, roles, NONE, 50_000);
    let mishaps = Mishaps { doubles: 1, ..NONE };
    let roles = &[Call(1), Call(1), Invalidate(0, Prefix), Invalidate(0, Prefix)];
    holds(TokensCached, roles, mishaps, 100_000);
}

#[test]
fn a_feed_that_is_interrupted_and_a_lease_that_lapses() {
    let mishaps = Mishaps { interruptions: 1, lapses: 1, doubles: 1, ..NONE };
    holds(Warm, &[Invalidate(0, Name), Invalidate(0, Prefix)], mishaps, 3_000);
    holds(Stored, &[Call(1), Invalidate(0, Name)], mishaps, 7_000);
    holds(TokensCached, &[Call(1), Invalidate(0, Prefix)], mishaps, 10_000);
    let mishaps = Mishaps { interruptions: 1, ..NONE };
    holds(TokensCached, &[Call(1), Call(1), Invalidate(0, Prefix)], mishaps, 40_000);
}

#[test]
fn an_invalidation_that_is_not_confirmed() {
    let mishaps = Mishaps { silences: 1, evictions: 1, ..NONE };
    holds(Cold, &[Call(0), Call(1), Invalidate(0, Name)], mishaps, 70_000);
    holds(TokensCached, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps, 80_000);
    let mishaps = Mishaps { silences: 2, ..NONE };
    holds(TokensCached, &[Call(0), Invalidate(0, Name), Invalidate(1, Prefix)], mishaps, 50_000);
    holds(TokensCached, &[Call(0), Invalidate(0, Name), Invalidate(0, Prefix)], mishaps, 40_000);
}

#[test]
fn a_server_that_comes_back_with_older_data() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    holds(Cold, &[Call(0), Invalidate(1, Name)], mishaps, 20_000);
    holds(TokensCached, &[Call(0), Invalidate(0, Prefix)], mishaps, 20_000);
    let mishaps = Mishaps { rollbacks: 1, silences: 1, ..NONE };
    holds(Stored, &[Call(1), Invalidate(0, Name)], mishaps, 80_000);
    let mishaps = Mishaps { rollbacks: 2, ..NONE };
    holds(Warm, &[Invalidate(0, Name)], mishaps, 5_000);
}

#[test]
fn a_connection_that_is_lost_while_the_feed_is_connected() {
    let mishaps = Mishaps { cuts: 1, silences: 1, ..NONE };
    holds(Stored, &[Call(0), Invalidate(0, Name)], mishaps, 3_000);
    holds(TokensCached, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps, 50_000);
    let mishaps = Mishaps { cuts: 1, ..NONE };
    holds(TokensCached, &[Call(0), Invalidate(0, Name), Invalidate(1, Prefix)], mishaps, 5_000);
    holds(Warm, &[Call(0), Put(0, Within), Invalidate(1, Name)], mishaps, 3_000);
}

#[test]
fn memory_in_an_outage_after_the_lease_has_ended() {
    let mishaps = Mishaps { lapses: 1, cuts: 1, ..NONE };
    holds(Warm, &[Call(1), Call(1), Invalidate(0, Name)], mishaps, 70_000);
    let mishaps = Mishaps { lapses: 1, cuts: 1, evictions: 1, ..NONE };
    holds(Warm, &[Call(1), Put(0, Before)], mishaps, 20_000);
}

#[test]
fn a_put_a_load_and_an_invalidation() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    holds(Stored, &[Call(0), Put(1, Within), Invalidate(0, Name)], mishaps, 40_000);
    holds(Stored, &[Call(1), Put(1, Within), Invalidate(0, Prefix)], mishaps, 60_000);
    holds(Cold, &[Call(0), Put(1, Before), Invalidate(1, Name)], mishaps, 20_000);
    holds(TokensCached, &[Call(0), Put(1, Before), Invalidate(0, Prefix)], mishaps, 30_000);
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
    holds(TokensCached, &[Call(0), Call(1), Clear(0)], mishaps, 10_000);
    holds(Warm, &[Call(0), Call(1), Clear(0)], mishaps, 1_000);
    holds(TokensCached, &[Call(0), Call(1), Clear(0), Invalidate(1, Name)], NONE, 90_000);
    let mishaps = Mishaps { doubles: 1, ..NONE };
    holds(TokensCached, &[Call(1), Put(0, Within), Clear(0)], mishaps, 6_000);
    holds(TokensCached, &[Call(1), Put(1, Within), Clear(0)], mishaps, 5_000);
}

#[test]
fn bodies_that_fail() {
    let mishaps = Mishaps { failures: 1, evictions: 1, ..NONE };
    holds(Cold, &[Call(0), Call(1), Invalidate(0, Name)], mishaps, 10_000);
    holds(Stored, &[Call(0), Call(1), Invalidate(0, Prefix)], mishaps, 50_000);
}

#[test]
fn a_process_that_forks() {
    let mishaps = Mishaps { forks: 1, lapses: 1, ..NONE };
    holds(Warm, &[Call(1), Invalidate(0, Name)], mishaps, 1_000);
    holds(TokensCached, &[Call(1), Invalidate(0, Prefix)], mishaps, 1_000);
    holds(Warm, &[Call(0), Call(1), Invalidate(1, Name)], mishaps, 1_000);
    let mishaps = Mishaps { forks: 1, silences: 1, ..NONE };
    holds(Stored, &[Call(0), Call(1), Invalidate(0, Name)], mishaps, 1_000);
    holds(Warm, &[Call(1), Put(0, Within)], mishaps, 1_000);
    let mishaps = Mishaps { forks: 1, cuts: 1, interruptions: 1, ..NONE };
    holds(Warm, &[Call(1), Invalidate(0, Prefix)], mishaps, 1_000);
    holds(TokensCached, &[Call(1), Clear(0)], mishaps, 1_000);
}

#[test]
fn loads_and_an_invalidation_in_a_cluster() {
    let roles = &[Call(0), Call(1), Invalidate(0, Name)];
    hold(program(Cold, roles, NONE).on(TokensApart), 55_000);
    let roles = &[Call(0), Call(1), Invalidate(0, Prefix)];
    hold(program(Cold, roles, NONE).on(TokensApart), 70_000);
    hold(program(TokensCached, roles, NONE).on(TokensApart), 10_000);
    let roles = &[Call(1), Invalidate(0, Name), Invalidate(0, PrefixAndOwn)];
    hold(program(Stored, roles, NONE).on(TokensApart), 8_000);
}

#[test]
fn calls_that_ask_for_entry_and_tokens_side_by_side() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    let roles = &[Direct(1), Direct(1), Invalidate(0, Prefix)];
    hold(program(Stored, roles, NONE).on(TokensApart), 40_000);
    let roles = &[Direct(1), Invalidate(0, Prefix)];
    hold(program(Stored, roles, mishaps), 400);
    hold(program(Stored, roles, mishaps).on(TokensApart), 1_500);
    let mishaps = Mishaps { doubles: 1, ..NONE };
    let roles = &[Direct(0), Put(1, Within), Invalidate(1, Prefix)];
    hold(program(Stored, roles, mishaps).on(TokensApart), 90_000);
}

#[test]
fn a_feed_of_two_nodes() {
    let mishaps = Mishaps { interruptions: 1, lapses: 1, doubles: 1, ..NONE };
    let roles = &[Invalidate(0, Name), Invalidate(0, PrefixAndOwn)];
    hold(program(Warm, roles, mishaps).on(TokensApart), 5_000);
    hold(program(TokensCached, &[Call(1), Invalidate(0, Prefix)], mishaps).on(TokensApart), 20_000);
}

#[test]
fn an_invalidation_that_one_node_does_not_confirm() {
    let mishaps = Mishaps { silences: 1, evictions: 1, ..NONE };
    let roles = &[Call(1), Invalidate(0, PrefixAndOwn)];
    hold(program(TokensCached, roles, mishaps).on(TokensApart), 5_000);
    let mishaps = Mishaps { silences: 2, ..NONE };
    let roles = &[Invalidate(0, Name), Invalidate(1, PrefixAndOwn)];
    hold(program(TokensCached, roles, mishaps).on(TokensApart), 1_000);
}

#[test]
fn nodes_that_come_back_with_older_data() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    for servers in [TokensApart, PrefixApart, RootApart] {
        hold(program(Stored, &[Invalidate(0, Name)], mishaps).on(servers), 5_000);
        hold(program(TokensCached, &[Invalidate(0, Prefix)], mishaps).on(servers), 7_000);
    }
    let roles = &[Direct(1), Invalidate(0, Name)];
    hold(program(Stored, roles, mishaps).on(TokensApart), 300_000);
    let roles = &[Call(0), Invalidate(0, Prefix)];
    hold(program(TokensCached, roles, mishaps).on(PrefixApart), 350_000);
    let mishaps = Mishaps { rollbacks: 2, ..NONE };
    hold(program(Warm, &[Invalidate(0, Name)], mishaps).on(TokensApart), 100_000);
}

#[test]
#[ignore = "takes minutes, and gigabytes: with optimisation only"]
fn a_cluster_at_length() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    let roles = &[Call(0), Call(1), Invalidate(0, Prefix)];
    hold(program(TokensCached, roles, mishaps).on(TokensApart), 250_000);
    let mishaps = Mishaps { cuts: 1, ..NONE };
    let roles = &[Call(1), Put(0, Within), Invalidate(1, Name)];
    hold(program(TokensCached, roles, mishaps).on(TokensApart), 200_000);
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    for servers in [TokensApart, PrefixApart, RootApart] {
        hold(program(Cold, &[Call(0), Invalidate(1, Name)], mishaps).on(servers), 200_000);
        hold(
            program(TokensCached, &[Call(0), Invalidate(0, Prefix)], mishaps).on(servers),
            200_000,
        );
        hold(program(Stored, &[Direct(1), Invalidate(0, Name)], mishaps).on(servers), 200_000);
        hold(program(Stored, &[Direct(1), Invalidate(0, Prefix)], mishaps).on(servers), 200_000);
    }
    hold(program(Cold, &[Call(1), Put(0, Before)], mishaps).on(TokensApart), 5_000_000);
    let mishaps = Mishaps { rollbacks: 2, ..NONE };
    for servers in [TokensApart, PrefixApart, RootApart] {
        hold(program(Warm, &[Invalidate(0, Name)], mishaps).on(servers), 100_000);
        hold(program(Warm, &[Invalidate(0, Prefix)], mishaps).on(servers), 100_000);
    }
}

#[test]
fn a_connection_to_one_node_that_is_lost() {
    let mishaps = Mishaps { cuts: 1, silences: 1, ..NONE };
    hold(program(TokensCached, &[Call(0), Invalidate(0, Prefix)], mishaps).on(TokensApart), 4_000);
    let mishaps = Mishaps { cuts: 1, ..NONE };
    hold(program(Warm, &[Put(0, Within), Invalidate(1, Name)], mishaps).on(TokensApart), 3_000);
}

#[test]
fn a_put_in_a_cluster() {
    let mishaps = Mishaps { doubles: 1, ..NONE };
    let roles = &[Call(1), Put(1, Within), Invalidate(0, Prefix)];
    hold(program(Stored, roles, mishaps).on(TokensApart), 80_000);
    let roles = &[Call(0), Put(1, Before), Invalidate(0, Prefix)];
    hold(program(TokensCached, roles, NONE).on(TokensApart), 60_000);
    let mishaps = Mishaps { silences: 1, ..NONE };
    hold(program(Warm, &[Put(0, Within), Put(1, Before)], mishaps).on(TokensApart), 4_000);
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    hold(program(Warm, &[Put(0, Before)], mishaps).on(RootApart), 35_000);
}

#[test]
fn a_clearing_in_a_cluster() {
    hold(program(TokensCached, &[Call(0), Call(1), Clear(0)], NONE).on(TokensApart), 10_000);
}

#[test]
fn two_versions_and_an_invalidation() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    let roles = &[Call(0), Other(1), Invalidate(0, Name)];
    holds(Cold, roles, NONE, 1_000);
    holds(Stored, roles, mishaps, 30_000);
    holds(Stored, &[Other(0), Other(1), Invalidate(1, Name)], NONE, 2_500);
    holds(TokensCached, &[Call(0), Other(1), Invalidate(1, Prefix)], mishaps, 20_000);
    holds(Stored, &[Other(0), Other(1), Invalidate(0, Name), Invalidate(1, Name)], NONE, 60_000);
}

#[test]
fn two_versions_and_a_put() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    holds(Stored, &[Other(0), Put(1, Within)], mishaps, 1_000);
    holds(Stored, &[Other(0), Put(1, Before)], mishaps, 1_000);
    holds(Stored, &[Call(0), Other(1), Put(0, Within)], NONE, 1_000);
    holds(Warm, &[Other(1), Other(1), Put(0, Before)], NONE, 1_000);
}

#[test]
fn two_versions_and_a_clearing() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    holds(Stored, &[Other(0), Clear(1)], mishaps, 1_000);
    holds(Stored, &[Other(0), Other(1), Clear(0)], NONE, 1_000);
    holds(Stored, &[Call(0), Other(1), Clear(1)], NONE, 1_000);
}

#[test]
fn two_versions_and_an_invalidation_that_is_not_confirmed() {
    let mishaps = Mishaps { silences: 1, evictions: 1, ..NONE };
    holds(Stored, &[Other(0), Invalidate(1, Name)], mishaps, 1_000);
    let mishaps = Mishaps { silences: 1, doubles: 1, ..NONE };
    holds(Stored, &[Other(1), Put(0, Within)], mishaps, 800);
}

#[test]
fn two_versions_and_a_server_that_comes_back_with_older_data() {
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    holds(Stored, &[Other(1), Invalidate(0, Name)], mishaps, 100_000);
}

#[test]
fn two_versions_in_a_cluster() {
    let roles = &[Other(1), Invalidate(0, Name)];
    for servers in [TokensApart, PrefixApart, RootApart] {
        hold(program(Stored, roles, NONE).on(servers), 1_000);
    }
    let mishaps = Mishaps { silences: 1, evictions: 1, ..NONE };
    hold(program(Stored, roles, mishaps).on(TokensApart), 1_000);
    hold(program(Stored, &[Other(1), Put(0, Within)], NONE).on(TokensApart), 1_000);
    hold(program(Stored, &[Other(1), Clear(0)], NONE).on(TokensApart), 1_000);
}

#[test]
#[ignore = "takes minutes, and gigabytes: with optimisation only"]
fn two_versions_at_length() {
    let mishaps = Mishaps { evictions: 1, silences: 1, doubles: 1, ..NONE };
    holds(Stored, &[Call(0), Other(1), Other(0), Invalidate(0, Name)], mishaps, 100_000);
    holds(Stored, &[Call(0), Other(1), Put(0, Within), Invalidate(1, Name)], mishaps, 100_000);
    let mishaps = Mishaps { evictions: 1, ..NONE };
    holds(Cold, &[Call(0), Other(1), Clear(0), Invalidate(1, Name)], mishaps, 100_000);
    let roles = &[Call(0), Other(1), Invalidate(0, Name)];
    hold(program(Stored, roles, mishaps).on(TokensApart), 100_000);
    let roles = &[Other(0), Other(1), Invalidate(1, Name)];
    hold(program(Stored, roles, NONE).on(TokensApart), 600_000);
    let mishaps = Mishaps { rollbacks: 1, ..NONE };
    hold(program(Stored, &[Other(1), Invalidate(0, Name)], mishaps).on(TokensApart), 100_000);
}

#[test]
#[ignore = "takes minutes, and gigabytes: with optimisation only"]
fn mishaps_of_all_kinds_at_once() {
    let roles = &[Call(0), Call(1), Call(1), Invalidate(0, Prefix)];
    holds(
        TokensCached,
        roles,
        Mishaps { evictions: 1, silences: 1, doubles: 1, ..NONE },
        1_000_000,
    );
    let roles = &[Call(0), Call(1), Invalidate(0, Name)];
    let mishaps = Mishaps { evictions: 1, doubles: 1, interruptions: 1, silences: 1, ..NONE };
    holds(Stored, roles, mishaps, 1_000_000);
    let mishaps = Mishaps { evictions: 1, rollbacks: 1, silences: 1, ..NONE };
    holds(Cold, roles, mishaps, 1_000_000);
    let roles = &[Call(0), Call(1), Put(0, Within), Invalidate(1, Name)];
    holds(Stored, roles, Mishaps { evictions: 1, silences: 1, ..NONE }, 1_000_000);
}
