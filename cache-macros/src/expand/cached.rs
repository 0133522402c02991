//! `#[cached]`.

use std::slice;

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned as _;

use super::site::site;
use super::{body, here, kind, placed, private, probe, render, roots, task};
use crate::item::{Argument, Item};
use crate::spec::{Cached, Key, Template};

// Input:
//
//     #[cached(ttl = "5m", tags = ["user:{user.id}"])]
//     async fn get_video(id: u64, user: &User) -> Result<Video, DbError> { ... }
//
// Output (P is the runtime's private module):
//
//     async fn get_video(id: u64, user: &User) -> Result<Video, DbError> {
//         let own = P::Own {
//             site: { static SITE: P::Site = ...; P::inventory::submit! { ... } &SITE },
//             type_name: P::instance_of(&|| {}),
//             boxed: P::NOT_BOXED,
//             bypass: false,
//         };
//         let kind = ...;
//         let call = match P::begin(
//             own, kind,
//             P::Args::<_, { ::core::cfg!(debug_assertions) }>((&id, (&user, ())), |list| {
//                 use P::{ProbeDebug as _, ProbeHash as _, ProbeNeither as _};
//                 let mut fingerprint = P::Fingerprint::new();
//                 let (argument, list) = list;
//                 P::Fingerprint::add(&mut fingerprint, (&&&P::Argument(argument)).__cache_fingerprint());
//                 let (argument, list) = list;
//                 P::Fingerprint::add(&mut fingerprint, (&&&P::Argument(argument)).__cache_fingerprint());
//                 P::Fingerprint::finish(fingerprint)
//             }),
//             |tags: &mut P::Tags| { tags.add(|w: &mut P::Renderer| { ... }); },
//             |kind| P::Hooks::new(kind),
//         ) {
//             P::Begin::Hit(value) => return P::output(kind, value),
//             P::Begin::Call(call) => call,
//         };
//         let share = ...;
//         let body = async move { ... };
//         let body = ::core::pin::pin!(body);
//         P::Call::run(call, kind, share, body).await
//     }
//
// The locals are spelled `__own`, `__kind` and so on: no item of the user's is, which a pattern would
// find. A function that returns a box gives it a number when it makes it: `let boxed = P::boxed_call();`.
pub(crate) fn cached(spec: &Cached, item: &Item) -> TokenStream {
    let p = &private(&spec.runtime);
    let site = site(p, spec, item);
    let kind = kind(p, &spec.output);
    let share = share(p, spec);
    let bypass = spec.bypass_if.as_ref().map_or_else(|| quote!(false), Expr::to_token_stream);
    let (made, boxed) = number(p, item);
    // What the compiler says of the value's type, it says there, and only once.
    let there = |tokens| placed(tokens, spec.output.value);
    let kind_there = there(quote_spanned!(Span::mixed_site()=> __kind));
    let key = key(p, &spec.key, item);
    let tags = tags(p, &spec.tags);
    let hooks = hooks(spec);
    let early = Literal::f64_suffixed(spec.early_refresh.unwrap_or_default());
    let rest = match &spec.task {
        Some(task) => task::run(p, task, item, &spec.output, &named(spec)),
        None => {
            let body = body(item, &spec.output, &named(spec));
            let run = there(
                quote_spanned!(Span::mixed_site()=> #p::Call::run(__call, __kind, __share, __body).await),
            );
            quote_spanned! {Span::mixed_site()=>
                let __body = #body;
                let __body = ::core::pin::pin!(__body);
                #run
            }
        }
    };
    let with_body = if spec.task.is_some() { Item::with_closure } else { Item::with_body };
    with_body(
        item,
        &made,
        quote_spanned! {Span::mixed_site()=>
            #[allow(clippy::used_underscore_binding)]
            let __own = #p::Own {
                site: #site,
                type_name: #p::instance_of(&|| {}),
                boxed: #boxed,
                bypass: #bypass,
                early_refresh: #early,
            };
            let __kind = #kind;
            #[allow(clippy::used_underscore_binding)]
            let __begin = #p::begin(__own, #kind_there, #key, #tags, |__kind| {
                #p::Hooks::new(__kind)#hooks
            });
            let __call = match __begin {
                #p::Begin::Hit(__value) => return #p::output(__kind, __value),
                #p::Begin::Call(__call) => __call,
            };
            let __share = #share;
            #rest
        },
    )
}

/// Where the number of a call that returns a box is made, and where it is found.
fn number(p: &TokenStream, item: &Item) -> (TokenStream, TokenStream) {
    if item.is_boxed() {
        let made = quote_spanned!(Span::mixed_site()=> let __boxed = #p::boxed_call(););
        (made, quote_spanned!(Span::mixed_site()=> __boxed))
    } else {
        (TokenStream::new(), quote_spanned!(Span::mixed_site()=> #p::NOT_BOXED))
    }
}

/// All that the attribute names.
fn named(spec: &Cached) -> TokenStream {
    let key = match &spec.key {
        Key::Arguments(arguments) => {
            arguments.iter().map(|argument| argument.name.to_token_stream()).collect()
        }
        Key::Template(template) => roots([template]),
        Key::Value(value) => value.to_token_stream(),
    };
    let (tags, bypass) = (roots(&spec.tags), &spec.bypass_if);
    quote!(#key #tags #bypass)
}

/// Who answers how errors reach those who waited.
const SHARED: [&str; 2] = ["ProbeCloneError", "ProbeNoCloneError"];
const WRAPPED: [&str; 2] = ["ProbeCloneError", "ProbeWrapError"];

/// How an error reaches those who waited; one that borrows cannot.
fn share(p: &TokenStream, spec: &Cached) -> TokenStream {
    if spec.output.borrows || spec.share_errors == Some(false) {
        return quote_spanned!(Span::mixed_site()=> #p::no_shared_errors(__kind));
    }
    if spec.share_errors == Some(true) {
        return probe(p, &spec.output.ty, "__cache_share_errors", &WRAPPED);
    }
    probe(p, &spec.output.ty, "__cache_share_errors", &SHARED)
}

fn key(p: &TokenStream, key: &Key, item: &Item) -> TokenStream {
    let (list, fingerprint) = match key {
        Key::Arguments(arguments) => {
            (arguments_list(arguments, item.sig.paren_token.span.join()), fingerprint(p, arguments))
        }
        Key::Value(value) => (
            references(slice::from_ref(value), value.span()),
            quote_spanned!(Span::mixed_site()=> #p::no_fingerprint),
        ),
        Key::Template(template) => {
            let render = render(p, template);
            return quote_spanned!(Span::mixed_site()=> #p::Template(#render));
        }
    };
    quote_spanned! {Span::mixed_site()=>
        #p::Args::<_, { ::core::cfg!(debug_assertions) }>(#list, #fingerprint)
    }
}

/// A closure that makes the fingerprint of a list of these arguments, by what their types have.
fn fingerprint(p: &TokenStream, arguments: &[Argument]) -> TokenStream {
    if arguments.is_empty() {
        return quote_spanned!(Span::mixed_site()=> #p::no_fingerprint);
    }
    let parts = arguments.iter().map(|Argument { cfg, .. }| {
        quote_spanned! {Span::mixed_site()=>
            #(#cfg)*
            let (__argument, __list) = __list;
            #(#cfg)*
            #p::Fingerprint::add(
                &mut __fingerprint,
                (&&&#p::Argument(__argument)).__cache_fingerprint(),
            );
        }
    });
    quote_spanned! {Span::mixed_site()=> |__list| {
        use #p::{ProbeDebug as _, ProbeHash as _, ProbeNeither as _};
        let mut __fingerprint = #p::Fingerprint::new();
        #(#parts)*
        _ = __list;
        #p::Fingerprint::finish(__fingerprint)
    }}
}

/// The list of the arguments that are there: whether one under `#[cfg]` is, only the compiler knows.
fn arguments_list(arguments: &[Argument], place: Span) -> TokenStream {
    if arguments.iter().all(|argument| argument.cfg.is_empty()) {
        let names: Vec<_> = arguments.iter().map(|argument| &argument.name).collect();
        return references(&names, place);
    }
    let steps = arguments.iter().rev().map(|Argument { name, cfg }| {
        let name = reference(name);
        quote_spanned!(here(place)=> #(#cfg)* let __list = (#name, __list);)
    });
    quote_spanned!(here(place)=> { let __list = (); #(#steps)* __list })
}

/// `(&a, (&b, ()))`, placed where they were written.
///
/// The compiler says of a place in our own code, rather than of the attribute, that a type cannot
/// be part of a key; the reborrow gives it one for each item.
fn references(items: &[impl ToTokens], place: Span) -> TokenStream {
    let end = quote_spanned!(here(place)=> ());
    items.iter().rev().fold(end, |rest, item| {
        let item = reference(item);
        quote_spanned!(here(place)=> (#item, #rest))
    })
}

fn reference(item: &impl ToTokens) -> TokenStream {
    quote_spanned!(here(item.span())=> &*(&(#item)))
}

fn tags(p: &TokenStream, tags: &[Template]) -> TokenStream {
    if tags.is_empty() {
        return quote_spanned!(Span::mixed_site()=> |_: &mut #p::Tags| {});
    }
    let tags = tags.iter().map(|tag| render(p, tag));
    quote_spanned! {Span::mixed_site()=>
        |__tags: &mut #p::Tags| { #(__tags.add(#tags);)* }
    }
}

fn hooks(spec: &Cached) -> TokenStream {
    let cache_if = spec.cache_if.iter();
    let codec = spec.codec.iter();
    // Both options speak of `None`: the value must be an `Option`.
    let speaks_of_none = spec.negative_ttl.is_some() || spec.cache_none.is_some();
    let optional = speaks_of_none.then(|| quote_spanned!(here(spec.output.value)=> .optional()));
    // A load can fail only if it returns a `Result`.
    let fallible = spec.stale_if_error.is_some();
    let fallible = fallible.then(|| quote_spanned!(here(spec.output.value)=> .fallible()));
    quote_spanned! {Span::mixed_site()=>
        #(.cache_if(#cache_if))* #optional #fallible #(.codec::<#codec>())*
    }
}
