//! The clock of tokio is paused here, and advances by itself when all tasks are idle.

use std::io;
use std::time::Duration;

use cache_admin::AdminConfig;
use cache_example_service::analysis::Analyst;
use cache_example_service::service::serve;
use tokio::sync::oneshot::{Sender, channel};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::Instant;

use crate::running::Parts;

/// A service that ends when its `stop` is dropped.
struct Serving {
    address: String,
    analyst: Analyst,
    stop: Sender<()>,
    service: JoinHandle<io::Result<()>>,
}

async fn serving() -> Serving {
    let Parts { router, listener, target, analyst, .. } =
        Parts::new(AdminConfig::default().public_reads(true)).await;
    let (stop, stopped) = channel();
    let service = tokio::spawn(serve(listener, router, async { _ = stopped.await }));
    Serving { address: target.to_string(), analyst, stop, service }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_open_holds_a_shutdown_up_for_five_seconds_at_most() {
    let Serving { address, stop, service, .. } = serving().await;
    let mut page = reqwest::get(format!("{address}/cache/live")).await.unwrap();
    assert!(page.chunk().await.unwrap().unwrap().starts_with(b"data:"));
    let asked = Instant::now();
    drop(stop);
    service.await.unwrap().unwrap();
    let took = asked.elapsed();
    assert!(took <= Duration::from_secs(5), "{took:?}");
    assert!(reqwest::get(address).await.unwrap_err().is_connect());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_under_way_is_answered_and_nothing_else_is_waited_for() {
    let Serving { address, analyst, stop, service } = serving().await;
    let request = tokio::spawn(reqwest::get(format!("{address}/videos/1/analysis")));
    while analyst.calls() == 0 {
        yield_now().await;
    }
    let asked = Instant::now();
    drop(stop);
    assert_eq!(request.await.unwrap().unwrap().status(), 200);
    service.await.unwrap().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
}
