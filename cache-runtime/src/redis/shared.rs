//! What the store and its background tasks share: the links, the journal, the names of keys.

use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use redis::{ConnectionInfo, ErrorKind, RedisError, RedisResult};
use tokio::runtime::Id as RuntimeId;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::breaker::Record;
use super::feed::Feed;
use super::journal::Journal;
use super::leases::Leases;
use super::link::{self, Gone, Link, State};
use super::mirror::{Before, Mirror, ROOT};
use super::node::Lane;
use super::notice::{self, Item};
use super::pending;
use super::ready::Ready;
use super::reports::Reports;
use super::servers::Servers;
use super::tally::{self, Tally};
use super::weights::Weights;
use super::{Away, Missed, rights};
use crate::clock::{Clock, millis, precise_ms};
use crate::events::{Events, Happened};
use crate::generation::Generations;
use crate::name::{name_of, name_tag, token_end};
use crate::prehashed::BuildPrehashed;
use crate::random;
use crate::runtime;
use crate::stats::{Counter, Histogram, Total};
use crate::timer::{sleep, timeout};

/// So many nodes that were found are asked where the others are, when a link begins.
const MOST_ASKED: usize = 4;
/// After so many large answers in a row that were late something is wrong with their connection.
const MOST_LATE: u32 = 16;
/// So many operations may be under way at once; more wait for their turn.
const IN_FLIGHT: usize = 4_096;

/// What the Redis store needs to know.
pub(crate) struct Settings {
    pub(crate) servers: Arc<Servers>,
    /// The address for logs and errors: secrets masked.
    pub(crate) address: String,
    pub(crate) namespace: String,
    /// To each server.
    pub(crate) connections: usize,
    pub(crate) connect_timeout: Duration,
    /// How long an operation may wait for its turn.
    pub(crate) turn_timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) health_interval: Duration,
    pub(crate) trust_restart: bool,
    /// How often statistics are reported; zero for never.
    pub(crate) stats_interval: Duration,
    /// How long what was read is kept here.
    pub(crate) memory_ttl: Duration,
}

/// What the store needs of the cache that it belongs to.
pub(crate) trait Host: Send + Sync {
    /// Another process has cleared a pattern.
    fn hear_cleared(&self, pattern: &str);

    /// What this process has counted since it began, by the field of the sum that it is added to.
    fn totals(&self) -> Vec<Total>;
}

/// What the key of a tag's token begins with, after the namespace.
pub(super) const TOKEN: &str = "#t:";
/// After a failure, how long ago the feed may have been heard last for what memory holds to count.
const LATELY: Duration = Duration::from_secs(1);

/// By the runtimes that they live on, which are numbered.
type Links = HashMap<RuntimeId, Arc<Link>, BuildPrehashed>;

pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) generations: Arc<Generations>,
    pub(super) journal: Journal,
    pub(super) errors: Counter,
    pub(super) outages: Counter,
    /// How long answers took.
    pub(super) times: Histogram,
    events: Arc<Events>,
    pub(super) record: Record,
    reports: Reports,
    /// What the user may not do, or the server cannot, of what the cache goes on without.
    lacks: Mutex<Vec<String>>,
    pub(super) feed: Feed,
    pub(super) mirror: Mirror,
    pub(super) weights: Weights,
    pub(super) host: Weak<dyn Host>,
    pub(super) tally: Tally,
    pub(super) leases: Leases,
    /// Which manager a notice is from.
    pub(super) source: u64,
    pub(super) clock: Clock,
    links: Mutex<Links>,
    /// The masters of the cluster, when it was asked last.
    found: Mutex<Vec<ConnectionInfo>>,
    in_flight: Semaphore,
    closed: AtomicBool,
    no_runtime_logged: AtomicBool,
}

/// The right to ask Redis something: a connection that is up, and a place among those in flight.
pub(super) struct Turn<'a> {
    link: Arc<Link>,
    pub(super) ready: Arc<Ready>,
    shared: &'a Shared,
    _place: SemaphorePermit<'a>,
}

impl Shared {
    pub(super) fn new(
        settings: Settings,
        generations: Arc<Generations>,
        clock: Clock,
        host: Weak<dyn Host>,
        events: Arc<Events>,
    ) -> Self {
        Shared {
            feed: Feed::default(),
            mirror: Mirror::new(Arc::clone(&generations), millis(settings.memory_ttl)),
            weights: Weights::default(),
            host,
            tally: Tally::default(),
            leases: Leases::default(),
            source: random::word(),
            journal: Journal::new(format!("{}:#root", settings.namespace)),
            settings,
            generations,
            clock,
            links: Mutex::default(),
            found: Mutex::default(),
            in_flight: Semaphore::new(IN_FLIGHT),
            closed: AtomicBool::new(false),
            no_runtime_logged: AtomicBool::new(false),
            errors: Counter::default(),
            outages: Counter::default(),
            times: Histogram::default(),
            events,
            record: Record::default(),
            reports: Reports::default(),
            lacks: Mutex::default(),
        }
    }

    /// A turn, if Redis can be used now, whatever is pending: to remove, or to ask for what nobody
    /// invalidates. Waits for a connection only during the first attempt.
    pub(super) async fn turn_to_remove(self: &Arc<Self>) -> Result<Turn<'_>, Away> {
        let link = self.link().ok_or(Away)?;
        let ready = link.ready().await.ok_or(Away)?;
        let place = match self.in_flight.try_acquire() {
            Ok(place) => place,
            Err(_) => {
                let waited = timeout(self.settings.turn_timeout, self.in_flight.acquire()).await;
                waited.ok().and_then(Result::ok).ok_or(Away)?
            }
        };
        Ok(Turn { link, ready, shared: self, _place: place })
    }

    /// This runtime's link, made on first use.
    pub(super) fn link(self: &Arc<Self>) -> Option<Arc<Link>> {
        let Some(runtime) = runtime::with_timers() else {
            if !self.no_runtime_logged.swap(true, Ordering::Relaxed) {
                tracing::warn!("outside of a tokio runtime Redis is not used");
            }
            return None;
        };
        let mut links = self.lock_links();
        if let Some(link) = links.get(&runtime.id()).filter(|link| !link.ended()) {
            return Some(Arc::clone(link));
        }
        if self.is_closed() {
            return None;
        }
        links.retain(|_, link| !link.ended());
        let link = Link::new();
        // Made here: a runtime that is shutting down may drop the task before it has begun.
        let gone = Gone::new(&link);
        runtime.spawn(link::attend(gone, Arc::downgrade(self)));
        runtime.spawn(pending::attend(Arc::downgrade(self), Arc::clone(&link)));
        let interval = self.settings.stats_interval;
        if !interval.is_zero() {
            runtime.spawn(tally::attend(Arc::downgrade(self), Arc::clone(&link), interval));
        }
        links.insert(runtime.id(), Arc::clone(&link));
        Some(link)
    }

    /// Whether this runtime has a link that is up. Makes none.
    pub(super) fn is_up(&self) -> bool {
        let Some(runtime) = runtime::with_timers() else { return false };
        let links = self.lock_links();
        links.get(&runtime.id()).is_some_and(|link| matches!(link.state(), State::Up(_)))
    }

    /// From now on there is no link, and none will be made.
    pub(super) fn close(&self) {
        let mut links = self.lock_links();
        self.closed.store(true, Ordering::Release);
        links.drain().for_each(|(_, link)| link.close());
        drop(links);
        self.give_up_feed();
        // Nothing of what others invalidate from now on is heard.
        self.generations.bump_epoch();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Notes removals that Redis has not confirmed, and has them sent at once where a link is up.
    pub(super) fn owe(&self, keys: &[String]) {
        if self.journal.add(keys) {
            // The notice of the root's removal will be this process's own.
            self.mirror.forget();
        }
        self.lock_links().values().for_each(|link| link.pending.notify_one());
    }

    pub(super) fn wake_links(&self) {
        self.lock_links().values().for_each(|link| link.attention.notify_one());
    }

    /// Copies are kept in memory from now on: somebody has to listen.
    pub(super) fn want_feed(&self) {
        if !self.feed.is_wanted() {
            self.feed.want();
            self.wake_links();
        }
    }

    /// From here on this link is without Redis.
    ///
    /// What memory holds counts if others' invalidations were heard until now. If not, it is from
    /// another link's outage.
    pub(super) fn suspect(&self, link: &Link) {
        if link.suspect(self.clock.now_ms()) && !self.generations.lease.has_held_within(LATELY) {
            self.generations.bump_epoch();
        }
    }

    /// Where a cluster may be asked besides the addresses that are configured: those may be gone.
    pub(super) fn found(&self) -> Vec<ConnectionInfo> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.iter().take(MOST_ASKED).cloned().collect()
    }

    pub(super) fn note_found(&self, servers: Vec<ConnectionInfo>) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = servers;
    }

    /// The time of the server that has this key.
    pub(super) fn server_time(&self, ready: &Ready, key: &str) -> u64 {
        let here = precise_ms().saturating_add_signed(self.clock.ahead_ms());
        here.saturating_add_signed(ready.node_of(key).offset_ms)
    }

    /// The parts, one after the other, in the namespace.
    fn key<const N: usize>(&self, parts: [&str; N]) -> String {
        let namespace = &self.settings.namespace;
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        let mut key = String::with_capacity(namespace.len() + 1 + len);
        key.push_str(namespace);
        key.push(':');
        parts.iter().for_each(|part| key.push_str(part));
        key
    }

    pub(super) fn value_key(&self, name: &str) -> String {
        self.key([name])
    }

    pub(super) fn token_key(&self, tag: &str) -> String {
        match token_end(&self.settings.namespace, tag) {
            Some(end) => self.key([TOKEN, &end]),
            None => self.key([TOKEN, tag]),
        }
    }

    /// The key of the token of the name that is stored under this key, or beside which something is. `None`
    /// if it is the key of something else.
    pub(super) fn name_token_key(&self, key: &str) -> Option<String> {
        let stored = key.get(self.settings.namespace.len() + 1..)?;
        name_of(stored).map(|name| self.token_key(&name_tag(name)))
    }

    /// Where the mark of a load is that replaces the entry of this name.
    pub(super) fn lease_key(&self, name: &str) -> String {
        self.key(["#lease:", name])
    }

    pub(super) fn run_key(&self, server: &str) -> String {
        self.key(["#run:", server])
    }

    pub(super) fn root_key(&self) -> String {
        self.key([ROOT])
    }

    /// Where the sums of all processes' statistics are.
    pub(super) fn tally_key(&self) -> String {
        self.key(["#stats"])
    }

    pub(super) fn feed_channel(&self) -> String {
        self.key(["#feed"])
    }

    /// What is to be published when these keys are removed.
    pub(super) fn notice_of<'a>(&self, keys: impl IntoIterator<Item = &'a String>) -> Vec<u8> {
        let strip = |key: &'a String| key.get(self.settings.namespace.len() + 1..).unwrap_or(ROOT);
        self.notice(keys.into_iter().map(|key| Item::Key(strip(key))))
    }

    pub(super) fn notice<'a>(&self, items: impl IntoIterator<Item = Item<'a>>) -> Vec<u8> {
        notice::write(self.source, items)
            .or_else(|| notice::write(self.source, [Item::Key(ROOT)]))
            .unwrap_or_default()
    }

    /// What the keys begin with that are neither values nor marks.
    pub(super) fn reserved(&self) -> String {
        self.key(["#"])
    }

    /// The tokens an entry depends on: the root's first.
    pub(super) fn token_keys(&self, tags: &[impl AsRef<str>]) -> impl Iterator<Item = String> {
        let tags = tags.iter().map(|tag| self.token_key(tag.as_ref()));
        std::iter::once(self.root_key()).chain(tags)
    }

    /// To be called before tokens are asked for. Nothing where nobody keeps copies, and so nobody
    /// reads by the mirror.
    pub(super) fn before_tokens(&self, tags: &[impl AsRef<str>]) -> Option<Before> {
        self.feed.is_wanted().then(|| self.mirror.before(tags, self.clock.now_ms()))
    }

    /// The keys that an invalidation removes, tokens first.
    pub(super) fn removal(
        &self,
        names: &[impl AsRef<str>],
        tags: &[impl AsRef<str>],
    ) -> Vec<String> {
        let tokens = tags.iter().map(|tag| self.token_key(tag.as_ref()));
        tokens.chain(names.iter().map(|name| self.value_key(name.as_ref()))).collect()
    }

    pub(super) fn log_up(&self, again: bool, server: &str) {
        self.leases.forget();
        if again {
            self.events.note(Happened::RedisBack);
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
        self.events.note(Happened::RedisLost { reason: reason.to_owned() });
        let redis = &self.settings.address;
        match self.reports.outage(Instant::now(), reason) {
            Some(0) => tracing::warn!(redis, reason, "Redis is away; going on without it"),
            Some(unreported) => tracing::warn!(
                redis,
                reason,
                unreported,
                "Redis is away, as it has been again and again; going on without it"
            ),
            None => tracing::debug!(redis, reason, "Redis is away again"),
        }
    }

    /// Who the servers are spoken to as.
    pub(super) fn user(&self) -> &str {
        self.settings.servers.address.server.redis_settings().username().unwrap_or("default")
    }

    /// Says what is missing, when it is another than before.
    pub(super) fn note_lacks(&self, lacking: Vec<String>) {
        let mut known = self.lacks.lock().unwrap_or_else(PoisonError::into_inner);
        for lack in lacking.iter().filter(|lack| !known.contains(lack)) {
            let redis = &self.settings.address;
            tracing::warn!(redis, lack, "Redis does not permit all that the cache does");
            self.events.note(Happened::RedisLacks { what: lack.clone() });
        }
        *known = lacking;
    }

    /// The invalidations of other processes cannot be heard.
    pub(super) fn note_deaf(&self, reason: &str) {
        let what = format!("{reason}; {}", rights::Need::Feed.loss());
        self.events.note(Happened::RedisLacks { what });
    }

    /// What is missing, of what the cache goes on without.
    pub(super) fn lacks(&self) -> Vec<String> {
        self.lacks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An attempt to connect has failed again. Another reason than before is said once.
    pub(super) fn log_still_down(&self, reason: &str) {
        self.record.note_failure();
        if self.reports.is_new(reason) {
            self.events.note(Happened::RedisLost { reason: reason.to_owned() });
            let redis = &self.settings.address;
            tracing::warn!(redis, reason, "Redis is still away, for another reason than before");
        }
    }

    fn lock_links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Runs an operation with its deadline. A failure that may be the connection's makes the link
    /// suspect.
    pub(super) async fn ask<T>(
        &self,
        operation: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Away> {
        let asked = Instant::now();
        // R3: no caller waits longer for Redis than this.
        let outcome = timeout(self.shared.settings.deadline, operation).await;
        Ok(self.conclude(asked, outcome.ok())?)
    }

    /// The same for what may be large. If it is not there in time, and the server answers a ping meanwhile, it
    /// is waited for so many deadlines. Then it has failed alone: the link stays in use.
    pub(super) async fn ask_large<T>(
        &self,
        lane: Lane,
        patience: u32,
        operation: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Missed> {
        let (asked, deadline) = (Instant::now(), self.shared.settings.deadline);
        let mut operation = pin!(operation);
        let mut turns = 0;
        let (outcome, is_there) = loop {
            turns += 1;
            let turn = pin!(timeout(deadline, operation.as_mut()));
            let (outcome, is_there) = match select(turn, self.late_ping()).await {
                Either::Left((outcome, _)) => (outcome, false),
                Either::Right((is_there, turn)) => (turn.await, is_there),
            };
            if outcome.is_ok() || !is_there || turns >= patience {
                break (outcome, is_there);
            }
        };
        if outcome.is_err() && is_there && self.shared.record.late() < MOST_LATE {
            self.shared.errors.one();
            tracing::debug!(?deadline, "Redis answers, but a large answer has not come in time");
            return Err(Missed::Late);
        }
        if outcome.is_ok() && lane == Lane::Bulk {
            self.shared.record.in_time();
        }
        self.conclude(asked, outcome.ok())
    }

    /// Whether the servers are there, asked in the middle of a deadline: by one caller for all.
    fn late_ping(&self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(async {
            let half = self.shared.settings.deadline / 2;
            sleep(half).await;
            let mut answered = self.ready.answered.lock().await;
            if answered.is_some_and(|at| at.elapsed() < half) {
                return true;
            }
            if !matches!(self.link.state(), State::Up(_)) || !self.ready.answers().await {
                return false;
            }
            *answered = Some(Instant::now());
            true
        })
    }

    /// What has come of an operation; `None`: no answer in time.
    fn conclude<T>(&self, asked: Instant, outcome: Option<RedisResult<T>>) -> Result<T, Missed> {
        let reason = match outcome {
            Some(Ok(answer)) => {
                if self.ready.take_redirected() {
                    // It is looked anew who has what.
                    self.link.attention.notify_one();
                }
                self.shared.times.record(asked.elapsed());
                self.shared.record.succeed();
                return Ok(answer);
            }
            Some(Err(error)) => {
                if rights::is_refusal(&error) {
                    self.link.note_refusal();
                }
                if of_the_connection(&error) {
                    self.fail();
                }
                error.to_string()
            }
            None => {
                self.fail();
                format!("no answer within {:?}", self.shared.settings.deadline)
            }
        };
        self.shared.errors.one();
        tracing::debug!(reason, "a Redis operation failed");
        Err(Missed::Away)
    }

    fn fail(&self) {
        self.shared.record.fail();
        self.shared.suspect(&self.link);
    }

    /// The time of the server that has this key.
    pub(super) fn now_ms(&self, key: &str) -> u64 {
        self.shared.server_time(&self.ready, key)
    }
}

/// Errors of the connection, and of a server that serves nobody or cannot be written: what can
/// only be read is of no use, since no load could be validated. All others leave the link in use.
fn of_the_connection(error: &RedisError) -> bool {
    const UNUSABLE: [&str; 12] = [
        "OOM",
        "MISCONF",
        "READONLY",
        "NOREPLICAS",
        "LOADING",
        "MASTERDOWN",
        "BUSY",
        "NOPERM",
        "NOAUTH",
        "CLUSTERDOWN",
        // Sent on, and sent on again.
        "MOVED",
        "ASK",
    ];
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => {
            // A script's error carries the code of the command that failed in it.
            let told = error.to_string();
            error.code().is_some_and(|code| UNUSABLE.contains(&code))
                || UNUSABLE.iter().any(|code| told.contains(code))
        }
        ErrorKind::UnexpectedReturnType => false,
        _ => true,
    }
}
