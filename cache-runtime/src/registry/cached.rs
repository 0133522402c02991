//! The registry's entry of a cached function.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::config::Ttl;
use crate::site::{Coalesce, Inherit, SiteKey, SiteSpec, SourceLocation, Tier, TtlSpec};

/// A function with [`#[cached]`](macro@crate::cached).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CachedSite {
    /// The place of the attribute.
    #[serde(flatten)]
    pub location: SourceLocation,
    /// The prefix of its entries' names: `key_prefix`, otherwise the name of the function.
    pub prefix: &'static str,
    /// True if `key_prefix` is given.
    pub prefix_is_written: bool,
    /// The key of its entries.
    pub key: SiteKey,
    /// The arguments that are left out of the key.
    pub skip: &'static [&'static str],
    /// The templates of its tags: `user:{user_id}`. An expression is shown as `{..}`.
    pub tags: &'static [&'static str],
    /// The names that its templates can use: those of its arguments, without `self`.
    pub arguments: &'static [&'static str],
    /// The TTL of a value; `None` if the configuration decides.
    pub ttl: Option<SiteTtl>,
    /// The TTL of an absent value; `None` if it is that of other values.
    pub negative_ttl: Option<SiteTtl>,
    /// The `version`.
    pub version: u64,
    /// The maximum fraction by which a TTL is shortened at random; `None` if the configuration decides.
    pub jitter: Option<f64>,
    /// The stores of its values; `None` if the configuration decides.
    pub tier: Option<Tier>,
    /// The `manager` as it is written; `None` if its calls use that of the scope or of the process.
    pub manager: Option<&'static str>,
    /// The cost of one load.
    pub cost: f64,
    /// The maximum memory of its entries, in bytes; `None` if only `CACHE_MEMORY_CAPACITY` limits it.
    pub max_memory: Option<u64>,
    /// The maximum number of its entries in memory; `None` if there is none.
    pub max_entries: Option<u64>,
    /// True if its `max_memory` is reserved for it.
    pub reserved: bool,
    /// True if `tags_of` is given.
    pub derives_tags: bool,
    /// True if `cache_if` is given.
    pub cache_if: bool,
    /// True if an absent value is stored.
    pub cache_none: bool,
    /// True if `bypass_if` is given.
    pub bypass_if: bool,
    /// The `codec` as it is written; `None` if the configuration decides.
    pub codec: Option<&'static str>,
    /// The time after its TTL for which a value is served while it is refreshed.
    pub stale_while_revalidate: Option<SiteTtl>,
    /// The time after its TTL for which a value is served if a load fails.
    pub stale_if_error: Option<SiteTtl>,
    /// True if `serve_stale_if` is given.
    pub serve_stale_if: bool,
    /// The time after its TTL for which a value is kept for the body of the next load, if `keep` is given.
    pub keep: Option<SiteTtl>,
    /// True if `still_current` is given.
    pub still_current: bool,
    /// The argument that `previous` names; `None` if it is not given.
    pub previous: Option<&'static str>,
    /// The time for which a caller with a stale value waits for a load.
    pub load_timeout: Option<SiteTtl>,
    /// The time for which an error is remembered.
    pub error_ttl: Option<SiteTtl>,
    /// The eagerness of early refreshes; zero if there are none.
    pub early_refresh: f64,
    /// True if its body may run in the background.
    pub background: bool,
    /// True if a load goes on without its caller.
    pub detached: bool,
    /// The callers that share a load.
    pub coalesce: Coalesce,
    /// True if `verify` is not `"off"`, and its body may run in the background for one entry: its hits can be checked
    /// against their source.
    pub verifiable: bool,
    /// The dependencies that its values take over from the cached functions that its body calls.
    pub inherits: Inherit,
    /// True if `share_errors` is set.
    pub share_errors: bool,
    /// `each` as it is written, `id in ids`; `None` if a call has one entry.
    pub each: Option<&'static str>,
    /// The most ids of one run of the body; `None` if there is no limit.
    pub max_batch: Option<u64>,
}

/// A TTL in an attribute. Serialises as text: `5m`, `forever`, `expression`, `closure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SiteTtl {
    /// Written in full.
    Fixed(Ttl),
    /// An expression that is evaluated at each store.
    Expression,
    /// A closure that is called with each value.
    Closure,
}

impl CachedSite {
    pub(super) fn of(spec: &SiteSpec) -> Self {
        CachedSite {
            location: SourceLocation::of(&spec.declared),
            prefix: spec.prefix(),
            prefix_is_written: spec.prefix.is_some(),
            key: spec.key,
            skip: spec.skip,
            tags: spec.tags,
            arguments: spec.arguments,
            ttl: SiteTtl::of(spec.ttl),
            negative_ttl: SiteTtl::of(spec.negative_ttl),
            version: spec.version,
            jitter: spec.jitter,
            tier: spec.tier,
            manager: spec.manager,
            cost: spec.cost,
            max_memory: spec.max_memory,
            max_entries: spec.max_entries,
            reserved: spec.reserved,
            derives_tags: spec.derives_tags,
            cache_if: spec.cache_if,
            cache_none: spec.cache_none,
            bypass_if: spec.bypass_if,
            codec: spec.codec,
            stale_while_revalidate: SiteTtl::of(spec.stale_while_revalidate),
            stale_if_error: SiteTtl::of(spec.stale_if_error),
            serve_stale_if: spec.serve_stale_if,
            keep: SiteTtl::of(spec.keep),
            still_current: spec.still_current,
            previous: spec.previous,
            load_timeout: SiteTtl::of(spec.load_timeout),
            error_ttl: SiteTtl::of(spec.error_ttl),
            early_refresh: spec.early_refresh,
            background: spec.background,
            detached: spec.detached,
            coalesce: spec.coalesce,
            verifiable: spec.is_verifiable(),
            inherits: spec.inherits,
            share_errors: spec.share_errors,
            each: spec.each,
            max_batch: spec.max_batch,
        }
    }
}

impl SiteTtl {
    fn of(spec: TtlSpec) -> Option<Self> {
        match spec {
            TtlSpec::Inherit => None,
            TtlSpec::Millis(ms) => Some(SiteTtl::Fixed(Ttl::For(Duration::from_millis(ms)))),
            TtlSpec::Forever => Some(SiteTtl::Fixed(Ttl::Forever)),
            TtlSpec::Dynamic(_) => Some(SiteTtl::Expression),
            TtlSpec::OfValue => Some(SiteTtl::Closure),
        }
    }
}

impl Serialize for SiteTtl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            SiteTtl::Fixed(ttl) => ttl.serialize(serializer),
            SiteTtl::Expression => serializer.serialize_str("expression"),
            SiteTtl::Closure => serializer.serialize_str("closure"),
        }
    }
}
