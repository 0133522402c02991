//! `#[cache_put]`.

use std::slice;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr};

use super::batch::{absent, by_id, id_type, lent};
use super::owned_id::owned_id;
use super::site::putter;
use super::within::within;
use super::{body, condition, entries, here, kind, manager, placed, private, storable, when};
use crate::item::Item;
use crate::spec::{Each, Entry, Put, PutMany};

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
// With `entry = get_video(result.id)`, the plan has `plan.unknown_entry("get_video");` in the place of that call, and the
// end is
//
//     let late = P::late_entries(kind, |result, plan| {
//         let call = get_video(result.id);
//         let kind = ...;
//         plan.entry(call, kind);
//     });
//     P::put_late(plan, P::When::Success, kind, condition, late, body).await
//
// With `each(id in ids)`, the plan is
//
//     let plan = P::put_many_plan(site, item, P::lent(&ids), |plan| {
//         for (place, one) in P::places(P::lent(&ids)) {
//             let id = P::id(one);
//             match get_video(id) {
//                 call => {
//                     let call = P::EntryCall::into_call(call);
//                     let item = ...;
//                     let absent = (&&P::absent_of(item)).__cache_absent();
//                     P::PutManyPlan::entry(plan, place, item, absent, call);
//                 }
//             }
//         }
//     });
//
// where `item` is the kind of a function that would return one item, and `P::put_many` ends the function.
//
// With `manager = &self.cache`, the plan is `P::put_plan_in(&manager, site, kind, ..)` or
// `P::put_many_plan_in(&manager, site, item, ..)`, where `let manager = ..;` is the first statement.
//
// An attribute that invalidates expands after this one, around all of this.
pub(crate) fn put(spec: &Put, item: &Item, invalidation: Option<Attribute>) -> TokenStream {
    let p = &private(&spec.runtime);
    let kind = kind(p, &spec.output);
    let when = when(p, spec.when);
    let condition = condition(p, spec.condition.as_ref());
    let calls = spec.entries.iter().map(|entry| &entry.call);
    let (named_manager, named_within) = (&spec.manager, &spec.within);
    let body = body(p, item, &spec.output, &quote!(#(#calls)* #named_manager #named_within));
    let (given_manager, in_manager) = manager(p, spec.manager.as_ref());
    let late = late(p, spec);
    let late_argument = late.as_ref().map(|_| quote_spanned!(Span::mixed_site()=> __late,));
    let (plan, put) = match &spec.many {
        None => one_plan(p, spec, &in_manager),
        Some(many) => many_plan(p, spec, many, &in_manager),
    };
    let listed = putter(p, spec, item);
    let flow = quote_spanned! {Span::mixed_site()=>
        #given_manager
        let __site = #listed;
        let __kind = #kind;
        #plan
        let __condition = #condition;
        #late
        let __body = #body;
        let __body = ::core::pin::pin!(__body);
        #put(__plan, #when, __kind, __condition, #late_argument __body).await
    };
    let flow = within(p, spec.within.as_ref(), true, flow);
    let function = item.with_body(&TokenStream::new(), flow);
    quote!(#invalidation #function)
}

/// Returns the statements that make the plan of a put to the entries of one value, and the function that runs it.
fn one_plan(p: &TokenStream, spec: &Put, in_manager: &TokenStream) -> (TokenStream, TokenStream) {
    let kind_there = placed(quote_spanned!(Span::mixed_site()=> __kind), spec.output.value);
    let storable = storable(p, spec.output.form, "__kind", spec.output.value);
    let entries: TokenStream = spec.entries.iter().map(|entry| known_entry(p, entry)).collect();
    let plan = name(spec, "put_plan", "put_plan_in");
    let made = quote_spanned! {Span::mixed_site()=>
        let __kind = #storable;
        // The body takes the arguments, so the entries are determined before it.
        #[allow(clippy::used_underscore_binding)]
        let __plan = #p::#plan(#in_manager __site, #kind_there, |__plan| { #entries });
    };
    let is_late = spec.entries.iter().any(|entry| entry.result.is_some());
    let put = Ident::new(if is_late { "put_late" } else { "put" }, Span::mixed_site());
    (made, quote_spanned!(Span::mixed_site()=> #p::#put))
}

/// Returns the statement that adds an entry to the plan, as far as it is known before the body.
fn known_entry(p: &TokenStream, entry: &Entry) -> TokenStream {
    let Entry { call, function, result } = entry;
    match result {
        None => entries(p, slice::from_ref(call), true),
        Some(_) => quote_spanned!(Span::mixed_site()=> __plan.unknown_entry(#function);),
    }
}

/// Returns the statement that makes the closure which adds the entries that the result names; `None` if there are none.
fn late(p: &TokenStream, spec: &Put) -> Option<TokenStream> {
    let added: Vec<_> = spec.entries.iter().filter_map(|entry| late_entry(p, entry)).collect();
    let kind = placed(quote_spanned!(Span::mixed_site()=> __kind), spec.output.value);
    (!added.is_empty()).then(|| {
        quote_spanned! {Span::mixed_site()=>
            #[allow(clippy::used_underscore_binding)]
            let __late = #p::late_entries(#kind, |__result, __plan| { #(#added)* });
        }
    })
}

fn late_entry(p: &TokenStream, entry: &Entry) -> Option<TokenStream> {
    let result = entry.result.as_ref()?;
    let add = entries(p, slice::from_ref(&entry.call), true);
    Some(quote_spanned!(Span::mixed_site()=> { let #result = __result; #add }))
}

/// Does the same for a function of many keys.
fn many_plan(
    p: &TokenStream,
    spec: &Put,
    many: &PutMany,
    in_manager: &TokenStream,
) -> (TokenStream, TokenStream) {
    let PutMany { each, value } = many;
    let (lent, id_type, by_id) = (lent(p, each), id_type(p, each), by_id(p, &spec.output));
    let there = |tokens| placed(tokens, spec.output.value);
    let items = there(quote_spanned!(Span::mixed_site()=> #p::many(__id_type, __kind)));
    let item_there = placed(quote_spanned!(Span::mixed_site()=> __item), *value);
    let storable = storable(p, spec.output.form, "__item", *value);
    let plan = name(spec, "put_many_plan", "put_many_plan_in");
    let calls = spec.entries.iter().map(|entry| &entry.call);
    let entries = calls.map(|call| entry_of_each(p, spec, each, call));
    let made = quote_spanned! {Span::mixed_site()=>
        let __id_type = #id_type;
        let __kind = #by_id;
        let __item = #p::item(#items);
        let __item = #storable;
        // The body takes the arguments, so the entries are determined before it.
        #[allow(clippy::used_underscore_binding)]
        let __plan = #p::#plan(#in_manager __site, #item_there, #lent, |__plan| {
            for (__place, __one) in #p::places(#lent) {
                #(#entries)*
            }
        });
    };
    (made, there(quote_spanned!(Span::mixed_site()=> #p::put_many)))
}

/// Returns the statement that adds the entry of one id to the plan.
fn entry_of_each(p: &TokenStream, spec: &Put, each: &Each, call: &Expr) -> TokenStream {
    let owned = owned_id(p, call, each);
    let absent = absent(p);
    let (place, of_entry) = (here(call.span()), placed(p.clone(), call.span()));
    // An error about the type of the value is shown where those about the type of the output are.
    let added = placed(
        quote_spanned! {Span::mixed_site()=>
            #p::PutManyPlan::entry(__plan, __place, __item, __absent, __call);
        },
        spec.output.value,
    );
    // A `match` keeps the temporaries alive that the expression of the call borrows.
    let add = quote_spanned! {place=> match #call {
        __call => {
            let __call = #of_entry::EntryCall::into_call(__call);
            let __item = {
                use #p::{ProbePlain as _, ProbeResult as _};
                (&&#p::probe_of(&__call)).__cache_kind()
            };
            let __absent = #absent;
            #added
        }
    }};
    quote_spanned!(Span::mixed_site()=> { #owned #add })
}

/// Returns the name of a function of the runtime, which takes the manager if the attribute names one.
fn name(spec: &Put, plain: &str, with_manager: &str) -> Ident {
    Ident::new(if spec.manager.is_some() { with_manager } else { plain }, Span::mixed_site())
}
