//! Checks `keep`, `still_current` and `previous`: the options about the old value that a load has at hand.

use syn::{Expr, ExprClosure, FnArg, Ident, Pat};

use super::literal::{at, peel, wrong_kind};
use super::scope::Scope;
use super::{capture, ttl};
use crate::attr::{CachedAttr, Once, Written};
use crate::error::Errors;
use crate::item::Item;
use crate::spec::{Previous, Ttl};

const ACCEPTED: &str =
    "a closure `|old| ...` that returns a future of a `bool`, or an async function";
const ACCEPTED_AT_ONCE: &str = "a closure `|old| ...` that returns a `bool`, or a function";

/// The options about the old value.
pub(crate) struct OldValue {
    pub(crate) keep: Option<Ttl>,
    pub(crate) still_current: Option<Expr>,
}

/// Checks `keep` and `still_current`, and that an old value can be at hand.
pub(crate) fn renewal(
    attr: &CachedAttr,
    item: &Item,
    scope: &Scope,
    errors: &mut Errors,
) -> OldValue {
    let used_by = name(&attr.still_current).or(name(&attr.previous));
    if let (Some(given), None) = (&attr.keep, used_by) {
        let message = "`keep` keeps an old value for the next load, which does not use it: also give `still_current` or \
                       `previous`. To serve values past their TTL, give `stale_while_revalidate` or `stale_if_error`";
        errors.at(&given.name, message);
    }
    let is_kept = attr.keep.is_some()
        || attr.stale_while_revalidate.is_some()
        || attr.stale_if_error.is_some();
    if let Some(option) = used_by.filter(|_| !is_kept && attr.each.is_none()) {
        let message = format!(
            "`{option}` uses a value whose TTL is over, but such values are not kept: add the time for which they are, \
             `keep = \"1h\"`"
        );
        errors.at(option, message);
    }
    OldValue {
        keep: errors.option(&attr.keep, |given| ttl::ttl(given, scope)),
        still_current: errors.option(&attr.still_current, |given| still_current(given, item)),
    }
}

/// Takes the argument that `previous` names from the function: its callers do not pass it.
pub(crate) fn previous(
    attr: &CachedAttr,
    item: &mut Item,
    errors: &mut Errors,
) -> Option<Previous> {
    let given = attr.previous.as_ref()?;
    let name = errors.keep(named(given))?;
    let place = item.place_of(&name);
    let taken = place.and_then(|place| item.take_input(place));
    let argument = errors.keep(taken.ok_or_else(|| unknown(given, &name, item)))?;
    errors.keep(plain(given, &argument))?;
    let FnArg::Typed(argument) = argument else { return None };
    refuse_uses(attr, &name, errors);
    Some(Previous { name, argument })
}

fn named(given: &Written<Expr>) -> syn::Result<Ident> {
    let accepted = "the name of an argument, such as `previous = old`";
    match peel(&given.value) {
        Expr::Path(path) => {
            path.path.get_ident().cloned().ok_or_else(|| wrong_kind(given, accepted))
        }
        _ => Err(wrong_kind(given, accepted)),
    }
}

fn unknown(given: &Written<Expr>, name: &Ident, item: &Item) -> syn::Error {
    let arguments = Scope::of(item).described();
    let message = format!(
        "`previous` names an argument that takes the old value, and there is no `{name}`{arguments}"
    );
    at(given, message)
}

/// Checks that the argument is one name, in every build.
fn plain(given: &Written<Expr>, argument: &FnArg) -> syn::Result<()> {
    let refused = |tokens: &dyn quote::ToTokens, message: &str| {
        Err(syn::Error::new_spanned(tokens.to_token_stream(), message))
    };
    let FnArg::Typed(typed) = argument else {
        return Err(at(given, "`previous` takes the name of an argument other than `self`"));
    };
    if let Some(attr) = typed.attrs.iter().find(|attr| attr.path().is_ident("cfg")) {
        return refused(attr, "the argument of `previous` cannot have a `#[cfg]`");
    }
    match &*typed.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => Ok(()),
        pattern => refused(
            pattern,
            "the argument of `previous` is only a name: destructure the value in the body",
        ),
    }
}

/// Refuses the argument in the other options: they are evaluated without the body.
fn refuse_uses(attr: &CachedAttr, name: &Ident, errors: &mut Errors) {
    let scope = Scope::only(name);
    let options = [
        &attr.key,
        &attr.tags,
        &attr.tags_of,
        &attr.ttl,
        &attr.negative_ttl,
        &attr.cache_if,
        &attr.bypass_if,
        &attr.weight,
        &attr.manager,
        &attr.within,
        &attr.serve_stale_if,
        &attr.still_current,
    ];
    for given in options.into_iter().flatten() {
        let reason = format!("`previous` is for the body alone, and `{}` is not", given.name);
        errors.keep(capture::refuse(&given.value, &scope, &reason));
    }
}

fn still_current(given: &Written<Expr>, item: &Item) -> syn::Result<Expr> {
    let accepted = if item.is_blocking() { ACCEPTED_AT_ONCE } else { ACCEPTED };
    let value = peel(&given.value);
    match value {
        Expr::Path(_) => Ok(value.clone()),
        Expr::Closure(closure) => {
            of_old(given, closure, accepted, item.is_blocking()).map(|()| value.clone())
        }
        _ => Err(wrong_kind(given, accepted)),
    }
}

fn of_old(
    given: &Written<Expr>,
    closure: &ExprClosure,
    accepted: &str,
    is_blocking: bool,
) -> syn::Result<()> {
    if closure.inputs.len() != 1 {
        let count = closure.inputs.len();
        let message =
            format!("`still_current` takes {accepted}, not a closure with {count} parameters");
        return Err(at(given, message));
    }
    match closure.asyncness {
        Some(asyncness) if is_blocking => {
            let message = "`still_current` of a function that is not async cannot be async";
            Err(syn::Error::new_spanned(asyncness, message))
        }
        _ => Ok(()),
    }
}

fn name<T>(given: &Once<T>) -> Option<&Ident> {
    given.as_ref().map(|given| &given.name)
}
