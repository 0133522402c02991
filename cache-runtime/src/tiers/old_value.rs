//! Old values: entries that may not be served, for the body of the load that replaces them.

use super::examine::tags_of;
use super::inherited::Inherited;
use super::key::CallKey;
use super::validity::{self, Present, Verdict, judge};
use crate::coherence::generation::Slot;
use crate::format::entry::{Header, Stored};
use crate::memory::Hit;
use crate::redis::RedisStore;
use crate::tiers::core::Core;
use crate::value::{Value, ValueCodec, ValueType};

/// The old values that a function uses.
#[derive(Clone, Copy)]
pub(crate) struct OldOf {
    pub(crate) of: &'static dyn ValueType,
    pub(crate) codec: Option<&'static dyn ValueCodec>,
    /// The time past its TTL for which a value is kept.
    pub(crate) kept_ms: u64,
}

impl Core {
    /// Decodes an entry. Returns its value, and the token of the root that the entry records; `None` if the entry is past its
    /// TTL by more than it is kept.
    pub(crate) fn old_value(
        &self,
        key: &CallKey,
        bytes: &[u8],
        old: OldOf,
    ) -> Option<(Hit<Value>, u64)> {
        let Stored::Value(header, payload) = Stored::read(bytes, self.address(key)) else {
            return None;
        };
        let hit = self.decode_old(key, &header, payload, old)?;
        Some((hit, header.root))
    }

    /// Returns the value of an entry whose recorded dependencies are all current, and adds these to those of the body. The
    /// entry is read if its bytes are not given.
    ///
    /// R1: the generations are noted before the tokens are compared. An invalidation after that refuses the new entry.
    pub(crate) async fn old_value_with_dependencies(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        bytes: Option<Vec<u8>>,
        old: OldOf,
        inherited: &Inherited,
    ) -> Option<Hit<Value>> {
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => redis.value(key.stored_as(), key.kind()).await.ok()?.bytes?,
        };
        let Stored::Value(header, payload) = Stored::read(&bytes, self.address(key)) else {
            return None;
        };
        let tags: Vec<&str> = tags_of(&header, key).into_iter().collect();
        let further = tags.iter().map(|tag| Slot::tag(tag));
        let slots: Vec<Slot> = key.slots().iter().copied().chain(further).collect();
        let snapshot = self.generations.note(&slots);
        let tokens = redis.tokens(&tags).await.ok()?;
        let now_ms = redis.now_ms(key.stored_as())?;
        let present = Present::new(&tags, &tokens);
        if judge(key, &header, &present, now_ms, old.kept_ms) != Verdict::Usable {
            return None;
        }
        let hit = self.decode_old(key, &header, payload, old)?;
        inherited.add_entry(key, &header, Some(&snapshot), self.ends_ms(hit.fresh_for_ms));
        Some(hit)
    }

    /// Does the same for a value in memory.
    pub(crate) fn old_value_in_memory_with_dependencies(
        &self,
        key: &CallKey,
        old: OldOf,
        inherited: &Inherited,
    ) -> Option<Hit<Value>> {
        let (hit, stamps) = self.kept_in_memory(key, old.of, old.kept_ms)?;
        inherited.add_stamps(&stamps, self.ends_ms(hit.fresh_for_ms));
        Some(hit)
    }

    fn decode_old(
        &self,
        key: &CallKey,
        header: &Header<'_>,
        payload: &[u8],
        old: OldOf,
    ) -> Option<Hit<Value>> {
        // R5: the value is that of this function, for these arguments.
        if header.origin != key.origin || key.is_of_others(header.fingerprint) {
            return None;
        }
        let now_ms = self.redis.as_ref()?.now_ms(key.stored_as())?;
        let value = self.types.decode(header, payload, old.of, old.codec)?;
        let hit = validity::hit(value, header, now_ms);
        hit.stale_for_ms().is_none_or(|past| past < old.kept_ms).then_some(hit)
    }
}
