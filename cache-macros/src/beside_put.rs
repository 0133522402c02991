//! The options `prefix` and `tags` of `#[cache_put]`: those of a `#[cache_invalidate]` on the same function.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, Path, parse_quote_spanned};

use crate::attr::{Once, PutAttr, Written};

/// Returns the attribute, if one of these options is given.
pub(crate) fn invalidation(attr: &PutAttr) -> Option<Attribute> {
    let targets: TokenStream = [option(&attr.prefix), option(&attr.tags)].into_iter().collect();
    if targets.is_empty() {
        return None;
    }
    let others =
        [option(&attr.when), option(&attr.condition), option(&attr.manager), option(&attr.within)];
    let runtime = option(&attr.runtime);
    let path = attr.runtime.as_ref().map(|given| given.value.clone());
    let path: Path =
        path.unwrap_or_else(|| parse_quote_spanned!(Span::mixed_site()=> ::cache_runtime));
    let each = attr.each.as_ref().map(|Written { name, value }| {
        let tokens = &value.tokens;
        quote!(#name(#tokens),)
    });
    Some(parse_quote_spanned! {Span::mixed_site()=>
        #[#path::cache_invalidate(#targets #(#others)* #each #runtime)]
    })
}

fn option(given: &Once<impl ToTokens>) -> TokenStream {
    given.as_ref().map_or_else(
        TokenStream::new,
        |Written { name, value }| quote_spanned!(name.span()=> #name = #value,),
    )
}
