//! The server is well, and the way to it is not.

use cache_runtime::with;
use cache_tests::{Proxy, RedisServer, Way};

use super::*;

/// Returns a server, a proxy before it, and a manager that knows the proxy alone.
async fn behind_a_proxy() -> (RedisServer, Proxy, CacheManager) {
    let server = RedisServer::start();
    let proxy = Proxy::before(server.port());
    let manager = connected(&format!("redis://127.0.0.1:{}", proxy.port())).await;
    (server, proxy, manager)
}

#[tokio::test]
async fn a_connection_that_is_cut_in_mid_reply_is_replaced() {
    let (_server, proxy, manager) = behind_a_proxy().await;
    let source = Source::new(0);
    with(&manager, async {
        // The first bytes, the header of a value, the value, the last one before its end.
        for (bytes, value) in [1, 5, 30, 100].into_iter().zip(1..) {
            change_all(&source, value).await;
            assert_eq!(item(&source, 1).await, value);
            source.set(value + 10);
            proxy.cut_after(bytes);
            let read = costs(&manager, 1, item(&source, 1)).await;
            assert!(read == value || read == value + 10, "{read} after {bytes} bytes");
            is_in_use(&manager).await;
            assert_eq!(costs(&manager, 1, item(&source, 2)).await, value + 10);
        }
    })
    .await;
    proxy.pass();
    comes_back(&manager).await;
}

#[tokio::test]
async fn an_invalidation_whose_answer_is_cut_off_holds() {
    let (_server, proxy, manager) = behind_a_proxy().await;
    let source = Source::new(1);
    with(&manager, async {
        assert_eq!(item(&source, 1).await, 1);
        proxy.cut_after(1);
        costs(&manager, 1, change(&source, 1, 2)).await;
        assert_eq!(costs(&manager, 1, item(&source, 1)).await, 2);
        is_in_use(&manager).await;
        assert_eq!(manager.health().await.pending_invalidations, 0);
        source.set(3);
        change(&source, 1, 3).await;
        assert_eq!(item(&source, 1).await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_reply_that_stalls_half_way_costs_one_deadline() {
    costs_one_deadline(|proxy| proxy.stall_after(10)).await;
}

#[tokio::test]
async fn an_address_that_closes_each_connection_is_used_when_it_does_not() {
    costs_one_deadline(|proxy| {
        proxy.refuse();
        proxy.cut();
    })
    .await;
}

/// A call whose way to Redis goes bad meanwhile, and those after it, until the way is good again.
async fn costs_one_deadline(goes_bad: impl FnOnce(&Proxy)) {
    let (_server, proxy, manager) = behind_a_proxy().await;
    let source = Source::new(1);
    with(&manager, async {
        assert_eq!(item(&source, 1).await, 1);
        goes_bad(&proxy);
        source.set(2);
        assert_eq!(costs(&manager, 1, item(&source, 2)).await, 2);
        is_given_up(&manager).await;
        goes_on_in_memory(&manager).await;
        proxy.pass();
        comes_back(&manager).await;
    })
    .await;
}

#[tokio::test]
async fn requests_that_do_not_arrive_cost_one_deadline_and_come_too_late() {
    let (server, proxy, manager) = behind_a_proxy().await;
    let source = Source::new(1);
    with(&manager, async {
        proxy.stall_one_way(Way::Requests);
        // Its load begins in Redis once it is let through, when no caller waits for it any more.
        assert_eq!(costs(&manager, 1, item(&source, 1)).await, 1);
        costs(&manager, 0, change(&source, 1, 2)).await;
        assert_eq!(costs(&manager, 0, item(&source, 1)).await, 2);
        proxy.pass();
        is_in_use(&manager).await;
        assert_eq!(item(&source, 1).await, 2);

        // Another process sees what this one does.
        let other = CacheManager::builder()
            .config(manager.config().clone().redis_url(server.url()))
            .build()
            .unwrap();
        assert_eq!(with(&other, item(&source, 1)).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_slow_server_is_waited_for_up_to_the_deadline() {
    let (_server, proxy, manager) = behind_a_proxy().await;
    let source = Source::new(1);
    with(&manager, async {
        assert_eq!(item(&source, 1).await, 1);
        source.set(2);
        // Well below the deadline: its values are worth the wait.
        proxy.slow(DEADLINE / 15);
        for _ in 0..5 {
            let read = costs(&manager, 1, item(&source, 1)).await;
            assert!(read == 1 || read == 2, "{read}");
        }
        change(&source, 1, 3).await;
        assert_eq!(costs(&manager, 4, item(&source, 1)).await, 3);

        // Beyond it: it is as good as unavailable.
        proxy.slow(DEADLINE * 2);
        source.set(4);
        assert_eq!(costs(&manager, 1, item(&source, 2)).await, 4);
        is_given_up(&manager).await;
        goes_on_in_memory(&manager).await;
        proxy.pass();
        comes_back(&manager).await;
    })
    .await;
}

#[tokio::test]
async fn a_scan_that_is_cut_off_still_clears() {
    let (_server, proxy, manager) = behind_a_proxy().await;
    let ttl = Duration::from_secs(60);
    manager.set("shop:1:name", &1_u64, ttl).await.unwrap();
    assert_eq!(manager.get("shop:1:name").await.unwrap(), Some(1_u64));
    proxy.cut_after(0);
    manager.clear("shop:*:name").await.unwrap();
    assert_eq!(manager.get::<u64>("shop:1:name").await.unwrap(), None, "at once");
    is_in_use(&manager).await;
    assert_eq!(manager.get::<u64>("shop:1:name").await.unwrap(), None, "once Redis is back");
}
