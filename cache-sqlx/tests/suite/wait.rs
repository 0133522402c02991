//! Waiting for states.

use std::time::Duration;

/// Waits until something holds.
pub async fn until(condition: impl AsyncFn() -> bool) {
    in_time(async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Returns the output of something that must end. It is given a minute, which is no assertion about its speed.
pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it ends")
}
