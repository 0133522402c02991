//! What the registry says of a cached function.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::config::Ttl;
use crate::site::{Coalesce, Place, SiteKey, SiteSpec, Tier, TtlSpec};

/// A function under [`#[cached]`](macro@crate::cached).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CachedSite {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What the names of its entries begin with: `key_prefix`, or else the function's name.
    pub prefix: &'static str,
    /// Whether `key_prefix` is written.
    pub prefix_is_written: bool,
    /// What tells its entries apart.
    pub key: SiteKey,
    /// The arguments that are left out of the key.
    pub skip: &'static [&'static str],
    /// The templates of its tags: `user:{user_id}`.
    pub tags: &'static [&'static str],
    /// The names that its templates can use: those of its arguments, without `self`.
    pub arguments: &'static [&'static str],
    /// How long a value is fresh; `None`: the configuration decides.
    pub ttl: Option<SiteTtl>,
    /// How long an absent value is fresh; `None`: as long as any other.
    pub negative_ttl: Option<SiteTtl>,
    /// The version of what a value means.
    pub version: u64,
    /// The largest part of a TTL that is taken off at random; `None`: the configuration decides.
    pub jitter: Option<f64>,
    /// Where its values are kept; `None`: the configuration decides.
    pub tier: Option<Tier>,
    /// What one load costs, in money.
    pub cost: f64,
    /// Whether `cache_if` is written.
    pub cache_if: bool,
    /// Whether an absent value is stored.
    pub cache_none: bool,
    /// Whether `bypass_if` is written.
    pub bypass_if: bool,
    /// `codec` as it is written; `None`: the configuration decides.
    pub codec: Option<&'static str>,
    /// For how long past its TTL a value is served while it is loaded anew.
    pub stale_while_revalidate: Option<SiteTtl>,
    /// For how long past its TTL a value is served when a load fails.
    pub stale_if_error: Option<SiteTtl>,
    /// How long a caller waits for a load when a stale value is at hand.
    pub load_timeout: Option<SiteTtl>,
    /// How eagerly a value is loaded anew before its TTL is over; zero: not at all.
    pub early_refresh: f64,
    /// Whether its body may run in the background.
    pub background: bool,
    /// Who shares a load.
    pub coalesce: Coalesce,
    /// Whether `share_errors` is set.
    pub share_errors: bool,
}

/// A TTL in an attribute. Serialises as text: `5m`, `forever`, `expression`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SiteTtl {
    /// Written in full.
    Fixed(Ttl),
    /// An expression that is evaluated at each store.
    Expression,
}

impl CachedSite {
    pub(super) fn of(spec: &SiteSpec) -> Self {
        CachedSite {
            place: Place::of(&spec.declared),
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
            cost: spec.cost,
            cache_if: spec.cache_if,
            cache_none: spec.cache_none,
            bypass_if: spec.bypass_if,
            codec: spec.codec,
            stale_while_revalidate: SiteTtl::of(spec.stale_while_revalidate),
            stale_if_error: SiteTtl::of(spec.stale_if_error),
            load_timeout: SiteTtl::of(spec.load_timeout),
            early_refresh: spec.early_refresh,
            background: spec.background,
            coalesce: spec.coalesce,
            share_errors: spec.share_errors,
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
        }
    }
}

impl Serialize for SiteTtl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            SiteTtl::Fixed(ttl) => ttl.serialize(serializer),
            SiteTtl::Expression => serializer.serialize_str("expression"),
        }
    }
}
