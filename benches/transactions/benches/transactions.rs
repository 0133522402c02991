//! A transaction of PostgreSQL that changes a row and invalidates an entry in Redis: by sqlx alone, with an invalidation after its
//! commit, and by `cache-sqlx` without and with its outbox.

use std::time::Instant;

use cache_benches::redis::series::{Series, publish, publish_figures};
use cache_benches::redis::{Commands, Failure};
use cache_benches::round_trips::RoundTrips;
use cache_benches::{Effort, Figure};
use cache_runtime::{CacheConfig, CacheManager, Mode, cache_invalidate, with};
use cache_sqlx::{Transaction, outbox};
use cache_tests::{Postgres, RedisServer};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Error, PgPool, Postgres as Db};
use tokio::runtime::Runtime;

const BENCHMARK: &str = "transactions";
const GROUP: &str = "transaction, one change and one invalidation";
/// The number of transactions whose requests are counted.
const COUNTED: u64 = 50;

#[derive(Clone, Copy, Debug)]
enum Contender {
    Sqlx,
    InvalidatedAfter,
    CacheSqlx,
    Outbox,
}

const ALL: [(Contender, &str); 4] = [
    (Contender::Sqlx, "sqlx, no invalidation"),
    (Contender::InvalidatedAfter, "sqlx, then `invalidate_prefix`"),
    (Contender::CacheSqlx, "cache-sqlx"),
    (Contender::Outbox, "cache-sqlx, outbox"),
];

#[cache_invalidate(prefix = "video:{id}", within = tx)]
async fn rename(tx: &mut Transaction<'_, Db>, id: i64) -> Result<(), Error> {
    sqlx::query(UPDATE).bind(id).execute(&mut **tx).await.map(drop)
}

const UPDATE: &str = "update videos set version = version + 1 where id = $1";

impl Contender {
    async fn run(self, pool: &PgPool, manager: &CacheManager) -> Result<(), Failure> {
        if let Contender::Sqlx | Contender::InvalidatedAfter = self {
            let mut tx = pool.begin().await?;
            sqlx::query(UPDATE).bind(1_i64).execute(&mut *tx).await?;
            tx.commit().await?;
            if let Contender::InvalidatedAfter = self {
                manager.invalidate_prefix("video:1").await?;
            }
            return Ok(());
        }
        let mut tx = cache_sqlx::begin(pool).await?;
        tx.outbox(matches!(self, Contender::Outbox));
        rename(&mut tx, 1).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn main() -> Result<(), Failure> {
    Runtime::new()?.block_on(async {
        let (server, redis) = (Postgres::start(), RedisServer::start());
        let database = server.database();
        let way = RoundTrips::to(server.port())?;
        let connect = async |url: String| PgPoolOptions::new().max_connections(2).connect(&url).await;
        let pool = connect(database.url()).await?;
        let statements = "create table videos (id bigint primary key, version bigint not null); insert into videos values (1, 0)";
        sqlx::raw_sql(statements).execute(&pool).await?;
        outbox::create(&pool).await?;
        let config = CacheConfig::default().mode(Mode::Redis).redis_url(redis.url());
        let manager = CacheManager::connect(config).await?;
        let counted = connect(database.url_by(way.port())).await?;
        with(&manager, async {
            measure(&pool, &manager).await?;
            count(&counted, &way, &redis, &manager).await
        })
        .await
    })
}

async fn measure(pool: &PgPool, manager: &CacheManager) -> Result<(), Failure> {
    let mut all = ALL.map(|(_, name)| Series::new(name));
    // They take turns, so that the noise of the machine is the same for all of them.
    for round in 0..Effort::full(2_000, 1).rounds {
        for turn in 0..ALL.len() {
            let place = (turn + round) % ALL.len();
            let began = Instant::now();
            ALL[place].0.run(pool, manager).await?;
            all[place].rounds.push(began.elapsed().as_secs_f64() * 1e9);
            settled(pool).await?;
        }
    }
    publish(BENCHMARK, GROUP, "ns", &all);
    Ok(())
}

/// Waits until the rows of the outbox are deleted, which a commit does not wait for.
async fn settled(pool: &PgPool) -> Result<(), Failure> {
    while outbox::lag(pool).await?.rows > 0 {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Counts the requests to PostgreSQL, those after the commit included, and those to Redis.
async fn count(
    pool: &PgPool,
    way: &RoundTrips,
    redis: &RedisServer,
    manager: &CacheManager,
) -> Result<(), Failure> {
    let figure = |group: &str, name: &str, value: f64| {
        let (group, name, unit) = (group.to_owned(), name.to_owned(), "round trips".to_owned());
        Figure { group, name, value, unit, ratio: None }
    };
    let (mut of_postgres, mut of_redis) = (Vec::new(), Vec::new());
    for (contender, name) in ALL {
        // Statements are prepared by the first runs of each connection.
        for _ in 0..10 {
            contender.run(pool, manager).await?;
        }
        let (requests, commands) = (way.count(), Commands::of(redis));
        for _ in 0..COUNTED {
            contender.run(pool, manager).await?;
        }
        let each = |total: u64| total as f64 / COUNTED as f64;
        let sent = Commands::of(redis).sent_since(&commands);
        of_postgres.push(figure(
            "requests of a transaction to PostgreSQL",
            name,
            each(way.count() - requests),
        ));
        of_redis.push(figure("requests of a transaction to Redis", name, each(sent)));
    }
    publish_figures(BENCHMARK, &of_postgres);
    publish_figures(BENCHMARK, &of_redis);
    Ok(())
}
