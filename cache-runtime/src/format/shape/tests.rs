#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod weight;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use proptest::prelude::*;
use serde::Serializer;

use super::*;
use crate::support::golden;

/// The digest of a value of a type defined in a scope of its own, so that all may have one name.
macro_rules! shape_of {
    ({ $($items:tt)* } $value:expr) => {{
        #[derive(Serialize)]
        $($items)*
        of(&$value)
    }};
}

fn of<T: Serialize + ?Sized>(value: &T) -> u64 {
    digest(value, false).unwrap()
}

#[track_caller]
fn assert_all_differ(digests: &[u64]) {
    let mut distinct = digests.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), digests.len(), "{digests:x?}");
}

#[test]
fn every_change_of_a_struct_shows() {
    assert_all_differ(&[
        shape_of!({ struct S { a: u32, b: u32 } } S { a: 1, b: 2 }),
        shape_of!({ struct S { b: u32, a: u32 } } S { a: 1, b: 2 }),
        shape_of!({ struct S { a: u32, c: u32 } } S { a: 1, c: 2 }),
        shape_of!({ struct S { a: u32, b: i32 } } S { a: 1, b: 2 }),
        shape_of!({ struct S { a: u32, b: u64 } } S { a: 1, b: 2 }),
        shape_of!({ struct S { a: u32 } } S { a: 1 }),
        shape_of!({ struct S { a: u32, b: u32, c: u32 } } S { a: 1, b: 2, c: 3 }),
        shape_of!({ struct T { a: u32, b: u32 } } T { a: 1, b: 2 }),
        shape_of!({ struct S(u32, u32); } S(1, 2)),
        of(&(1_u32, 2_u32)),
    ]);
}

#[test]
fn a_change_inside_a_vec_shows() {
    assert_all_differ(&[
        shape_of!({ struct S { a: u32, b: u32 } } vec![S { a: 1, b: 2 }]),
        shape_of!({ struct S { b: u32, a: u32 } } vec![S { a: 1, b: 2 }]),
        shape_of!({ struct S { a: u32, b: u32 } } vec![Some(S { a: 1, b: 2 })]),
        shape_of!({ struct S { a: u32, b: u32 } } Vec::<S>::new()),
    ]);
}

#[test]
fn a_moved_or_renamed_variant_shows() {
    assert_all_differ(&[
        shape_of!(
            {
                enum E {
                    A(u8),
                    _B(u8),
                }
            }[E::A(1)]
        ),
        shape_of!(
            {
                enum E {
                    _B(u8),
                    A(u8),
                }
            }[E::A(1)]
        ),
        shape_of!(
            {
                enum E {
                    B(u8),
                    _A(u8),
                }
            }[E::B(1)]
        ),
        shape_of!(
            {
                enum E {
                    A,
                    _B,
                }
            }[E::A]
        ),
        shape_of!(
            {
                enum E {
                    A { x: u8 },
                    _B,
                }
            }[E::A { x: 1 }]
        ),
        shape_of!(
            {
                enum E {
                    A(u8, u8),
                    _B,
                }
            }[E::A(1, 1)]
        ),
    ]);
}

#[test]
fn swapped_variants_in_a_list_of_both_show() {
    assert_ne!(
        shape_of!({ enum E { A(u8), B(u8) } } vec![E::A(1), E::B(2)]),
        shape_of!({ enum E { B(u8), A(u8) } } vec![E::A(1), E::B(2)])
    );
}

#[test]
fn values_and_counts_do_not_show() {
    assert_eq!(of(&vec![1_u8]), of(&vec![2_u8, 3, 4]));
    assert_eq!(of("a"), of("much longer"));
    assert_eq!(of(&vec![Some(1), None, Some(2)]), of(&vec![None, Some(1)]));
    let one: HashMap<u8, &str> = [(1, "a")].into();
    let three: BTreeMap<u8, &str> = [(1, "a"), (2, "b"), (3, "c")].into();
    assert_eq!(of(&one), of(&three));
    let many: Vec<Vec<u8>> = (0..1000).map(|length| vec![0; length % 2]).collect();
    assert_eq!(of(&many), of(&[vec![0_u8], vec![]].to_vec()));
}

#[test]
fn kinds_of_leaves_show() {
    assert_all_differ(&[
        of(&1_u8),
        of(&1_u16),
        of(&1_u32),
        of(&1_u64),
        of(&1_u128),
        of(&1_i8),
        of(&1_i16),
        of(&1_i32),
        of(&1_i64),
        of(&1_i128),
        of(&1.0_f32),
        of(&1.0_f64),
        of(&true),
        of(&'1'),
        of("1"),
        of(&()),
        of(&None::<()>),
        of(&Some(())),
        of(&Vec::<u8>::new()),
        of(&BTreeMap::<u8, u8>::new()),
    ]);
}

#[test]
fn key_and_value_of_a_map_are_told_apart() {
    let map: BTreeMap<u8, u16> = [(1, 1)].into();
    let turned: BTreeMap<u16, u8> = [(1, 1)].into();
    assert_ne!(of(&map), of(&turned));
}

#[test]
fn a_skipped_field_is_absent() {
    let skipped = shape_of!({
        struct S {
            a: u8,
            #[serde(skip_serializing_if = "Option::is_none")]
            b: Option<u8>,
        }
    } S { a: 1, b: None });
    assert_eq!(skipped, shape_of!({ struct S { a: u8 } } S { a: 1 }));
}

#[test]
fn text_by_display_is_text() {
    struct Shown;
    impl Serialize for Shown {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str("x")
        }
    }
    assert_eq!(of(&Shown), of("x"));
}

#[test]
fn a_type_with_two_forms_has_two_shapes() {
    let address = IpAddr::from([127, 0, 0, 1]);
    assert_ne!(digest(&address, true), digest(&address, false));
    assert_eq!(digest(&address, true), digest("127.0.0.1", true));
}

#[test]
fn a_value_that_cannot_be_serialised_has_no_shape() {
    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }
    assert_eq!(digest(&vec![Failing], false), None);
}

/// Asserts that one pass yields the same as a pass for each question, and counts as bincode writes.
#[track_caller]
fn one_pass_is_as_good<V: crate::CacheValue>(value: V) {
    let both = measure(&value, true);
    assert_eq!(both.shape, digest(&value, false));
    assert_eq!(both.weight, Some(size_of::<V>() + heap_size(&value)));
    assert_eq!(both.size, value_size(&value));
    assert_eq!(measure(&value, false).size, both.size);
    let written = bincode::serde::encode_to_vec(&value, bincode::config::legacy()).unwrap();
    assert_eq!(encoded_size(&value), if std::mem::needs_drop::<V>() { written.len() } else { 0 });
}

#[test]
fn one_pass_over_a_value_finds_out_everything() {
    #[derive(Clone, Serialize, serde::Deserialize)]
    enum Mixed {
        Nothing,
        One(Box<str>),
        Pair(u8, String),
        Named { at: char, list: Vec<Option<u16>> },
    }
    one_pass_is_as_good(7_u64);
    one_pass_is_as_good("text".to_owned());
    one_pass_is_as_good(vec![1.5_f64; 1_000]);
    one_pass_is_as_good(Vec::<u32>::new());
    one_pass_is_as_good(vec!['a', '\u{1F600}']);
    one_pass_is_as_good(vec![(1_u128, true, ()), (2, false, ())]);
    one_pass_is_as_good(HashMap::from([(1_u8, vec!["a".to_owned()]), (2, Vec::new())]));
    one_pass_is_as_good(vec![IpAddr::from([127, 0, 0, 1])]);
    let named = Mixed::Named { at: 'x', list: vec![Some(1), None] };
    let all = vec![Mixed::Nothing, Mixed::One("a".into()), Mixed::Pair(1, "b".into()), named];
    one_pass_is_as_good(all);
}

#[test]
fn digests_are_pinned() {
    #[derive(Serialize)]
    struct Unit;
    #[derive(Serialize)]
    struct Pair(u8, i64);
    #[derive(Serialize)]
    struct Video {
        identifier: u64,
        title: &'static str,
        kind: Kind,
    }
    #[derive(Serialize)]
    enum Kind {
        Short,
        Long(f64),
        Live { since: u128 },
        Range(u16, u16),
    }
    let video = |kind| Video { identifier: 1, title: "t", kind };
    let digests = [
        ("leaves", of(&(true, 1_i8, 1_i16, 1_i32, 1_i64, 1_i128, 'x'))),
        ("more leaves", of(&(1_u8, 1_u16, 1_u32, 1_u64, 1_u128, 1_f32, 1_f64))),
        ("options", of(&(None::<u8>, Some(1_u8), ()))),
        ("structs", of(&(Unit, Pair(1, 1)))),
        ("unit variant", of(&video(Kind::Short))),
        ("newtype variant", of(&video(Kind::Long(0.5)))),
        ("struct variant", of(&video(Kind::Live { since: 1 }))),
        ("tuple variant", of(&video(Kind::Range(1, 2)))),
        ("list", of(&vec![video(Kind::Short), video(Kind::Range(1, 2))])),
        ("map", of(&BTreeMap::from([("a", 1_u8)]))),
    ];
    let text: String =
        digests.iter().map(|(label, digest)| golden::line(label, &digest.to_be_bytes())).collect();
    golden::check("shape.txt", &text);
}

proptest! {
    #[test]
    fn the_order_and_number_of_elements_do_not_show(
        mut list in prop::collection::vec(
            prop::collection::vec(any::<Option<Option<bool>>>(), 0..4), 1..300,
        ),
        seed: usize,
    ) {
        let before = of(&list);
        let turn = seed % list.len();
        list.rotate_left(turn);
        let again = list[seed % list.len()].clone();
        list.push(again);
        prop_assert_eq!(of(&list), before);
    }
}
