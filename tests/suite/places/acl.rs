//! The rights that the documentation lists are all that is needed, and each of them is.

use std::cell::Cell;

use cache_runtime::{EventKind, Status, cached};
use cache_tests::RedisServer;

use super::*;
use crate::log::Log;
use crate::stores::{in_time, spawn_with};

/// Returns the words of the documented `ACL SETUSER`, for this namespace.
fn documented(namespace: &str) -> Vec<String> {
    let text = include_str!("../../../cache-runtime/docs/redis.md");
    let (_, rest) = text.split_once("```text acl\n").expect("the block of the user's rights");
    let (block, _) = rest.split_once("```").unwrap();
    let line = block.replace('\\', " ").replace("cache:", &format!("{namespace}:"));
    line.split_whitespace().map(str::to_owned).collect()
}

fn grant(server: &RedisServer, words: &[String]) {
    server.cli::<()>(&words.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Returns the commands that the server has denied since the last call.
fn denied(server: &RedisServer) -> Vec<String> {
    let log: Vec<std::collections::HashMap<String, redis::Value>> = server.cli(&["ACL", "LOG"]);
    server.cli::<()>(&["ACL", "LOG", "RESET"]);
    let denied = log.iter().map(|entry| format!("{:?}", entry.get("object")));
    denied.filter(|object| !object.contains("client|setinfo")).collect()
}

#[tokio::test]
async fn the_documented_rights_are_enough_for_everything() {
    let server = RedisServer::start();
    for mode in [Mode::Redis, Mode::Tiered] {
        for protocol in ["resp2", "resp3"] {
            let namespace = unique_namespace();
            grant(&server, &documented(&namespace));
            let url = server.url().replace("redis://", "redis://app:secret@");
            let [here, there] = two(&format!("{url}?protocol={protocol}"), mode, &namespace).await;
            everything_works(&here, &there).await;
            let diagnostics = here.diagnose().await;
            assert!(fault(&diagnostics).is_none(), "{diagnostics:#?}");
            assert_eq!(denied(&server), [] as [String; 0], "{mode:?}, {protocol}");
            _ = here.disconnect().await;
            _ = there.disconnect().await;
        }
    }
}

#[tokio::test]
async fn each_right_that_is_missing_is_named() {
    let server = RedisServer::start();
    let namespace = unique_namespace();
    let words = documented(&namespace);
    let url = server.url().replace("redis://", "redis://app:secret@");
    let rights: Vec<_> = words.iter().filter_map(|word| word.strip_prefix('+')).collect();
    assert!(rights.len() > 20, "{rights:?}");
    for right in rights {
        if right.starts_with("cluster|") || ["asking", "hello"].contains(&right) {
            // Those of a cluster's nodes are tried there.
            continue;
        }
        grant(&server, &words);
        server.cli::<()>(&["ACL", "SETUSER", "app", &format!("-{right}")]);
        let manager = CacheManager::builder()
            .config(CacheConfig::default().namespace(&*namespace).redis_url(&*url))
            .build()
            .unwrap();
        let diagnostics = manager.diagnose().await;
        let fault = fault(&diagnostics).unwrap_or_else(|| panic!("{right}: {diagnostics:#?}"));
        let told = format!("{} {}", fault.found, fault.advice.as_deref().unwrap_or_default());
        assert!(told.contains(&format!("+{right}")), "{right}: {told}");
        assert!(!told.contains("secret"), "{told}");
    }
}

/// Returns the rights without which nothing can be kept in Redis, of those that are documented.
fn needed(words: &[String]) -> Vec<&str> {
    let rest = ["ping", "scan", "eval", "hello", "asking", "subscribe"];
    let rights = words.iter().filter_map(|word| word.strip_prefix('+'));
    let is_needed = |right: &&str| {
        !rest.contains(right) && !right.starts_with("cluster|") && !right.starts_with('h')
    };
    rights.filter(is_needed).collect()
}

/// Returns the events that say that Redis is unavailable, or what it lacks.
fn told(manager: &CacheManager) -> String {
    let told = manager.events(0).into_iter().filter_map(|event| match event.what {
        EventKind::RedisLost { reason } => Some(reason),
        EventKind::RedisLacks { what } => Some(what),
        _ => None,
    });
    told.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_right_without_which_nothing_works_is_named_when_the_link_is_made() {
    let server = RedisServer::start();
    let namespace = unique_namespace();
    let words = documented(&namespace);
    let url = server.url().replace("redis://", "redis://app:secret@");
    for right in needed(&words) {
        grant(&server, &words);
        server.cli::<()>(&["ACL", "SETUSER", "app", &format!("-{right}")]);
        let (log, _capture) = Log::capture();
        let [manager, _] = two(&url, Mode::Tiered, &namespace).await;
        manager.set("a", &1, Duration::from_secs(60)).await.unwrap();
        assert_eq!(manager.get("a").await.unwrap(), Some(1), "{right}: in memory");
        let health = manager.health().await;
        assert_eq!(health.backend, "memory", "{right}");
        let rule = format!("ACL SETUSER app +{right}");
        for told in [health.reason.unwrap(), told(&manager), log.text()] {
            assert!(told.contains(&rule) && !told.contains("secret"), "{right}: {told}");
        }
    }
}

#[tokio::test]
async fn a_right_that_is_taken_away_is_named_at_the_first_refusal() {
    let server = RedisServer::start();
    let namespace = unique_namespace();
    let words = documented(&namespace);
    let url = server.url().replace("redis://", "redis://app:secret@");
    for right in ["get", "getrange", "pexpire", "unlink", "evalsha", "mget"] {
        grant(&server, &words);
        let (log, _capture) = Log::capture();
        let [manager, _] = two(&url, Mode::Redis, &namespace).await;
        let source = Source::new(1);
        assert_eq!(with(&manager, place(&source, 1)).await, 1);
        server.cli::<()>(&["ACL", "SETUSER", "app", &format!("-{right}")]);
        let turn = Cell::new(1);
        until(async || {
            // Each way to use it.
            turn.set(turn.get() + 1);
            with(&manager, place(&source, turn.get())).await;
            with(&manager, change(&source, 1, turn.get())).await;
            manager.health().await.backend == "memory"
        })
        .await;
        let rule = format!("ACL SETUSER app +{right}");
        until(async || told(&manager).contains(&rule)).await;
        assert!(manager.health().await.reason.unwrap().contains(&rule), "{right}");
        assert!(log.text().contains(&rule), "{right}: {}", log.text());
        grant(&server, &words);
        until(async || manager.health().await.backend == "redis").await;
        assert_eq!(manager.health().await.reason, None);
    }
}

#[tokio::test]
async fn what_the_cache_goes_on_without_is_named_too() {
    let server = RedisServer::start();
    let namespace = unique_namespace();
    let words = documented(&namespace);
    let url = server.url().replace("redis://", "redis://app:secret@");
    for right in ["scan", "hset", "eval", "ping"] {
        grant(&server, &words);
        server.cli::<()>(&["ACL", "SETUSER", "app", &format!("-{right}")]);
        let (log, _capture) = Log::capture();
        let [here, there] = two(&url, Mode::Tiered, &namespace).await;
        changes_are_seen(&here, &there, &["name", "put", "prefix", "tag", "delete"]).await;
        let health = here.health().await;
        assert_eq!(
            (health.status, health.backend),
            (Status::Healthy, "tiered"),
            "{right}: {health:?}"
        );
        let rule = format!("ACL SETUSER app +{right}");
        for told in [health.reason.unwrap(), told(&here), log.text()] {
            assert!(told.contains(&rule), "{right}: {told}");
        }
        here.flush_all().await;
    }
}

#[tokio::test]
async fn a_right_that_comes_and_goes_is_logged_once_a_minute() {
    let server = RedisServer::start();
    let namespace = unique_namespace();
    grant(&server, &documented(&namespace));
    let (log, _capture) = Log::capture();
    let config = CacheConfig::default()
        .namespace(&*namespace)
        .mode(Mode::Redis)
        .redis_url(server.url().replace("redis://", "redis://app:secret@"))
        .redis_health_check_interval(Duration::from_millis(50));
    let manager = CacheManager::connect(config).await.unwrap();
    for times in 1..=3 {
        for (right, is_lacking) in [("-scan", true), ("+scan", false)] {
            server.cli::<()>(&["ACL", "SETUSER", "app", right]);
            until(async || {
                _ = manager.clear("a*").await.unwrap();
                let health = manager.health().await;
                let reason = health.reason.unwrap_or_default();
                health.backend == "redis" && reason.contains("ACL SETUSER app +scan") == is_lacking
            })
            .await;
        }
        assert_eq!(told(&manager).matches("ACL SETUSER app +scan").count(), times);
    }
    let lines = log.lines("WARN");
    let said = lines.iter().filter(|line| line.contains("ACL SETUSER app +scan")).count();
    assert_eq!(said, 1, "{lines:#?}");
}

#[tokio::test]
async fn a_user_of_another_namespace_is_refused_and_that_is_said() {
    let server = RedisServer::start();
    let words = documented("elsewhere");
    grant(&server, &words);
    let url = server.url().replace("redis://", "redis://app:secret@");
    let config = CacheConfig::default().namespace("here").redis_url(url).require_redis(true);
    let error = CacheManager::connect(config).await.unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("a right is missing") && !error.contains("secret"), "{error}");
}

#[cached(ttl = "1m", key_prefix = "acl:one", key = "{id}", coalesce = "fleet")]
async fn one(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[tokio::test]
async fn without_a_right_that_marks_need_no_process_waits_for_anothers_load() {
    let server = RedisServer::start();
    let url = server.url().replace("redis://", "redis://app:secret@");
    for right in ["unlink", "pexpire", "getrange"] {
        let namespace = unique_namespace();
        grant(&server, &documented(&namespace));
        server.cli::<()>(&["ACL", "SETUSER", "app", &format!("-{right}")]);
        let [here, there] = two(&url, Mode::Redis, &namespace).await;
        let source = Source::new(1);
        let hold = source.hold();
        let first = {
            let source = source.clone();
            spawn_with(&here, async move { one(&source, 1).await })
        };
        hold.reached().await;
        // That of the first is still under way.
        assert_eq!(in_time(with(&there, one(&source, 1))).await, 1, "{right}");
        hold.release();
        assert_eq!(in_time(first).await.unwrap(), 1);
        assert_eq!(source.reads(), 2);
    }
}
