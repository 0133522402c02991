//! Hand-written histories, right ones and wrong ones.

use cache_tests::history::{Datum, How, Key, OWNED, Scope, Watch};

use super::*;

const BOUNDS: Bounds = Bounds {
    steady: Duration::ZERO,
    from_redis: Duration::ZERO,
    otherwise: Duration::from_micros(500),
    inheriting: Duration::from_micros(100),
};

fn key() -> Key {
    Key::new(1, 2)
}

fn read(at: u64, version: u64) -> Event {
    read_of(at, Datum { key: key(), version, set_by: 0 }, Origin::Unknown)
}

fn read_of(at: u64, seen: Datum, origin: Origin) -> Event {
    let span = Span { begin: at, end: at + 10 };
    Event::Read(Read { how: How::Call, span, key: key(), origin, lag: 0, seen: Some(seen) })
}

fn change(id: u64, at: u64, version: u64, confirmed: Option<u64>) -> Event {
    let (how, scope, floors) = (How::Delete, Scope::Key(key()), vec![(key(), version)]);
    let span = Span { begin: at, end: at + 10 };
    Event::Change(Change { id, how, span, scope, floors, confirmed, soft: 0 })
}

fn watch(at: u64, healthy: bool, troubles: u64) -> Event {
    let (span, received_until) = (Span { begin: at, end: at + 1 }, None);
    Event::Watch(Watch { span, healthy, troubles, received_until })
}

fn violations(histories: &[&[Event]]) -> Vec<Violation> {
    let record = |(process, events): (u64, &&[Event])| Record {
        process,
        events: events.to_vec(),
        pauses: Vec::new(),
    };
    check(&(1..).zip(histories).map(record).collect::<Vec<_>>(), BOUNDS).violations
}

#[test]
fn a_process_must_see_its_own_changes_at_once() {
    assert_eq!(violations(&[&[change(1, 100, 2, None), read(111, 2)]]), []);
    assert_eq!(violations(&[&[change(1, 100, 2, None), read(111, 3)]]), []);
    // It began before the change had returned.
    assert_eq!(violations(&[&[change(1, 100, 2, None), read(110, 1)]]), []);
    let found = violations(&[&[change(1, 100, 2, None), read(111, 1)]]);
    assert!(matches!(found[..], [Violation::Own { process: 1, .. }]), "{found:?}");
}

#[test]
fn a_later_change_of_less_does_not_lift_the_floor() {
    let history = [change(1, 100, 5, None), change(2, 200, 4, None), read(300, 4)];
    let found = violations(&[&history]);
    assert!(matches!(&found[..], [Violation::Own { change, .. }] if change.id == 1), "{found:?}");
}

#[test]
fn what_is_not_confirmed_binds_nobody_else() {
    assert_eq!(violations(&[&[change(1, 100, 2, None)], &[read(9_000, 1)]]), []);
}

#[test]
fn other_processes_must_see_a_confirmed_change_within_the_bound() {
    let change = [change(1, 100, 2, Some(1_000))];
    assert_eq!(violations(&[&change, &[read(1_500, 1)]]), []);
    let found = violations(&[&change, &[read(1_501, 1)]]);
    assert!(matches!(found[..], [Violation::Others { process: 2, .. }]), "{found:?}");
}

#[test]
fn each_key_of_a_call_of_many_is_a_read() {
    let many = |at, key: Key, version| {
        let (span, seen) = (Span { begin: at, end: at + 10 }, Datum { key, version, set_by: 0 });
        let (how, origin) = (How::CallMany, Origin::Unknown);
        Event::Read(Read { how, span, key, origin, lag: 0, seen: Some(seen) })
    };
    let other = Key::new(1, 3);
    let check = |at, version| {
        let events = vec![change(1, 100, 2, None), many(at, other, 1), many(at, key(), version)];
        check(&[Record { process: 1, events, pauses: Vec::new() }], BOUNDS)
    };
    for (at, version) in [(111, 2), (110, 1)] {
        let verdict = check(at, version);
        assert_eq!((verdict.checked, verdict.violations), (2, vec![]));
        assert_eq!(verdict.checked_of_many, [(How::CallMany, 2)].into());
    }
    let found = check(111, 1).violations;
    assert!(matches!(&found[..], [Violation::Own { read, .. }] if read.key == key()), "{found:?}");
}

#[test]
fn the_tag_of_an_owner_forbids_the_older_values_of_this_owner_alone() {
    let key = Key::new(OWNED, 0);
    let datum = |version| Datum { key, version, set_by: 0 };
    let owner = datum(2).owner();
    assert_eq!(datum(3).owner(), owner);
    assert_ne!(datum(4).owner(), owner);
    let change = |scope| {
        let (how, span) = (How::InvalidateOwner, Span { begin: 100, end: 110 });
        Event::Change(Change {
            id: 1,
            how,
            span,
            scope,
            floors: vec![(key, 9)],
            confirmed: None,
            soft: 0,
        })
    };
    let seen = |scope, version| {
        let span = Span { begin: 111, end: 120 };
        let (how, origin, seen) = (How::Call, Origin::Unknown, Some(datum(version)));
        let read = Event::Read(Read { how, span, key, origin, lag: 0, seen });
        violations(&[&[change(scope), read]]).len()
    };
    let of_owner = Scope::Owner(owner);
    assert_eq!([2, 3, 4, 9].map(|version| seen(of_owner, version)), [1, 1, 0, 0]);
    assert_eq!([2, 4, 9].map(|version| seen(Scope::All, version)), [1, 1, 0]);
    let keys: Vec<Key> = of_owner.keys().collect();
    assert_eq!(keys, Key::all().filter(|key| key.group() == OWNED).collect::<Vec<_>>());
}

#[test]
fn each_datum_in_a_value_that_inherits_is_a_read() {
    let part = |at, version| {
        let (span, seen) =
            (Span { begin: at, end: at + 10 }, Datum { key: key(), version, set_by: 0 });
        let (how, origin) = (How::FetchOuter, Origin::Memory);
        Event::Read(Read { how, span, key: key(), origin, lag: 0, seen: Some(seen) })
    };
    let found = violations(&[&[change(1, 100, 2, None), part(111, 2), part(111, 1)]]);
    assert!(matches!(found[..], [Violation::Own { .. }]), "{found:?}");
    let change = [change(1, 100, 2, Some(1_000))];
    assert_eq!(violations(&[&change, &[part(1_600, 1)]]), [], "its body takes longer");
    assert_eq!(violations(&[&change, &[part(1_601, 1)]]).len(), 1);
    let events = vec![part(1, 1), read(1, 1)];
    let sights = check(&[Record { process: 1, events, pauses: Vec::new() }], BOUNDS).sights;
    assert_eq!(sights, [(Sight::Inherited, 1), (Sight::InheritedStored, 1)].into());
}

#[test]
fn a_change_of_some_rows_is_one_of_their_keys() {
    let keys: Vec<Key> = Scope::Rows(0b1010).keys().collect();
    let expected: Vec<Key> = Key::all().filter(|key| [1, 3].contains(&key.row())).collect();
    assert_eq!(keys, expected);
}

#[test]
fn a_value_from_redis_has_a_bound_of_its_own() {
    let old = Datum { key: key(), version: 1, set_by: 0 };
    let change = [change(1, 100, 2, Some(1_000))];
    assert_eq!(violations(&[&change, &[read_of(1_000, old, Origin::Redis)]]), []);
    assert_eq!(violations(&[&change, &[read_of(1_001, old, Origin::Redis)]]).len(), 1);
}

#[test]
fn a_process_in_touch_with_redis_has_a_bound_of_its_own() {
    let change = [change(1, 100, 2, Some(1_000))];
    let looks = |troubles| {
        [watch(900, true, 0), read(1_100, 1), watch(1_200, true, 0), watch(1_300, true, troubles)]
    };
    assert_eq!(violations(&[&change, &looks(0)]).len(), 1);
    // Something failed in between, or may have failed.
    assert_eq!(violations(&[&change, &looks(1)]), []);
}

#[test]
fn a_process_must_have_received_the_notices_that_it_reports() {
    let change = [change(1, 100, 2, Some(1_000))];
    let says = |received_until| {
        let (span, received_until) = (Span { begin: 1_100, end: 1_110 }, Some(received_until));
        Event::Watch(Watch { span, healthy: false, troubles: 0, received_until })
    };
    assert_eq!(violations(&[&change, &[says(1_000), read(1_200, 1)]]), []);
    // It began before that was said.
    assert_eq!(violations(&[&change, &[read(1_105, 1), says(1_001)]]), []);
    assert_eq!(violations(&[&change, &[says(1_001), read(1_200, 1)]]).len(), 1);
}

#[test]
fn a_process_that_was_stopped_has_that_much_more_time() {
    let changed =
        Record { process: 1, events: vec![change(1, 100, 2, Some(1_000))], pauses: vec![] };
    let pauses = vec![Span { begin: 1_100, end: 3_100 }];
    let stopped = Record { process: 2, events: vec![read(3_500, 1)], pauses };
    assert!(check(&[changed.clone(), stopped.clone()], BOUNDS).violations.is_empty());
    let later = Record { events: vec![read(3_501, 1)], ..stopped };
    assert_eq!(check(&[changed, later], BOUNDS).violations.len(), 1);
}

#[test]
fn a_question_to_redis_from_before_a_stop_is_not_joined_after_it() {
    let changed =
        Record { process: 1, events: vec![change(1, 100, 2, Some(1_000))], pauses: vec![] };
    let datum = Datum { key: key(), version: 1, set_by: 0 };
    let found = |at, lag| {
        let Event::Read(read) = read_of(at, datum, Origin::Redis) else { unreachable!() };
        let pauses = vec![Span { begin: 1_100, end: 3_100 }];
        let events = vec![Event::Read(Read { lag, ..read })];
        let stopped = Record { process: 2, events, pauses };
        let leased = Bounds { from_redis: Duration::from_micros(500), ..BOUNDS };
        check(&[changed.clone(), stopped], leased).violations.len()
    };
    assert_eq!([found(1_500, 0), found(3_200, 0)], [0, 1]);
    // Its clock was not renewed yet.
    assert_eq!([found(3_200, 1_700), found(3_200, 1_699)], [0, 1]);
}

#[test]
fn a_value_put_directly_is_forbidden_by_what_began_later_alone() {
    let put = Datum { key: key(), version: 3, set_by: 7 };
    // The put of an old version began after the change of a newer one.
    let overtaken = [change(1, 100, 4, None), change(7, 200, 3, None)];
    let with = |last: Event| [overtaken.to_vec(), vec![last]].concat();
    assert_eq!(violations(&[&with(read_of(300, put, Origin::Unknown))]), []);
    // A loaded value of that version is from before the change.
    assert_eq!(violations(&[&with(read(300, 3))]).len(), 1);
    let gone = [with(change(8, 300, 4, None)), vec![read_of(400, put, Origin::Unknown)]].concat();
    let found = violations(&[&gone]);
    assert!(matches!(&found[..], [Violation::Own { change, .. }] if change.id == 8), "{found:?}");
}

#[test]
fn another_keys_value_and_a_failed_operation_are_violations() {
    let foreign = Datum { key: Key::new(0, 0), version: 1, set_by: 0 };
    let found = violations(&[&[read_of(1, foreign, Origin::Unknown)]]);
    assert!(matches!(found[..], [Violation::Foreign { .. }]), "{found:?}");
    let span = Span { begin: 1, end: 2 };
    let failure = Failure { operation: "read".to_owned(), span, what: "no answer".to_owned() };
    let found = violations(&[&[Event::Failure(failure)]]);
    assert!(matches!(found[..], [Violation::Failed { .. }]), "{found:?}");
}
