//! `#[cache_invalidate]`.

use std::slice;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};

use super::batch::{owned_id, reference};
use super::site::invalidator;
use super::{body, condition, entries, finished, kind, manager, private, render, roots, when};
use crate::item::Item;
use crate::mention::mentions;
use crate::spec::Invalidate;

// Input:
//
//     #[cache_invalidate(prefix = "video:{id}", tags = ["home"], entry = get_video(id))]
//     async fn rename(id: u64, title: &str) -> Result<(), DbError> { ... }
//
// Output (P is the runtime's private module):
//
//     async fn rename(id: u64, title: &str) -> Result<(), DbError> {
//         let site = { static SITE: P::MutationSpec = ...; ...; &SITE };
//         let plan = P::Plan::new(site, |plan: &mut P::Plan| {
//             plan.prefix(|w: &mut P::Renderer| { w.text("video:"); w.value(&id, ""); });
//             plan.tag(|w: &mut P::Renderer| { w.text("home"); });
//             plan.entry(get_video(id));
//         });
//         let kind = ...;
//         let condition = P::no_condition(kind);
//         let body = async move { ... };
//         let body = ::core::pin::pin!(body);
//         (&&P::probe_output(&body))
//             .__cache_invalidate(plan, P::When::Success, kind, condition, body)
//             .await
//     }
//
// With `each(id in ids)`, the targets that use `id` are added in `for one in P::each(&ids) { ... }`.
//
// A function that is not async ends with `P::invalidate_blocking(plan, .., move || { ... })`.
//
// With `manager = &self.cache`, the plan is `P::Plan::of(&manager, site, ..)`, where `let manager = ..;` is the first
// statement.
pub(crate) fn invalidate(spec: &Invalidate, item: &Item) -> TokenStream {
    let p = &private(&spec.runtime);
    let targets = targets(p, spec);
    let kind = kind(p, &spec.output);
    let when = when(p, spec.when);
    let condition = condition(p, spec.condition.as_ref());
    let named = roots(spec.prefix.iter().chain(&spec.tags));
    let (calls, named_manager) = (&spec.entries, &spec.manager);
    let body = body(p, item, &spec.output, &quote!(#named #(#calls)* #named_manager));
    let (given_manager, in_manager) = manager(p, spec.manager.as_ref());
    let new = Ident::new(if spec.manager.is_some() { "of" } else { "new" }, Span::mixed_site());
    let listed = invalidator(p, spec, item);
    let run = if item.is_blocking() {
        let finished = finished(p, &spec.output);
        quote_spanned! {Span::mixed_site()=>
            #finished
            #p::invalidate_blocking(__plan, #when, __kind, __condition, __body)
        }
    } else {
        quote_spanned! {Span::mixed_site()=> {
            use #p::{ProbeAnyOutput as _, ProbeSendOutput as _};
            let __body = ::core::pin::pin!(__body);
            (&&#p::probe_output(&__body))
                .__cache_invalidate(__plan, #when, __kind, __condition, __body)
                .await
        }}
    };
    let nothing = TokenStream::new();
    item.with_body(
        &nothing,
        quote_spanned! {Span::mixed_site()=>
            #given_manager
            let __site = #listed;
            // The body takes the arguments, so the targets are rendered before it.
            #[allow(clippy::used_underscore_binding)]
            let __plan = #p::Plan::#new(#in_manager __site, |__plan: &mut #p::Plan| {
                #targets
            });
            let __kind = #kind;
            let __condition = #condition;
            let __body = #body;
            #run
        },
    )
}

/// Returns the statements that add the targets to the plan: those that use an id for each of them, the others once.
fn targets(p: &TokenStream, spec: &Invalidate) -> TokenStream {
    let is_of_each =
        |target: &TokenStream| spec.each.as_ref().is_some_and(|each| mentions(target, &each.id));
    let (mut once, mut repeated) = (TokenStream::new(), TokenStream::new());
    let mut add = |used: &TokenStream, statement: TokenStream| {
        if is_of_each(used) { &mut repeated } else { &mut once }.extend(statement);
    };
    if let Some(prefix) = &spec.prefix {
        let render = render(p, prefix);
        add(&roots([prefix]), quote_spanned!(Span::mixed_site()=> __plan.prefix(#render);));
    }
    for tag in &spec.tags {
        let render = render(p, tag);
        add(&roots([tag]), quote_spanned!(Span::mixed_site()=> __plan.tag(#render);));
    }
    for call in &spec.entries {
        let entry = entries(p, slice::from_ref(call), false);
        let entry = match &spec.each {
            Some(each) => {
                let owned = owned_id(p, call, each);
                quote_spanned!(Span::mixed_site()=> { #owned #entry })
            }
            None => entry,
        };
        add(&call.to_token_stream(), entry);
    }
    let Some(each) = &spec.each else { return once };
    let (id, ids) = (&each.id, reference(each));
    quote_spanned! {Span::mixed_site()=>
        #once
        for __one in #p::each(#ids) {
            #[allow(unused_variables)]
            let #id = __one;
            #repeated
        }
    }
}
