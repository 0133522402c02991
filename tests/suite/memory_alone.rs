//! A program on Redis whose functions all keep their values in memory.

use cache_runtime::{CacheConfig, CacheManager, Clock, Mode, cached, with};
use cache_tests::{Counter, unique_namespace};

use crate::stores::{connect, on_server, shared_server, until};

#[cached(ttl = "1h", key_prefix = "client", key = "{id}", tier = "memory")]
async fn client(runs: &Counter, id: u64) -> usize {
    _ = id;
    runs.hit()
}

#[cached(ttl = "1h", key_prefix = "client", tier = "memory", coalesce = "off", skip(runs))]
async fn alone(runs: &Counter) -> usize {
    runs.hit()
}

#[tokio::test]
async fn it_receives_the_invalidations_of_other_processes() {
    let server = shared_server();
    for mode in [Mode::Redis, Mode::Tiered] {
        for shares in [true, false] {
            let config = CacheConfig::default().namespace(unique_namespace()).mode(mode);
            let config = on_server(config, &server);
            let manager = CacheManager::builder().config(config.clone()).build().unwrap();
            let other = connect(config, &Clock::default()).await;
            let runs = Counter::new();
            let call = async || {
                let call =
                    async { if shares { client(&runs, 1).await } else { alone(&runs).await } };
                with(&manager, call).await
            };
            assert_eq!(call().await, 1);
            // The connection of the feed makes the first value stale, and an invalidation that is received the second.
            until(async || {
                other.invalidate_prefix("client").await.unwrap();
                call().await > 2
            })
            .await;
        }
    }
}
