//! The server answers, and refuses.

use cache_runtime::with;
use cache_tests::RedisServer;

use super::*;

#[tokio::test]
async fn a_server_that_takes_no_more_data_costs_nobody_a_value() {
    let server = RedisServer::builder().arg("--maxmemory-policy", "noeviction").start();
    let manager = connected(&server.url()).await;
    let source = Source::new(1);
    with(&manager, async {
        assert_eq!(item(&source, 1).await, 1);
        server.cli::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
        source.set(2);
        for id in 2..10 {
            assert_eq!(costs(&manager, 1, item(&source, id)).await, 2);
        }
        // A removal needs no memory: it succeeds, or stays pending (R6).
        change(&source, 1, 3).await;
        assert_eq!(item(&source, 1).await, 3);
        is_given_up(&manager).await;
        goes_on_in_memory(&manager).await;
        server.cli::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
        comes_back(&manager).await;
        source.set(4);
        assert_ne!(item(&source, 1).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_has_become_a_replica_is_not_used() {
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    let source = Source::new(1);
    with(&manager, async {
        assert_eq!(item(&source, 1).await, 1);
        server.cli::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
        source.set(2);
        assert_eq!(costs(&manager, 1, item(&source, 2)).await, 2);
        change(&source, 1, 3).await;
        assert_eq!(item(&source, 1).await, 3);
        is_given_up(&manager).await;
        goes_on_in_memory(&manager).await;

        server.cli::<()>(&["REPLICAOF", "NO", "ONE"]);
        comes_back(&manager).await;
        assert_eq!(manager.health().await.pending_invalidations, 0);
        source.set(4);
        assert_eq!(item(&source, 1).await, 4, "the invalidation has reached the server");
    })
    .await;
}
