//! Tests cached functions with a cache for each test, and a clock that the test moves.
//!
//! ```text
//! cargo run -p cache-examples --bin testing      # runs the checks below and says so
//! cargo test -p cache-examples --bin testing     # the same as tests
//! ```

use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Clock, cache_invalidate, cached, with};

type Outcome = Result<(), Box<dyn Error>>;

// The code under test: an exchange rate from a bank that charges for each request.

#[derive(Debug, Default)]
struct Bank {
    questions: AtomicU64,
    rates: Mutex<Vec<f64>>,
}

impl Bank {
    /// A bank that gives these rates, one after the other, and then has none.
    fn with_rates(rates: &[f64]) -> Self {
        let rates = Mutex::new(rates.iter().rev().copied().collect());
        Bank { rates, ..Bank::default() }
    }

    fn ask(&self) -> Result<f64, String> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let mut rates = self.rates.lock().map_err(|error| error.to_string())?;
        rates.pop().ok_or_else(|| "the bank is closed".to_owned())
    }

    fn questions(&self) -> u64 {
        self.questions.load(Ordering::SeqCst)
    }
}

#[cached(ttl = "10m", key_prefix = "rate", key = "{currency}")]
async fn exchange_rate(bank: &Bank, currency: &str) -> Result<f64, String> {
    bank.ask()
}

#[cache_invalidate(prefix = "rate:{currency}")]
async fn announce_new_rate(currency: &str) {}

// The checks. Each begins with a cache of its own.

/// In memory; on Redis, under a namespace of its own, if `REDIS_URL` is set.
fn fresh_cache(clock: Clock) -> Result<CacheManager, cache_runtime::Error> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let namespace = format!("test-{}-{number}", std::process::id());
    let config = CacheConfig::from_env()?.namespace(namespace);
    CacheManager::builder().config(config).clock(clock).build()
}

async fn a_second_call_asks_nobody() -> Outcome {
    let (cache, bank) = (fresh_cache(Clock::system())?, Bank::with_rates(&[1.5, 1.6]));
    with(&cache, async {
        assert_eq!(exchange_rate(&bank, "EUR").await?, 1.5);
        assert_eq!(exchange_rate(&bank, "EUR").await?, 1.5);
        assert_eq!(bank.questions(), 1);
        assert_eq!(cache.stats().total.hits(), 1);
        Ok(())
    })
    .await
}

async fn a_rate_grows_old_after_ten_minutes() -> Outcome {
    let clock = Clock::mock();
    let (cache, bank) = (fresh_cache(clock.clone())?, Bank::with_rates(&[1.5, 1.6]));
    with(&cache, async {
        assert_eq!(exchange_rate(&bank, "EUR").await?, 1.5);
        clock.advance(Duration::from_secs(9 * 60));
        assert_eq!(exchange_rate(&bank, "EUR").await?, 1.5);
        clock.advance(Duration::from_secs(60));
        assert_eq!(exchange_rate(&bank, "EUR").await?, 1.6);
        Ok(())
    })
    .await
}

async fn an_announcement_makes_the_rate_stale() -> Outcome {
    let cache = fresh_cache(Clock::system())?;
    let bank = Bank::with_rates(&[1.5, 2.5, 1.6]);
    with(&cache, async {
        assert_eq!(exchange_rate(&bank, "EUR").await?, 1.5);
        assert_eq!(exchange_rate(&bank, "USD").await?, 2.5);
        announce_new_rate("EUR").await;
        assert_eq!(exchange_rate(&bank, "EUR").await?, 1.6);
        assert_eq!(exchange_rate(&bank, "USD").await?, 2.5);
        Ok(())
    })
    .await
}

async fn a_failure_is_not_kept() -> Outcome {
    let (cache, closed) = (fresh_cache(Clock::system())?, Bank::default());
    with(&cache, async {
        assert!(exchange_rate(&closed, "EUR").await.is_err());
        let open = Bank::with_rates(&[1.5]);
        assert_eq!(exchange_rate(&open, "EUR").await?, 1.5);
        Ok(())
    })
    .await
}

async fn caches_do_not_see_one_another() -> Outcome {
    let bank = Bank::with_rates(&[1.5, 1.6]);
    let (one, other) = (fresh_cache(Clock::system())?, fresh_cache(Clock::system())?);
    assert_eq!(with(&one, exchange_rate(&bank, "EUR")).await?, 1.5);
    assert_eq!(with(&other, exchange_rate(&bank, "EUR")).await?, 1.6);
    assert_eq!(with(&one, exchange_rate(&bank, "EUR")).await?, 1.5);
    Ok(())
}

/// A spawned task does not inherit the scope: it is given one.
async fn a_task_is_given_the_cache() -> Outcome {
    let cache = fresh_cache(Clock::system())?;
    let task = {
        let cache = cache.clone();
        tokio::spawn(async move {
            let bank = Bank::with_rates(&[1.5]);
            with(&cache, exchange_rate(&bank, "EUR")).await
        })
    };
    assert_eq!(task.await??, 1.5);
    assert_eq!(cache.stats().total.loads, 1);
    Ok(())
}

/// A cache may be used from several runtimes, one after the other or at once, as a process-wide
/// one is by a `#[tokio::test]` after the other.
fn one_cache_serves_several_runtimes() -> Outcome {
    let bank = Bank::with_rates(&[1.5]);
    let cache = fresh_cache(Clock::system())?;
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let rate = runtime.block_on(with(&cache, exchange_rate(&bank, "EUR")))?;
        assert_eq!(rate, 1.5);
    }
    assert_eq!(bank.questions(), 1);
    Ok(())
}

fn main() -> Outcome {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        report("a second call asks nobody", a_second_call_asks_nobody().await)?;
        report("a rate grows old after ten minutes", a_rate_grows_old_after_ten_minutes().await)?;
        report(
            "an announcement makes the rate stale",
            an_announcement_makes_the_rate_stale().await,
        )?;
        report("a failure is not kept", a_failure_is_not_kept().await)?;
        report("caches do not see one another", caches_do_not_see_one_another().await)?;
        report("a task is given the cache", a_task_is_given_the_cache().await)
    })?;
    report("one cache serves several runtimes", one_cache_serves_several_runtimes())
}

fn report(what: &str, outcome: Outcome) -> Outcome {
    println!("{} {what}", if outcome.is_ok() { "ok    " } else { "FAILED" });
    outcome
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[tokio::test]
    async fn a_second_call_asks_nobody() -> Outcome {
        super::a_second_call_asks_nobody().await
    }

    #[tokio::test]
    async fn a_rate_grows_old_after_ten_minutes() -> Outcome {
        super::a_rate_grows_old_after_ten_minutes().await
    }

    #[tokio::test]
    async fn an_announcement_makes_the_rate_stale() -> Outcome {
        super::an_announcement_makes_the_rate_stale().await
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() -> Outcome {
        super::a_failure_is_not_kept().await
    }

    #[tokio::test]
    async fn caches_do_not_see_one_another() -> Outcome {
        super::caches_do_not_see_one_another().await
    }

    #[tokio::test]
    async fn a_task_is_given_the_cache() -> Outcome {
        super::a_task_is_given_the_cache().await
    }

    #[test]
    fn one_cache_serves_several_runtimes() -> Outcome {
        super::one_cache_serves_several_runtimes()
    }
}
