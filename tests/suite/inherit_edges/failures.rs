//! Bodies that panic or fail, and a Redis that fails.

use std::time::Duration;

use cache_runtime::cached;

use super::{Data, follows, plain};
use crate::source::Source;
use crate::stores::{
    Store, TestCache, in_time, on_each_store, on_own_servers, on_stores, until, until_up,
};

/// Panics after the inner call while the source holds 1.
#[cached(ttl = "10m", key = "{id}", inherit)]
async fn panicking(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    let value = plain(data, id).await;
    assert_ne!(value, 99, "as the test wants");
    value
}

#[tokio::test]
async fn a_body_that_panics_leaves_nothing_behind() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        data.source.set(99);
        let of_task = data.clone();
        let task = cache.spawn(async move { panicking(&of_task, 1).await });
        assert!(in_time(task).await.unwrap_err().is_panic());
        cache.manager.flush_all().await;
        follows(&cache.manager, &data, "plain:1", async || panicking(&data, 1).await).await;
        // A call outside of each body is served from memory again.
        if !cache.store.asks_redis_each_time() {
            plain(&data, 1).await;
            let before = cache.manager.stats().total.memory_hits;
            plain(&data, 1).await;
            assert_eq!(cache.manager.stats().total.memory_hits - before, 1);
        }
    })
    .await;
}

/// Fails while the inner value is 99.
#[cached(ttl = "1m", key = "{id}", inherit, stale_if_error = "10m")]
async fn fallible(data: &Data, id: u64) -> Result<u64, String> {
    data.bodies.hit();
    match plain(data, id).await {
        99 => Err("it is 99".to_owned()),
        value => Ok(value),
    }
}

/// Returns 0 if the inner call fails.
#[cached(ttl = "10m", key = "{id}", inherit)]
async fn of_fallible(data: &Data, id: u64) -> u64 {
    fallible(data, id).await.unwrap_or(0)
}

#[tokio::test]
async fn a_stale_value_stands_in_for_an_error_unless_an_inner_value_was_invalidated() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Data::new();
        assert_eq!(fallible(&data, 1).await, Ok(1));
        // Both TTLs are over, and the inner value has changed without an invalidation.
        data.source.set(99);
        cache.clock.advance(Duration::from_secs(610));
        assert_eq!(fallible(&data, 1).await, Ok(1), "stale");
        assert_eq!(of_fallible(&data, 1).await, 0, "a stale value is not inherited");
        cache.manager.invalidate_tag("inners").await.unwrap();
        assert_eq!(fallible(&data, 1).await, Err("it is 99".to_owned()));
        data.source.set(2);
        cache.manager.invalidate_tag("inners").await.unwrap();
        assert_eq!(fallible(&data, 1).await, Ok(2));
        assert_eq!(of_fallible(&data, 1).await, 2);
    })
    .await;
}

/// Reads the inner value before, and another one after the gate.
#[cached(ttl = "10m", key = "{id}", inherit)]
async fn around(data: &Data, gate: &Source, id: u64) -> u64 {
    data.bodies.hit();
    let before = plain(data, id).await;
    gate.read().await;
    before * 10 + plain(data, id + 1).await
}

/// A moment of the outer body at which Redis fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    /// It is back before the body goes on.
    During,
    /// It is back when the body has returned.
    Past,
}

#[tokio::test]
async fn a_redis_that_fails_during_the_body_leaves_no_value_without_its_dependencies() {
    for outage in [Outage::During, Outage::Past] {
        on_own_servers(
            |config| config.redis_health_check_interval(Duration::from_millis(50)),
            async |cache: TestCache| {
                let (data, gate) = (Data::new(), Source::new(0));
                let hold = gate.hold();
                let (of_task, of_gate) = (data.clone(), gate.clone());
                let caller = cache.spawn(async move { around(&of_task, &of_gate, 1).await });
                in_time(hold.reached()).await;
                cache.server().kill();
                until(async || cache.manager.stats().redis_outages > 0).await;
                data.source.set(2);
                cache.manager.delete("plain:1").await.unwrap();
                if outage == Outage::During {
                    cache.server().restart();
                    until_up(&cache.manager).await;
                }
                hold.release();
                assert_eq!(in_time(caller).await.unwrap(), 12, "{outage:?}");
                if outage == Outage::Past {
                    assert_eq!(in_time(around(&data, &gate, 1)).await, 22, "in the outage");
                    cache.server().restart();
                    until_up(&cache.manager).await;
                }
                let call = async || in_time(around(&data, &gate, 1)).await;
                assert_eq!([call().await, call().await], [22, 22], "{outage:?}");
                for (now, name) in [(3, "plain:1"), (4, "plain:2")] {
                    data.source.set(now);
                    cache.manager.delete("plain:1").await.unwrap();
                    cache.manager.delete("plain:2").await.unwrap();
                    let bodies = data.bodies();
                    assert_eq!([call().await, call().await], [now * 11; 2], "{outage:?} {name}");
                    assert_eq!(data.bodies(), bodies + 1, "{outage:?} {name}");
                }
            },
        )
        .await;
    }
}

// The copies of an outage may be used by no value that Redis gets.
#[tokio::test]
async fn an_inner_value_of_an_outage_reaches_no_later_outer_value() {
    on_own_servers(
        |config| config.redis_health_check_interval(Duration::from_millis(50)),
        async |cache: TestCache| {
            let (data, gate) = (Data::new(), Source::new(0));
            cache.server().kill();
            assert_eq!(in_time(plain(&data, 1)).await, 1);
            until(async || cache.manager.stats().redis_outages > 0).await;
            let hold = gate.hold();
            let (of_task, of_gate) = (data.clone(), gate.clone());
            let caller = cache.spawn(async move { around(&of_task, &of_gate, 1).await });
            in_time(hold.reached()).await;
            cache.server().restart();
            until_up(&cache.manager).await;
            data.source.set(2);
            cache.manager.delete("plain:1").await.unwrap();
            hold.release();
            assert_eq!(in_time(caller).await.unwrap(), 12);
            let call = async || in_time(around(&data, &gate, 1)).await;
            assert_eq!([call().await, call().await], [22, 22]);
            assert_eq!(data.bodies(), 2);
        },
    )
    .await;
}
