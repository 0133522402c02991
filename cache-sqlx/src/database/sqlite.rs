//! SQLite.

use std::convert::Infallible;
use std::future;

use cache_runtime::{InvalidationQueue, OutboxLag};
use sqlx::error::DatabaseError;
use sqlx::{Error, QueryBuilder, Row as _, Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::Notify;

use super::Dialect;
use crate::rows::{Kind, NewRow, Row, lag};

/// The number of rows of one statement; SQLite takes 32,766 parameters at most.
const AT_ONCE: usize = 1_000;

/// The primary result codes after which a transaction is still open, so that dropping it rolls it back: `BUSY`,
/// `LOCKED`, `CONSTRAINT`.
const STILL_OPEN: [i32; 3] = [5, 6, 19];

impl Dialect for Sqlite {
    const BEGIN: Option<&'static str> = None;

    const SCHEMA: &'static str = include_str!("../outbox/sqlite.sql");

    // There is one lock for all writers. It is not held while Redis is asked.
    const LOCKS_ROWS: bool = false;

    /// Each transaction of SQLite reads from a snapshot.
    fn queue() -> InvalidationQueue {
        InvalidationQueue::of_snapshot()
    }

    fn proves_rollback(error: &dyn DatabaseError) -> bool {
        let code = error.code().and_then(|code| code.parse::<i32>().ok());
        code.is_some_and(|extended| STILL_OPEN.contains(&(extended & 0xff)))
    }

    async fn create(pool: &SqlitePool) -> Result<(), Error> {
        sqlx::raw_sql(Self::SCHEMA).execute(pool).await?;
        Ok(())
    }

    async fn insert(
        connection: &mut SqliteConnection,
        rows: &[NewRow<'_>],
    ) -> Result<Vec<i64>, Error> {
        let mut ids = Vec::with_capacity(rows.len());
        for rows in rows.chunks(AT_ONCE) {
            let mut insert =
                QueryBuilder::new("insert into cache_outbox (namespace, kind, target) ");
            insert.push_values(rows, |mut values, row| {
                values.push_bind(row.namespace.to_owned());
                values.push_bind(row.kind.as_str());
                values.push_bind(row.target.to_owned());
            });
            insert.push(" returning id");
            let inserted: Vec<i64> =
                insert.build_query_scalar().fetch_all(&mut *connection).await?;
            ids.extend(inserted);
        }
        Ok(ids)
    }

    async fn delete(connection: &mut SqliteConnection, ids: &[i64]) -> Result<(), Error> {
        for ids in ids.chunks(AT_ONCE) {
            let mut delete = QueryBuilder::new("delete from cache_outbox where id in (");
            let mut list = delete.separated(", ");
            ids.iter().for_each(|id| {
                list.push_bind(*id);
            });
            delete.push(")");
            delete.build().execute(&mut *connection).await?;
        }
        Ok(())
    }

    async fn claim(
        connection: &mut SqliteConnection,
        namespace: &str,
        limit: i64,
    ) -> Result<Vec<Row>, Error> {
        let rows = sqlx::query(
            "select id, kind, target from cache_outbox where failures = 0 and namespace in ('', ?) \
             order by id limit ?",
        )
        .bind(namespace.to_owned())
        .bind(limit)
        .fetch_all(connection)
        .await?;
        rows.iter()
            .map(|row| {
                let kind = Kind::parse(row.try_get("kind")?);
                Ok(Row { id: row.try_get("id")?, kind, target: row.try_get("target")? })
            })
            .collect()
    }

    async fn note_failure(
        connection: &mut SqliteConnection,
        id: i64,
        failure: &str,
    ) -> Result<(), Error> {
        sqlx::query("update cache_outbox set failures = failures + 1, failure = ? where id = ?")
            .bind(failure.to_owned())
            .bind(id)
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn lag(connection: &mut SqliteConnection) -> Result<OutboxLag, Error> {
        let row = sqlx::query(
            "select count(*) filter (where failures = 0) as rows, \
             count(*) filter (where failures > 0) as poisoned, \
             (julianday('now') - julianday(min(written_at) filter (where failures = 0))) * 86400.0 as oldest \
             from cache_outbox",
        )
        .fetch_one(connection)
        .await?;
        Ok(lag(row.try_get("rows")?, row.try_get("oldest")?, row.try_get("poisoned")?))
    }

    /// SQLite notifies nobody: a relay finds the rows at its next look.
    async fn listen(_pool: &SqlitePool, _wake: &Notify) -> Result<Infallible, Error> {
        future::pending().await
    }
}
