//! A load generator: requests over real connections, and how long they took.
//!
//! Without a rate, the loop is closed: each connection sends its next request when the last one is
//! answered, so a service that stalls gets fewer requests. With a rate, each request has a time at which it
//! is due. Its latency counts from then on, whether or not a connection is free, so a stall counts for all
//! requests that were due during it.

mod client;
mod mix;
mod report;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until};

pub use client::Target;
pub use mix::Endpoint;
pub use report::Report;

use client::Client;
use mix::Mix;

/// The pause after a failed request, so that an unavailable service is not called at full speed.
const PAUSE: Duration = Duration::from_millis(100);

/// The delay from which a request counts as late, because it has waited for a connection.
const LATE: Duration = Duration::from_millis(10);

/// Returns the default number of connections. With a rate, it is larger than needed, since a connection
/// that waits for a slow answer must not delay the next request.
#[must_use]
pub fn connections(rate: Option<f64>) -> usize {
    if rate.is_some() { 256 } else { 32 }
}

/// The requests of a load, and its duration.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The service.
    pub target: Target,
    /// The number of connections, each of which has one request at a time.
    pub connections: usize,
    /// The number of requests that are due per second, or `None`: each request follows the previous
    /// answer.
    pub rate: Option<f64>,
    /// For how long.
    pub seconds: Duration,
}

/// The state that the connections of a load share.
#[derive(Debug)]
struct Shared {
    target: Target,
    rate: Option<f64>,
    began: Instant,
    /// No request begins after this.
    end: Option<Instant>,
    sent: AtomicU64,
    late: AtomicU64,
    mix: Mix,
    report: Mutex<Report>,
}

/// Asks as planned and says how it went.
///
/// # Errors
///
/// If the service cannot be reached at the start.
pub async fn run(plan: Plan) -> io::Result<Report> {
    let Plan { target, connections, rate, seconds } = plan;
    Client::connect(&target).await?;
    let shared = Arc::new(Shared::new(target, rate, Some(seconds)));
    let mut connections: JoinSet<()> =
        (0..connections).map(|_| Arc::clone(&shared).ask_on_and_on()).collect();
    while let Some(ended) = connections.join_next().await {
        ended.map_err(io::Error::other)?;
    }
    let mut report = shared.report();
    report.took = shared.began.elapsed();
    report.rate = rate;
    report.late = shared.late.load(Ordering::Relaxed);
    Ok(report)
}

/// Asks at this rate until it is dropped, and prints every ten seconds how it goes.
pub async fn forever(target: Target, rate: f64) {
    const EVERY: Duration = Duration::from_secs(10);
    let shared = Arc::new(Shared::new(target, Some(rate), None));
    let _connections: JoinSet<()> =
        (0..connections(Some(rate))).map(|_| Arc::clone(&shared).ask_on_and_on()).collect();
    let mut ticks = interval(EVERY);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        println!("{}", shared.report().in_a_line(EVERY));
    }
}

impl Shared {
    fn new(target: Target, rate: Option<f64>, lasting: Option<Duration>) -> Self {
        let began = Instant::now();
        let end = lasting.map(|lasting| began + lasting);
        let (sent, late) = (AtomicU64::new(0), AtomicU64::new(0));
        Shared { target, rate, began, end, sent, late, mix: Mix::new(), report: Mutex::default() }
    }

    /// One connection.
    async fn ask_on_and_on(self: Arc<Self>) {
        let mut client = None;
        while let Some(due) = self.next().await {
            let (endpoint, request) = self.mix.draw();
            let answered = async {
                let client = match &mut client {
                    Some(client) => client,
                    none => none.insert(Client::connect(&self.target).await?),
                };
                client.ask(request).await
            };
            let outcome = answered.await;
            let took = due.elapsed();
            let failed = outcome.is_err();
            self.lock().record(endpoint, took, outcome.err());
            if failed {
                client = None;
                sleep(PAUSE).await;
            }
        }
    }

    /// Waits until the next request is due, and says when that was; `None` at the end.
    async fn next(&self) -> Option<Instant> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let due = match self.rate {
            #[allow(clippy::cast_precision_loss, reason = "2^53 requests are not sent")]
            Some(rate) => self.began + Duration::from_secs_f64(number as f64 / rate),
            None => Instant::now(),
        };
        if self.end.is_some_and(|end| due >= end) {
            return None;
        }
        if self.rate.is_some() {
            if due.elapsed() > LATE {
                self.late.fetch_add(1, Ordering::Relaxed);
            }
            sleep_until(due).await;
        }
        Some(due)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the records since the last call.
    fn report(&self) -> Report {
        std::mem::take(&mut *self.lock())
    }
}
