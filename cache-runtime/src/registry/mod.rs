//! All annotated functions of the program, even if they were never called.
//!
//! Each attribute leaves a `static` in the program, and the linker gathers them.

pub(crate) mod audit;
mod cached;
mod calls;
pub(crate) mod graph;
mod mutation;
mod names;
mod pattern;
mod reach;
mod suspects;

use serde::Serialize;

pub use cached::{CachedSite, SiteTtl};
pub use calls::SeenCalls;
pub use mutation::{Mutation, MutationSite, MutationSpec, SiteEntry};
pub use reach::Reach;
pub(crate) use suspects::hint;

use crate::site::SiteSpec;

/// The `static` that an attribute emits.
#[derive(Clone, Copy, Debug)]
pub enum CallSite {
    /// `#[cached]`.
    Cached(&'static SiteSpec),
    /// `#[cache_invalidate]` or `#[cache_put]`.
    Mutation(&'static MutationSpec),
}

inventory::collect!(CallSite);

/// All call sites of the program: see [`registry`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Registry {
    /// The functions with [`#[cached]`](macro@crate::cached), by module and name.
    pub cached: Vec<CachedSite>,
    /// The functions with [`#[cache_invalidate]`](macro@crate::cache_invalidate) and
    /// [`#[cache_put]`](macro@crate::cache_put), by module and name.
    pub mutations: Vec<MutationSite>,
    /// The calls of cached functions by the bodies of others that were seen in this process so far.
    pub calls: Vec<SeenCalls>,
}

/// Returns the prefixes of the cached functions of this name, or whose entries a function of this name returns.
pub(crate) fn prefixes_of(function: &str) -> Vec<&'static str> {
    let prefix = |site: &CallSite| match site {
        CallSite::Cached(spec) if spec.is_called(function) => Some(spec.prefix()),
        CallSite::Cached(_) | CallSite::Mutation(_) => None,
    };
    inventory::iter::<CallSite>.into_iter().filter_map(prefix).collect()
}

/// Returns all annotated functions of the program and of its libraries with their options, even if they
/// were never called.
///
/// A generic function is listed once. A library is part of the program if any part of it is used.
///
/// ```
/// use cache_runtime::{cache_invalidate, cached};
///
/// #[cached(ttl = "5m", key_prefix = "price", key = "{article}", tags = ["shop:{shop}"])]
/// async fn price(shop: u32, article: u32) -> u32 {
///     shop + article
/// }
///
/// #[cache_invalidate(prefix = "price:{article}")]
/// async fn change_price(article: u32) {
///     # let _ = article;
///     // ... writes to the database ...
/// }
///
/// let registry = cache_runtime::registry();
/// assert_eq!(registry.cached[0].location.function, "price");
/// assert_eq!(registry.cached[0].tags, ["shop:{shop}"]);
/// assert_eq!(registry.mutations[0].prefix, Some("price:{article}"));
/// ```
pub fn registry() -> Registry {
    let mut registry =
        Registry { cached: Vec::new(), mutations: Vec::new(), calls: calls::calls() };
    for site in inventory::iter::<CallSite> {
        match site {
            CallSite::Cached(site) => registry.cached.push(CachedSite::of(site)),
            CallSite::Mutation(spec) => registry.mutations.push(MutationSite::of(spec)),
        }
    }
    registry.cached.sort_by(|a, b| a.location.cmp(&b.location));
    registry.mutations.sort_by(|a, b| a.location.cmp(&b.location));
    registry
}
