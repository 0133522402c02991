//! The digests by which names, entries and the memory store are found.

use std::collections::{HashMap, HashSet};

use super::super::{NameHasher, encode, hash_bytes, hash_parts, origin};
use super::{Kind, Meters, Pair, Sparse, Unit, bytes_of};
use crate::support::golden;

#[test]
fn a_name_hash_depends_on_every_part_and_on_their_borders() {
    let hashes = [
        NameHasher::new("ab", 0).hash(b"c"),
        NameHasher::new("a", 0).hash(b"bc"),
        NameHasher::new("ab", 1).hash(b"c"),
        NameHasher::new("ab", 0).hash(b""),
        NameHasher::new("", 0).hash(b"abc"),
    ];
    let distinct: HashSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

#[test]
fn an_origin_depends_on_function_and_version() {
    assert_ne!(origin("a", 0), origin("b", 0));
    assert_ne!(origin("a", 0), origin("a", 1));
    assert_ne!(origin("", 0), 0);
}

#[test]
fn the_seed_changes_the_hash() {
    let parts = (&1_u64, ());
    assert_ne!(hash_parts(&parts, 1).unwrap(), hash_parts(&parts, 2).unwrap());
    assert_ne!(hash_bytes(b"a", 1), hash_bytes(b"a", 2));
    assert_ne!(hash_bytes(b"a", 1), hash_bytes(b"b", 1));
}

#[test]
fn keys_and_name_hashes_are_pinned() {
    let long = "x".repeat(300);
    let map: HashMap<&str, u64> = [("b", 2), ("a", 1)].into();
    let keys = [
        ("unit", bytes_of(&())),
        ("booleans", bytes_of(&(true, false))),
        ("unsigned", bytes_of(&(1_u8, u16::MAX, u32::MAX, u64::MAX))),
        ("signed", bytes_of(&(-1_i8, i16::MIN, i32::MIN, i64::MIN))),
        ("wide", bytes_of(&(u128::MAX - 1, i128::MIN))),
        ("floats", bytes_of(&(1.5_f32, 1.5_f64, f32::NAN, f64::NAN))),
        ("char", bytes_of(&'\u{e9}')),
        ("text", bytes_of("caf\u{e9}")),
        ("long text", bytes_of(&long)),
        ("options", bytes_of(&(None::<u8>, Some(1_u8)))),
        ("sequence", bytes_of(&vec!["a", "b"])),
        ("octets", bytes_of(&vec![1_u8, 255])),
        ("no octets", bytes_of(&Vec::<u8>::new())),
        ("array of octets", bytes_of(&[1_u8, 2, 3, 4, 5, 6, 7, 255, 9])),
        ("map", bytes_of(&map)),
        ("newtype", bytes_of(&Meters(3))),
        ("tuple struct", bytes_of(&Pair(1, 2))),
        ("unit struct", bytes_of(&Unit)),
        ("struct", bytes_of(&Sparse { a: Some(1), b: None })),
        ("unit variant", bytes_of(&Kind::Empty)),
        ("newtype variant", bytes_of(&Kind::One(1))),
        ("tuple variant", bytes_of(&Kind::Two(1, 2))),
        ("struct variant", bytes_of(&Kind::Named { a: 1 })),
        ("two arguments", encode(&(&1_u64, (&"a", ()))).unwrap()),
        ("no arguments", encode(&()).unwrap()),
    ];
    let mut text = String::new();
    for (label, key) in &keys {
        text += &golden::line(label, key);
    }
    text += &golden::line(
        "name hash",
        &NameHasher::new("crate::video::get_video", 1).hash(&keys[23].1),
    );
    text += &golden::line("origin", &origin("crate::video::get_video", 1).to_be_bytes());
    golden::check("key.txt", &text);
}
