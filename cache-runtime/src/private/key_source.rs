//! The source of the key of a call: its arguments, or a template over them.

use std::fmt;

use super::uncached::Uncached;
use crate::key::name::{Name, Rendered, Renderer, shorten};
use crate::key::{self, KeyParts};
use crate::memory::{CallLookup, Domain, Hit, MemoryKey, NameLookup};
use crate::output::MemoryValue;
use crate::site::Instance;
use crate::support::panics::unless_panicking;
use crate::tiers::core::Bound;

/// The arguments of a call as its key: a list of references, `(&a, (&b, ()))`, and the function that makes
/// their fingerprint. If `CHECKED` is true, as in debug builds, hits in memory are checked by the
/// fingerprint.
pub struct Args<P, const CHECKED: bool>(pub P, pub fn(&P) -> u64);

/// Returns no fingerprint, because the user has defined the key.
pub fn no_fingerprint<P>(_: &P) -> u64 {
    0
}

/// The description of a call's arguments, besides their key.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Print {
    pub(super) fingerprint: u64,
    /// True if other arguments have the same key.
    pub(super) is_alike: bool,
}

/// A `key` template: writes the rendered key.
pub struct Template<F>(pub F);

impl<P, const CHECKED: bool> fmt::Debug for Args<P, CHECKED> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Args")
    }
}

impl<F> fmt::Debug for Template<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")
    }
}

/// The source of a call's key.
pub trait KeySource: sealed::LookUp {}

pub(super) use sealed::FullKey;

impl<P: KeyParts, const CHECKED: bool> KeySource for Args<P, CHECKED> {}
impl<F: Fn(&mut Renderer)> KeySource for Template<F> {}

mod sealed {
    use super::{Bound, Hit, Instance, MemoryKey, MemoryValue, Name, Print, Uncached};

    pub trait LookUp: FullKey {
        /// Returns a fresh value in memory. R8: nothing is allocated except by its `Clone`.
        #[allow(private_bounds, private_interfaces, reason = "the trait cannot be named outside")]
        fn look_up<V: MemoryValue>(
            &self,
            bound: &Bound,
            instance: &'static Instance,
        ) -> Option<Hit<V>>;
    }

    pub trait FullKey {
        /// Returns the key in full, and its name if that is not made from the key; or the reason for which
        /// there is no key.
        #[allow(private_bounds, private_interfaces, reason = "the trait cannot be named outside")]
        fn full(
            &self,
            bound: &Bound,
            instance: &'static Instance,
        ) -> Result<(MemoryKey, Option<Name>), Uncached>;

        /// Returns the description of its arguments besides the key.
        #[allow(private_bounds, private_interfaces, reason = "the trait cannot be named outside")]
        fn print(&self, _: &'static Instance) -> Print {
            Print::default()
        }
    }
}

impl<P: KeyParts, const CHECKED: bool> Args<P, CHECKED> {
    fn fingerprint(&self, instance: &Instance) -> u64 {
        instance.alarm.fingerprint(&instance.spec.declared, || (self.1)(&self.0))
    }

    /// Returns true if other arguments may have the same key. A `Hash` or `Debug` that panics is reported
    /// when the key is made in full.
    #[cold]
    #[inline(never)]
    fn may_be_alike(&self, instance: &Instance) -> bool {
        unless_panicking(|| self.is_alike(instance, self.fingerprint(instance))).unwrap_or(true)
    }

    #[cold]
    #[inline(never)]
    fn is_alike(&self, instance: &Instance, fingerprint: u64) -> bool {
        let hash = key::hash_parts(&self.0, instance.origin).unwrap_or_default();
        instance.alarm.is_alike(hash, fingerprint)
    }
}

#[allow(private_bounds, private_interfaces, reason = "the trait cannot be named outside")]
impl<P: KeyParts, const CHECKED: bool> sealed::LookUp for Args<P, CHECKED> {
    #[inline(always)]
    fn look_up<V: MemoryValue>(
        &self,
        bound: &Bound,
        instance: &'static Instance,
    ) -> Option<Hit<V>> {
        if CHECKED && self.may_be_alike(instance) {
            return None;
        }
        let memory = &bound.core.memory;
        // Arguments that cannot be hashed are reported where their key is made in full.
        let hash = key::hash_parts(&self.0, memory.seed() ^ instance.origin).ok()?;
        let lookup = CallLookup { instance, parts: self.0 };
        memory.get(hash, lookup, bound.core.predicate(Some(instance.origin)))
    }
}

#[allow(private_bounds, private_interfaces, reason = "the trait cannot be named outside")]
impl<P: KeyParts, const CHECKED: bool> sealed::FullKey for Args<P, CHECKED> {
    fn full(
        &self,
        bound: &Bound,
        instance: &'static Instance,
    ) -> Result<(MemoryKey, Option<Name>), Uncached> {
        let bytes = key::encode(&self.0).map_err(Uncached::Key)?;
        let seed = bound.core.memory.seed() ^ instance.origin;
        let hash = key::hash_parts(&self.0, seed).map_err(Uncached::Key)?;
        Ok((MemoryKey { hash, domain: Domain::Arguments(instance), bytes }, None))
    }

    fn print(&self, instance: &'static Instance) -> Print {
        let fingerprint = self.fingerprint(instance);
        Print { fingerprint, is_alike: CHECKED && self.is_alike(instance, fingerprint) }
    }
}

impl<F: Fn(&mut Renderer)> Template<F> {
    fn render(&self, instance: &Instance) -> Option<Rendered> {
        let mut renderer = Renderer::new();
        renderer.text(instance.spec.prefix());
        renderer.text(":");
        (self.0)(&mut renderer);
        renderer.finish()
    }
}

#[allow(private_bounds, private_interfaces, reason = "the trait cannot be named outside")]
impl<F: Fn(&mut Renderer)> sealed::LookUp for Template<F> {
    #[inline(always)]
    fn look_up<V: MemoryValue>(
        &self,
        bound: &Bound,
        instance: &'static Instance,
    ) -> Option<Hit<V>> {
        let rendered = self.render(instance)?;
        let name = shorten(rendered.as_str());
        let memory = &bound.core.memory;
        let hash = memory.hash_name(name.as_bytes());
        let lookup = NameLookup(name.as_bytes());
        memory.get(hash, lookup, bound.core.predicate(Some(instance.origin)))
    }
}

#[allow(private_bounds, private_interfaces, reason = "the trait cannot be named outside")]
impl<F: Fn(&mut Renderer)> sealed::FullKey for Template<F> {
    fn full(
        &self,
        bound: &Bound,
        instance: &'static Instance,
    ) -> Result<(MemoryKey, Option<Name>), Uncached> {
        named(bound, self.render(instance))
    }
}

fn named(bound: &Bound, rendered: Option<Rendered>) -> Result<(MemoryKey, Option<Name>), Uncached> {
    let rendered = rendered.ok_or(Uncached::KeyDisplay)?;
    let name = Name::new(rendered.as_str());
    Ok((bound.core.memory.name_key(name.as_str()), Some(name)))
}
