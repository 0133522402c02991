//! Checks `each(id in ids)`: a function of many keys.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Expr, FnArg, Ident, Pat, PatIdent, PatType, Token, Type};

use super::literal::at;
use super::scope::Scope;
use super::task::{has_opaque, ungrouped};
use crate::attr::{EachIn, Written};
use crate::error::list;
use crate::item::Item;
use crate::mention::{mention, mentions};
use crate::spec::{Each, Key, Piece, Tag, Template};

const ACCEPTED: &str = "`each` takes a new name for one id, and the argument that holds all of them: `each(id in ids)`";

/// The types of the argument that holds the ids, for messages.
const LISTS: &str = "`&[K]`, `Vec<K>`, `HashSet<K>` or `BTreeSet<K>`";

/// Returns the names that the options of this function can use.
pub(crate) fn scope(given: Option<&Written<EachIn>>, item: &Item) -> Scope {
    let Some(given) = given else { return Scope::of(item) };
    match names(given) {
        Ok((id, ids)) => Scope::of_each(item, &id, Some(&ids)),
        // The mistake is reported once, and not at each template.
        Err(_) => match syn::parse2::<First>(given.value.tokens.clone()) {
            Ok(First(id)) => Scope::of_each(item, &id, None),
            Err(_) => Scope::of(item),
        },
    }
}

/// Returns the ids of the function.
pub(crate) fn each(given: &Written<EachIn>, item: &Item) -> syn::Result<Each> {
    let (id, ids) = names(given)?;
    let scope = Scope::of(item);
    let found = argument(&id, &ids, item, &scope);
    if scope.find(&id).is_none() {
        return found;
    }
    let message = format!(
        "`{id}` is an argument already: `each` takes a new name for one of the ids in `{ids}`"
    );
    let mut error = syn::Error::new_spanned(&id, message);
    if let Err(other) = found {
        error.combine(other);
    }
    Err(error)
}

/// Checks that the key of one id is not that of the others.
pub(crate) fn distinct(given: &Written<Expr>, key: Key, scope: &Scope) -> syn::Result<Key> {
    let Some((id, ids)) = &scope.each else { return Ok(key) };
    if let (Key::Value(value), Some(ids)) = (&key, ids)
        && let Some(place) = mention(value, ids)
    {
        let message = format!(
            "`{ids}` is all ids of a call, and each of them has a key of its own: use `{id}`"
        );
        return Err(syn::Error::new(place, message));
    }
    let is_distinct = match &key {
        Key::Arguments(_) => true,
        Key::Template(template) => uses(template, id),
        Key::Value(value) => mentions(value, id),
    };
    if !is_distinct {
        let message = format!(
            "this `key` is the same for all ids, so all items of a call would share one value: use `{id}`, such as \
             `\"{{{id}}}\"`"
        );
        return Err(at(given, message));
    }
    Ok(key)
}

/// Checks that the entry of one id is not that of the others.
pub(crate) fn check_entry(given: &Written<Expr>, call: &Expr, scope: &Scope) -> syn::Result<()> {
    match &scope.each {
        Some((id, _)) if !mentions(call, id) => {
            let message = format!(
                "this `entry` is the same for all ids, so all items of a call would share one value: use `{id}`"
            );
            Err(at(given, message))
        }
        _ => Ok(()),
    }
}

/// Returns true if a template has a value of this argument.
pub(crate) fn uses(template: &Template, name: &Ident) -> bool {
    template
        .pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Place { root, .. } if root.unraw() == name.unraw()))
}

/// Returns true if a tag has a value of this argument.
pub(crate) fn is_of(tag: &Tag, name: &Ident) -> bool {
    match tag {
        Tag::Template(template) => uses(template, name),
        Tag::Value(value) => mentions(value, name),
    }
}

/// Returns the two names.
fn names(given: &Written<EachIn>) -> syn::Result<(Ident, Ident)> {
    let EachIn { tokens, in_parentheses } = &given.value;
    if tokens.is_empty() || !in_parentheses {
        return Err(syn::Error::new_spanned(&given.name, ACCEPTED));
    }
    let parse = |input: ParseStream<'_>| {
        let names = read(input);
        let wrong = input.parse::<TokenStream>()?.into_iter().next();
        let wrong = wrong.map_or_else(|| tokens.clone(), |token| token.to_token_stream());
        names.map_err(|_| syn::Error::new_spanned(wrong, ACCEPTED))
    };
    parse.parse2(tokens.clone())
}

fn read(input: ParseStream<'_>) -> syn::Result<(Ident, Ident)> {
    let id = input.parse()?;
    input.parse::<Token![in]>()?;
    let ids = input.parse()?;
    if input.is_empty() { Ok((id, ids)) } else { Err(input.error("more than two names")) }
}

/// The first name of what cannot be read in full.
struct First(Ident);

impl syn::parse::Parse for First {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        input.parse::<TokenStream>().map(|_| Self(name))
    }
}

/// Finds the argument that holds the ids.
fn argument(id: &Ident, ids: &Ident, item: &Item, scope: &Scope) -> syn::Result<Each> {
    let found = item.sig.inputs.iter().find_map(|input| match input {
        FnArg::Typed(typed) => plain(&typed.pat)
            .filter(|plain| plain.ident.unraw() == ids.unraw())
            .map(|plain| (typed, plain)),
        FnArg::Receiver(_) => None,
    });
    match found {
        Some((typed, plain)) => checked(id, typed, plain),
        None if scope.find(ids).is_some() => {
            let message = "is bound by a pattern, and a run of the body gets other ids in its place: give the argument \
                           a name, and destructure it in the body";
            Err(at_ids(ids, message))
        }
        None => {
            let arguments = scope.arguments.iter().map(|argument| argument.name.unraw());
            let arguments = match scope.arguments.is_empty() {
                true => "the function has no arguments".to_owned(),
                false => format!("the arguments are {}", list(arguments)),
            };
            Err(at_ids(ids, &format!("is not an argument; {arguments}")))
        }
    }
}

fn at_ids(ids: &Ident, problem: &str) -> syn::Error {
    syn::Error::new_spanned(ids, format!("`{ids}` {problem}"))
}

/// Returns a pattern that is only a name.
fn plain(pattern: &Pat) -> Option<&PatIdent> {
    match pattern {
        Pat::Ident(plain) if plain.by_ref.is_none() && plain.subpat.is_none() => Some(plain),
        _ => None,
    }
}

fn checked(id: &Ident, typed: &PatType, plain: &PatIdent) -> syn::Result<Each> {
    let ids = &plain.ident;
    if let Some(attr) = typed.attrs.iter().find(|attr| attr.path().is_ident("cfg")) {
        let message = format!("`{ids}` holds the ids of every call, so it cannot have a `#[cfg]`");
        return Err(syn::Error::new_spanned(attr, message));
    }
    if has_opaque(&typed.ty) {
        let message = format!("`{ids}` has a type without a name: take {LISTS}");
        return Err(syn::Error::new_spanned(&typed.ty, message));
    }
    let borrowed = match ungrouped(&typed.ty) {
        Type::Reference(reference) if reference.mutability.is_some() => {
            let message = format!("`{ids}` is a `&mut` borrow: take {LISTS}");
            return Err(syn::Error::new_spanned(&typed.ty, message));
        }
        Type::Reference(reference) => Some(Type::clone(&reference.elem)),
        _ => None,
    };
    let place = borrowed.as_ref().unwrap_or(&typed.ty).span();
    Ok(Each { id: id.clone(), ids: ids.clone(), mutable: plain.mutability, borrowed, place })
}
