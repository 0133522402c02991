//! Callers of many keys, beside each other and beside callers of one key.
//!
//! Covered are two keys, and these callers:
//!
//! | callers | a mishap of one, an invalidation | the gap of a landing, with these |
//! |---|---|---|
//! | two batches, in opposite order | each, and both together | with each |
//! | two batches, in the same order | each | not covered |
//! | a batch and a caller of one of its keys | each, and both together | with each |
//! | a batch and a caller whose body calls for another key of the batch | each | not covered |
//! | a batch and a caller of each key | a mishap in Redis, an invalidation in memory | not covered |
//! | two batches, in opposite order, and a caller of one key | neither | not covered |
//!
//! Each runs in both stores. An invalidation removes any one of the keys, here or elsewhere; no process
//! elsewhere reaches the values in memory. A batch takes each step for one flight after another, except that
//! one request reads all keys, and that all flights that it follows are polled at once. It begins its next
//! round as soon as it has to load any key itself. Without a mishap and an invalidation, each key is loaded
//! once.
//!
//! Not covered are batches of more keys, two disturbances of one kind, an invalidation of two keys in one
//! step, stores of a batch of which only some reach Redis, and the search for circles of bodies
//! ([`Waits`]).

use super::batch::BatchRule;
use super::search::{fault, schedules};
use super::*;

const ONE_WAY: Asks = Asks::Many([0, 1]);
const OTHER_WAY: Asks = Asks::Many([1, 0]);

const HERE: &[Side] = &[Side::Here];
const ELSEWHERE: &[Side] = &[Side::Elsewhere];

/// The places of one invalidation that can reach each store.
const INVALIDATIONS: [(Store, &[Side]); 3] =
    [(Store::Redis, HERE), (Store::Redis, ELSEWHERE), (Store::Memory, HERE)];

/// Makes a model in which nothing disturbs the callers.
fn undisturbed(store: Store, callers: &'static [Asks]) -> Model {
    let rule = BatchRule::LandsFirst;
    Model { store, callers, invalidations: &[], mishap: false, gap: false, rule }
}

/// Runs the callers with nothing that disturbs them, with a mishap, and with an invalidation.
fn disturb_once(callers: &'static [Asks], gap: bool) {
    for store in [Store::Redis, Store::Memory] {
        let model = Model { gap, ..undisturbed(store, callers) };
        assert!(schedules(model) > 1_000);
        assert!(schedules(Model { mishap: true, ..model }) > 100_000);
    }
    for (store, invalidations) in INVALIDATIONS {
        let model = Model { invalidations, gap, ..undisturbed(store, callers) };
        assert!(schedules(model) > 100_000);
    }
}

/// Runs the callers with a mishap and an invalidation.
fn disturb_twice(callers: &'static [Asks]) {
    for (store, invalidations) in INVALIDATIONS {
        let model = Model { invalidations, mishap: true, ..undisturbed(store, callers) };
        assert!(schedules(model) > 10_000_000);
    }
}

#[test]
fn two_batches_that_overlap_in_opposite_order() {
    disturb_twice(&[ONE_WAY, OTHER_WAY]);
    disturb_once(&[ONE_WAY, OTHER_WAY], true);
    for store in [Store::Redis, Store::Memory] {
        schedules(undisturbed(store, &[ONE_WAY, OTHER_WAY]));
    }
}

#[test]
fn two_batches_in_the_same_order() {
    disturb_once(&[ONE_WAY, ONE_WAY], false);
}

#[test]
fn a_batch_and_a_caller_of_one_of_its_keys() {
    for callers in [&[ONE_WAY, Asks::One(0)], &[ONE_WAY, Asks::One(1)]] as [&[_]; 2] {
        disturb_once(callers, false);
        disturb_once(callers, true);
        disturb_twice(callers);
    }
}

#[test]
fn a_batch_and_a_caller_whose_body_calls_for_another_key() {
    disturb_once(&[ONE_WAY, Asks::Nested { key: 0, inside: 1 }], false);
    disturb_once(&[ONE_WAY, Asks::Nested { key: 1, inside: 0 }], false);
}

#[test]
fn a_batch_and_a_caller_of_each_key() {
    let callers = &[ONE_WAY, Asks::One(0), Asks::One(1)];
    let model = undisturbed(Store::Redis, callers);
    assert!(schedules(model) > 1_000_000);
    assert!(schedules(Model { mishap: true, ..model }) > 1_000_000);
    let model = undisturbed(Store::Memory, callers);
    assert!(schedules(model) > 1_000_000);
    assert!(schedules(Model { invalidations: HERE, ..model }) > 1_000_000);
}

#[test]
fn two_batches_and_a_caller_of_one_key() {
    for store in [Store::Redis, Store::Memory] {
        assert!(schedules(undisturbed(store, &[ONE_WAY, OTHER_WAY, Asks::One(0)])) > 1_000_000);
    }
}

/// The fault of callers that wait for each other in a circle.
const CIRCLE: Option<&str> = Some("a caller that waits for ever");

#[test]
fn batches_that_follow_before_they_load_wait_for_each_other() {
    for store in [Store::Redis, Store::Memory] {
        // The same order does not prevent it: the second batch may be the first to join with the second key.
        for callers in [&[ONE_WAY, OTHER_WAY], &[ONE_WAY, ONE_WAY]] {
            let model = undisturbed(store, callers);
            assert_eq!(fault(Model { rule: BatchRule::FollowsFirst, ..model }), CIRCLE);
        }
    }
}

/// A flight is sealed while Redis is read. The leader may wait later, in its body, for a flight of the batch.
#[test]
fn a_batch_that_leads_behind_a_flight_waits_for_a_body_that_waits_for_the_batch() {
    let callers = &[ONE_WAY, Asks::Nested { key: 1, inside: 0 }];
    let model = undisturbed(Store::Redis, callers);
    assert_eq!(fault(Model { rule: BatchRule::LeadsBehind, ..model }), CIRCLE);
}

/// Without such a body, the order of the steps decides. If a batch seals no flight before it has joined all,
/// no leader of a sealed flight waits.
#[test]
fn batches_that_lead_behind_flights_wait_for_each_other_if_they_seal_before_they_have_joined_all() {
    let model = undisturbed(Store::Redis, &[ONE_WAY, OTHER_WAY]);
    assert_eq!(fault(Model { rule: BatchRule::LeadsBehind, ..model }), None);
    assert_eq!(fault(Model { rule: BatchRule::LeadsBehindAtOnce, ..model }), CIRCLE);
}
