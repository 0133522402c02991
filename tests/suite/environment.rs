//! A process is configured by its environment.

use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager};
use cache_tests::{RedisServer, Worker};

use crate::log::Log;

/// An address where nothing listens.
const NOWHERE: &str = "redis://:hunter2@127.0.0.1:1/2";

fn setting(variables: &[(&str, &str)], field: &str) -> String {
    Worker::spawn_with(variables).call(&format!("setting {field}"))
}

#[test]
fn without_variables_there_is_the_memory_store() {
    let mut worker = Worker::spawn_with(&[]);
    assert_eq!(worker.call("backend"), "memory");
    assert_eq!(worker.call("config-error"), "");
    assert_eq!(worker.call("setting namespace"), r#""cache""#);
    assert_eq!(worker.call("setting redis_url"), "null");
    worker.call("data x");
    assert_eq!(worker.call("get a"), "a=x");
    assert_eq!(worker.call("get a"), "a=x");
    assert_eq!(worker.call("loads"), "1");
}

#[test]
fn each_variable_sets_its_field() {
    let mut worker = Worker::spawn_with(&[
        ("CACHE_NAMESPACE", "shop"),
        ("CACHE_DEFAULT_TTL", "90s"),
        ("CACHE_PREFIX_TTLS", "users=5m,posts=60s"),
        ("CACHE_JITTER", "0.25"),
        ("CACHE_MEMORY_CAPACITY", "1MiB"),
        ("CACHE_OUTAGE_TTL", "3s"),
        ("CACHE_MAX_VALUE_SIZE", "2KiB"),
        ("CACHE_MAX_LOAD", "4s"),
        ("CACHE_CODEC", "messagepack"),
        ("CACHE_TRUST_RESTART", "true"),
        ("REDIS_URL", NOWHERE),
        ("REDIS_POOL_MAX_CONNECTIONS", "3"),
        ("REDIS_POOL_TIMEOUT", "100ms"),
        ("REDIS_CONNECT_TIMEOUT", "200ms"),
        ("REDIS_TIMEOUT", "300ms"),
        ("REDIS_HEALTH_CHECK_INTERVAL", "5s"),
    ]);
    assert_eq!(worker.call("config-error"), "");
    for (field, expected) in [
        ("namespace", r#""shop""#),
        ("default_ttl", r#""1m30s""#),
        ("prefix_ttls", r#"{"posts":"1m","users":"5m"}"#),
        ("jitter", "0.25"),
        ("memory_capacity", r#""1MiB""#),
        ("outage_ttl", r#""3s""#),
        ("max_value_size", r#""2KiB""#),
        ("max_load", r#""4s""#),
        ("codec", r#""messagepack""#),
        ("trust_restart", "true"),
        ("redis_url", r#""redis://:hunter2@127.0.0.1:1/2""#),
        ("redis_pool_max_connections", "3"),
        ("redis_pool_timeout", r#""100ms""#),
        ("redis_connect_timeout", r#""200ms""#),
        ("redis_timeout", r#""300ms""#),
        ("redis_health_check_interval", r#""5s""#),
    ] {
        assert_eq!(worker.call(&format!("setting {field}")), expected, "{field}");
    }
}

#[test]
fn an_address_is_put_together_from_its_parts() {
    let parts = [
        ("REDIS_HOST", "127.0.0.1"),
        ("REDIS_PORT", "1"),
        ("REDIS_DB", "2"),
        ("REDIS_PASSWORD", "hunter2"),
    ];
    assert_eq!(setting(&parts, "redis_url"), format!("\"{NOWHERE}\""));
}

#[test]
fn a_server_named_by_its_parts_is_used() {
    let server = RedisServer::builder().password("secret").start();
    let port = server.port().to_string();
    let mut worker = Worker::spawn_with(&[
        ("REDIS_HOST", "127.0.0.1"),
        ("REDIS_PORT", &port),
        ("REDIS_PASSWORD", "secret"),
        ("REDIS_CONNECT_TIMEOUT", "10s"),
    ]);
    assert_eq!(worker.call("backend"), "tiered");
    worker.call("get a");
    assert!(server.cli::<bool>(&["EXISTS", "cache:item:a"]));
}

#[test]
fn mode_memory_leaves_a_configured_server_alone() {
    let mut worker = Worker::spawn_with(&[("CACHE_MODE", "memory"), ("REDIS_URL", NOWHERE)]);
    assert_eq!(worker.call("backend"), "memory");
    assert_eq!(worker.call("setting redis_url"), "null");
}

#[test]
fn mode_redis_without_an_address_is_an_error() {
    let error = Worker::spawn_with(&[("CACHE_MODE", "redis")]).call("config-error");
    assert!(error.contains("CACHE_MODE") && error.contains("REDIS_URL"), "{error}");
}

#[test]
fn a_bad_value_names_the_variable_the_value_and_what_is_accepted() {
    for (variable, value, expected) in [
        ("CACHE_DEFAULT_TTL", "soon", "5m"),
        ("CACHE_MODE", "disk", "memory"),
        ("CACHE_MODE", "no", "off"),
        ("CACHE_NAMESPACE", "a:b", "letters"),
        ("CACHE_JITTER", "0.9", "0.5"),
        ("CACHE_MEMORY_CAPACITY", "lots", "64MiB"),
        ("CACHE_PREFIX_TTLS", "users", "users=5m"),
        ("CACHE_REQUIRE_REDIS", "perhaps", "true"),
        ("CACHE_REQUIRE_REDIS", "yes", "REDIS_URL"),
        ("REDIS_URL", "http://host", "redis://"),
        ("REDIS_TIMEOUT", "-1s", "250ms"),
    ] {
        let error = Worker::spawn_with(&[(variable, value)]).call("config-error");
        assert!(
            error.contains(variable) && error.contains(value) && error.contains(expected),
            "{variable}: {error}"
        );
    }
}

#[test]
fn annotated_functions_go_on_with_a_configuration_that_cannot_be_used() {
    let mut worker = Worker::spawn_with(&[("CACHE_DEFAULT_TTL", "soon")]);
    worker.call("data x");
    assert_eq!(worker.call("get a"), "a=x");
    assert_eq!(worker.call("get a"), "a=x");
    assert_eq!(worker.call("loads"), "1", "in memory, with the default settings");
}

#[test]
fn an_error_shows_no_password() {
    let error = Worker::spawn_with(&[("REDIS_URL", "http://:hunter2@host")]).call("config-error");
    assert!(error.contains("REDIS_URL") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_password_that_is_not_escaped_is_told() {
    for password in ["hun/ter2", "hun#ter2", "hun?ter2"] {
        let url = format!("redis://:{password}@127.0.0.1:6379/0");
        let error = Worker::spawn_with(&[("REDIS_URL", &url)]).call("config-error");
        assert!(error.contains("percent-encoded") && !error.contains("ter2"), "{error}");
    }
}

#[tokio::test]
async fn a_prefix_with_a_ttl_that_no_function_has_is_a_warning() {
    let (log, _capture) = Log::capture();
    let config = CacheConfig::default()
        .prefix_ttl("place", Duration::from_secs(60))
        .prefix_ttl("plaice", Duration::from_secs(60));
    CacheManager::builder().config(config).build().unwrap();
    let lines = log.lines("WARN");
    let lines: Vec<_> = lines.iter().filter(|line| line.contains("CACHE_PREFIX_TTLS")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("plaice") && lines[0].contains("place\""), "{lines:?}");
}
