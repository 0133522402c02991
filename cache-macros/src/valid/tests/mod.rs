#![allow(clippy::unwrap_used, reason = "a failed check is a failed test")]

mod each;
mod invalidate;
mod key;
mod options;
mod signature;
mod texts;

use proc_macro2::TokenStream;
use quote::quote;

use crate::attr::{CachedAttr, InvalidateAttr, Options as _};
use crate::error::Errors;
use crate::item;
use crate::spec::{Cached, Gathering, Invalidate, Key, Piece, Tag, Template};

fn cached(attr: TokenStream, function: TokenStream) -> Result<Cached, Vec<String>> {
    let mut errors = Errors::default();
    let attr = CachedAttr::parse(attr, &mut errors);
    let item = item::parse(function, "cached").map_err(messages)?;
    super::cached(attr, &item, None, errors).map_err(messages)
}

fn gathering(attr: TokenStream, function: TokenStream) -> Result<Gathering, Vec<String>> {
    let mut errors = Errors::default();
    let attr = CachedAttr::parse(attr, &mut errors);
    let item = item::parse(function, "cached").map_err(messages)?;
    super::gathering(attr, &item, errors).map_err(messages)
}

fn invalidate(attr: TokenStream, function: TokenStream) -> Result<Invalidate, Vec<String>> {
    let mut errors = Errors::default();
    let attr = InvalidateAttr::parse(attr, &mut errors);
    let item = item::parse(function, "cache_invalidate").map_err(messages)?;
    super::invalidate(attr, &item, errors).map_err(messages)
}

fn messages(errors: syn::Error) -> Vec<String> {
    errors.into_iter().map(|error| error.to_string()).collect()
}

/// Returns the only mistake in this attribute, on a function of two arguments.
fn mistake(attr: TokenStream) -> String {
    let function = quote!(
        async fn f(id: u64, user: User) -> u64 {
            0
        }
    );
    let mut mistakes = cached(attr, function).err().unwrap();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    mistakes.remove(0)
}

fn spec(attr: TokenStream) -> Cached {
    cached(
        attr,
        quote!(
            async fn f(id: u64, user: User) -> u64 {
                0
            }
        ),
    )
    .ok()
    .unwrap()
}

/// Returns the template with its places written out.
fn written(template: &Template) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Place { root, fields, optional } => {
            let sign = if *optional { "?" } else { "" };
            format!("<{}{sign}>", quote!(#root #(.#fields)*)).replace(' ', "")
        }
    };
    template.pieces.iter().map(piece).collect()
}

fn written_tag(tag: &Tag) -> String {
    match tag {
        Tag::Template(template) => written(template),
        Tag::Value(value) => quote!(#value).to_string().replace(' ', ""),
    }
}

fn names(key: &Key) -> Vec<String> {
    let Key::Arguments(names) = key else {
        return vec!["not a list".to_owned()];
    };
    names.iter().map(|argument| argument.name.to_string()).collect()
}
