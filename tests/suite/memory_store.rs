//! Values that fit into memory are kept, others are reported, and a value may use the cache in its
//! `Drop`.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use cache_runtime::{
    CacheConfig, CacheManager, Clock, Error, Mode, SetOptions, cache_put, cached, with,
};
use serde::{Deserialize, Serialize};

use crate::log::Log;
use crate::stores::{TestCache, on_each_store};

const HOUR: Duration = Duration::from_secs(3_600);
/// For what takes milliseconds, and never ends in a deadlock.
const PATIENCE: Duration = Duration::from_secs(60);

fn memory(capacity: usize) -> CacheManager {
    let config = CacheConfig::default().mode(Mode::Memory).memory_capacity(capacity);
    CacheManager::builder().config(config).build().unwrap()
}

/// In memory nothing is waited for.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

async fn count_there(manager: &CacheManager, names: &[String]) -> usize {
    manager.get_many::<u64>(names).await.unwrap().into_iter().flatten().count()
}

fn names(prefix: &str, count: u64) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}:{n}")).collect()
}

#[tokio::test]
async fn what_is_set_and_fits_is_all_there() {
    let manager = memory(64 << 20);
    let names = names("set", 100_000);
    manager.set_many(names.iter().map(|name| (name, &7_u64)), HOUR).await.unwrap();
    assert_eq!(count_there(&manager, &names).await, 100_000);
    // Nor does setting them once more make one another stale.
    for name in &names[..50_000] {
        manager.set(name, &8_u64, HOUR).await.unwrap();
    }
    assert_eq!(count_there(&manager, &names).await, 100_000);
}

#[cached(ttl = "1h", key_prefix = "squares", key = "{n}")]
async fn square(n: u64) -> u64 {
    n * n
}

#[cache_put(entry = square(n))]
async fn put_square(n: u64) -> u64 {
    n * n
}

#[tokio::test]
async fn what_is_put_and_loaded_is_all_there() {
    let manager = memory(64 << 20);
    let names = names("squares", 40_000);
    with(&manager, async {
        for n in 0..20_000 {
            square(n).await;
            put_square(20_000 + n).await;
        }
    })
    .await;
    assert_eq!(count_there(&manager, &names).await, 40_000);
}

#[tokio::test]
async fn a_load_that_a_set_has_overtaken_is_not_stored() {
    let manager = memory(1 << 20);
    let load = async || {
        manager.set("a", &2_u64, HOUR).await.unwrap();
        Ok::<_, Error>(1_u64)
    };
    assert_eq!(manager.get_or_load("a", HOUR, load).await.unwrap(), 1);
    assert_eq!(manager.get("a").await.unwrap(), Some(2_u64));
}

#[cached(ttl = "1h", key_prefix = "large", key = "{size}")]
async fn large(size: usize) -> Vec<u8> {
    vec![7; size]
}

#[tokio::test]
async fn what_is_too_large_for_memory_is_counted_and_said_once_a_minute() {
    let (log, _capture) = Log::capture();
    let clock = Clock::mock();
    let config = CacheConfig::default().mode(Mode::Memory).memory_capacity(1 << 20);
    let manager = CacheManager::builder().config(config).clock(clock.clone()).build().unwrap();
    // A value that can never fit is reported at once.
    assert!(log.text().contains("raise CACHE_MEMORY_CAPACITY"), "{log:?}");
    with(&manager, async {
        for size in 0..100 {
            large((2 << 20) + size).await;
        }
        large(100).await;
        clock.advance(Duration::from_secs(61));
        large(2 << 20).await;
    })
    .await;
    let stats = manager.stats();
    assert_eq!((stats.total.not_stored, stats.total.stores), (101, 1));
    let text = log.text();
    let said: Vec<&str> = text.lines().filter(|line| line.contains("is not stored")).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("large") && said[0].contains("CACHE_MAX_VALUE_SIZE"), "{said:?}");
    assert!(said[1].contains("times=100"), "{said:?}");

    let refused = manager.set("a", &vec![7_u8; 1_040_000], HOUR).await.unwrap_err();
    assert!(matches!(refused, Error::NoRoom { .. }), "{refused:?}");
    assert!(refused.to_string().contains("CACHE_MEMORY_CAPACITY"), "{refused}");
    assert_eq!(manager.stats().total.not_stored, 102);
}

/// The cache that the values of one test use when they are dropped.
static CACHE: OnceLock<CacheManager> = OnceLock::new();

/// Uses the cache in every way when it is dropped.
#[derive(Clone, Serialize, Deserialize)]
struct Meddles(u64);

impl Drop for Meddles {
    fn drop(&mut self) {
        let Some(cache) = CACHE.get() else { return };
        let other = format!("other:{}", self.0);
        at_once(async {
            cache.clear("nothing:*").await.unwrap();
            cache.set(&other, &self.0, HOUR).await.unwrap();
            cache.get::<u64>(&other).await.unwrap();
            cache.invalidate_prefix("nothing").await.unwrap();
            cache.delete(&other).await.unwrap();
        });
    }
}

#[test]
fn a_value_may_use_the_cache_when_it_is_dropped() {
    let cache = CACHE.get_or_init(|| memory(256 << 10));
    let (done, wait) = channel();
    let set = move |thread: u64| {
        for n in 0..400 {
            // Replaced, evicted, overtaken and refused ones.
            at_once(cache.set(&format!("a:{}", n % 50), &Meddles(n), HOUR)).unwrap();
            at_once(cache.set(&format!("{thread}:{n}"), &vec![0_u8; 2_000], HOUR)).unwrap();
            let load = async || Ok::<_, Error>(Meddles(n));
            at_once(cache.get_or_load(&format!("b:{}", n % 60), HOUR, load)).unwrap();
        }
    };
    let clear = move || {
        for n in 0..100 {
            at_once(cache.clear("a:1*")).unwrap();
            if n % 20 == 0 {
                at_once(cache.flush_all());
            }
        }
    };
    let work: [Box<dyn FnOnce() + Send>; 3] =
        [Box::new(move || set(1)), Box::new(move || set(2)), Box::new(clear)];
    for part in work {
        let done = done.clone();
        thread::spawn(move || {
            part();
            done.send(()).unwrap();
        });
    }
    for _ in 0..3 {
        wait.recv_timeout(PATIENCE).expect("a deadlock, or a part that has failed");
    }
}

#[tokio::test]
async fn what_is_flushed_is_dropped_and_so_is_what_a_manager_held() {
    let manager = memory(1 << 20);
    let value = Arc::new(());
    for n in 0..100 {
        manager.set(&n.to_string(), &Shared(Some(Arc::clone(&value))), HOUR).await.unwrap();
        manager.get::<Shared>(&n.to_string()).await.unwrap();
    }
    assert!(Arc::strong_count(&value) > 100);
    manager.flush_all().await;
    assert_eq!(Arc::strong_count(&value), 1);
    manager.set("a", &Shared(Some(Arc::clone(&value))), SetOptions::forever()).await.unwrap();
    manager.get::<Shared>("a").await.unwrap();
    drop(manager);
    assert_eq!(Arc::strong_count(&value), 1);
}

/// Says how many of it there are.
#[derive(Clone, Serialize, Deserialize)]
struct Shared(#[serde(skip)] Option<Arc<()>>);

/// Some bytes of a buffer that they keep in memory.
#[derive(Clone, Serialize, Deserialize)]
struct Slice {
    #[serde(skip)]
    buffer: Arc<Vec<u8>>,
}

fn slice() -> Slice {
    Slice { buffer: Arc::new(vec![0; 256 << 10]) }
}

#[cached(ttl = "1h", weight = |slice: &Slice| slice.buffer.len())]
async fn weighed(page: u64) -> Slice {
    let _ = page;
    slice()
}

#[cached(ttl = "1h", weight = weight_of, cache_if = |slice| !slice.buffer.is_empty())]
async fn weighed_of_a_result(page: u64) -> Result<Slice, Error> {
    let _ = page;
    Ok(slice())
}

fn weight_of(slice: &Slice) -> usize {
    slice.buffer.len()
}

#[tokio::test]
async fn values_weigh_what_their_weight_says() {
    let manager = memory(8 << 20);
    with(&manager, async {
        for page in 0..20 {
            weighed(page).await;
            weighed_of_a_result(page).await.unwrap();
        }
    })
    .await;
    for page in 20..40 {
        let options = SetOptions::ttl(HOUR).weight(256 << 10);
        manager.set(&format!("directly:{page}"), &slice(), options.clone()).await.unwrap();
        let load = async || Ok::<_, Error>(slice());
        manager.get_or_load(&format!("loaded:{page}"), options, load).await.unwrap();
    }
    let stats = manager.stats();
    assert!((20..32).contains(&stats.entries), "{} entries", stats.entries);
    assert!(stats.bytes <= 8 << 20 && stats.bytes > stats.entries * (256 << 10));
}

#[tokio::test]
async fn more_tags_than_an_entry_may_have_are_refused_by_name() {
    on_each_store(async |TestCache { manager, .. }: TestCache| {
        let tagged = |count: u64| {
            let options = SetOptions::ttl(HOUR);
            (0..count).fold(options, |options, n| options.tag(format!("tag:{n}")))
        };
        manager.set("a:b:c:d:e:f:g", &1_u64, tagged(128)).await.unwrap();
        assert_eq!(manager.get("a:b:c:d:e:f:g").await.unwrap(), Some(1_u64));
        for n in [0, 127] {
            manager.set("x", &1_u64, tagged(128)).await.unwrap();
            manager.invalidate_tag(&format!("tag:{n}")).await.unwrap();
            assert_eq!(manager.get::<u64>("x").await.unwrap(), None);
        }
        for count in [129, 256, 8_000] {
            let refused = [
                manager.set("a", &1_u64, tagged(count)).await,
                manager.set_many([("a", &1_u64)], tagged(count)).await.map(drop),
            ];
            for refused in refused {
                let Err(Error::TooManyTags { name, given, limit: 128 }) = &refused else {
                    panic!("{refused:?}");
                };
                assert_eq!((name.as_str(), *given as u64), ("a", count));
            }
            // Whoever loads has the value, which is not stored.
            let load = async || Ok::<_, Error>(1_u64);
            assert_eq!(manager.get_or_load("a", tagged(count), load).await.unwrap(), 1);
            assert_eq!(manager.get::<u64>("a").await.unwrap(), None);
        }
    })
    .await;
}
