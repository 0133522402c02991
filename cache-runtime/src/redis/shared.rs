//! The state that the store and its background tasks share: the links, the journal, the record of failures.

use std::collections::HashMap;
use std::future::Future;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use tokio::runtime::Id as RuntimeId;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard, Semaphore, SemaphorePermit};

use super::breaker::Record;
use super::connector::Connector;
use super::error::{self, Deadline, StoreError, StoreResult};
use super::feed::Feed;
use super::fleet_counters::FleetCounters;
use super::journal::Journal;
use super::keys::Keys;
use super::lane::Lane;
use super::leases::Leases;
use super::link::{Link, LinkState};
use super::notice::{self, Item};
use super::ready::Ready;
use super::reports::Reports;
use super::rights;
use super::settings::{Host, Settings};
use super::token_cache::{Before, ROOT, TokenCache};
use super::unavailable::{Missed, Unavailable};
use super::weights::Weights;
use crate::coherence::generation::Generations;
use crate::error::with_causes;
use crate::key::prehashed::BuildPrehashed;
use crate::stats::events::{EventKind, Events};
use crate::stats::seldom::{Reason, Seldom, Seldoms};
use crate::stats::{Counter, Histogram};
use crate::support::boxed::boxed;
use crate::support::clock::{self, Clock, millis, precise_ms};
use crate::support::lock::Mutex;
use crate::support::process::Process;
use crate::support::random;
use crate::support::runtime;
use crate::support::timer::timeout;
use tokio::runtime::Handle;

/// The number of late large replies in a row after which the connection counts as faulty.
const MOST_LATE: u32 = 16;
/// The maximum number of operations in progress. Further operations wait for a permit.
const IN_FLIGHT: usize = 4_096;

/// The maximum age of the feed's last connection with which values in memory stay valid at a failure.
const LATELY: Duration = Duration::from_secs(1);

/// Begins the tasks of a link.
pub(super) type BeginTasks = fn(&Handle, &Arc<Shared>, &Arc<Link>);

/// The links by the number of their runtime.
type Links = HashMap<RuntimeId, Arc<Link>, BuildPrehashed>;

pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    pub(super) keys: Keys,
    pub(super) connector: Connector,
    pub(super) generations: Arc<Generations>,
    pub(super) journal: Journal,
    pub(super) errors: Counter,
    pub(super) outages: Counter,
    /// The times that replies took.
    pub(super) times: Histogram,
    events: Arc<Events>,
    pub(super) record: Record,
    reports: Reports,
    /// Descriptions of the missing rights and commands that the cache does without.
    lacks: Mutex<Vec<String>>,
    /// The log lines about each of these.
    lacks_logged: Seldoms,
    pub(super) feed: Feed,
    pub(super) token_cache: TokenCache,
    pub(super) weights: Weights,
    pub(super) host: Weak<dyn Host>,
    pub(super) fleet_counters: FleetCounters,
    pub(super) leases: Leases,
    source: AtomicU64,
    process: Process,
    pub(super) clock: Clock,
    /// Starts the tasks of each new link.
    begin: BeginTasks,
    links: Mutex<Links>,
    /// Held by the link that identifies a server.
    identifying: AsyncMutex<()>,
    in_flight: Semaphore,
    closed: AtomicBool,
    no_runtime_logged: AtomicBool,
    /// The log lines about scans that found moving keys.
    pub(super) moving: Seldom,
    /// The log lines about leases that could not be obtained.
    pub(super) no_leases: Seldom,
}

/// The permit for an operation: a connection that is up, and a place among the operations in progress.
pub(super) struct Permit<'a> {
    link: Arc<Link>,
    pub(super) ready: Arc<Ready>,
    shared: &'a Shared,
    _place: SemaphorePermit<'a>,
}

/// The extent of the silence, if an operation has no reply by its deadline.
enum Silence {
    OfTheServers,
    /// Only the operation has no reply: the servers answer a ping.
    OfTheOperation,
}

impl Shared {
    pub(super) fn new(
        settings: Settings,
        generations: Arc<Generations>,
        clock: Clock,
        host: Weak<dyn Host>,
        events: Arc<Events>,
        begin: BeginTasks,
    ) -> Self {
        let keys = Keys::new(&settings.namespace);
        let settings = Arc::new(settings);
        Shared {
            feed: Feed::default(),
            token_cache: TokenCache::new(Arc::clone(&generations), millis(settings.memory_ttl)),
            weights: Weights::default(),
            host,
            fleet_counters: FleetCounters::default(),
            leases: Leases::default(),
            source: AtomicU64::new(random::word()),
            process: Process::default(),
            journal: Journal::new(keys.root()),
            connector: Connector::new(Arc::clone(&settings), keys.clone()),
            keys,
            settings,
            generations,
            clock,
            begin,
            links: Mutex::default(),
            identifying: AsyncMutex::default(),
            in_flight: Semaphore::new(IN_FLIGHT),
            closed: AtomicBool::new(false),
            no_runtime_logged: AtomicBool::new(false),
            moving: Seldom::default(),
            no_leases: Seldom::default(),
            errors: Counter::default(),
            outages: Counter::default(),
            times: Histogram::default(),
            events,
            record: Record::default(),
            reports: Reports::default(),
            lacks: Mutex::default(),
            lacks_logged: Seldoms::default(),
        }
    }

    /// Returns a permit without waiting for pending removals, if Redis can be used now. It is for removals,
    /// and for keys that are never invalidated. Waits for a connection only during the first attempt.
    pub(super) async fn permit_to_remove(self: &Arc<Self>) -> Result<Permit<'_>, Unavailable> {
        let link = self.link()?;
        let ready = link.ready().await?;
        let place = match self.in_flight.try_acquire() {
            Ok(place) => place,
            Err(_) => boxed(|| self.wait_for_a_place()).await?,
        };
        Ok(Permit { link, ready, shared: self, _place: place })
    }

    async fn wait_for_a_place(&self) -> Result<SemaphorePermit<'_>, Unavailable> {
        let limit = self.settings.permit_timeout;
        let waited = timeout(limit, self.in_flight.acquire()).await;
        // The semaphore is never closed.
        waited.ok().and_then(Result::ok).ok_or(Unavailable::Crowded(limit))
    }

    /// Returns this runtime's link, which is made on first use.
    pub(super) fn link(self: &Arc<Self>) -> Result<Arc<Link>, Unavailable> {
        let Some(runtime) = runtime::with_timers() else {
            if !self.no_runtime_logged.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "Redis is not used outside of a tokio runtime; values are kept in memory"
                );
            }
            return Err(Unavailable::NoRuntime);
        };
        if self.process.has_changed() {
            self.restart_after_fork();
        }
        let mut links = self.links.lock();
        if let Some(link) = links.get(&runtime.id()).filter(|link| !link.ended()) {
            return Ok(Arc::clone(link));
        }
        if self.is_closed() {
            return Err(Unavailable::Disconnected);
        }
        links.retain(|_, link| !link.ended());
        let link = Link::new();
        (self.begin)(&runtime, self, &link);
        links.insert(runtime.id(), Arc::clone(&link));
        Ok(link)
    }

    /// Waits until no other link identifies a server. The wait is limited, because the runtime of that link
    /// may not be driven.
    pub(super) async fn permit_to_identify(&self) -> Option<AsyncMutexGuard<'_, ()>> {
        let limit = self.settings.deadline.min(self.settings.connect_timeout) / 4;
        timeout(limit, self.identifying.lock()).await.ok()
    }

    /// Returns the number that identifies this manager in its notices.
    pub(super) fn source(&self) -> u64 {
        self.source.load(Ordering::Acquire)
    }

    /// Resets the state in a forked process. The process does not use its parent's connections, has received
    /// no notices, and has a number of its own.
    fn restart_after_fork(&self) {
        clock::tick_on();
        self.source.store(random::word(), Ordering::Release);
        for (_, link) in self.links.lock().drain() {
            link.close();
            // The link holds connections of the parent, which must not be closed here.
            mem::forget(link);
        }
        self.feed.give_up(&self.generations.lease);
        self.feed.lock().claim = None;
        self.token_cache.forget();
        self.generations.bump_epoch();
        self.fleet_counters
            .discard(|| self.host.upgrade().map_or_else(Vec::new, |host| host.totals()));
    }

    /// Returns true if this runtime has a link that is up. Makes no link.
    pub(super) fn is_up(&self) -> bool {
        let Some(runtime) = runtime::with_timers() else { return false };
        let links = self.links.lock();
        links.get(&runtime.id()).is_some_and(|link| matches!(link.state(), LinkState::Up(_)))
    }

    /// Closes all links; no further one is made.
    pub(super) fn close(&self) {
        let mut links = self.links.lock();
        self.closed.store(true, Ordering::Release);
        links.drain().for_each(|(_, link)| link.close());
        drop(links);
        self.feed.give_up(&self.generations.lease);
        // Later invalidations of other processes are not received.
        self.generations.bump_epoch();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Adds removals to the journal; each link that is up sends them at once.
    pub(super) fn add_pending(&self, keys: &[String]) {
        if self.journal.add(keys) {
            // The notice of the root's removal will be this process's own.
            self.token_cache.forget();
        }
        self.links.lock().values().for_each(|link| link.pending.notify_one());
    }

    pub(super) fn wake_links(&self) {
        self.links.lock().values().for_each(|link| link.attention.notify_one());
    }

    /// Starts the feed, because copies are kept in memory from now on.
    pub(super) fn want_feed(&self) {
        if !self.feed.is_wanted() {
            self.feed.want();
            self.wake_links();
        }
    }

    /// Suspends a link.
    ///
    /// Values in memory stay valid if the invalidations of other processes were received until now. Otherwise
    /// they are from the outage of another link.
    pub(super) fn suspect(&self, link: &Link, error: &Arc<StoreError>) {
        if link.suspect(error, self.clock.now_ms())
            && !self.generations.lease.has_held_within(LATELY)
        {
            self.generations.bump_epoch();
        }
    }

    /// Returns the time of the server that has this key.
    pub(super) fn server_time(&self, ready: &Ready, key: &str) -> u64 {
        let here = precise_ms().saturating_add_signed(self.clock.ahead_ms());
        here.saturating_add_signed(ready.node_of(key).offset_ms)
    }

    /// Returns the notice about the removal of these keys.
    pub(super) fn notice_of<'a>(&self, keys: impl IntoIterator<Item = &'a String>) -> Vec<u8> {
        let strip = |key: &'a String| self.keys.within(key).unwrap_or(ROOT);
        self.notice(keys.into_iter().map(|key| Item::Key(strip(key))))
    }

    pub(super) fn notice<'a>(&self, items: impl IntoIterator<Item = Item<'a>>) -> Vec<u8> {
        let source = self.source();
        notice::write(source, items)
            .or_else(|| notice::write(source, [Item::Key(ROOT)]))
            .unwrap_or_default()
    }

    /// Returns the state before tokens are requested; `None` if no copies are kept, so that the token cache
    /// is not used.
    pub(super) fn before_tokens(&self, tags: &[impl AsRef<str>]) -> Option<Before> {
        self.feed.is_wanted().then(|| self.token_cache.before(tags, self.clock.now_ms()))
    }

    pub(super) fn log_up(&self, again: bool, server: &str) {
        self.leases.forget();
        if again {
            self.events.note(EventKind::RedisBack);
        }
        let redis = &self.settings.address;
        if again && self.reports.end() {
            tracing::info!(redis, server, "Redis is back");
        } else {
            tracing::debug!(redis, server, again, "connected to Redis");
        }
    }

    pub(super) fn log_down(&self, reason: &str) {
        self.outages.one();
        self.record.note_failure();
        self.events.note(EventKind::RedisLost { reason: reason.to_owned() });
        let redis = &self.settings.address;
        match self.reports.outage(Instant::now(), reason) {
            Some(0) => tracing::warn!(
                redis,
                reason,
                "Redis is unavailable; caching in memory until it is back"
            ),
            Some(unreported) => tracing::warn!(
                redis,
                reason,
                unreported,
                "Redis is unavailable again, after several short outages; caching in memory until it is back"
            ),
            None => tracing::debug!(redis, reason, "Redis is unavailable again"),
        }
    }

    /// Reports missing rights and commands that were not missing before.
    pub(super) fn note_lacks(&self, lacking: Vec<String>) {
        let mut known = self.lacks.lock();
        for lack in lacking.iter().filter(|lack| !known.contains(lack)) {
            // A right that is granted and revoked repeatedly is logged at most once a minute.
            self.lacks_logged.happens(lack, Reason::Lacks, self.clock.now_ms(), |times| {
                let redis = &self.settings.address;
                tracing::warn!(redis, lack, times, "Redis lacks something that the cache needs");
            });
            self.events.note(EventKind::RedisLacks { what: lack.clone() });
        }
        *known = lacking;
    }

    /// Notes that the invalidations of other processes cannot be received.
    pub(super) fn note_no_feed(&self, reason: &str) {
        let what = format!("{reason}; {}", rights::Need::Feed.loss());
        self.events.note(EventKind::RedisLacks { what });
    }

    /// Returns the descriptions of missing rights and commands that the cache does without.
    pub(super) fn lacks(&self) -> Vec<String> {
        self.lacks.lock().clone()
    }

    /// Reports that an attempt to connect has failed again. Each further reason is reported once.
    pub(super) fn log_still_down(&self, reason: &str) {
        self.record.note_failure();
        if self.reports.is_new(reason) {
            self.events.note(EventKind::RedisLost { reason: reason.to_owned() });
            let redis = &self.settings.address;
            tracing::warn!(redis, reason, "Redis is still unavailable, for a different reason");
        }
    }

    /// Runs an operation whose failure has no consequences: failed statistics are no reason to stop using
    /// Redis.
    pub(super) fn quietly<T>(
        &self,
        operation: impl Future<Output = StoreResult<T>>,
    ) -> impl Future<Output = Result<T, Unavailable>> {
        self.within_deadline(operation).map(|outcome| outcome.map_err(Unavailable::failed))
    }

    fn within_deadline<T>(
        &self,
        operation: impl Future<Output = StoreResult<T>>,
    ) -> impl Future<Output = StoreResult<T>> {
        let limited = timeout(self.settings.deadline, operation);
        limited.map(|outcome| outcome.unwrap_or_else(|_| Err(self.late())))
    }

    fn late(&self) -> StoreError {
        StoreError::Timeout(Deadline::Operation, self.settings.deadline)
    }
}

impl Permit<'_> {
    /// Runs an operation with its deadline. A failure that may be the connection's makes the link
    /// suspect.
    pub(super) fn ask<T>(
        &self,
        operation: impl Future<Output = StoreResult<T>>,
    ) -> impl Future<Output = Result<T, Unavailable>> {
        let asked = Instant::now();
        // R3: this is the longest time that a caller waits for Redis.
        self.shared.within_deadline(operation).map(move |outcome| self.conclude(asked, outcome))
    }

    /// Runs an operation with a possibly large reply. If the reply is late and the server answers a ping
    /// meanwhile, waits for up to `patience` deadlines. After that only the operation has failed, and the
    /// link stays in use.
    pub(super) async fn ask_large<T>(
        &self,
        lane: Lane,
        patience: u32,
        mut operation: Pin<&mut impl Future<Output = StoreResult<T>>>,
    ) -> Result<T, Missed> {
        let (asked, deadline) = (Instant::now(), self.shared.settings.deadline);
        let reply = match timeout(deadline / 2, operation.as_mut()).await {
            Ok(outcome) => Ok(outcome),
            // The future is boxed, because this case is rare and the future is large.
            Err(_) => boxed(|| self.wait_for_late(operation, patience)).await,
        };
        let outcome = match reply {
            Ok(outcome) => {
                if lane == Lane::Bulk {
                    self.shared.record.in_time();
                }
                outcome
            }
            Err(Silence::OfTheOperation) if self.shared.record.late() < MOST_LATE => {
                self.shared.errors.one();
                tracing::debug!(
                    ?deadline,
                    "Redis answers, but a large answer has not come in time"
                );
                return Err(Missed::Late(deadline));
            }
            Err(_) => Err(self.shared.late()),
        };
        Ok(self.conclude(asked, outcome)?)
    }

    /// Waits for the reply to an operation that has taken half of its deadline.
    async fn wait_for_late<T>(
        &self,
        mut operation: Pin<&mut impl Future<Output = StoreResult<T>>>,
        patience: u32,
    ) -> Result<StoreResult<T>, Silence> {
        let half = self.shared.settings.deadline / 2;
        let mut deadlines = 1;
        loop {
            let (outcome, is_there) = {
                let attempt = pin!(timeout(half, operation.as_mut()));
                match select(attempt, pin!(self.answers_a_ping())).await {
                    Either::Left((outcome, _)) => (outcome, false),
                    Either::Right((is_there, attempt)) => (attempt.await, is_there),
                }
            };
            match outcome {
                Ok(outcome) => return Ok(outcome),
                Err(_) if !is_there => return Err(Silence::OfTheServers),
                Err(_) if deadlines >= patience => return Err(Silence::OfTheOperation),
                Err(_) => deadlines += 1,
            }
            if let Ok(outcome) = timeout(half, operation.as_mut()).await {
                return Ok(outcome);
            }
        }
    }

    /// Pings the servers, unless they have just answered. One caller does so for all concurrent callers.
    /// Returns true if the servers answer.
    async fn answers_a_ping(&self) -> bool {
        let half = self.shared.settings.deadline / 2;
        let mut answered = self.ready.answered.lock().await;
        if answered.is_some_and(|at| at.elapsed() < half) {
            return true;
        }
        if !matches!(self.link.state(), LinkState::Up(_)) || !self.ready.answers().await {
            return false;
        }
        *answered = Some(Instant::now());
        true
    }

    /// Records the outcome of an operation, and takes the link out of use if necessary.
    fn conclude<T>(&self, asked: Instant, outcome: StoreResult<T>) -> Result<T, Unavailable> {
        match outcome {
            Ok(answer) => {
                if self.ready.take_redirected() {
                    // The next check requests the slots again.
                    self.link.attention.notify_one();
                }
                self.shared.times.record(asked.elapsed());
                self.shared.record.succeed();
                Ok(answer)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Records the failures among the outcomes of requests that were sent together. They are one failure of
    /// the link.
    pub(super) fn conclude_each<T>(
        &self,
        outcomes: Vec<StoreResult<T>>,
    ) -> Vec<Result<T, Unavailable>> {
        if let Some(error) = error::worst(&outcomes) {
            self.fail(error.clone());
        }
        outcomes.into_iter().map(|outcome| outcome.map_err(Unavailable::failed)).collect()
    }

    #[cold]
    fn fail(&self, error: StoreError) -> Unavailable {
        let error = Arc::new(error);
        if error.is_refusal() {
            self.link.note_refusal();
        }
        if error.takes_out_of_use() {
            self.shared.record.fail();
            self.shared.suspect(&self.link, &error);
        }
        self.shared.errors.one();
        tracing::debug!(reason = with_causes(&error), "a Redis operation failed");
        Unavailable::Failed(error)
    }

    /// Returns the time of the server that has this key.
    pub(super) fn now_ms(&self, key: &str) -> u64 {
        self.shared.server_time(&self.ready, key)
    }
}
