//! The checker finds what is wrong, and nothing else.

use cache_tests::history::Span;

use super::*;
use crate::item::Written;

const BOUNDS: Bounds = Bounds { from_redis: Duration::ZERO, otherwise: Duration::from_micros(100) };

fn item(version: i64, writer: i64) -> Item {
    Item { id: 1, owner: 1, version, writer }
}

fn read(begin: u64, origin: Origin, seen: Item) -> Read {
    let span = Span { begin, end: begin + 1 };
    Read { how: How::Item, span, origin, from: begin, lag: 0, seen, own: None }
}

fn ended(end: u64, outcome: Outcome, row: Item) -> Event {
    let span = Span { begin: end - 1, end };
    let confirmed = (outcome == Outcome::Committed).then_some(end + 10);
    Event::Ended(Ended {
        writer: row.writer,
        span,
        outcome,
        written: vec![Written { item: row, before: 1 }],
        confirmed,
    })
}

/// Returns the violations of a process that reads, and of another one that writes.
fn of_two(end: Event, read: Read) -> Vec<Violation> {
    let writing = Record { process: 1, events: vec![end] };
    let reading = Record { process: 2, events: vec![Event::Read(read)] };
    check(&[writing, reading], BOUNDS).violations
}

/// Returns the violations of a process that does both.
fn of_one(end: Event, read: Read) -> Vec<Violation> {
    let record = Record { process: 1, events: vec![end, Event::Read(read)] };
    check(&[record], BOUNDS).violations
}

#[test]
fn a_row_from_before_a_commit_is_old_in_the_same_process_at_once() {
    let commit = || ended(100, Outcome::Committed, item(2, 7));
    for origin in [Origin::Memory, Origin::Redis, Origin::Load] {
        assert_eq!(of_one(commit(), read(100, origin, item(1, 0))), []);
        let wrong = of_one(commit(), read(101, origin, item(1, 0)));
        assert!(matches!(wrong[..], [Violation::Old { .. }]), "{wrong:?}");
        assert_eq!(of_one(commit(), read(101, origin, item(2, 7))), []);
    }
}

#[test]
fn it_is_old_in_another_process_after_the_confirmation_and_a_bound() {
    let commit = || ended(100, Outcome::Committed, item(2, 7));
    for (origin, last) in [(Origin::Redis, 110), (Origin::Load, 110), (Origin::Memory, 210)] {
        assert_eq!(of_two(commit(), read(last, origin, item(1, 0))), []);
        let wrong = of_two(commit(), read(last + 1, origin, item(1, 0)));
        assert!(matches!(wrong[..], [Violation::Late { .. }]), "{origin:?}: {wrong:?}");
    }
}

#[test]
fn what_a_process_says_that_it_has_received_binds_it() {
    let writing = Record { process: 1, events: vec![ended(100, Outcome::Committed, item(2, 7))] };
    for (until, count) in [(110, 0), (111, 1)] {
        let events = vec![
            Event::Received { at: 115, until },
            Event::Read(read(120, Origin::Memory, item(1, 0))),
        ];
        let reading = Record { process: 2, events };
        assert_eq!(check(&[writing.clone(), reading], BOUNDS).violations.len(), count);
    }
}

#[test]
fn what_was_rolled_back_is_seen_by_nobody() {
    let doomed =
        of_two(ended(100, Outcome::Committed, item(2, 7)), read(50, Origin::Load, item(2, -9)));
    assert!(matches!(doomed[..], [Violation::Uncommitted { .. }]), "{doomed:?}");
    for (outcome, count) in [(Outcome::RolledBack, 1), (Outcome::Unknown, 0)] {
        let wrong = of_two(ended(100, outcome, item(2, 7)), read(50, Origin::Load, item(2, 7)));
        assert_eq!(wrong.len(), count, "{wrong:?}");
    }
}

#[test]
fn an_unknown_outcome_forbids_nothing() {
    let unknown = ended(100, Outcome::Unknown, item(2, 7));
    assert_eq!(of_one(unknown, read(500, Origin::Redis, item(1, 0))), []);
}

#[test]
fn a_transaction_sees_its_own_row_only() {
    let commit = || ended(100, Outcome::Committed, item(2, 7));
    for (seen, count) in [(item(3, -9), 0), (item(2, 7), 1)] {
        let own = Read { own: Some(item(3, -9)), ..read(500, Origin::Load, seen) };
        assert_eq!(of_one(commit(), own).len(), count);
    }
}

#[test]
fn a_snapshot_binds_from_its_beginning() {
    let commit = ended(100, Outcome::Committed, item(2, 7));
    let late = Read { from: 90, ..read(500, Origin::Load, item(1, 0)) };
    assert_eq!(of_one(commit, late), []);
}

#[test]
fn a_value_that_is_known_by_its_owner_is_replaced_by_the_change_of_this_owner() {
    for (owner, count) in [(1, 1), (2, 0)] {
        let commit = ended(100, Outcome::Committed, item(2, 7));
        let seen = Item { owner, ..item(1, 0) };
        let by_owner = Read { how: How::Owned, ..read(500, Origin::Redis, seen) };
        assert_eq!(of_one(commit, by_owner).len(), count);
    }
}
