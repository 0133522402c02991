//! The weight of a value compared with the allocations of its clone.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hint::black_box;
use std::mem::forget;
use std::sync::Arc;

use allocation_counter::measure;
use serde::{Deserialize, Serialize};

use crate::format::shape::heap_size;
use crate::output::CacheValue;

/// The bytes that an allocation takes besides the requested ones: eight, and on average half of sixteen.
const EACH: u64 = 16;
/// The minimum number of bytes that an allocation takes.
const LEAST: u64 = 32;

/// Asserts that the weight of a value is that of its clone's allocations, within a factor of 1.5.
#[track_caller]
fn weighs_what_it_takes<V: CacheValue>(value: V) {
    let counted = measure(|| forget(black_box(value.clone())));
    let (bytes, blocks) =
        (counted.bytes_current.unsigned_abs(), counted.count_current.unsigned_abs());
    let takes = (bytes + blocks * EACH).max(blocks * LEAST);
    let weight = heap_size(&value) as u64;
    let factor = weight as f64 / takes.max(1) as f64;
    let of = std::any::type_name::<V>();
    assert!((0.66..1.5).contains(&factor), "{of} weighs {weight}, and takes {takes}: {factor:.2}");
}

/// The type takes 112 bytes.
type Wide = [u64; 14];

#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "that is what it is for")]
enum Event {
    Tick,
    Key(u8),
    Frame { pixels: Wide, text: String },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Post {
    id: u64,
    title: String,
    picture: Option<Wide>,
    tags: Vec<String>,
    events: Vec<Event>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Tree {
    name: String,
    below: Vec<Tree>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Names(Vec<String>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Flat {
    id: u64,
    #[serde(flatten)]
    more: BTreeMap<String, u64>,
}

fn many<T>(count: usize, make: impl Fn(usize) -> T) -> Vec<T> {
    (0..count).map(make).collect()
}

fn post(n: usize) -> Post {
    let picture = n.is_multiple_of(50).then_some([7; 14]);
    let (tags, events) = (many(n % 4, |n| n.to_string()), vec![Event::Tick; n % 7]);
    Post { id: n as u64, title: format!("the post {n}"), picture, tags, events }
}

#[test]
fn options_of_which_few_are_some() {
    weighs_what_it_takes(many(1_000, |n| (n == 500).then_some([1_u64; 14])));
    weighs_what_it_takes(vec![None::<Wide>; 1_000]);
    weighs_what_it_takes(vec![None::<Post>; 1_000]);
}

#[test]
fn enums_with_one_wide_variant() {
    weighs_what_it_takes(vec![Event::Tick; 1_000]);
    weighs_what_it_takes(many(1_000, |n| Event::Key(n as u8)));
    weighs_what_it_takes(vec![Event::Frame { pixels: [1; 14], text: "x".repeat(50) }; 100]);
}

#[test]
fn collections_within_a_vec() {
    weighs_what_it_takes(many(100, |n| n.to_string()));
    weighs_what_it_takes(vec![String::new(); 1_000]);
    weighs_what_it_takes(many(100, |n| HashSet::from([n as u8])));
    weighs_what_it_takes(vec![HashSet::<u8>::new(); 1_000]);
    weighs_what_it_takes(many(100, |n| vec![n as u16; n]));
    weighs_what_it_takes(many(100, |n| BTreeMap::from([(n, n.to_string())])));
    weighs_what_it_takes(many(100, |n| Box::new([n as u64; 20])));
    weighs_what_it_takes(many(100, |n| Some(Box::new(post(n)))));
}

#[test]
fn every_collection_of_the_standard_library() {
    for count in [1, 5, 13, 100, 1_000, 1_500] {
        let numbers = many(count, |n| n as u64);
        weighs_what_it_takes(numbers.clone());
        weighs_what_it_takes(numbers.clone().into_boxed_slice());
        weighs_what_it_takes(numbers.iter().copied().collect::<VecDeque<_>>());
        weighs_what_it_takes(numbers.iter().copied().collect::<LinkedList<_>>());
        weighs_what_it_takes(numbers.iter().copied().collect::<HashSet<_>>());
        weighs_what_it_takes(numbers.iter().map(|n| (*n, [*n; 4])).collect::<HashMap<_, _>>());
        weighs_what_it_takes(
            numbers.iter().map(|n| (n.to_string(), *n)).collect::<HashMap<_, _>>(),
        );
        weighs_what_it_takes("x".repeat(count));
        let (mut set, mut map) = (BTreeSet::new(), BTreeMap::new());
        for n in &numbers {
            set.insert(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            map.insert(*n, n.to_string());
        }
        weighs_what_it_takes(set);
        weighs_what_it_takes(map);
    }
    weighs_what_it_takes(BinaryHeap::from(many(100, |n| n)).into_vec());
    weighs_what_it_takes((
        String::from("a"),
        Some(vec![1_u8; 100]),
        [String::from("b"), "c".repeat(99)],
    ));
    weighs_what_it_takes(many(50, |n| (n, n.to_string(), vec![(n, [0_u8; 24]); 2])));
}

#[test]
fn structs_of_ones_own() {
    weighs_what_it_takes(post(3));
    weighs_what_it_takes(many(1_000, post));
    weighs_what_it_takes(Some(Ok::<_, String>(many(10, post))));
    weighs_what_it_takes(vec![Names(many(10, |n| n.to_string())); 10]);
    weighs_what_it_takes(many(20, |n| (n, post(n))).into_iter().collect::<HashMap<_, _>>());
    let leaf = |n: usize| Tree { name: format!("leaf {n}"), below: Vec::new() };
    weighs_what_it_takes(Tree { name: "root".to_owned(), below: many(100, leaf) });
    let more = many(20, |n| (format!("field {n}"), 1)).into_iter().collect();
    weighs_what_it_takes(vec![Flat { id: 1, more }; 20]);
}

#[test]
fn values_of_json() {
    let text = r#"{"id": 1, "name": "a name", "tags": ["a", "b"], "size": {"w": 1.5, "h": null}}"#;
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    weighs_what_it_takes(value.clone());
    weighs_what_it_takes(vec![value; 100]);
}

#[test]
fn what_is_shared_weighs_as_if_it_were_not() {
    let shared: Arc<str> = "x".repeat(1_000).into();
    assert!((1_000..1_100).contains(&heap_size(&shared.to_string())));
}

#[test]
fn what_owns_nothing_is_not_looked_at() {
    /// A type whose `Serialize` must not be called.
    #[derive(Clone, Debug, Deserialize)]
    struct Silent;
    impl Serialize for Silent {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("asked"))
        }
    }
    assert_eq!(heap_size(&[7_u64; 100].to_vec().len()), 0);
    assert_eq!(heap_size(&vec![Silent; 1_000]), 0);
    assert_eq!(heap_size(&vec![(1_u64, 'x', Wide::default()); 1_000]), 128_016);
}
