//! The `static` of a call site: what the program knows of it without calling it.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use crate::spec::{Cached, Prefix, Tier, Ttl};

pub(super) fn site(p: &TokenStream, spec: &Cached) -> TokenStream {
    let function = &spec.function;
    let options = options(p, spec);
    quote_spanned! {Span::mixed_site()=> {
        static __CACHE_RUNTIME_SITE: #p::Site = #p::Site::new(#p::SiteSpec {
            #(#options,)*
            ..#p::SiteSpec::new(
                ::core::module_path!(),
                #function,
                ::core::file!(),
                ::core::line!(),
            )
        });
        &__CACHE_RUNTIME_SITE
    }}
}

/// The fields of the site that the attribute sets.
fn options(p: &TokenStream, spec: &Cached) -> Vec<TokenStream> {
    let some = |value: TokenStream| quote!(::core::option::Option::Some(#value));
    let float = |value: f64| Literal::f64_suffixed(value).into_token_stream();
    let fields = [
        ("ttl", spec.ttl.as_ref().map(|ttl| duration(p, ttl))),
        ("prefix", spec.prefix.as_ref().map(prefix).map(some)),
        ("version", spec.version.map(|version| quote!(#version))),
        ("negative_ttl", spec.negative_ttl.as_ref().map(|ttl| duration(p, ttl))),
        ("cache_none", spec.cache_none.map(|cache| quote!(#cache))),
        ("jitter", spec.jitter.map(float).map(some)),
        ("tier", spec.tier.map(|chosen| tier(p, chosen)).map(some)),
        ("cost", spec.cost.map(float)),
    ];
    let given = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given
        .map(|(name, value)| {
            let name = Ident::new(name, Span::mixed_site());
            quote!(#name: #value)
        })
        .collect()
}

fn duration(p: &TokenStream, ttl: &Ttl) -> TokenStream {
    match ttl {
        Ttl::Millis(millis) => quote!(#p::TtlSpec::Millis(#millis)),
        Ttl::Forever => quote!(#p::TtlSpec::Forever),
        Ttl::Dynamic(expr) => quote!(#p::TtlSpec::Dynamic(|| #expr)),
    }
}

fn prefix(prefix: &Prefix) -> TokenStream {
    match prefix {
        Prefix::Literal(text) => text.to_token_stream(),
        Prefix::Constant(path) => path.to_token_stream(),
    }
}

fn tier(p: &TokenStream, tier: Tier) -> TokenStream {
    match tier {
        Tier::Memory => quote!(#p::Tier::Memory),
        Tier::Redis => quote!(#p::Tier::Redis),
    }
}
