//! The options of an attribute.

use std::time::Duration;

use serde::Serialize;

use super::location::Declared;
use crate::key::name::prefix_fault;

/// The stores of a call site's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Tier {
    /// This process only, even if Redis is configured.
    Memory,
    /// Redis, if it is configured, without copies in memory.
    Redis,
    /// Redis, if it is configured, with copies in the memory of the process.
    Tiered,
}

/// A freshness time as it was written in an attribute.
#[derive(Clone, Copy, Debug)]
pub enum TtlSpec {
    /// Not written: the configuration decides.
    Inherit,
    /// A literal, in milliseconds.
    Millis(u64),
    /// `"forever"`.
    Forever,
    /// An expression, evaluated at each store.
    Dynamic(fn() -> Duration),
}

/// The callers that share a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Coalesce {
    /// None: each caller without a value loads.
    Off,
    /// The callers of one process.
    #[default]
    Process,
    /// The callers of all processes that share a Redis.
    Fleet,
}

/// The options of one `#[cached]` attribute.
#[derive(Clone, Copy, Debug)]
pub struct SiteSpec {
    /// Where it is.
    pub declared: Declared,
    /// `key_prefix`; the function's name where there is none.
    pub prefix: Option<&'static str>,
    /// `version`.
    pub version: u64,
    /// `ttl`.
    pub ttl: TtlSpec,
    /// `negative_ttl`.
    pub negative_ttl: TtlSpec,
    /// `cache_none`.
    pub cache_none: bool,
    /// `jitter`.
    pub jitter: Option<f64>,
    /// `tier`.
    pub tier: Option<Tier>,
    /// `cost`.
    pub cost: f64,
    /// `key`, for the registry: generated code makes the keys.
    pub key: SiteKey,
    /// `skip`, for the registry.
    pub skip: &'static [&'static str],
    /// `tags`, for the registry.
    pub tags: &'static [&'static str],
    /// The arguments, for the registry.
    pub arguments: &'static [&'static str],
    /// True if `cache_if` is given.
    pub cache_if: bool,
    /// True if `bypass_if` is given.
    pub bypass_if: bool,
    /// `codec`, for the registry.
    pub codec: Option<&'static str>,
    /// `stale_while_revalidate`; `Inherit`: never.
    pub stale_while_revalidate: TtlSpec,
    /// `stale_if_error`; `Inherit`: never.
    pub stale_if_error: TtlSpec,
    /// `load_timeout`; `Inherit`: none.
    pub load_timeout: TtlSpec,
    /// `early_refresh`; zero: never.
    pub early_refresh: f64,
    /// True if its body may run in the background, for the registry.
    pub background: bool,
    /// `coalesce`.
    pub coalesce: Coalesce,
    /// `share_errors`, for the registry.
    pub share_errors: bool,
}

impl SiteSpec {
    /// The defaults of every option.
    pub const fn new(declared: Declared) -> Self {
        SiteSpec {
            declared,
            prefix: None,
            version: 0,
            ttl: TtlSpec::Inherit,
            negative_ttl: TtlSpec::Inherit,
            cache_none: true,
            jitter: None,
            tier: None,
            cost: 0.0,
            key: SiteKey::Arguments(&[]),
            skip: &[],
            tags: &[],
            arguments: &[],
            cache_if: false,
            bypass_if: false,
            codec: None,
            stale_while_revalidate: TtlSpec::Inherit,
            stale_if_error: TtlSpec::Inherit,
            load_timeout: TtlSpec::Inherit,
            early_refresh: 0.0,
            background: false,
            coalesce: Coalesce::Process,
            share_errors: false,
        }
    }

    pub(crate) fn prefix(&self) -> &'static str {
        self.prefix.unwrap_or(self.declared.function)
    }
}

/// The key of a cached function's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SiteKey {
    /// These arguments, hashed. An entry's name is `prefix:function:` and the hash.
    Arguments(&'static [&'static str]),
    /// A `key` template. An entry's name is `prefix:` and what it renders.
    Template(&'static str),
    /// The value of a `key` expression, hashed. An entry's name is `prefix:function:` and the hash.
    Expression,
}

/// The rules of literal numbers, for constants.
pub(crate) const fn check_numbers(spec: &SiteSpec) {
    if let Some(jitter) = spec.jitter {
        assert!(0.0 <= jitter && jitter <= 0.5, "`jitter` takes a number from 0.0 to 0.5");
    }
    assert!(0.0 <= spec.cost && spec.cost <= f64::MAX, "`cost` takes a number of at least 0");
    assert!(
        0.0 <= spec.early_refresh && spec.early_refresh <= 100.0,
        "`early_refresh` takes a number from 0.0 to 100.0, such as 1.0"
    );
}

/// The rules of a literal prefix, for a prefix that is a path to a constant.
#[allow(clippy::panic, reason = "it is called at compile time")]
pub(crate) const fn check_prefix(prefix: &str) {
    if let Some(fault) = prefix_fault(prefix) {
        panic!("{}", fault);
    }
    let bytes = prefix.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        assert!(
            bytes[i] > b' ' && bytes[i] != 0x7f,
            "key_prefix holds white space or a control character"
        );
        i += 1;
    }
}
