//! What a caller may want of a call besides its output: see [`CacheEntry`](crate::CacheEntry).

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::reading::Reading;
use super::{Call, Served, Source};
use crate::error::Error;
use crate::flight::Leader;
use crate::memory::Hit;
use crate::output::{CacheValue, OutputKind};
use crate::put::{self, Overtaken, Worth};
use crate::redis::Over;

impl<K> Call<'_, K>
where
    K: OutputKind,
    K::Value: CacheValue,
{
    /// What is stored and fresh. Not counted.
    pub(crate) async fn peek(&self) -> Option<(Hit<K::Value>, Source)> {
        match self.core.read::<K::Value>(&self.key, self.in_memory, self.policy.codec).await {
            Reading::Memory(hit) => Some((hit, Source::Memory)),
            Reading::Redis(hit) => Some((hit, Source::Redis)),
            Reading::Miss(_) | Reading::Away => None,
        }
    }

    /// The body's output, stored in the place of what is there unless that changes meanwhile.
    ///
    /// Nobody is kept from what is there, and nobody waits for this load.
    pub(crate) async fn refresh<F>(&self, body: Pin<&mut F>) -> Served<K>
    where
        F: Future<Output = K::Output>,
    {
        let longest = self.policy.longest();
        let put = self.core.put(&self.key, self.in_memory, Over::Nothing, longest).await;
        let leader = Leader::alone(&self.core.generations, &self.key.slots);
        let (value, took) = match self.load(&leader, body).await {
            (Ok(value), took) => (value, took),
            // The error may not be `Send`: it must not be held where this waits.
            (Err(error), _) => {
                put.give_up();
                return Served::new(Err(error), Source::Load);
            }
        };
        put.settle(&self.policy, self.counters, &value, took, Overtaken::Stays).await;
        Served::new(Ok(value), Source::Load)
    }

    /// Stores a value by hand.
    ///
    /// # Errors
    /// As [`CacheEntry::put`](crate::CacheEntry::put).
    pub(crate) async fn set(&self, function: &'static str, value: &K::Value) -> Result<(), Error> {
        let Some(ttl) = self.policy.life(value) else {
            self.core.invalidate(&crate::invalidate::Targets::name(self.key.name.as_str())).await;
            let reason =
                "`cache_if`, `cache_none` or `bypass_if` refuses it; nothing is stored any more";
            return Err(Error::NotStored { function, reason });
        };
        let worth = Worth { value, ttl, codec: self.policy.codec, took: Duration::ZERO };
        if self.core.set(&self.key, self.in_memory, &worth).await? == put::Outcome::Stored {
            self.counters.slow.stores.one();
        }
        Ok(())
    }
}
