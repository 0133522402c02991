//! `#[cache_put(entry = call(result.id))]`: the value that a function returns says which entry it belongs to.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{
    CacheCall as _, CacheManager, ClearProgress, Mode, cache_put, cached, deferred, with,
};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::source::{Hold, Source};
use crate::stores::{
    Store, TestCache, connect, on_each_store, on_own_servers, on_store, on_stores, own_server,
    spawn_with, until,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    price: u64,
}

fn priced(price: u64) -> Product {
    Product { id: 7, price }
}

#[cached(
    ttl = "1m",
    key_prefix = "late:product",
    key = "{id}",
    tags = ["late:all"],
    tags_of = |product| [format!("late:price:{}", product.price / 10)]
)]
async fn product(source: &Source, id: u64) -> Product {
    Product { id, price: source.read().await }
}

#[cached(ttl = "1m", key_prefix = "late:copy", key = "{id}")]
async fn copy(source: &Source, id: u64) -> Product {
    Product { id, price: source.read().await }
}

#[cached(ttl = "1m", key_prefix = "late:outer", key = "{id}", inherit)]
async fn outer(source: &Source, id: u64) -> Product {
    product(source, id).await
}

/// Writes a price to the source, which takes until it is let go.
#[cache_put(entry = product(source, result.id))]
async fn set(source: &Source, price: u64) -> Result<Product, String> {
    source.set(price);
    assert_ne!(source.read().await, 13, "a body");
    Ok(priced(price))
}

#[cache_put(entry = product(source, result.id), when = "always", if = |result| !matches!(result, Ok(set) if set.price == 0))]
async fn set_or_fail(source: &Source, outcome: Result<Product, ()>) -> Result<Product, ()> {
    _ = source;
    outcome
}

#[cache_put(entry = product(source, result.id))]
async fn set_or_fail_unchanged(
    source: &Source,
    outcome: Result<Product, ()>,
) -> Result<Product, ()> {
    _ = source;
    outcome
}

#[cache_put(entry = product(source, id), entry = product(source, result.id), entry = copy(source, result.id))]
async fn set_all(source: &Source, id: u64, set: Product) -> Product {
    _ = (source, id);
    set
}

#[cache_put(entry = copy(source, id), entry = product(source, 100 / result.price))]
async fn set_panicking(source: &Source, id: u64, price: u64) -> Product {
    _ = source;
    Product { id, price }
}

#[cache_put(entry = outer(source, result.id))]
async fn set_outer(source: &Source) -> Product {
    _ = source;
    priced(5)
}

/// Returns what is stored.
async fn stored(source: &Source) -> Option<Product> {
    product(source, 7).cache_entry().peek().await.unwrap()
}

/// Puts until the value is stored. An interruption of the feed keeps a put from it.
async fn put_until_stored(source: &Source, price: u64) {
    until(async || {
        set(source, price).await.unwrap();
        stored(source).await == Some(priced(price))
    })
    .await;
}

/// Begins a put that waits in its body until the hold is released.
async fn begin_put(
    process: &CacheManager,
    source: &Source,
    price: u64,
) -> (JoinHandle<Product>, Hold) {
    let hold = source.hold();
    let source = source.clone();
    let put = spawn_with(process, async move { set(&source, price).await.unwrap() });
    hold.reached().await;
    (put, hold)
}

/// This process, and with Redis another one.
async fn processes(cache: &TestCache) -> Vec<CacheManager> {
    let mut processes = vec![cache.manager.clone()];
    if cache.store.has_redis() {
        processes.push(cache.peer().await);
    }
    processes
}

/// The way in which the product is removed while a put of it is running.
#[derive(Clone, Copy, Debug)]
enum Removal {
    Entry,
    Tag(&'static str),
    Clear(&'static str),
    FlushAll,
}

impl Removal {
    const ALL: [Removal; 8] = [
        Removal::Entry,
        Removal::Tag("late:all"),
        Removal::Tag("late:price:0"),
        Removal::Tag("late"),
        Removal::Clear("late:product:*"),
        Removal::Clear("late:product:?"),
        Removal::Clear("*"),
        Removal::FlushAll,
    ];

    async fn happens(self, by: &CacheManager, source: &Source) {
        let entry = || product(source, 7).cache_entry();
        match self {
            Removal::Entry => with(by, async { entry().invalidate().await.unwrap() }).await,
            Removal::Tag(tag) => by.invalidate_tag(tag).await.unwrap(),
            Removal::Clear(pattern) => drop(by.clear(pattern).await.unwrap()),
            Removal::FlushAll => drop(by.flush_all().await),
        }
    }
}

#[tokio::test]
async fn the_value_that_names_its_entry_is_served_without_a_load() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        put_until_stored(&source, 5).await;
        let reads = source.reads();
        for process in &processes(&cache).await {
            assert_eq!(with(process, product(&source, 7)).await, priced(5));
        }
        assert_eq!(source.reads(), reads);
    })
    .await;
}

#[tokio::test]
async fn in_a_transaction_the_entry_is_removed_after_the_commit() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        product(&source, 7).await;
        let stores = cache.manager.stats().total.stores;
        let (set, pending) = deferred(set(&source, 2)).await;
        assert_eq!(set, Ok(priced(2)));
        assert_eq!((product(&source, 7).await, pending.len()), (priced(1), 1));
        pending.apply().await;
        assert_eq!(cache.manager.stats().total.stores, stores, "its value is not stored");
        assert_eq!(product(&source, 7).await, priced(2));

        let (failed, pending) = deferred(set_or_fail(&source, Err(()))).await;
        assert_eq!((failed, pending.is_empty()), (Err(()), false), "it may have written anything");
        pending.discard();
        let (failed, pending) = deferred(set_or_fail_unchanged(&source, Err(()))).await;
        assert_eq!((failed, pending.is_empty()), (Err(()), true));
    })
    .await;
}

#[tokio::test]
async fn a_value_takes_the_place_of_one_that_was_loaded_before() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let processes = processes(&cache).await;
        for (process, price) in processes.iter().zip(2..) {
            for reader in &processes {
                with(reader, product(&source, 7)).await;
            }
            with(process, put_until_stored(&source, price)).await;
            for reader in &processes {
                let read = async || with(reader, product(&source, 7)).await;
                until(async || read().await == priced(price)).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn tags_of_the_value_and_of_the_function_invalidate_it() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        for tag in ["late:all", "late:price:0", "late:product", "late"] {
            put_until_stored(&source, 5).await;
            cache.manager.invalidate_tag("late:price:1").await.unwrap();
            assert_eq!(stored(&source).await, Some(priced(5)));
            cache.manager.invalidate_tag(tag).await.unwrap();
            assert_eq!(stored(&source).await, None, "{tag}");
        }
    })
    .await;
}

#[tokio::test]
async fn several_entries_are_put_each_once() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        until(async || {
            set_all(&source, 7, priced(5)).await;
            let copied = copy(&source, 7).cache_entry().peek().await.unwrap();
            stored(&source).await == Some(priced(5)) && copied == Some(priced(5))
        })
        .await;
        until(async || {
            set_all(&source, 8, priced(6)).await;
            let eight = product(&source, 8).cache_entry().peek().await.unwrap();
            stored(&source).await == Some(priced(6)) && eight == Some(priced(6))
        })
        .await;
        assert_eq!(source.reads(), 0);
    })
    .await;
}

// R2: nothing of the name could be noted before the body.
#[tokio::test]
async fn a_put_whose_body_began_before_a_removal_of_its_entry_stores_nothing() {
    on_each_store(async |cache: TestCache| {
        let processes = processes(&cache).await;
        for by in &processes {
            for removal in Removal::ALL {
                for was_there in [false, true] {
                    let source = Source::new(1);
                    put_until_stored(&source, 1).await;
                    if !was_there {
                        Removal::Entry.happens(by, &source).await;
                    }
                    let (put, hold) = begin_put(&cache.manager, &source, 5).await;
                    source.set(9);
                    removal.happens(by, &source).await;
                    hold.release();
                    assert_eq!(put.await.unwrap(), priced(5));
                    for reader in &processes {
                        let read = with(reader, product(&source, 7)).await;
                        assert_eq!(read, priced(9), "{removal:?}");
                    }
                    Removal::Entry.happens(&cache.manager, &source).await;
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_removal_of_something_else_keeps_no_put_from_being_stored() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let processes = processes(&cache).await;
        for by in &processes {
            until(async || {
                let (put, hold) = begin_put(&cache.manager, &source, 5).await;
                let other = product(&source, 8).cache_entry();
                with(by, async { other.invalidate().await.unwrap() }).await;
                by.set("late:other", &1, Duration::from_secs(60)).await.unwrap();
                by.clear("late:copy:?").await.unwrap();
                hold.release();
                put.await.unwrap();
                stored(&source).await == Some(priced(5))
            })
            .await;
            Removal::Entry.happens(by, &source).await;
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_puts_that_end_in_the_other_order_neither_leaves_an_older_value() {
    on_each_store(async |cache: TestCache| {
        let processes = processes(&cache).await;
        let pairs = processes.iter().flat_map(|a| processes.iter().map(move |b| (a, b)));
        for (first, second) in pairs {
            let source = Source::new(1);
            for process in [first, second] {
                with(process, put_until_stored(&source, 1)).await;
            }
            let (older, hold) = begin_put(first, &source, 5).await;
            with(second, set(&source, 6)).await.unwrap();
            hold.release();
            older.await.unwrap();
            for process in [second, first] {
                assert_eq!(with(process, product(&source, 7)).await, priced(6));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_put_of_another_kind_meanwhile_is_not_overwritten_by_something_older() {
    #[cache_put(entry = product(source, id))]
    async fn set_early(source: &Source, id: u64, price: u64) -> Product {
        source.set(price);
        Product { id, price }
    }

    on_each_store(async |cache: TestCache| {
        for by in &processes(&cache).await {
            for direct in [false, true] {
                let source = Source::new(1);
                put_until_stored(&source, 1).await;
                let (put, hold) = begin_put(&cache.manager, &source, 5).await;
                if direct {
                    source.set(8);
                    let entry = product(&source, 7).cache_entry();
                    with(by, async { entry.put(priced(8)).await.unwrap() }).await;
                } else {
                    with(by, set_early(&source, 7, 8)).await;
                }
                hold.release();
                put.await.unwrap();
                assert_eq!(product(&source, 7).await, priced(8), "{direct}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_load_that_began_before_a_put_is_not_stored_over_it() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        put_until_stored(&source, 1).await;
        Removal::Entry.happens(&cache.manager, &source).await;
        let hold = source.hold();
        let load = {
            let source = source.clone();
            cache.spawn(async move { product(&source, 7).await })
        };
        hold.reached().await;
        set(&source, 5).await.unwrap();
        hold.release();
        assert_eq!(load.await.unwrap(), priced(1));
        assert_eq!(product(&source, 7).await, priced(5));
    })
    .await;
}

#[tokio::test]
async fn a_failure_means_what_when_says() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        put_until_stored(&source, 1).await;
        set_or_fail_unchanged(&source, Err(())).await.unwrap_err();
        assert_eq!(stored(&source).await, Some(priced(1)));
        set_or_fail(&source, Ok(priced(0))).await.unwrap();
        assert_eq!(stored(&source).await, Some(priced(1)));
        set_or_fail(&source, Ok(priced(2))).await.unwrap();
        assert_ne!(stored(&source).await, Some(priced(1)));
        put_until_stored(&source, 1).await;
        set_or_fail(&source, Err(())).await.unwrap_err();
        assert_eq!(stored(&source).await, None);
    })
    .await;
}

// R6: it is unknown which entry the body has changed.
#[tokio::test]
async fn a_body_without_a_value_invalidates_all_entries_that_it_could_name() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        put_until_stored(&source, 1).await;
        let (put, hold) = begin_put(&cache.manager, &source, 5).await;
        put.abort();
        assert!(put.await.unwrap_err().is_cancelled());
        hold.release();
        until(async || stored(&source).await.is_none()).await;
        put_until_stored(&source, 1).await;
        let panics = {
            let source = source.clone();
            cache.spawn(async move { set(&source, 13).await })
        };
        assert!(panics.await.unwrap_err().is_panic());
        until(async || stored(&source).await.is_none()).await;
    })
    .await;
}

// R3: the caller has its output.
#[tokio::test]
async fn an_entry_that_panics_invalidates_all_entries_that_it_could_name() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        put_until_stored(&source, 1).await;
        assert_eq!(set_panicking(&source, 7, 0).await, priced(0));
        assert_eq!(stored(&source).await, None);
        assert_eq!(copy(&source, 7).await, priced(0), "it does not depend on the result");
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_inherits_is_removed() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        outer(&source, 7).await;
        set_outer(&source).await;
        assert_eq!(outer(&source, 7).cache_entry().peek().await.unwrap(), None);
    })
    .await;
}

/// A service whose cached function has a cache of its own.
struct Service(CacheManager, Source);

impl Service {
    #[cached(ttl = "1m", key_prefix = "late:own", key = "{id}", manager = &self.0)]
    async fn product(&self, id: u64) -> Product {
        Product { id, price: self.1.read().await }
    }

    #[cache_put(entry = self.product(result.id))]
    async fn set(&self, price: u64) -> Product {
        priced(price)
    }

    #[cache_put(entry = self.product(result.id), manager = &self.0)]
    async fn set_there(&self, price: u64) -> Product {
        priced(price)
    }
}

#[tokio::test]
async fn an_entry_in_another_cache_is_removed() {
    on_each_store(async |cache: TestCache| {
        let config = cache.manager.config().clone().namespace(cache_tests::unique_namespace());
        let other = connect(config, &cache.clock).await;
        let service = Service(other, Source::new(1));
        let stored = async || service.product(7).cache_entry().peek().await.unwrap();
        service.product(7).await;
        service.set(5).await;
        assert_eq!(stored().await, None);
        until(async || {
            service.set_there(6).await;
            stored().await == Some(priced(6))
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn in_mode_off_the_entry_is_removed() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let source = Source::new(1);
        put_until_stored(&source, 1).await;
        let config = cache.manager.config().clone().mode(Mode::Off);
        let off = connect(config, &cache.clock).await;
        with(&off, set(&source, 5)).await.unwrap();
        until(async || stored(&source).await.is_none()).await;
    })
    .await;
}

// R2: notices that are lost may have named the entry.
#[tokio::test]
async fn a_put_during_whose_body_the_feed_is_interrupted_stores_nothing() {
    for mode in [Mode::Redis, Mode::Tiered] {
        let cache = own_server(|config| config.mode(mode)).await;
        with(&cache.manager, async {
            let source = Source::new(1);
            put_until_stored(&source, 1).await;
            let (put, hold) = begin_put(&cache.manager, &source, 5).await;
            let before = cache.manager.stats().feed_interruptions;
            cache.server().cli::<u64>(&["CLIENT", "KILL", "TYPE", "pubsub"]);
            until(async || cache.manager.stats().feed_interruptions > before).await;
            until(async || {
                set_all(&source, 8, Product { id: 8, price: 2 }).await;
                product(&source, 8).cache_entry().peek().await.unwrap().is_some()
            })
            .await;
            hold.release();
            put.await.unwrap();
            assert_eq!(stored(&source).await, None);
            put_until_stored(&source, 6).await;
        })
        .await;
    }
}

/// Waits in its body until it is let go.
#[cache_put(entry = product(source, result.id))]
async fn set_when(source: &Source, id: u64, begun: &Semaphore, go: &Semaphore) -> Product {
    _ = source;
    begun.add_permits(1);
    go.acquire().await.expect("never closed").forget();
    Product { id, price: 5 }
}

// R2: where a scan has passed, it finds no placeholder of a put whose body is running.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_that_ends_during_a_scan_leaves_nothing_older() {
    const PUTS: u64 = 24;
    on_own_servers(
        |config| config,
        async |cache: TestCache| {
            let source = Source::new(1);
            put_until_stored(&source, 1).await;
            let others = (0..3_000).map(|i| (format!("late:other:{i}"), &0));
            cache.manager.set_many(others, Duration::from_secs(60)).await.unwrap();
            let (begun, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
            let put = |id| {
                let (source, begun, go) = (source.clone(), Arc::clone(&begun), Arc::clone(&go));
                cache.spawn(async move { set_when(&source, id, &begun, &go).await })
            };
            let mut puts: Vec<_> = (10..10 + PUTS).map(put).collect();
            begun.acquire_many(PUTS as u32).await.unwrap().forget();

            let peer = cache.peer().await;
            let middle = |progress: ClearProgress| {
                if (0.3..0.9).contains(&progress.part) && !puts.is_empty() {
                    go.add_permits(PUTS as usize);
                    let ended = async {
                        for put in puts.drain(..) {
                            put.await.unwrap();
                        }
                    };
                    tokio::task::block_in_place(|| Handle::current().block_on(ended));
                }
            };
            peer.clear_with("late:product:1?", middle).await.unwrap();
            assert!(puts.is_empty(), "they have ended during the scan");
            for id in 10..20 {
                let there = product(&source, id).cache_entry().peek().await.unwrap();
                assert_eq!(there, None, "{id}");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_removal_is_one_request() {
    on_store(
        Store::Redis,
        |config| config,
        async |cache: TestCache| {
            let source = Source::new(1);
            put_until_stored(&source, 1).await;
            let answers = || cache.manager.stats().redis_times.count();
            let before = answers();
            Removal::Entry.happens(&cache.manager, &source).await;
            assert_eq!(answers() - before, 1);
        },
    )
    .await;
}
