//! An invalidation in Redis, of a thousand to a million entries: ours, and a scan with the bare client.

use std::future::Future;
use std::time::Instant;

use cache_benches::redis::series::{Series, publish, publish_figures};
use cache_benches::redis::stock::{PREFIX, Stock, TAG};
use cache_benches::redis::{Commands, Failure};
use cache_benches::{Effort, Figure, is_full};
use tokio::runtime::Runtime;

const BENCHMARK: &str = "redis_invalidation";
const SIZES: [(&str, u64); 4] =
    [("1,000", 1_000), ("10,000", 10_000), ("100,000", 100_000), ("1,000,000", 1_000_000)];
/// A scan of more would take too long.
const LARGEST_SCAN: u64 = 100_000;
const SCANS: usize = 3;
/// The number of invalidations whose commands are counted.
const COUNTED: u64 = 100;

fn main() -> Result<(), Failure> {
    Runtime::new()?.block_on(async {
        let mut stocks = Vec::new();
        for (title, entries) in if is_full() { &SIZES[..] } else { &SIZES[..1] } {
            stocks.push(Measured::new(title, *entries).await?);
        }
        // All sizes take turns, so that the noise of the machine is the same for all of them.
        for round in 0..Effort::full(300, 1).rounds {
            let all = stocks.len();
            for turn in 0..all {
                stocks[(turn + round) % all].invalidate(round).await?;
            }
        }
        for mut measured in stocks {
            measured.scan().await?;
            measured.publish().await?;
        }
        Ok(())
    })
}

/// A number of entries, and how long invalidations of all of them have taken.
struct Measured {
    title: &'static str,
    stock: Stock,
    prefix: Series,
    tag: Series,
    scan: Series,
}

impl Measured {
    async fn new(title: &'static str, entries: u64) -> Result<Self, Failure> {
        Ok(Measured {
            title,
            stock: Stock::new(entries).await?,
            prefix: Series::new("cache-runtime, prefix"),
            tag: Series::new("cache-runtime, tag"),
            scan: Series::new("raw redis-rs, SCAN and UNLINK"),
        })
    }

    /// Invalidates once in each way, in alternating order. The invalidated entry exists, and is loaded again
    /// afterwards.
    async fn invalidate(&mut self, round: usize) -> Result<(), Failure> {
        let manager = &self.stock.manager;
        for turn in [round, round + 1] {
            let (series, took) = match turn % 2 {
                0 => (&mut self.prefix, time(manager.invalidate_prefix(PREFIX)).await?),
                _ => (&mut self.tag, time(manager.invalidate_tag(TAG)).await?),
            };
            series.rounds.push(took);
            self.stock.reload().await?;
        }
        Ok(())
    }

    async fn scan(&mut self) -> Result<(), Failure> {
        if self.stock.entries > LARGEST_SCAN {
            return Ok(());
        }
        for _ in 0..SCANS {
            self.stock.fill().await?;
            self.scan.rounds.push(time(self.stock.scan_and_unlink()).await?);
        }
        Ok(())
    }

    async fn publish(&self) -> Result<(), Failure> {
        let Measured { title, stock, prefix, tag, scan } = self;
        let scanned = !scan.rounds.is_empty();
        let all = [prefix, tag].into_iter().chain(scanned.then_some(scan));
        let all: Vec<Series> = all.cloned().collect();
        publish(BENCHMARK, &format!("Redis invalidation, {title} entries"), "ns", &all);

        let group = format!("round trips of a Redis invalidation, {title} entries");
        let before = Commands::of(&stock.server);
        for _ in 0..COUNTED {
            stock.manager.invalidate_prefix(PREFIX).await?;
        }
        let ours = Commands::of(&stock.server).sent_since(&before) as f64 / COUNTED as f64;
        let mut figures = vec![figure(&group, &prefix.name, ours)];
        if scanned {
            stock.fill().await?;
            let before = Commands::of(&stock.server);
            stock.scan_and_unlink().await?;
            let sent = Commands::of(&stock.server).sent_since(&before);
            figures.push(figure(&group, &scan.name, sent as f64));
        }
        publish_figures(BENCHMARK, &figures);
        Ok(())
    }
}

/// In nanoseconds.
async fn time<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<f64, E> {
    let began = Instant::now();
    work.await?;
    Ok(began.elapsed().as_secs_f64() * 1e9)
}

fn figure(group: &str, name: &str, value: f64) -> Figure {
    let unit = "round trips".to_owned();
    Figure { group: group.to_owned(), name: name.to_owned(), value, unit, ratio: None }
}
