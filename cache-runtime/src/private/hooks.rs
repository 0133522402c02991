//! The options of a call site that depend on the type of its value, and their effects.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::uncached::Uncached;
use crate::config::Ttl;
use crate::error::with_causes;
use crate::format::codec::Codec;
use crate::output::{CacheValue, OutputKind, ResultKind};
use crate::site::{Instance, TtlSpec};
use crate::support::panics::unless_panicking;
use crate::tiers::core::Bound;
use crate::tiers::policy::{Grace, Policy, TagsOf, Test, TtlOf, Weigh, fresh_for_ms};
use crate::value::{
    Coding, Equality, Form, Likeness, MemoryKind, Printing, StoredKind, ValueCodec, ValueType,
    codec_of, type_stored_by,
};

/// Returns the tags that follow from a value.
type TagsOfValue<V> = fn(&V) -> Vec<String>;

/// The options of a call site that depend on the type of its value.
pub struct Hooks<K: OutputKind> {
    cache_if: Option<fn(&K::Value) -> bool>,
    weigh: Option<fn(&K::Value) -> usize>,
    tags_of: Option<TagsOfValue<K::Value>>,
    ttl_of: Option<fn(&K::Value) -> Ttl>,
    is_none: Option<fn(&K::Value) -> bool>,
    codec: Option<&'static dyn ValueCodec>,
    likeness: Likeness,
    whole: bool,
}

/// The same options with an erased type of the value.
pub(super) struct Rules {
    pub(super) of: &'static dyn ValueType,
    cache_if: Option<Test>,
    weigh: Option<Weigh>,
    tags_of: Option<TagsOf>,
    ttl_of: Option<TtlOf>,
    is_none: Option<Test>,
    coding: Coding,
    /// True if the whole `Result` is the value, errors included.
    pub(super) whole: bool,
}

impl Rules {
    pub(super) fn has_tags_of(&self) -> bool {
        self.tags_of.is_some()
    }
}

impl<K: OutputKind> Hooks<K> {
    /// Returns hooks without options, with the comparison of values.
    pub fn new(_: K, equality: Equality, printing: Printing) -> Self {
        let likeness = Likeness { equality, printing };
        Hooks {
            cache_if: None,
            weigh: None,
            tags_of: None,
            ttl_of: None,
            is_none: None,
            codec: None,
            likeness,
            whole: false,
        }
    }

    /// Sets `cache_if`.
    #[must_use]
    pub fn cache_if(self, cache_if: fn(&K::Value) -> bool) -> Self {
        Hooks { cache_if: Some(cache_if), ..self }
    }

    /// Sets `weight`.
    #[must_use]
    pub fn weight(self, weigh: fn(&K::Value) -> usize) -> Self {
        Hooks { weigh: Some(weigh), ..self }
    }

    /// Sets `tags_of`.
    #[must_use]
    pub fn tags_of(self, tags_of: fn(&K::Value) -> Vec<String>) -> Self {
        Hooks { tags_of: Some(tags_of), ..self }
    }

    /// Sets the closure of `ttl`.
    #[must_use]
    pub fn ttl_of(self, ttl_of: fn(&K::Value) -> Ttl) -> Self {
        Hooks { ttl_of: Some(ttl_of), ..self }
    }

    /// Sets the `weight` of values that cannot be measured, because their type has no serde.
    #[must_use]
    pub fn visible(self, weigh: fn(&K::Value) -> usize) -> Self
    where
        K: StoredKind,
    {
        if <K::Form as Form<K::Value>>::IS_MEASURED { self } else { self.weight(weigh) }
    }

    /// Notes that the value is an `Option`, because `negative_ttl` or `cache_none` is set.
    #[must_use]
    pub fn optional(self) -> Self
    where
        K::Value: MaybeNone,
    {
        Hooks { is_none: Some(MaybeNone::is_none), ..self }
    }

    /// Checks that a load may fail, because `stale_if_error` or `error_ttl` is set.
    #[must_use]
    pub fn fallible(self) -> Self
    where
        K: Fallible,
    {
        self
    }

    /// Notes that the whole output is the value, also if it is a `Result` (`output = "plain"`).
    #[must_use]
    pub fn whole(self) -> Self {
        Hooks { whole: true, ..self }
    }

    /// Sets `codec`.
    #[must_use]
    pub fn codec<C: Codec>(self) -> Self
    where
        K::Value: CacheValue,
    {
        Hooks { codec: Some(codec_of::<K::Value, C>()), ..self }
    }

    pub(super) fn rules(self) -> Rules
    where
        K: StoredKind,
    {
        let Hooks { cache_if, weigh, tags_of, ttl_of, is_none, codec: own, likeness, whole } = self;
        let (cache_if, is_none) = (cache_if.map(test), is_none.map(test));
        let weigh = weigh.map(weight);
        let (tags_of, ttl_of) = (tags_of.map(tags), ttl_of.map(ttl));
        let coding = Coding { own, likeness };
        Rules {
            of: type_stored_by::<K>(),
            cache_if,
            weigh,
            tags_of,
            ttl_of,
            is_none,
            coding,
            whole,
        }
    }
}

/// Makes a test of erased values from a test of `V`. All its values are known to be a `V`.
fn test<V: 'static>(test: fn(&V) -> bool) -> Test {
    Arc::new(move |value| value.typed().is_some_and(test))
}

/// Makes a weight of erased values in the same way.
fn weight<V: 'static>(weigh: fn(&V) -> usize) -> Weigh {
    Arc::new(move |value| value.typed().map_or(0, weigh))
}

/// Makes the tags of erased values in the same way.
fn tags<V: 'static>(tags_of: fn(&V) -> Vec<String>) -> TagsOf {
    Arc::new(move |value| value.typed().map_or_else(Vec::new, tags_of))
}

/// Makes the TTL of erased values in the same way.
fn ttl<V: 'static>(ttl_of: fn(&V) -> Ttl) -> TtlOf {
    Arc::new(move |value| value.typed().map_or(Ttl::For(Duration::ZERO), ttl_of))
}

impl<K: OutputKind> fmt::Debug for Hooks<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

/// The kind of functions whose load may fail.
#[diagnostic::on_unimplemented(
    message = "`stale_if_error` and `error_ttl` are only for functions that return a `Result`, since no other load can fail",
    label = "not a `Result`"
)]
pub trait Fallible {}

/// Checks the same for a function of many keys.
pub fn fallible<K: Fallible>(_: K) {}

impl<R> Fallible for ResultKind<R> {}
impl<K: Fallible> Fallible for MemoryKind<K> {}

/// A value that may be absent.
#[diagnostic::on_unimplemented(
    message = "`negative_ttl` and `cache_none` are only for functions that return an `Option`, and `{Self}` is not an `Option`",
    label = "not an `Option`"
)]
pub trait MaybeNone {
    /// Returns true if it is `None`.
    fn is_none(&self) -> bool;
}

impl<T> MaybeNone for Option<T> {
    fn is_none(&self) -> bool {
        self.is_none()
    }
}

/// Returns the policy that follows from the attribute and the configuration.
///
/// # Errors
/// If a TTL expression panics, or gives a TTL that is out of range.
pub(super) fn policy(
    bound: &Bound,
    instance: &'static Instance,
    rules: &Rules,
) -> Result<Policy, Uncached> {
    let (spec, config) = (instance.spec, &bound.core.config);
    let default = || config.ttl_of(spec.prefix());
    let ttl_of = |spec, option| match spec {
        // Most options are absent.
        TtlSpec::Inherit => Ok(None),
        spec => ttl_of(spec, option, bound, instance),
    };
    let ttl = ttl_of(spec.ttl, "ttl")?.unwrap_or_else(default);
    let negative_ttl = ttl_of(spec.negative_ttl, "negative_ttl")?;
    let jitter = spec.jitter.map_or(config.jitter, Into::into);
    let grace = |spec, option| ttl_of(spec, option).map(|grace| grace.map_or(0, fresh_for_ms));
    let load_timeout = ttl_of(spec.load_timeout, "load_timeout")?;
    let error_ttl = ttl_of(spec.error_ttl, "error_ttl")?;
    Ok(Policy {
        grace: Grace {
            while_revalidate_ms: grace(spec.stale_while_revalidate, "stale_while_revalidate")?,
            if_error_ms: grace(spec.stale_if_error, "stale_if_error")?,
            keep_ms: grace(spec.keep, "keep")?,
        },
        load_timeout: load_timeout.and_then(Ttl::duration),
        error_ttl: error_ttl.and_then(Ttl::duration),
        early_refresh: spec.early_refresh,
        detached: spec.detached,
        coalesce: spec.coalesce,
        inherits: spec.inherits,
        limits: bound.core.gates.of(instance),
        shed: shed(spec.shed, bound, instance)?,
        negative_ttl,
        is_none: rules.is_none.clone(),
        cache_none: spec.cache_none,
        cache_if: rules.cache_if.clone(),
        weigh: rules.weigh.clone(),
        tags_of: rules.tags_of.clone(),
        ttl_of: rules.ttl_of.clone(),
        coding: rules.coding,
        ..Policy::new(rules.of, ttl, jitter)
    })
}

/// Returns the maximum wait for a permit. It may be zero.
fn shed(
    spec: Option<TtlSpec>,
    bound: &Bound,
    instance: &Instance,
) -> Result<Option<Duration>, Uncached> {
    match spec {
        None => Ok(None),
        Some(TtlSpec::Millis(0)) => Ok(Some(Duration::ZERO)),
        Some(spec) => Ok(ttl_of(spec, "shed", bound, instance)?.and_then(Ttl::duration)),
    }
}

/// Logs that a call is not cached.
pub(super) fn say_uncached(bound: &Bound, instance: &Instance, uncached: &Uncached) {
    let function = instance.label();
    bound.core.seldom(function, uncached.kind(), |times| {
        let reason = with_causes(uncached);
        tracing::error!(function, reason, times, "this call is not cached");
    });
}

fn ttl_of(
    spec: TtlSpec,
    option: &'static str,
    bound: &Bound,
    instance: &Instance,
) -> Result<Option<Ttl>, Uncached> {
    let ttl = match spec {
        TtlSpec::Inherit | TtlSpec::OfValue => return Ok(None),
        TtlSpec::Millis(ms) => Ttl::For(Duration::from_millis(ms)),
        TtlSpec::Forever => Ttl::Forever,
        // R3: the body can also run without a TTL.
        TtlSpec::Dynamic(ttl) => match unless_panicking(ttl) {
            Some(ttl) => Ttl::For(ttl),
            None => {
                let uncached = Uncached::TtlPanics { option };
                say_uncached(bound, instance, &uncached);
                return Err(uncached);
            }
        },
    };
    if ttl.check(option).is_ok() {
        return Ok(Some(ttl));
    }
    let uncached = Uncached::Ttl { option, given: ttl };
    say_uncached(bound, instance, &uncached);
    Err(uncached)
}
