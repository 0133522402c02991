#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::error::EXPECTED;
use super::*;

fn refused(url: &str) -> String {
    RedisUrl::from(url).address().unwrap_err().to_string()
}

fn address(url: &str) -> RedisAddress {
    RedisUrl::from(url).address().unwrap()
}

fn shown(infos: &[ConnectionInfo]) -> Vec<String> {
    infos.iter().map(|info| info.addr().to_string()).collect()
}

#[test]
fn accepts_tcp_and_unix_addresses() {
    for url in [
        "redis://localhost",
        "redis://127.0.0.1:6379/3",
        "redis://:pass@host",
        "redis://:a,b@host",
        "redis://:a,redis@host",
        "redis://user:p%40ss@[::1]:7000/0",
        "redis://host?protocol=resp2",
        "redis://host?protocol=resp3",
        "redis+unix:///run/redis.sock",
        "unix:///run/redis.sock?db=2&pass=secret",
    ] {
        assert_eq!(address(url).named.len(), 1, "{url}");
    }
}

#[cfg(feature = "cluster")]
#[test]
fn several_addresses_are_those_of_a_cluster() {
    let nodes = address("redis://:a,b@h1,redis://:a,b@[::1]:7001");
    assert_eq!(shown(&nodes.named), ["h1:6379", "::1:7001"]);
    assert_eq!(nodes.server.redis_settings().password(), Some("a,b"));
    assert!(refused("redis://h1/1,redis://h2/1").contains("only database 0"));
    assert!(refused("redis://:a@h1,redis://:b@h2").contains("the same scheme, login"));
    assert!(refused("redis://h1,redis+unix:///r.sock").contains("socket"));
    let url = RedisUrl::from("redis://u:secret@h1,redis://u:secret@h2");
    assert_eq!(url.to_string(), "redis://u:***@h1,redis://u:***@h2");
}

#[test]
fn sentinels_are_asked_for_a_master() {
    let url = "redis-sentinel://app:s%2Cecret@h1,h2:7000,[::1]/my-master/3?\
               sentinel_password=hidden&protocol=resp3";
    let found = address(url);
    assert_eq!(shown(&found.named), ["h1:26379", "h2:7000", "::1:26379"]);
    assert_eq!(found.named[1].redis_settings().password(), Some("hidden"));
    assert_eq!(found.named[1].redis_settings().db(), 0);
    assert_eq!(found.master.as_deref(), Some("my-master"));
    let settings = found.server.redis_settings();
    assert_eq!((settings.username(), settings.db()), (Some("app"), 3));
    assert_eq!(settings.password(), Some("s,ecret"));
    let shown = RedisUrl::from(url).to_string();
    assert_eq!(shown, "redis-sentinel://app:***@h1,h2:7000,[::1]/my-master/3?***");
}

#[test]
fn refuses_what_cannot_be_asked_of_sentinels() {
    assert!(refused("redis-sentinel://h1,h2").contains("name of the master"));
    assert!(refused("redis-sentinel://h1/a b").contains("name of the master"));
    assert!(refused("redis-sentinel://h1/m/x").contains("database"));
    assert!(refused("redis-sentinel://h1,/m").contains("("));
    assert!(refused("redis-sentinel://h1/m?db=1").contains("sentinel_password"));
    #[cfg(not(feature = "tls"))]
    assert!(refused("rediss-sentinel://h1/m").contains("feature `tls`"));
    #[cfg(feature = "tls")]
    assert!(shown(&address("rediss-sentinel://h1/m").named)[0].starts_with("h1"));
}

#[test]
fn refuses_what_this_build_cannot_do_and_says_so() {
    #[cfg(not(feature = "tls"))]
    assert!(refused("rediss://host").contains("enable the feature `tls`"));
    #[cfg(feature = "tls")]
    assert!(refused("rediss://host/#insecure").contains("REDIS_TLS_CA"));
    #[cfg(not(feature = "cluster"))]
    assert!(refused("redis://a,redis://b").contains("enable the feature `cluster`"));
    for url in ["", "localhost:6379", "http://host", "REDIS://host"] {
        assert_eq!(refused(url), EXPECTED, "{url:?}");
    }
}

#[test]
fn refuses_malformed_addresses_with_the_reason() {
    assert!(refused("redis://host/first").contains("database"));
    assert!(refused("redis://host/-1").contains("database"));
    assert!(refused("redis://secret@host").contains(":password@"));
    assert!(refused("redis://").contains("("));
    assert!(!refused("redis://host?protocol=hunter2").contains("hunter2"));
}

#[test]
fn a_password_that_is_not_escaped_is_told_and_not_shown() {
    for url in [
        "redis://:hun/ter2@host:6379/0",
        "redis://:hun#ter2@host",
        "redis://app:hun?ter2@host",
        "redis://app:12/ter2@host",
        "redis://app:12?ter2@host/0",
        "redis-sentinel://app:hun/ter2@h1,h2/master",
    ] {
        let (told, shown) = (refused(url), RedisUrl::from(url).to_string());
        assert!(told.contains("percent-encoded"), "{url}: {told}");
        for part in ["hun", "ter2"] {
            assert!(!told.contains(part) && !shown.contains(part), "{told}, {shown}");
        }
        assert!(url.parse::<RedisUrl>().unwrap_err().to_string().contains("percent-encoded"));
    }
    assert_eq!(address("redis://:hun%2Fter2@host/1").server.redis_settings().db(), 1);
}

#[test]
fn parts_survive_special_characters() {
    let url = RedisUrl::from(UrlParts {
        host: "::1".to_owned(),
        port: Some(7000),
        db: Some(2),
        username: Some("a:b".to_owned()),
        password: Some("p@ss/w?rd#,%é".to_owned()),
        tls: false,
    });
    let address = url.address().unwrap();
    let info = &address.server;
    assert_eq!(*info.addr(), ConnectionAddr::Tcp("::1".to_owned(), 7000));
    assert_eq!(info.redis_settings().db(), 2);
    assert_eq!(info.redis_settings().username(), Some("a:b"));
    assert_eq!(info.redis_settings().password(), Some("p@ss/w?rd#,%é"));
    assert_eq!(url.to_string(), "redis://a%3Ab:***@[::1]:7000/2");
}

#[test]
fn parts_without_a_login() {
    let url = RedisUrl::from(UrlParts { host: "cache".to_owned(), ..UrlParts::default() });
    assert_eq!(url.expose(), "redis://cache:6379/0");
}
