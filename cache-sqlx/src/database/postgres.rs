//! PostgreSQL.

use std::convert::Infallible;
use std::time::Duration;

use cache_runtime::{InvalidationQueue, OutboxLag};
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{Error, PgConnection, PgPool, Postgres, Row as _};
use tokio::sync::Notify;

use super::Dialect;
use crate::rows::{Kind, NewRow, Row, lag};

/// The channel on which those who write rows wake the relays.
const CHANNEL: &str = "cache_outbox";

/// The advisory lock under which the outbox is made: two sessions that create one table fail.
const CREATING: i64 = 0x6361_6368_655f_6f62;

impl Dialect for Postgres {
    // Not `BEGIN`: the server, the role or the session may have another default, and a transaction that reads
    // from a snapshot must not load.
    const BEGIN: Option<&'static str> = Some("BEGIN ISOLATION LEVEL READ COMMITTED");

    const SCHEMA: &'static str = include_str!("../outbox/postgres.sql");

    const LOCKS_ROWS: bool = true;

    fn queue() -> InvalidationQueue {
        InvalidationQueue::new()
    }

    /// Class 40 is "transaction rollback", and class 23 a constraint that is checked at the commit.
    fn proves_rollback(error: &dyn DatabaseError) -> bool {
        error.code().is_some_and(|code| {
            code != "40003" && (code.starts_with("40") || code.starts_with("23"))
        })
    }

    async fn create(pool: &PgPool) -> Result<(), Error> {
        let mut transaction = pool.begin().await?;
        sqlx::query("select pg_advisory_xact_lock($1)")
            .bind(CREATING)
            .execute(&mut *transaction)
            .await?;
        sqlx::raw_sql(Self::SCHEMA).execute(&mut *transaction).await?;
        transaction.commit().await
    }

    async fn insert(connection: &mut PgConnection, rows: &[NewRow<'_>]) -> Result<Vec<i64>, Error> {
        let column = |of: fn(&NewRow<'_>) -> String| rows.iter().map(of).collect::<Vec<_>>();
        sqlx::query_scalar(
            "insert into cache_outbox (namespace, kind, target) \
             select * from unnest($1::text[], $2::text[], $3::text[]) returning id",
        )
        .bind(column(|row| row.namespace.to_owned()))
        .bind(column(|row| row.kind.as_str().to_owned()))
        .bind(column(|row| row.target.to_owned()))
        .fetch_all(connection)
        .await
    }

    async fn delete(connection: &mut PgConnection, ids: &[i64]) -> Result<(), Error> {
        sqlx::query("delete from cache_outbox where id = any($1)")
            .bind(ids)
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn claim(
        connection: &mut PgConnection,
        namespace: &str,
        limit: i64,
    ) -> Result<Vec<Row>, Error> {
        let rows = sqlx::query(
            "select id, kind, target from cache_outbox where failures = 0 and namespace in ('', $1) \
             order by id limit $2 for update skip locked",
        )
        .bind(namespace)
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
        connection: &mut PgConnection,
        id: i64,
        failure: &str,
    ) -> Result<(), Error> {
        sqlx::query("update cache_outbox set failures = failures + 1, failure = $2 where id = $1")
            .bind(id)
            .bind(failure)
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn lag(connection: &mut PgConnection) -> Result<OutboxLag, Error> {
        let row = sqlx::query(
            "select count(*) filter (where failures = 0) as rows, \
             count(*) filter (where failures > 0) as poisoned, \
             extract(epoch from clock_timestamp() - min(written_at) filter (where failures = 0))::float8 \
             as oldest from cache_outbox",
        )
        .fetch_one(connection)
        .await?;
        Ok(lag(row.try_get("rows")?, row.try_get("oldest")?, row.try_get("poisoned")?))
    }

    /// Has a connection of its own, not one of the pool: it would hold it all the time.
    async fn listen(pool: &PgPool, wake: &Notify) -> Result<Infallible, Error> {
        let options = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .acquire_timeout(Duration::from_secs(10));
        let own = options.connect_lazy_with((*pool.connect_options()).clone());
        let mut listener = PgListener::connect_with(&own).await?;
        listener.listen(CHANNEL).await?;
        loop {
            // Rows that were written before are not notified, and neither are those written while the connection was
            // lost (`None`).
            wake.notify_one();
            listener.try_recv().await?;
        }
    }
}
