#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]
use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::coherence::generation::{Generations, Slot};

struct Table {
    flights: Arc<Flights<u8>>,
    generations: Generations,
}

impl Table {
    fn new() -> Self {
        Table { flights: Flights::new(), generations: Generations::new(0) }
    }

    fn join(&self) -> Role<u8> {
        let asked = Ticket::now();
        let slots = [Slot::name("7")];
        self.flights.join(&Arc::new(7), asked, &self.generations, || &slots)
    }

    fn lead(&self) -> Leader<u8> {
        match self.join() {
            Role::Lead(leader) => leader,
            Role::Follow(_) => panic!("expected to lead"),
        }
    }

    fn follow(&self) -> Follower {
        match self.join() {
            Role::Follow(follower) => follower,
            Role::Lead(_) => panic!("expected to follow"),
        }
    }
}

fn value() -> FlightOutcome {
    FlightOutcome::Value(Arc::new(1_u8))
}

/// Returns the outcome, if it is available now.
fn now(follower: &Follower) -> Option<FlightOutcome> {
    match pin!(follower.outcome()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

#[test]
fn a_read_that_relies_on_the_lease_is_joined_while_it_holds() {
    let table = Table::new();
    let leader = table.lead();
    leader.rely_on_lease();
    table.generations.lease.renew(crate::support::clock::precise_ms(), 1);
    let early = table.follow();
    table.generations.lease.end();
    let late = table.lead();
    leader.seal();
    leader.land(value);
    assert!(matches!(now(&early), Some(FlightOutcome::Value(_))));
    late.reopen();
    table.follow();
}

#[test]
fn callers_of_one_key_share_one_flight() {
    let table = Table::new();
    let (leader, follower) = (table.lead(), table.follow());
    assert!(now(&follower).is_none());
    leader.seal();
    leader.land(value);
    assert!(matches!(now(&follower), Some(FlightOutcome::Value(_))));
    assert_eq!(table.flights.len(), 0);
}

#[test]
fn nobody_waits_for_a_leader_that_has_gone() {
    let table = Table::new();
    let (leader, follower) = (table.lead(), table.follow());
    drop(leader);
    assert!(matches!(now(&follower), Some(FlightOutcome::Abandoned)));
    assert_eq!(table.flights.len(), 0);
}

#[test]
fn who_comes_after_the_seal_shares_the_next_flight() {
    let table = Table::new();
    let (first, early) = (table.lead(), table.follow());
    first.seal();
    let mut second = table.lead();
    let late = table.follow();
    first.land(value);
    assert!(matches!(now(&early), Some(FlightOutcome::Value(_))));
    let predecessor = second.predecessor().unwrap();
    assert!(matches!(now(&predecessor), Some(FlightOutcome::Outdated(None))));
    assert!(now(&late).is_none());
    second.seal();
    second.land(value);
    assert!(matches!(now(&late), Some(FlightOutcome::Value(_))));
    assert_eq!(table.flights.len(), 0);
}

#[test]
fn a_flight_that_is_opened_again_serves_who_came_in_between() {
    let table = Table::new();
    let first = table.lead();
    first.seal();
    let mut second = table.lead();
    first.reopen();
    let joined = table.follow();
    first.seal();
    first.land(value);
    assert!(matches!(now(&joined), Some(FlightOutcome::Value(_))));
    assert!(matches!(now(&second.predecessor().unwrap()), Some(FlightOutcome::Value(_))));
}

#[test]
fn an_invalidation_cuts_a_flight_off() {
    let table = Table::new();
    let (old, follower) = (table.lead(), table.follow());
    table.generations.bump(Slot::name("7"));
    let new = table.lead();
    old.seal();
    old.land(value);
    assert!(matches!(now(&follower), Some(FlightOutcome::Value(_))));
    let after = table.follow();
    assert!(now(&after).is_none(), "the old flight's value is not for later callers");
    drop(new);
}

#[test]
fn a_leader_of_the_next_flight_that_goes_leaves_nobody_behind() {
    let table = Table::new();
    let first = table.lead();
    first.seal();
    let second = table.lead();
    let late = table.follow();
    drop(second);
    assert!(matches!(now(&late), Some(FlightOutcome::Abandoned)));
    let third = table.lead();
    first.land(value);
    assert_eq!(table.flights.len(), 1);
    drop(third);
    assert_eq!(table.flights.len(), 0);
}

#[test]
fn an_outdated_value_is_for_those_who_asked_before_its_body_began() {
    let table = Table::new();
    let (leader, before) = (table.lead(), table.follow());
    leader.body_begins();
    let after = table.follow();
    leader.seal();
    leader.land(|| FlightOutcome::Outdated(Some(Arc::new(1_u8))));
    assert!(matches!(now(&before), Some(FlightOutcome::Value(_))));
    assert!(matches!(now(&after), Some(FlightOutcome::Outdated(_))));
}

#[test]
fn what_is_passed_on_is_for_those_who_asked_before_its_body_began() {
    let table = Table::new();
    let first = table.lead();
    first.seal();
    let mut second = table.lead();
    let before = table.follow();
    first.reopen();
    first.body_begins();
    first.seal();
    let after = table.follow();
    first.land(value);
    let predecessor = second.predecessor().unwrap();
    let outcome = now(&predecessor).unwrap();
    second.pass_on(&predecessor, outcome);
    assert!(matches!(now(&before), Some(FlightOutcome::Value(_))));
    assert!(matches!(now(&after), Some(FlightOutcome::Outdated(_))));
}

#[test]
fn a_flight_that_hangs_is_overtaken_once_for_all() {
    let table = Table::new();
    let hanging = table.lead();
    hanging.seal();
    let mut second = table.lead();
    let predecessor = second.predecessor().unwrap();
    second.overtake(&predecessor);
    let joined = table.follow();
    second.seal();
    second.land(value);
    assert!(matches!(now(&joined), Some(FlightOutcome::Value(_))));
    drop(hanging);
    assert_eq!(table.flights.len(), 0);
}

#[test]
fn an_outcome_that_nobody_waits_for_is_not_made() {
    let table = Table::new();
    table.lead().land(|| panic!("not asked for"));
}
