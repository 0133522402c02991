//! What a caller may want of a call besides its output: see [`CacheEntry`](crate::CacheEntry).

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::reading::Reading;
use super::{Call, CallKey, Found, Served, Source, Version};
use crate::error::Error;
use crate::flight::{Leader, Outcome};
use crate::invalidate::Finally;
use crate::output::{CacheValue, OutputKind};
use crate::put::{self, Overtaken, Put, Worth};
use crate::redis::Over;

impl<K> Call<K>
where
    K: OutputKind,
    K::Value: CacheValue,
{
    /// What is stored and fresh. Not counted.
    pub(crate) async fn peek(&self) -> Option<Found<K::Value>> {
        self.find(0).await
    }

    /// What can be served without a load, counted.
    pub(crate) async fn cached(&self) -> Option<Found<K::Value>> {
        let grace_ms = self.policy.grace.while_revalidate_ms;
        let found = self.find(grace_ms).await;
        match &found {
            Some(found) => self.count_hit(&found.hit, found.source),
            None => self.counters.slow.misses.one(),
        }
        found
    }

    async fn find(&self, grace_ms: u64) -> Option<Found<K::Value>> {
        let found = match self.core.read(&self.key, self.ask(grace_ms)).await {
            Reading::Memory(hit) => Found::in_memory(hit),
            Reading::Redis(hit, state) => Found::in_redis(hit, state),
            Reading::Miss(_) | Reading::Away => return None,
        };
        self.young_enough(found)
    }

    /// The body's output, asked for by hand.
    pub(crate) async fn refresh<F>(&self, body: Pin<&mut F>) -> Served<K>
    where
        F: Future<Output = K::Output>,
    {
        let leader = Leader::alone(&self.core.generations, self.key.slots());
        let put = self.begin_put().await;
        self.replace(leader, put, body, None, Overtaken::Goes).await
    }

    async fn begin_put(&self) -> Put<'_> {
        let longest = self.policy.longest();
        self.core.put(&self.key, self.stores, Over::Nothing, longest).await
    }

    /// A put in the place of what was found; `None` if something else is there by now.
    pub(super) async fn put_in_place_of(&self, found: Version) -> Option<Put<'_>> {
        let put = self.begin_put().await;
        let is_there = match found {
            Version::Redis(state) => put.is_over(&state),
            Version::Memory(age_ms) => {
                let facts = self.core.facts_in_memory(&self.key);
                facts.is_none_or(|facts| facts.age_ms(self.core.clock.now_ms()) >= age_ms)
            }
        };
        if is_there {
            return Some(put);
        }
        put.give_up();
        None
    }

    /// The body's output, stored in the place of what is there unless that changes meanwhile;
    /// `overtaken` says what becomes of it then. Nobody is kept from what is there.
    pub(super) async fn replace<F>(
        &self,
        leader: Leader<CallKey>,
        put: Put<'_>,
        body: Pin<&mut F>,
        instead: Option<Found<K::Value>>,
        overtaken: Overtaken,
    ) -> Served<K>
    where
        F: Future<Output = K::Output> + ?Sized,
    {
        self.counters.slow.refreshes.one();
        // A body that panics has failed, too.
        let panicked = Finally(|| {
            if std::thread::panicking() {
                self.note_failure();
            }
        });
        let body = async {
            let _panicked = panicked;
            self.body(&leader, body).await
        };
        let (value, took) = match body.await {
            (Ok(value), took) => (value, took),
            // The error may not be `Send`: it must not be held where this waits.
            (Err(error), _) => {
                put.give_up();
                self.note_failure();
                return self.fail(leader, error, instead);
            }
        };
        leader.seal();
        if put.settle(&self.policy, &self.counters, &value, took, overtaken).await {
            self.land(leader, &value);
        } else {
            leader.land(|| Outcome::Outdated(Some(self.passed(&value))));
        }
        Served::new(Ok(value), Source::Load)
    }

    /// Stores a value by hand.
    ///
    /// # Errors
    /// As [`CacheEntry::put`](crate::CacheEntry::put).
    pub(crate) async fn set(&self, function: &'static str, value: &K::Value) -> Result<(), Error> {
        let Some(ttl) = self.policy.life(value) else {
            self.core.invalidate(&crate::invalidate::Targets::name(self.key.name().as_str())).await;
            let reason =
                "`cache_if`, `cache_none` or `bypass_if` refuses it; nothing is stored any more";
            return Err(Error::NotStored { function, reason });
        };
        let (grace, codec) = (self.policy.grace, self.policy.codec);
        let worth = Worth { value, ttl, grace, codec, took: Duration::ZERO };
        if self.core.set(&self.key, self.stores, &worth).await? == put::Outcome::Stored {
            self.counters.slow.stores.one();
        }
        Ok(())
    }
}
