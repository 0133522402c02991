//! The service over HTTP, each test with a cache and a database of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod admin;
mod analysis;
mod bad_requests;
mod changes;
mod lists;
mod load;
mod manifests;
mod reads;
mod running;
mod shutdown;

/// Names, prefixes and tags fit together.
#[test]
fn the_annotations_have_no_mistake() {
    assert_eq!(cache_runtime::audit(), []);
}
