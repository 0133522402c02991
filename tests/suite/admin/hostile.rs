//! Hostile parameters.

use proptest::prelude::*;
use reqwest::{Method, Url};
use tokio::runtime::Runtime;

use super::{Admin, KEY, answer};
use crate::stores::{Store, TestCache};

/// Names and patterns of all kinds of characters, those that mean something here more often.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z:*?#%/\\[\\]{}\\\\ ^-]{0,40}",
        "\\PC{0,40}",
        proptest::collection::vec(any::<char>(), 0..20).prop_map(|all| all.into_iter().collect()),
        Just("x".repeat(5_000)),
    ]
}

#[test]
fn no_parameter_is_the_servers_fault() {
    let runtime = Runtime::new().unwrap();
    let admin = runtime.block_on(async {
        let cache = TestCache::new(Store::Memory, |config| config).await;
        Admin::with_key(&cache.manager).await
    });
    proptest!(ProptestConfig::with_cases(256), |(text in text(), number in text())| {
        let base = Url::parse(&format!("http://{}/cache/", admin.address)).unwrap();
        let segment = |head: &str| {
            let mut url = base.clone();
            url.path_segments_mut().unwrap().pop_if_empty().push(head).push(&text);
            url
        };
        let query = |path: &str, name: &str, value: &str| {
            let mut url = base.join(path).unwrap();
            url.query_pairs_mut().append_pair(name, value);
            url
        };
        let requests = [
            (Method::GET, segment("entries")),
            (Method::DELETE, segment("entries")),
            (Method::DELETE, segment("prefix")),
            (Method::DELETE, segment("tag")),
            (Method::DELETE, query("pattern", "pattern", &text)),
            (Method::DELETE, query("all", "confirm", &text)),
            (Method::GET, query("events", "after", &number)),
        ];
        for (method, url) in requests {
            let request = admin.client.request(method.clone(), url.clone());
            let answer = runtime.block_on(answer(request.header("x-cache-admin-key", KEY)));
            let status = answer.status.as_u16();
            prop_assert!(status < 500, "{method} {url}: {answer:?}");
            if status >= 400 {
                prop_assert_eq!(&answer.kind, "application/problem+json", "{} {}: {:?}", method, url, answer);
            }
        }
    });
}
