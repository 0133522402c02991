//! The breaker of a source.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::{CacheConfig, Shed, SourceLimit, cached};

use super::{Bodies, is_at_rest, source};
use crate::stores::{Store, TestCache, in_time, on_store};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq)]
enum Failure {
    Down(u64),
    NotFound,
    Busy(Shed),
}

impl From<Shed> for Failure {
    fn from(shed: Shed) -> Self {
        Failure::Busy(shed)
    }
}

#[derive(Debug)]
struct NotClone(&'static str);

impl From<Shed> for NotClone {
    fn from(_: Shed) -> Self {
        NotClone("busy")
    }
}

/// A service that may be down.
#[derive(Clone, Debug, Default)]
struct Service {
    down: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Service {
    fn ask(&self, id: u64) -> Result<u64, Failure> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.down.load(Ordering::SeqCst) {
            true => Err(Failure::Down(id)),
            false => Ok(id),
        }
    }

    fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

#[cached(ttl = "1m", source = "api", key = "{id}")]
async fn shared(service: Service, id: u64) -> Result<u64, Failure> {
    service.ask(id)
}

#[cached(ttl = "1m", source = "api", shed, key = "{id}")]
async fn shedding(service: Service, id: u64) -> Result<u64, NotClone> {
    service.ask(id).map_err(|_| NotClone("down"))
}

#[cached(ttl = "1m", source = "api", key = "{id}")]
async fn neither(service: Service, id: u64) -> Result<u64, NotClone> {
    service.ask(id).map_err(|_| NotClone("down"))
}

#[cached(
    ttl = "1s",
    source = "api",
    stale_if_error = "1h",
    serve_stale_if = |error| *error != Failure::NotFound,
    key = "{id}"
)]
async fn stale(service: Service, id: u64) -> Result<u64, Failure> {
    if id == 404 { Err(Failure::NotFound) } else { service.ask(id) }
}

#[cached(ttl = "1s", source = "api", stale_while_revalidate = "1h", key = "{id}")]
async fn revalidated(service: Service, id: u64) -> Result<u64, Failure> {
    service.ask(id)
}

#[cached(ttl = "1m", source = "api", key = "{id}")]
async fn nested(service: Service, id: u64) -> Result<u64, Failure> {
    shared(service, id).await
}

#[cached(ttl = "1m", source = "api", key = "{id}")]
async fn held(bodies: Bodies, id: u64) -> Result<u64, Failure> {
    bodies.run(id).await;
    Ok(id)
}

#[cached(ttl = "1m", source = "api", key = "{id}")]
async fn panicking(id: u64) -> Result<u64, Failure> {
    panic!("the body {id} panics")
}

fn api(config: CacheConfig) -> CacheConfig {
    config.source("api", SourceLimit::new(4).breaker(true))
}

fn is_open(cache: &TestCache) -> bool {
    source(&cache.manager, "api").open == Some(true)
}

/// Opens the breaker by the failures of a function that shares its errors.
async fn open(cache: &TestCache, service: &Service) {
    service.set_down(true);
    for id in 1_000..1_005 {
        assert!(!is_open(cache));
        assert_eq!(shared(service.clone(), id).await, Err(Failure::Down(id)));
    }
    assert!(is_open(cache));
    assert_eq!(service.asked(), 5);
}

#[tokio::test]
async fn a_source_that_fails_is_asked_by_one_probe_at_a_time_until_it_answers() {
    for store in [Store::Memory, Store::Redis, Store::Tiered, Store::Outage] {
        on_store(store, api, async |cache: TestCache| {
            let service = Service::default();
            open(&cache, &service).await;
            // The last error answers at once.
            assert_eq!(shared(service.clone(), 1).await, Err(Failure::Down(1_004)));
            assert_eq!(service.asked(), 0);
            cache.clock.advance(SECOND);
            assert_eq!(shared(service.clone(), 2).await, Err(Failure::Down(2)), "a probe");
            assert_eq!(shared(service.clone(), 3).await, Err(Failure::Down(2)));
            assert_eq!(service.asked(), 1);
            service.set_down(false);
            cache.clock.advance(SECOND * 5);
            assert_eq!(shared(service.clone(), 4).await, Ok(4));
            assert!(!is_open(&cache));
            assert_eq!(shared(service.clone(), 1).await, Ok(1));
            is_at_rest(&cache.manager);
        })
        .await;
    }
}

#[tokio::test]
async fn while_a_probe_runs_no_other_begins_and_its_callers_do_not_wait_for_it() {
    on_store(Store::Memory, api, async |cache: TestCache| {
        let (service, bodies) = (Service::default(), Bodies::default());
        open(&cache, &service).await;
        cache.clock.advance(SECOND);
        let probe = cache.spawn(held(bodies.clone(), 1));
        bodies.have_begun(1).await;
        assert_eq!(in_time(shared(service.clone(), 1)).await, Err(Failure::Down(1_004)));
        assert_eq!(in_time(shedding(service.clone(), 1)).await.unwrap_err().0, "busy");
        // This function has no answer but that of its body.
        assert_eq!(in_time(neither(service.clone(), 1)).await.unwrap_err().0, "down");
        assert_eq!(service.asked(), 1);
        // A probe that is dropped leaves its turn to another call.
        probe.abort();
        assert!(probe.await.is_err());
        assert_eq!(in_time(shared(service.clone(), 1)).await, Err(Failure::Down(1)));
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn stale_values_are_served_while_a_source_fails() {
    on_store(Store::Memory, api, async |cache: TestCache| {
        let service = Service::default();
        assert_eq!(stale(service.clone(), 1).await, Ok(1));
        assert_eq!(revalidated(service.clone(), 1).await, Ok(1));
        cache.clock.advance(SECOND * 10);
        service.asked();
        open(&cache, &service).await;
        for _ in 0..3 {
            assert_eq!(stale(service.clone(), 1).await, Ok(1));
            assert_eq!(revalidated(service.clone(), 1).await, Ok(1));
        }
        assert_eq!((service.asked(), cache.manager.stats().background_loads), (0, 0));
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn an_error_that_is_an_answer_is_no_failure() {
    on_store(Store::Memory, api, async |cache: TestCache| {
        for _ in 0..20 {
            assert_eq!(stale(Service::default(), 404).await, Err(Failure::NotFound));
        }
        assert!(!is_open(&cache));
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_a_failure() {
    on_store(Store::Memory, api, async |cache: TestCache| {
        for id in 0..5 {
            assert!(cache.spawn(panicking(id)).await.unwrap_err().is_panic());
        }
        assert!(is_open(&cache));
        is_at_rest(&cache.manager);
    })
    .await;
}

#[tokio::test]
async fn the_calls_of_a_probe_belong_to_it() {
    on_store(Store::Memory, api, async |cache: TestCache| {
        let service = Service::default();
        open(&cache, &service).await;
        service.set_down(false);
        cache.clock.advance(SECOND);
        assert_eq!(in_time(nested(service.clone(), 1)).await, Ok(1));
        assert!(!is_open(&cache));
        is_at_rest(&cache.manager);
    })
    .await;
}
