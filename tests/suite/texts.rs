//! A text that a person writes has the same answer in the direct API, over HTTP and in the configuration. The tests of
//! `cache-macros` and `cachectl` use the same tables.

use std::fmt::Display;
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, SetOptions, Ttl};
use cache_tests::texts::{NAMES, NO_KEY_PREFIXES, ONLY_AT_RUN_TIME, PREFIXES, TAGS, TIMES};
use reqwest::{Method, Url};
use serde_json::json;

use crate::admin::{Admin, KEY, answer};

const TTL: Duration = Duration::from_secs(60);

#[track_caller]
fn assert_answer<T, E: Display>(text: &str, part: &str, answer: Result<T, E>) {
    match (part, answer.err().map(|error| error.to_string())) {
        ("", None) => {}
        ("", Some(error)) => panic!("{text:?}: {error}"),
        (part, error) => {
            let error = error.unwrap_or_default();
            assert!(error.contains(part) && error.contains(&format!("{text:?}")), "{error}");
        }
    }
}

/// Deletes what a segment of the path names.
async fn delete(admin: &Admin, kind: &str, text: &str) -> Result<(), String> {
    let mut url = Url::parse(&admin.url()).unwrap();
    url.path_segments_mut().unwrap().push(kind).push(text);
    let request = admin.client.request(Method::DELETE, url);
    let answer = answer(request.header("x-cache-admin-key", KEY)).await;
    if answer.status.is_success() { Ok(()) } else { Err(answer.refusal(400).to_owned()) }
}

#[tokio::test]
async fn names_tags_and_prefixes_have_one_answer_each() {
    let manager = CacheManager::builder().build().unwrap();
    let admin = Admin::with_key(&manager).await;
    for (text, part) in PREFIXES {
        assert_answer(text, part, manager.invalidate_prefix(text).await);
        assert_answer(text, part, delete(&admin, "prefix", text).await);
    }
    let at_run_time = || ONLY_AT_RUN_TIME.iter().map(|text| (text, &""));
    for (text, part) in TAGS.iter().map(|(text, part)| (text, part)).chain(at_run_time()) {
        assert_answer(text, part, manager.invalidate_tag(text).await);
        assert_answer(text, part, manager.set("a", &1, SetOptions::ttl(TTL).tag(*text)).await);
        assert_answer(text, part, delete(&admin, "tag", text).await);
    }
    for (text, part) in NAMES.iter().map(|(text, part)| (text, part)).chain(at_run_time()) {
        assert_answer(text, part, manager.set(text, &1, TTL).await);
        assert_answer(text, part, manager.delete(text).await);
        assert_answer(text, part, delete(&admin, "entries", text).await);
    }
}

#[test]
fn a_prefix_with_a_ttl_is_one_that_a_function_can_have() {
    let is_only_invalidated = |text: &str| NO_KEY_PREFIXES.iter().any(|(other, _)| *other == text);
    let key_prefixes = PREFIXES.iter().filter(|(text, _)| !is_only_invalidated(text));
    for (text, part) in key_prefixes.chain(NO_KEY_PREFIXES) {
        let refused = CacheConfig::default().prefix_ttl(*text, TTL).validate();
        assert_eq!(refused.is_ok(), part.is_empty(), "{text:?}: {refused:?}");
        let told = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains(part), "{told}");
        // A list has white space around its items.
        if text.trim() == *text {
            let get = |name: &str| (name == "CACHE_PREFIX_TTLS").then(|| format!("{text}=5m"));
            assert_eq!(CacheConfig::from_vars(get).is_ok(), part.is_empty(), "{text:?}");
        }
    }
}

#[tokio::test]
async fn a_ttl_has_one_answer() {
    let manager = CacheManager::builder().build().unwrap();
    let admin = Admin::with_key(&manager).await;
    for (text, is_accepted) in TIMES {
        assert_eq!(text.parse::<Ttl>().is_ok(), *is_accepted, "{text:?}");
        let file = json!({ "default_ttl": text }).to_string();
        assert_eq!(serde_json::from_str::<CacheConfig>(&file).is_ok(), *is_accepted, "{text:?}");
        let body = json!({ "entries": [{ "name": "a", "value": 1, "ttl": text }] });
        let warm = admin.request(Method::POST, "/warm").header("x-cache-admin-key", KEY);
        let warmed = answer(warm.json(&body)).await;
        assert_eq!(warmed.status.is_success(), *is_accepted, "{text:?}: {warmed:?}");
        // A variable has white space around its value, and may be set to nothing.
        if !text.is_empty() && text.trim() == *text {
            let get = |name: &str| (name == "CACHE_DEFAULT_TTL").then(|| (*text).to_owned());
            assert_eq!(CacheConfig::from_vars(get).is_ok(), *is_accepted, "{text:?}");
        }
    }
}
