//! Access to the endpoints, with and without a key.

use cache_admin::AdminConfig;
use reqwest::Method;

use super::{Admin, KEY, answer, with_key};
use crate::stores::{Store, TestCache, on_stores};

const READING: [&str; 9] = [
    "/stats",
    "/stats/fleet",
    "/health",
    "/sites",
    "/graph",
    "/sizing",
    "/events",
    "/metrics",
    "/entries/admin:1",
];
const CHANGING: [(&str, &str); 10] = [
    ("POST", "/stats/reset"),
    ("POST", "/stats/fleet/reset"),
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
        for scheme in ["bearer", "BEARER", "Bearer "] {
            let request = admin.request(Method::GET, "/stats");
            answer(request.header("authorization", format!("{scheme} {KEY}"))).await.ok();
        }
        for other in ["Basic", "Bearers", "", "Bearer:"] {
            let request = admin.request(Method::GET, "/stats");
            let request = request.header("authorization", format!("{other} {KEY}"));
            assert!(answer(request).await.refusal(401).contains("missing"), "{other:?}");
        }
        admin.get("/stats").await.ok();
    })
    .await;
}

#[tokio::test]
async fn reading_is_public_only_if_configured_and_changing_never() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::serve(&cache.manager, with_key().public_reads(true)).await;
        for path in &READING[..8] {
            answer(admin.request(Method::GET, path)).await.ok();
        }
        answer(admin.request(Method::GET, READING[8])).await.refusal(404);
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

#[tokio::test]
async fn every_refusal_is_problem_details() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        for (name, path, status) in [
            ("GET", "/entries/", 404),
            ("DELETE", "/stats", 405),
            ("PUT", "/entries/admin:1", 405),
            ("POST", "/", 405),
            ("GET", "/entries/%ff", 400),
            ("DELETE", "/entries/a%ff", 400),
            ("DELETE", "/prefix/%ff", 400),
            ("DELETE", "/tag/%c3%28", 400),
            ("POST", "/sites/%ff/disable", 400),
            ("DELETE", "/pattern", 400),
            ("GET", "/events?after=x", 400),
        ] {
            let url = format!("http://{}/cache{path}", admin.address);
            let request = admin.client.request(method(name), url).header("x-cache-admin-key", KEY);
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["cache-control"], "no-store", "{name} {path}");
            let allowed = response.headers().contains_key("allow");
            assert_eq!(allowed, status == 405, "{name} {path}: {response:?}");
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert_eq!(response.status().as_u16(), status, "{name} {path}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_page_is_there_with_a_slash_at_its_end_too_and_nothing_else_is_stored() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let header = async |path: &str| {
            let request = admin.request(Method::GET, path).header("x-cache-admin-key", KEY);
            let response = request.send().await.unwrap().error_for_status().unwrap();
            response.headers()["cache-control"].to_str().unwrap().to_owned()
        };
        for path in ["", "/"] {
            assert_eq!(header(path).await, "no-cache");
        }
        for path in ["/stats", "/health", "/sites", "/graph", "/sizing", "/events", "/metrics"] {
            assert_eq!(header(path).await, "no-store", "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn names_are_found_where_the_router_is_below_a_path_with_parameters() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let routes = cache_admin::router(cache.manager.clone(), with_key().public_reads(true));
        let service = axum::Router::new().nest_service("/{tenant}/cache", routes);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(axum::serve(listener, service).into_future());
        let url = format!("http://{address}/one/cache/entries/admin:1");
        let missing = answer(reqwest::Client::new().get(url)).await;
        assert_eq!(missing.refusal(404), "there is no entry \"admin:1\"");
        served.abort();
    })
    .await;
}
