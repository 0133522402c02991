//! `#[cached]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::Expr;

use super::parts::{asks, begin_of, early, hooks, judged, key, named, number, share, sheds, tags};
use super::site::site;
use super::within::within;
use super::{
    batch, blocking, body_after, here, kind, manager, placed, private, renewal, storable, task,
};
use crate::item::Item;
use crate::spec::{Cached, Form, Verify};

// Input:
//
//     #[cached(ttl = "5m", tags = ["user:{user.id}"])]
//     async fn get_video(id: u64, user: &User) -> Result<Video, DbError> { ... }
//
// Output (P is the runtime's private module):
//
//     async fn get_video(id: u64, user: &User) -> Result<Video, DbError> {
//         let own = P::CallContext {
//             site: { static SITE: P::Site = ...; P::inventory::submit! { ... } &SITE },
//             type_name: P::instance_of(&|| {}),
//             boxed: P::NOT_BOXED,
//             bypass: false,
//             early_refresh: 0.0,
//             verifies: false,
//         };
//         let kind = ...;
//         let kind = P::storable((&&&&&P::probe_value(kind)).__cache_value());
//         let call = match P::begin(
//             own, kind,
//             // `&id` stands for `P::argument((&&P::probe_part(&id)).__cache_part())`.
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
//             |kind| P::Hooks::new(kind, kind.equality(), kind.printing()),
//         ) {
//             P::Begin::Hit(value) => return P::output(kind, value),
//             P::Begin::Call(call) => call,
//         };
//         let share = ...;
//         let body = async move { ... };
//         let body = ::core::pin::pin!(body);
//         P::MissedCall::run(call, kind, share, body).await
//     }
//
// With `manager = &self.cache`, the first statement is `let manager = P::GivenManager::kept(P::GivenManager {
// manager: &self.cache });`, and `P::begin_in(&manager, own, kind, ..)` takes the place of `P::begin`.
//
// With `within = tx`, all of this is in the scope of the transaction: see `within`.
//
// With `still_current` or `previous`, more statements stand before `P::MissedCall::run` and in the body: see `renewal`.
//
// A function that is not async drives the same body: see `blocking`.
//
// The locals are spelled `__own`, `__kind` and so on, because a pattern would find an item of the user with
// the same name. A function that returns a box gives it a number when it makes it: `let boxed =
// P::boxed_call();`.
pub(crate) fn cached(spec: &Cached, item: &Item) -> TokenStream {
    if let Some(batch) = &spec.batch {
        return batch::cached(spec, batch, item);
    }
    let p = &private(&spec.runtime);
    let site = site(p, spec, item);
    let kind = kind(p, &spec.output);
    let share = share(p, &spec.output, spec.share_errors, spec.error_ttl.is_some());
    let share = sheds(p, spec, judged(p, spec.serve_stale_if.as_ref(), share));
    let share = carried(p, spec, share);
    let bypass = spec.bypass_if.as_ref().map_or_else(|| quote!(false), Expr::to_token_stream);
    let (made, boxed) = number(p, item);
    let (given_manager, in_manager) = manager(p, spec.manager.as_ref());
    let begin = begin_of(spec);
    // With this, the compiler reports an error of the value's type at that type, and only once.
    let there = |tokens| placed(tokens, spec.output.value);
    let kind_there = there(quote_spanned!(Span::mixed_site()=> __kind));
    let storable = storable(p, spec.output.form, "__kind", spec.output.value);
    let verifies = matches!(spec.verify, Some(Verify::Every(_)));
    let comparable = (verifies && spec.form != Form::Serde).then(|| comparable(p, spec));
    let key = key(p, spec, item);
    let asks = asks(p, spec);
    let tags = tags(p, spec);
    let hooks = hooks(p, spec);
    let early = early(spec);
    let offering = renewal::offering(p, spec);
    let before = renewal::before_body(p, spec, item.is_blocking());
    let rest = match &spec.task {
        Some(task) => task::run(p, task, spec, item, &named(spec), &before),
        None => {
            let body = body_after(p, item, &spec.output, &named(spec), &before);
            let run = there(
                quote_spanned!(Span::mixed_site()=> #p::MissedCall::run(__call, __kind, __share, __body).await),
            );
            let polled = if item.is_blocking() {
                quote_spanned!(Span::mixed_site()=> async move { #p::run_body(__body) })
            } else {
                quote_spanned!(Span::mixed_site()=> __body)
            };
            quote_spanned! {Span::mixed_site()=>
                let __body = #body;
                let __body = ::core::pin::pin!(#polled);
                #run
            }
        }
    };
    let begins = quote_spanned! {Span::mixed_site()=>
            #given_manager
            #[allow(clippy::used_underscore_binding)]
            let __own = #p::CallContext {
                site: #site,
                type_name: #p::instance_of(&|| {}),
                boxed: #boxed,
                bypass: #bypass,
                early_refresh: #early,
                verifies: #verifies,
            };
            let __kind = #kind;
            let __kind = #storable;
            #comparable
            #[allow(clippy::used_underscore_binding)]
            let __begin = {
                #asks
                #p::#begin(#in_manager __own, #kind_there, #key, #tags, #hooks)
            };
            let __call = match __begin {
                #p::Begin::Hit(__value) => return #p::output(__kind, __value),
                #p::Begin::Call(__call) => __call,
            };
            let __share = #share;
            #offering
    };
    if item.is_blocking() {
        return blocking::cached(p, spec, item, &begins, &rest);
    }
    let with_body = if spec.task.is_some() { Item::with_closure } else { Item::with_body };
    let flow = within(p, spec.within.as_ref(), true, quote!(#begins #rest));
    with_body(item, &made, flow)
}

/// Returns the check that values without serde can be compared with those of the source.
fn comparable(p: &TokenStream, spec: &Cached) -> TokenStream {
    // All tokens have this place, so that the compiler reports one error.
    let (p, place) = (placed(p.clone(), spec.output.value), here(spec.output.value));
    quote_spanned! {place=> {
        use #p::{ProbeContent as _, ProbePartialEq as _, ProbeIncomparable as _};
        #p::comparable((&&&__kind).__cache_comparable());
    }}
}

/// Expands to the same, with the way of an error from a detached load to its caller.
fn carried(p: &TokenStream, spec: &Cached, share: TokenStream) -> TokenStream {
    if !spec.detached {
        return share;
    }
    // All tokens have this place, so that the compiler reports the error at the type of the output.
    let (p, place) = (placed(p.clone(), spec.output.value), here(spec.output.value));
    quote_spanned!(place=> { let __share = #share; #p::carried_errors(__kind, __share) })
}
