//! Events that may happen at every call are logged the first time, and then once a minute with a count.

use std::fmt;
use std::time::Duration;

use cache_runtime::{
    CacheConfig, CacheManager, Clock, SetOptions, cache_invalidate, cache_put, cached, with,
};
use cache_tests::{Counter, RedisServer, unique_namespace};
use serde::{Deserialize, Serialize, Serializer};
use tokio::task::yield_now;

use crate::log::Log;
use crate::stores::{until, until_up};

const CALLS: usize = 100;
const MINUTE: Duration = Duration::from_secs(60);

/// Returns a manager in memory, whose time stands still.
fn manager() -> (CacheManager, Clock) {
    let clock = Clock::mock();
    let manager = CacheManager::builder().clock(clock.clone()).build().unwrap();
    (manager, clock)
}

/// Returns the lines that are warnings or errors.
fn lines(log: &Log) -> Vec<String> {
    log.lines("WARN").into_iter().chain(log.lines("ERROR")).collect()
}

/// Calls it a hundred times, and once more after a minute: two lines with this in them, one of them with the
/// count.
async fn is_said_seldom(said: &[&str], call: impl AsyncFn(usize)) {
    let (manager, clock) = manager();
    let (log, _guard) = Log::capture();
    with(&manager, async {
        for id in 0..CALLS {
            call(id).await;
        }
        let [first] = &lines(&log)[..] else { panic!("{said:?}: {:#?}", lines(&log)) };
        assert!(said.iter().all(|said| first.contains(said)), "{said:?}: {first}");
        assert!(first.contains("times=1"), "{said:?}: {first}");
        clock.advance(MINUTE);
        for id in 0..CALLS {
            call(id).await;
        }
        let [_, second] = &lines(&log)[..] else { panic!("{said:?}: {:#?}", lines(&log)) };
        assert!(second.contains(&format!("times={CALLS}")), "{said:?}: {second}");
    })
    .await;
}

/// An argument that serde cannot write.
#[derive(Debug, Hash)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no form"))
    }
}

#[cached]
async fn of_unwritable(argument: Unwritable) -> u8 {
    _ = argument;
    1
}

/// A value whose `Display` fails.
struct Unprintable;

impl fmt::Display for Unprintable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

#[cached(skip(value), tags = ["of:{value}"])]
async fn of_tag(value: Unprintable) -> u8 {
    _ = value;
    1
}

#[cached(key = "of:{value}")]
async fn of_template(value: Unprintable) -> u8 {
    _ = value;
    1
}

fn zero() -> Duration {
    Duration::ZERO
}

#[cached(ttl = zero())]
async fn without_a_ttl(id: usize) -> usize {
    id
}

#[cached(stale_if_error = zero())]
async fn without_a_grace(id: usize) -> Result<usize, String> {
    Ok(id)
}

#[cached(key_prefix = "seldom_large")]
async fn too_large(id: usize) -> Vec<u8> {
    _ = id;
    vec![1; 2 * 1024 * 1024]
}

#[cache_invalidate(tags = ["of:{value}"])]
async fn invalidate_a_tag(value: Unprintable) {
    _ = value;
}

#[cache_invalidate(prefix = "of:{value}")]
async fn invalidate_a_prefix(value: Unprintable) {
    _ = value;
}

async fn not_cached(id: usize) -> usize {
    id
}

#[cache_invalidate(entry = not_cached(id))]
async fn invalidate_what_is_not_cached(id: usize) {
    _ = id;
}

#[cache_put(entry = not_cached(id))]
async fn put_what_is_not_cached(id: usize) -> usize {
    id
}

#[cache_invalidate(entry = of_unwritable(Unwritable))]
async fn invalidate_what_has_no_key() {}

#[cached(key_prefix = "seldom_panics")]
async fn panicking(id: usize) -> usize {
    std::panic::resume_unwind(Box::new(id))
}

#[tokio::test]
async fn a_call_that_is_not_cached_says_so_seldom() {
    is_said_seldom(&["seldom::of_unwritable", "no form"], async |_| {
        of_unwritable(Unwritable).await;
    })
    .await;
    is_said_seldom(&["seldom::of_tag", "in a tag"], async |_| {
        of_tag(Unprintable).await;
    })
    .await;
    is_said_seldom(&["seldom::of_template", "`Display`"], async |_| {
        of_template(Unprintable).await;
    })
    .await;
    is_said_seldom(&["seldom::without_a_ttl", "`ttl`", "0"], async |id| {
        without_a_ttl(id).await;
    })
    .await;
    is_said_seldom(&["seldom::without_a_grace", "`stale_if_error`"], async |id| {
        _ = without_a_grace(id).await;
    })
    .await;
    is_said_seldom(&["seldom::too_large", "limit"], async |id| {
        too_large(id).await;
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_without_effect_says_so_seldom() {
    is_said_seldom(&["seldom::invalidate_a_tag", "the tag"], async |_| {
        invalidate_a_tag(Unprintable).await;
    })
    .await;
    is_said_seldom(&["seldom::invalidate_a_prefix", "the prefix"], async |_| {
        invalidate_a_prefix(Unprintable).await;
    })
    .await;
    is_said_seldom(&["seldom::invalidate_what_is_not_cached", "nothing is"], async |id| {
        invalidate_what_is_not_cached(id).await;
    })
    .await;
    is_said_seldom(&["seldom::put_what_is_not_cached", "nothing is put"], async |id| {
        put_what_is_not_cached(id).await;
    })
    .await;
    is_said_seldom(&["seldom::invalidate_what_has_no_key", "no form"], async |_| {
        invalidate_what_has_no_key().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_directly_is_said_seldom() {
    let load = |name: &'static str| {
        async move |_| {
            let cache = cache_runtime::cache();
            let loaded = cache.get_or_load(name, SetOptions::default(), async || Ok::<_, ()>(1));
            assert_eq!(loaded.await, Ok(1));
        }
    };
    is_said_seldom(&["a direct load is not cached"], load("#a")).await;
    let many_tags = async |_: usize| {
        let options = (0..200).map(|tag: u32| tag.to_string());
        let options = options.fold(SetOptions::default(), SetOptions::tag);
        let cache = cache_runtime::cache();
        let loaded = cache.get_or_load("a", options, async || Ok::<_, ()>(1));
        assert_eq!(loaded.await, Ok(1));
    };
    is_said_seldom(&["a direct load is not cached", "200"], many_tags).await;
}

#[tokio::test]
async fn each_reason_of_a_function_is_said() {
    let (manager, _clock) = manager();
    let (log, _guard) = Log::capture();
    with(&manager, async {
        for id in 0..CALLS {
            without_a_ttl(id).await;
            of_tag(Unprintable).await;
            too_large(id).await;
        }
    })
    .await;
    assert_eq!(lines(&log).len(), 3, "{:#?}", lines(&log));
}

#[tokio::test]
async fn a_body_that_panics_is_a_failed_load_and_is_named() {
    let manager = CacheManager::builder().build().unwrap();
    let (log, _guard) = Log::capture();
    for id in 0..3 {
        let manager = manager.clone();
        let call = tokio::spawn(async move { with(&manager, panicking(id)).await });
        call.await.unwrap_err();
    }
    let stats = manager.stats();
    assert_eq!((stats.total.loads, stats.total.load_errors), (3, 3));
    let [line] = &lines(&log)[..] else { panic!("{:#?}", lines(&log)) };
    assert!(line.contains("seldom::panicking") && line.contains("panicked"), "{line}");
}

/// An error with text for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Broken(u32);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken\nby {}", self.0)
    }
}

/// An error that has `Debug` alone.
#[derive(Debug)]
struct Bare;

macro_rules! failing {
    ($name:ident, $error:ty, $made:expr, $($option:tt)*) => {
        #[cached(ttl = "1s", $($option)*)]
        async fn $name(runs: &Counter, id: usize) -> Result<usize, $error> {
            _ = id;
            let run = runs.hit();
            if run > CALLS { Err($made) } else { Ok(run) }
        }
    };
}

failing!(displayed, Broken, Broken(7), skip(runs), key_prefix = "seldom_d", stale_if_error = "1h");
failing!(debugged, Bare, Bare, skip(runs), key_prefix = "seldom_b", stale_if_error = "1h");
failing!(
    in_background,
    Broken,
    Broken(7),
    skip(runs),
    key_prefix = "seldom_a",
    stale_while_revalidate = "1h"
);

#[tokio::test]
async fn a_failed_load_that_is_covered_up_names_function_and_error() {
    let (manager, clock) = manager();
    let (log, _guard) = Log::capture();
    let runs = [Counter::new(), Counter::new()];
    with(&manager, async {
        for round in 0..2 {
            for id in 0..CALLS {
                displayed(&runs[0], id).await.unwrap();
                debugged(&runs[1], id).await.unwrap();
            }
            assert_eq!(lines(&log).len(), 2 * round);
            clock.advance(Duration::from_secs(2));
        }
    })
    .await;
    let lines = lines(&log);
    let [displayed, debugged] = &lines[..] else { panic!("{lines:#?}") };
    for said in ["seldom::displayed", r"broken\nby 7", "the stale value is served"] {
        assert!(displayed.contains(said), "{said}: {displayed}");
    }
    assert!(debugged.contains("seldom::debugged") && debugged.contains("Bare"), "{debugged}");
    assert_eq!(manager.stats().total.load_errors, 2 * CALLS as u64);
}

#[tokio::test]
async fn a_failed_load_in_the_background_is_counted_and_named() {
    let (manager, clock) = manager();
    let (log, _guard) = Log::capture();
    let runs = Counter::new();
    with(&manager, async {
        for id in 0..CALLS {
            in_background(&runs, id).await.unwrap();
        }
        clock.advance(Duration::from_secs(2));
        for id in 0..CALLS {
            in_background(&runs, id).await.unwrap();
            until(async || manager.stats().total.load_errors == id as u64 + 1).await;
        }
    })
    .await;
    let lines = lines(&log);
    let [line] = &lines[..] else { panic!("{lines:#?}") };
    for said in ["seldom::in_background", r"broken\nby 7", "a background refresh failed"] {
        assert!(line.contains(said), "{said}: {line}");
    }
}

#[cached(ttl = "1s", stale_while_revalidate = "1h", key_prefix = "seldom_hangs", skip(runs))]
async fn hanging(runs: &Counter) -> usize {
    let run = runs.hit();
    if run > 1 {
        std::future::pending::<()>().await;
    }
    run
}

#[tokio::test(start_paused = true)]
async fn a_load_in_the_background_that_is_given_up_is_counted_and_named() {
    let clock = Clock::mock();
    let config = CacheConfig::default().max_load(Duration::from_secs(5));
    let manager = CacheManager::builder().config(config).clock(clock.clone()).build().unwrap();
    let (log, _guard) = Log::capture();
    let runs = Counter::new();
    with(&manager, async {
        hanging(&runs).await;
        clock.advance(Duration::from_secs(2));
        hanging(&runs).await;
        while manager.stats().total.load_errors == 0 {
            tokio::time::advance(Duration::from_secs(1)).await;
            yield_now().await;
        }
    })
    .await;
    let [line] = &lines(&log)[..] else { panic!("{:#?}", lines(&log)) };
    for said in ["seldom::hanging", "CACHE_MAX_LOAD", "cancelled"] {
        assert!(line.contains(said), "{said}: {line}");
    }
}

#[tokio::test]
async fn a_disconnect_says_how_many_invalidations_are_lost() {
    let server = RedisServer::start();
    let config = CacheConfig::default().namespace(unique_namespace()).redis_url(server.url());
    let manager = CacheManager::builder().config(config).build().unwrap();
    until_up(&manager).await;
    let (log, _guard) = Log::capture();
    server.kill();
    for tag in ["a", "b", "c"] {
        manager.invalidate_tag(tag).await.unwrap();
    }
    let lost = manager.disconnect().await;
    assert!(lost >= 3, "{lost}");
    let said: Vec<_> = lines(&log).into_iter().filter(|line| line.contains("lost=")).collect();
    let [line] = &said[..] else { panic!("{:#?}", lines(&log)) };
    assert!(line.contains(&format!("lost={lost}")), "{line}");
}
