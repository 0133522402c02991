//! The parts of `#[cached]` that functions of one key and of many have in common.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprClosure};

use super::owned_id::owned_id;
use super::site::constant;
use super::{here, placed, probe, render, roots, tag_text, unless_absent, used_by};
use crate::item::{Argument, Item};
use crate::spec::{Cached, Form, Freshness, Key, Kind, Output, Tag};

/// Returns the function that begins a call.
pub(super) fn begin_of(spec: &Cached) -> Ident {
    Ident::new(if spec.manager.is_some() { "begin_in" } else { "begin" }, Span::mixed_site())
}

/// Returns the import of the trait that makes the parts of the key.
pub(super) fn asks(p: &TokenStream, spec: &Cached) -> TokenStream {
    match &spec.key {
        Key::Template(_) => TokenStream::new(),
        Key::Arguments(_) | Key::Value(_) => {
            let (probe, _) = part_probe(spec.form);
            quote_spanned!(Span::mixed_site()=> use #p::#probe as _;)
        }
    }
}

/// Returns the value of `early_refresh` for the runtime.
pub(super) fn early(spec: &Cached) -> TokenStream {
    match &spec.early_refresh {
        Some(beta) => {
            let beta = constant(beta);
            quote!(const { #beta })
        }
        None => quote!(0.0),
    }
}

/// Emits the code that makes the number of a call that returns a box, and the code that reads it.
pub(super) fn number(p: &TokenStream, item: &Item) -> (TokenStream, TokenStream) {
    if item.is_boxed() {
        let made = quote_spanned!(Span::mixed_site()=> let __boxed = #p::boxed_call(););
        (made, quote_spanned!(Span::mixed_site()=> __boxed))
    } else {
        (TokenStream::new(), quote_spanned!(Span::mixed_site()=> #p::NOT_BOXED))
    }
}

/// Returns the arguments that the attribute uses.
pub(super) fn named(spec: &Cached) -> TokenStream {
    let key = match &spec.key {
        Key::Arguments(arguments) => {
            arguments.iter().map(|argument| argument.name.to_token_stream()).collect()
        }
        Key::Template(template) => roots([template]),
        Key::Value(value) => value.to_token_stream(),
    };
    let (tags, bypass) = (used_by(&spec.tags), &spec.bypass_if);
    let (manager, within) = (&spec.manager, &spec.within);
    let still_current = &spec.still_current;
    quote!(#key #tags #bypass #manager #within #still_current)
}

/// The traits that decide on the way in which errors reach the followers.
const SHARED: [&str; 2] = ["ProbeCloneError", "ProbeNoCloneError"];
const REMEMBERED: [&str; 2] = ["ProbeCloneError", "ProbeKeptError"];
const WRAPPED: [&str; 3] = ["ProbeCloneError", "ProbeErrorOfShared", "ProbeWrapError"];

/// The traits that decide on the text of an error in the log.
const TEXT: [&str; 3] = ["ProbeErrorDisplay", "ProbeErrorDebug", "ProbeNoErrorText"];

/// Expands to the way in which an error reaches the followers, and to its text in the log. An error that
/// borrows is not shared, and a stored error is a value. `option` is `share_errors`; `remembers` is true if errors are
/// remembered.
pub(super) fn share(
    p: &TokenStream,
    output: &Output,
    option: Option<bool>,
    remembers: bool,
) -> TokenStream {
    let has_none = output.borrows || matches!(output.kind, Kind::Plain);
    if has_none {
        return quote_spanned!(Span::mixed_site()=> #p::no_shared_errors(__kind));
    }
    let probe = |question, traits| probe(p, &output.ty, question, traits);
    let share = match option {
        Some(true) => probe("__cache_share_errors", &WRAPPED),
        Some(false) => quote_spanned!(Span::mixed_site()=> #p::no_shared_errors(__kind)),
        None if remembers => probe("__cache_share_errors", &REMEMBERED),
        None => probe("__cache_share_errors", &SHARED),
    };
    let text = probe("__cache_error_text", &TEXT);
    quote_spanned!(Span::mixed_site()=> #p::named_errors(#share, #text))
}

/// Expands to the same, with the decision about the errors for which a stale value stands in.
pub(super) fn judged(p: &TokenStream, decide: Option<&Expr>, share: TokenStream) -> TokenStream {
    match decide {
        Some(decide) => {
            quote_spanned!(Span::mixed_site()=> #p::serve_stale_if(__kind, #share, #decide))
        }
        None => share,
    }
}

/// Expands to the same, with the error of a load that is given up, if the function has `shed`.
pub(super) fn sheds(p: &TokenStream, spec: &Cached, share: TokenStream) -> TokenStream {
    if spec.limits.shed.is_none() {
        return share;
    }
    // All tokens have this place, so that the compiler reports the error at the type of the output.
    let (p, place) = (placed(p.clone(), spec.output.value), here(spec.output.value));
    quote_spanned!(place=> { let __share = #share; #p::shed_errors(__kind, __share) })
}

pub(super) fn key(p: &TokenStream, spec: &Cached, item: &Item) -> TokenStream {
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

/// Returns the closure that makes the tags of a call.
pub(super) fn tags(p: &TokenStream, spec: &Cached) -> TokenStream {
    if spec.tags.is_empty() {
        return quote_spanned!(Span::mixed_site()=> |_: &mut #p::Tags| {});
    }
    let tags = spec.tags.iter().map(|tag| match tag {
        Tag::Template(template) => {
            let render = render(p, template);
            let add = quote_spanned!(Span::mixed_site()=> __tags.add(#render););
            unless_absent(p, template, add)
        }
        Tag::Value(value) => {
            let owned = spec.batch.as_ref().map(|batch| owned_id(p, value, &batch.each));
            let text = tag_text(p, value);
            quote_spanned!(Span::mixed_site()=> { #owned __tags.add_text(#text); })
        }
    });
    quote_spanned! {Span::mixed_site()=>
        |__tags: &mut #p::Tags| { #(#tags)* }
    }
}

/// Returns the closure that makes the options of the value's type.
pub(super) fn hooks(p: &TokenStream, spec: &Cached) -> TokenStream {
    let cache_if = spec.cache_if.iter();
    let weight = spec.weight.iter();
    let tags_of = spec.tags_of.iter().map(|tags_of| match tags_of {
        Expr::Closure(closure) => of_value(p, "tag_list", closure),
        function => by_function(p, "tag_list", function),
    });
    let ttl_of = spec.ttl.iter().filter_map(|ttl| match ttl {
        Freshness::OfValue(closure) => Some(of_value(p, "ttl_of_value", closure)),
        Freshness::Same(_) => None,
    });
    let codec = spec.codec.iter();
    // Both options are about `None`, so the value must be an `Option`.
    let speaks_of_none = spec.negative_ttl.is_some() || spec.cache_none.is_some();
    let optional = speaks_of_none.then(|| quote_spanned!(here(spec.output.value)=> .optional()));
    // A load can fail only if it returns a `Result`. That of many keys is checked as a whole.
    let fallible = spec.stale_if_error.is_some() || spec.error_ttl.is_some();
    let fallible = fallible && spec.batch.is_none();
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
    quote_spanned! {Span::mixed_site()=> |__kind| {
        use #p::{ProbeEqual as _, ProbePrint as _};
        use #p::{ProbeUnequal as _, ProbeUnprinted as _};
        #p::Hooks::new(
            __kind,
            (&&__kind).__cache_equality(),
            (&&__kind).__cache_printing(),
        )
        #whole #seen #(.cache_if(#cache_if))* #(.weight(#weight))* #(.tags_of(#tags_of))* #(.ttl_of(#ttl_of))* #optional #fallible
        #(.codec::<#codec>())*
    }}
}

/// Returns a closure that passes what the user's closure returns for a value to a function of the runtime.
///
/// The parameter of the user's closure is bound outside of it: what a closure returns cannot borrow from its own
/// parameter.
fn of_value(p: &TokenStream, passed_to: &str, closure: &ExprClosure) -> TokenStream {
    let ExprClosure { inputs, output, body, .. } = closure;
    let (pattern, place) = (inputs.first(), body.span());
    let bound = Ident::new("__value", here(pattern.span()));
    let binding = quote_spanned!(here(pattern.span())=> let #pattern = #bound;);
    passing(p, passed_to, &binding, &quote!(#output #body), place)
}

/// Does the same for a function of the user.
fn by_function(p: &TokenStream, passed_to: &str, function: &Expr) -> TokenStream {
    let place = function.span();
    let value = Ident::new("__value", here(place));
    let called = quote_spanned!(here(place)=> #function(#value));
    passing(p, passed_to, &TokenStream::new(), &called, place)
}

fn passing(
    p: &TokenStream,
    passed_to: &str,
    binding: &TokenStream,
    returned: &TokenStream,
    place: Span,
) -> TokenStream {
    // All tokens have this place, so that the compiler reports an error there.
    let p = placed(p.clone(), place);
    let [value, passed_to] = ["__value", passed_to].map(|name| Ident::new(name, here(place)));
    quote_spanned!(here(place)=> |#value| { #binding #p::#passed_to(move || #returned) })
}
