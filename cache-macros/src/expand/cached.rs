//! `#[cached]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned as _;

use super::site::{constant, site};
use super::{
    blocking, body, here, kind, manager, placed, private, probe, render, roots, storable, task,
};
use crate::item::{Argument, Item};
use crate::spec::{Cached, Form, Key, Kind, Template};

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
// A function that is not async drives the same body: see `blocking`.
//
// The locals are spelled `__own`, `__kind` and so on, because a pattern would find an item of the user with
// the same name. A function that returns a box gives it a number when it makes it: `let boxed =
// P::boxed_call();`.
pub(crate) fn cached(spec: &Cached, item: &Item) -> TokenStream {
    let p = &private(&spec.runtime);
    let site = site(p, spec, item);
    let kind = kind(p, &spec.output);
    let share = carried(p, spec, judged(p, spec, share(p, spec)));
    let bypass = spec.bypass_if.as_ref().map_or_else(|| quote!(false), Expr::to_token_stream);
    let (made, boxed) = number(p, item);
    let (given_manager, in_manager) = manager(p, spec.manager.as_ref());
    let begin =
        Ident::new(if spec.manager.is_some() { "begin_in" } else { "begin" }, Span::mixed_site());
    // With this, the compiler reports an error of the value's type at that type, and only once.
    let there = |tokens| placed(tokens, spec.output.value);
    let kind_there = there(quote_spanned!(Span::mixed_site()=> __kind));
    let storable = storable(p, &spec.output);
    let key = key(p, spec, item);
    let asks = match &spec.key {
        Key::Template(_) => TokenStream::new(),
        Key::Arguments(_) | Key::Value(_) => {
            let (probe, _) = part_probe(spec.form);
            quote_spanned!(Span::mixed_site()=> use #p::#probe as _;)
        }
    };
    let tags = tags(p, &spec.tags);
    let hooks = hooks(p, spec);
    let early = match &spec.early_refresh {
        Some(beta) => {
            let beta = constant(beta);
            quote!(const { #beta })
        }
        None => quote!(0.0),
    };
    let rest = match &spec.task {
        Some(task) => task::run(p, task, spec.detached, item, &spec.output, &named(spec)),
        None => {
            let body = body(p, item, &spec.output, &named(spec));
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
            };
            let __kind = #kind;
            let __kind = #storable;
            #[allow(clippy::used_underscore_binding)]
            let __begin = {
                #asks
                #p::#begin(#in_manager __own, #kind_there, #key, #tags, |__kind| {
                    use #p::{ProbeEqual as _, ProbePrint as _};
                    use #p::{ProbeUnequal as _, ProbeUnprinted as _};
                    #p::Hooks::new(
                        __kind,
                        (&&__kind).__cache_equality(),
                        (&&__kind).__cache_printing(),
                    )#hooks
                })
            };
            let __call = match __begin {
                #p::Begin::Hit(__value) => return #p::output(__kind, __value),
                #p::Begin::Call(__call) => __call,
            };
            let __share = #share;
    };
    if item.is_blocking() {
        return blocking::cached(p, spec, item, &begins, &rest);
    }
    let with_body = if spec.task.is_some() { Item::with_closure } else { Item::with_body };
    with_body(item, &made, quote!(#begins #rest))
}

/// Emits the code that makes the number of a call that returns a box, and the code that reads it.
fn number(p: &TokenStream, item: &Item) -> (TokenStream, TokenStream) {
    if item.is_boxed() {
        let made = quote_spanned!(Span::mixed_site()=> let __boxed = #p::boxed_call(););
        (made, quote_spanned!(Span::mixed_site()=> __boxed))
    } else {
        (TokenStream::new(), quote_spanned!(Span::mixed_site()=> #p::NOT_BOXED))
    }
}

/// Returns the arguments that the attribute uses.
fn named(spec: &Cached) -> TokenStream {
    let key = match &spec.key {
        Key::Arguments(arguments) => {
            arguments.iter().map(|argument| argument.name.to_token_stream()).collect()
        }
        Key::Template(template) => roots([template]),
        Key::Value(value) => value.to_token_stream(),
    };
    let (tags, bypass, manager) = (roots(&spec.tags), &spec.bypass_if, &spec.manager);
    quote!(#key #tags #bypass #manager)
}

/// The traits that decide on the way in which errors reach the followers.
const SHARED: [&str; 2] = ["ProbeCloneError", "ProbeNoCloneError"];
const REMEMBERED: [&str; 2] = ["ProbeCloneError", "ProbeKeptError"];
const WRAPPED: [&str; 3] = ["ProbeCloneError", "ProbeErrorOfShared", "ProbeWrapError"];

/// The traits that decide on the text of an error in the log.
const TEXT: [&str; 3] = ["ProbeErrorDisplay", "ProbeErrorDebug", "ProbeNoErrorText"];

/// Expands to the way in which an error reaches the followers, and to its text in the log. An error that
/// borrows is not shared, and a stored error is a value.
fn share(p: &TokenStream, spec: &Cached) -> TokenStream {
    let has_none = spec.output.borrows || matches!(spec.output.kind, Kind::Plain);
    if has_none {
        return quote_spanned!(Span::mixed_site()=> #p::no_shared_errors(__kind));
    }
    let probe = |question, traits| probe(p, &spec.output.ty, question, traits);
    let share = match spec.share_errors {
        Some(true) => probe("__cache_share_errors", &WRAPPED),
        Some(false) => quote_spanned!(Span::mixed_site()=> #p::no_shared_errors(__kind)),
        None if spec.error_ttl.is_some() => probe("__cache_share_errors", &REMEMBERED),
        None => probe("__cache_share_errors", &SHARED),
    };
    let text = probe("__cache_error_text", &TEXT);
    quote_spanned!(Span::mixed_site()=> #p::named_errors(#share, #text))
}

/// Expands to the same, with the decision about the errors for which a stale value stands in.
fn judged(p: &TokenStream, spec: &Cached, share: TokenStream) -> TokenStream {
    match &spec.serve_stale_if {
        Some(decide) => {
            quote_spanned!(Span::mixed_site()=> #p::serve_stale_if(__kind, #share, #decide))
        }
        None => share,
    }
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

fn key(p: &TokenStream, spec: &Cached, item: &Item) -> TokenStream {
    let form = spec.form;
    let (list, fingerprint) = match &spec.key {
        Key::Arguments(arguments) => (
            arguments_list(p, arguments, form, item.sig.paren_token.span.join()),
            fingerprint(p, arguments),
        ),
        Key::Value(value) => {
            let part = part(p, value, form, "key_value");
            let place = here(value.span());
            let list = quote_spanned!(place=> (#part, ()));
            (list, quote_spanned!(Span::mixed_site()=> #p::no_fingerprint))
        }
        Key::Template(template) => {
            let render = render(p, template);
            return quote_spanned!(Span::mixed_site()=> #p::Template(#render));
        }
    };
    quote_spanned! {Span::mixed_site()=>
        #p::Args::<_, { ::core::cfg!(debug_assertions) }>(#list, #fingerprint)
    }
}

/// Returns a closure that makes the fingerprint of a list of these arguments, by the traits of their types.
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

/// Returns the list of the arguments that exist, `(&a, (&b, ()))`. Only the compiler can evaluate the
/// `#[cfg]` of an argument.
fn arguments_list(p: &TokenStream, arguments: &[Argument], form: Form, place: Span) -> TokenStream {
    let place = here(place);
    let end = quote_spanned!(place=> ());
    let part = |argument: &Argument| part(p, &argument.name, form, "argument");
    if arguments.iter().all(|argument| argument.cfg.is_empty()) {
        let list = |rest, argument| {
            let part = part(argument);
            quote_spanned!(place=> (#part, #rest))
        };
        return arguments.iter().rev().fold(end, list);
    }
    let steps = arguments.iter().rev().map(|argument| {
        let (part, cfg) = (part(argument), &argument.cfg);
        quote_spanned!(place=> #(#cfg)* let __list = (#part, __list);)
    });
    quote_spanned!(place=> { let __list = #end; #(#steps)* __list })
}

/// Returns a reference to a part of the key, with the place where it was written. If it cannot be a part of a
/// key, the compiler reports this there. `as_what` is the function whose bounds cause the error.
fn part(p: &TokenStream, part: &impl ToTokens, form: Form, as_what: &str) -> TokenStream {
    let (place, as_what) = (here(part.span()), Ident::new(as_what, here(part.span())));
    // All tokens have this place, so that the compiler reports one error.
    let p = placed(p.clone(), part.span());
    let (_, question) = part_probe(form);
    let asked = quote_spanned!(place=> #p::probe_part(&(#part)));
    match form {
        Form::Serde => quote_spanned!(place=> #p::#as_what((&&#asked).#question())),
        Form::Memory | Form::Static => {
            quote_spanned!(place=> #p::#as_what((&&&&#asked).#question()))
        }
    }
}

/// Returns the trait that finds out in which way an argument is a part of the key, and its method.
fn part_probe(form: Form) -> (Ident, Ident) {
    let ident = |name| Ident::new(name, Span::mixed_site());
    match form {
        Form::Serde => (ident("ProbePart"), ident("__cache_part")),
        Form::Memory | Form::Static => (ident("ProbeMemoryPart"), ident("__cache_memory_part")),
    }
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

fn hooks(p: &TokenStream, spec: &Cached) -> TokenStream {
    let cache_if = spec.cache_if.iter();
    let weight = spec.weight.iter();
    let codec = spec.codec.iter();
    // Both options are about `None`, so the value must be an `Option`.
    let speaks_of_none = spec.negative_ttl.is_some() || spec.cache_none.is_some();
    let optional = speaks_of_none.then(|| quote_spanned!(here(spec.output.value)=> .optional()));
    // A load can fail only if it returns a `Result`.
    let fallible = spec.stale_if_error.is_some() || spec.error_ttl.is_some();
    let fallible = fallible.then(|| quote_spanned!(here(spec.output.value)=> .fallible()));
    let whole = matches!(spec.output.kind, Kind::Plain);
    let whole = whole.then(|| quote_spanned!(Span::mixed_site()=> .whole()));
    let is_seen = spec.form == Form::Memory && spec.weight.is_none();
    let seen = is_seen.then(|| {
        let visible =
            quote_spanned!(Span::mixed_site()=> (&&#p::visible(__kind)).__cache_visible());
        quote_spanned!(Span::mixed_site()=> .visible({
            use #p::{ProbeFlat as _, ProbeOwner as _};
            #visible
        }))
    });
    quote_spanned! {Span::mixed_site()=>
        #whole #seen #(.cache_if(#cache_if))* #(.weight(#weight))* #optional #fallible
        #(.codec::<#codec>())*
    }
}
