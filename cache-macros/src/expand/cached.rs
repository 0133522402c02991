//! `#[cached]`.

use std::slice;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned as _;

use super::site::site;
use super::{body, here, kind, placed, private, probe, render};
use crate::item::Item;
use crate::spec::{Cached, Key, Template};

// Input:
//
//     #[cached(ttl = "5m", tags = ["user:{user.id}"])]
//     async fn get_video(id: u64, user: &User) -> Result<Video, DbError> { ... }
//
// Output (P is the runtime's private module):
//
//     async fn get_video(id: u64, user: &User) -> Result<Video, DbError> {
//         let site: &'static P::Site = { static SITE: P::Site = ...; &SITE };
//         let kind = ...;
//         let share = ...;
//         let bypass: bool = false;
//         let begin = P::begin(
//             site, kind, P::instance_of(&|| {}), bypass,
//             P::Args((&id, (&user, ()))),
//             |tags: &mut P::Tags| { tags.add(|w: &mut P::Renderer| { ... }); },
//         );
//         let call = match begin {
//             P::Begin::Hit(output) => return output,
//             P::Begin::Call(call) => call,
//         };
//         let hooks = P::Hooks::new(kind, share);
//         let body = async move { ... };
//         let body = ::core::pin::pin!(body);
//         P::Call::run(call, body, hooks).await
//     }
pub(crate) fn cached(spec: &Cached, item: &Item) -> TokenStream {
    let p = &private(&spec.runtime);
    let site = site(p, spec);
    let kind = kind(p, &spec.output);
    let share = share(p, spec);
    let bypass = spec.bypass_if.as_ref().map_or_else(|| quote!(false), Expr::to_token_stream);
    // What the compiler says of the value's type, it says there, and only once.
    let there = |tokens| placed(tokens, spec.output.value);
    let kind_there = there(quote_spanned!(Span::mixed_site()=> kind));
    let run = there(quote_spanned!(Span::mixed_site()=> #p::Call::run(call, body, hooks).await));
    let key = key(p, &spec.key, item);
    let tags = tags(p, &spec.tags);
    let hooks = hooks(spec);
    let body = body(item, &spec.output);
    item.with_body(quote_spanned! {Span::mixed_site()=>
        let site: &'static #p::Site = #site;
        let kind = #kind;
        let share = #share;
        let bypass: bool = #bypass;
        #[allow(clippy::used_underscore_binding)]
        let begin = #p::begin(site, #kind_there, #p::instance_of(&|| {}), bypass, #key, #tags);
        let call = match begin {
            #p::Begin::Hit(output) => return output,
            #p::Begin::Call(call) => call,
        };
        let hooks = #p::Hooks::new(#kind_there, share)#hooks;
        let body = #body;
        let body = ::core::pin::pin!(body);
        #run
    })
}

/// How an error reaches those who waited; one that borrows cannot.
fn share(p: &TokenStream, spec: &Cached) -> TokenStream {
    if spec.output.borrows {
        return quote_spanned!(Span::mixed_site()=> #p::no_shared_errors(kind));
    }
    probe(p, &spec.output.ty, "share_errors")
}

fn key(p: &TokenStream, key: &Key, item: &Item) -> TokenStream {
    let list = match key {
        Key::Arguments(arguments) => references(arguments, item.sig.paren_token.span.join()),
        Key::Value(value) => references(slice::from_ref(value), value.span()),
        Key::Template(template) => {
            let render = render(p, template);
            return quote_spanned!(Span::mixed_site()=> #p::Template(#render));
        }
    };
    quote_spanned!(Span::mixed_site()=> #p::Args(#list))
}

/// `(&a, (&b, ()))`, placed where they were written.
///
/// The compiler says of a place in our own code, rather than of the attribute, that a type cannot
/// be part of a key; the reborrow gives it one for each item.
fn references(items: &[impl ToTokens], place: Span) -> TokenStream {
    let end = quote_spanned!(here(place)=> ());
    items.iter().rev().fold(end, |rest, item| {
        let item = quote_spanned!(here(item.span())=> &*(&(#item)));
        quote_spanned!(here(place)=> (#item, #rest))
    })
}

fn tags(p: &TokenStream, tags: &[Template]) -> TokenStream {
    if tags.is_empty() {
        return quote_spanned!(Span::mixed_site()=> |_: &mut #p::Tags| {});
    }
    let tags = tags.iter().map(|tag| render(p, tag));
    quote_spanned! {Span::mixed_site()=>
        |tags: &mut #p::Tags| { #(tags.add(#tags);)* }
    }
}

fn hooks(spec: &Cached) -> TokenStream {
    let cache_if = spec.cache_if.iter();
    let codec = spec.codec.iter();
    // Both options speak of `None`: the value must be an `Option`.
    let speaks_of_none = spec.negative_ttl.is_some() || spec.cache_none.is_some();
    let optional = speaks_of_none.then(|| quote_spanned!(here(spec.output.value)=> .optional()));
    quote_spanned! {Span::mixed_site()=>
        #(.cache_if(#cache_if))* #optional #(.codec::<#codec>())*
    }
}
