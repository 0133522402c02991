#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use super::*;
use crate::config::{RedisUrl, Ttl};

fn refusal(config: CacheConfig) -> String {
    config.validate().unwrap_err().to_string()
}

fn config() -> CacheConfig {
    CacheConfig::default()
}

#[test]
fn the_default_configuration_is_valid_and_in_memory() {
    config().validate().unwrap();
    assert_eq!(config().effective().unwrap(), Backend::Memory);
}

#[test]
fn auto_is_tiered_if_there_is_an_address() {
    let (config, url) = (config().redis_url("redis://host"), RedisUrl::from("redis://host"));
    assert_eq!(config.effective().unwrap(), Backend::Tiered(&url));
    assert_eq!(config.clone().mode(Mode::Redis).effective().unwrap(), Backend::Redis(&url));
    assert_eq!(config.mode(Mode::Memory).effective().unwrap(), Backend::Memory);
}

#[test]
fn off_keeps_the_address_for_invalidations() {
    let (off, url) = (config().mode(Mode::Off), RedisUrl::from("redis://host"));
    assert_eq!(off.effective().unwrap(), Backend::Off(None));
    let with_redis = off.clone().redis_url("redis://host").require_redis(true);
    assert_eq!(with_redis.effective().unwrap(), Backend::Off(Some(&url)));
    with_redis.validate().unwrap();
    let refused = refusal(off.clone().require_redis(true));
    assert!(refused.starts_with("require_redis is \"true\""), "{refused}");
    assert!(refusal(off.redis_url("http://host")).starts_with("redis_url is "));
}

#[test]
fn redis_without_an_address_is_an_error() {
    assert!(
        refusal(config().mode(Mode::Redis)).starts_with("mode is \"redis\"; expected an address")
    );
    assert!(refusal(config().mode(Mode::Tiered)).starts_with("mode is \"tiered\""));
    assert!(refusal(config().require_redis(true)).starts_with("require_redis is \"true\""));
    let memory = config().mode(Mode::Memory).redis_url("redis://host");
    memory.validate().unwrap();
    assert!(refusal(memory.require_redis(true)).contains("other than `memory`"));
}

#[test]
fn a_bad_address_is_shown_without_its_password() {
    let text = refusal(config().redis_url("redis-sentinel://app:hunter2@host"));
    let expected = "redis_url is \"redis-sentinel://***@host\"; expected a URL";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.ends_with("their name of the master)"), "{text}");
}

#[test]
fn an_address_is_not_looked_at_in_memory_mode() {
    config().mode(Mode::Memory).redis_url("rediss://host").validate().unwrap();
}

#[test]
fn values_out_of_range_name_their_setting() {
    let zero = Duration::ZERO;
    let table = [
        (config().namespace(""), "namespace"),
        (config().namespace("a:b"), "namespace"),
        (config().namespace("ü"), "namespace"),
        (config().namespace("n".repeat(65)), "namespace"),
        (config().default_ttl(zero), "default_ttl"),
        (config().default_ttl(Duration::MAX), "default_ttl"),
        (config().prefix_ttl("users", zero), "prefix_ttls"),
        (config().prefix_ttl("", Ttl::Forever), "prefix_ttls"),
        (config().prefix_ttl("#run", Ttl::Forever), "prefix_ttls"),
        (config().prefix_ttl("a::b", Ttl::Forever), "prefix_ttls"),
        (config().prefix_ttl("a,b", Ttl::Forever), "prefix_ttls"),
        (config().prefix_ttl("video:*", Ttl::Forever), "prefix_ttls"),
        (config().prefix_ttl("video:", Ttl::Forever), "prefix_ttls"),
        (config().prefix_ttl(" ", Ttl::Forever), "prefix_ttls"),
        (config().prefix_ttl("a b", Ttl::Forever), "prefix_ttls"),
        (config().prefix_ttl("video:{id}", Ttl::Forever), "prefix_ttls"),
        (config().jitter(f64::NAN), "jitter"),
        (config().jitter(0.6), "jitter"),
        (config().memory_ttl(zero), "memory_ttl"),
        (config().outage_ttl(zero), "outage_ttl"),
        (config().outage_grace(Duration::MAX), "outage_grace"),
        (config().stats_interval(Duration::MAX), "stats_interval"),
        (config().max_load(Duration::MAX), "max_load"),
        (config().memory_capacity(1), "memory_capacity"),
        (config().max_value_size(0), "max_value_size"),
        (config().max_value_size(usize::MAX), "max_value_size"),
        (config().redis_pool_max_connections(0), "redis_pool_max_connections"),
        (config().redis_pool_timeout(zero), "redis_pool_timeout"),
        (config().redis_connect_timeout(zero), "redis_connect_timeout"),
        (config().redis_timeout(Duration::from_micros(999)), "redis_timeout"),
        (config().redis_health_check_interval(zero), "redis_health_check_interval"),
    ];
    for (config, field) in table {
        let text = refusal(config);
        assert!(text.starts_with(&format!("{field} is ")), "{text}");
        assert!(text.contains("; expected "), "{text}");
    }
}

#[test]
fn compression_needs_its_feature() {
    let result = config().compress_above(1024).validate();
    assert_eq!(result.is_ok(), cfg!(feature = "compression"));
}
