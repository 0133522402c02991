#![allow(clippy::unwrap_used, reason = "a failed parse is a failed test")]

use std::collections::HashSet;

use quote::{format_ident, quote};

use super::elsewhere::{Answers, OF_CACHED, OF_CHANGES};
use super::{CachedAttr, InvalidateAttr, Options as _, PutAttr};
use crate::error::Errors;

fn messages(tokens: proc_macro2::TokenStream) -> Vec<String> {
    let mut errors = Errors::default();
    CachedAttr::parse(tokens, &mut errors);
    match errors.finish(()) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| error.to_string()).collect(),
    }
}

#[test]
fn options_are_kept_under_the_name_they_were_given() {
    let mut errors = Errors::default();
    let attr = CachedAttr::parse(quote!(prefix = "video", skip(db, self)), &mut errors);
    errors.finish(()).unwrap();
    assert_eq!(attr.prefix.unwrap().name, "prefix");
    assert_eq!(attr.skip.unwrap().value.0, ["db", "self"]);
    assert!(attr.ttl.is_none());
}

#[test]
fn keywords_are_options() {
    let mut errors = Errors::default();
    let tokens = quote!(if = |r| r.is_ok(), crate = ::a::b);
    let attr = InvalidateAttr::parse(tokens, &mut errors);
    errors.finish(()).unwrap();
    assert!(attr.condition.is_some() && attr.runtime.is_some());
}

#[test]
fn all_mistakes_are_reported() {
    let found = messages(quote!(tll = 5, key = , "x", skip = a, jitter = 0.1, jitter = 0.2));
    assert_eq!(
        found,
        [
            "unknown option `tll`: did you mean `ttl`?",
            "`key` needs a value: `key = ...`",
            "`skip` takes argument names in parentheses: `skip(db, self)`",
            "`jitter` is given twice",
        ]
    );
}

#[test]
fn options_of_other_caches_are_answered() {
    for (option, part) in [
        ("time", "`ttl = 300` (seconds) or `ttl = \"5m\"`"),
        ("ttl_secs", "`ttl = 300` (seconds) or `ttl = \"5m\"`"),
        ("ttl_millis", "`ttl = \"250ms\"`"),
        ("maxAge", "`ttl = 300` (seconds) or `ttl = \"5m\"`"),
        ("expires", "`ttl = |value| value.expires_in`"),
        ("tti", "reading it does not extend"),
        ("time_to_idle", "reading it does not extend"),
        ("refresh", "reading a value does not extend"),
        ("time_refresh", "reading it does not extend"),
        ("size", "CACHE_MEMORY_CAPACITY"),
        ("max_size", "CACHE_MEMORY_CAPACITY"),
        ("unbound", "64 MiB"),
        ("result", "only `Ok` is stored"),
        ("cache_err", ": `output = \"plain\"`"),
        ("option", ": `cache_none = false`"),
        ("result_fallback", "stale_if_error"),
        ("with_cached_flag", "fetch()"),
        ("with_cached_flag", "without its `Return<..>`"),
        ("convert", "not a type"),
        ("name", "key_prefix"),
        ("name", "cache_entry()"),
        ("ty", "`max_entries`"),
        ("type", "`ttl`"),
        ("create", "`max_entries`"),
        ("in_impl", "no cache to construct"),
        ("shards", "no cache to construct"),
        ("unsync_reads", "no cache to construct"),
        ("support_future", "no cache to construct"),
        ("map_error", "never fails the caller"),
        ("disk", "no store on disk"),
        ("durable", "no store on disk"),
        ("redis", "`tier = "),
        ("unless", "`bypass_if`"),
        ("condition", "`cache_if`"),
        ("sync", "share one run"),
        ("sync_writes", "share one run"),
        ("entries", "cache_invalidate"),
        ("batch", "`each(id in ids)`"),
        ("batch_size", "`max_batch = 100`"),
        ("cacheManager", "`manager = &self.cache`"),
    ] {
        let name = format_ident!("{option}");
        let found = messages(quote!(#name = 5));
        assert!(found.len() == 1 && found[0].contains(part), "{option}: {found:?}");
        assert!(!found[0].contains("did you mean"), "{option}: {found:?}");
    }
}

/// Tests that no name is in two groups, because the answer of the first group would always be given.
#[test]
fn every_name_of_another_cache_has_one_answer() {
    for answers in [OF_CACHED, OF_CHANGES] {
        let mut seen = HashSet::new();
        for name in answers.iter().flat_map(|(names, _)| *names) {
            assert!(seen.insert(name), "{name} is answered twice");
            assert!(!name.contains('_') && name.to_lowercase() == **name, "{name}");
        }
    }
}

/// Tests that the options of an attribute have no such answer, which would never be given.
#[test]
fn no_option_of_an_attribute_is_answered_as_unknown() {
    fn assert_apart(names: &[&str], elsewhere: &[&Answers]) {
        let mut answered = elsewhere.iter().copied().flatten().flat_map(|(names, _)| *names);
        assert!(answered.all(|other| names.iter().all(|name| name.replace('_', "") != *other)));
    }
    assert_apart(CachedAttr::NAMES, &[OF_CACHED]);
    assert_apart(InvalidateAttr::NAMES, &[OF_CHANGES]);
    assert_apart(PutAttr::NAMES, &[OF_CHANGES]);
}

#[test]
fn an_alias_beside_its_name_is_a_conflict() {
    let found = messages(quote!(key_prefix = "a", prefix = "b"));
    assert_eq!(
        found,
        ["`prefix` is another name of `key_prefix`, which is given already: remove one"]
    );
}
