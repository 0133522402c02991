#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use super::probe::{ProbeDebug as _, ProbeHash as _, ProbeNeither as _};
use super::{Alarm, Argument, Fingerprint, hasher, text};
use crate::site::Declared;

macro_rules! print {
    ($value:expr) => {
        (&&&Argument(&$value)).__cache_fingerprint()
    };
}

const HERE: Declared = Declared {
    package: "shop",
    module: "shop",
    function: "f",
    file: "lib.rs",
    line: 1,
    path: || "shop::f",
};

#[test]
fn the_hash_of_a_type_is_preferred_to_its_text() {
    struct Neither;
    assert_eq!(print!(7_u64), Some(hasher::hash(&7_u64)));
    assert_eq!(print!("text"), Some(hasher::hash("text")));
    assert_eq!(print!(1.5_f64), text::digest(&1.5));
    assert_eq!(print!(Neither), None);
}

/// Tests that the hash does not change, because it is a part of entries that several processes share.
#[test]
fn the_hasher_is_the_same_everywhere() {
    let number = |bytes: &[u8]| xxhash_rust::xxh3::xxh3_64(bytes);
    assert_eq!(hasher::hash(&0x0102_u16), number(&[2, 1]));
    assert_eq!(hasher::hash(&1_usize), number(&[1, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(hasher::hash(&-1_isize), number(&[0xFF; 8]));
    for length in [0, 62, 63, 64, 1_000] {
        let text = "x".repeat(length);
        assert_eq!(hasher::hash(&text), number(&[text.as_bytes(), &[0xFF]].concat()));
        let (one, other) = text.split_at(length / 2);
        let both = [one.as_bytes(), &[0xFF], other.as_bytes(), &[0xFF]].concat();
        assert_eq!(hasher::hash(&(one, other)), number(&both));
    }
}

#[test]
fn a_text_counts_without_its_order_and_without_addresses() {
    let forth: HashMap<_, _> = (0..100).map(|i| (i, i as f64)).collect();
    let back: HashMap<_, _> = (0..100).rev().map(|i| (i, i as f64)).collect();
    assert_eq!(text::digest(&forth), text::digest(&back));
    let set: HashSet<_> = ["a", "b"].into();
    assert_eq!(text::digest(&set), text::digest(&HashSet::from(["b", "a"])));
    let (here, there) = (Box::new(1), Box::new(1));
    let (here, there): (*const i32, *const i32) = (&*here, &*there);
    assert_eq!(text::digest(&here), text::digest(&there));
    assert_eq!(text::digest(&0.0), text::digest(&-0.0));
    assert_ne!(text::digest(&-1.0), text::digest(&1.0));
    assert_ne!(text::digest(&Some(1.0)), text::digest(&1.0));
    assert_ne!(text::digest(&(1, 23)), text::digest(&(12, 3)));
}

#[test]
fn what_prints_at_length_says_nothing() {
    assert_eq!(text::digest(&vec![0.5; 50_000]), None);
    assert!(text::digest(&vec![0.5; 5_000]).is_some());
}

#[test]
fn a_fingerprint_depends_on_which_argument_it_is() {
    let of = |parts: &[Option<u64>]| {
        let mut fingerprint = Fingerprint::new();
        parts.iter().for_each(|part| fingerprint.add(*part));
        fingerprint.finish()
    };
    let all = [of(&[Some(1), Some(2)]), of(&[Some(2), Some(1)]), of(&[Some(1)])];
    let more = [of(&[None, Some(1)]), of(&[None, None]), of(&[Some(1), None])];
    assert_eq!(more[1], 0);
    assert_eq!(all[2], more[2]);
    let distinct: HashSet<_> = all.into_iter().chain(more).collect();
    assert_eq!(distinct.len(), 5);
}

#[test]
fn a_fingerprint_that_changes_by_itself_is_not_relied_upon() {
    let (alarm, next) = (Alarm::default(), AtomicU64::new(1));
    let changing = || next.fetch_add(1, Ordering::Relaxed);
    assert_eq!(alarm.fingerprint(&HERE, changing), 0);
    assert_eq!(alarm.fingerprint(&HERE, || 7), 0);
    let alarm = Alarm::default();
    assert_eq!(alarm.fingerprint(&HERE, || 7), 7);
    assert_eq!(alarm.fingerprint(&HERE, || 8), 8);
}

#[test]
fn arguments_are_alike_if_another_fingerprint_was_seen_with_their_key() {
    let alarm = Alarm::default();
    let alike = [(1, 7), (1, 7), (2, 8), (1, 8), (1, 0), (1, 7)];
    let alike = alike.map(|(key, fingerprint)| alarm.is_alike(key, fingerprint));
    assert_eq!(alike, [false, false, false, true, false, false]);
}
