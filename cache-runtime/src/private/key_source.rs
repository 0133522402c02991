//! Where the key of a call comes from: its arguments, or a template over them.

use std::fmt;

use crate::core::Bound;
use crate::key::{self, KeyParts};
use crate::memory::{Domain, Hit, MemoryKey, WantedCall, WantedName};
use crate::name::{Name, Rendered, Renderer, shorten};
use crate::output::CacheValue;
use crate::site::Instance;

/// The arguments of a call as its key: a list of references, `(&a, (&b, ()))`.
pub struct Args<P>(pub P);

/// A `key` template: writes the rendered key.
pub struct Template<F>(pub F);

impl<P> fmt::Debug for Args<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Args")
    }
}

impl<F> fmt::Debug for Template<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")
    }
}

/// Where a call's key comes from.
pub trait KeySource: sealed::Source {}

pub(super) use sealed::FullKey;

impl<P: KeyParts> KeySource for Args<P> {}
impl<F: Fn(&mut Renderer)> KeySource for Template<F> {}

mod sealed {
    use super::{Bound, CacheValue, Hit, Instance, MemoryKey, Name};

    pub trait Source: FullKey {
        /// A fresh value in memory. On the hit path: nothing is allocated but by its `Clone`.
        #[allow(private_interfaces, reason = "the trait cannot be named outside")]
        fn look_up<V: CacheValue>(
            &self,
            bound: &Bound,
            instance: &'static Instance,
        ) -> Option<Hit<V>>;
    }

    pub trait FullKey {
        /// The key in full, with its name if that is not made of it; or why there is none.
        #[allow(private_interfaces, reason = "the trait cannot be named outside")]
        fn full(
            &self,
            bound: &Bound,
            instance: &'static Instance,
        ) -> Result<(MemoryKey, Option<Name>), String>;
    }
}

#[allow(private_interfaces, reason = "the trait cannot be named outside")]
impl<P: KeyParts> sealed::Source for Args<P> {
    #[inline]
    fn look_up<V: CacheValue>(&self, bound: &Bound, instance: &'static Instance) -> Option<Hit<V>> {
        let memory = &bound.core.memory;
        // Arguments that cannot be hashed are reported where their key is made in full.
        let hash = key::hash_parts(&self.0, memory.seed() ^ instance.origin).ok()?;
        let wanted = WantedCall { instance, parts: &self.0 };
        memory.get(hash, &wanted, bound.core.terms(Some(instance.origin)))
    }
}

#[allow(private_interfaces, reason = "the trait cannot be named outside")]
impl<P: KeyParts> sealed::FullKey for Args<P> {
    fn full(
        &self,
        bound: &Bound,
        instance: &'static Instance,
    ) -> Result<(MemoryKey, Option<Name>), String> {
        let failed = |error: key::KeyError| error.to_string();
        let bytes = key::encode(&self.0).map_err(failed)?;
        let hash =
            key::hash_parts(&self.0, bound.core.memory.seed() ^ instance.origin).map_err(failed)?;
        Ok((MemoryKey { hash, domain: Domain::Arguments(instance), bytes }, None))
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

#[allow(private_interfaces, reason = "the trait cannot be named outside")]
impl<F: Fn(&mut Renderer)> sealed::Source for Template<F> {
    #[inline]
    fn look_up<V: CacheValue>(&self, bound: &Bound, instance: &'static Instance) -> Option<Hit<V>> {
        let rendered = self.render(instance)?;
        let name = shorten(rendered.as_str());
        let memory = &bound.core.memory;
        let hash = memory.hash_name(name.as_bytes());
        memory.get(hash, &WantedName(name.as_bytes()), bound.core.terms(Some(instance.origin)))
    }
}

#[allow(private_interfaces, reason = "the trait cannot be named outside")]
impl<F: Fn(&mut Renderer)> sealed::FullKey for Template<F> {
    fn full(
        &self,
        bound: &Bound,
        instance: &'static Instance,
    ) -> Result<(MemoryKey, Option<Name>), String> {
        named(bound, self.render(instance))
    }
}

fn named(bound: &Bound, rendered: Option<Rendered>) -> Result<(MemoryKey, Option<Name>), String> {
    let rendered = rendered.ok_or("the `Display` of a value failed")?;
    let name = Name::new(rendered.as_str());
    Ok((bound.core.memory.name_key(name.as_str()), Some(name)))
}
