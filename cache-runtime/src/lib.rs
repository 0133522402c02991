//! Cache the results of async functions in memory and Redis, and invalidate them correctly.
#![doc = include_str!("../docs/crate.md")]

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
mod cache_call;
mod call;
mod collector;
mod config;
mod error;
mod flight;
#[cfg(fuzzing)]
pub mod fuzzing;
mod key;
mod manager;
mod memory;
#[doc = include_str!("../docs/options.md")]
pub mod options {}
mod output;
mod redis;
#[doc = include_str!("../docs/redis.md")]
pub mod redis_servers {}
mod coherence;
mod deferral;
mod format;
mod gates;
mod registry;
mod site;
mod sizing;
mod stats;
mod support;
mod tiers;
mod value;

pub use cache_macros::{cache_invalidate, cache_put, cached, name};

pub use crate::redis::{Breaker, ClearProgress, Diagnostic, Severity};
pub use cache_call::{BlockingEntry, CacheCall, CacheEntry, Fetched, StoredAs};
pub use collector::{BypassReason, Observation, ObservedCall, observe, observe_blocking};
pub use config::{Backend, CacheConfig, Jitter, Mode, RedisUrl, SourceLimit, Ttl};
pub use deferral::{
    InvalidationQueue, InvalidationTarget, PendingInvalidation, PendingInvalidations, Within,
    deferred, deferred_blocking,
};
pub use error::{Error, Shed};
#[cfg(feature = "postcard")]
pub use format::codec::Postcard;
pub use format::codec::{Bincode, Codec, CodecError, DefaultCodec, MessagePack};
pub use key::name::escape;
pub use manager::{
    CacheManager, CacheManagerBuilder, Health, NameScan, SetOptions, Status, WarmReport, Written,
    cache, install, try_cache, with, with_blocking,
};
pub use output::shared_error::SharedError;
pub use output::{CacheValue, MemoryValue};
pub use registry::audit::{Finding, audit};
pub use registry::graph::{EdgeKind, FunctionKind, Graph, GraphEdge, GraphFunction, graph};
pub use registry::{
    CachedSite, Mutation, MutationSite, Reach, Registry, SeenCalls, SiteEntry, SiteTtl, registry,
};
pub use site::{Coalesce, Inherit, Tier};
pub use site::{SiteKey, SourceLocation};
pub use sizing::{FunctionSizing, Sizing, SizingFinding};
pub use stats::events::{Event, EventKind};
pub use stats::{Counts, FleetSite, FleetStats, GateStats, Latencies, OutboxLag, SiteStats, Stats};
pub use support::clock::Clock;
pub use tiers::inspect::{EntryState, Inspected, InspectedTag};
pub use tiers::origin::Source;
pub use value::assert_round_trip;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct CrateReadme;
