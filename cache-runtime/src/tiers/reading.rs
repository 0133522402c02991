//! Looks for a value in memory or in Redis.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tracing::field::Empty;
use tracing::{Instrument as _, trace_span};

use super::copies::Original;
use super::examine::{At, Examined, Leftover, RedisRead, Terms, Tokens, UsableEntry, Vacancy};
use super::inherited::{Inherited, Untraced};
use super::key::CallKey;
use super::policy::Weigh;
use super::validity::{self, Present};
use crate::config::Ttl;
use crate::memory::Hit;
use crate::output::CacheValue;
use crate::redis::{Life, RedisStore, Unavailable};
use crate::stats::SiteCounters;
use crate::support::boxed::boxed;
use crate::tiers::core::{Core, Stores};
use crate::tiers::origin::{Origin, Source};
use crate::value::{Value, ValueCodec, ValueType, owned};

/// The result of looking for a value.
#[derive(Debug)]
pub(crate) enum ReadResult {
    Memory(Hit<Value>),
    Redis(Hit<Value>, At),
    /// No fresh value was found.
    Miss(Vacancy),
    /// No value was found, and Redis is unavailable.
    Unavailable,
}

impl ReadResult {
    /// Counts the result.
    pub(crate) fn count(&self, counters: &SiteCounters) {
        let slow = &counters.slow;
        match self {
            ReadResult::Memory(hit) => counters.memory_hit(hit.load_micros),
            ReadResult::Redis(hit, _) => {
                slow.redis_hits.one();
                slow.saved_micros.add(hit.load_micros);
            }
            ReadResult::Miss(vacancy) => {
                slow.misses.one();
                if vacancy.undecodable {
                    slow.decode_failures.one();
                }
            }
            ReadResult::Unavailable => slow.misses.one(),
        }
    }

    /// Returns the origin of the value, if one was found.
    pub(crate) fn origin(&self) -> Option<Origin> {
        match self {
            ReadResult::Memory(hit) => Some(Origin::of_hit(Source::Memory, hit)),
            ReadResult::Redis(hit, _) => Some(Origin::of_hit(Source::Redis, hit)),
            ReadResult::Miss(_) | ReadResult::Unavailable => None,
        }
    }

    /// Returns the value, if one was found.
    pub(crate) fn into_value<V: CacheValue>(self) -> Option<V> {
        match self {
            ReadResult::Memory(hit) | ReadResult::Redis(hit, _) => owned(hit.value),
            ReadResult::Miss(_) | ReadResult::Unavailable => None,
        }
    }
}

/// A query for one value.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) stores: Stores,
    /// True if memory [may be relied on](Core::relies_on_memory), as of when the query was made.
    pub(crate) relies: bool,
    pub(crate) of: &'static dyn ValueType,
    pub(crate) codec: Option<&'static dyn ValueCodec>,
    /// The `weight` of the function, for a copy in memory.
    pub(crate) weigh: Option<Weigh>,
    /// The time past its TTL for which a value is accepted.
    pub(crate) grace_ms: u64,
    /// True if a copy in memory is accepted.
    pub(crate) copies: bool,
    /// Receives the dependencies of the value, if the body that makes the query inherits them.
    pub(crate) heir: Option<Arc<Inherited>>,
}

impl Ask {
    /// Returns the query for a fresh value, in memory or in Redis.
    pub(crate) fn fresh(core: &Core, of: &'static dyn ValueType) -> Self {
        let (stores, relies) = (core.stores, core.relies_on_memory(core.stores));
        Ask { stores, relies, of, codec: None, weigh: None, grace_ms: 0, copies: true, heir: None }
    }

    pub(super) fn terms(&self) -> Terms {
        let Ask { stores, relies, grace_ms, .. } = *self;
        Terms { stores, relies, grace_ms, inherits: self.heir.is_some() }
    }
}

impl Core {
    /// Looks for a value, once, without loading.
    pub(crate) async fn read(&self, key: &CallKey, ask: Ask) -> ReadResult {
        let Some(redis) = self.redis_for(ask.stores) else {
            let found = match &ask.heir {
                Some(heir) => {
                    if let Some(note) = heir.new_name(self, key.name().as_str()) {
                        heir.add_name(note, Err(Untraced::MemoryOnly));
                    }
                    self.inherit_from_memory(key, ask.of, heir)
                }
                None => self.value_in_memory(key, ask.of, ask.grace_ms),
            };
            return found.map_or(ReadResult::Miss(Vacancy::NOTHING), ReadResult::Memory);
        };
        if ask.copies
            && ask.relies
            && let Some(hit) = self.value_in_memory(key, ask.of, 0)
        {
            return ReadResult::Memory(hit);
        }
        let span = trace_span!(
            "cache_read",
            name = key.name().as_str(),
            function = key.function(),
            prefix = key.prefix(),
            store = ask.stores.as_str(),
            outcome = Empty,
            bytes = Empty,
        );
        let take = |usable: &UsableEntry<'_, '_>| {
            span.record("bytes", usable.payload.len());
            self.decode(key, &ask, usable)
        };
        // The future is pinned in place: it is large, and the span would move it.
        let fetch = pin!(self.fetch(redis, key, ask.terms(), ask.heir.as_deref(), take));
        let fetched = fetch.instrument(span.clone()).await;
        span.record("outcome", outcome(&fetched));
        match fetched {
            Ok(RedisRead::Usable(result)) => result,
            Ok(RedisRead::Not(vacancy)) => ReadResult::Miss(vacancy),
            // Values in memory from an outage are used only while the outage lasts.
            Err(_) if redis.usable() => ReadResult::Unavailable,
            Err(_) => {
                let found =
                    self.value_of_an_outage(redis, key, ask.of, ask.stores, ask.heir.as_deref());
                found.map_or(ReadResult::Unavailable, ReadResult::Memory)
            }
        }
    }

    /// Decodes an entry that may be served. Keeps a copy of it in memory if that is permitted.
    pub(super) fn decode(
        &self,
        key: &CallKey,
        ask: &Ask,
        usable: &UsableEntry<'_, '_>,
    ) -> Option<ReadResult> {
        let UsableEntry { header, payload, now_ms, place, snapshot } = usable;
        let value = self.types.decode(header, payload, ask.of, ask.codec)?;
        let hit = validity::hit(value, header, *now_ms);
        if let Some(heir) = &ask.heir {
            heir.add_entry(key, header, snapshot.as_ref(), self.ends_ms(hit.left_ms()));
        }
        let is_kept = ask.relies && hit.left_ms() > 0;
        if let Some(snapshot) = snapshot.as_ref().filter(|_| is_kept) {
            let weight = self.weight(key, ask.weigh.as_ref(), hit.value.as_ref());
            let original = Original::of(&hit, header.origin, weight.into());
            self.keep_copy(key, snapshot, original, hit.value.as_ref());
        }
        Some(ReadResult::Redis(hit, At { state: header.state, place: *place }))
    }

    /// Takes a result from the entry of a name in Redis, if the entry may be served.
    ///
    /// While the feed is connected, only the entry is read, and the tokens are those of the token cache. If
    /// these show that the entry is invalid, they are read again from Redis. If the token cache does not have
    /// all of them, they are read with the entry. If another function or version is known to store under the
    /// name, too, the entries beside it are read as well.
    pub(crate) async fn fetch<T>(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        terms: Terms,
        heir: Option<&Inherited>,
        take: impl Fn(&UsableEntry<'_, '_>) -> Option<T>,
    ) -> Result<RedisRead<T>, Unavailable> {
        let note = heir.and_then(|heir| Some((heir, heir.new_name(self, key.name().as_str())?)));
        if self.shared_names.places(key.kind()) > 0 {
            if let Some((heir, note)) = note {
                let tag = std::slice::from_ref(&note.tag);
                let token = redis.note_tags(tag, Life::For(Duration::ZERO)).await;
                heir.add_name(note, first(token));
            }
            return boxed(|| self.fetch_beside(redis, key, terms, take)).await;
        }
        let Terms { stores, relies, grace_ms, .. } = terms;
        let passed = if relies { None } else { self.pass_memory(stores) };
        let snapshot = terms.notes().then(|| self.generations.note(key.slots()));
        let cached_tokens = if relies { redis.cached_tokens(key.tags()) } else { None };
        let found = match (note, &cached_tokens) {
            (Some((heir, note)), cached) => {
                let tags = cached.is_none().then(|| key.tags());
                let read =
                    boxed(|| redis.read_noting(&note.tag, key.stored_as(), tags, key.kind()));
                let read = read.await;
                let token = read.as_ref().map(|(token, _)| *token);
                heir.add_name(note, token.map_err(|_| Untraced::Unavailable));
                read?.1
            }
            (None, Some(_)) => redis.value(key.stored_as(), key.kind()).await?,
            (None, None) => redis.read(key.stored_as(), key.tags(), key.kind()).await?,
        };
        passed.into_iter().for_each(|passed| self.generations.give_up(passed));
        let mut seen = {
            let tokens = cached_tokens.as_deref().unwrap_or(&found.tokens);
            let present = Present::new(key.tags(), tokens);
            let tokens = match cached_tokens {
                Some(_) => Tokens::Cached(&present, redis),
                None => Tokens::Read(&present),
            };
            self.examine(key, &found, tokens, snapshot, grace_ms, &take)
        };
        if let Examined::Unverified(snapshot) = seen {
            // The future is boxed, because this case is rare and the future is large.
            let again = boxed(|| self.look_again(redis, key, &found, snapshot, grace_ms, &take));
            seen = again.await?;
        }
        let leftover = match seen {
            Examined::Usable(taken) => return Ok(RedisRead::Usable(taken)),
            Examined::Foreign { .. } => {
                return boxed(|| self.fetch_beside(redis, key, terms, take)).await;
            }
            Examined::Softened(changed) => {
                let served = self.fetch_softened(redis, key, found, terms, &changed, take);
                return Box::pin(served).await;
            }
            Examined::Not(leftover) => leftover,
            Examined::Unverified(_) => Leftover::Stale,
        };
        Ok(RedisRead::Not(Vacancy::under_the_name(leftover(found.bytes.unwrap_or_default()))))
    }

    /// Returns the remaining TTL of the entry of a name.
    pub(crate) async fn remaining_in_redis(
        &self,
        redis: &RedisStore,
        key: &CallKey,
    ) -> Result<Option<Ttl>, Unavailable> {
        let left =
            |usable: &UsableEntry<'_, '_>| Some(validity::left(usable.header, usable.now_ms));
        let (stores, relies) = (self.stores, self.relies_on_memory(self.stores));
        let terms = Terms { stores, relies, grace_ms: 0, inherits: false };
        Ok(match self.fetch(redis, key, terms, None, left).await? {
            RedisRead::Usable(left) => Some(left),
            RedisRead::Not(_) => None,
        })
    }
}

/// Returns the first of some tokens.
fn first(tokens: Result<Vec<u64>, Unavailable>) -> Result<u64, Untraced> {
    tokens.ok().and_then(|tokens| tokens.first().copied()).ok_or(Untraced::Unavailable)
}

/// Returns the outcome of a read of Redis, for its span.
fn outcome(fetched: &Result<RedisRead<ReadResult>, Unavailable>) -> &'static str {
    match fetched {
        Ok(RedisRead::Usable(ReadResult::Redis(hit, _))) if hit.stale_for_ms().is_some() => "stale",
        Ok(RedisRead::Usable(_)) => "hit",
        Ok(RedisRead::Not(Vacancy { undecodable: true, .. })) => "undecodable",
        Ok(RedisRead::Not(vacancy)) => match vacancy.leftover {
            Leftover::Nothing => "miss",
            Leftover::Expired(_) => "expired",
            Leftover::Stale(_) => "invalidated",
            Leftover::Undecodable(_) => "undecodable",
            Leftover::Alike(_) => "alike",
        },
        Err(_) => "unavailable",
    }
}
