//! The relay: performs what is in the outbox.

mod apply;
mod backoff;
mod claim;
mod pass;

use std::convert::Infallible;
use std::future::{self, Future};
use std::pin::pin;
use std::time::Duration;

use cache_runtime::{CacheManager, OutboxLag};
use futures_util::future::{Either, select};
use sqlx::{Error, Pool};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::database::CacheDatabase;
use crate::outbox::lag;
use crate::seldom::Seldom;
use backoff::Backoff;
use pass::Pass;

/// The time between two looks at the outbox.
const INTERVAL: Duration = Duration::from_secs(1);

/// The time between two reports of the lag to the statistics of the manager.
const REPORTS: Duration = Duration::from_secs(10);

/// The time that one look may take: a connection can be lost without a sign.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A connection that has lasted for this time is made again at once.
const STABLE: Duration = Duration::from_secs(60);

/// The number of rows that are applied together.
const BATCH: u32 = 500;

/// Returns a relay from the [outbox](crate::outbox) of this database to the cache of this manager.
///
/// ```no_run
/// # #[cfg(feature = "postgres")]
/// # async fn run(pool: sqlx::PgPool) -> Result<(), cache_runtime::Error> {
/// let relay = cache_sqlx::relay(pool, cache_runtime::cache());
/// tokio::spawn(relay.run());
/// # Ok(())
/// # }
/// ```
pub fn relay<DB: CacheDatabase>(pool: Pool<DB>, manager: CacheManager) -> Relay<DB> {
    Relay { pool, manager, interval: INTERVAL, timeout: TIMEOUT, batch: BATCH }
}

/// Performs the invalidations in the outbox, and deletes their rows when Redis has confirmed them.
///
/// It performs rows of its manager's namespace, and those without one. On PostgreSQL several relays share the rows; on
/// SQLite, where a lock would stop all writers, they may perform a row twice. A row that cannot be applied, such as one
/// with an invalid name, is marked with the error and left; see [`OutboxLag::poisoned`].
///
/// Every ten seconds, it counts the rows that are left, for the statistics of the manager and its metrics
/// ([`Stats::outbox`](cache_runtime::Stats::outbox)).
///
/// While Redis or the database is unavailable, the rows stay, and the relay tries again at growing intervals of at most
/// ten seconds.
#[derive(Debug)]
#[must_use = "a relay does nothing until it is run"]
pub struct Relay<DB: CacheDatabase> {
    pool: Pool<DB>,
    manager: CacheManager,
    interval: Duration,
    timeout: Duration,
    batch: u32,
}

impl<DB: CacheDatabase> Relay<DB> {
    /// Sets the time between two looks at the outbox. Default: 1 s. On PostgreSQL, `NOTIFY cache_outbox` wakes the relay
    /// before.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets the time that one look may take, with the invalidations. After it, the relay looks again. Default: 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the number of rows that are applied together. Default: 500.
    pub fn batch(mut self, rows: u32) -> Self {
        self.batch = rows.max(1);
        self
    }

    /// Runs until the future is dropped. Rows that are being applied then are applied again by the next relay.
    ///
    /// On PostgreSQL it holds a connection of its own besides those of the pool, to be woken. Where notifications do not
    /// arrive, for example behind PgBouncer, the interval remains.
    pub async fn run(self) {
        self.run_until(future::pending::<()>()).await;
    }

    /// Runs until `stop` is ready, and ends after the rows that are being applied then.
    pub async fn run_until(self, stop: impl Future) {
        let wake = Notify::new();
        let listening = pin!(self.listen(&wake));
        let looking = pin!(self.look_until(&wake, stop));
        match select(looking, listening).await {
            Either::Left(((), _)) => {}
            Either::Right((never, _)) => match never {},
        }
    }

    /// Applies the rows that are there, and returns their number. Rows stay if Redis does not confirm them.
    ///
    /// # Errors
    /// The error of sqlx, for example if the table is missing.
    pub async fn run_once(&self) -> Result<u64, Error> {
        let mut applied = 0;
        loop {
            let pass = self.pass().await?;
            applied += pass.applied;
            if !pass.has_more {
                return Ok(applied);
            }
        }
    }

    /// Counts the rows in the outbox; see [`lag`](crate::outbox::lag()).
    ///
    /// # Errors
    /// The error of sqlx.
    pub async fn lag(&self) -> Result<OutboxLag, Error> {
        lag(&self.pool).await
    }

    async fn pass(&self) -> Result<Pass, Error> {
        // Boxed, so that the future of a relay is small wherever it is nested.
        let pass = Box::pin(Pass::run(&self.pool, &self.manager, self.batch));
        timeout(self.timeout, pass).await.unwrap_or_else(|late| Err(Error::Io(late.into())))
    }

    async fn look_until(&self, wake: &Notify, stop: impl Future) {
        let mut stop = pin!(stop);
        let (mut backoff, failures) = (Backoff::default(), Seldom::default());
        let mut reported = None;
        loop {
            let pass = self.pass().await;
            self.report_lag(&mut reported).await;
            let pause = if let Ok(Pass { confirmed: true, has_more, .. }) = pass {
                backoff = Backoff::default();
                Pause::Woken(if has_more { Duration::ZERO } else { self.interval })
            } else {
                report(pass, &failures);
                Pause::Asleep(backoff.next())
            };
            let pausing = pin!(pause.end(wake));
            if let Either::Left(_) = select(stop.as_mut(), pausing).await {
                return;
            }
        }
    }

    /// Reports the lag, if that is due.
    async fn report_lag(&self, reported: &mut Option<Instant>) {
        if reported.is_some_and(|last: Instant| last.elapsed() < REPORTS) {
            return;
        }
        *reported = Some(Instant::now());
        // An unavailable database is logged by the look at the outbox.
        if let Ok(Ok(lag)) = timeout(self.timeout, self.lag()).await {
            self.manager.report_outbox(lag);
        }
    }

    /// Listens as long as the relay runs. Without notifications the interval remains.
    async fn listen(&self, wake: &Notify) -> Infallible {
        let (mut backoff, failures) = (Backoff::default(), Seldom::default());
        loop {
            let began = Instant::now();
            let Err(error) = DB::listen(&self.pool, wake).await;
            failures.happens(|times| {
                tracing::warn!(times, %error, "no notifications of the outbox: the relay looks at its interval alone");
            });
            if began.elapsed() > STABLE {
                backoff = Backoff::default();
            }
            sleep(backoff.next()).await;
        }
    }
}

/// Logs that rows stay in the outbox.
fn report(pass: Result<Pass, Error>, failures: &Seldom) {
    failures.happens(|times| match pass {
        Ok(_) => tracing::warn!(
            times,
            "Redis has not confirmed invalidations of the outbox: they stay there, and are repeated"
        ),
        Err(error) => tracing::warn!(
            times, %error,
            "the outbox cannot be read: its invalidations wait until the database is available"
        ),
    });
}

/// The time until the next look.
enum Pause {
    /// Until rows have been written, and at most for this time.
    Woken(Duration),
    /// For this time, also if rows are written.
    Asleep(Duration),
}

impl Pause {
    async fn end(self, wake: &Notify) {
        match self {
            // Awoken or not, it looks.
            Pause::Woken(most) => drop(timeout(most, wake.notified()).await),
            Pause::Asleep(time) => sleep(time).await,
        }
    }
}
