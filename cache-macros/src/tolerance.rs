//! Tests of half-typed code, which an editor expands. The function must stay, or the editor cannot complete,
//! show or find anything in it.
#![allow(clippy::unwrap_used, reason = "a failed parse is a failed test")]

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;

use crate::attr::{CachedAttr, InvalidateAttr, PutAttr};
use crate::{expand, item, valid};

/// Bodies in the middle of a line. Their delimiters balance, because otherwise there would be no expansion.
const HALF_TYPED: [&str; 14] = [
    "let x = id.",
    "let x = id.\n id + 1",
    "let = ;",
    "let",
    "let x: = 1; x",
    "match id { 0 => , _ => }",
    "match id { }.",
    "if id. { 1 }",
    "for in { }",
    "id.await.",
    "load(id, ).? .",
    "return &",
    "async { id. }.await",
    "#",
];

const CACHED: &str = "ttl = 5, key = \"{id}\", tags = [\"n:{id}\"]";
const INVALIDATE: &str = "prefix = \"n:{id}\", entry = load(id)";
const PUT: &str = "entry = load(id)";

#[test]
fn a_half_typed_body_leaves_a_function() {
    for body in HALF_TYPED {
        let body: TokenStream = body.parse().unwrap();
        let item = quote!(pub async fn half(id: u64) -> u64 { #body });
        for expanded in expansions(&item) {
            assert_function(&expanded, &body);
            assert!(!says_mistake(&expanded), "{body}: {expanded}");
        }
    }
}

#[test]
fn a_half_typed_body_of_many_keys_leaves_a_function() {
    for body in HALF_TYPED {
        let body: TokenStream = body.parse().unwrap();
        let item = quote!(pub async fn half(&mut self, ids: &[u64], x: u8) -> Vec<u64> { #body });
        for attribute in [
            "skip(self), each(id in ids)",
            "entry = load(id), each(id in ids)",
            "key = (id, x), each(id in ids), max_batch = 5",
        ] {
            let expanded = cached(attribute, &item);
            let body = body.to_string().replace("self", "__self_of_the_call");
            assert_function(&expanded, &body.parse().unwrap());
            assert!(!says_mistake(&expanded), "{body}: {expanded}");
        }
    }
}

#[test]
fn a_half_typed_body_in_a_box_leaves_a_function() {
    let body: TokenStream = "let x = self.".parse().unwrap();
    let item = quote! {
        fn half<'a>(&'a self, id: u64) -> Pin<Box<dyn Future<Output = u64> + Send + 'a>> {
            Box::pin(async move { #body })
        }
    };
    let expanded = cached("skip(self)", &item);
    assert_function(&expanded, &body);
    assert!(!says_mistake(&expanded), "{expanded}");
}

#[test]
fn a_half_typed_attribute_leaves_a_function() {
    let body: TokenStream = "id + 1".parse().unwrap();
    let item = quote!(async fn half(id: u64) -> u64 { #body });
    for attribute in [
        "tt",
        "ttl",
        "ttl = ",
        "ttl = \"5x\"",
        "key = \"{i}\"",
        "key = id.",
        "skip",
        "each",
        "each(id in)",
    ] {
        let expanded = cached(attribute, &item);
        assert_function(&expanded, &body);
        assert!(says_mistake(&expanded), "{attribute}: {expanded}");
    }
}

/// Tests that a signature that cannot be read is returned unchanged, so that the compiler reports its
/// mistakes.
#[test]
fn a_half_typed_signature_is_left_as_it_is() {
    for signature in
        ["async fn half(id: ) -> u64", "async fn half(id: u64) ->", "async fn (id: u64)"]
    {
        let item: TokenStream = format!("{signature} {{ id }}").parse().unwrap();
        for expanded in expansions(&item) {
            assert!(expanded.to_string().starts_with(&item.to_string()), "{expanded}");
            assert!(says_mistake(&expanded), "{signature}");
        }
    }
}

fn expansions(item: &TokenStream) -> [TokenStream; 3] {
    [cached(CACHED, item), invalidate(INVALIDATE, item), put(PUT, item)]
}

fn cached(attr: &str, item: &TokenStream) -> TokenStream {
    let attr = attr.parse().unwrap();
    crate::attribute::<CachedAttr>(attr, item.clone(), "cached", crate::cached_function)
}

fn invalidate(attr: &str, item: &TokenStream) -> TokenStream {
    let attr = attr.parse().unwrap();
    crate::attribute::<InvalidateAttr>(
        attr,
        item.clone(),
        "cache_invalidate",
        |attr, item, errors| Ok(expand::invalidate(&valid::invalidate(attr, item, errors)?, item)),
    )
}

fn put(attr: &str, item: &TokenStream) -> TokenStream {
    let attr = attr.parse().unwrap();
    crate::attribute::<PutAttr>(attr, item.clone(), "cache_put", |attr, item, errors| {
        Ok(expand::put(&valid::put(attr, item, errors)?, item, None))
    })
}

/// Asserts that the expansion begins with a function of the same name, and contains the typed body.
fn assert_function(expanded: &TokenStream, body: &TokenStream) {
    let signature: TokenStream =
        expanded.clone().into_iter().take_while(|token| !is_body(token)).collect();
    let function = item::parse(quote!(#signature {}), "cached").unwrap();
    assert_eq!(function.sig.ident, "half", "{expanded}");
    assert!(expanded.to_string().contains(&body.to_string()), "{body}: {expanded}");
}

fn is_body(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn says_mistake(expanded: &TokenStream) -> bool {
    expanded.to_string().contains("compile_error")
}
