//! The functions that change rows, and invalidate everything that follows from them.

use cache_runtime::{cache, cache_invalidate, cache_put};
use cache_sqlx::Transaction;
use sqlx::{Error, PgConnection, PgPool, Postgres};

use super::functions::{item, owner_tag};
use super::rows::{self, Rows};
use crate::item::{Item, Written};

type Tx<'a> = Transaction<'a, Postgres>;

#[cache_invalidate(
    prefix = "item:{shelf}:{id}",
    tags = ["row:{id}", "owner:{owner}"],
    within = tx
)]
pub async fn change_by_prefix(
    tx: &mut Tx<'_>,
    shelf: i32,
    id: i32,
    owner: i32,
    writer: i64,
) -> Result<Written, Error> {
    let _ = (shelf, owner);
    rows::change(tx, id, writer).await
}

#[cache_invalidate(
    entry = item(Rows::Pool(pool), shelf, id),
    tags = ["row:{id}", "owner:{owner}"],
    within = tx
)]
pub async fn change_by_entry(
    tx: &mut Tx<'_>,
    pool: &PgPool,
    shelf: i32,
    id: i32,
    owner: i32,
    writer: i64,
) -> Result<Written, Error> {
    let _ = (pool, shelf, owner);
    rows::change(tx, id, writer).await
}

#[cache_invalidate(
    prefix = "owner:{result.before}",
    tags = ["row:{id}", "item-of:{id}"],
    within = tx
)]
pub async fn change_by_tag(tx: &mut Tx<'_>, id: i32, writer: i64) -> Result<Written, Error> {
    rows::change(tx, id, writer).await
}

#[cache_invalidate(prefix = "item:{shelf}", tags = ["row:{id}", "owner:{owner}"], within = tx)]
pub async fn change_by_shelf(
    tx: &mut Tx<'_>,
    shelf: i32,
    id: i32,
    owner: i32,
    writer: i64,
) -> Result<Written, Error> {
    let _ = (shelf, owner);
    rows::change(tx, id, writer).await
}

/// An error after a change, or of the database.
#[derive(Debug)]
pub enum Refused {
    After(Written),
    Database(Error),
}

/// Changes a row and fails, so that nothing is invalidated. The transaction must be rolled back.
#[cache_invalidate(tags = ["row:{id}", "item-of:{id}"], within = tx)]
pub async fn change_and_refuse(tx: &mut Tx<'_>, id: i32, writer: i64) -> Result<(), Refused> {
    let written = rows::change(tx, id, writer).await.map_err(Refused::Database)?;
    Err(Refused::After(written))
}

/// Changes a row, and returns it as the cache returns it before the function ends.
#[cache_invalidate(
    prefix = "item:{shelf}:{id}",
    tags = ["row:{id}", "owner:{owner}"],
    within = tx
)]
pub async fn change_and_read(
    tx: &mut Tx<'_>,
    shelf: i32,
    id: i32,
    owner: i32,
    writer: i64,
) -> Result<(Item, Item), Error> {
    let _ = owner;
    let written = rows::change(tx, id, writer).await?;
    Ok((written.item, item(Rows::Connection(tx), shelf, id).await?))
}

/// Changes a row in the scope around it.
#[cache_invalidate(prefix = "owner:{result.before}", tags = ["row:{id}", "item-of:{id}"])]
pub async fn change_on(
    connection: &mut PgConnection,
    id: i32,
    writer: i64,
) -> Result<Written, Error> {
    rows::change(connection, id, writer).await
}

#[cache_put(entry = item(Rows::Pool(pool), shelf, id), within = tx)]
async fn put_item(
    tx: &mut Tx<'_>,
    pool: &PgPool,
    shelf: i32,
    id: i32,
    writer: i64,
) -> Result<Item, Error> {
    let _ = (pool, shelf);
    Ok(rows::change(tx, id, writer).await?.item)
}

/// Puts a row, and invalidates directly what follows from it.
pub async fn put_and_invalidate(
    tx: &mut Tx<'_>,
    pool: &PgPool,
    shelf: i32,
    id: i32,
    owner: i32,
    writer: i64,
) -> Result<Item, Error> {
    tx.scope(async |tx| {
        invalidate_row(id, owner).await?;
        put_item(tx, pool, shelf, id, writer).await
    })
    .await
}

/// Changes a row, and invalidates directly.
pub async fn change_directly(
    tx: &mut Tx<'_>,
    id: i32,
    owner: i32,
    writer: i64,
) -> Result<Written, Error> {
    tx.scope(async |tx| {
        invalidate_row(id, owner).await?;
        rows::change(tx, id, writer).await
    })
    .await
}

/// Invalidates before the row is changed: the cache cannot know that it will be.
async fn invalidate_row(id: i32, owner: i32) -> Result<(), Error> {
    for tag in [format!("row:{id}"), format!("item-of:{id}"), owner_tag(owner)] {
        cache().invalidate_tag(&tag).await.map_err(|error| Error::Protocol(error.to_string()))?;
    }
    Ok(())
}
