//! The cached functions.

use std::collections::HashMap;

use cache_runtime::cached;
use cache_sqlx::{Transaction, begin};
use sqlx::{Error, PgPool, Postgres};

use super::changes::{change_by_tag, change_on};
use super::rows::{Rows, load};
use crate::item::{Item, rows_of_page, shelf_of};

type Tx<'a> = Transaction<'a, Postgres>;

#[cached(ttl = "1h", key_prefix = "item", key = "{shelf}:{id}", tags = ["item-of:{id}"])]
pub async fn item(rows: Rows<'_>, shelf: i32, id: i32) -> Result<Item, Error> {
    let _ = shelf;
    rows.load(id).await
}

#[cached(ttl = "1h", key_prefix = "owned", key = "{id}", tags_of = |item: &Item| [owner_tag(item.owner)])]
pub async fn owned(rows: Rows<'_>, id: i32) -> Result<Item, Error> {
    rows.load(id).await
}

#[cached(ttl = "1h", key_prefix = "each", key = "{id}", tags = ["row:{id}"], each(id in ids))]
pub async fn items(rows: &mut Rows<'_>, ids: &[i32]) -> Result<HashMap<i32, Item>, Error> {
    let items = rows.again().load_many(ids).await?;
    Ok(items.into_iter().map(|item| (item.id, item)).collect())
}

/// Returns some rows of a shelf, each through another function.
#[cached(ttl = "1h", key_prefix = "page", key = "{shelf}", inherit)]
pub async fn page(mut rows: Rows<'_>, shelf: i32) -> Result<Vec<Item>, Error> {
    let [first, second, third] = rows_of_page(shelf);
    let mut page = vec![item(rows.again(), shelf_of(first), first).await?];
    page.push(owned(rows.again(), second).await?);
    page.extend(items(&mut rows, &[third]).await?.into_values());
    Ok(page)
}

/// Returns a row. With a writer, changes it before, in the transaction around the call.
#[cached(ttl = "1h", key_prefix = "made", key = "{id}", tags = ["row:{id}"])]
pub async fn made(mut rows: Rows<'_>, writer: Option<i64>, id: i32) -> Result<Item, Error> {
    if let (Some(writer), Rows::Connection(connection)) = (writer, &mut rows) {
        change_on(connection, id, writer).await?;
    }
    rows.load(id).await
}

/// Returns a row. With a writer, changes it before, in a transaction of its own, which is rolled back.
#[cached(ttl = "1h", key_prefix = "attempt", key = "{id}", tags = ["row:{id}"])]
pub async fn attempt(pool: &PgPool, writer: Option<i64>, id: i32) -> Result<Item, Error> {
    let Some(writer) = writer else { return Rows::Pool(pool).load(id).await };
    let mut tx = begin(pool).await?;
    change_by_tag(&mut tx, id, writer).await?;
    let item = load(&mut tx, id).await?;
    tx.rollback().await?;
    Ok(item)
}

/// Has entries of its own: it can be called in a transaction only.
#[cached(ttl = "1h", key_prefix = "within", key = "{id}", tags = ["row:{id}"], within = tx)]
pub async fn item_within(tx: &mut Tx<'_>, id: i32) -> Result<Item, Error> {
    load(tx, id).await
}

/// Returns the rows of a page, as [`page`] does.
#[cached(ttl = "1h", key_prefix = "page-within", key = "{shelf}", inherit, within = tx)]
pub async fn page_within(tx: &mut Tx<'_>, shelf: i32) -> Result<Vec<Item>, Error> {
    page(Rows::Connection(tx), shelf).await
}

pub fn owner_tag(owner: i32) -> String {
    format!("owner:{owner}")
}
