//! `#[cache_invalidate]`.

use std::slice;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};

use super::batch::reference;
use super::owned_id::owned_id;
use super::site::invalidator;
use super::within::within;
use super::{
    body, condition, entries, finished, here, kind, manager, private, render, roots, step,
    tag_text, unless_absent, used_by, when,
};
use crate::item::Item;
use crate::mention::mentions;
use crate::spec::{Entry, Invalidate, Piece, Tag, Template, Ttl};

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
//         let late = P::not_late(kind);
//         let body = async move { ... };
//         let body = ::core::pin::pin!(body);
//         (&&P::probe_output(&body))
//             .__cache_invalidate(plan, P::When::Success, kind, condition, late, body)
//             .await
//     }
//
// With `each(id in ids)`, the targets that use `id` are added in `for one in P::each(&ids) { ... }`.
//
// With `prefix = "list:{result.shelf}"`, the plan has `plan.unknown_prefix(|w: &mut P::Renderer| { w.text("list:"); });`,
// and the closure after it is
//
//     let late = P::late(kind, |result, plan| {
//         plan.prefix(|w: &mut P::Renderer| { w.text("list:"); w.value(&result.shelf, ""); });
//     });
//
// in the place of `P::not_late(kind)`.
//
// With `soft = "30s"`, the first statement of the plan is `plan.soft(|| Duration::from_millis(30_000));`.
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
    let (prefix, tags) = (roots(&spec.prefix), used_by(&spec.tags));
    let calls = spec.entries.iter().map(|entry| &entry.call);
    let (named_manager, named_within) = (&spec.manager, &spec.within);
    let late = late(p, spec);
    let body =
        body(p, item, &spec.output, &quote!(#prefix #tags #(#calls)* #named_manager #named_within));
    let (given_manager, in_manager) = manager(p, spec.manager.as_ref());
    let new = Ident::new(if spec.manager.is_some() { "of" } else { "new" }, Span::mixed_site());
    let listed = invalidator(p, spec, item);
    let run = if item.is_blocking() {
        let finished = finished(p, &spec.output);
        quote_spanned! {Span::mixed_site()=>
            #finished
            #p::invalidate_blocking(__plan, #when, __kind, __condition, __late, __body)
        }
    } else {
        quote_spanned! {Span::mixed_site()=> {
            use #p::{ProbeAnyOutput as _, ProbeSendOutput as _};
            let __body = ::core::pin::pin!(__body);
            (&&#p::probe_output(&__body))
                .__cache_invalidate(__plan, #when, __kind, __condition, __late, __body)
                .await
        }}
    };
    let flow = quote_spanned! {Span::mixed_site()=>
        #given_manager
        let __site = #listed;
        // The body takes the arguments, so the targets are rendered before it.
        #[allow(clippy::used_underscore_binding)]
        let __plan = #p::Plan::#new(#in_manager __site, |__plan: &mut #p::Plan| {
            #targets
        });
        let __kind = #kind;
        let __condition = #condition;
        #late
        let __body = #body;
        #run
    };
    let flow = within(p, spec.within.as_ref(), !item.is_blocking(), flow);
    item.with_body(&TokenStream::new(), flow)
}

/// Returns the statements that add the targets to the plan: those that use an id for each of them, the others once.
fn targets(p: &TokenStream, spec: &Invalidate) -> TokenStream {
    let is_of_each =
        |target: &TokenStream| spec.each.as_ref().is_some_and(|each| mentions(target, &each.id));
    let (mut once, mut repeated) = (soft(spec.soft.as_ref(), p), TokenStream::new());
    let mut add = |used: &TokenStream, statement: TokenStream| {
        if is_of_each(used) { &mut repeated } else { &mut once }.extend(statement);
    };
    if let Some(prefix) = &spec.prefix {
        let statement = match prefix.before_result() {
            None => {
                let render = render(p, prefix);
                let statement = quote_spanned!(Span::mixed_site()=> __plan.prefix(#render););
                unless_absent(p, prefix, statement)
            }
            Some(before) => {
                let render = render(p, &Template { pieces: before.to_vec(), span: prefix.span });
                quote_spanned!(Span::mixed_site()=> __plan.unknown_prefix(#render);)
            }
        };
        add(&roots([prefix]), statement);
    }
    for tag in &spec.tags {
        let statement = match tag {
            Tag::Template(template) => {
                let render = render(p, template);
                let statement = quote_spanned!(Span::mixed_site()=> __plan.tag(#render););
                unless_absent(p, template, statement)
            }
            Tag::Value(value) => {
                let owned = spec.each.as_ref().map(|each| owned_id(p, value, each));
                let text = tag_text(p, value);
                quote_spanned!(Span::mixed_site()=> { #owned __plan.tag_text(#text); })
            }
        };
        add(&used_by(slice::from_ref(tag)), statement);
    }
    for Entry { call, function, result } in &spec.entries {
        if result.is_some() {
            let unknown = quote_spanned!(Span::mixed_site()=> __plan.unknown_entry(#function););
            add(&TokenStream::new(), unknown);
            continue;
        }
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

/// Returns the statement that makes the invalidation soft.
fn soft(window: Option<&Ttl>, p: &TokenStream) -> TokenStream {
    let window = match window {
        None | Some(Ttl::Forever) => return TokenStream::new(),
        Some(Ttl::Millis(millis)) => {
            quote_spanned!(Span::mixed_site()=> ::core::time::Duration::from_millis(#millis))
        }
        Some(Ttl::Dynamic(window)) => quote!(#window),
    };
    quote_spanned!(Span::mixed_site()=> #p::Plan::soft(__plan, || #window);)
}

/// Returns the statement that makes the closure which adds the targets that need the result of the function.
///
/// The body takes the arguments, so their values in the prefix are rendered before it.
fn late(p: &TokenStream, spec: &Invalidate) -> TokenStream {
    let prefix = spec.prefix.as_ref().filter(|prefix| prefix.before_result().is_some());
    let entries: Vec<_> = spec.entries.iter().filter_map(|entry| late_entry(p, entry)).collect();
    if prefix.is_none() && entries.is_empty() {
        return quote_spanned!(Span::mixed_site()=> let __late = #p::not_late(__kind););
    }
    let (known, prefix) = prefix.map(|prefix| late_prefix(p, prefix)).unwrap_or_default();
    quote_spanned! {Span::mixed_site()=>
        #known
        #[allow(clippy::used_underscore_binding)]
        let __late = #p::late(__kind, |__result, __plan| { #prefix #(#entries)* });
    }
}

fn late_entry(p: &TokenStream, entry: &Entry) -> Option<TokenStream> {
    let result = entry.result.as_ref()?;
    let add = entries(p, slice::from_ref(&entry.call), false);
    Some(quote_spanned!(Span::mixed_site()=> { let #result = __result; #add }))
}

/// Returns the statements that render the parts of the prefix that are known before the body, and the one that adds the
/// prefix.
fn late_prefix(p: &TokenStream, prefix: &Template) -> (TokenStream, TokenStream) {
    let (mut known, mut steps) = (TokenStream::new(), TokenStream::new());
    let following = prefix.pieces.iter().skip(1).map(Some).chain([None]);
    for (number, (piece, next)) in prefix.pieces.iter().zip(following).enumerate() {
        let place = here(prefix.span);
        steps.extend(match piece {
            Piece::Text(text) => quote_spanned!(place=> __w.text(#text);),
            Piece::Place { .. } if piece.is_of_result() => step(prefix, number, next),
            Piece::Place { .. } => {
                let name = format_ident!("__known_{number}", span = place);
                let step = step(prefix, number, next);
                known.extend(quote_spanned! {place=>
                    let #name = #p::rendered(|__w: &mut #p::Renderer| { #step });
                });
                quote_spanned!(place=> __w.rendered(#name.as_deref());)
            }
        });
    }
    let add = quote_spanned! {Span::mixed_site()=>
        __plan.prefix(|__w: &mut #p::Renderer| { #steps });
    };
    (known, unless_absent(p, prefix, add))
}
