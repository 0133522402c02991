//! The admin endpoints where the service nests them, and the probes.

use cache_admin::{AdminConfig, AdminKey};
use reqwest::Method;

use crate::running::{Running, answer};

const KEY: &str = "the key of these tests";

#[tokio::test]
async fn who_has_the_key_makes_the_service_load_anew() {
    let admin = AdminConfig::default().key(AdminKey::new(KEY).unwrap());
    let service = Running::with_admin(admin).await;
    service.get("/videos/1").await.ok();
    let delete = || service.request(Method::DELETE, "/cache/entries/video:1");
    assert!(answer(delete()).await.refusal(401).contains("key is missing"));
    let with_key = |request: reqwest::RequestBuilder| request.header("x-cache-admin-key", KEY);
    answer(with_key(delete())).await.ok();
    service.get("/videos/1").await.ok();
    let stats = answer(with_key(service.request(Method::GET, "/cache/stats"))).await;
    assert_eq!(stats.ok()["prefixes"]["video"]["loads"], 2);
}

#[tokio::test]
async fn the_page_is_there_with_a_slash_at_its_end_too() {
    let service = Running::start().await;
    for path in ["/cache", "/cache/"] {
        let page = service.get(path).await;
        assert!(page.ok().as_str().unwrap().contains("<!doctype html>"), "{path}");
    }
}

#[tokio::test]
async fn probes_need_no_key() {
    let service = Running::with_admin(AdminConfig::default()).await;
    assert_eq!(service.get("/healthz").await.ok(), "alive\n");
    assert_eq!(service.get("/readyz").await.ok(), "healthy\n");
    assert!(service.get("/cache/health").await.refusal(403).contains("CACHE_ADMIN_KEY"));
}
