//! Endpoints that change something.

use std::time::Duration;

use cache_runtime::{Mode, SetOptions, cached};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Admin, KEY, answer, change, item, item_path, with_key};
use crate::log::Log;
use crate::source::Source;
use crate::stores::{Store, TestCache, connect, on_each_store, on_stores, until};

#[tokio::test]
async fn everything_that_invalidates_makes_the_next_call_load() {
    on_each_store(async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let source = Source::new(1);
        let paths = [
            "/entries/admin:1",
            "/prefix/admin",
            "/prefix/admin:1",
            "/tag/shelf:1",
            "/prefix/admin?soft=30s",
            "/tag/shelf:1?soft=30s",
            "/pattern?pattern=adm*:[0-9]",
            "/all?confirm=CONFIRM_FLUSH",
        ];
        for (done, path) in paths.iter().enumerate() {
            item(&source, 1).await;
            item(&source, 1).await;
            assert_eq!(source.reads(), done + 1, "before {path}");
            admin.delete(path).await.ok();
            item(&source, 1).await;
            assert_eq!(source.reads(), done + 2, "after {path}");
        }
    })
    .await;
}

#[cached(ttl = "1h", stale_if_error = "1h", key_prefix = "admin:kept", key = "{id}")]
async fn kept(source: &Source, id: u64) -> Result<u64, String> {
    _ = id;
    match source.read().await {
        0 => Err("no data".to_owned()),
        value => Ok(value),
    }
}

#[tokio::test]
async fn a_soft_invalidation_leaves_stale_values() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let source = Source::new(1);
        assert_eq!(kept(&source, 1).await, Ok(1));
        cache.clock.advance(Duration::from_secs(1));
        source.set(0);
        admin.delete("/prefix/admin?soft=30s").await.ok();
        assert_eq!(kept(&source, 1).await, Ok(1), "{:?}", cache.store);
        assert_eq!(source.reads(), 2);
        for soft in ["0", "forever", "soon", ""] {
            let refused = admin.delete(&format!("/prefix/admin?soft={soft}")).await;
            let told = refused.refusal(400);
            assert!(told.contains("a duration of at least a millisecond"), "{told}");
        }
        admin.delete("/prefix/admin").await.ok();
        kept(&source, 1).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn a_cache_that_is_off_invalidates_for_other_processes() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let off = cache.manager.config().clone().mode(Mode::Off);
        let admin = Admin::with_key(&connect(off, &cache.clock).await).await;
        let source = Source::new(1);
        for (value, path) in [(2, "/entries/admin:1"), (3, "/prefix/admin"), (4, "/tag/shelf:1")] {
            assert_eq!(item(&source, 1).await, value - 1, "before {path}");
            source.set(value);
            admin.delete(path).await.ok();
            until(async || item(&source, 1).await == value).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_removed_is_told() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        cache.leaves_endless_keys();
        let admin = Admin::with_key(&cache.manager).await;
        for name in ["told:1", "told:2", "told/3 and more"] {
            cache.manager.set(name, &1, SetOptions::forever()).await.unwrap();
        }
        let done = async |path: &str| admin.delete(path).await.ok()["done"].clone();
        assert_eq!(done("/entries/told:9").await, json!({ "deleted": false }));
        assert_eq!(done("/entries/told%2F3%20and%20more").await, json!({ "deleted": true }));
        assert_eq!(done("/prefix/other").await, json!({ "invalidated": "other" }));
        assert_eq!(done("/pattern?pattern=told:*").await, json!({ "removed": 2 }));
    })
    .await;
}

#[tokio::test]
async fn everything_is_removed_only_if_that_is_confirmed() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        cache.manager.set("kept", &1, SetOptions::forever()).await.unwrap();
        for path in ["/all", "/all?confirm=", "/all?confirm=yes", "/all?confirm=confirm_flush"] {
            let refused = admin.delete(path).await;
            let reason = refused.refusal(400);
            assert!(reason.ends_with("add `?confirm=CONFIRM_FLUSH`"), "{reason}");
        }
        assert_eq!(cache.manager.get::<i32>("kept").await.unwrap(), Some(1));
        let done = admin.delete("/all?confirm=CONFIRM_FLUSH").await;
        assert_eq!(done.ok()["done"], json!({ "removed": 1 }));
        assert_eq!(cache.manager.get::<i32>("kept").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn names_and_patterns_that_cannot_be_are_refused_with_the_reason() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        for (path, part) in [
            ("/entries/%23reserved", "the name \"#reserved\" cannot be used"),
            ("/prefix/a:b:c:d:e:f:g", "the prefix \"a:b:c:d:e:f:g\" cannot be used"),
            ("/tag/%23t", "the tag \"#t\" cannot be used"),
            ("/prefix/video:*", "a prefix covers everything below it anyway"),
            ("/prefix/video:", "it ends with `:`; leave that out"),
            ("/prefix/%20", "begins or ends with white space"),
            ("/tag/%20", "begins or ends with white space"),
            ("/tag/user:*", "a tag is matched as a whole"),
            ("/pattern?pattern=%5B%5Dx", "matches no character"),
            ("/pattern?pattern=", "the pattern \"\" cannot be used"),
            ("/pattern", "missing field `pattern`"),
        ] {
            let refused = admin.delete(path).await;
            let reason = refused.refusal(400);
            assert!(reason.contains(part), "{path}: {reason}");
        }
    })
    .await;
}

async fn warm(admin: &Admin, body: &Value) -> super::Answer {
    let request = admin.request(Method::POST, "/warm").header("x-cache-admin-key", KEY);
    answer(request.json(body)).await
}

#[tokio::test]
async fn json_values_are_stored_for_the_cache_directly() {
    on_each_store(async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let entries = json!({ "entries": [
            { "name": "warm:1", "value": { "a": [1, "b"] }, "ttl": "5m", "tags": ["team:7"] },
            { "name": "warm:2", "value": 7 },
        ]});
        assert_eq!(warm(&admin, &entries).await.ok()["done"], json!({ "stored": 2 }));
        let get = async |name| cache.manager.get::<Value>(name).await.unwrap();
        assert_eq!(get("warm:1").await, Some(json!({ "a": [1, "b"] })));
        assert_eq!(get("warm:2").await, Some(json!(7)));
        cache.manager.invalidate_tag("team:7").await.unwrap();
        assert_eq!((get("warm:1").await, get("warm:2").await), (None, Some(json!(7))));
    })
    .await;
}

#[tokio::test]
async fn a_body_that_cannot_be_stored_is_refused_with_the_place() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::serve(&cache.manager, with_key().max_warm(2).max_body(1_000)).await;
        let entry = |name: &str| json!({ "name": name, "value": 1 });
        let three = json!({ "entries": [entry("a"), entry("b"), entry("c")] });
        let reason = warm(&admin, &three).await;
        assert_eq!(reason.refusal(400), "3 entries are given; one request may store at most 2");

        let bad = json!({ "entries": [entry("good"), entry("#bad")] });
        let refused = warm(&admin, &bad).await;
        let reason = refused.refusal(400);
        assert!(reason.starts_with("entry 1 (\"#bad\"): the name"), "{reason}");
        assert!(reason.ends_with("1 were stored"), "{reason}");

        let unknown = json!({ "entries": [{ "name": "a", "value": 1, "tll": "5m" }] });
        assert!(warm(&admin, &unknown).await.refusal(422).contains("unknown field `tll`"));
        let ttl = json!({ "entries": [{ "name": "a", "value": 1, "ttl": "soon" }] });
        assert!(warm(&admin, &ttl).await.refusal(422).contains("soon"));
        let large = json!({ "entries": [{ "name": "a", "value": "x".repeat(2_000) }] });
        warm(&admin, &large).await.refusal(413);
        let request = admin.request(Method::POST, "/warm").header("x-cache-admin-key", KEY);
        answer(request.header("content-type", "application/json").body("{")).await.refusal(400);
        assert_eq!(cache.manager.get::<Value>("a").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_function_that_is_switched_off_loads_each_time_and_is_invalidated_all_the_same() {
    on_each_store(async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let path = item_path();
        let source = Source::new(1);
        item(&source, 1).await;

        let done = admin.post(&format!("/sites/{path}/disable")).await;
        assert_eq!(done.ok()["done"], json!({ "disabled": path }));
        assert_eq!(admin.get("/sites").await.ok()["disabled"], json!([path]));
        source.set(2);
        assert_eq!((item(&source, 1).await, item(&source, 1).await), (2, 2));
        assert_eq!(source.reads(), 3);
        assert_eq!(cache.manager.stats().total.bypassed, 2);
        change(1).await;

        admin.post(&format!("/sites/{path}/enable")).await.ok();
        assert_eq!(item(&source, 1).await, 2, "the value of before has been invalidated");
        assert_eq!(admin.get("/sites").await.ok()["disabled"], json!([]));
        item(&source, 1).await;
        assert_eq!(source.reads(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_function_can_be_switched_off_before_it_is_called() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        cache.manager.set_enabled(&item_path(), false).unwrap();
        let source = Source::new(1);
        item(&source, 1).await;
        item(&source, 1).await;
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_function_that_is_not_there_cannot_be_switched() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        for action in ["disable", "enable"] {
            let refused = admin.post(&format!("/sites/no::such/{action}")).await;
            let reason = refused.refusal(404);
            assert!(
                reason.starts_with("there is no `#[cached]` function \"no::such\""),
                "{reason}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn the_statistics_start_from_zero_when_they_are_reset() {
    on_each_store(async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        item(&Source::new(1), 1).await;
        assert_eq!(admin.get("/stats").await.ok()["total"]["loads"], 1);
        assert_eq!(admin.post("/stats/reset").await.ok()["done"], "reset");
        let answer = admin.get("/stats").await;
        assert_eq!(answer.ok()["total"]["loads"], 0);
        assert_eq!(answer.ok()["redis_times"]["count"], 0);
    })
    .await;
}

#[tokio::test]
async fn each_change_is_logged_with_what_was_done_to_what_and_by_which_access() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let (log, _guard) = Log::capture();
        let namespace = cache.manager.config().namespace.clone();
        let function = item_path();
        let site = |what: &str| format!("/sites/{function}/{what}");
        let cases = [
            (Method::POST, "/stats/reset".to_owned(), "reset statistics", "this process"),
            (Method::DELETE, "/entries/admin:1".to_owned(), "delete entry", "admin:1"),
            (Method::DELETE, "/prefix/admin".to_owned(), "invalidate prefix", "admin"),
            (Method::DELETE, "/tag/shelf:1".to_owned(), "invalidate tag", "shelf:1"),
            (Method::DELETE, "/pattern?pattern=admin:*".to_owned(), "clear pattern", "admin:*"),
            (Method::DELETE, "/all?confirm=CONFIRM_FLUSH".to_owned(), "flush all", &namespace),
            (Method::POST, site("disable"), "switch off", &function),
            (Method::POST, site("enable"), "switch on", &function),
        ];
        let infos = || -> Vec<String> {
            let text = log.text();
            let lines = text.lines().filter(|line| line.contains(" INFO cache_admin"));
            lines.map(str::to_owned).collect()
        };
        for (number, (method, path, action, target)) in cases.into_iter().enumerate() {
            let request = admin.request(method, &path);
            let (request, access) = match number % 2 {
                0 => (request.bearer_auth(KEY), "Bearer"),
                _ => (request.header("x-cache-admin-key", KEY), "x-cache-admin-key"),
            };
            answer(request).await.ok();
            let lines = infos();
            assert_eq!(lines.len(), number + 1, "{path}: {lines:#?}");
            let (action, target) = (format!("action={action:?}"), format!("target={target:?}"));
            for said in [&*action, &*target, access] {
                assert!(lines[number].contains(said), "{said}: {}", lines[number]);
            }
        }
        let refused =
            admin.request(Method::DELETE, "/tag/shelf:1").bearer_auth("another key it is");
        answer(refused).await.refusal(401);
        assert_eq!(infos().len(), 8, "what was not done is not said");
        assert!(!log.text().contains(KEY), "{}", log.text());
    })
    .await;
}
