//! A process that is killed while the server runs one of the statements around its commit.

use sqlx::PgPool;
use sqlx::pool::PoolConnection;

use super::Db;
use super::killed::Scene;
use crate::wait::until;

/// A lock that statements on the outbox wait for.
struct Held(PoolConnection<Db>);

impl Held {
    /// Takes the lock, and makes statements wait for it.
    async fn new(pool: &PgPool, trigger: &'static str) -> Self {
        sqlx::raw_sql(
            "create function wait() returns trigger language plpgsql as \
             'begin perform pg_advisory_xact_lock(1); return coalesce(new, old); end'",
        )
        .execute(pool)
        .await
        .unwrap();
        sqlx::raw_sql(trigger).execute(pool).await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        sqlx::query("select pg_advisory_lock(1)").execute(&mut *connection).await.unwrap();
        Held(connection)
    }

    async fn release(mut self) {
        sqlx::query("select pg_advisory_unlock(1)").execute(&mut *self.0).await.unwrap();
    }
}

/// Waits until this number of statements waits for the lock.
async fn until_waiting(scene: &Scene, number: &str) {
    let waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = \
         (select oid from pg_database where datname = current_database())";
    until(async || scene.videos.database.0.psql(waiting) == number).await;
}

/// Waits until the server runs nothing for the killed process.
async fn until_quiet(scene: &Scene) {
    let running = "select count(*) from pg_stat_activity where datname = current_database() \
         and state <> 'idle' and pid <> pg_backend_pid()";
    until(async || scene.videos.database.0.psql(running) == "0").await;
}

/// Kills the worker while a statement of its commit waits, and returns the title at the end.
async fn killed_in(trigger: &'static str) -> String {
    let mut scene = Scene::new(|videos| videos.database.url()).await;
    scene.obey("update");
    let held = Held::new(&scene.videos.pool, trigger).await;
    scene.worker.send("commit");
    until_waiting(&scene, "1").await;
    scene.worker.kill();
    held.release().await;
    until_quiet(&scene).await;
    scene.end().await
}

#[tokio::test]
async fn in_the_insert_of_the_rows() {
    let trigger =
        "create trigger wait after insert on cache_outbox for each row execute function wait()";
    assert_eq!(killed_in(trigger).await, "old");
}

#[tokio::test]
async fn in_the_commit() {
    let trigger = "create constraint trigger wait after insert on cache_outbox \
         deferrable initially deferred for each row execute function wait()";
    assert_eq!(killed_in(trigger).await, "new");
}

#[tokio::test]
async fn in_the_delete_of_the_rows() {
    let trigger =
        "create trigger wait before delete on cache_outbox for each row execute function wait()";
    assert_eq!(killed_in(trigger).await, "new");
}

#[tokio::test]
async fn in_the_delete_of_a_relay() {
    let mut scene = Scene::new(|videos| videos.database.url()).await;
    scene.obey("update");
    scene.obey("commit");
    until(async || scene.videos.rows().await == 0).await;
    let change = "update videos set title = 'newer' where id = 1; \
         insert into cache_outbox (kind, target) values ('prefix', 'video:1')";
    scene.videos.database.0.psql(change);
    let trigger =
        "create trigger wait before delete on cache_outbox for each row execute function wait()";
    let held = Held::new(&scene.videos.pool, trigger).await;
    scene.worker.send("relay");
    until_waiting(&scene, "1").await;
    scene.worker.kill();
    held.release().await;
    until_quiet(&scene).await;
    assert_eq!(scene.videos.rows().await, 1, "the relay had not committed");
    assert_eq!(scene.end().await, "newer");
}
