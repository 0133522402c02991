//! Random values of all kinds of types, in every codec: each comes back unchanged, or is not stored.

use std::fmt::Debug;

use super::dice::Dice;
use super::zoo::*;
use super::*;
use crate::format::codec::MessagePack;

/// The number of values, unless the variable `ROUND_TRIPS` gives another one.
const VALUES: u64 = 20_000;

/// The expectations of a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Traits {
    /// The type has parts that serde does not see, so only `PartialEq` or `Debug` can detect their loss.
    unseen: bool,
    /// The type has parts that are printed in any order.
    unordered: bool,
}

/// A type, and the test of its values.
struct Kind {
    name: &'static str,
    roam: Box<dyn Fn(u64) -> u64>,
}

macro_rules! kinds {
    ($($type:ty $(, $trait:ident)*;)*) => {
        vec![$(Kind {
            name: stringify!($type),
            roam: Box::new(|seed| {
                let traits = Traits { $($trait: true,)* ..Traits::default() };
                roam::<$type>(seed, likeness!($type), traits)
            }),
        }),*]
    };
}

fn all() -> Vec<Kind> {
    kinds! {
        Nest<Plain>;
        Nest<Skipped>, unseen;
        Nest<NotWritten>, unseen;
        Nest<NotWrittenOption>, unseen;
        Nest<NotWrittenDefault>, unseen;
        Nest<NotRead>;
        Nest<Line>;
        Nest<Post>;
        Nest<Sparse>;
        Nest<SparseEnd>;
        Nest<SparseWithoutDefault>;
        Nest<Defaults>;
        Nest<Renamed>;
        Nest<ReadRenamed>;
        Nest<ReadRenamedDefault>;
        Nest<Swapped>;
        Nest<FlatMap>;
        Nest<FlatStruct>;
        Nest<FlatEnum>;
        Nest<Id>, unseen;
        Nest<Loose>, unseen;
        Nest<Internal>;
        Nest<Adjacent>;
        Nest<External>;
        Nest<Hidden>;
        Nest<Catch>;
        Nest<Empty>;
        Nest<With>, unseen;
        Nest<Rounded>, unseen;
        Nest<Dated>;
        Nest<Remote>;
        Nest<Transparent>;
        Nest<TransparentMemo>, unseen;
        Nest<Text>;
        Nest<Truncated>, unseen;
        Nest<Even>;
        Nest<Options>;
        Nest<Sets>, unordered;
        Nest<Numbers>;
        Nest<Standard>;
        Nest<Tree>;
        Nest<Entity>;
        Nest<Handmade>;
        Nest<Tail>;
        NotWritten, unseen;
        Line;
        Post;
        FlatStruct;
        Id, unseen;
        Internal;
        Transparent;
        Options;
        Sets, unordered;
        Entity;
        Handmade;
        Tail;
    }
}

#[test]
fn a_value_comes_back_as_it_was_or_is_not_stored() {
    let values = std::env::var("ROUND_TRIPS").map_or(VALUES, |count| count.parse().unwrap());
    let kinds = all();
    let mut stored = vec![0; kinds.len()];
    let mut roamed = 0;
    for seed in 1.. {
        if roamed >= values {
            break;
        }
        for (kind, stored) in kinds.iter().zip(&mut stored) {
            *stored += (kind.roam)(seed);
            roamed += EACH;
        }
    }
    let never = kinds.iter().zip(stored).filter(|(_, stored)| *stored == 0);
    let never: Vec<_> = never.map(|(kind, _)| kind.name).collect();
    assert_eq!(never, ["NotWritten"], "whose secret no codec can make up");
}

/// The number of values of one type in a row.
const EACH: u64 = 24;

/// Stores values of one type one after another in one process. Reads them in a second process that has read
/// earlier values, and in a third one that has read none. Returns the number of stored values.
fn roam<V>(seed: u64, likeness: Likeness, traits: Traits) -> u64
where
    V: Made + crate::CacheValue + PartialEq + Debug,
{
    let mut dice = Dice::new(seed);
    let configured = [dice.pick(DefaultCodec::ALL), dice.pick(DefaultCodec::ALL)];
    let (writer, reader) = (process(configured[0]), process(configured[1]));
    let codecs = [None, Some(codec_of::<V, Json>()), Some(codec_of::<V, MessagePack>())];
    let mut stored = 0;
    for number in 0..EACH {
        let value = V::make(&mut dice);
        let own = dice.pick(&codecs);
        let direct = dice.below(4) == 0 && !traits.unseen;
        let likeness = if direct { Likeness::default() } else { likeness };
        let Ok(entry) = encode(&writer, &value, Coding { own, likeness }) else { continue };
        stored += 1;
        for process in [&reader, &process(configured[1])] {
            let back: V = read(process, &entry, own).unwrap_or_else(|| {
                panic!("{value:?} ({number} of seed {seed}) is stored, and cannot be read")
            });
            let same = if traits.unordered {
                back == value
            } else {
                format!("{back:?}") == format!("{value:?}")
            };
            assert!(same, "{value:?} ({number} of seed {seed}) came back as {back:?}");
        }
    }
    stored
}
