//! The server is there and does not answer.

use std::net::TcpListener;
use std::sync::Arc;

use cache_runtime::with;
use cache_tests::RedisServer;

use super::*;

// R3: a call waits for one deadline and returns the value of its body.
#[tokio::test]
async fn a_server_that_is_stopped_costs_one_deadline() {
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    let source = Source::new(1);
    with(&manager, async {
        assert_eq!(item(&source, 1).await, 1);
        server.pause();
        source.set(2);
        assert_eq!(costs(&manager, 1, item(&source, 2)).await, 2);
        goes_on_in_memory(&manager).await;
        server.resume();
        comes_back(&manager).await;
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_that_a_stopped_server_did_not_confirm_holds() {
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    let source = Source::new(1);
    with(&manager, async {
        assert_eq!(item(&source, 1).await, 1);
        server.pause();
        costs(&manager, 1, change(&source, 1, 2)).await;
        assert_eq!(costs(&manager, 0, item(&source, 1)).await, 2);
        assert!(manager.health().await.pending_invalidations > 0);
        server.resume();
        is_in_use(&manager).await;
        assert_eq!(manager.health().await.pending_invalidations, 0);
        assert_eq!(item(&source, 1).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_delete_that_a_stopped_server_did_not_confirm_does_not_say_what_was_there() {
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    manager.set("a", &1, Duration::from_secs(60)).await.unwrap();
    server.pause();
    // Of a copy in memory it is known.
    let known = (MODE == Mode::Tiered).then_some(true);
    assert_eq!(manager.delete("a").await.unwrap(), known);
    assert_eq!(manager.delete("b").await.unwrap(), None);
    server.resume();
    is_in_use(&manager).await;
    assert_eq!(manager.delete("a").await.unwrap(), Some(false));
}

#[tokio::test]
async fn an_address_that_accepts_and_never_answers_costs_one_attempt_to_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let manager = manager(&url);
    let source = Source::new(1);
    let first = costs(&manager, 0, with(&manager, item(&source, 1))).await;
    assert_eq!(first, 1);
    goes_on_in_memory(&manager).await;
}

#[tokio::test]
async fn a_server_that_loads_its_data_is_used_when_it_has() {
    // Half a millisecond for each key: it loads until it is told to hurry.
    let server = RedisServer::builder()
        .arg("--key-load-delay", "500")
        .arg("--loading-process-events-interval-bytes", "1024")
        .start();
    server.cli::<()>(&["EVAL", "for i = 1, 100000 do redis.call('SET', i, i) end", "0"]);
    server.cli::<()>(&["SAVE"]);
    let manager = connected(&server.url()).await;
    server.kill();
    let server = Arc::new(server);
    let restarted = Arc::clone(&server);
    let restart = tokio::task::spawn_blocking(move || restarted.restart());
    is_loading(&server).await;
    goes_on_in_memory(&manager).await;
    is_loading(&server).await;
    // Otherwise it would take most of a minute.
    server.cli::<()>(&["CONFIG", "SET", "key-load-delay", "0"]);
    restart.await.unwrap();
    comes_back(&manager).await;
}

/// Waits until the server answers, and that it loads its data.
async fn is_loading(server: &RedisServer) {
    until(async || match server.try_cli::<String>(&["PING"]) {
        Err(error) => error.code() == Some("LOADING"),
        Ok(answer) => panic!("the server is not loading: {answer:?}"),
    })
    .await;
}
