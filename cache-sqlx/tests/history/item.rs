//! The rows of the table.

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{Error, FromRow, Row as _};

/// The number of shelves.
pub const SHELVES: i32 = 4;
/// The number of rows of a shelf.
pub const ROWS: i32 = 6;
/// The number of owners.
pub const OWNERS: i32 = 12;

/// The statements that make the table.
pub const SCHEMA: &str = "create table items (id int primary key, owner int not null, \
     version bigint not null, writer bigint not null)";

/// A row, as somebody has seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub id: i32,
    pub owner: i32,
    /// Grows by one with each change that is committed.
    pub version: i64,
    /// The number of the transaction that has written it, or 0. It is negative if the transaction, or its savepoint, never
    /// commits.
    pub writer: i64,
}

impl Item {
    /// Returns true if this was written to be rolled back.
    pub fn is_doomed(&self) -> bool {
        self.writer < 0
    }
}

impl FromRow<'_, PgRow> for Item {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Item {
            id: row.try_get("id")?,
            owner: row.try_get("owner")?,
            version: row.try_get("version")?,
            writer: row.try_get("writer")?,
        })
    }
}

/// A row that a transaction has written, and the owner that it had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    pub item: Item,
    pub before: i32,
}

/// Returns the shelf of a row.
pub fn shelf_of(id: i32) -> i32 {
    id / ROWS
}

/// Returns the rows that a page contains: by their key, by the tag of their owner, by many keys.
pub fn rows_of_page(shelf: i32) -> [i32; 3] {
    [0, 1, 2].map(|row| shelf * ROWS + row)
}

/// Returns the numbers of all rows.
pub fn all() -> impl Iterator<Item = i32> {
    0..SHELVES * ROWS
}
