//! Timers that work on every runtime. The timers of a runtime that was built without them panic.

use std::future::{Future, pending};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::Either;
use tokio::time::error::Elapsed;

use crate::support::runtime::{self, Timers};

/// Waits for a future, but no longer than `limit` from now on. If no timer is available, there is no limit.
///
/// It is no `async fn`, which would keep space for `future` twice.
pub(crate) fn timeout<F: Future>(
    limit: Duration,
    future: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    match runtime::timers() {
        Timers::Here => Either::Left(tokio::time::timeout(limit, future)),
        Timers::Of(runtime) => {
            let _entered = runtime.enter();
            Either::Left(tokio::time::timeout(limit, future))
        }
        Timers::None => Either::Right(future.map(Ok)),
    }
}

/// Waits for this time. If no timer is available, the wait does not end.
pub(crate) async fn sleep(time: Duration) {
    // The future never completes, so the wait ends at the limit.
    let _ = timeout(time, pending::<()>()).await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
    use super::*;

    #[test]
    fn a_runtime_without_timers_waits_all_the_same() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            assert!(timeout(Duration::from_millis(1), pending::<()>()).await.is_err());
            assert!(timeout(Duration::from_secs(60), async {}).await.is_ok());
            sleep(Duration::from_millis(1)).await;
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_paused_is_followed() {
        let began = tokio::time::Instant::now();
        sleep(Duration::from_secs(3_600)).await;
        assert!(began.elapsed() >= Duration::from_secs(3_600));
    }
}
