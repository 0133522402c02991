//! A table of videos, and the functions that read and change it.

use cache_runtime::{CacheManager, cache_invalidate, cached, with};
use cache_sqlx::{Transaction, outbox};
use cache_tests::Counter;
use sqlx::Error;

use super::{Connection, Database, Db, Pool};
use crate::gate::Gate;

/// The table with the videos 1 to 3, whose titles are "old", and an outbox.
#[derive(Debug)]
pub struct Videos {
    pub pool: Pool,
    pub database: Database,
    /// The runs of the body of [`title`].
    pub loads: Counter,
}

impl Videos {
    pub async fn new() -> Self {
        let database = Database::new();
        let pool = database.connect().await;
        let statements = "create table videos (id bigint primary key, title text not null); \
             insert into videos values (1, 'old'), (2, 'old'), (3, 'old')";
        sqlx::raw_sql(statements).execute(&pool).await.unwrap();
        outbox::create(&pool).await.unwrap();
        Videos { pool, database, loads: Counter::new() }
    }

    /// Returns a title as the cache has it, or else as it was committed.
    pub async fn title(&self, id: i64) -> String {
        let mut connection = self.pool.acquire().await.unwrap();
        title(&mut connection, &self.loads, id).await.unwrap()
    }

    /// Returns a title as another process sees it.
    pub async fn title_of(&self, manager: &CacheManager, id: i64) -> String {
        with(manager, self.title(id)).await
    }

    /// Returns the titles of the videos 1 to 3.
    pub async fn titles(&self) -> [String; 3] {
        [self.title(1).await, self.title(2).await, self.title(3).await]
    }

    /// Returns a title as it was committed.
    pub async fn committed(&self, id: i64) -> String {
        let mut connection = self.pool.acquire().await.unwrap();
        load(&mut connection, id).await.unwrap()
    }

    /// Returns the number of rows in the outbox.
    pub async fn rows(&self) -> u64 {
        let lag = outbox::lag(&self.pool).await.unwrap();
        lag.rows + lag.poisoned
    }
}

#[cached(ttl = "1h", key_prefix = "video", key = "{id}")]
pub async fn title(connection: &mut Connection, loads: &Counter, id: i64) -> Result<String, Error> {
    loads.hit();
    load(connection, id).await
}

/// Returns a title, after it has passed a gate with what it has read.
#[cached(ttl = "1h", key_prefix = "slow", key = "{id}", tags = ["video:{id}"])]
pub async fn slow_title(
    connection: &mut Connection,
    gate: &Gate,
    id: i64,
) -> Result<String, Error> {
    let title = load(connection, id).await;
    gate.pass().await;
    title
}

/// Changes a title in a transaction.
#[cache_invalidate(prefix = "video:{id}", within = tx)]
pub async fn rename(tx: &mut Transaction<'_, Db>, id: i64, title: &str) -> Result<(), Error> {
    set_title(tx, id, title).await
}

/// Changes a title, without the cache.
pub async fn set_title(connection: &mut Connection, id: i64, title: &str) -> Result<(), Error> {
    sqlx::query("update videos set title = $1 where id = $2")
        .bind(title.to_owned())
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns a title, without the cache.
pub async fn load(connection: &mut Connection, id: i64) -> Result<String, Error> {
    sqlx::query_scalar("select title from videos where id = $1")
        .bind(id)
        .fetch_one(connection)
        .await
}
