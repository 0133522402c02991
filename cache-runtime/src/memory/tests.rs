#![allow(clippy::unwrap_used, reason = "a failed thread fails the test")]

mod ghosts;
#[cfg(target_os = "linux")]
mod resident;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use once_cell::sync::Lazy;
use serde::{Deserialize, Serialize};

use super::{EntryMeta, KnownWeight, Memory, ReadPredicate, Unkept};
use crate::coherence::generation::Generations;
use crate::format::shape::{heap_size, value_size};
use crate::output::CacheValue;

/// The maximum size of a value.
const LARGEST: usize = 1 << 20;

/// A store, with the generations of its entries. They depend on nothing that is ever invalidated.
struct Store {
    memory: Memory,
    generations: Generations,
}

impl Store {
    fn new(capacity: u64) -> Self {
        Store::with_cores(capacity, 2)
    }

    fn with_cores(capacity: u64, cores: usize) -> Self {
        Store { memory: Memory::new(capacity, LARGEST, cores), generations: Generations::new(0) }
    }

    fn predicate(&self) -> ReadPredicate<'_> {
        ReadPredicate {
            generations: &self.generations,
            now_ms: 1,
            origin: None,
            slots: None,
            grace_ms: 0,
            not_before_ms: 0,
        }
    }

    fn put<V: CacheValue>(&self, name: &str, value: V) {
        let meta = EntryMeta::new(0, 1, u64::MAX, self.generations.note(&[]).stamps);
        let key = self.memory.name_key(name);
        let taken = || size_of::<V>() + heap_size(&value);
        let size = || value_size(&value);
        let weight = self.memory.weigh(&key, 0, KnownWeight::Unknown, &taken, &size).unwrap();
        drop(self.memory.place(self.memory.make(key, meta, 0, value, weight)));
    }

    fn get<V: CacheValue>(&self, name: &str) -> Option<V> {
        let key = self.memory.name_key(name);
        self.memory.get(key.hash, &key, self.predicate()).map(|hit| hit.value)
    }

    /// Reads a value repeatedly, until the thread has it in its near cache.
    fn heat<V: CacheValue>(&self, name: &str) {
        for _ in 0..3 {
            assert!(self.get::<V>(name).is_some());
        }
    }
}

#[test]
fn values_up_to_the_limit_fit_whatever_the_number_of_processors() {
    for cores in [1, 2, 64, 128, 1_000] {
        let store = Store::with_cores(64 << 20, cores);
        store.put("large", vec![0_u8; LARGEST - 100]);
        assert!(store.get::<Vec<u8>>("large").is_some(), "{cores} processors");
    }
    // A store that has no room for eight of the largest values accepts what fits into it.
    let store = Store::with_cores(2 << 20, 64);
    store.put("large", vec![0_u8; LARGEST - 100]);
    assert!(store.get::<Vec<u8>>("large").is_some());
}

#[test]
fn forty_mebibytes_of_100_kib_fit_into_64() {
    for cores in [2, 64, 128] {
        let mut store = Store::with_cores(64 << 20, cores);
        // With other seeds, one in some hundred distributions gives a shard more than it holds.
        store.memory.seed = 7;
        let names: Vec<String> = (0..409).map(|n| n.to_string()).collect();
        let value: Arc<[u8]> = vec![0_u8; 100 << 10].into();
        names.iter().for_each(|name| store.put(name, Bytes(Arc::clone(&value))));
        let there = names.iter().filter(|name| store.get::<Bytes>(name).is_some());
        assert_eq!(there.count(), 409, "{cores} processors");
    }
}

#[test]
fn many_processors_share_many_parts() {
    let shards = |capacity, cores| super::shards(capacity, LARGEST, cores);
    assert_eq!((shards(64 << 20, 2), shards(64 << 20, 64)), (8, 8));
    assert_eq!((shards(8 << 30, 2), shards(8 << 30, 64), shards(8 << 30, 100)), (8, 256, 512));
    assert_eq!((shards(1 << 20, 64), super::shards(64 << 20, 512 << 20, 64)), (1, 1));
    assert_eq!(super::shards(64 << 20, 1, 0), 1);
}

#[test]
fn what_has_no_room_is_refused_and_not_dropped_in_silence() {
    let store = Store::with_cores(1 << 20, 2);
    let meta = || EntryMeta::new(0, 1, u64::MAX, store.generations.note(&[]).stamps);
    let key = store.memory.name_key("a");
    let make = |size: usize| {
        let value = vec![0_u8; size];
        store
            .memory
            .weigh(&key, 0, KnownWeight::Unknown, &|| size_of::<Vec<u8>>() + size, &|| size)
            .map(|weight| drop(store.memory.make(key.clone(), meta(), 0, value, weight)))
    };
    assert!(make(store.memory.room() - 400).is_ok());
    let room = store.memory.room();
    let refused = make(room);
    assert!(
        matches!(refused, Err(Unkept::Entry { room: said, .. }) if said == room),
        "{refused:?}"
    );
    let refused = make(LARGEST + 1);
    assert!(matches!(refused, Err(Unkept::Value { limit: LARGEST, .. })), "{refused:?}");
    // The heaviest entry that is not refused is kept.
    store.put("heaviest", vec![0_u8; room - 400]);
    assert!(store.get::<Vec<u8>>("heaviest").is_some());
}

/// Bytes that are shared with the test, so that it is fast to make many of them.
#[derive(Clone)]
struct Bytes(Arc<[u8]>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Bytes(Vec::deserialize(deserializer)?.into()))
    }
}

#[test]
fn what_another_thread_has_replaced_is_served_new() {
    let store = Store::new(1 << 20);
    store.put("a", 0);
    thread::scope(|scope| {
        let (told, hear) = channel::<u64>();
        let (answer, answered) = channel::<()>();
        let store = &store;
        scope.spawn(move || {
            for newest in hear {
                assert_eq!(store.get("a"), Some(newest));
                store.heat::<u64>("a");
                answer.send(()).unwrap();
            }
        });
        for newest in 1..100_u64 {
            store.put("a", newest);
            told.send(newest).unwrap();
            answered.recv().unwrap();
        }
    });
}

#[test]
fn what_has_been_evicted_or_dropped_is_not_served() {
    let store = Store::new(64 << 10);
    store.put("a", 1_u64);
    store.heat::<u64>("a");
    for i in 0..1_000_u64 {
        store.put(&i.to_string(), i);
    }
    let in_table = !store.memory.identities(&store.memory.name_key("a")).is_empty();
    assert_eq!(store.get::<u64>("a").is_some(), in_table);

    store.put("b", 2_u64);
    store.heat::<u64>("b");
    store.memory.clear();
    assert_eq!((store.get::<u64>("b"), store.memory.len()), (None, 0));
}

#[test]
fn a_key_that_is_hot_at_the_front_stays_in_the_table() {
    let store = Store::new(256 << 10);
    let mut loads = 0;
    for i in 0..50_000_u64 {
        if i % 20 == 0 && store.get::<u64>("hot").is_none() {
            loads += 1;
            store.put("hot", 0_u64);
        }
        // The other values are read as well, so that a hot value needs more than being recent to outlast
        // them.
        let name = i.to_string();
        store.put(&name, i);
        store.heat::<u64>(&name);
    }
    // Keys are distributed at random: mostly the number is 1, seldom 4. If the near cache never used the
    // table, it would be 40.
    assert!(loads <= 10, "loaded {loads} times while the table was turned over 40 times");
}

/// A value whose `Clone` panics while `BREAKS` is set.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Fragile;

static BREAKS: AtomicBool = AtomicBool::new(false);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(!BREAKS.load(Ordering::Relaxed), "as the test wants it");
        Fragile
    }
}

#[test]
fn a_thread_goes_on_after_a_clone_that_panics() {
    let store = Store::new(1 << 20);
    store.put("fragile", Fragile);
    store.put("b", 2_u64);
    store.heat::<Fragile>("fragile");
    store.heat::<u64>("b");
    BREAKS.store(true, Ordering::Relaxed);
    assert!(catch_unwind(AssertUnwindSafe(|| store.get::<Fragile>("fragile"))).is_err());
    BREAKS.store(false, Ordering::Relaxed);
    store.heat::<Fragile>("fragile");
    assert_eq!((store.get("fragile"), store.get("b")), (Some(Fragile), Some(2_u64)));
}

/// A value whose `Drop` reads from the store that it was in.
#[derive(Clone, Serialize, Deserialize)]
struct Asks(u64);

static ASKED: Lazy<Store> = Lazy::new(|| Store::new(64 << 10));
static DROPS: AtomicUsize = AtomicUsize::new(0);
static ENDED: AtomicBool = AtomicBool::new(false);

impl Drop for Asks {
    fn drop(&mut self) {
        if !ENDED.load(Ordering::Relaxed) {
            DROPS.fetch_add(1, Ordering::Relaxed);
            ASKED.get::<u64>("other");
        }
    }
}

#[test]
fn a_value_may_ask_the_store_when_it_is_dropped() {
    let store = &*ASKED;
    for round in 0..20_u64 {
        for i in 0..100 {
            let name = i.to_string();
            store.put(&name, Asks(round));
            store.heat::<Asks>(&name);
        }
        // The value is as large as many of the others, which are evicted at once.
        store.put(&format!("large {round}"), vec![0_u8; 4 << 10]);
    }
    store.memory.clear();
    assert!(DROPS.load(Ordering::Relaxed) > 2_000);
    ENDED.store(true, Ordering::Relaxed);
}
