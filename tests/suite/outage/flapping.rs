//! The server comes and goes, again and again.

use std::time::Duration;

use cache_runtime::with;
use cache_tests::RedisServer;
use tokio::runtime::Handle;

use super::*;
use crate::log::Log;

/// The number of times that the server goes down.
const ROUNDS: u64 = 20;

#[tokio::test]
async fn nothing_grows_while_a_server_flaps() {
    let (log, _guard) = Log::capture();
    let server = RedisServer::start();
    let manager = connected(&server.url()).await;
    let tasks = Handle::current().metrics().num_alive_tasks();
    let source = Source::new(0);
    for round in 1..=ROUNDS {
        if round % 2 == 0 {
            server.kill();
        } else {
            server.pause();
        }
        source.set(round);
        with(&manager, change_all(&source, round)).await;
        calls(&manager, &source, round).await;
        if round % 2 == 0 {
            server.restart();
        } else {
            server.resume();
        }
        calls(&manager, &source, round).await;
        // Half of the times the server is back in use before it goes again.
        sleep(Duration::from_millis(round % 2 * 300)).await;
        let stats = manager.stats();
        assert_eq!((stats.flights, stats.background_loads), (0, 0));
        assert!(stats.bytes < 100_000, "{stats}");
    }
    is_in_use(&manager).await;
    assert_eq!(manager.health().await.pending_invalidations, 0);
    until(async || Handle::current().metrics().num_alive_tasks() <= tasks).await;
    let lines = log.lines("WARN").len() + log.lines("INFO").len();
    assert!(lines <= 10, "{} lines of {ROUNDS} outages", lines);
}

/// Some calls, of which none is given a value of an earlier round.
async fn calls(manager: &CacheManager, source: &Source, round: u64) {
    with(manager, async {
        for id in 0..100 {
            assert_eq!(item(source, id).await, round);
        }
    })
    .await;
}
