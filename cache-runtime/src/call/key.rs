//! The full key of a call: where its entry is, in memory and in Redis, and what it depends on.

use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

use crate::generation::Slot;
use crate::memory::{Memory, MemoryKey};
use crate::name::{Name, shorten};

/// Made on the way to Redis or to a load; a memory hit does without.
#[derive(Debug)]
pub(crate) struct CallKey {
    pub(crate) memory: MemoryKey,
    /// Whose values these are; 0 by hand.
    pub(crate) origin: u64,
    pub(crate) name: Name,
    /// The prefixes of the name, then the tags of the call.
    pub(crate) tags: Vec<String>,
    /// The generations of all of them.
    pub(crate) slots: SmallVec<[Slot; 4]>,
}

impl CallKey {
    pub(crate) fn new(memory: MemoryKey, origin: u64, name: Name, own_tags: &[String]) -> Self {
        let mut tags: Vec<String> = name.tags().map(Into::into).collect();
        for tag in own_tags {
            let tag = shorten(tag);
            if tags.iter().all(|known| *known != tag) {
                tags.push(tag.into_owned());
            }
        }
        let mut slots = SmallVec::new();
        slots.push(Slot::name(name.as_str()));
        slots.extend(tags.iter().map(|tag| Slot::tag(tag)));
        CallKey { memory, origin, name, tags, slots }
    }

    /// Only a name that was given by hand can hold any value.
    pub(crate) fn accepted_origin(&self) -> Option<u64> {
        (self.origin != 0).then_some(self.origin)
    }
}

impl PartialEq for CallKey {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.memory, &other.memory);
        a.hash == b.hash
            && a.domain == b.domain
            && a.bytes == b.bytes
            && self.origin == other.origin
    }
}

impl Eq for CallKey {}

impl Hash for CallKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.memory.hash ^ self.origin);
    }
}

/// The key of a name that was given by hand.
pub(crate) fn named(memory: &Memory, name: Name, tags: &[String]) -> CallKey {
    CallKey::new(memory.key_of(name.as_str()), 0, name, tags)
}
