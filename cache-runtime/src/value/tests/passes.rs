//! The passes of serde over a value that a load stores.

use std::cell::Cell;

use serde::{Deserialize, Deserializer, Serializer};

use super::*;
use crate::coherence::generation::Generations;
use crate::memory::{EntryMeta, KnownWeight, Memory};

thread_local! {
    static PASSES: Cell<Passes> = Cell::default();
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Passes {
    /// The number of passes over the value that was loaded.
    serialized: u32,
    /// The number of passes over the value that was read back for the comparison.
    read_back: u32,
    deserialized: u32,
}

fn count(change: impl FnOnce(&mut Passes)) {
    let mut passes = PASSES.get();
    change(&mut passes);
    PASSES.set(passes);
}

#[derive(Clone, Debug)]
struct Counted {
    text: String,
    is_read_back: bool,
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_read_back = self.is_read_back;
        count(|passes| {
            *if is_read_back { &mut passes.read_back } else { &mut passes.serialized } += 1
        });
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        count(|passes| passes.deserialized += 1);
        Ok(Counted { text: String::deserialize(deserializer)?, is_read_back: true })
    }
}

const LARGEST: usize = 1 << 16;

/// Counts the passes of a load of a text of this length. The types in the text are already known.
fn passes(length: usize, load: impl Fn(&Counted)) -> Passes {
    let value = Counted { text: "x".repeat(length), is_read_back: false };
    load(&value);
    PASSES.take();
    load(&value);
    PASSES.take()
}

fn keep(value: &Counted, weight: KnownWeight) {
    let memory = Memory::new(1 << 20, LARGEST, 1);
    let stamps = Generations::new(0).note(&[]).stamps;
    let meta = EntryMeta::new(0, 0, u64::MAX, stamps);
    assert!(value_of(value).entry(&memory, memory.name_key("a"), meta, 0, weight).is_ok());
}

#[test]
fn a_load_into_memory_serialises_a_value_once_and_a_large_one_twice() {
    let once = Passes { serialized: 1, ..Passes::default() };
    assert_eq!(passes(10, |value| keep(value, KnownWeight::Unknown)), once);
    let twice = Passes { serialized: 2, ..Passes::default() };
    assert_eq!(passes(LARGEST / 2, |value| keep(value, KnownWeight::Unknown)), twice);
}

#[test]
fn a_load_into_redis_serialises_a_value_at_most_twice() {
    let twice = Passes { serialized: 2, read_back: 1, deserialized: 1 };
    let coding = Coding { own: None, likeness: likeness!(Counted) };
    for codec in DefaultCodec::ALL {
        let types = process(*codec);
        for weighs in [false, true] {
            let load = |counted: &Counted| {
                let value = value_of(counted);
                let measures = value.measure(weighs);
                assert!(types.encode(value, &measures, coding).is_ok());
                // The copy in mode `tiered`.
                if let Some(weight) = measures.weight {
                    keep(counted, KnownWeight::Measured(weight));
                }
            };
            assert_eq!(passes(10, load), twice, "{codec:?}, {weighs}");
            assert_eq!(passes(LARGEST / 2, load), twice, "{codec:?}, {weighs}");
        }
    }
}

#[test]
fn a_value_that_cannot_be_compared_is_walked_once_more() {
    let types = process(DefaultCodec::Bincode);
    let load = |value: &Counted| assert!(encode(&types, value, Coding::default()).is_ok());
    let expected = Passes { serialized: 3, read_back: 1, deserialized: 1 };
    assert_eq!(passes(10, load), expected);
}
