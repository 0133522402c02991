//! Attributes accept and refuse the same texts as the direct API, HTTP, variables and the command line.

use quote::quote;

use super::{cached, invalidate};
use crate::naming;

use table::*;

#[allow(unreachable_pub, reason = "it is also a module of the tests' library")]
mod table {
    include!("../../../../tests/src/texts.rs");
}

fn assert_answer(text: &str, part: &str, mistakes: Vec<String>) {
    match part {
        "" => assert!(mistakes.is_empty(), "{text:?}: {mistakes:?}"),
        part => {
            assert!(mistakes.len() == 1 && mistakes[0].contains(part), "{text:?}: {mistakes:?}");
            assert!(mistakes[0].contains(&format!("{text:?} cannot be used")), "{mistakes:?}");
        }
    }
}

fn of_cached(attr: proc_macro2::TokenStream) -> Vec<String> {
    cached(
        attr,
        quote!(
            async fn f(id: u64) -> u64 {
                0
            }
        ),
    )
    .err()
    .unwrap_or_default()
}

fn of_invalidate(attr: proc_macro2::TokenStream) -> Vec<String> {
    invalidate(
        attr,
        quote!(
            async fn f(id: u64) {}
        ),
    )
    .err()
    .unwrap_or_default()
}

fn of_name(template: &str) -> Vec<String> {
    let naming = syn::parse2(quote!(#template)).unwrap();
    naming::expand(&naming).err().map(super::messages).unwrap_or_default()
}

#[test]
fn prefixes_tags_and_names_are_those_of_the_direct_api() {
    for (text, part) in PREFIXES {
        assert_answer(text, part, of_invalidate(quote!(prefix = #text)));
        if NO_KEY_PREFIXES.iter().all(|(other, _)| other != text) {
            assert_answer(text, part, of_cached(quote!(key_prefix = #text)));
        }
    }
    for (text, part) in NO_KEY_PREFIXES {
        assert_answer(text, part, of_cached(quote!(key_prefix = #text)));
    }
    for (text, part) in TAGS {
        assert_answer(text, part, of_invalidate(quote!(tags = [#text])));
        assert_answer(text, part, of_cached(quote!(tags = [#text])));
    }
    for (text, part) in NAMES {
        assert_answer(text, part, of_name(text));
    }
    for text in ONLY_AT_RUN_TIME {
        let part = if text.ends_with(':') { "it ends with `:`" } else { "it has an empty segment" };
        assert_answer(text, part, of_cached(quote!(tags = [#text])));
        assert_answer(text, part, of_name(text));
    }
}

#[test]
fn times_are_those_of_the_configuration() {
    for (text, is_accepted) in TIMES {
        let mistakes = of_cached(quote!(ttl = #text));
        assert_eq!(mistakes.is_empty(), *is_accepted, "{text:?}: {mistakes:?}");
    }
}
