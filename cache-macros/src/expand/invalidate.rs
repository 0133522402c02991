//! `#[cache_invalidate]`.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use super::{body, kind, private, render};
use crate::item::Item;
use crate::spec::{Invalidate, When};

// Input:
//
//     #[cache_invalidate(prefix = "video:{id}", tags = ["home"])]
//     async fn rename(id: u64, title: &str) -> Result<(), DbError> { ... }
//
// Output (P is the runtime's private module):
//
//     async fn rename(id: u64, title: &str) -> Result<(), DbError> {
//         let plan = P::Plan::new(|plan: &mut P::Plan| {
//             plan.prefix(|w: &mut P::Renderer| { w.text("video:"); w.value(&id, ""); });
//             plan.tag(|w: &mut P::Renderer| { w.text("home"); });
//         });
//         let kind = ...;
//         let condition = P::no_condition(kind);
//         let body = async move { ... };
//         let body = ::core::pin::pin!(body);
//         P::invalidate(plan, P::When::Success, kind, condition, body).await
//     }
pub(crate) fn invalidate(spec: &Invalidate, item: &Item) -> TokenStream {
    let p = &private(&spec.runtime);
    let prefix = spec.prefix.iter().map(|prefix| render(p, prefix));
    let tags = spec.tags.iter().map(|tag| render(p, tag));
    let kind = kind(p, &spec.output);
    let when = when(p, spec.when);
    let condition = condition(p, spec);
    let body = body(item, &spec.output);
    item.with_body(quote_spanned! {Span::mixed_site()=>
        // The body takes the arguments: what they name is written down before.
        #[allow(clippy::used_underscore_binding)]
        let plan = #p::Plan::new(|plan: &mut #p::Plan| {
            #(plan.prefix(#prefix);)*
            #(plan.tag(#tags);)*
        });
        let kind = #kind;
        let condition = #condition;
        let body = #body;
        let body = ::core::pin::pin!(body);
        #p::invalidate(plan, #when, kind, condition, body).await
    })
}

fn when(p: &TokenStream, when: When) -> TokenStream {
    match when {
        When::Before => quote_spanned!(Span::mixed_site()=> #p::When::Before),
        When::Success => quote_spanned!(Span::mixed_site()=> #p::When::Success),
        When::Always => quote_spanned!(Span::mixed_site()=> #p::When::Always),
    }
}

fn condition(p: &TokenStream, spec: &Invalidate) -> TokenStream {
    match &spec.condition {
        Some(condition) => quote_spanned!(Span::mixed_site()=> #p::condition(kind, #condition)),
        None => quote_spanned!(Span::mixed_site()=> #p::no_condition(kind)),
    }
}
