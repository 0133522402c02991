//! The hit rates of larger memories, estimated and measured.

use super::Store;
use crate::memory::ghosts::is_in_sample;
use crate::memory::{EntryMeta, KnownWeight};

/// A generator with a fixed seed, so that the estimates repeat.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Store {
    /// Places a value of `bytes` that never ends, as a load would at the time 1, and notes its return.
    fn load(&self, name: &str, bytes: usize) {
        self.load_at(1, name, bytes, u64::MAX);
    }

    /// Places a value of `bytes` that ends at `ends_ms`, as a load would at `now_ms`, and notes its return.
    fn load_at(&self, now_ms: u64, name: &str, bytes: usize, ends_ms: u64) {
        let ttl_ms = ends_ms - now_ms;
        let meta = EntryMeta::new(0, now_ms, ttl_ms, self.generations.note(&[]).stamps);
        let key = self.memory.name_key(name);
        let (hash, known) = (key.hash, KnownWeight::Measured(bytes));
        let weight = self.memory.weigh(&key, 0, known, &|| bytes, &|| bytes).unwrap();
        self.memory.place(self.memory.make(key, meta, 0, (), weight)).let_go();
        self.memory.ghosts.note_return(hash, now_ms, |stamps| self.generations.current(stamps));
    }

    /// Returns the number of hits of `calls` calls for `keys` keys, of which few are frequent.
    fn hits(&self, keys: usize, calls: usize, bytes: usize) -> u64 {
        let mut draws = Draws(42);
        let mut hits = 0;
        for _ in 0..calls {
            // The inverse of a distribution with a density of 1/x.
            let name = ((keys as f64).powf(draws.next()) as usize).to_string();
            match self.get::<()>(&name) {
                Some(()) => hits += 1,
                None => self.load(&name, bytes),
            }
        }
        hits
    }
}

/// Returns a store with a fixed seed: samples of other seeds differ by the frequent keys in them.
fn store(capacity: u64) -> Store {
    let mut store = Store::new(capacity);
    store.memory.seed = 7;
    store
}

#[test]
fn the_estimates_are_close_to_the_hit_rates_of_larger_memories() {
    // 4 MiB hold about 8,000 of 100,000 entries. A sample of one in some dozens is remembered.
    let (capacity, calls) = (4 << 20, 400_000);
    let of = |capacity| {
        let store = store(capacity);
        let hits = store.hits(100_000, calls, 250);
        (hits, store.memory.ghosts.saved_loads(), store.memory.ghosts.represents())
    };
    let (now, saved, represents) = of(capacity);
    let [twice, four] = [2, 4].map(|times| of(capacity * times).0);
    let rate = |hits: u64| hits as f64 / calls as f64;
    assert!(represents > 1, "{represents}");
    let estimates = [rate(now + saved.twice), rate(now + saved.four_times)];
    let measured = [rate(twice), rate(four)];
    for (estimate, measured) in estimates.into_iter().zip(measured) {
        let gain = measured - rate(now);
        assert!(gain > 0.03, "more memory has no effect: {measured}");
        assert!(
            (estimate - measured).abs() < 0.25 * gain.max(0.04),
            "{estimates:?}, not {measured}; now {}",
            rate(now)
        );
    }
}

#[test]
fn the_remembered_entries_take_a_small_part_of_the_memory() {
    let store = store(8 << 20);
    (0..200_000).for_each(|n| store.load(&n.to_string(), 100));
    let bytes = store.memory.ghosts.allocated();
    assert!(bytes < (8 << 20) / 100, "{bytes}");
    assert!(bytes > 10_000, "{bytes}");
}

#[test]
fn a_value_that_would_have_ended_or_changed_meanwhile_is_no_saved_load() {
    const END_MS: u64 = u64::MAX / 2;
    let saved = |now_ms, invalidates: bool| {
        let store = store(1 << 20);
        // A key that stays in the sample for long.
        let hash = |name: &String| store.memory.name_key(name).hash;
        let names = (0..100_000).map(|n| n.to_string());
        let name = names.into_iter().find(|name| is_in_sample(hash(name), 10)).unwrap();
        // The first entries are kept longest. The others evict this one. A read would keep it in memory.
        (0..5_000).for_each(|n| store.load(&format!("first:{n}"), 200));
        store.load_at(1, &name, 200, END_MS);
        let mut others = (0..100_000).map(|n| format!("other:{n}"));
        while !store.memory.ghosts.remembers(hash(&name)) {
            store.load(&others.next().unwrap(), 200);
        }
        assert_eq!(store.memory.ghosts.saved_loads().twice, 0);
        if invalidates {
            store.generations.bump_epoch();
        }
        store.load_at(now_ms, &name, 200, u64::MAX);
        (store.memory.ghosts.saved_loads().twice, store.memory.ghosts.represents())
    };
    let (loads, represented) = saved(END_MS - 1, false);
    assert_eq!(loads, represented);
    assert_eq!(saved(END_MS, false).0, 0, "its TTL is over");
    assert_eq!(saved(END_MS - 1, true).0, 0, "invalidated");
}
