//! Cache the results of async functions in memory and Redis, and invalidate them correctly.
#![doc = include_str!("../docs/crate.md")]

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
mod ambient;
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
mod request;
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
mod scans;
mod seldom;
mod settling;
mod shape;
mod shared_error;
mod site;
mod stats;
mod timer;
mod timestamp;
mod value;

pub use cache_macros::{cache_invalidate, cache_put, cached, name};

pub use crate::redis::{Breaker, ClearProgress, Diagnostic, Severity};
pub use audit::{Finding, audit};
pub use cache_call::{CacheCall, CacheEntry, Fetched, StoredAs};
pub use call::Source;
pub use clock::Clock;
#[cfg(feature = "postcard")]
pub use codec::Postcard;
pub use codec::{Bincode, Codec, CodecError, DefaultCodec, MessagePack};
pub use config::{Backend, CacheConfig, Jitter, Mode, RedisUrl, Ttl};
pub use error::Error;
pub use events::{Event, EventKind};
pub use health::{Health, Status};
pub use inspect::{EntryState, Inspected, InspectedTag};
pub use manager::{
    CacheManager, CacheManagerBuilder, NameScan, SetOptions, WarmReport, Written, cache, install,
    try_cache, with,
};
pub use name::escape;
pub use output::CacheValue;
pub use registry::{CachedSite, Mutation, MutationSite, Registry, SiteEntry, SiteTtl, registry};
pub use shared_error::SharedError;
pub use site::{Coalesce, Tier};
pub use site::{SiteKey, SourceLocation};
pub use stats::{Counts, FleetSite, FleetStats, Latencies, SiteStats, Stats};
pub use value::assert_round_trip;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct CrateReadme;
