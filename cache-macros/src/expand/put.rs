//! `#[cache_put]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::site::putter;
use super::{body, condition, entries, kind, manager, placed, private, storable, when};
use crate::item::Item;
use crate::spec::Put;

// Input:
//
//     #[cache_put(entry = get_video(id))]
//     async fn rename(id: u64, title: &str) -> Result<Video, DbError> { ... }
//
// Output (P is the runtime's private module):
//
//     async fn rename(id: u64, title: &str) -> Result<Video, DbError> {
//         let site = { static SITE: P::MutationSpec = ...; ...; &SITE };
//         let kind = ...;
//         let plan = P::put_plan(site, kind, |plan| {
//             let call = get_video(id);
//             let kind = ...;
//             plan.entry(call, kind);
//         });
//         let condition = P::no_condition(kind);
//         let body = async move { ... };
//         let body = ::core::pin::pin!(body);
//         P::put(plan, P::When::Success, kind, condition, body).await
//     }
//
// With `manager = &self.cache`, the plan is `P::put_plan_in(&manager, site, kind, ..)`, where `let manager = ..;` is
// the first statement.
pub(crate) fn put(spec: &Put, item: &Item) -> TokenStream {
    let p = &private(&spec.runtime);
    let kind = kind(p, &spec.output);
    let kind_there = placed(quote_spanned!(Span::mixed_site()=> __kind), spec.output.value);
    let storable = storable(p, &spec.output);
    let entries = entries(p, &spec.entries, true);
    let when = when(p, spec.when);
    let condition = condition(p, spec.condition.as_ref());
    let (calls, named_manager) = (&spec.entries, &spec.manager);
    let body = body(p, item, &spec.output, &quote!(#(#calls)* #named_manager));
    let (given_manager, in_manager) = manager(p, spec.manager.as_ref());
    let plan = Ident::new(
        if spec.manager.is_some() { "put_plan_in" } else { "put_plan" },
        Span::mixed_site(),
    );
    let listed = putter(p, spec, item);
    let nothing = TokenStream::new();
    item.with_body(
        &nothing,
        quote_spanned! {Span::mixed_site()=>
            #given_manager
            let __site = #listed;
            let __kind = #kind;
            let __kind = #storable;
            // The body takes the arguments, so the entries are determined before it.
            #[allow(clippy::used_underscore_binding)]
            let __plan = #p::#plan(#in_manager __site, #kind_there, |__plan| { #entries });
            let __condition = #condition;
            let __body = #body;
            let __body = ::core::pin::pin!(__body);
            #p::put(__plan, #when, __kind, __condition, __body).await
        },
    )
}
