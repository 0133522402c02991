//! Functions of many keys at their edges: parts, equal ids, panics, several caches, failing sources.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Clock, Mode, cached, with};
use serde::Serialize;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::data::{Rows, tenfold};
use crate::stores::{Store, TestCache, in_time, on_store, on_stores, spawn_with, until};

const AFTER_THE_TTL: Duration = Duration::from_secs(61);

/// A tenant with a cache of its own.
struct Tenant {
    number: u64,
    cache: CacheManager,
}

impl Tenant {
    #[cached(ttl = "1m", key_prefix = "edge_tenant", key = "{id}", manager = &self.cache)]
    async fn item(&self, id: u64) -> u64 {
        self.number * 100 + id
    }
}

#[cached(entry = tenants[id.0].item(id.1), each(id in ids))]
async fn of_tenants(tenants: &[Tenant], ids: &[(usize, u64)]) -> HashMap<(usize, u64), u64> {
    ids.iter().map(|id| (*id, tenants[id.0].number * 100 + id.1)).collect()
}

// R5: entries of the same name in two caches are two entries.
#[tokio::test]
async fn ids_with_one_name_in_two_caches_have_values_of_their_own() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let tenants = [
            Tenant { number: 1, cache: cache.peer().await },
            Tenant { number: 2, cache: cache.peer().await },
        ];
        let found = of_tenants(&tenants, &[(0, 7), (1, 7)]).await;
        assert_eq!(found, HashMap::from([((0, 7), 107), ((1, 7), 207)]));
    })
    .await;
}

/// A body that asks for an id of a later part of the same call.
#[cached(ttl = "1m", key_prefix = "edge_parts", key = "{id}", each(id in ids), max_batch = 1)]
async fn in_parts(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    if ids == [1] {
        assert_eq!(Box::pin(in_parts(data, &[2])).await, tenfold(&[2]));
    }
    data.read(ids).await
}

#[tokio::test(start_paused = true)]
async fn a_body_does_not_wait_for_a_later_part_of_its_own_call() {
    on_stores(&[Store::Memory], async |_| {
        let data = Rows::new();
        let began = Instant::now();
        assert_eq!(in_parts(&data, &[1, 2]).await, tenfold(&[1, 2]));
        assert_eq!(began.elapsed(), Duration::ZERO);
    })
    .await;
}

/// A body that asks for another id, as given in `asks`.
#[cached(ttl = "1m", key_prefix = "edge_circle", key = "{id}", each(id in ids), max_batch = 1)]
async fn crossing(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    for _ in 0..20 {
        yield_now().await;
    }
    match ids {
        [1] => _ = Box::pin(crossing(data, &[4])).await,
        [3] => _ = Box::pin(crossing(data, &[2])).await,
        _ => {}
    }
    data.read(ids).await
}

#[tokio::test(start_paused = true)]
async fn two_calls_do_not_wait_for_later_parts_of_each_other() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let data = Rows::new();
        let began = Instant::now();
        let calls = [[1, 2], [3, 4]].map(|ids| {
            let data = data.clone();
            (ids, cache.spawn(async move { crossing(&data, &ids).await }))
        });
        for (ids, call) in calls {
            assert_eq!(call.await.unwrap(), tenfold(&ids));
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "edge_behind", key = "{id}", each(id in ids), max_batch = 1)]
async fn behind(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    data.read(ids).await
}

#[tokio::test(start_paused = true)]
async fn a_caller_of_an_id_does_not_wait_for_the_body_of_another_id() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let data = Rows::new();
        let hold = data.hold();
        let both = cache.spawn({
            let data = data.clone();
            async move { behind(&data, &[1, 2]).await }
        });
        hold.reached().await;
        let began = Instant::now();
        assert_eq!(behind(&data, &[2]).await, tenfold(&[2]));
        assert_eq!(began.elapsed(), Duration::ZERO);
        hold.release();
        assert_eq!(both.await.unwrap(), tenfold(&[1, 2]));
    })
    .await;
}

#[cached(
    ttl = "1m",
    key_prefix = "edge_bypass",
    key = "{id}",
    each(id in ids),
    bypass_if = id == 9
)]
async fn bypassed(data: &Rows, ids: &[u64]) -> HashMap<u64, Option<u64>> {
    let found = data.read(ids).await;
    ids.iter().map(|id| (*id, found.get(id).copied())).collect()
}

#[tokio::test]
async fn an_id_that_bypasses_the_cache_may_be_given_twice() {
    on_stores(&[Store::Memory], async |_| {
        let data = Rows::new();
        let found = bypassed(&data, &[1, 9, 9]).await;
        assert_eq!(found, HashMap::from([(1, Some(10)), (9, Some(90))]));
    })
    .await;
}

/// A name that is equal to another one in any case of its letters.
#[derive(Clone, Debug, Serialize)]
struct Caseless(String);

impl Caseless {
    fn of(text: &str) -> Self {
        Caseless(text.to_owned())
    }
}

impl PartialEq for Caseless {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Caseless {}

impl Hash for Caseless {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}

#[cached(ttl = "1m", negative_ttl = "1m", key_prefix = "edge_case", each(id in ids))]
async fn lengths(ids: Vec<Caseless>) -> HashMap<Caseless, usize> {
    ids.into_iter()
        .map(|id| {
            let length = id.0.len();
            (id, length)
        })
        .collect()
}

#[tokio::test]
async fn equal_ids_with_different_keys_are_not_absent() {
    on_stores(&[Store::Memory], async |_| {
        let both = vec![Caseless::of("cat"), Caseless::of("CAT")];
        assert_eq!(lengths(both).await, HashMap::from([(Caseless::of("cat"), 3)]));
        for name in ["cat", "CAT"] {
            let found = lengths(vec![Caseless::of(name)]).await;
            assert_eq!(found.len(), 1, "{name} has a length");
        }
    })
    .await;
}

#[cached(ttl = "1m", stale_while_revalidate = "10m", key_prefix = "edge_swr", key = "{id}")]
async fn one_swr(data: &Rows, panics: &Arc<AtomicBool>, id: u64) -> Option<u64> {
    let found = data.read(&[id]).await.remove(&id);
    assert!(!panics.load(Ordering::SeqCst), "it panics");
    found
}

#[cached(entry = one_swr(data, panics, id), each(id in ids), background = true)]
async fn many_swr(data: &Rows, panics: &Arc<AtomicBool>, ids: Vec<u64>) -> HashMap<u64, u64> {
    let found = data.read(&ids).await;
    assert!(!panics.load(Ordering::SeqCst), "it panics");
    found
}

// As for a function of one id: see the first half.
#[tokio::test]
async fn after_a_refresh_that_panicked_the_next_one_waits() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let (data, panics) = (Rows::new(), Arc::new(AtomicBool::new(false)));
        one_swr(&data, &panics, 1).await;
        many_swr(&data, &panics, vec![2, 3]).await;
        cache.clock.advance(AFTER_THE_TTL);
        panics.store(true, Ordering::SeqCst);
        data.bodies();
        for _ in 0..3 {
            assert_eq!(one_swr(&data, &panics, 1).await, Some(10));
            until(async || cache.manager.stats().background_loads == 0).await;
        }
        assert_eq!(data.bodies(), [[1]]);
        for _ in 0..3 {
            assert_eq!(many_swr(&data, &panics, vec![2, 3]).await, tenfold(&[2, 3]));
            until(async || cache.manager.stats().background_loads == 0).await;
        }
        assert_eq!(data.bodies(), [[2, 3]]);
    })
    .await;
}

#[cached(
    ttl = "1m",
    stale_if_error = "10m",
    key_prefix = "edge_sie",
    key = "{id}",
    each(id in ids)
)]
async fn if_error(
    data: &Rows,
    fails: &Arc<AtomicBool>,
    ids: &[u64],
) -> Result<HashMap<u64, u64>, String> {
    let found = data.read(ids).await;
    if fails.load(Ordering::SeqCst) { Err("no data".into()) } else { Ok(found) }
}

#[tokio::test]
async fn a_value_that_is_known_to_be_gone_does_not_stand_in_for_an_error() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let (data, fails) = (Rows::new(), Arc::new(AtomicBool::new(false)));
        assert_eq!(if_error(&data, &fails, &[1]).await, Ok(tenfold(&[1])));
        cache.clock.advance(AFTER_THE_TTL);
        data.remove(1);
        assert_eq!(if_error(&data, &fails, &[1]).await, Ok(HashMap::new()));
        fails.store(true, Ordering::SeqCst);
        assert_eq!(if_error(&data, &fails, &[1]).await, Err("no data".to_owned()));
    })
    .await;
}

#[cached(ttl = "1m", error_ttl = "10m", key_prefix = "edge_error", key = "{id}")]
async fn one_failing(failures: &AtomicUsize, id: u64) -> Result<u64, String> {
    let left =
        failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if left.is_ok() { Err("failed".to_owned()) } else { Ok(id * 10) }
}

#[cached(entry = one_failing(failures, id), each(id in ids))]
async fn many_failing(failures: &AtomicUsize, ids: &[u64]) -> Result<HashMap<u64, u64>, String> {
    assert_eq!(failures.load(Ordering::SeqCst), 0);
    Ok(tenfold(ids))
}

#[tokio::test]
async fn an_error_is_forgotten_when_a_load_of_many_keys_succeeds() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let failures = AtomicUsize::new(1);
        assert!(one_failing(&failures, 1).await.is_err());
        assert_eq!(many_failing(&failures, &[1]).await, Ok(tenfold(&[1])));
        cache.clock.advance(AFTER_THE_TTL);
        assert_eq!(one_failing(&failures, 1).await, Ok(10));
    })
    .await;
}

/// A value whose `Clone` panics.
#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
struct Fragile(u64);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert_eq!(self.0, 0, "it cannot be cloned");
        Fragile(0)
    }
}

#[cached(ttl = "1m", key_prefix = "edge_fragile", key = "{id}", each(id in ids))]
async fn fragile(ids: &[u64]) -> Vec<Fragile> {
    ids.iter().map(|id| Fragile(*id)).collect()
}

// R3: the body alone clones nothing.
#[tokio::test]
async fn the_clone_of_a_value_may_panic_for_an_id_that_is_given_twice() {
    on_stores(&[Store::Memory], async |_| {
        assert_eq!(in_time(fragile(&[1, 2])).await, [Fragile(1), Fragile(2)]);
        assert_eq!(in_time(fragile(&[1, 1])).await, [Fragile(1), Fragile(1)]);
    })
    .await;
}

/// Runs a future outside of any runtime.
fn without_a_runtime<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
        std::thread::yield_now();
    }
}

// As for a function of one id: see the first half.
#[test]
fn without_a_runtime_the_call_itself_refreshes_what_is_stale() {
    let (clock, config) = (Clock::mock(), CacheConfig::default().mode(Mode::Memory));
    let config = config.namespace(cache_tests::unique_namespace());
    let manager = CacheManager::builder().config(config).clock(clock.clone()).build().unwrap();
    let (data, panics) = (Rows::new(), Arc::new(AtomicBool::new(false)));
    without_a_runtime(with(&manager, async {
        one_swr(&data, &panics, 1).await;
        many_swr(&data, &panics, vec![2]).await;
        clock.advance(AFTER_THE_TTL);
        data.set(1, 11);
        data.set(2, 21);
        assert_eq!(one_swr(&data, &panics, 1).await, Some(11));
        assert_eq!(many_swr(&data, &panics, vec![2]).await[&2], 21);
    }));
}

/// A body that asks for an id that its own call waits for in another process.
#[cached(
    ttl = "1m",
    key_prefix = "edge_fleet",
    key = "{id}",
    each(id in ids),
    coalesce = "fleet"
)]
async fn nested_in_fleet(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    let found = data.read(ids).await;
    if ids == [1] {
        assert_eq!(Box::pin(nested_in_fleet(data, &[2])).await, tenfold(&[2]));
    }
    found
}

#[tokio::test]
async fn a_body_does_not_wait_for_an_id_that_its_call_waits_for_elsewhere() {
    let patient = |config: CacheConfig| config.wait_limit(Duration::from_secs(3_600));
    on_store(Store::Redis, patient, async |cache: TestCache| {
        let (data, other) = (Rows::new(), cache.peer().await);
        let call = |ids: &'static [u64]| {
            let data = data.clone();
            async move { nested_in_fleet(&data, ids).await }
        };
        let elsewhere = data.hold();
        let there = spawn_with(&other, call(&[2]));
        elsewhere.reached().await;
        let hold = data.hold();
        let here = cache.spawn(call(&[1, 2]));
        hold.reached().await;
        elsewhere.release();
        assert_eq!(in_time(there).await.unwrap(), tenfold(&[2]));
        hold.release();
        let ended = tokio::time::timeout(Duration::from_secs(5), here).await;
        assert_eq!(ended.expect("it ends").unwrap(), tenfold(&[1, 2]));
    })
    .await;
}

/// An id that serialises without its scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
struct Scaled {
    id: u64,
    #[serde(skip)]
    scale: u64,
}

#[cached(ttl = "1m", key_prefix = "edge_one_alike")]
async fn one_alike(of: Scaled) -> u64 {
    of.id * of.scale
}

#[cached(ttl = "1m", key_prefix = "edge_alike", each(of in all))]
async fn many_alike(all: &[Scaled]) -> HashMap<Scaled, u64> {
    all.iter().map(|of| (*of, of.id * of.scale)).collect()
}

#[tokio::test]
async fn ids_that_serialise_alike_have_values_of_their_own() {
    on_stores(&Store::INTENDED, async |_| {
        let [first, second] = [2, 3].map(|scale| Scaled { id: 1, scale });
        assert_eq!((one_alike(first).await, one_alike(second).await), (2, 3));
        let found = many_alike(&[first, second]).await;
        assert_eq!(found, HashMap::from([(first, 2), (second, 3)]));
        assert_eq!(many_alike(&[second]).await, HashMap::from([(second, 3)]));
    })
    .await;
}

impl Tenant {
    #[cached(ttl = "1h", key_prefix = "edge_alone", key = "{id}", tier = "memory", manager = &self.cache)]
    async fn alone(&self, runs: &AtomicUsize, id: u64) -> usize {
        _ = id;
        runs.fetch_add(1, Ordering::SeqCst)
    }
}

#[cached(entry = tenants[id].alone(runs, 1), each(id in ids))]
async fn all_alone(tenants: &[Tenant], runs: &AtomicUsize, ids: &[usize]) -> HashMap<usize, usize> {
    ids.iter().map(|id| (*id, runs.fetch_add(1, Ordering::SeqCst))).collect()
}

// As `memory_alone` for a function of one id.
#[tokio::test]
async fn the_invalidations_of_other_processes_are_received_in_each_cache() {
    on_store(
        Store::Tiered,
        |config| config,
        async |cache: TestCache| {
            let tenant = |number| {
                let config =
                    cache.manager.config().clone().namespace(cache_tests::unique_namespace());
                Tenant { number, cache: CacheManager::builder().config(config).build().unwrap() }
            };
            let tenants = [tenant(0), tenant(1)];
            let mut others = Vec::new();
            for tenant in &tenants {
                let config = tenant.cache.config().clone();
                others.push(crate::stores::connect(config, &Clock::default()).await);
            }
            let runs = AtomicUsize::new(0);
            let first = all_alone(&tenants, &runs, &[0, 1]).await;
            for tenant in 0..2 {
                let mut now = first[&tenant];
                for _ in 0..400 {
                    others[tenant].invalidate_prefix("edge_alone").await.unwrap();
                    now = all_alone(&tenants, &runs, &[0, 1]).await[&tenant];
                    if now != first[&tenant] {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                assert_ne!(now, first[&tenant], "of tenant {tenant}");
            }
        },
    )
    .await;
}
