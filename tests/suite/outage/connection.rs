//! A connection breaks, or cannot be made.

use cache_runtime::{Status, with};
use cache_tests::RedisServer;

use super::*;

#[tokio::test]
async fn a_connection_that_breaks_is_made_anew() {
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    let source = Source::new(1);
    with(&manager, async {
        assert_eq!(item(&source, 1).await, 1);
        server.cli::<u64>(&["CLIENT", "KILL", "TYPE", "normal"]);
        assert_eq!(costs(&manager, 1, item(&source, 2)).await, 1);
        is_in_use(&manager).await;
        source.set(2);
        assert_eq!(item(&source, 1).await, 1, "the server has kept what it had");
        assert_eq!(source.reads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_is_as_good_as_no_server() {
    let server = RedisServer::builder().password("right").start();
    let manager = manager(&server.url().replace("right", "wrong"));
    let source = Source::new(1);
    let first = costs(&manager, 0, with(&manager, item(&source, 1))).await;
    assert_eq!(first, 1);
    goes_on_in_memory(&manager).await;
    let health = manager.health().await;
    assert_eq!(health.status, Status::Degraded);
    let reason = health.reason.unwrap();
    assert!(!reason.contains("wrong:") && !reason.contains("right"), "{reason}");

    server.cli::<()>(&["CONFIG", "SET", "requirepass", "wrong"]);
    comes_back(&manager).await;
}

#[tokio::test]
async fn a_server_without_room_for_a_client_is_used_when_it_has() {
    let server = RedisServer::builder().arg("--maxclients", "8").start();
    let guests: Vec<_> = (0..8).filter_map(|_| server.connect().ok()).collect();
    assert!(!guests.is_empty());
    let manager = manager(&server.url());
    let source = Source::new(1);
    let first = costs(&manager, 0, with(&manager, item(&source, 1))).await;
    assert_eq!(first, 1);
    goes_on_in_memory(&manager).await;
    drop(guests);
    comes_back(&manager).await;
}
