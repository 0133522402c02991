//! Allocations of this thread, counted by an allocator.

use allocation_counter::measure;

use crate::hits::{ask_for_many, warm_up};

#[test]
fn a_hit_allocates_nothing() {
    warm_up();
    let counted = measure(ask_for_many);
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn a_miss_is_counted() {
    assert!(measure(|| crate::hits::ask(1_000_000)).count_total > 0);
}
