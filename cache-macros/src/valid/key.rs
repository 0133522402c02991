//! Checks the options that distinguish the entries of a function: `key`, `skip`, or all arguments.

use syn::ext::IdentExt as _;
use syn::{Expr, Ident};

use super::each;
use super::literal::{as_string, at, peel};
use super::name::key_template;
use super::scope::Scope;
use crate::attr::{CachedAttr, Skip, Written};
use crate::error::Errors;
use crate::item::Argument;
use crate::mention::mentions;
use crate::spec::{Key, Piece};

pub(crate) fn key(attr: &CachedAttr, scope: &Scope, errors: &mut Errors) -> Key {
    if let (Some(_), Some(skip)) = (&attr.key, &attr.skip) {
        let message = "`skip` leaves arguments out of the key, but `key` already defines the \
                       key: remove one of them";
        errors.at(&skip.name, message);
    }
    match &attr.key {
        Some(given) => errors.keep(explicit(given, scope)).unwrap_or_default(),
        None => {
            let mut kept = kept(attr.skip.as_ref(), scope, errors);
            // A transaction distinguishes no entries.
            kept.retain(|argument| !is_the_transaction(attr, &argument.name));
            Key::Arguments(kept)
        }
    }
}

/// Checks `key = ...`.
fn explicit(given: &Written<Expr>, scope: &Scope) -> syn::Result<Key> {
    let key = match as_string(&given.value) {
        Some(_) => Key::Template(key_template(given, "a template or an expression", scope)?),
        None => Key::Value(peel(&given.value).clone()),
    };
    if scope.each.is_some() {
        return each::distinct(given, key, scope);
    }
    if is_constant(&key, scope) && !scope.arguments.is_empty() {
        let all: Vec<_> = scope.names().map(ToString::to_string).collect();
        let message = format!(
            "this `key` is the same for all arguments, so all calls would share one value: use an argument, \
             such as `\"{{video_id}}\"`; to share one value on purpose, replace `key` with `skip({})`",
            all.join(", ")
        );
        return Err(at(given, message));
    }
    Ok(key)
}

fn is_constant(key: &Key, scope: &Scope) -> bool {
    match key {
        Key::Arguments(_) => false,
        Key::Template(template) => {
            template.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)))
        }
        Key::Value(value) => !scope.names().any(|name| mentions(value, name)),
    }
}

/// Returns true if `within` is this argument.
fn is_the_transaction(attr: &CachedAttr, name: &Ident) -> bool {
    let within = attr.within.as_ref().map(|given| peel(&given.value));
    matches!(within, Some(Expr::Path(path)) if path.path.is_ident(name))
}

/// Returns the arguments that `skip` does not name.
fn kept(skip: Option<&Written<Skip>>, scope: &Scope, errors: &mut Errors) -> Vec<Argument> {
    let skipped = skip.map_or(&[][..], |skip| &skip.value.0);
    for (i, name) in skipped.iter().enumerate() {
        if skipped[..i].contains(name) {
            errors.at(name, format!("`{name}` is skipped twice"));
        } else if let Some((id, _)) = scope.each.as_ref().filter(|(id, ids)| {
            id.unraw() == name.unraw()
                || ids.as_ref().is_some_and(|ids| ids.unraw() == name.unraw())
        }) {
            let message = format!(
                "`{id}` has to be a part of the key, because the items of a call are told apart by it: do not skip it"
            );
            errors.at(name, message);
        } else if scope.find(name).is_none() {
            errors.at(name, format!("`{name}` is not an argument{}", scope.described()));
        } else if scope.names().filter(|argument| argument.unraw() == name.unraw()).count() > 1 {
            let message = format!(
                "two arguments have the name `{name}`, one of them from a macro: give them different names"
            );
            errors.at(name, message);
        }
    }
    if let Some(skip) = skip.filter(|_| skipped.is_empty()) {
        errors.at(&skip.name, "`skip` names no argument: name one, or remove it");
    }
    let is_skipped = |name: &Ident| skipped.iter().any(|skipped| skipped.unraw() == name.unraw());
    if let Some(receiver) = scope.receiver.as_ref().filter(|receiver| !is_skipped(receiver)) {
        errors.at(receiver, SELF);
    }
    scope.arguments.iter().filter(|argument| !is_skipped(&argument.name)).cloned().collect()
}

const SELF: &str = "decide whether `self` is part of the key: `skip(self)` if the result does not \
                    depend on it, or `key = \"{self.id}:{arg}\"` (or `key = (self.id, arg)`) if \
                    it does";
