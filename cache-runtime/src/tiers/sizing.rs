//! Measures the use of the memory store.

use crate::redis::RedisStore;
use crate::sizing::{FunctionSizing, Measured, Sizing};
use crate::tiers::core::Core;

impl Core {
    /// Returns the report about the use of memory. It looks at every entry.
    pub(crate) fn sizing(&self) -> Sizing {
        let weights = self.memory.by_origin();
        let mut functions = self.each_origin(|name, _, origin, counters| {
            let sizes = weights.get(&origin).copied().unwrap_or_default();
            FunctionSizing::new(name.to_owned(), sizes, counters.read())
        });
        functions.retain(|function| function.entries > 0 || function.counts != Default::default());
        let saved = self.memory.ghosts.saved_loads();
        Sizing::of(Measured {
            capacity: self.memory.capacity(),
            bytes: self.memory.bytes(),
            entries: self.memory.len(),
            saved: (saved.twice, saved.four_times),
            keys_per_sample: self.memory.ghosts.represents(),
            functions,
            redis_times: self.redis.as_ref().map(RedisStore::times).unwrap_or_default(),
        })
    }
}
