//! Errors of the direct API: their texts, and the causes behind them.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, CodecError, Error, Mode, cached};
use cache_tests::{RedisServer, unique_namespace};
use serde::{Serialize, Serializer};

use crate::stores::until;

const MINUTE: Duration = Duration::from_secs(60);

fn config(url: &str) -> CacheConfig {
    CacheConfig::default()
        .namespace(unique_namespace())
        .mode(Mode::Redis)
        .redis_url(url)
        .redis_connect_timeout(Duration::from_secs(5))
        .require_redis(true)
}

async fn refusal(config: CacheConfig) -> Error {
    let error = CacheManager::connect(config).await.unwrap_err();
    assert!(matches!(error, Error::RedisRequired { .. }), "{error:?}");
    error
}

/// Returns the texts of an error and of its causes.
fn chain(error: &Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    texts
}

/// Asserts that each text says something of its own, and that all of them are in the alternate form.
fn names_each_cause_once(error: &Error) {
    let chain = chain(error);
    assert_eq!(format!("{error:#}"), chain.join(": "));
    for (at, text) in chain.iter().enumerate() {
        let others = chain.iter().enumerate().filter(|(other, _)| *other != at);
        let mut others = others.map(|(_, other)| other);
        assert!(!others.any(|other| other.contains(text.as_str())), "{chain:?}");
    }
}

#[tokio::test]
async fn an_unreachable_port_is_named_with_the_error_of_the_connection() {
    let error = refusal(config("redis://:hunter2@127.0.0.1:1")).await;
    assert_eq!(
        error.to_string(),
        "Redis at redis://:***@127.0.0.1:1 is required (CACHE_REQUIRE_REDIS) and cannot be used"
    );
    names_each_cause_once(&error);
    let cause = error.source().unwrap().source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_wrong_password_is_named_with_the_reply_of_the_server() {
    let server = RedisServer::builder().password("right").start();
    let error = refusal(config(&server.url().replace("right", "wrong"))).await;
    names_each_cause_once(&error);
    let causes = chain(&error).split_off(1);
    assert_eq!(causes[0], "the server refuses user and password");
    assert!(causes.len() == 2 && !causes[1].contains("wrong:"), "{causes:?}");
}

#[tokio::test]
async fn a_missing_password_is_named_with_the_reply_of_the_server() {
    let server = RedisServer::builder().password("right").start();
    let error = refusal(config(&server.url().replace(":right@", ""))).await;
    names_each_cause_once(&error);
    assert!(format!("{error:#}").contains("NOAUTH"), "{error:#}");
}

#[tokio::test]
async fn a_server_that_refuses_a_write_is_named_in_health_with_its_reply() {
    let server = RedisServer::start();
    let health_interval = Duration::from_millis(50);
    let config = config(&server.url()).redis_health_check_interval(health_interval);
    let manager = CacheManager::connect(config).await.unwrap();
    server.cli::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let reason = async || manager.health().await.reason.unwrap_or_default();
    until(async || reason().await.contains("the server is out of memory and evicts nothing")).await;
    assert!(reason().await.contains("OOM"));
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_error_of_reading_it() {
    let config =
        CacheConfig::default().redis_url("rediss://localhost").redis_tls_ca("/nowhere.pem");
    let error = CacheManager::builder().config(config).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "REDIS_TLS_CA is \"/nowhere.pem\"; expected a PEM file that contains certificates"
    );
    names_each_cause_once(&error);
    let cause = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::NotFound);
}

/// The text of the client would quote the password, so it is no source.
#[test]
fn an_address_that_cannot_be_used_is_its_own_reason() {
    for url in ["localhost:6379", "redis://:hunter2@host/first", "redis://host?protocol=hunter2"] {
        let config = CacheConfig::default().mode(Mode::Redis).redis_url(url);
        let error = CacheManager::builder().config(config).build().unwrap_err();
        assert!(error.source().is_none(), "{error:?}");
        let texts = format!("{error} {error:#} {error:?}");
        assert!(texts.contains("expected a URL") && !texts.contains("hunter2"), "{texts}");
    }
}

#[derive(Clone)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not today"))
    }
}

impl<'de> serde::Deserialize<'de> for Unwritable {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("never"))
    }
}

#[tokio::test]
async fn a_value_that_no_codec_takes_is_named_with_their_errors() {
    let server = RedisServer::start();
    let manager = CacheManager::connect(config(&server.url())).await.unwrap();
    let error = manager.set("a", &Unwritable, MINUTE).await.unwrap_err();
    names_each_cause_once(&error);
    let cause = error.source().unwrap().downcast_ref::<CodecError>().unwrap();
    assert!(cause.to_string().contains("not today"), "{cause}");
}

#[tokio::test]
async fn an_entry_that_cannot_be_decoded_is_a_miss_and_no_error() {
    let server = RedisServer::start();
    let config = config(&server.url());
    let key = format!("{}:a", config.namespace);
    let manager = CacheManager::connect(config).await.unwrap();
    manager.set("a", &1_u64, MINUTE).await.unwrap();
    assert_eq!(manager.get::<u64>("a").await.unwrap(), Some(1));
    server.cli::<()>(&["APPEND", &key, "x"]);
    assert_eq!(manager.get::<u64>("a").await.unwrap(), None);
}

#[cached(ttl = "1m")]
async fn of_unwritable(argument: Hashed) -> u64 {
    _ = argument;
    1
}

#[derive(Clone, Debug, Hash)]
struct Hashed;

impl Serialize for Hashed {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no key today"))
    }
}

#[tokio::test]
async fn a_call_without_a_key_is_named_with_the_error_of_its_argument() {
    use cache_runtime::CacheCall as _;

    let manager = CacheManager::builder().build().unwrap();
    let fetched = async { of_unwritable(Hashed).cache_entry().fetch().await };
    let error = cache_runtime::with(&manager, fetched).await.unwrap_err();
    assert!(error.to_string().ends_with("an argument cannot be part of its key"), "{error}");
    names_each_cause_once(&error);
    assert_eq!(error.source().unwrap().to_string(), "no key today");
}
