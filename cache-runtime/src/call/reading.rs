//! Looking for a value where it may be: in memory, or in Redis.

use tracing::field::Empty;
use tracing::{Instrument as _, trace_span};

use super::copies::Original;
use super::validity::{self, Present, Verdict, judge};
use super::{CallKey, Weigh};
use crate::boxed::boxed;
use crate::clock::millis;
use crate::config::Ttl;
use crate::core::{Core, Stores};
use crate::entry::{Header, StateId, Stored};
use crate::generation::{GenerationSnapshot, Slot};
use crate::memory::{EntryMeta, Hit, ReadPredicate};
use crate::output::CacheValue;
use crate::redis::{Absence, Found, RedisStore, Unavailable};
use crate::stats::SiteCounters;
use crate::value::{Value, ValueCodec, ValueType, owned};

/// What was found.
#[derive(Debug)]
pub(crate) enum Reading {
    Memory(Hit<Value>),
    Redis(Hit<Value>, At),
    /// Nothing fresh.
    Miss(Vacancy),
    /// Nothing, and Redis is unavailable.
    Unavailable,
}

/// Which entry of Redis a value is from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) state: StateId,
    /// 0: under the name; else beside it.
    pub(crate) place: u8,
}

/// Where a value is to be stored that was looked for in vain, and what is there.
#[derive(Debug)]
pub(crate) struct Vacancy {
    /// 0: under the name; else beside it.
    pub(crate) place: u8,
    pub(crate) leftover: Leftover,
    /// Whether something was there that is not what this program's type would be, or damaged.
    pub(crate) undecodable: bool,
}

impl Vacancy {
    pub(crate) const NOTHING: Vacancy = Vacancy::under_the_name(Leftover::Nothing);

    pub(crate) const fn under_the_name(leftover: Leftover) -> Self {
        let undecodable = matches!(leftover, Leftover::Undecodable(_));
        Vacancy { place: 0, leftover, undecodable }
    }
}

/// What is under a name and is of no use.
#[derive(Debug)]
pub(crate) enum Leftover {
    Nothing,
    /// A value whose time is over.
    Expired(Vec<u8>),
    /// A value that has been invalidated.
    Stale(Vec<u8>),
    /// Not an entry, or damaged.
    Undecodable(Vec<u8>),
    /// A value that was loaded for other arguments, which serialise alike.
    Alike(Vec<u8>),
}

impl Reading {
    pub(crate) fn count(&self, counters: &SiteCounters) {
        let slow = &counters.slow;
        match self {
            Reading::Memory(hit) => counters.memory_hit(hit.load_micros),
            Reading::Redis(hit, _) => {
                slow.redis_hits.one();
                slow.saved_micros.add(hit.load_micros);
            }
            Reading::Miss(vacancy) => {
                slow.misses.one();
                if vacancy.undecodable {
                    slow.decode_failures.one();
                }
            }
            Reading::Unavailable => slow.misses.one(),
        }
    }

    pub(crate) fn into_value<V: CacheValue>(self) -> Option<V> {
        match self {
            Reading::Memory(hit) | Reading::Redis(hit, _) => owned(hit.value),
            Reading::Miss(_) | Reading::Unavailable => None,
        }
    }
}

impl Leftover {
    /// The bytes to be stored over.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Leftover::Nothing => None,
            Leftover::Expired(bytes)
            | Leftover::Stale(bytes)
            | Leftover::Undecodable(bytes)
            | Leftover::Alike(bytes) => Some(bytes),
        }
    }
}

/// What Redis holds under a name.
pub(crate) enum Fetched<T> {
    Usable(T),
    Not(Vacancy),
}

/// What Redis holds under a name, as far as it is known.
pub(super) enum Seen<T> {
    Usable(T),
    Not(fn(Vec<u8>) -> Leftover),
    /// A valid entry of another function or version: it stays.
    Foreign {
        undecodable: bool,
    },
    /// It depends on tags whose tokens are not known, or may have changed.
    Doubtful(Option<GenerationSnapshot>),
}

/// The present tokens of an entry's tags.
#[derive(Clone, Copy)]
pub(super) enum Tokens<'a> {
    /// Those of the key's tags were read together with the entry.
    Found,
    /// As far as this process had received it when it asked: those of the key's tags; and whom to ask
    /// for others.
    Cached(&'a [Option<u64>], &'a RedisStore),
    /// These, of all of its tags.
    Asked(&'a [Option<u64>]),
}

/// A question for one value.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) stores: Stores,
    pub(crate) of: &'static dyn ValueType,
    pub(crate) codec: Option<&'static dyn ValueCodec>,
    /// What a copy in memory takes.
    pub(crate) weigh: Option<Weigh>,
    /// For so long past its TTL a value will do.
    pub(crate) grace_ms: u64,
    /// A copy in memory will do.
    pub(crate) copies: bool,
}

impl Ask {
    /// For a fresh value, wherever it is.
    pub(crate) fn fresh(stores: Stores, of: &'static dyn ValueType) -> Self {
        Ask { stores, of, codec: None, weigh: None, grace_ms: 0, copies: true }
    }
}

/// An entry that may be served.
pub(crate) struct Usable<'a, 'b> {
    pub(crate) header: &'a Header<'b>,
    pub(crate) payload: &'a [u8],
    pub(crate) now_ms: u64,
    place: u8,
    /// The generations of what the entry depends on, noted before it was read: where a copy may be
    /// kept.
    snapshot: Option<GenerationSnapshot>,
}

impl Core {
    /// Looks for a value, once, without loading.
    pub(crate) async fn read(&self, key: &CallKey, ask: Ask) -> Reading {
        let Some(redis) = self.redis_for(ask.stores) else {
            let found = self.value_in_memory(key, ask.of, ask.grace_ms).map(Reading::Memory);
            return found.unwrap_or(Reading::Miss(Vacancy::NOTHING));
        };
        if ask.copies
            && self.relies_on_memory(ask.stores)
            && let Some(hit) = self.value_in_memory(key, ask.of, 0)
        {
            return Reading::Memory(hit);
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
        let take = |usable: &Usable<'_, '_>| {
            let Usable { header, payload, now_ms, place, snapshot } = usable;
            span.record("bytes", payload.len());
            let value = self.types.decode(header, payload, ask.of, ask.codec)?;
            let hit = validity::hit(value, header, *now_ms);
            if let Some(snapshot) = snapshot.as_ref().filter(|_| hit.left_ms() > 0) {
                let weight = self.weight(key, ask.weigh.as_ref(), &*hit.value);
                let original = Original::of(&hit, header.origin, weight.into());
                self.keep_copy(key, snapshot, original, &*hit.value);
            }
            Some(Reading::Redis(hit, At { state: header.state, place: *place }))
        };
        let fetch = self.fetch(redis, key, ask.stores, ask.grace_ms, take);
        let fetched = fetch.instrument(span.clone()).await;
        span.record("outcome", outcome(&fetched));
        match fetched {
            Ok(Fetched::Usable(reading)) => reading,
            Ok(Fetched::Not(vacancy)) => Reading::Miss(vacancy),
            // What memory holds from an outage counts only as long as that lasts.
            Err(_) if redis.usable() => Reading::Unavailable,
            Err(_) => {
                let found = self.value_of_an_outage(redis, key, ask.of, ask.stores);
                found.map_or(Reading::Unavailable, Reading::Memory)
            }
        }
    }

    /// Takes something from the entry of a name in Redis, if it may be served.
    ///
    /// While the feed is connected the entry alone is read, and the tokens are those of the token cache; if
    /// they speak against it, they are looked at again in Redis. Where the token cache does not know all of
    /// them they are read with the entry. Where another function or version is known to store under the
    /// name, too, the entries beside it are read as well.
    pub(crate) async fn fetch<T>(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        stores: Stores,
        grace_ms: u64,
        take: impl Fn(&Usable<'_, '_>) -> Option<T>,
    ) -> Result<Fetched<T>, Unavailable> {
        if self.shared_names.places(key.kind()) > 0 {
            return boxed(|| self.fetch_beside(redis, key, stores, grace_ms, take)).await;
        }
        let caches_tokens = self.relies_on_memory(stores);
        let passed = if caches_tokens { None } else { self.pass_memory(stores) };
        let snapshot = caches_tokens.then(|| self.generations.note(key.slots()));
        let cached_tokens = if caches_tokens { redis.cached_tokens(key.tags()) } else { None };
        let found = match cached_tokens {
            Some(_) => redis.value(key.stored_as(), key.kind()).await?,
            None => redis.read(key.stored_as(), key.tags(), key.kind()).await?,
        };
        passed.into_iter().for_each(|passed| self.generations.give_up(passed));
        let tokens = match &cached_tokens {
            Some(tokens) => Tokens::Cached(tokens, redis),
            None => Tokens::Found,
        };
        let mut seen = self.examine(key, &found, tokens, snapshot, grace_ms, &take);
        if let Seen::Doubtful(snapshot) = seen {
            // Seldom, and large.
            let again = boxed(|| self.look_again(redis, key, &found, snapshot, grace_ms, &take));
            seen = again.await?;
        }
        let leftover = match seen {
            Seen::Usable(taken) => return Ok(Fetched::Usable(taken)),
            Seen::Foreign { .. } => {
                return boxed(|| self.fetch_beside(redis, key, stores, grace_ms, take)).await;
            }
            Seen::Not(leftover) => leftover,
            Seen::Doubtful(_) => Leftover::Stale,
        };
        Ok(Fetched::Not(Vacancy::under_the_name(leftover(found.bytes.unwrap_or_default()))))
    }

    /// The same with the tokens of all its tags, as they are in Redis now.
    pub(super) async fn look_again<T>(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        found: &Found,
        snapshot: Option<GenerationSnapshot>,
        grace_ms: u64,
        take: &impl Fn(&Usable<'_, '_>) -> Option<T>,
    ) -> Result<Seen<T>, Unavailable> {
        let tags: Vec<String> = match self.stored(key, found) {
            Some(Stored::Value(header, _)) => {
                tags_of(&header, key).into_iter().map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        let tokens = redis.tokens(&tags).await?;
        Ok(self.examine(key, found, Tokens::Asked(&tokens), snapshot, grace_ms, take))
    }

    fn stored<'a>(&self, key: &CallKey, found: &'a Found) -> Option<Stored<'a>> {
        found.bytes.as_deref().map(|bytes| Stored::read(bytes, self.address(key)))
    }

    /// Looks at what Redis holds under a name.
    pub(super) fn examine<T>(
        &self,
        key: &CallKey,
        found: &Found,
        tokens: Tokens<'_>,
        snapshot: Option<GenerationSnapshot>,
        grace_ms: u64,
        take: &impl Fn(&Usable<'_, '_>) -> Option<T>,
    ) -> Seen<T> {
        let now_ms = found.now_ms;
        let (header, payload) = match self.stored(key, found) {
            None | Some(Stored::Placeholder(_)) => return Seen::Not(|_| Leftover::Nothing),
            Some(Stored::Foreign(_)) => return Seen::Not(Leftover::Undecodable),
            Some(Stored::Value(header, payload)) => (header, payload),
        };
        let verdict = |present: &Present<'_>| judge(key, &header, present, now_ms, grace_ms);
        let (verdict, snapshot) = match tokens {
            Tokens::Found => {
                let covering = |snapshot| self.covering(snapshot, key, &tags_of(&header, key));
                (verdict(&found.present(key.tags())), snapshot.and_then(covering))
            }
            Tokens::Asked(tokens) => {
                (verdict(&Present::new(&tags_of(&header, key), tokens)), snapshot)
            }
            Tokens::Cached(tokens, redis) => {
                let tags = tags_of(&header, key);
                let snapshot = snapshot.and_then(|snapshot| self.covering(snapshot, key, &tags));
                let judged = if tags.len() == key.tags().len() {
                    Some(verdict(&Present::new(&tags, tokens)))
                } else {
                    redis.cached_tokens(&tags).map(|now| verdict(&Present::new(&tags, &now)))
                };
                match judged {
                    // The token cache may be behind.
                    None | Some(Verdict::Useless) => (Verdict::Depends, snapshot),
                    Some(verdict) => (verdict, snapshot),
                }
            }
        };
        match verdict {
            Verdict::Usable if key.is_of_others(header.fingerprint) => Seen::Not(Leftover::Alike),
            Verdict::Usable => {
                let usable =
                    Usable { header: &header, payload, now_ms, place: key.place(), snapshot };
                take(&usable).map_or(Seen::Foreign { undecodable: true }, Seen::Usable)
            }
            Verdict::Foreign => Seen::Foreign { undecodable: false },
            Verdict::Expired => Seen::Not(Leftover::Expired),
            Verdict::Useless => Seen::Not(Leftover::Stale),
            Verdict::Depends => Seen::Doubtful(snapshot),
        }
    }

    /// What was noted, and the tags that the entry has of its own with it. `None` if something has been
    /// invalidated since.
    fn covering(
        &self,
        snapshot: GenerationSnapshot,
        key: &CallKey,
        tags: &[&str],
    ) -> Option<GenerationSnapshot> {
        if tags.len() == key.tags().len() {
            return Some(snapshot);
        }
        let own = tags.iter().filter(|tag| !key.tags().iter().any(|known| known == *tag));
        let slots: Vec<Slot> =
            key.slots().iter().copied().chain(own.map(|tag| Slot::tag(tag))).collect();
        let wider = self.generations.note(&slots);
        self.generations.storable(&snapshot).then_some(wider)
    }

    /// A value in memory whose TTL is over for no longer than this.
    pub(crate) fn value_in_memory(
        &self,
        key: &CallKey,
        of: &dyn ValueType,
        grace_ms: u64,
    ) -> Option<Hit<Value>> {
        let predicate = ReadPredicate { grace_ms, ..self.predicate_of(key) };
        self.memory.take(key.memory.hash, &key.memory, predicate, |value| of.clone_of(value))
    }

    /// A fresh value in memory, of a type that the caller knows.
    pub(crate) fn hit_in_memory<V: CacheValue>(&self, key: &CallKey) -> Option<Hit<V>> {
        self.memory.get(key.memory.hash, &key.memory, self.predicate_of(key))
    }

    /// A value that memory holds while Redis is unavailable: loaded meanwhile, or from before, if that is
    /// not long ago.
    pub(crate) fn value_of_an_outage(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        of: &dyn ValueType,
        stores: Stores,
    ) -> Option<Hit<Value>> {
        let predicate = self.predicate_of_an_outage(redis, key, stores)?;
        self.memory.take(key.memory.hash, &key.memory, predicate, |value| of.clone_of(value))
    }

    /// The same, without the value.
    pub(crate) fn meta_of_an_outage(&self, redis: &RedisStore, key: &CallKey) -> Option<EntryMeta> {
        let predicate = self.predicate_of_an_outage(redis, key, self.stores)?;
        self.memory.meta(&key.memory, predicate)
    }

    fn predicate_of_an_outage<'a>(
        &'a self,
        redis: &RedisStore,
        key: &'a CallKey,
        stores: Stores,
    ) -> Option<ReadPredicate<'a>> {
        let not_before_ms = self.outage_begins(redis, stores)?;
        Some(ReadPredicate { not_before_ms, ..self.predicate_of(key) })
    }

    /// The time from which on values in memory count while Redis is unavailable; `None` if none do.
    fn outage_begins(&self, redis: &RedisStore, stores: Stores) -> Option<u64> {
        match redis.absence() {
            Absence::Since(since) => {
                // What memory holds was known to be right when invalidations were received last.
                let right = self.generations.lease.received_ms().unwrap_or(since);
                let grace = millis(self.config.outage_grace);
                let graced = self.clock.now_ms() < right.saturating_add(grace);
                Some(if graced { 0 } else { since })
            }
            Absence::Lasting => Some(0),
            // The feed is connected, or will be soon: what memory holds is for then.
            Absence::Brief => (stores == Stores::Redis).then_some(0),
        }
    }

    pub(crate) fn facts_in_memory(&self, key: &CallKey) -> Option<EntryMeta> {
        self.memory.meta(&key.memory, self.predicate_of(key))
    }

    fn predicate_of<'a>(&'a self, key: &'a CallKey) -> ReadPredicate<'a> {
        ReadPredicate { slots: Some(key.slots()), ..self.predicate(key.accepted_origin()) }
    }

    /// How long the entry of a name is still fresh.
    pub(crate) async fn remaining_in_redis(
        &self,
        redis: &RedisStore,
        key: &CallKey,
    ) -> Result<Option<Ttl>, Unavailable> {
        let left = |usable: &Usable<'_, '_>| Some(validity::left(usable.header, usable.now_ms));
        Ok(match self.fetch(redis, key, self.stores, 0, left).await? {
            Fetched::Usable(left) => Some(left),
            Fetched::Not(_) => None,
        })
    }
}

/// What a read of Redis has found, as its span says it.
fn outcome(fetched: &Result<Fetched<Reading>, Unavailable>) -> &'static str {
    match fetched {
        Ok(Fetched::Usable(Reading::Redis(hit, _))) if hit.stale_for_ms().is_some() => "stale",
        Ok(Fetched::Usable(_)) => "hit",
        Ok(Fetched::Not(Vacancy { undecodable: true, .. })) => "undecodable",
        Ok(Fetched::Not(vacancy)) => match vacancy.leftover {
            Leftover::Nothing => "miss",
            Leftover::Expired(_) => "expired",
            Leftover::Stale(_) => "invalidated",
            Leftover::Undecodable(_) => "undecodable",
            Leftover::Alike(_) => "alike",
        },
        Err(_) => "unavailable",
    }
}

/// The tags of an entry, those of the key first. One without a name of its own is none of them.
pub(crate) fn tags_of<'a>(header: &'a Header<'_>, key: &'a CallKey) -> Vec<&'a str> {
    let name = key.name().as_str();
    let known = |tag: &&str| key.tags().iter().any(|known| known == tag);
    let own = header.tags.iter().filter_map(|tag| tag.name.resolve(name)).filter(|tag| !known(tag));
    key.tags().iter().map(String::as_str).chain(own).collect()
}
