//! A `#[cached]` function that is not async.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Attribute, FnArg, GenericParam, Meta, Pat, Signature};

use super::within::within;
use crate::item::Item;
use crate::spec::{Cached, EntryFn};

// `begins` and `rest` are the asynchronous body of a cached function: until a hit has returned, and after it. Output
// without `entry_fn`:
//
//     fn route(from: &str) -> Route {
//         begins
//         P::block_on(async move { rest })
//     }
//
// With `entry_fn = route_entry`:
//
//     fn route_entry(from: &str) -> P::BlockingEntry<impl Future<Output = Route>> {
//         // The future owns all arguments until it ends, as that of an `async fn` does.
//         P::blocking_entry(async move { let from = from; begins rest })
//     }
//
//     fn route(from: &str) -> Route {
//         P::call_blocking(route_entry(from))
//     }
pub(super) fn cached(
    p: &TokenStream,
    spec: &Cached,
    item: &Item,
    begins: &TokenStream,
    rest: &TokenStream,
) -> TokenStream {
    let nothing = TokenStream::new();
    let Some(entry) = &spec.entry_fn else {
        let flow = quote_spanned! {Span::mixed_site()=>
            #begins
            #p::block_on(async move { #rest })
        };
        let flow = within(p, spec.within.as_ref(), false, flow);
        let with_body = if spec.task.is_some() { Item::with_closure } else { Item::with_body };
        return with_body(item, &nothing, flow);
    };
    let flow = within(p, spec.within.as_ref(), true, quote!(#begins #rest));
    let made = entry_function(p, spec, entry, item, &flow);
    let caller = caller(p, entry, item);
    quote!(#caller #made)
}

/// Returns the function that the attribute annotates: it calls the other one.
fn caller(p: &TokenStream, entry: &EntryFn, item: &Item) -> TokenStream {
    let EntryFn { name, associated, parameters, arguments } = entry;
    let attrs = item.attrs().iter().map(allowed);
    let vis = item.vis();
    let mut sig = item.sig.clone();
    sig.inputs = parameters.iter().cloned().collect();
    let generics = generic_arguments(&sig);
    let of = associated.then(|| quote_spanned!(name.span()=> Self::));
    quote_spanned! {Span::mixed_site()=>
        #(#attrs)*
        #[allow(clippy::used_underscore_binding)]
        #vis #sig { #p::call_blocking(#of #name #generics (#(#arguments),*)) }
    }
}

/// Returns the function that returns the entry of a call.
fn entry_function(
    p: &TokenStream,
    spec: &Cached,
    entry: &EntryFn,
    item: &Item,
    flow: &TokenStream,
) -> TokenStream {
    let attrs = item.attrs().iter().filter(|attr| belongs_to_the_body(attr)).map(allowed);
    let vis = item.vis();
    // With a task, the body is a closure with parameters of its own.
    let mut sig = if spec.task.is_some() { item.unmoved() } else { item.sig.clone() };
    let bindings: TokenStream =
        sig.inputs.iter().zip(&entry.arguments).map(|(input, name)| binding(input, name)).collect();
    let plain = sig.inputs.iter().zip(&entry.parameters).map(|(input, plain)| match input {
        // It has no other name in the body, so it keeps its `mut`.
        FnArg::Receiver(_) => input.clone(),
        FnArg::Typed(_) => plain.clone(),
    });
    sig.inputs = plain.collect();
    let docs = format!("Returns the cache entry of a call of [`{0}`](Self::{0}).", sig.ident);
    let docs = if entry.associated { docs } else { docs.replace("Self::", "") };
    sig.ident = entry.name.clone();
    sig.abi = None;
    let output = item.output();
    sig.output = syn::parse_quote_spanned! {Span::mixed_site()=>
        -> #p::BlockingEntry<impl ::core::future::Future<Output = #output>>
    };
    let inner_attrs = item.inner_attrs();
    quote_spanned! {Span::mixed_site()=>
        #[doc = #docs]
        #(#attrs)*
        #vis #sig { #(#inner_attrs)* #p::blocking_entry(async move { #bindings #flow }) }
    }
}

/// Returns the statements that move an argument into the future, and bind the names of its pattern.
fn binding(input: &FnArg, name: &Ident) -> TokenStream {
    let FnArg::Typed(typed) = input else {
        return quote_spanned!(Span::mixed_site()=> _ = &#name;);
    };
    let (attrs, pattern) = (typed.attrs.iter().map(allowed), &typed.pat);
    let binding = quote_spanned! {Span::mixed_site()=>
        #[allow(clippy::used_underscore_binding)]
        #(#attrs)*
        let #pattern = #name;
    };
    match &**pattern {
        Pat::Ident(plain) if plain.by_ref.is_none() && plain.subpat.is_none() => binding,
        _ => quote_spanned!(Span::mixed_site()=> let #name = #name; #binding),
    }
}

/// Returns `::<T, N>`, the arguments that a call cannot always infer.
fn generic_arguments(sig: &Signature) -> Option<TokenStream> {
    let names = sig.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    });
    let names: Vec<&Ident> = names.collect();
    (!names.is_empty()).then(|| quote!(::<#(#names),*>))
}

/// Returns true for an attribute that is about the body: lints, and conditions of the compiler. A hidden function has
/// a hidden entry.
fn belongs_to_the_body(attr: &Attribute) -> bool {
    const ATTRIBUTES: [&str; 7] = ["allow", "expect", "warn", "deny", "forbid", "cfg", "cfg_attr"];
    let is_hidden = || attr.path().is_ident("doc") && matches!(&attr.meta, Meta::List(_));
    ATTRIBUTES.iter().any(|name| attr.path().is_ident(name)) || is_hidden()
}

/// Returns the attribute, with `allow` in place of `expect`: of two functions, one may not have what is expected.
fn allowed(attr: &Attribute) -> TokenStream {
    match &attr.meta {
        Meta::List(list) if attr.path().is_ident("expect") => {
            let lints = &list.tokens;
            quote!(#[allow(#lints)])
        }
        _ => quote!(#attr),
    }
}
