//! The command that performs the invalidations in the outbox.

use std::time::Duration;

use cache_runtime::CacheManager;
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

use crate::args::DatabaseUrl;
use crate::exit::{Exit, Failure};
use crate::outbox::{Address, Lag, open};

pub(crate) async fn relay(
    manager: CacheManager,
    database: &DatabaseUrl,
    patience: Duration,
) -> Result<Exit, Failure> {
    let outbox = open(&Address::new(database.database.as_deref(), patience)?).await?;
    let stopped = stopped()?;
    let lag = outbox.lag().await?;
    let namespace = &manager.config().namespace;
    eprintln!("cachectl: relays into the namespace {namespace:?}; {}", Lag(&lag));
    outbox.relay(manager.clone(), Box::pin(stopped)).await;
    // Removals that Redis has not confirmed are still in the outbox.
    let _ = manager.disconnect().await;
    eprintln!("cachectl: stopped");
    Ok(Exit::Done)
}

/// Returns a future that is ready when the process is told to end. Signals count from now on.
#[cfg(unix)]
fn stopped() -> Result<impl Future<Output = ()>, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stopped() -> Result<impl Future<Output = ()>, Failure> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
