#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod decoder;
mod digests;
mod model;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::path::Path;
use std::slice;

use proptest::prelude::*;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use super::sink::Sink;
use super::{KeyBytes, KeyError, KeyParts as _, encode, hash_parts, matches};
use model::{Data, data};

#[derive(Serialize)]
struct Unit;
#[derive(Serialize)]
struct Meters(u64);
#[derive(Serialize)]
struct Feet(u64);
#[derive(Serialize)]
struct Pair(u64, u64);
#[derive(Serialize)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<u64>,
}
#[derive(Serialize)]
enum Kind {
    Empty,
    One(u64),
    Two(u64, u64),
    Named { a: u64 },
}
#[derive(Serialize)]
#[serde(untagged)]
enum Untagged {
    A { x: u64 },
    B { y: u64 },
}

fn bytes_of<T: Serialize + ?Sized>(value: &T) -> KeyBytes {
    encode(&(value, ())).unwrap()
}

#[track_caller]
fn assert_all_differ(keys: &[KeyBytes]) {
    for (index, key) in keys.iter().enumerate() {
        for (other, earlier) in keys[..index].iter().enumerate() {
            assert_ne!(&key[..], &earlier[..], "number {index} equals number {other}");
        }
    }
}

#[test]
fn values_that_print_alike_have_distinct_keys() {
    assert_all_differ(&[
        bytes_of(&()),
        bytes_of(""),
        bytes_of("None"),
        bytes_of("1"),
        bytes_of(b"1"),
        bytes_of(&'1'),
        bytes_of(&1_u8),
        bytes_of(&1_i8),
        bytes_of(&1_u128),
        bytes_of(&1_i128),
        bytes_of(&1.0_f32),
        bytes_of(&1.0_f64),
        bytes_of(&true),
        bytes_of(&false),
        bytes_of(&None::<u64>),
        bytes_of(&Some(())),
        bytes_of(&Some(None::<u64>)),
        bytes_of(&Some(1_u64)),
        bytes_of(&[1_u64]),
        bytes_of(&vec![1_u64]),
        bytes_of(&Vec::<u64>::new()),
        bytes_of(&HashMap::<u64, u64>::new()),
        bytes_of(&Unit),
        bytes_of(&Meters(1)),
        bytes_of(&Feet(1)),
        bytes_of(&(1_u64, 1_u64)),
        bytes_of(&Pair(1, 1)),
        bytes_of(&Kind::Empty),
        bytes_of(&Kind::One(1)),
        bytes_of(&Kind::Two(1, 1)),
        bytes_of(&Kind::Named { a: 1 }),
    ]);
}

/// Tests the sequence in any container, at any place of the arguments.
#[test]
fn a_sequence_of_u8_is_its_bytes() {
    let long = vec![7_u8; 500_000];
    assert_eq!(bytes_of(&long).len(), 500_000 + 10);
    assert_eq!(bytes_of(&Some(&long)).len(), 500_000 + 11);
    let key = bytes_of(&vec![1_u8, 2]);
    assert_eq!(&key[..], [15, 2, 1, 2]);
    assert_eq!(key, bytes_of(&[1_u8, 2][..]));
    assert_eq!(key, bytes_of::<Box<[u8]>>(&[1_u8, 2].into()));
    assert_eq!(key, bytes_of(&Cow::Borrowed(&[1_u8, 2][..])));
    assert_eq!(key, bytes_of(&VecDeque::from([1_u8, 2])));
    assert_all_differ(&[
        key,
        bytes_of(&vec![1_u8, 2, 0]),
        bytes_of(&vec![1_u16, 2]),
        bytes_of(&vec![1_i8, 2]),
        bytes_of(&Vec::<u8>::new()),
        bytes_of(&Vec::<u16>::new()),
        bytes_of(&vec![vec![1_u8], vec![2]]),
        bytes_of(&vec![vec![1_u8, 2]]),
        bytes_of(&(1_u8, 2_u8)),
    ]);
}

/// Octets with a size hint: the minimum and the maximum of their number.
struct Counted(Vec<u8>, (usize, Option<usize>));

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Iter<'a>(slice::Iter<'a, u8>, (usize, Option<usize>));
        impl<'a> Iterator for Iter<'a> {
            type Item = &'a u8;
            fn next(&mut self) -> Option<&'a u8> {
                self.0.next()
            }
            fn size_hint(&self) -> (usize, Option<usize>) {
                self.1
            }
        }
        serializer.collect_seq(Iter(self.0.iter(), self.1))
    }
}

#[test]
fn a_long_sequence_of_u8_is_the_same_key_however_it_is_given() {
    for length in [511, 512, 513, 4_096, 4_097, 10_000] {
        let octets: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let key = bytes_of(&octets);
        let unknown = Counted(octets.clone(), (0, None));
        let deque = VecDeque::from(octets.clone());
        assert_eq!((&key, &key), (&bytes_of(&unknown), &bytes_of(&deque)), "{length}");
        let hash = hash_parts(&(&octets, ()), 1).unwrap();
        assert_eq!(hash_parts(&(&unknown, ()), 1).unwrap(), hash, "{length}");
        assert_eq!(hash_parts(&(&deque, ()), 1).unwrap(), hash, "{length}");
        assert!(matches(&(&octets, ()), &key) && matches(&(&unknown, ()), &key));
        for at in [0, 510, length - 1] {
            let mut other = octets.clone();
            other[at] ^= 1;
            assert!(!matches(&(&other, ()), &key), "{length} octets, another at {at}");
        }
        assert!(!matches(&(&octets[1..], ()), &key));
    }
}

#[test]
fn a_sequence_of_u8_that_lies_about_its_length_is_no_key() {
    for said in [600, 8_192, 20_000] {
        let liar = Counted(vec![1; 10_000], (said, Some(said)));
        assert!(encode(&(&liar, ())).is_err(), "{said}");
    }
}

#[test]
fn texts_of_any_length_are_compared_to_the_last_byte() {
    for length in 0..40 {
        let text = "x".repeat(length);
        let key = bytes_of(&text);
        assert!(matches(&(&text, ()), &key));
        assert!(!matches(&(&"x".repeat(length + 1), ()), &key));
        for at in 0..length {
            let mut other = text.clone();
            other.replace_range(at..=at, "y");
            assert!(!matches(&(&other, ()), &key), "{length} bytes, another at {at}");
        }
    }
}

/// Tests arrays, which serde serialises as tuples. Eight octets side by side make one word.
#[test]
fn eight_octets_of_an_array_are_one_word() {
    assert_eq!(bytes_of(&[7_u8; 32]).len(), 1 + 4 * 9 + 1);
    assert_eq!(bytes_of(&[7_u8; 9]).len(), 1 + 2 * 9 + 1);
    let key = bytes_of(&[1_u8, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(&key[..], [21, 16, 1, 2, 3, 4, 5, 6, 7, 8, 24]);
    let pairs = |pair: (u8, u8)| bytes_of(&[pair; 8]);
    assert_all_differ(&[
        key,
        bytes_of(&[1_u8, 2, 3, 4, 5, 6, 7]),
        bytes_of(&[1_u8, 2, 3, 4, 5, 6, 7, 0]),
        bytes_of(&[1_u8, 2, 3, 4, 5, 6, 7, 8, 0]),
        bytes_of(&(1_u8, 2_u8, 3_u8, 4_u8, 5_u8, 6_u8, 7_u8, "a", 8_u8)),
        bytes_of(&(1_u8, 2_u8, 3_u8, 4_u8, 5_u8, 6_u8, 7_u8, 8_u8, "a")),
        bytes_of(&[1_u16, 2, 3, 4, 5, 6, 7, 8]),
        bytes_of(&[u64::from_le_bytes([1, 2, 3, 4, 5, 6, 7, 8])]),
        bytes_of(&vec![1_u8, 2, 3, 4, 5, 6, 7, 8]),
        pairs((1, 2)),
        pairs((2, 1)),
    ]);
    // Fewer octets are encoded as in every other tuple of numbers.
    assert_eq!(bytes_of(&(1_u8, 2_u8)), bytes_of(&(1_u64, 2_u64)));
    let nine = bytes_of(&[1_u8, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(&nine[10..], [4, 9, 0, 0, 0, 0, 0, 0, 0, 24]);
}

#[test]
fn the_border_between_arguments_counts() {
    assert_all_differ(&[
        encode(&("a:b", (&"c", ()))).unwrap(),
        encode(&("a", (&"b:c", ()))).unwrap(),
        encode(&("a\0b", (&"c", ()))).unwrap(),
        encode(&("a", (&"b\0c", ()))).unwrap(),
        encode(&("a:bc", (&"", ()))).unwrap(),
        encode(&("a:bc", ())).unwrap(),
        bytes_of(&("a:b", "c")),
        bytes_of(&(("a", "b"), "c")),
        bytes_of(&("a", ("b", "c"))),
    ]);
}

#[test]
fn skipped_fields_and_untagged_variants_differ_by_the_names_left() {
    assert_all_differ(&[
        bytes_of(&Sparse { a: Some(1), b: None }),
        bytes_of(&Sparse { a: None, b: Some(1) }),
        bytes_of(&Sparse { a: None, b: None }),
        bytes_of(&Untagged::A { x: 1 }),
        bytes_of(&Untagged::B { y: 1 }),
    ]);
}

#[test]
fn integers_of_one_sign_are_one_kind() {
    assert_eq!(bytes_of(&7_u8), bytes_of(&7_u64));
    assert_eq!(bytes_of(&-7_i8), bytes_of(&-7_i64));
    assert_eq!(bytes_of(&7_usize), bytes_of(&7_u16));
}

#[test]
fn zeros_are_equal_and_nans_are_equal() {
    assert_eq!(bytes_of(&0.0_f64), bytes_of(&-0.0_f64));
    assert_eq!(bytes_of(&0.0_f32), bytes_of(&-0.0_f32));
    assert_eq!(bytes_of(&f64::NAN), bytes_of(&f64::from_bits(0xFFF8_0000_0000_0001)));
    assert_eq!(bytes_of(&f32::NAN), bytes_of(&-f32::NAN));
    assert_ne!(bytes_of(&f64::NAN), bytes_of(&f64::INFINITY));
}

#[test]
fn the_order_of_a_map_does_not_count() {
    let entries: Vec<(String, u64)> = (0..50).map(|n| (format!("key {n}"), n)).collect();
    let forwards: HashMap<_, _> = entries.iter().cloned().collect();
    let backwards: HashMap<_, _> = entries.iter().rev().cloned().collect();
    let sorted: BTreeMap<_, _> = entries.into_iter().collect();
    assert_eq!(bytes_of(&forwards), bytes_of(&sorted));
    assert_eq!(bytes_of(&backwards), bytes_of(&sorted));
    assert_eq!(hash_parts(&(&forwards, ()), 1).unwrap(), hash_parts(&(&backwards, ()), 1).unwrap());
    assert!(matches(&(&forwards, ()), &bytes_of(&backwards)));
}

#[test]
fn the_order_of_values_under_a_repeated_key_counts() {
    assert_ne!(bytes_of(&Repeated([1, 2])), bytes_of(&Repeated([2, 1])));
}

#[test]
fn a_set_of_one_order_is_one_key() {
    let set: HashSet<u64> = [3].into();
    assert_eq!(bytes_of(&set), bytes_of(&set.clone()));
}

#[test]
fn a_sequence_of_unknown_length_equals_one_of_known_length() {
    struct Unknown;
    impl Serialize for Unknown {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq as _;
            let mut sequence = serializer.serialize_seq(None)?;
            sequence.serialize_element(&1_u64)?;
            sequence.end()
        }
    }
    assert_eq!(bytes_of(&Unknown), bytes_of(&vec![1_u64]));
}

#[test]
fn text_by_display_equals_the_text() {
    struct Shown;
    impl Serialize for Shown {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&format_args!("{}-{}", 1, 2))
        }
    }
    assert_eq!(bytes_of(&Shown), bytes_of("1-2"));
}

#[test]
fn an_argument_that_cannot_be_serialised_is_an_error_and_matches_nothing() {
    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("the lock is poisoned"))
        }
    }
    let parts = (&1_u64, (&Failing, ()));
    assert_eq!(hash_parts(&parts, 0).unwrap_err().to_string(), "the lock is poisoned");
    assert_eq!(encode(&parts).unwrap_err().to_string(), "the lock is poisoned");
    assert!(!matches(&parts, &bytes_of(&1_u64)));
}

#[test]
fn a_serialize_that_swallows_errors_does_not_match_by_accident() {
    struct Swallowing;
    impl Serialize for Swallowing {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            let _ = map.serialize_value(&1);
            map.end()
        }
    }
    // The only entry of the map fails, and the map is encoded as an empty one.
    assert!(matches(&(&Swallowing, ()), &bytes_of(&HashMap::<u8, u8>::new())));
    assert!(!matches(&(&Swallowing, ()), &bytes_of(&1)));
}

#[test]
fn a_path_that_is_not_unicode_is_an_error() {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"\xFF"));
        assert!(encode(&(path, ())).is_err());
    }
    assert!(encode(&(Path::new("a/b"), ())).is_ok());
}

#[test]
fn key_bytes_hold_any_length() {
    for length in [0, 1, 37, 38, 39, 255, 4096] {
        let bytes = vec![7; length];
        let key = KeyBytes::new(&bytes);
        assert_eq!(&key[..], &bytes[..]);
        // Bytes that are shared stand behind two counts of references.
        assert_eq!(key.heap_size(), if length > 38 { length + 16 } else { 0 });
        assert_eq!(key.clone(), key);
    }
}

/// A map type that may hold a key more than once.
struct Repeated([u64; 2]);

impl Serialize for Repeated {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("key", &self.0[0])?;
        map.serialize_entry("key", &self.0[1])?;
        map.end()
    }
}

/// Checks that the keys of `a` and `b` are equal in all three forms or in none.
fn agree<T: Serialize + Debug>(a: &T, b: &T) -> Result<(), TestCaseError> {
    let (stored_a, stored_b) = (bytes_of(a), bytes_of(b));
    let equal = stored_a == stored_b;
    prop_assert!(matches(&(a, ()), &stored_a));
    prop_assert_eq!(matches(&(a, ()), &stored_b), equal);
    let hash = |value: &T| hash_parts(&(value, ()), 42).unwrap();
    let fed = |value: &T| {
        let mut fed = Fed::default();
        (value, ()).feed(&mut fed).unwrap();
        fed
    };
    prop_assert!(!equal || fed(a) == fed(b));
    prop_assert_eq!(hash(a) == hash(b), fed(a) == fed(b));
    Ok(())
}

/// Notes the pieces that a hash is made of: it does not distinguish the kinds of texts and bytes.
#[derive(Default, PartialEq)]
struct Fed(Vec<Result<(u8, u64), Vec<u8>>>);

impl Sink for Fed {
    fn tag(&mut self, tag: u8) -> Result<(), KeyError> {
        self.word(tag, 0)
    }

    fn count(&mut self, tag: u8, count: u64) -> Result<(), KeyError> {
        self.word(tag, count)
    }

    fn word(&mut self, tag: u8, word: u64) -> Result<(), KeyError> {
        self.0.push(Ok((tag, word)));
        Ok(())
    }

    fn bytes(&mut self, _: u8, bytes: &[u8]) -> Result<(), KeyError> {
        self.part(bytes)
    }

    fn part(&mut self, bytes: &[u8]) -> Result<(), KeyError> {
        self.0.push(Err(bytes.to_vec()));
        Ok(())
    }
}

proptest! {
    // A decoder that returns the original value proves that no two values share their bytes.
    #[test]
    fn the_encoding_can_be_undone(value in data()) {
        let bytes = bytes_of(&value);
        prop_assert_eq!(decoder::decode(&bytes), Some(value));
    }

    #[test]
    fn hash_comparison_and_bytes_agree(a in data(), b in data()) {
        agree(&a, &b)?;
    }

    #[test]
    fn hash_comparison_and_bytes_agree_on_near_misses(
        text in "[ab]{0,2}", other in "[ab]{0,2}", flag: bool,
    ) {
        let of = |text: &str| Data::Seq(vec![Data::Str(text.into()), Data::Bool(flag)]);
        agree(&of(&text), &of(&other))?;
    }

    #[test]
    fn a_cut_or_continued_key_does_not_match(value in data(), extra: u8) {
        let bytes = bytes_of(&value);
        prop_assert!(!matches(&(&value, ()), &KeyBytes::new(&bytes[..bytes.len() - 1])));
        prop_assert!(!matches(&(&value, ()), &KeyBytes::new(&[&bytes[..], &[extra]].concat())));
    }
}
