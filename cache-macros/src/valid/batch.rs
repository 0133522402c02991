//! Checks `#[cached]` on a function of many keys: the options that it can have, and the arguments that each run of its
//! body gets.

use proc_macro2::Span;
use syn::{FnArg, Ident, Pat, Receiver, ReceiverKind, Type};

use super::evaluated::within;
use super::literal::{boolean, condition, count, word};
use super::output::plain_without_errors;
use super::scope::Scope;
use super::task::{task, ungrouped};
use super::words::{KINDS, runtime};
use super::{each, entry, output, signature};
use crate::attr::{CachedAttr, Once};
use crate::error::Errors;
use crate::item::{Argument, Item, arguments_of};
use crate::spec::{Batch, Each, Form, Gathering, Renewal, Renewed};

/// Checks a function whose entries are those of another one.
pub(crate) fn gathering(
    attr: CachedAttr,
    item: &Item,
    mut errors: Errors,
) -> syn::Result<Gathering> {
    let scope = each::scope(attr.each.as_ref(), item);
    if let (Some(given), None) = (&attr.entry, &attr.each) {
        let message = "`entry` gives each id of a function of many keys its entry, so it needs `each(id in ids)`. To \
                       invalidate an entry, it belongs to `#[cache_invalidate]`, on the function that changes the data";
        errors.at(&given.name, message);
    }
    signature::check_form(item, &mut errors);
    signature::check_patterns(item, &mut errors);
    signature::check_order(item, &mut errors);
    refuse(&attr, item, &mut errors);
    refuse_beside_entry(&attr, &mut errors);
    let kind = errors.option(&attr.output, |given| word(given, &KINDS)).unwrap_or_default();
    // Only a function with `tier = "memory"` has entries of values without serde.
    let (output, value) =
        output::stored_each(item.output(), kind, Form::Memory, &item.sig.generics, &mut errors);
    plain_without_errors(&[&attr.serve_stale_if], &output, &mut errors);
    let serve_stale_if =
        errors.option(&attr.serve_stale_if, |given| condition(given, "error", &scope));
    let background = errors.option(&attr.background, boolean);
    let task = match (&attr.background, background) {
        (Some(given), Some(true)) => Some(task(item, &given.name, output.borrows, &mut errors)),
        _ => None,
    };
    let entry = errors.option(&attr.entry, |given| {
        let call = entry::entry(given)?;
        each::check_entry(given, &call, &scope)?;
        Ok(call)
    });
    let batch = batch(&attr, item, &scope, value, &mut errors);
    let (Some(batch), Some(entry)) = (batch, entry) else {
        // The reason has been noted.
        let missing = || syn::Error::new_spanned(&item.sig.ident, "`entry` and `each` are needed");
        return errors.finish(()).and_then(|()| Err(missing()));
    };
    let within = errors.option(&attr.within, within);
    errors.finish(Gathering {
        batch,
        entry,
        serve_stale_if,
        task,
        output,
        within,
        bypass_if: attr.bypass_if.map(|given| given.value),
        runtime: runtime(attr.runtime),
    })
}

/// Checks `each` and `max_batch`, if they are given.
pub(crate) fn batch(
    attr: &CachedAttr,
    item: &Item,
    scope: &Scope,
    value: Span,
    errors: &mut Errors,
) -> Option<Batch> {
    if let (Some(given), None) = (&attr.max_batch, &attr.each) {
        let message =
            "`max_batch` is the most ids of one run of the body, so it needs `each(id in ids)`";
        errors.at(&given.name, message);
    }
    let max = errors.option(&attr.max_batch, |given| count(given, scope));
    let each = errors.option(&attr.each, |given| each::each(given, item))?;
    let renewed = renewed(item, &each);
    Some(Batch { each, max, renewed, value })
}

/// Refuses what a function of many keys cannot have.
pub(crate) fn refuse(attr: &CachedAttr, item: &Item, errors: &mut Errors) {
    let Some(given) = &attr.each else { return };
    if item.is_blocking() {
        let message = "`each` needs an async function, because its callers wait for each other's loads and for Redis: \
                       put `async` before `fn`";
        errors.at(&given.name, message);
    }
    if item.has_statements_before() {
        let message = "`each` may run the body several times, which cannot take what the statements before `Box::pin` \
                       make: move them into the `async move` block";
        errors.at(&given.name, message);
    }
    let refused = [
        (
            name(&attr.detached),
            "`detached` lets the load of one entry go on without its caller, but with `each` a run of the body loads \
             many entries: remove it",
        ),
        (
            name(&attr.load_timeout),
            "`load_timeout` limits the wait for the load of one entry, but with `each` a run of the body loads many \
             entries: remove it",
        ),
        (
            name(&attr.verify),
            "`verify` runs the body for the entry of one hit, but with `each` a run of the body loads many entries: remove \
             it",
        ),
        (
            name(&attr.error_ttl),
            "`error_ttl` remembers the error of one entry, but with `each` an error is that of all ids of a run: \
             remove it",
        ),
        (
            name(&attr.keep),
            "`keep` keeps the old value of one entry for its load, but with `each` a run of the body loads many entries: \
             remove it",
        ),
        (
            name(&attr.still_current),
            "`still_current` asks about the old value of one entry, but with `each` a run of the body loads many entries: \
             remove it",
        ),
        (
            name(&attr.previous),
            "`previous` is the old value of one entry, but with `each` a run of the body loads many entries: remove it",
        ),
        (
            name(&attr.share_errors),
            "`share_errors` gives the error of a load to the callers that wait for it, but with `each` it may be about \
             ids that they do not ask for: remove it",
        ),
        (
            name(&attr.entry_fn).filter(|_| !item.is_blocking()),
            "`entry_fn` makes a function that returns the entry of a call, but with `each` a call has many entries: \
             remove it",
        ),
    ];
    for (name, message) in refused {
        if let Some(name) = name {
            errors.at(name, message);
        }
    }
}

/// Refuses the options of the entries, which are those of the function that `entry` calls.
fn refuse_beside_entry(attr: &CachedAttr, errors: &mut Errors) {
    if attr.each.is_none() {
        return;
    }
    let of_entries = [
        name(&attr.ttl),
        name(&attr.prefix),
        name(&attr.key),
        name(&attr.skip),
        name(&attr.tags),
        name(&attr.tags_of),
        name(&attr.version),
        name(&attr.negative_ttl),
        name(&attr.cache_none),
        name(&attr.cache_if),
        name(&attr.weight),
        name(&attr.max_memory),
        name(&attr.max_entries),
        name(&attr.reserved),
        name(&attr.jitter),
        name(&attr.tier),
        name(&attr.manager),
        name(&attr.codec),
        name(&attr.cost),
        name(&attr.stale_while_revalidate),
        name(&attr.stale_if_error),
        name(&attr.early_refresh),
        name(&attr.coalesce),
        name(&attr.inherit),
        name(&attr.source),
        name(&attr.max_loads),
        name(&attr.shed),
    ];
    for name in of_entries.into_iter().flatten() {
        let message = format!("`{name}` is that of the function that `entry` calls: give it there");
        errors.at(name, message);
    }
}

fn name<T>(given: &Once<T>) -> Option<&Ident> {
    given.as_ref().map(|given| &given.name)
}

/// Returns the ways in which a run of the body gets its arguments, except for the ids.
fn renewed(item: &Item, each: &Each) -> Vec<Renewed> {
    let inputs = item.sig.inputs.iter().flat_map(|input| match input {
        FnArg::Receiver(receiver) => vec![of_receiver(receiver)],
        FnArg::Typed(typed) => {
            let renewal = match &*typed.pat {
                Pat::Ident(pattern) if pattern.by_ref.is_none() => renewal(&typed.ty),
                // The types of the parts are not written here.
                _ => Renewal::Clone,
            };
            let arguments = arguments_of(input).into_iter();
            arguments.map(|argument| Renewed { argument, renewal }).collect()
        }
    });
    inputs.filter(|renewed| renewed.argument.name != each.ids).collect()
}

fn of_receiver(receiver: &Receiver) -> Renewed {
    let renewal = match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => Renewal::Same,
        ReceiverKind::Reference(_, _, Some(_)) => Renewal::Reborrow,
        ReceiverKind::Typed(_, ty) => renewal(ty),
        _ => Renewal::Clone,
    };
    let name = Ident::new("self", receiver.self_token.span);
    let argument = Argument { name, cfg: Vec::new(), mutable: receiver.mutability };
    Renewed { argument, renewal }
}

fn renewal(ty: &Type) -> Renewal {
    match ungrouped(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => Renewal::Reborrow,
        Type::Reference(_) => Renewal::Same,
        _ => Renewal::Clone,
    }
}
