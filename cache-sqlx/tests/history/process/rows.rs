//! Reads and writes of rows, without the cache.

use std::time::Duration;

use cache_tests::Dice;
use cache_tests::history::now_us;
use sqlx::{Error, PgConnection, PgPool, Postgres, Transaction};
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::item::{Item, OWNERS, Written};

/// Reads rows, in a transaction or outside. The cached functions take it, so that both have the same entries.
pub enum Rows<'a> {
    Pool(&'a PgPool),
    Connection(&'a mut PgConnection),
    /// A transaction that another future uses as well.
    Shared(&'a Mutex<Transaction<'static, Postgres>>),
}

impl Rows<'_> {
    /// Returns the same for another call.
    pub fn again(&mut self) -> Rows<'_> {
        match self {
            Rows::Pool(pool) => Rows::Pool(pool),
            Rows::Connection(connection) => Rows::Connection(connection),
            Rows::Shared(transaction) => Rows::Shared(transaction),
        }
    }

    pub async fn load(self, id: i32) -> Result<Item, Error> {
        match self {
            Rows::Pool(pool) => load(&mut *pool.acquire().await?, id).await,
            Rows::Connection(connection) => load(connection, id).await,
            Rows::Shared(transaction) => {
                sleep(Duration::from_millis(Dice::new(now_us()).below(10))).await;
                load(&mut **transaction.lock().await, id).await
            }
        }
    }

    pub async fn load_many(self, ids: &[i32]) -> Result<Vec<Item>, Error> {
        match self {
            Rows::Pool(pool) => load_many(&mut *pool.acquire().await?, ids).await,
            Rows::Connection(connection) => load_many(connection, ids).await,
            Rows::Shared(transaction) => load_many(&mut **transaction.lock().await, ids).await,
        }
    }
}

pub async fn load(connection: &mut PgConnection, id: i32) -> Result<Item, Error> {
    let item = sqlx::query_as("select id, owner, version, writer from items where id = $1")
        .bind(id)
        .fetch_one(connection)
        .await?;
    dawdle().await;
    Ok(item)
}

async fn load_many(connection: &mut PgConnection, ids: &[i32]) -> Result<Vec<Item>, Error> {
    let items = sqlx::query_as("select id, owner, version, writer from items where id = any($1)")
        .bind(ids)
        .fetch_all(connection)
        .await?;
    dawdle().await;
    Ok(items)
}

/// Locks a row, and returns its owner.
pub async fn lock(connection: &mut PgConnection, id: i32) -> Result<i32, Error> {
    sqlx::query_scalar("select owner from items where id = $1 for update")
        .bind(id)
        .fetch_one(connection)
        .await
}

/// Gives a row its next version, and another owner.
pub async fn change(connection: &mut PgConnection, id: i32, writer: i64) -> Result<Written, Error> {
    let before = lock(connection, id).await?;
    let owner = i32::try_from(Dice::new(writer.unsigned_abs()).below(OWNERS as u64)).unwrap_or(0);
    let item = sqlx::query_as(
        "update items set version = version + 1, writer = $2, owner = $3 where id = $1 \
         returning id, owner, version, writer",
    )
    .bind(id)
    .bind(writer)
    .bind(owner)
    .fetch_one(connection)
    .await?;
    Ok(Written { item, before })
}

/// Mostly nothing, sometimes long enough for others to commit.
async fn dawdle() {
    let mut dice = Dice::new(now_us());
    match dice.below(20) {
        0..14 => {}
        14..18 => tokio::task::yield_now().await,
        _ => sleep(Duration::from_millis(dice.below(4))).await,
    }
}
