//! A task: one random operation after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cache_tests::Dice;
use sqlx::{Error, PgPool};
use tokio::time::timeout;

use super::reads::{read, try_change};
use super::record::Record;
use super::{deferring, transaction};
use crate::event::Event;

/// No operation may take longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The state that the tasks of a process share.
pub struct Shared {
    pub pool: PgPool,
    pub record: Arc<Record>,
    /// If true, the process may be killed at any moment. Its transactions use the outbox.
    pub is_mortal: bool,
    /// If true, all operations are transactions.
    pub writes_only: AtomicBool,
}

/// Works until the process is told to stop.
pub async fn work(shared: Arc<Shared>, mut dice: Dice) {
    while !shared.record.stopped.load(Ordering::Relaxed) {
        if timeout(PATIENCE, perform(&shared, &mut dice)).await.is_err() {
            shared.record.write(&Event::Failure(format!("an operation takes {PATIENCE:?}")));
        }
        shared.record.operation();
    }
}

async fn perform(shared: &Shared, dice: &mut Dice) {
    let choice = if shared.writes_only.load(Ordering::Relaxed) { 999 } else { dice.below(1_000) };
    let done = match choice {
        0..940 => read(shared, dice).await,
        940..955 => {
            let patience = Duration::from_micros(dice.below(3_000));
            timeout(patience, read(shared, dice)).await.unwrap_or(Ok(()))
        }
        955..961 => try_change(shared, dice).await,
        961..973 if !shared.is_mortal => deferring::transact(shared, dice).await,
        _ => {
            transaction::transact(shared, dice).await;
            Ok(())
        }
    };
    // The database refuses operations while connections are killed. The cache never does.
    if let Err(Error::Protocol(error)) = done {
        shared.record.write(&Event::Failure(error));
    }
}
