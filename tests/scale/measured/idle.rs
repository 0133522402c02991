//! Counts the commands that an idle instance sends.

use std::time::Duration;

use cache_runtime::{CacheConfig, with};
use tokio::time::sleep;

use super::{Server, article, connect_with};
use crate::paper;
use crate::table::{say, title, within};

/// Commands of this name within a while, and the bytes of each: nothing else is sent.
async fn of_one(
    command: &str,
    length: Duration,
    change: impl FnOnce(CacheConfig) -> CacheConfig,
    work: impl AsyncFn(),
) -> (Server, f64, f64) {
    let server = Server::start();
    let manager = connect_with(&server, change).await;
    with(&manager, async {
        article(1).await;
    })
    .await;
    sleep(Duration::from_millis(100)).await;
    // The cost of the measurement itself.
    let first = server.calls_and_bytes(command);
    let second = server.calls_and_bytes(command);
    let asking = second.1 - first.1;
    let end = tokio::time::Instant::now() + length;
    with(&manager, async {
        while tokio::time::Instant::now() < end {
            work().await;
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let (calls, bytes) = server.calls_and_bytes(command);
    let calls = calls - second.0;
    (server, calls, (bytes - second.1 - asking) / calls)
}

async fn nothing() {}

#[tokio::test]
async fn an_idle_instance_sends_what_the_paper_says() {
    title("An idle instance");
    let length = Duration::from_millis(1_600);
    let (_, pings, bytes) = of_one("ping", length, |config| config, nothing).await;
    // Their number depends on the time: a busy machine makes fewer.
    say("pings a second", pings / length.as_secs_f64(), "");
    assert!((1.0..=paper::PINGS * length.as_secs_f64() + 1.0).contains(&pings), "{pings}");
    within("bytes of a ping and its answer", bytes, paper::PING_BYTES, 0.05);

    let often = |config: CacheConfig| config.redis_health_check_interval(Duration::from_millis(10));
    let (server, checks, bytes) = of_one("time", Duration::from_millis(500), often, nothing).await;
    assert!(checks > 5.0, "{checks}");
    server.within("bytes of a health check and its answers", bytes, paper::CHECK_BYTES, 0.3);

    let often = |config: CacheConfig| config.stats_interval(Duration::from_millis(20));
    let busy = async || _ = article(1).await;
    let (_, reports, bytes) = of_one("evalsha", Duration::from_millis(500), often, busy).await;
    assert!(reports > 5.0, "{reports}");
    within("bytes of a report of statistics", bytes, paper::REPORT_BYTES, 0.2);
}
