//! Cache the results of async functions in memory and Redis, and invalidate them correctly.
#![doc = include_str!("../docs/crate.md")]

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
mod ambient;
mod asked;
mod audit;
mod background;
mod boxed;
mod cache_call;
mod call;
mod clock;
mod codec;
mod config;
mod core;
mod duration;
mod entry;
mod error;
mod error_text;
mod events;
mod fingerprint;
mod flight;
#[cfg(fuzzing)]
pub mod fuzzing;
mod generation;
mod glob;
#[cfg(test)]
mod golden;
mod health;
mod inspect;
mod invalidate;
mod key;
mod lease;
mod manager;
mod means;
mod memory;
mod name;
#[doc = include_str!("../docs/options.md")]
pub mod options {}
mod output;
mod panics;
mod pauses;
mod prehashed;
mod process;
mod put;
mod random;
mod redis;
#[doc = include_str!("../docs/redis.md")]
pub mod redis_servers {}
mod registry;
mod runtime;
mod scope;
mod seldom;
mod settling;
mod shape;
mod shared_error;
mod site;
mod stats;
mod sweeps;
mod timer;
mod timestamp;
mod value;

pub use cache_macros::{cache_invalidate, cache_put, cached, name};

pub use crate::redis::{Breaker, Check, Grade, Swept};
pub use audit::{Finding, audit};
pub use cache_call::{CacheCall, CacheEntry, Fetched, Holds};
pub use call::Source;
pub use clock::Clock;
#[cfg(feature = "postcard")]
pub use codec::Postcard;
pub use codec::{Bincode, Codec, CodecError, DefaultCodec, MessagePack};
pub use config::{Backend, CacheConfig, Jitter, Mode, RedisUrl, Ttl};
pub use error::Error;
pub use events::{Event, Happened};
pub use health::{Health, Status};
pub use inspect::{EntryState, Inspected, InspectedTag};
pub use manager::{
    Builder, CacheManager, Names, SetOptions, Warmed, Written, cache, install, try_cache,
};
pub use name::escape;
pub use output::CacheValue;
pub use registry::{
    CachedSite, Invalidating, InvalidatingSite, Registry, SiteEntry, SiteTtl, registry,
};
pub use scope::with;
pub use shared_error::SharedError;
pub use site::{Coalesce, Tier};
pub use site::{Place, SiteKey};
pub use stats::{ClusterSite, ClusterStats, Counts, Latencies, SiteStats, Stats};
pub use value::assert_round_trip;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct CrateReadme;
