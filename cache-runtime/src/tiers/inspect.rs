//! The stored entry of a name, for inspection.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use crate::config::Ttl;
use crate::format::codec::{Codec as _, MessagePack};
use crate::format::entry::{Header, Stored};
use crate::redis::{RedisStore, Unavailable};
use crate::site::{self, Instance};
use crate::tiers::core::Core;
use crate::tiers::examine::tags_of;
use crate::tiers::key::CallKey;
use crate::tiers::origin::Source;
use crate::tiers::validity::{Present, Verdict, age_ms, judge};
use crate::value::codec_name;

/// An entry as it is stored: see [`CacheManager::inspect`](crate::CacheManager::inspect).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Inspected {
    /// The store that it was found in.
    pub store: Source,
    /// The state of the entry: fresh, or the reason for which it is not served.
    pub state: EntryState,
    /// The function whose value it is, if it has been called in this process. `None` also for a value
    /// that was stored directly.
    pub function: Option<&'static str>,
    /// The time since it was stored. Serialises as seconds.
    #[serde(serialize_with = "seconds")]
    pub age: Duration,
    /// The TTL with which it was stored.
    pub ttl: Ttl,
    /// The rest of its TTL; zero if it has ended.
    pub remaining: Ttl,
    /// The duration of its load. Serialises as seconds.
    #[serde(serialize_with = "seconds")]
    pub load_time: Duration,
    /// Its size in bytes: in Redis the whole entry, in memory its weight.
    pub size: usize,
    /// The prefixes and tags that it depends on; empty in memory, where they are not kept.
    pub tags: Vec<InspectedTag>,
    /// The codec, if it is one of this crate; `None` in memory.
    pub codec: Option<&'static str>,
    /// True if it is compressed.
    pub compressed: bool,
    /// The value as the codec wrote it; `None` in memory, or if it is damaged. Not serialised.
    #[serde(skip)]
    pub payload: Option<Vec<u8>>,
}

/// A prefix or tag of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InspectedTag {
    /// The tag.
    pub name: String,
    /// True if it has not been invalidated since the load of the entry began.
    pub current: bool,
}

/// The state of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntryState {
    /// It is served.
    Fresh,
    /// Its TTL has ended. Functions with `stale_while_revalidate` or `stale_if_error` may still serve it.
    Expired,
    /// Something that it depends on has been invalidated.
    Invalidated,
    /// There is no value: a load has begun.
    Loading,
    /// It is not an entry of this version of the cache, or is damaged.
    Unreadable,
}

impl Inspected {
    /// Returns the value as a self-describing `T`, such as `serde_json::Value`; `None` if the codec is
    /// not self-describing. MessagePack is. It is used for values that the compact codecs cannot
    /// represent, and for all values with `CACHE_CODEC=messagepack`.
    pub fn value<T: DeserializeOwned>(&self) -> Option<T> {
        let payload = self.payload.as_deref().filter(|_| self.codec == Some(MessagePack::NAME))?;
        MessagePack::decode(payload).ok()
    }
}

impl Core {
    pub(crate) async fn inspect(&self, key: &CallKey) -> Option<Inspected> {
        match &self.redis {
            None => self.inspect_memory(key),
            Some(redis) => match self.inspect_redis(redis, key).await {
                Ok(found) => found,
                Err(_) => self.inspect_memory(key),
            },
        }
    }

    fn inspect_memory(&self, key: &CallKey) -> Option<Inspected> {
        let (meta, load_micros, size, current) =
            self.memory.inspect(&key.memory, &self.generations)?;
        let now_ms = self.clock.now_ms();
        let (age_ms, ttl) = (meta.age_ms(now_ms), ttl_of(meta.fresh_for_ms));
        let state = match (current, age_ms < meta.fresh_for_ms) {
            (false, _) => EntryState::Invalidated,
            (true, false) => EntryState::Expired,
            (true, true) => EntryState::Fresh,
        };
        Some(Inspected {
            store: Source::Memory,
            state,
            function: site::instance_of(meta.origin).map(Instance::label),
            age: Duration::from_millis(age_ms),
            ttl,
            remaining: left_of(ttl, age_ms),
            load_time: Duration::from_micros(load_micros),
            size,
            tags: Vec::new(),
            codec: None,
            compressed: false,
            payload: None,
        })
    }

    async fn inspect_redis(
        &self,
        redis: &RedisStore,
        key: &CallKey,
    ) -> Result<Option<Inspected>, Unavailable> {
        let found = redis.value(key.name().as_str(), key.kind()).await?;
        let Some(bytes) = &found.bytes else { return Ok(None) };
        let (header, payload) = match Stored::read(bytes, self.address(key)) {
            Stored::Value(header, payload) => (header, payload),
            Stored::Placeholder(_) => return Ok(Some(nothing(EntryState::Loading, bytes.len()))),
            Stored::Foreign(_) => return Ok(Some(nothing(EntryState::Unreadable, bytes.len()))),
        };
        let tags: Vec<String> = tags_of(&header, key).into_iter().map(str::to_owned).collect();
        let tokens = redis.tokens(&tags).await?;
        let state = match judge(key, &header, &Present::new(&tags, &tokens), found.now_ms, 0) {
            Verdict::Usable => EntryState::Fresh,
            Verdict::Expired => EntryState::Expired,
            Verdict::Invalid | Verdict::Softened | Verdict::Depends | Verdict::Foreign => {
                EntryState::Invalidated
            }
        };
        let name = key.name().as_str();
        let recorded = |tag: &str| {
            let own = header.tags.iter().find(|own| own.name.resolve(name) == Some(tag));
            own.map(|own| own.token)
        };
        let now = tokens.iter().skip(1).copied();
        let tags = tags.iter().zip(now).map(|(tag, now)| InspectedTag {
            name: tag.clone(),
            current: now.is_some() && now == recorded(tag),
        });
        let age_ms = age_ms(&header, found.now_ms);
        let Header { fresh_for_ms, load_micros, origin, compressed, state: id, .. } = &header;
        let ttl = ttl_of(*fresh_for_ms);
        Ok(Some(Inspected {
            store: Source::Redis,
            state,
            function: site::instance_of(*origin).map(Instance::label),
            age: Duration::from_millis(age_ms),
            ttl,
            remaining: left_of(ttl, age_ms),
            load_time: Duration::from_micros(*load_micros),
            size: bytes.len(),
            tags: tags.collect(),
            codec: codec_name(id.codec()),
            compressed: *compressed,
            payload: self.types.unpack(*compressed, payload).map(|payload| payload.into_owned()),
        }))
    }
}

/// Describes a stored state that is not a value.
fn nothing(state: EntryState, size: usize) -> Inspected {
    Inspected {
        store: Source::Redis,
        state,
        function: None,
        age: Duration::ZERO,
        ttl: Ttl::For(Duration::ZERO),
        remaining: Ttl::For(Duration::ZERO),
        load_time: Duration::ZERO,
        size,
        tags: Vec::new(),
        codec: None,
        compressed: false,
        payload: None,
    }
}

fn ttl_of(fresh_for_ms: u64) -> Ttl {
    match fresh_for_ms {
        u64::MAX => Ttl::Forever,
        ms => Ttl::For(Duration::from_millis(ms)),
    }
}

fn left_of(ttl: Ttl, age_ms: u64) -> Ttl {
    match ttl {
        Ttl::Forever => Ttl::Forever,
        Ttl::For(ttl) => Ttl::For(ttl.saturating_sub(Duration::from_millis(age_ms))),
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
