//! Looking for a value where it may be: in memory, or in Redis.

use tracing::{Instrument as _, trace_span};

use super::CallKey;
use super::validity::{self, Verdict, judge};
use crate::config::Ttl;
use crate::core::Core;
use crate::entry::{Header, StateId, Stored};
use crate::memory::{Facts, Hit, Terms};
use crate::output::CacheValue;
use crate::redis::{Away, RedisStore};
use crate::stats::SiteCounters;
use crate::value::ValueCodec;

/// What was found.
#[derive(Debug)]
pub(crate) enum Reading<V> {
    Memory(Hit<V>),
    Redis(Hit<V>, StateId),
    /// Nothing fresh.
    Miss(Leftover),
    /// Nothing, and Redis is away.
    Away,
}

/// What is under a name and is of no use.
#[derive(Debug)]
pub(crate) enum Leftover {
    Nothing,
    /// A value whose time is over.
    Expired(Vec<u8>),
    /// A value that has been invalidated.
    Stale(Vec<u8>),
    /// Not what this program's type would be, or damaged.
    Undecodable(Vec<u8>),
}

impl<V> Reading<V> {
    pub(crate) fn count(&self, counters: &SiteCounters) {
        let slow = &counters.slow;
        match self {
            Reading::Memory(hit) => counters.memory_hit(hit.load_micros),
            Reading::Redis(hit, _) => {
                slow.redis_hits.one();
                slow.saved_micros.add(hit.load_micros);
            }
            Reading::Miss(leftover) => {
                slow.misses.one();
                if matches!(leftover, Leftover::Undecodable(_)) {
                    slow.decode_failures.one();
                }
            }
            Reading::Away => slow.misses.one(),
        }
    }

    pub(crate) fn into_value(self) -> Option<V> {
        match self {
            Reading::Memory(hit) | Reading::Redis(hit, _) => Some(hit.value),
            Reading::Miss(_) | Reading::Away => None,
        }
    }
}

impl Leftover {
    /// The bytes to be stored over.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Leftover::Nothing => None,
            Leftover::Expired(bytes) | Leftover::Stale(bytes) | Leftover::Undecodable(bytes) => {
                Some(bytes)
            }
        }
    }
}

/// What Redis holds under a name.
pub(crate) enum Fetched<T> {
    Usable(T),
    Not(Leftover),
}

impl Core {
    /// Looks for a value, once, without loading: a fresh one, or one whose TTL has been over for
    /// less than `grace_ms`.
    pub(crate) async fn read<V: CacheValue>(
        &self,
        key: &CallKey,
        in_memory: bool,
        codec: Option<ValueCodec<V>>,
        grace_ms: u64,
    ) -> Reading<V> {
        let Some(redis) = self.redis.as_ref().filter(|_| !in_memory) else {
            let found = self.value_in_memory(key, grace_ms).map(Reading::Memory);
            return found.unwrap_or(Reading::Miss(Leftover::Nothing));
        };
        let decode = |header: &Header<'_>, payload: &[u8], now_ms| {
            let value = self.types.decode(header, payload, codec)?;
            Some(Reading::Redis(validity::hit(value, header, now_ms), header.state))
        };
        let span = trace_span!("cache_read", name = key.name.as_str());
        match self.fetch(redis, key, grace_ms, decode).instrument(span).await {
            Ok(Fetched::Usable(reading)) => reading,
            Ok(Fetched::Not(leftover)) => Reading::Miss(leftover),
            // What memory holds from an outage counts only as long as that lasts.
            Err(Away) if redis.usable() => Reading::Away,
            Err(Away) => self.value_in_memory(key, 0).map_or(Reading::Away, Reading::Memory),
        }
    }

    /// Takes something from the entry of a name in Redis, if it may be served.
    pub(crate) async fn fetch<T>(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        grace_ms: u64,
        take: impl FnOnce(&Header<'_>, &[u8], u64) -> Option<T>,
    ) -> Result<Fetched<T>, Away> {
        let found = redis.read(key.name.as_str(), &key.tags).await?;
        let mut present = found.present(&key.tags);
        let Some(bytes) = found.bytes else {
            return Ok(Fetched::Not(Leftover::Nothing));
        };
        let leftover = match Stored::read(&bytes) {
            Stored::Mark(_) => return Ok(Fetched::Not(Leftover::Nothing)),
            Stored::Foreign(_) => Leftover::Undecodable,
            Stored::Value(header, payload) => {
                let mut verdict = judge(key, &header, &present, found.now_ms, grace_ms);
                if let Verdict::Depends(tags) = &verdict {
                    let tokens = redis.tokens(tags).await?;
                    present.add(tags, &tokens);
                    verdict = judge(key, &header, &present, found.now_ms, grace_ms);
                }
                match verdict {
                    Verdict::Usable => match take(&header, payload, found.now_ms) {
                        Some(taken) => return Ok(Fetched::Usable(taken)),
                        None => Leftover::Undecodable,
                    },
                    Verdict::Expired => Leftover::Expired,
                    Verdict::Useless | Verdict::Depends(_) => Leftover::Stale,
                }
            }
        };
        Ok(Fetched::Not(leftover(bytes)))
    }

    pub(crate) fn value_in_memory<V: CacheValue>(
        &self,
        key: &CallKey,
        grace_ms: u64,
    ) -> Option<Hit<V>> {
        let terms = Terms { grace_ms, ..self.terms_of(key) };
        self.memory.get(key.memory.hash, &key.memory, terms)
    }

    pub(crate) fn facts_in_memory(&self, key: &CallKey) -> Option<Facts> {
        self.memory.facts(key.memory.hash, &key.memory, self.terms_of(key))
    }

    fn terms_of<'a>(&'a self, key: &'a CallKey) -> Terms<'a> {
        Terms { slots: Some(&key.slots), ..self.terms(key.accepted_origin()) }
    }

    /// How long the entry of a name is still fresh.
    pub(crate) async fn remaining_in_redis(
        &self,
        redis: &RedisStore,
        key: &CallKey,
    ) -> Result<Option<Ttl>, Away> {
        let left = |header: &Header<'_>, _: &[u8], now_ms| Some(validity::left(header, now_ms));
        Ok(match self.fetch(redis, key, 0, left).await? {
            Fetched::Usable(left) => Some(left),
            Fetched::Not(_) => None,
        })
    }
}
