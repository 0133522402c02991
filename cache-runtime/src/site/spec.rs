//! The options of an attribute.

use std::time::Duration;

use cache_syntax::{COST, EARLY_REFRESH, JITTER, NumberRange, key_prefix_fault};
use serde::Serialize;

use super::location::Declared;

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
    /// A closure over the value.
    OfValue,
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

/// The dependencies that a value takes over from the cached functions that its body calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Inherit {
    /// None.
    #[default]
    Nothing,
    /// Their keys and tags.
    Tags,
    /// Their keys and tags. The value is not fresh for longer than theirs.
    All,
}

impl Inherit {
    /// Returns true if any dependencies are taken over.
    pub fn is_any(self) -> bool {
        self != Inherit::Nothing
    }
}

/// The verification of a function's hits against their source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Not written: the configuration decides.
    #[default]
    Inherit,
    /// `"off"`.
    Off,
    /// At most one hit in this number of milliseconds.
    Every(u64),
}

/// The options of one `#[cached]` attribute.
#[derive(Clone, Copy, Debug)]
pub struct SiteSpec {
    /// Its location.
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
    /// `manager`, for the registry.
    pub manager: Option<&'static str>,
    /// `cost`.
    pub cost: f64,
    /// `max_memory`, in bytes.
    pub max_memory: Option<u64>,
    /// `max_entries`.
    pub max_entries: Option<u64>,
    /// `reserved`.
    pub reserved: bool,
    /// `key`, for the registry: generated code makes the keys.
    pub key: SiteKey,
    /// `skip`, for the registry.
    pub skip: &'static [&'static str],
    /// The function that returns the entry of a call, if the function is not async.
    pub entry_fn: Option<&'static str>,
    /// `tags`, for the registry.
    pub tags: &'static [&'static str],
    /// The arguments, for the registry.
    pub arguments: &'static [&'static str],
    /// True if `tags_of` is given.
    pub derives_tags: bool,
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
    /// True if `serve_stale_if` is given.
    pub serve_stale_if: bool,
    /// `keep`; `Inherit`: the longest of both times above.
    pub keep: TtlSpec,
    /// True if `still_current` is given, for the registry.
    pub still_current: bool,
    /// The argument that `previous` names, for the registry.
    pub previous: Option<&'static str>,
    /// `load_timeout`; `Inherit`: none.
    pub load_timeout: TtlSpec,
    /// `error_ttl`; `Inherit`: none.
    pub error_ttl: TtlSpec,
    /// `early_refresh`; zero: never.
    pub early_refresh: f64,
    /// True if its body may run in the background, for the registry.
    pub background: bool,
    /// `detached`.
    pub detached: bool,
    /// `coalesce`.
    pub coalesce: Coalesce,
    /// `verify`.
    pub verify: Verify,
    /// `inherit`.
    pub inherits: Inherit,
    /// `source`.
    pub source: Option<&'static str>,
    /// `max_loads`.
    pub max_loads: Option<u64>,
    /// `shed`; zero milliseconds: without a wait.
    pub shed: Option<TtlSpec>,
    /// `share_errors`, for the registry.
    pub share_errors: bool,
    /// `each`, for the registry.
    pub each: Option<&'static str>,
    /// `max_batch`, for the registry.
    pub max_batch: Option<u64>,
}

impl SiteSpec {
    /// Returns the defaults of every option.
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
            manager: None,
            cost: 0.0,
            max_memory: None,
            max_entries: None,
            reserved: false,
            key: SiteKey::Arguments(&[]),
            skip: &[],
            entry_fn: None,
            tags: &[],
            arguments: &[],
            derives_tags: false,
            cache_if: false,
            bypass_if: false,
            codec: None,
            stale_while_revalidate: TtlSpec::Inherit,
            stale_if_error: TtlSpec::Inherit,
            serve_stale_if: false,
            keep: TtlSpec::Inherit,
            still_current: false,
            previous: None,
            load_timeout: TtlSpec::Inherit,
            error_ttl: TtlSpec::Inherit,
            early_refresh: 0.0,
            background: false,
            detached: false,
            coalesce: Coalesce::Process,
            verify: Verify::Inherit,
            inherits: Inherit::Nothing,
            source: None,
            max_loads: None,
            shed: None,
            share_errors: false,
            each: None,
            max_batch: None,
        }
    }

    /// Returns true if a call of a function with this name has an entry of this function.
    pub(crate) fn is_called(&self, function: &str) -> bool {
        self.declared.function == function || self.entry_fn == Some(function)
    }

    /// Returns true if hits can be verified: the body can run in a task, for one entry.
    pub(crate) fn is_verifiable(&self) -> bool {
        self.background && self.each.is_none() && self.verify != Verify::Off
    }

    /// Returns the time in which at most one hit is verified; `None` if none is. `configured` is that of functions
    /// without the option.
    pub(crate) fn verified_every(&self, configured: Option<Duration>) -> Option<Duration> {
        let every = match self.verify {
            Verify::Inherit => configured,
            Verify::Off => None,
            Verify::Every(ms) => Some(Duration::from_millis(ms)),
        };
        every.filter(|_| self.is_verifiable())
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

/// Checks constants by the rules for literal numbers.
pub(crate) const fn check_numbers(spec: &SiteSpec) {
    if let Some(jitter) = spec.jitter {
        check_number(jitter, JITTER);
    }
    check_number(spec.cost, COST);
    assert!(!matches!(spec.max_memory, Some(0)), "`max_memory` takes at least 1 byte");
    assert!(
        !matches!(spec.max_entries, Some(0)),
        "`max_entries` takes a whole number of at least 1"
    );
    assert!(!matches!(spec.max_loads, Some(0)), "`max_loads` takes a whole number of at least 1");
    check_number(spec.early_refresh, EARLY_REFRESH);
}

const fn check_number(number: f64, range: NumberRange) {
    assert!(range.contains(number), "{}", range.rule);
}

/// Returns the `max_batch` of a function as a number of ids.
///
/// # Panics
/// At compile time, as a constant: if it is zero.
pub const fn most_at_once(max_batch: u64) -> usize {
    assert!(max_batch > 0, "`max_batch` takes a whole number of at least 1");
    if max_batch > usize::MAX as u64 { usize::MAX } else { max_batch as usize }
}

/// Checks a constant prefix by the rule for a literal one.
#[allow(clippy::panic, reason = "it is called at compile time")]
pub(crate) const fn check_prefix(prefix: &str) {
    if let Some(fault) = key_prefix_fault(prefix) {
        panic!("{}", fault);
    }
}
