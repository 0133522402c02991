//! What the program is known to cache and to invalidate, without a call having been made.
//!
//! Each attribute leaves a `static` in the program, and the linker gathers them.

mod cached;
mod invalidating;

use serde::Serialize;

pub use cached::{CachedSite, SiteTtl};
pub use invalidating::{Invalidating, InvalidatingSite, InvalidatingSpec, SiteEntry};

use crate::site::SiteSpec;

/// What an attribute leaves in the program.
#[derive(Clone, Copy, Debug)]
pub enum CallSite {
    /// `#[cached]`.
    Cached(&'static SiteSpec),
    /// `#[cache_invalidate]` or `#[cache_put]`.
    Invalidating(&'static InvalidatingSpec),
}

inventory::collect!(CallSite);

/// All call sites of the program: see [`registry`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Registry {
    /// The functions under [`#[cached]`](macro@crate::cached), by module and name.
    pub cached: Vec<CachedSite>,
    /// The functions under [`#[cache_invalidate]`](macro@crate::cache_invalidate) and
    /// [`#[cache_put]`](macro@crate::cache_put), by module and name.
    pub invalidating: Vec<InvalidatingSite>,
}

/// Returns all annotated functions of the program and of its libraries with their options, even if they were never
/// called.
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
/// assert_eq!(registry.cached[0].place.function, "price");
/// assert_eq!(registry.cached[0].tags, ["shop:{shop}"]);
/// assert_eq!(registry.invalidating[0].prefix, Some("price:{article}"));
/// ```
pub fn registry() -> Registry {
    let mut registry = Registry { cached: Vec::new(), invalidating: Vec::new() };
    for site in inventory::iter::<CallSite> {
        match site {
            CallSite::Cached(site) => registry.cached.push(CachedSite::of(site)),
            CallSite::Invalidating(spec) => registry.invalidating.push(InvalidatingSite::of(spec)),
        }
    }
    registry.cached.sort_by(|a, b| a.place.cmp(&b.place));
    registry.invalidating.sort_by(|a, b| a.place.cmp(&b.place));
    registry
}
