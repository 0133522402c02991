//! The attribute macros of `cache-runtime`, which re-exports them: depend on that crate.

mod attr;
mod beside_put;
mod called;
mod error;
mod expand;
mod item;
mod mention;
mod naming;
mod spec;
mod template;
#[cfg(test)]
mod tolerance;
mod valid;

use proc_macro2::TokenStream;
use quote::quote;

use crate::attr::{CachedAttr, Options};
use crate::error::Errors;
use crate::item::Item;

#[doc = include_str!("../docs/cached.md")]
#[proc_macro_attribute]
pub fn cached(
    attr: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    attribute(attr.into(), item.into(), "cached", cached_function).into()
}

#[doc = include_str!("../docs/cache_invalidate.md")]
#[proc_macro_attribute]
pub fn cache_invalidate(
    attr: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    attribute(attr.into(), item.into(), "cache_invalidate", |attr, item, errors| {
        let spec = valid::invalidate(attr, item, errors)?;
        Ok(expand::invalidate(&spec, item))
    })
    .into()
}

#[doc = include_str!("../docs/cache_put.md")]
#[proc_macro_attribute]
pub fn cache_put(
    attr: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    attribute(attr.into(), item.into(), "cache_put", |attr, item, errors| {
        let invalidation = beside_put::invalidation(&attr);
        let spec = valid::put(attr, item, errors)?;
        Ok(expand::put(&spec, item, invalidation))
    })
    .into()
}

#[doc = include_str!("../docs/name.md")]
#[proc_macro]
pub fn name(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let expanded = syn::parse(input).and_then(|naming| naming::expand(&naming));
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Returns the expansion of `#[cached]`: with `entry`, that of a function without entries of its own.
fn cached_function(
    attr: CachedAttr,
    item: &mut Item,
    mut errors: Errors,
) -> syn::Result<TokenStream> {
    if attr.entry.is_some() {
        return Ok(expand::gathering(&valid::gathering(attr, item, errors)?, item));
    }
    let previous = valid::previous(&attr, item, &mut errors);
    Ok(expand::cached(&valid::cached(attr, item, previous, errors)?, item))
}

/// Returns the expansion. With mistakes, returns these and the unchanged item, so that no other error
/// follows.
fn attribute<A: Options>(
    attr: TokenStream,
    item: TokenStream,
    name: &str,
    expand: impl FnOnce(A, &mut Item, Errors) -> syn::Result<TokenStream>,
) -> TokenStream {
    let mut errors = Errors::default();
    let attr = A::parse(attr, &mut errors);
    let expanded = match item::parse(item.clone(), name) {
        Ok(mut item) => expand(attr, &mut item, errors),
        Err(error) => {
            errors.push(error);
            errors.finish(TokenStream::new())
        }
    };
    expanded.unwrap_or_else(|errors| {
        let errors = errors.into_compile_error();
        quote!(#item #errors)
    })
}
