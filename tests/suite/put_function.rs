//! `#[cache_put]` and `entry = call(..)`: functions that say which entry they change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::{CacheCall as _, CacheManager, cache_invalidate, cache_put, cached, with};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores, spawn_with, until};

#[cached(ttl = "1m", key_prefix = "video", skip(source), tags = ["team:red"], cache_if = |v| *v != 13)]
async fn video(source: &Source, id: u64) -> Result<u64, String> {
    _ = id;
    Ok(source.read().await)
}

#[cached(ttl = "1m", skip(source))]
async fn title(source: &Source, name: String) -> String {
    format!("{name}{}", source.read().await)
}

/// Writes a value to the source, which takes until it is let go, and returns the new state.
#[cache_put(entry = video(source, id))]
async fn set(source: &Source, id: u64, value: u64) -> Result<u64, std::io::Error> {
    _ = id;
    source.set(value);
    source.read().await;
    Ok(value)
}

#[cache_put(entry = video(source, id), when = "always", if = |result| !matches!(result, Ok(0)))]
async fn set_or_fail(source: &Source, id: u64, outcome: Result<u64, ()>) -> Result<u64, ()> {
    _ = (source, id);
    outcome
}

#[cache_put(entry = video(source, id))]
async fn set_or_fail_unchanged(
    source: &Source,
    id: u64,
    outcome: Result<u64, ()>,
) -> Result<u64, ()> {
    _ = (source, id);
    outcome
}

#[cached(ttl = "1m", skip(source))]
async fn by_text(source: &Source, name: &str) -> String {
    format!("{name}{}", source.read().await)
}

/// The call borrows of its own expression.
#[cache_put(entry = by_text(source, &format!("{name}!")))]
async fn set_by_text(source: &Source, name: String) -> String {
    _ = source;
    name
}

#[cache_put(entry = title(source, name.clone()), entry = title(source, format!("{name}!")))]
async fn set_titles(source: &Source, name: String) -> String {
    _ = source;
    name
}

#[cache_invalidate(entry = video(source, id), entry = title(source, format!("t{id}")))]
async fn touch(source: &Source, id: u64) {
    _ = (source, id);
}

struct Service(Source);

#[async_trait::async_trait]
trait Store_ {
    async fn get(&self, id: u64) -> u64;
    async fn put(&self, id: u64, value: u64) -> u64;
    async fn forget(&self, id: u64);
}

#[async_trait::async_trait]
impl Store_ for Service {
    #[cached(ttl = "1m", skip(self))]
    async fn get(&self, id: u64) -> u64 {
        id + self.0.read().await
    }

    #[cache_put(entry = self.get(id))]
    async fn put(&self, id: u64, value: u64) -> u64 {
        _ = id;
        value
    }

    #[cache_invalidate(entry = self.get(id))]
    async fn forget(&self, id: u64) {
        _ = id;
    }
}

impl Service {
    #[cached(ttl = "1m", skip(self))]
    async fn own(&self, id: u64) -> u64 {
        id + self.0.read().await
    }

    #[cache_put(entry = self.own(id))]
    async fn put_own(&mut self, id: u64, value: u64) -> u64 {
        _ = id;
        value
    }
}

#[tokio::test]
async fn what_is_put_is_served_without_a_load() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        assert_eq!(video(&source, 7).await, Ok(1));
        assert_eq!(video(&source, 8).await, Ok(1));
        set(&source, 7, 5).await.unwrap();
        let reads = source.reads();
        assert_eq!(video(&source, 7).await, Ok(5));
        assert_eq!(video(&source, 8).await, Ok(1));
        assert_eq!(source.reads(), reads);
    })
    .await;
}

#[tokio::test]
async fn methods_are_meant_by_their_receiver() {
    on_each_store(async |_: TestCache| {
        let mut service = Service(Source::new(1));
        service.put(7, 50).await;
        assert_eq!(service.get(7).await, 50);
        let dynamic: &dyn Store_ = &service;
        dynamic.put(7, 51).await;
        assert_eq!(dynamic.get(7).await, 51);
        dynamic.forget(7).await;
        assert_eq!(dynamic.get(7).await, 8);
        service.put_own(7, 60).await;
        assert_eq!(service.own(7).await, 60);
        assert_eq!(service.0.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn several_entries_are_put_and_invalidated() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        set_titles(&source, "a".into()).await;
        assert_eq!(title(&source, "a".into()).await, "a");
        assert_eq!(title(&source, "a!".into()).await, "a");
        set_by_text(&source, "a".into()).await;
        assert_eq!(by_text(&source, "a!").await, "a");
        assert_eq!(source.reads(), 0);

        video(&source, 7).await.unwrap();
        title(&source, "t7".into()).await;
        touch(&source, 7).await;
        assert_eq!(video(&source, 7).cache_entry().peek().await.unwrap(), None);
        assert_eq!(title(&source, "t7".into()).cache_entry().peek().await.unwrap(), None);
        assert_eq!(title(&source, "a".into()).await, "a");
    })
    .await;
}

#[tokio::test]
async fn a_failure_means_what_when_says() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        let there = async || video(&source, 7).cache_entry().peek().await.unwrap();
        video(&source, 7).await.unwrap();
        set_or_fail_unchanged(&source, 7, Err(())).await.unwrap_err();
        assert_eq!(there().await, Some(Ok(1)));
        set_or_fail(&source, 7, Ok(0)).await.unwrap();
        assert_eq!(there().await, Some(Ok(1)));
        set_or_fail(&source, 7, Ok(2)).await.unwrap();
        assert_eq!(there().await, Some(Ok(2)));
        set_or_fail(&source, 7, Err(())).await.unwrap_err();
        assert_eq!(there().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_value_that_the_cached_function_refuses_leaves_nothing() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        video(&source, 7).await.unwrap();
        set(&source, 7, 13).await.unwrap();
        assert_eq!(video(&source, 7).cache_entry().peek().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn one_entry_that_is_given_twice_is_put_once() {
    #[cache_put(entry = title(source, a.clone()), entry = title(source, b.clone()))]
    async fn set_both(source: &Source, a: String, b: String) -> String {
        _ = source;
        a + &b
    }

    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        set_both(&source, "x".into(), "x".into()).await;
        assert_eq!(title(&source, "x".into()).await, "xx");
        assert_eq!(source.reads(), 0);
    })
    .await;
}

/// A TTL that can be used or not, and a call that is cached or not.
static SECONDS: AtomicU64 = AtomicU64::new(60);

#[cached(ttl = Duration::from_secs(SECONDS.load(Ordering::SeqCst)), key = "{id}", bypass_if = *past)]
async fn choosy(source: &Source, id: u64, past: &bool) -> u64 {
    id * 100 + source.read().await
}

#[cache_put(entry = choosy(source, id, &past))]
async fn set_choosy(source: &Source, id: u64, past: bool, value: u64) -> u64 {
    _ = (source, id, past);
    value
}

#[tokio::test]
async fn a_call_that_is_not_cached_has_what_is_there_removed_by_a_put() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        let there = async || choosy(&source, 7, &false).cache_entry().peek().await.unwrap();
        SECONDS.store(60, Ordering::SeqCst);
        set_choosy(&source, 7, false, 5).await;
        assert_eq!(there().await, Some(5));
        set_choosy(&source, 7, true, 6).await;
        assert_eq!(there().await, None);

        set_choosy(&source, 7, false, 5).await;
        choosy(&source, 7, &true).cache_entry().put(6).await.unwrap_err();
        assert_eq!(there().await, None);

        for direct in [false, true] {
            SECONDS.store(60, Ordering::SeqCst);
            set_choosy(&source, 7, false, 5).await;
            SECONDS.store(0, Ordering::SeqCst);
            if direct {
                choosy(&source, 7, &false).cache_entry().put(6).await.unwrap_err();
            } else {
                set_choosy(&source, 7, false, 6).await;
            }
            SECONDS.store(60, Ordering::SeqCst);
            assert_eq!(there().await, None, "{direct}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_load_that_ended_meanwhile_is_not_overwritten_by_something_older() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let (put, hold) = begin_put(&cache.manager, &source, 5).await;
        source.set(6);
        assert_eq!(video(&source, 7).await, Ok(6));
        hold.release();
        put.await.unwrap();
        assert_ne!(video(&source, 7).cache_entry().peek().await.unwrap(), Some(Ok(5)));
    })
    .await;
}

/// Begins a put of `value` that waits in its body until the hold is released.
async fn begin_put(
    process: &CacheManager,
    source: &Source,
    value: u64,
) -> (tokio::task::JoinHandle<u64>, crate::source::Hold) {
    let hold = source.hold();
    let source = source.clone();
    let put = spawn_with(process, async move { set(&source, 7, value).await.unwrap() });
    hold.reached().await;
    (put, hold)
}

/// The way in which the video is removed while a put of it is running.
#[derive(Clone, Copy, Debug)]
enum Removal {
    Entry,
    Tag(&'static str),
    Clear(&'static str),
    FlushAll,
}

impl Removal {
    const ALL: [Removal; 6] = [
        Removal::Entry,
        Removal::Tag("team:red"),
        Removal::Tag("video"),
        Removal::Clear("video:*"),
        Removal::Clear("*"),
        Removal::FlushAll,
    ];

    async fn happens(self, by: &CacheManager, source: &Source) {
        let entry = || video(source, 7).cache_entry();
        match self {
            Removal::Entry => with(by, async { entry().invalidate().await.unwrap() }).await,
            Removal::Tag(tag) => by.invalidate_tag(tag).await.unwrap(),
            Removal::Clear(pattern) => drop(by.clear(pattern).await.unwrap()),
            Removal::FlushAll => drop(by.flush_all().await),
        }
    }
}

/// This process, and with Redis another one.
async fn processes(cache: &TestCache) -> Vec<CacheManager> {
    let mut processes = vec![cache.manager.clone()];
    if cache.store.has_redis() {
        processes.push(cache.peer().await);
    }
    processes
}

#[tokio::test]
async fn a_put_whose_body_began_before_an_invalidation_stores_nothing() {
    on_each_store(async |cache: TestCache| {
        for by in &processes(&cache).await {
            for removal in Removal::ALL {
                let source = Source::new(1);
                video(&source, 7).await.unwrap();
                let (put, hold) = begin_put(&cache.manager, &source, 5).await;
                removal.happens(by, &source).await;
                source.set(9);
                hold.release();
                put.await.unwrap();
                assert_eq!(video(&source, 7).await, Ok(9), "{removal:?}");
                assert_eq!(with(by, video(&source, 7)).await, Ok(9), "{removal:?}");
                Removal::Entry.happens(&cache.manager, &source).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_puts_that_end_in_the_other_order_neither_leaves_an_older_value() {
    on_each_store(async |cache: TestCache| {
        let processes = processes(&cache).await;
        for (first, second) in processes.iter().flat_map(|a| processes.iter().map(move |b| (a, b)))
        {
            let source = Source::new(1);
            video(&source, 7).await.unwrap();
            let (older, hold) = begin_put(first, &source, 5).await;
            with(second, set(&source, 7, 6)).await.unwrap();
            assert_eq!(with(second, video(&source, 7)).await, Ok(6));
            hold.release();
            older.await.unwrap();
            for process in [second, first] {
                assert_eq!(with(process, video(&source, 7)).await, Ok(6));
            }
            Removal::Entry.happens(&cache.manager, &source).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_direct_put_meanwhile_is_not_overwritten_by_something_older() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let (put, hold) = begin_put(&cache.manager, &source, 5).await;
        video(&source, 7).cache_entry().put(8).await.unwrap();
        source.set(8);
        hold.release();
        put.await.unwrap();
        assert_eq!(video(&source, 7).await, Ok(8));
    })
    .await;
}

#[tokio::test]
async fn a_load_that_began_before_a_put_is_not_stored_over_it() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let hold = source.hold();
        let load = {
            let source = source.clone();
            cache.spawn(async move { video(&source, 7).await.unwrap() })
        };
        hold.reached().await;
        set(&source, 7, 5).await.unwrap();
        hold.release();
        assert_eq!(load.await.unwrap(), 1);
        assert_eq!(video(&source, 7).await, Ok(5));
    })
    .await;
}

#[tokio::test]
async fn a_put_that_is_dropped_in_its_body_removes_the_entry() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        video(&source, 7).await.unwrap();
        let (put, hold) = begin_put(&cache.manager, &source, 5).await;
        put.abort();
        assert!(put.await.unwrap_err().is_cancelled());
        hold.release();
        let entry = async || video(&source, 7).cache_entry().peek().await.unwrap();
        until(async || entry().await.is_none()).await;
    })
    .await;
}

#[tokio::test]
async fn a_put_is_seen_by_another_process() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let source = Source::new(1);
        let peer = cache.peer().await;
        let at_peer = async || {
            let source = source.clone();
            spawn_with(&peer, async move { video(&source, 7).await }).await.unwrap()
        };
        assert_eq!(at_peer().await, Ok(1));
        set(&source, 7, 5).await.unwrap();
        assert_eq!(at_peer().await, Ok(5));
    })
    .await;
}

/// An output that cannot be sent to another thread does not make the future one that cannot.
#[tokio::test]
async fn errors_that_are_not_send_change_nothing() {
    type Local = Box<dyn std::error::Error>;

    #[cached(ttl = "1m", skip(source))]
    async fn get(source: &Source) -> Result<u64, Local> {
        match source.read().await {
            0 => Err("zero".into()),
            value => Ok(value),
        }
    }

    #[cache_invalidate(entry = get(source))]
    async fn forget(source: &Source) -> Result<(), Local> {
        _ = source;
        Ok(())
    }

    #[cache_put(entry = get(source))]
    async fn replace(source: &Source, value: u64) -> Result<u64, Local> {
        _ = source;
        Ok(value)
    }

    on_each_store(async |cache: TestCache| {
        let source = Source::new(0);
        let failures = Arc::new(AtomicU64::new(0));
        let (shared, counted) = (source.clone(), Arc::clone(&failures));
        let calls = async move {
            if get(&shared).await.is_err() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            shared.set(1);
            let first = get(&shared).await.unwrap_or(0);
            shared.set(2);
            forget(&shared).await.is_ok().then_some(()).unwrap();
            let second = get(&shared).await.unwrap_or(0);
            replace(&shared, 7).await.is_ok().then_some(()).unwrap();
            (first, second, get(&shared).await.unwrap_or(0))
        };
        assert_eq!(cache.spawn(calls).await.unwrap(), (1, 2, 7));
        assert_eq!(failures.load(Ordering::Relaxed), 1);
        tokio::time::sleep(Duration::from_millis(1)).await;
    })
    .await;
}

#[tokio::test]
async fn a_put_during_a_scan_leaves_nothing_older() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let (hold, held) = (source.hold(), source.clone());
        let putting = cache.spawn(async move { set(&held, 1, 2).await });
        hold.reached().await;
        cache.manager.clear("unrelated:*").await.unwrap();
        source.set(1);
        assert_eq!(video(&source, 1).await, Ok(1));
        source.set(2);
        hold.release();
        putting.await.unwrap().unwrap();
        assert_eq!(video(&source, 1).await, Ok(2));
    })
    .await;
}
