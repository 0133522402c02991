//! A transaction of sqlx in a `deferred` future.

use std::time::Duration;

use cache_runtime::{CacheCall as _, PendingInvalidations, deferred};
use cache_tests::Dice;
use cache_tests::history::{Span, now_us};
use futures_util::future::join;
use sqlx::{Error, PgConnection, Postgres, Transaction};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::changes::change_on;
use super::functions::{item, owned};
use super::reads::{any_row, one};
use super::record::lag;
use super::rows::Rows;
use super::transaction::is_rolled_back;
use super::work::Shared;
use crate::event::{Ended, Event, Fact, How, Outcome, Read};
use crate::item::{Written, shelf_of};

pub async fn transact(shared: &Shared, dice: &mut Dice) -> Result<(), Error> {
    let is_doomed = dice.percent(30);
    let (writer, id) = (shared.record.writer(is_doomed), any_row(dice));
    let tx = shared.pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    let tx = Mutex::new(tx);
    let (written, pending) = deferred(async {
        if dice.percent(60) {
            read_beside(shared, &tx, writer, id).await
        } else {
            work(shared, &mut **tx.lock().await, writer, id).await
        }
    })
    .await;
    let tx = tx.into_inner();
    let begin = now_us();
    let (outcome, confirmed) = match &written {
        Ok(_) if !is_doomed => commit(shared, tx, pending, dice).await,
        _ => {
            drop(tx);
            pending.discard();
            (Outcome::RolledBack, None)
        }
    };
    let (written, failed) = match written {
        Ok(written) => (vec![written], Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    };
    let span = Span { begin, end: now_us() };
    shared.record.end(Ended { writer, span, outcome, written, confirmed });
    failed
}

async fn work(
    shared: &Shared,
    connection: &mut PgConnection,
    writer: i64,
    id: i32,
) -> Result<Written, Error> {
    let written = change_on(connection, id, writer).await?;
    shared.record.note(Fact::ChangedDeferred);
    let (begin, lag) = (now_us(), lag());
    let read = item(Rows::Connection(connection), shelf_of(id), id).cache_entry().fetch().await;
    let (origin, items) = one(read)?;
    let (how, span) = (How::Deferred, Span { begin, end: now_us() });
    for seen in items {
        let read = Read { how, span, origin, from: begin, lag, seen, own: Some(written.item) };
        shared.record.write(&Event::Read(read));
    }
    Ok(written)
}

/// Changes a row while a load of the same row runs, which sees it or not.
async fn read_beside(
    shared: &Shared,
    tx: &Mutex<Transaction<'static, Postgres>>,
    writer: i64,
    id: i32,
) -> Result<Written, Error> {
    let mut dice = Dice::new(writer.unsigned_abs());
    let pause = dice.below(5);
    let change = async {
        sleep(Duration::from_millis(pause)).await;
        change_on(&mut **tx.lock().await, id, writer).await
    };
    let (begin, lag) = (now_us(), lag());
    let read = async {
        if dice.percent(50) {
            one(item(Rows::Shared(tx), shelf_of(id), id).cache_entry().fetch().await)
        } else {
            one(owned(Rows::Shared(tx), id).cache_entry().fetch().await)
        }
    };
    let (written, read) = join(change, read).await;
    let (written, (origin, items)) = (written?, read?);
    let span = Span { begin, end: now_us() };
    for seen in items {
        if seen.writer == writer {
            shared.record.note(Fact::ReadBesideChange);
        } else {
            let how = How::Deferred;
            let read = Read { how, span, origin, from: begin, lag, seen, own: None };
            shared.record.write(&Event::Read(read));
        }
    }
    Ok(written)
}

async fn commit(
    shared: &Shared,
    tx: Transaction<'static, Postgres>,
    pending: PendingInvalidations,
    dice: &mut Dice,
) -> (Outcome, Option<u64>) {
    match tx.commit().await {
        Ok(()) if dice.percent(15) => {
            drop(pending);
            (Outcome::Unknown, None)
        }
        Ok(()) => {
            let confirmed = pending.apply().await;
            shared.record.note(Fact::CommitOfDeferred);
            (Outcome::Committed, confirmed.then(now_us))
        }
        Err(error) if is_rolled_back(&error) => {
            pending.discard();
            (Outcome::RolledBack, None)
        }
        Err(_) => {
            pending.apply_in_background();
            (Outcome::Unknown, None)
        }
    }
}
