//! Who may do what.

use cache_admin::AdminConfig;
use reqwest::Method;

use super::{Admin, KEY, answer, with_key};
use crate::stores::{Store, TestCache, on_stores};

const READING: [&str; 7] =
    ["/stats", "/stats/cluster", "/health", "/sites", "/events", "/metrics", "/entries/admin:1"];
const CHANGING: [(&str, &str); 10] = [
    ("POST", "/stats/reset"),
    ("POST", "/stats/cluster/reset"),
    ("DELETE", "/entries/admin:1"),
    ("DELETE", "/prefix/admin"),
    ("DELETE", "/tag/shelf:1"),
    ("DELETE", "/pattern?pattern=*"),
    ("DELETE", "/all?confirm=CONFIRM_FLUSH"),
    ("POST", "/warm"),
    ("POST", "/sites/some/disable"),
    ("POST", "/sites/some/enable"),
];

fn method(name: &str) -> Method {
    name.parse().unwrap()
}

#[tokio::test]
async fn without_a_configured_key_nobody_may_do_anything() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::serve(&cache.manager, AdminConfig::default()).await;
        let reading = READING.map(|path| ("GET", path));
        for (name, path) in reading.into_iter().chain(CHANGING) {
            let request = admin.request(method(name), path).header("x-cache-admin-key", KEY);
            let refused = answer(request).await;
            let reason = refused.refusal(403);
            assert!(reason.contains("CACHE_ADMIN_KEY"), "{name} {path}: {reason}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_refused_and_said_so() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        cache.manager.set("admin:1", &1, cache_runtime::SetOptions::forever()).await.unwrap();
        let admin = Admin::with_key(&cache.manager).await;
        let reading = READING.map(|path| ("GET", path));
        for (name, path) in reading.into_iter().chain(CHANGING) {
            let request = || admin.request(method(name), path);
            let missing = answer(request()).await;
            assert!(missing.refusal(401).contains("x-cache-admin-key"), "{name} {path}");
            for wrong in ["", "the key of these test", "the key of these testS", "another"] {
                let refused = answer(request().header("x-cache-admin-key", wrong)).await;
                assert_eq!(refused.refusal(401), "this is not the admin key", "{name} {path}");
            }
        }
        assert_eq!(cache.manager.get::<i32>("admin:1").await.unwrap(), Some(1));
    })
    .await;
}

#[tokio::test]
async fn the_key_is_taken_from_either_header() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        answer(admin.request(Method::GET, "/stats").bearer_auth(KEY)).await.ok();
        admin.get("/stats").await.ok();
    })
    .await;
}

#[tokio::test]
async fn reading_is_public_only_if_configured_and_changing_never() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::serve(&cache.manager, with_key().public_reads(true)).await;
        for path in &READING[..6] {
            answer(admin.request(Method::GET, path)).await.ok();
        }
        answer(admin.request(Method::GET, READING[6])).await.refusal(404);
        for (name, path) in CHANGING {
            answer(admin.request(method(name), path)).await.refusal(401);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let nothing = admin.get("/nothing").await;
        assert_eq!(nothing.refusal(404), "there is no GET /nothing");
    })
    .await;
}
