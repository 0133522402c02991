//! The four shops side by side.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cache_runtime::{CacheConfig, CacheManager, with};
use redis::{AsyncConnectionConfig, Client};

use crate::script::{self, Step, database};
use crate::with_cache_runtime::WithCacheRuntime;
use crate::with_cached::WithCached;
use crate::with_moka::WithMoka;
use crate::with_redis::WithRedis;
use crate::{Database, Shop};

// Longer than in a service: a busy machine must not change the number of loads.

/// The time that a connection to Redis may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The time that Redis may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// The script, as all shops have run it. Its `Display` is a table of the loads, and the reasons of differences.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// One column for each shop.
    pub columns: Vec<Column>,
}

/// The script, as one shop has run it.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The name of the cache.
    pub cache: &'static str,
    /// The steps.
    pub steps: Vec<Step>,
    /// The product that a read finds after [a change during a read](script::overlap).
    pub overlap: String,
}

impl Column {
    async fn of(cache: &'static str, shop: impl Shop, db: &Database) -> Column {
        let steps = script::run(&shop, db).await;
        Column { cache, steps, overlap: script::overlap(&shop, db).await }
    }
}

/// Runs the script with each cache, without Redis by hand if there is no address of a Redis server.
///
/// # Errors
///
/// If Redis cannot be reached, or its address is no address.
pub async fn compare(redis: Option<&str>) -> Result<Comparison, Box<dyn Error>> {
    let mut columns = vec![cached().await, moka().await];
    if let Some(url) = redis {
        columns.push(redis_by_hand(url).await?);
    }
    columns.push(cache_runtime(redis).await?);
    Ok(Comparison { columns })
}

/// Runs the script with `cached`, once in a process: its values are in statics.
pub async fn cached() -> Column {
    let db = database();
    Column::of("cached", WithCached::new(db.clone()), &db).await
}

/// Runs the script with `moka`.
pub async fn moka() -> Column {
    let db = database();
    Column::of("moka", WithMoka::new(db.clone()), &db).await
}

/// Runs the script with Redis by hand.
///
/// # Errors
///
/// If Redis cannot be reached.
pub async fn redis_by_hand(url: &str) -> Result<Column, Box<dyn Error>> {
    let db = database();
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(ANSWER));
    let connection =
        Client::open(url)?.get_multiplexed_async_connection_with_config(&patient).await?;
    let shop = WithRedis::new(db.clone(), connection, unused_namespace());
    Ok(Column::of("Redis by hand", shop, &db).await)
}

/// Runs the script with `cache-runtime`, in memory or in Redis.
///
/// # Errors
///
/// If the address of the Redis server is no address.
pub async fn cache_runtime(redis: Option<&str>) -> Result<Column, Box<dyn Error>> {
    let mut config = CacheConfig::default()
        .namespace(unused_namespace())
        .redis_connect_timeout(CONNECT)
        .redis_timeout(ANSWER);
    if let Some(url) = redis {
        config = config.redis_url(url);
    }
    let manager = CacheManager::connect(config).await?;
    let db = database();
    let shop = WithCacheRuntime::new(db.clone());
    Ok(with(&manager, Column::of("cache-runtime", shop, &db)).await)
}

/// Returns a namespace without values of an earlier run.
fn unused_namespace() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("migrating-{}-{:x}", std::process::id(), now.as_nanos())
}

impl Comparison {
    /// Returns the calls whose results are not the same in all shops.
    pub fn differences(&self) -> Vec<&'static str> {
        let is_same = |row: &Vec<&Step>| row.iter().all(|step| step.result == row[0].result);
        self.rows().into_iter().filter(|row| !is_same(row)).map(|row| row[0].calls).collect()
    }

    /// Returns the steps, each with its outcome in all shops.
    pub fn rows(&self) -> Vec<Vec<&Step>> {
        let steps = self.columns.first().map_or(0, |column| column.steps.len());
        (0..steps).map(|at| self.columns.iter().map(|column| &column.steps[at]).collect()).collect()
    }

    /// Returns the table of the loads.
    fn loads(&self) -> Vec<Vec<String>> {
        let mut lines = vec![self.line(["calls", "result"], |column| column.cache.to_owned())];
        lines.extend(self.rows().into_iter().map(|row| {
            let loads = row.iter().map(|step| step.loads.to_string());
            [row[0].calls.to_owned(), row[0].result.clone()].into_iter().chain(loads).collect()
        }));
        let total = |column: &Column| column.steps.iter().map(|step| step.loads).sum::<u64>();
        lines.push(self.line(["all loads", ""], |column| total(column).to_string()));
        lines
    }

    /// Returns the table of what is found after a change during a read.
    fn overlaps(&self) -> Vec<Vec<String>> {
        vec![
            self.line(["a change during a read"], |column| column.cache.to_owned()),
            self.line(["Kettle becomes Teapot; a later read returns"], |column| {
                column.overlap.clone()
            }),
        ]
    }

    fn line<const N: usize>(
        &self,
        heads: [&str; N],
        cell: impl Fn(&Column) -> String,
    ) -> Vec<String> {
        heads.into_iter().map(str::to_owned).chain(self.columns.iter().map(cell)).collect()
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        table(f, &self.loads())?;
        let reasons = self.rows().into_iter().map(|row| row[0]);
        for (calls, reason) in reasons.filter_map(|step| Some((step.calls, step.reason?))) {
            writeln!(f, "- {calls}: {reason}.")?;
        }
        writeln!(f)?;
        table(f, &self.overlaps())
    }
}

/// Writes a Markdown table, the first line as its head.
fn table(f: &mut Formatter<'_>, lines: &[Vec<String>]) -> fmt::Result {
    let width = |at: usize| lines.iter().map(|line| line[at].len()).max().unwrap_or_default();
    let widths: Vec<_> = (0..lines[0].len()).map(width).collect();
    for (number, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            write!(f, "| {cell:width$} ")?;
        }
        writeln!(f, "|")?;
        if number == 0 {
            let rules: Vec<_> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
            writeln!(f, "|{}|", rules.join("|"))?;
        }
    }
    writeln!(f)
}
