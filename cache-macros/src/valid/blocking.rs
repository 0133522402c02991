//! Checks the options of a function that is not async.

use std::mem;

use proc_macro2::Span;
use quote::format_ident;
use syn::{FnArg, Ident, Pat, PatIdent, Path, Safety};

use crate::attr::{CachedAttr, Written};
use crate::error::Errors;
use crate::item::Item;
use crate::spec::{EntryFn, Tier};

/// Checks that no option needs an `async fn`, or needs a function that is not async.
pub(crate) fn check(attr: &CachedAttr, tier: Option<Tier>, item: &Item, errors: &mut Errors) {
    if !item.is_blocking() {
        // With `each`, another reason has been given.
        if let Some(given) = attr.entry_fn.as_ref().filter(|_| attr.each.is_none()) {
            let message = "`entry_fn` is for functions that are not async. For this one, import `cache_runtime::CacheCall` \
                           and call `.cache_entry()` on its future";
            errors.at(&given.name, message);
        }
        return;
    }
    if let (Some(given), Some(Tier::Redis | Tier::Tiered)) = (&attr.tier, tier) {
        let message = "a function that is not async cannot wait for Redis, so its values are kept in memory: remove \
                       `tier`, or put `async` before `fn`";
        errors.at(&given.name, message);
    }
    if let Some(given) = &attr.detached {
        let message = "`detached` is for callers that give up, but the caller of a function that is not async waits until \
                       it returns: remove `detached`";
        errors.at(&given.name, message);
    }
}

/// Returns the function that the option `entry_fn` names.
pub(crate) fn entry_fn(given: &Written<Path>, item: &Item) -> syn::Result<EntryFn> {
    let segments: Vec<&Ident> = given.value.segments.iter().map(|segment| &segment.ident).collect();
    let (name, in_type) = match segments[..] {
        [name] => (name, false),
        [of, name] if of == "Self" => (name, true),
        _ => {
            let message = "`entry_fn` takes the name of the function to make, such as `entry_fn = video_entry`. For an \
                           associated function without `self`: `entry_fn = Self::video_entry`";
            return Err(syn::Error::new_spanned(&given.value, message));
        }
    };
    if let Safety::Unsafe(unsafety) = &item.sig.safety {
        let message =
            "`entry_fn` makes a safe function, which cannot call an `unsafe fn`: remove `entry_fn`";
        return Err(syn::Error::new_spanned(unsafety, message));
    }
    let associated = in_type || item.receiver().is_some();
    let mut made =
        EntryFn { name: name.clone(), associated, parameters: Vec::new(), arguments: Vec::new() };
    for (number, input) in item.sig.inputs.iter().enumerate() {
        let (parameter, argument) = named(input, number)?;
        made.parameters.push(parameter);
        made.arguments.push(argument);
    }
    Ok(made)
}

/// Returns a parameter that is a plain name, and the name.
fn named(input: &FnArg, number: usize) -> syn::Result<(FnArg, Ident)> {
    let mut input = input.clone();
    let name = match &mut input {
        FnArg::Receiver(receiver) => {
            receiver.mutability = None;
            Ident::new("self", receiver.self_token.span)
        }
        FnArg::Typed(typed) => {
            // Lints go with the pattern, to the body.
            let attrs = mem::take(&mut typed.attrs);
            if let Some(attr) = attrs.iter().find(|attr| attr.path().is_ident("cfg")) {
                let message = "`entry_fn` makes a function with the same arguments, so none of them can have a `#[cfg]`";
                return Err(syn::Error::new_spanned(attr, message));
            }
            let name = match &*typed.pat {
                Pat::Ident(pattern) => pattern.ident.clone(),
                _ => format_ident!("__argument_{number}", span = Span::mixed_site()),
            };
            *typed.pat = Pat::Ident(PatIdent {
                attrs: Vec::new(),
                by_ref: None,
                mutability: None,
                ident: name.clone(),
                subpat: None,
            });
            name
        }
    };
    Ok((input, name))
}
