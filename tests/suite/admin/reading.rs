//! Endpoints that change nothing.

use std::time::Duration;

use cache_runtime::{CacheConfig, Mode, SetOptions, Status, Ttl, cached, with};
use serde_json::json;

use super::{Admin, change, item, item_path, with_key};
use crate::source::Source;
use crate::stores::{Store, TestCache, connect, on_each_store, on_stores, own_server, until};

#[tokio::test]
async fn the_statistics_are_those_of_the_manager() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        for id in [1, 1, 2, 1] {
            item(&source, id).await;
        }
        let admin = Admin::with_key(&cache.manager).await;
        let answer = admin.get("/stats").await;
        let stats = answer.ok();
        assert_eq!((&stats["total"]["hits"], &stats["total"]["misses"]), (&json!(2), &json!(2)));
        assert_eq!(
            (&stats["total_requests"], &stats["hit_rate_text"]),
            (&json!(4), &json!("50.0 %"))
        );
        assert_eq!(stats["prefixes"]["admin"]["loads"], 2);
        let site = &stats["sites"][0];
        assert_eq!((&site["name"], &site["enabled"]), (&json!(item_path()), &json!(true)));
        assert_eq!(site["load_times"]["count"], 2);
        let redis = cache.store != Store::Memory;
        assert_eq!((&stats["persistent"], &stats["shared"]), (&json!(redis), &json!(redis)));
        let asked = stats["redis_times"]["count"].as_u64().unwrap();
        assert_eq!(asked > 0, cache.store.has_redis());
    })
    .await;
}

#[tokio::test]
async fn the_statistics_of_all_processes_are_added_up_and_start_from_zero() {
    let often = |config: CacheConfig| config.stats_interval(Duration::from_millis(20));
    let cache = TestCache::new(Store::Redis, often).await;
    let (source, peer) = (Source::new(1), cache.peer().await);
    for manager in [&cache.manager, &peer] {
        with(manager, item(&source, 1)).await;
    }
    let admin = Admin::with_key(&cache.manager).await;
    // A report may come between the count of a miss and the count of its load.
    until(async || {
        let answer = admin.get("/stats/fleet").await;
        let stats = answer.ok();
        stats["total_requests"] == 2 && stats["prefixes"]["admin"]["loads"] == 1
    })
    .await;
    let answer = admin.get("/stats/fleet").await;
    let stats = answer.ok();
    assert_eq!((&stats["instances"], &stats["hit_rate_text"]), (&json!(2), &json!("50.0 %")));
    assert_eq!(stats["prefixes"]["admin"]["loads"], 1);
    is_rfc3339(&stats["since"]);
    is_rfc3339(&stats["reported"]);
    admin.post("/stats/fleet/reset").await.ok();
    assert_eq!(admin.get("/stats/fleet").await.ok()["total_requests"], 0);
}

#[tokio::test]
async fn while_redis_is_unavailable_the_statistics_of_all_processes_are_unavailable() {
    on_stores(&[Store::Outage], async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let refused = [admin.get("/stats/fleet").await, admin.post("/stats/fleet/reset").await];
        assert!(refused.iter().all(|answer| answer.refusal(503).contains("/health")));
    })
    .await;
}

#[tokio::test]
async fn health_has_the_latency_of_redis() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let answer = admin.get("/health").await;
        let health = answer.ok();
        assert_eq!(health["status"], "healthy");
        assert_eq!(health["latency_ms"].is_number(), cache.store.has_redis());
    })
    .await;
}

#[tokio::test]
async fn a_cache_that_is_off_is_shown_as_off() {
    on_stores(&Store::ONE_SERVER, async |cache: TestCache| {
        let off = cache.manager.config().clone().mode(Mode::Off);
        let manager = connect(off, &cache.clock).await;
        let source = Source::new(1);
        with(&manager, item(&source, 1)).await;
        let admin = Admin::with_key(&manager).await;
        let (stats, health) = (admin.get("/stats").await, admin.get("/health").await);
        let shown = ["backend", "persistent", "shared"].map(|field| stats.ok()[field].clone());
        assert_eq!(shown, [json!("off"), json!(false), json!(false)]);
        assert_eq!(
            (&stats.ok()["total"]["bypassed"], &health.ok()["backend"]),
            (&json!(1), &json!("off"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_required_redis_that_is_away_is_unavailable_and_any_other_degraded() {
    for (required, status) in [(true, 503), (false, 200)] {
        let cache = own_server(|config| config.require_redis(required)).await;
        let admin = Admin::with_key(&cache.manager).await;
        admin.get("/health").await.ok();
        cache.server().kill();
        // The link notices by itself within the health check interval; a question at once.
        cache.manager.ping().await;
        let answer = admin.get("/health").await;
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        let expected = if required { Status::Down } else { Status::Degraded };
        assert_eq!(answer.body["status"], json!(expected));
        assert!(answer.body["reason"].is_string());
        is_rfc3339(&answer.body["last_failure"]);
    }
}

#[tokio::test]
async fn the_registry_is_listed_with_what_invalidates() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let answer = admin.get("/sites").await;
        let sites = answer.ok();
        let listed = |list: &str, path: String| {
            let sites = sites[list].as_array().unwrap();
            sites.iter().find(|site| site["path"] == path.as_str()).cloned().unwrap()
        };
        assert_eq!(listed("cached", item_path())["tags"], json!(["shelf:{id}"]));
        let change = listed("mutations", item_path().replace("item", "change"));
        assert_eq!(change["prefix"], "admin:{id}");
        assert_eq!(sites["disabled"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn the_graph_shows_what_invalidates_and_what_calls() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        sum(&source, 3).await;
        let admin = Admin::with_key(&cache.manager).await;
        let answer = admin.get("/graph").await;
        let graph = answer.ok();
        let functions = graph["functions"].as_array().unwrap();
        let place = |function: &str| {
            let path = item_path().replace("item", function);
            functions.iter().position(|site| site["path"] == path.as_str()).unwrap()
        };
        let edge = |from: &str, to: usize| {
            let from = place(from);
            let edges = graph["edges"].as_array().unwrap().iter();
            edges.clone().find(|edge| edge["from"] == from && edge["to"] == to).cloned().unwrap()
        };
        let item = place("item");
        assert_eq!(functions[item]["kind"], "cached");
        assert_eq!(functions[item]["prefix"], "admin");
        assert_eq!(functions[item]["tags"], json!(["shelf:{id}"]));
        assert_eq!(functions[place("change")]["kind"], "invalidate");
        let invalidates = edge("change", item);
        assert_eq!(invalidates["kind"], "invalidates");
        assert_eq!(invalidates["by"], json!([{ "option": "prefix", "text": "admin:{id}" }]));
        let calls = edge("reading::sum", item);
        assert_eq!((&calls["kind"], &calls["inherits"]), (&json!("calls"), &json!(false)));
        assert!(calls["count"].as_u64() >= Some(1));
    })
    .await;
}

#[tokio::test]
async fn the_use_of_memory_is_shown_by_function_and_as_text() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        for id in [1, 1, 2, 1] {
            item(&source, id).await;
        }
        let admin = Admin::with_key(&cache.manager).await;
        let answer = admin.get("/sizing").await;
        let sizing = answer.ok();
        let keeps = !cache.store.asks_redis_each_time();
        let entries = if keeps { 2 } else { 0 };
        assert_eq!((&sizing["entries"], &sizing["lookups"]), (&json!(entries), &json!(4)));
        let function = &sizing["functions"][0];
        assert_eq!(
            (&function["name"], &function["entries"]),
            (&json!(item_path()), &json!(entries))
        );
        assert_eq!(function["bytes"].as_u64() > Some(0), keeps);
        let rate = if keeps { 0.5 } else { 0.0 };
        for field in ["hit_rate", "hit_rate_at_2x", "hit_rate_at_4x"] {
            assert_eq!(sizing[field], json!(rate), "{field}");
        }
        assert_eq!(sizing["advice"], json!([]));
        let text = sizing["text"].as_str().unwrap();
        assert!(text.starts_with(&format!("memory: {entries} entries, ")), "{text}");
        assert!(text.contains(&item_path()), "{text}");
    })
    .await;
}

#[cached(key_prefix = "sum-of-items", key = "{to}")]
async fn sum(source: &Source, to: u64) -> u64 {
    let mut sum = 0;
    for id in 0..to {
        sum += item(source, id).await;
    }
    sum
}

#[tokio::test]
async fn events_are_numbered_and_come_once() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        assert_eq!(admin.get("/events").await.ok(), &json!([]));
        change(7).await;
        let answer = admin.get("/events?after=0").await;
        let event = &answer.ok()[0];
        assert_eq!((&event["number"], &event["event"]), (&json!(1), &json!("invalidated")));
        assert_eq!(event["tags"], json!(["admin:7"]));
        is_rfc3339(&event["at"]);
        assert_eq!(admin.get("/events?after=1").await.ok(), &json!([]));
    })
    .await;
}

/// Such as `2026-11-28T18:05:26.123Z`.
#[track_caller]
fn is_rfc3339(time: &serde_json::Value) {
    let digits = time.as_str().unwrap_or_default().replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(digits, "0000-00-00T00:00:00.000Z", "{time}");
}

#[tokio::test]
async fn an_outage_is_an_event_and_so_is_its_end() {
    let cache =
        own_server(|config| config.redis_health_check_interval(Duration::from_millis(50))).await;
    cache.server().kill();
    until(async || {
        cache.manager.ping().await;
        !cache.manager.events(0).is_empty()
    })
    .await;
    cache.server().restart();
    until(async || !cache.manager.events(1).is_empty()).await;
    let kinds: Vec<_> =
        cache.manager.events(0).into_iter().map(|event| json!(event)["event"].clone()).collect();
    assert_eq!(kinds[0], "redis_lost");
    assert_eq!(kinds[kinds.len() - 1], "redis_back");
}

#[tokio::test]
async fn an_entry_says_how_old_it_is_and_whether_it_is_valid() {
    on_each_store(async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let missing = admin.get("/entries/admin:1").await;
        assert_eq!(missing.refusal(404), "there is no entry \"admin:1\"");

        let source = Source::new(1);
        item(&source, 1).await;
        cache.clock.advance(Duration::from_secs(10));
        let answer = admin.get("/entries/admin:1").await;
        let entry = answer.ok();
        assert_eq!((&entry["state"], &entry["function"]), (&json!("fresh"), &json!(item_path())));
        assert_eq!(entry["age"].as_f64().unwrap().round(), 10.0);
        assert_eq!(entry["value"], json!(null));
        if cache.store.has_redis() {
            assert_eq!((&entry["store"], &entry["codec"]), (&json!("redis"), &json!("bincode")));
            let tags = entry["tags"].as_array().unwrap();
            assert!(tags.contains(&json!({ "name": "shelf:1", "current": true })), "{tags:?}");
            assert!(tags.contains(&json!({ "name": "admin", "current": true })), "{tags:?}");
        } else {
            assert_eq!(entry["store"], "memory");
        }

        cache.manager.invalidate_tag("shelf:1").await.unwrap();
        let answer = admin.get("/entries/admin:1").await;
        let entry = answer.ok();
        assert_eq!(entry["state"], "invalidated");
        if cache.store.has_redis() {
            let tags = entry["tags"].as_array().unwrap();
            assert!(tags.contains(&json!({ "name": "shelf:1", "current": false })), "{tags:?}");
        }
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "admin:hashed")]
async fn hashed(id: u64) -> u64 {
    id
}

#[tokio::test]
async fn an_entry_of_a_function_is_found_by_its_name() {
    use cache_runtime::CacheCall as _;
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        hashed(1).await;
        let name = hashed(1).cache_entry().name().unwrap();
        let inspected = cache.manager.inspect(&name).await.unwrap().unwrap();
        assert_eq!(inspected.function, Some(concat!(module_path!(), "::hashed")));
        assert_eq!(inspected.ttl, Ttl::For(Duration::from_secs(60)));
        cache.clock.advance(Duration::from_secs(61));
        let inspected = cache.manager.inspect(&name).await.unwrap();
        let expired = inspected.is_none_or(|entry| entry.remaining == Ttl::For(Duration::ZERO));
        assert!(expired);
    })
    .await;
}

#[tokio::test]
async fn a_value_is_shown_only_if_configured_and_to_those_with_the_key() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        cache.leaves_endless_keys();
        let value = json!({ "name": "Ada", "tags": [1, 2.5, null] });
        cache.manager.set("admin:json", &value, SetOptions::forever()).await.unwrap();
        let config = with_key().public_reads(true);
        let hidden = Admin::serve(&cache.manager, config.clone()).await;
        assert_eq!(hidden.get("/entries/admin:json").await.ok()["value"], json!(null));
        let shown = Admin::serve(&cache.manager, config.show_values(true)).await;
        assert_eq!(shown.get("/entries/admin:json").await.ok()["value"], value);
        let public =
            super::answer(shown.request(reqwest::Method::GET, "/entries/admin:json")).await;
        assert_eq!(public.ok()["value"], json!(null));
    })
    .await;
}
