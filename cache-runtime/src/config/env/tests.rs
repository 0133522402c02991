#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use super::*;

fn from(variables: &[(&str, &str)]) -> Result<CacheConfig, Error> {
    CacheConfig::from_vars(|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

fn refusal(variables: &[(&str, &str)]) -> String {
    from(variables).unwrap_err().to_string()
}

fn url(variables: &[(&str, &str)]) -> String {
    from(variables).unwrap().redis_url.unwrap().expose().to_owned()
}

#[test]
fn an_empty_environment_gives_the_defaults() {
    assert_eq!(from(&[]).unwrap(), CacheConfig::default());
    assert_eq!(from(&[("REDIS_URL", ""), ("CACHE_JITTER", " ")]).unwrap(), CacheConfig::default());
}

#[test]
fn every_variable_sets_its_field() {
    let config = from(&[
        ("CACHE_MODE", "redis"),
        ("CACHE_NAMESPACE", "shop"),
        ("CACHE_CODEC", "messagepack"),
        ("CACHE_DEFAULT_TTL", "forever"),
        ("CACHE_PREFIX_TTLS", "users=5m, posts=60,"),
        ("CACHE_JITTER", "0.1"),
        ("CACHE_MEMORY_CAPACITY", "1GB"),
        ("CACHE_MEMORY_TTL", "90s"),
        ("CACHE_OUTAGE_TTL", "2m"),
        ("CACHE_OUTAGE_GRACE", "0"),
        ("CACHE_STATS_INTERVAL", "1m"),
        ("CACHE_MAX_VALUE_SIZE", "2MiB"),
        ("CACHE_MAX_LOAD", "3m"),
        ("REDIS_URL", " redis://host "),
        ("REDIS_POOL_MAX_CONNECTIONS", "4"),
        ("REDIS_POOL_TIMEOUT", "5ms"),
        ("REDIS_CONNECT_TIMEOUT", "6ms"),
        ("REDIS_TIMEOUT", "7ms"),
        ("REDIS_HEALTH_CHECK_INTERVAL", "8"),
        ("REDIS_TLS", "false"),
        ("CACHE_REQUIRE_REDIS", "1"),
        ("CACHE_TRUST_RESTART", "TRUE"),
    ]);
    let expected = CacheConfig::default()
        .mode(Mode::Redis)
        .namespace("shop")
        .codec(DefaultCodec::MessagePack)
        .default_ttl(Ttl::Forever)
        .prefix_ttl("users", Duration::from_secs(300))
        .prefix_ttl("posts", Duration::from_secs(60))
        .jitter(0.1)
        .memory_capacity(1_000_000_000)
        .memory_ttl(Duration::from_secs(90))
        .outage_ttl(Duration::from_secs(120))
        .outage_grace(Duration::ZERO)
        .stats_interval(Duration::from_secs(60))
        .max_value_size(2 << 20)
        .max_load(Duration::from_secs(180))
        .redis_url("redis://host")
        .redis_pool_max_connections(4)
        .redis_pool_timeout(Duration::from_millis(5))
        .redis_connect_timeout(Duration::from_millis(6))
        .redis_timeout(Duration::from_millis(7))
        .redis_health_check_interval(Duration::from_secs(8))
        .require_redis(true)
        .trust_restart(true);
    assert_eq!(config.unwrap(), expected);
}

#[test]
fn each_mode_has_a_name_and_a_wrong_one_is_refused_with_all_of_them() {
    let url = ("REDIS_URL", "redis://host");
    for (name, mode) in [
        ("auto", Mode::Auto),
        ("memory", Mode::Memory),
        ("redis", Mode::Redis),
        ("tiered", Mode::Tiered),
        ("off", Mode::Off),
    ] {
        assert_eq!(from(&[("CACHE_MODE", name), url]).unwrap().mode, mode);
        let refused = refusal(&[("CACHE_MODE", "none")]);
        assert!(refused.contains(&format!("`{name}`")), "{refused}");
    }
    assert!(from(&[("CACHE_MODE", "off"), url]).unwrap().redis_url.is_some());
}

#[cfg(feature = "compression")]
#[test]
fn the_compression_threshold_is_read() {
    let config = from(&[("CACHE_COMPRESS_ABOVE", "8KiB")]).unwrap();
    assert_eq!(config.compress_above, Some(8192));
}

#[test]
fn a_bad_value_names_the_variable_the_value_and_what_is_accepted() {
    for (variable, value) in [
        ("CACHE_MODE", "disk"),
        ("CACHE_NAMESPACE", "a b"),
        ("CACHE_CODEC", "json"),
        ("CACHE_DEFAULT_TTL", "0"),
        ("CACHE_PREFIX_TTLS", "users"),
        ("CACHE_JITTER", "0.9"),
        ("CACHE_MEMORY_CAPACITY", "lots"),
        ("CACHE_MEMORY_TTL", "0"),
        ("CACHE_OUTAGE_TTL", "x"),
        ("CACHE_OUTAGE_GRACE", "2d"),
        ("CACHE_STATS_INTERVAL", "often"),
        ("CACHE_MAX_VALUE_SIZE", "1GB"),
        ("CACHE_COMPRESS_ABOVE", "often"),
        ("CACHE_MAX_LOAD", "2d"),
        ("CACHE_REQUIRE_REDIS", "maybe"),
        ("CACHE_TRUST_RESTART", "2"),
        ("REDIS_URL", "localhost"),
        ("REDIS_HOST", "redis:6379"),
        ("REDIS_POOL_MAX_CONNECTIONS", "0"),
        ("REDIS_POOL_TIMEOUT", "soon"),
        ("REDIS_CONNECT_TIMEOUT", "0"),
        ("REDIS_TIMEOUT", "25d"),
        ("REDIS_HEALTH_CHECK_INTERVAL", "0ms"),
        ("REDIS_TLS", "true"),
    ] {
        let text = refusal(&[(variable, value)]);
        assert!(text.starts_with(&format!("{variable} is ")), "{text}");
        assert!(text.contains("; expected "), "{text}");
    }
}

#[test]
fn parts_make_an_address() {
    assert_eq!(url(&[("REDIS_HOST", "cache")]), "redis://cache:6379/0");
    assert_eq!(url(&[("REDIS_HOST", "::1"), ("REDIS_PORT", "7000")]), "redis://[::1]:7000/0");
    let login = [
        ("REDIS_HOST", "cache"),
        ("REDIS_DB", "3"),
        ("REDIS_USERNAME", "app"),
        ("REDIS_PASSWORD", "p@ss "),
    ];
    assert_eq!(url(&login), "redis://app:p%40ss%20@cache:6379/3");
}

#[cfg(feature = "tls")]
#[test]
fn parts_and_tls_make_an_encrypted_address() {
    let tls = |value| [("REDIS_HOST", "cache"), ("REDIS_TLS", value)];
    assert_eq!(url(&tls("true")), "rediss://cache:6379/0");
    assert_eq!(url(&tls("false")), "redis://cache:6379/0");
    for (tls, address) in [("true", "redis://host"), ("false", "rediss://host")] {
        let text = refusal(&[("REDIS_TLS", tls), ("REDIS_URL", address)]);
        assert!(text.starts_with(&format!("REDIS_TLS is \"{tls}\"; expected what")), "{text}");
    }
}

#[test]
fn parts_need_a_host() {
    for part in [("REDIS_PORT", "6379"), ("REDIS_DB", "1"), ("REDIS_PASSWORD", "hunter2")] {
        let text = refusal(&[part]);
        assert!(text.starts_with("REDIS_HOST is \"\"; expected a host name"), "{text}");
    }
    let text = refusal(&[("REDIS_HOST", "cache"), ("REDIS_USERNAME", "app")]);
    assert!(text.starts_with("REDIS_USERNAME is \"app\"; expected REDIS_PASSWORD"), "{text}");
}

#[test]
fn a_url_and_parts_together_are_refused_by_both_names() {
    for part in ["REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_USERNAME", "REDIS_PASSWORD"] {
        let text = refusal(&[("REDIS_URL", "redis://:hunter2@host"), (part, "1")]);
        assert!(text.contains("REDIS_URL") && text.contains(part), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn the_port_that_kubernetes_injects_is_passed_over() {
    let injected = ("REDIS_PORT", "tcp://10.0.0.1:6379");
    assert_eq!(from(&[injected]).unwrap().redis_url, None);
    assert_eq!(url(&[injected, ("REDIS_URL", "redis://host")]), "redis://host");
    assert_eq!(url(&[injected, ("REDIS_HOST", "cache")]), "redis://cache:6379/0");
}

#[test]
fn the_address_is_not_looked_at_in_memory_mode() {
    let variables = [("CACHE_MODE", "memory"), ("REDIS_URL", "rediss://x"), ("REDIS_TLS", "true")];
    assert_eq!(from(&variables).unwrap().redis_url, None);
}

#[test]
fn no_password_reaches_an_error() {
    let secret = "redis://app:hunter2@host";
    for variables in [
        [("REDIS_HOST", secret), ("REDIS_PASSWORD", "hunter2")],
        [("REDIS_HOST", "host"), ("REDIS_PORT", secret)],
        [("REDIS_TIMEOUT", secret), ("REDIS_PASSWORD", "hunter2")],
        [("REDIS_URL", "redis://app:hunter2@host/x"), ("CACHE_MODE", "redis")],
        [("REDIS_URL", secret), ("CACHE_REQUIRE_REDIS", secret)],
        [("CACHE_MODE", secret), ("REDIS_URL", secret)],
    ] {
        let text = refusal(&variables);
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn ttls_by_prefix_are_checked() {
    assert!(refusal(&[("CACHE_PREFIX_TTLS", "a=1,a=2")]).contains("each prefix once"));
    assert!(
        refusal(&[("CACHE_PREFIX_TTLS", "a=0")])
            .starts_with("CACHE_PREFIX_TTLS is \"a=0s\"; expected at least 1ms")
    );
    assert!(refusal(&[("CACHE_PREFIX_TTLS", ":a=1")]).contains("a key prefix and its TTL"));
}

#[test]
fn booleans_are_read_alike_and_shown_as_written() {
    for (text, is_on) in [("YES", true), ("on", true), ("1", true), ("off", false), ("No", false)] {
        let config = from(&[("CACHE_TRUST_RESTART", text), ("REDIS_URL", "redis://h")]).unwrap();
        assert_eq!(config.trust_restart, is_on, "{text}");
    }
    let text = refusal(&[("CACHE_REQUIRE_REDIS", "yes")]);
    assert!(text.contains("yes") && !text.contains("\"true\""), "{text}");
    let text = refusal(&[("REDIS_TLS", "On")]);
    assert!(text.contains("On"), "{text}");
    let text = refusal(&[("CACHE_TRUST_RESTART", "perhaps")]);
    assert!(text.contains("`yes`") && text.contains("`off`"), "{text}");
}

#[test]
fn a_variable_that_is_not_known_is_found_with_the_one_that_was_meant() {
    let names =
        ["CACHE_DEFAULT_TLL", "CACHE_NAMESPACE", "CACHE_ADMIN_KEY", "PATH", "CACHE_BUSTER_OF_CI"];
    let names = names.map(str::to_owned).into();
    let expected = [("CACHE_BUSTER_OF_CI", None), ("CACHE_DEFAULT_TLL", Some("CACHE_DEFAULT_TTL"))];
    assert_eq!(unknown(&names), expected);
}

#[test]
fn a_redis_variable_is_noticed_if_it_is_almost_one_that_is_read() {
    let found = |names: &[&str]| -> Vec<(String, Option<&str>)> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        unknown(&names).into_iter().map(|(name, meant)| (name.to_owned(), meant)).collect()
    };
    for (written, meant) in [
        ("REDIS_HOSTS", "REDIS_HOST"),
        ("REDIS_ULR", "REDIS_URL"),
        ("REDIS_PASWORD", "REDIS_PASSWORD"),
        ("REDIS_CONECT_TIMEOUT", "REDIS_CONNECT_TIMEOUT"),
        ("REDIS_POOL_MAX_CONECTIONS", "REDIS_POOL_MAX_CONNECTIONS"),
    ] {
        assert_eq!(found(&[written]), [(written.to_owned(), Some(meant))]);
        assert_eq!(found(&[written, meant]), [], "the one that was meant is set");
    }
    // Variables of Kubernetes, of an image, and of other clients.
    for other in [
        "REDIS_SERVICE_HOST",
        "REDIS_SERVICE_PORT",
        "REDIS_PORT_6379_TCP",
        "REDIS_PORT_6379_TCP_ADDR",
        "REDIS_VERSION",
        "REDIS_DOWNLOAD_URL",
        "REDIS_ADDR",
        "REDIS_SENTINELS",
        "REDIS_CLUSTER_NODES",
        "REDISCLI_AUTH",
    ] {
        assert_eq!(found(&[other]), [], "{other}");
    }
}
