//! The log of the cache: each line once, and without secrets.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use cache_runtime::{
    CacheConfig, CacheManager, Clock, Mode, cache_invalidate, cache_put, cached, with,
};
use cache_tests::{RedisServer, unique_namespace};
use serde_json::json;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::stores::{until, until_up};

/// Lines that were logged on this thread, where spans begin and end among them. A runtime of one thread does
/// all its work there.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

thread_local! {
    static LOG: RefCell<Option<Log>> = const { RefCell::new(None) };
}

/// While it lives, what this thread logs is kept.
#[derive(Debug)]
pub struct Capture;

impl Drop for Capture {
    fn drop(&mut self) {
        LOG.set(None);
    }
}

impl Log {
    pub fn capture() -> (Log, Capture) {
        // One subscriber for all tests: tracing caches for the whole process whether an event is enabled. If a
        // thread without a subscriber were the first to log it, it would be disabled for all.
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let is_kept = dynamic_filter_fn(|_, _| Log::here().is_some());
            let lines = tracing_subscriber::fmt::layer()
                .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
                .with_ansi(false)
                .with_writer(|| Log::here().unwrap_or_default());
            tracing_subscriber::registry().with(lines.with_filter(is_kept)).init();
        });
        let log = Log::default();
        LOG.set(Some(log.clone()));
        (log, Capture)
    }

    /// Returns the log of this thread, or `None` while the thread ends.
    fn here() -> Option<Log> {
        LOG.try_with(|log| log.borrow().clone()).ok().flatten()
    }

    /// Returns all of it.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns the fields of the spans of this name that have ended.
    pub fn spans(&self, span: &str) -> Vec<String> {
        let fields = |line: &str| {
            let (before, _) = line.split_once(": close ")?;
            let (_, fields) = before.rsplit_once(&format!("{span}{{"))?;
            // Another span within it would follow without a space.
            let (fields, rest) = fields.split_once("}:")?;
            rest.starts_with(' ').then(|| fields.to_owned())
        };
        self.text().lines().filter_map(fields).collect()
    }

    /// Returns the lines of the cache itself at one level.
    pub fn lines(&self, level: &str) -> Vec<String> {
        let ours = |line: &&str| {
            line.split_whitespace().nth(1) == Some(level) && line.contains(" cache_runtime")
        };
        self.text().lines().filter(ours).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn manager(url: &str) -> CacheManager {
    let config = CacheConfig::default()
        .namespace(unique_namespace())
        .redis_url(url)
        .redis_health_check_interval(Duration::from_millis(50));
    CacheManager::builder().config(config).build().unwrap()
}

#[cached(key_prefix = "log", key = "{id}")]
async fn item(id: u64) -> u64 {
    id
}

#[tokio::test]
async fn an_outage_is_one_warning_and_its_end_one_message() {
    let (log, _guard) = Log::capture();
    let server = RedisServer::start();
    let manager = manager(&server.url());
    with(&manager, async {
        until_up(&manager).await;
        assert_eq!(log.lines("WARN"), [""; 0]);
        server.kill();
        for id in 0..50 {
            item(id).await;
        }
        until(async || manager.stats().redis_outages == 1).await;
        for id in 0..50 {
            item(id).await;
        }
        server.restart();
        until_up(&manager).await;
    })
    .await;
    let (warnings, messages) = (log.lines("WARN"), log.lines("INFO"));
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].contains("Redis is unavailable"), "{warnings:?}");
    let [_start, back] = &messages[..] else { panic!("{messages:#?}") };
    assert!(back.contains("Redis is back"), "{back}");
    assert!(back.contains(&server.port().to_string()), "{back}");
}

#[tokio::test]
async fn a_manager_says_once_what_it_works_with() {
    let (log, _guard) = Log::capture();
    let server = RedisServer::builder().password("hunter2").start();
    let manager = manager(&server.url());
    until_up(&manager).await;
    let messages = log.lines("INFO");
    let [start] = &messages[..] else { panic!("{messages:#?}") };
    let port = server.port().to_string();
    let capacity = manager.stats().capacity.to_string();
    for said in ["tiered", "***", &port, &manager.config().namespace, &capacity, "version="] {
        assert!(start.contains(said), "{said}: {start}");
    }
    assert!(!start.contains("hunter2"), "{start}");
}

#[tokio::test]
async fn no_password_is_ever_logged() {
    let (log, _guard) = Log::capture();
    let server = RedisServer::builder().password("hunter2").start();
    let right = manager(&server.url());
    until_up(&right).await;
    let wrong = manager(&server.url().replace("hunter2", "correcthorse"));
    with(&wrong, item(1)).await;
    server.kill();
    until(async || right.stats().redis_outages == 1).await;
    let text = log.text();
    assert!(text.contains("Redis is unavailable") && text.contains("***"), "{text}");
    assert!(!text.contains("hunter2") && !text.contains("correcthorse"), "{text}");
}

#[tokio::test]
async fn a_type_that_its_codec_cannot_carry_is_one_warning() {
    let (log, _guard) = Log::capture();
    let server = RedisServer::start();
    let manager = manager(&server.url());
    until_up(&manager).await;
    let ttl = Duration::from_secs(60);
    for (name, value) in [("log:a", json!({"a": 1})), ("log:b", json!([1])), ("log:a", json!("x"))]
    {
        manager.set(name, &value, ttl).await.unwrap();
        let key = format!("{}:{name}", manager.config().namespace);
        assert!(server.cli::<bool>(&["EXISTS", &key]), "{value} is cached all the same");
        assert_eq!(manager.get(name).await.unwrap(), Some(value));
    }
    let warnings = log.lines("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    let said = ["cannot represent", "serde_json::value::Value", "bincode", "messagepack"];
    assert!(said.iter().all(|said| warnings[0].contains(said)), "{warnings:?}");
}

fn zero() -> Duration {
    Duration::ZERO
}

#[cached(ttl = zero())]
async fn without_a_ttl(id: u64) -> u64 {
    id
}

#[tokio::test]
async fn a_call_that_cannot_be_cached_says_why() {
    let (log, _guard) = Log::capture();
    let manager = CacheManager::builder().build().unwrap();
    with(&manager, without_a_ttl(1)).await;
    let errors = log.lines("ERROR");
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].contains("log::without_a_ttl") && errors[0].contains("ttl"), "{errors:?}");
}

/// A value whose `Display` fails.
struct Unprintable;

impl fmt::Display for Unprintable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

#[cache_invalidate(tags = ["of:{value}"])]
async fn invalidate(value: Unprintable) {
    _ = value;
}

#[tokio::test]
async fn an_invalidation_that_cannot_happen_says_why() {
    let (log, _guard) = Log::capture();
    let manager = CacheManager::builder().build().unwrap();
    with(&manager, invalidate(Unprintable)).await;
    let errors = log.lines("ERROR");
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let expected = "the tag of suite::log::invalidate (tests/suite/log.rs:";
    assert!(errors[0].contains(expected) && errors[0].contains("`Display`"), "{errors:?}");
}

async fn not_cached(id: u64) -> u64 {
    id
}

#[cache_invalidate(entry = not_cached(id))]
async fn invalidate_what_is_not_cached(id: u64) {
    _ = id;
}

#[cache_put(entry = not_cached(id))]
async fn put_what_is_not_cached(id: u64) -> u64 {
    id
}

#[tokio::test]
async fn an_entry_of_a_function_that_is_not_cached_is_an_error() {
    let (log, _guard) = Log::capture();
    let manager = CacheManager::builder().build().unwrap();
    with(&manager, async {
        invalidate_what_is_not_cached(1).await;
        put_what_is_not_cached(1).await;
    })
    .await;
    let errors = log.lines("ERROR");
    assert_eq!(errors.len(), 2, "{errors:#?}");
    for (error, function, nothing) in [
        (&errors[0], "invalidate_what_is_not_cached", "nothing is invalidated"),
        (&errors[1], "put_what_is_not_cached", "nothing is put, and what was there stays"),
    ] {
        let begin = format!("the `entry` of suite::log::{function} (tests/suite/log.rs:");
        let end = format!(
            ") is not a call of a `#[cached]` function (suite::log::not_cached); {nothing} times=1"
        );
        assert!(error.contains(&begin) && error.ends_with(&end), "{error}");
    }
}

#[cached(key_prefix = "log_span", key = "{id}")]
async fn noisy(id: u64) -> u64 {
    tracing::info!("in the body");
    id
}

#[tokio::test]
async fn what_a_body_logs_stands_in_the_span_of_its_load() {
    let (log, _guard) = Log::capture();
    let manager = CacheManager::builder().build().unwrap();
    with(&manager, noisy(7)).await;
    let text = log.text();
    let line = text.lines().find(|line| line.contains("in the body")).unwrap();
    assert!(line.contains(r#"cache_load{name="log_span:7" "#), "{line}");
}

/// Returns the fields of a call of [`noisy`], and more.
fn of_noisy(id: u64, more: &str) -> String {
    let function = format!("{}::noisy", module_path!());
    format!(r#"name="log_span:{id}" function="{function}" prefix="log_span" {more}"#)
}

#[tokio::test]
async fn a_load_says_what_became_of_its_value() {
    let (log, _guard) = Log::capture();
    let manager = CacheManager::builder().build().unwrap();
    with(&manager, async {
        noisy(1).await;
        noisy(1).await;
        failing(1).await.unwrap_err();
        too_large(1).await;
    })
    .await;
    let [loaded, failed, large] = &log.spans("cache_load")[..] else { panic!("{}", log.text()) };
    assert_eq!(*loaded, of_noisy(1, r#"store="memory" outcome="stored""#));
    assert!(failed.ends_with(r#" store="memory" outcome="failed" error=true"#), "{failed}");
    assert!(large.ends_with(r#" store="memory" outcome="unfit""#), "{large}");
}

#[cached(key_prefix = "log_fails", key = "{id}")]
async fn failing(id: u64) -> Result<u64, String> {
    Err(id.to_string())
}

#[cached(key_prefix = "log_large", key = "{id}")]
async fn too_large(id: u64) -> Vec<u8> {
    _ = id;
    vec![1; 64 * 1024 * 1024]
}

#[cached(key_prefix = "log_panics", key = "{id}")]
async fn panicking(id: u64) -> u64 {
    panic!("{id}")
}

#[tokio::test]
async fn a_load_whose_body_panics_is_an_error() {
    let (log, _guard) = Log::capture();
    let manager = CacheManager::builder().build().unwrap();
    let call = tokio::spawn(async move { with(&manager, panicking(1)).await });
    call.await.unwrap_err();
    let [load] = &log.spans("cache_load")[..] else { panic!("{}", log.text()) };
    assert!(load.ends_with(r#"outcome="panicked" error=true"#), "{load}");
}

#[cache_invalidate(prefix = "log_span:{id}")]
async fn change_noisy(id: u64) {
    _ = id;
}

#[tokio::test]
async fn a_read_and_a_store_in_redis_say_what_they_found_and_did() {
    let (log, _guard) = Log::capture();
    let server = RedisServer::start();
    let config = CacheConfig::default().namespace(unique_namespace()).mode(Mode::Redis);
    let manager = CacheManager::builder().config(config.redis_url(server.url())).build().unwrap();
    with(&manager, async {
        until_up(&manager).await;
        noisy(1).await;
        noisy(1).await;
        change_noisy(1).await;
        manager.set("log:directly", &1_u64, Duration::from_secs(60)).await.unwrap();
        manager.clear("log:*").await.unwrap();
        _ = manager.disconnect().await;
        change_noisy(1).await;
    })
    .await;
    let [miss, hit] = &log.spans("cache_read")[..] else { panic!("{}", log.text()) };
    assert_eq!(*miss, of_noisy(1, r#"store="redis" outcome="miss""#));
    assert!(hit.starts_with(&of_noisy(1, r#"store="redis" bytes="#)), "{hit}");
    assert!(hit.ends_with(r#" outcome="hit""#), "{hit}");

    let [stored, direct] = &log.spans("cache_store")[..] else { panic!("{}", log.text()) };
    assert!(stored.starts_with(&of_noisy(1, "bytes=")), "{stored}");
    assert!(stored.ends_with(r#" outcome="stored""#), "{stored}");
    assert!(direct.starts_with(r#"name="log:directly" bytes="#), "{direct}");

    let [entry, pattern, pending] = &log.spans("cache_invalidate")[..] else {
        panic!("{}", log.text())
    };
    let by = format!(r#"function="{}::change_noisy""#, module_path!());
    let of_entry = format!(r#"names=["log_span:1"] tags=["log_span:1"] everything=false {by}"#);
    assert_eq!(*entry, format!("{of_entry} removed=1"));
    assert_eq!(*pattern, r#"names=[] tags=["log"] everything=false removed=0"#);
    assert_eq!(*pending, format!("{of_entry} pending=true"));
    assert_eq!(log.spans("cache_clear"), [r#"pattern="log:*" removed=1"#]);
}

#[cached(ttl = "1s", stale_while_revalidate = "1h", key_prefix = "log_refresh", key = "{id}")]
async fn refreshed(id: u64) -> u64 {
    id
}

#[tokio::test]
async fn a_load_in_the_background_stands_in_its_refresh() {
    let (log, _guard) = Log::capture();
    let clock = Clock::mock();
    let manager = CacheManager::builder().clock(clock.clone()).build().unwrap();
    with(&manager, async {
        refreshed(1).await;
        clock.advance(Duration::from_secs(2));
        refreshed(1).await;
        until(async || !log.spans("cache_refresh").is_empty()).await;
    })
    .await;
    let [refresh] = &log.spans("cache_refresh")[..] else { panic!("{}", log.text()) };
    let function = format!("{}::refreshed", module_path!());
    let fields = format!(
        r#"name="log_refresh:1" function="{function}" prefix="log_refresh" store="memory""#
    );
    assert_eq!(*refresh, fields);
    let text = log.text();
    let inside = format!("cache_refresh{{{fields}}}:cache_load{{{fields} outcome=\"stored\"}}");
    assert!(text.contains(&inside), "{text}");
}

#[cached]
#[tracing::instrument]
async fn span_below(id: u64) -> u64 {
    id
}

#[tracing::instrument]
#[cached]
async fn span_above(id: u64) -> u64 {
    id
}

#[tokio::test]
async fn a_span_is_around_each_call_or_each_load() {
    let (log, _guard) = Log::capture();
    let manager = CacheManager::builder().build().unwrap();
    with(&manager, async {
        for _ in 0..3 {
            span_below(1).await;
            span_above(1).await;
        }
    })
    .await;
    let begun = |span: &str| {
        let end = format!("{span}{{id=1}}: suite::log: new");
        let line = |line: &&str| line.ends_with(&end);
        log.text().lines().filter(line).count()
    };
    assert_eq!((begun("span_below"), begun("span_above")), (3, 1), "{}", log.text());
}
