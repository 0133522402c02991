//! The Redis store: entries, placeholders and tokens, and the operations on them.
//!
//! Every operation has a deadline, and only the first one waits for a connection. Every failure is returned
//! as [`Unavailable`], and the caller continues without Redis.
//!
//! A tag is invalidated by removing its token. An absent token equals no recorded token, and the next load
//! that notes the tag gives it a new one.

mod all_tags;
mod backoff;
mod births;
mod breaker;
mod connect;
mod connector;
mod diagnostic;
mod doctor;
mod error;
mod feed;
mod fleet_counters;
mod identity;
mod journal;
mod keys;
mod lane;
mod late;
mod leases;
mod life;
mod line;
mod link;
mod listener;
mod load;
mod load_many;
mod node;
mod notice;
mod noting_read;
mod pace;
mod pending;
mod raise;
mod ready;
mod removal;
mod reports;
mod rights;
mod scan;
mod script;
mod sentinel;
mod servers;
mod settings;
mod shared;
mod soft;
mod sums;
mod supervisor;
mod tls;
mod token_cache;
mod tokens;
mod topology;
mod trial;
mod unavailable;
mod weights;

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use redis::{Cmd, Value, cmd};
use smallvec::SmallVec;

use crate::coherence::generation::Generations;
use crate::stats::events::Events;
use crate::stats::{Beyond, FleetSums, Latencies};
use crate::support::boxed::boxed;
use crate::support::clock::Clock;
use crate::support::runtime;
use crate::support::timer::{self, timeout};
pub use breaker::Breaker;
pub use diagnostic::{Diagnostic, Severity};
pub(crate) use error::StoreError;
pub(crate) use feed::FeedState;
use lane::Lane;
pub(crate) use late::BeforeBody;
use link::LinkState;
pub(crate) use load::{BeginOf, By, FillOutcome, FillTicket, Over, Placeholder, PlaceholderLease};
pub(crate) use load_many::FillOf;
pub(crate) use pace::{AT_ONCE, Pace, part_of};
pub use scan::ClearProgress;
pub(crate) use scan::{Progress, ScanCursor};
pub(crate) use servers::Servers;
pub(crate) use settings::{Host, Settings};
use shared::Shared;
pub(crate) use soft::{SoftAge, may_be_soft};
pub(crate) use tls::Tls;
use token_cache::ROOT;
pub(crate) use unavailable::{Missed, Unavailable};

/// The tokens of some tags, the root's first.
pub(crate) type CachedTokens = SmallVec<[Option<u64>; 4]>;

/// The shared tier of one manager.
pub(crate) struct RedisStore(Arc<Shared>);

/// The duration for which Redis is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// Redis is unavailable. It was last in use at this time, by the manager's clock; 0: never.
    Since(u64),
    /// Redis was never used, or will not be used any more.
    Lasting,
    /// Redis is in use, and was unavailable for one operation.
    Brief,
}

/// The life of an entry or token in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Life {
    For(Duration),
    Forever,
}

/// An entry that was read, with the current tokens: the root's first, then in the order of the request.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) tokens: Vec<Option<u64>>,
    /// The server's time.
    pub(crate) now_ms: u64,
}

impl RedisStore {
    pub(crate) fn new(
        settings: Settings,
        generations: Arc<Generations>,
        clock: Clock,
        host: Weak<dyn Host>,
        events: Arc<Events>,
    ) -> Self {
        RedisStore(Arc::new(Shared::new(
            settings,
            generations,
            clock,
            host,
            events,
            supervisor::begin,
        )))
    }

    /// Reads the value under a name, for a caller that has the tokens from the token cache. Values of one
    /// kind are likely to have similar sizes.
    pub(crate) async fn value(&self, name: &str, kind: u64) -> Result<Found, Unavailable> {
        let key = self.0.keys.value(name);
        let permit = pending::permit(&self.0, || vec![key.clone()]).await?;
        let mut get = Cmd::with_capacity(2, "GET".len() + key.len());
        get.arg("GET").arg(&key);
        let lane = self.0.weights.lane(kind);
        let asked = pin!(permit.ready.ask_in_place(lane, &key, &get));
        let bytes = bytes_of(permit.ask_large(lane, 1, asked).await?);
        self.0.weights.note(kind, bytes.as_ref().map_or(0, Vec::len));
        Ok(Found { bytes, tokens: Vec::new(), now_ms: permit.now_ms(&key) })
    }

    /// Reads the value under a name and the tokens of its tags, in one round trip. The tokens are cached, if
    /// the token cache is in use.
    pub(crate) async fn read(
        &self,
        name: &str,
        tags: &[impl AsRef<str>],
        kind: u64,
    ) -> Result<Found, Unavailable> {
        let key = self.0.keys.value(name);
        let keys: Vec<_> = std::iter::once(key.clone()).chain(self.0.keys.tokens(tags)).collect();
        let before = self.0.before_tokens(tags);
        let permit = pending::permit(&self.0, || self.keys(name, tags)).await?;
        let lane = self.0.weights.lane(kind);
        let asked = pin!(permit.ready.values(lane, &keys));
        let mut values = permit.ask_large(lane, 1, asked).await?;
        let tokens = values.split_off(1.min(values.len()));
        let tokens: Vec<_> = tokens.iter().map(token).collect();
        if let Some(before) = before {
            self.0.token_cache.remember(before, tags, tokens.iter().copied());
        }
        let bytes = values.pop().and_then(bytes_of);
        self.0.weights.note(kind, bytes.as_ref().map_or(0, Vec::len));
        Ok(Found { bytes, tokens, now_ms: permit.now_ms(&key) })
    }

    /// Returns the pace of requests for values of these kinds.
    pub(crate) fn pace(&self, kinds: impl IntoIterator<Item = u64>) -> Pace {
        Pace::new(kinds.into_iter().any(|kind| self.0.weights.lane(kind) == Lane::Bulk))
    }

    /// Reads the values under several names, each with its kind, for a caller that has the tokens from the
    /// token cache. Adapts the number of values of the next request.
    pub(crate) async fn values(
        &self,
        names: &[(&str, u64)],
        pace: &mut Pace,
    ) -> Result<Vec<Found>, Missed> {
        self.read_keys(names, std::iter::empty(), pace).await.map(|(found, _)| found)
    }

    /// Reads the values under several names, each with its kind, and the tokens of several tags, the root's
    /// first; in one round trip. The tokens are cached, if the token cache is in use. Adapts the number of
    /// values of the next request.
    pub(crate) async fn read_many(
        &self,
        names: &[(&str, u64)],
        tags: &[impl AsRef<str>],
        pace: &mut Pace,
    ) -> Result<(Vec<Found>, Vec<Option<u64>>), Missed> {
        let before = self.0.before_tokens(tags);
        let keys = self.0.keys.tokens(tags);
        let (found, tokens) = self.read_keys(names, keys, pace).await?;
        if let Some(before) = before {
            self.0.token_cache.remember(before, tags, tokens.iter().copied());
        }
        Ok((found, tokens))
    }

    /// Reads the values under several names, and the tokens under these keys.
    async fn read_keys(
        &self,
        names: &[(&str, u64)],
        tokens: impl Iterator<Item = String>,
        pace: &mut Pace,
    ) -> Result<(Vec<Found>, Vec<Option<u64>>), Missed> {
        let values = names.iter().map(|(name, _)| self.0.keys.value(name));
        let keys: Vec<_> = values.chain(tokens).collect();
        let permit = pending::permit(&self.0, || keys.clone()).await?;
        let asked = Instant::now();
        let mut read = boxed(|| permit.ready.values(Lane::Bulk, &keys));
        let mut values = permit.ask_large(Lane::Bulk, pace::PATIENCE, read.as_mut()).await?;
        let took = asked.elapsed();
        let tokens = values.split_off(names.len().min(values.len()));
        let mut sum = 0;
        let found = names.iter().zip(&keys).zip(values).map(|(((_, kind), key), value)| {
            let bytes = bytes_of(value);
            let size = bytes.as_ref().map_or(0, Vec::len);
            self.0.weights.note(*kind, size);
            sum += size;
            Found { bytes, tokens: Vec::new(), now_ms: permit.now_ms(key) }
        });
        let found: Vec<_> = found.collect();
        pace.note(names.len(), sum, took, self.0.settings.deadline);
        Ok((found, tokens.iter().map(token).collect()))
    }

    /// Reads the tokens of tags, the root's first. They are cached, if the token cache is in use.
    pub(crate) async fn tokens(
        &self,
        tags: &[impl AsRef<str>],
    ) -> Result<Vec<Option<u64>>, Unavailable> {
        let before = self.0.before_tokens(tags);
        let permit = pending::permit(&self.0, || self.0.keys.removals_of(tags)).await?;
        let keys: Vec<_> = self.0.keys.tokens(tags).collect();
        let asked = boxed(|| permit.ready.values(Lane::Quick, &keys));
        let values = permit.ask(asked).await?;
        let tokens: Vec<_> = values.iter().map(token).collect();
        if let Some(before) = before {
            self.0.token_cache.remember(before, tags, tokens.iter().copied());
        }
        Ok(tokens)
    }

    /// Returns the cached tokens of tags, the root's first; `None` if one is not cached.
    pub(crate) fn cached_tokens(&self, tags: &[impl AsRef<str>]) -> Option<CachedTokens> {
        let now_ms = self.0.clock.now_ms();
        let mut tokens = CachedTokens::new();
        for tag in std::iter::once(ROOT).chain(tags.iter().map(AsRef::as_ref)) {
            tokens.push(Some(self.0.token_cache.token(tag, now_ms)?));
        }
        Some(tokens)
    }

    /// Removes names and renews tags. Removals that Redis does not confirm stay pending. Until they are
    /// confirmed, this process does not read these keys in Redis.
    ///
    /// Returns the number of removed entries; `None` if it is unknown.
    pub(crate) async fn invalidate(
        &self,
        names: &[impl AsRef<str>],
        tags: &[impl AsRef<str>],
    ) -> Option<u64> {
        self.remove(self.0.keys.removal(names, tags), tags.len()).await
    }

    /// Removes names and renews tags as soon as possible. Does not wait.
    pub(crate) fn add_pending(&self, names: &[impl AsRef<str>], tags: &[impl AsRef<str>]) {
        self.add_pending_keys(&self.0.keys.removal(names, tags));
    }

    fn add_pending_keys(&self, keys: &[String]) {
        // A link must send the removals. Outside of a runtime, an existing link does so.
        self.connect_here();
        self.0.add_pending(keys);
    }

    /// Makes the link of the call's runtime, if it has none. Does not wait.
    pub(crate) fn connect_here(&self) {
        if runtime::with_timers().is_some() {
            _ = self.0.link();
        }
    }

    /// Makes everything in the namespace stale as soon as possible. Does not wait.
    pub(crate) fn add_pending_root(&self) {
        self.add_pending_keys(&[self.0.keys.root()]);
    }

    /// Makes everything in the namespace stale at once.
    pub(crate) async fn invalidate_root(&self) -> Option<u64> {
        self.remove(vec![self.0.keys.root()], 1).await
    }

    /// Removes keys, or leaves their removal pending. The first `tokens` keys are those of tokens.
    async fn remove(&self, keys: Vec<String>, tokens: usize) -> Option<u64> {
        if keys.is_empty() {
            return Some(0);
        }
        let mut guard = RemovalGuard { shared: &self.0, keys };
        // A removal is correct also while other removals are pending.
        let permit = self.0.permit_to_remove().await.ok()?;
        let notice = self.0.notice_of(&guard.keys);
        let removal =
            removal::remove(&self.0, &permit.ready, Lane::Quick, &guard.keys, tokens, &notice);
        let removed = permit.ask(removal).await.ok()?;
        guard.keys.clear();
        Some(removed)
    }

    /// Measures the time that the server takes to reply.
    pub(crate) async fn ping(&self) -> Result<Duration, Unavailable> {
        let permit = self.0.permit_to_remove().await?;
        let before = Instant::now();
        let (key, ping) = (self.0.keys.root(), cmd("PING"));
        let answer = permit.ready.ask::<Value>(Lane::Quick, &key, &ping);
        // A server that does not support or permit the command also replies.
        let answered = async {
            match answer.await {
                Err(error) if error.is_refusal() => Ok(()),
                answer => answer.map(drop),
            }
        };
        permit.ask(answered).await?;
        Ok(before.elapsed())
    }

    /// Checks that Redis can be used from here.
    ///
    /// # Errors
    /// The reason for which Redis cannot be used.
    pub(crate) async fn status(&self) -> Result<(), Unavailable> {
        if self.0.is_closed() {
            return Err(Unavailable::Disconnected);
        }
        let link = self.0.link()?;
        link.ready().await?;
        let _ = timeout(self.0.settings.deadline, self.0.feed.begun(&link)).await;
        link.state().ready()?;
        if self.0.journal.is_empty() { Ok(()) } else { Err(Unavailable::Unconfirmed) }
    }

    /// Returns true if the next operation from here would be tried. Does not wait.
    pub(crate) fn usable(&self) -> bool {
        let state = self.0.link().map(|link| link.state());
        matches!(state, Ok(LinkState::Up(_) | LinkState::Connecting))
    }

    /// Returns true if the connection from here is up.
    pub(crate) fn is_up(&self) -> bool {
        self.0.is_up()
    }

    /// Returns the duration for which Redis is not used here.
    pub(crate) fn absence(&self) -> Absence {
        let Ok(link) = self.0.link() else {
            let never_received = !self.0.generations.lease.has_held_within(Duration::MAX);
            return if never_received || self.0.is_closed() {
                Absence::Lasting
            } else {
                Absence::Brief
            };
        };
        match link.state() {
            LinkState::Suspect(..) | LinkState::Down(_) => Absence::Since(link.left_ms()),
            LinkState::Closed => Absence::Lasting,
            LinkState::Connecting | LinkState::Up(_) => Absence::Brief,
        }
    }

    /// Describes the missing rights and commands that the cache does without.
    pub(crate) fn lacks(&self) -> Option<String> {
        let lacks = self.0.lacks();
        (!lacks.is_empty()).then(|| lacks.join("; "))
    }

    /// Notes that copies are kept in memory from now on.
    pub(crate) fn want_feed(&self) {
        self.0.want_feed();
    }

    /// Returns the state of the circuit breaker here.
    pub(crate) fn breaker(&self) -> Breaker {
        match self.0.link().map(|link| link.state()) {
            Ok(LinkState::Up(_)) => Breaker::Closed,
            Ok(LinkState::Suspect(..) | LinkState::Connecting) => Breaker::HalfOpen,
            Ok(LinkState::Down(_) | LinkState::Closed) | Err(_) => Breaker::Open,
        }
    }

    /// Returns the time of the last failure.
    pub(crate) fn last_failure(&self) -> Option<SystemTime> {
        self.0.record.last_failure()
    }

    /// Returns the number of received notices, and of interruptions of the feed.
    pub(crate) fn received(&self) -> (u64, u64) {
        (self.0.feed.received.get(), self.0.feed.interruptions.get())
    }

    /// Returns the state of the feed.
    pub(crate) fn feed_state(&self) -> FeedState {
        self.0.feed.feed_state()
    }

    /// Returns the time of the server that has this name, if the link is up.
    pub(crate) fn now_ms(&self, name: &str) -> Option<u64> {
        match self.0.link().ok()?.state() {
            LinkState::Up(ready) => Some(self.0.server_time(&ready, &self.0.keys.value(name))),
            _ => None,
        }
    }

    /// Returns the number of invalidations that Redis has not confirmed.
    pub(crate) fn pending(&self) -> usize {
        self.0.journal.len()
    }

    /// Waits until the pending removals are confirmed, at most for the duration of an operation.
    pub(crate) async fn settle(&self) {
        if self.pending() == 0 {
            return;
        }
        let Ok(link) = self.0.link() else { return };
        link.pending.notify_one();
        let settled = async {
            while self.pending() > 0 {
                timer::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = timeout(self.0.settings.deadline, settled).await;
    }

    /// Returns the number of failed operations and of outages.
    pub(crate) fn failures(&self) -> (u64, u64) {
        (self.0.errors.get(), self.0.outages.get())
    }

    /// Returns the counts since the start, without resets.
    pub(crate) fn ever(&self) -> Beyond {
        Beyond {
            redis_errors: self.0.errors.ever(),
            redis_outages: self.0.outages.ever(),
            notices: self.0.feed.received.ever(),
            ..Beyond::default()
        }
    }

    /// Returns the times that replies took.
    pub(crate) fn times(&self) -> Latencies {
        self.0.times.read()
    }

    pub(crate) fn reset_failures(&self) {
        self.0.times.reset();
        self.0.errors.reset();
        self.0.outages.reset();
        self.0.feed.received.reset();
        self.0.feed.interruptions.reset();
    }

    /// Adds the counts since the last report to the sums of all processes.
    pub(crate) async fn report(&self) {
        if !self.0.settings.stats_interval.is_zero() && self.0.is_up() {
            // Counts that cannot be sent are lost with this manager.
            let _ = timeout(self.0.settings.deadline, sums::report(&self.0, Duration::ZERO)).await;
        }
    }

    /// Reads the sums of all processes.
    pub(crate) async fn fleet_sums(&self) -> Result<FleetSums, Unavailable> {
        sums::fleet_sums(&self.0).await
    }

    /// Starts the sums of all processes from zero.
    pub(crate) async fn reset_fleet_counters(&self) -> Result<(), Unavailable> {
        sums::reset_fleet_counters(&self.0).await
    }

    /// Ends the background work; from now on Redis is unavailable.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.close();
    }
}

/// Removals that go to the journal unless they are confirmed first, even if the operation is dropped before
/// its end.
struct RemovalGuard<'a> {
    shared: &'a Shared,
    keys: Vec<String>,
}

impl Drop for RemovalGuard<'_> {
    fn drop(&mut self) {
        if !self.keys.is_empty() {
            self.shared.add_pending(&self.keys);
        }
    }
}

fn bytes_of(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}

fn bytes_in(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}

fn token(value: &Value) -> Option<u64> {
    bytes_in(value).map(number)
}

/// Converts a token to a number. Its [birth](births) may follow it. A shorter token is not from a cache, and equals
/// only another such token.
fn number(token: &[u8]) -> u64 {
    token.first_chunk().map_or(0, |token| u64::from_le_bytes(*token))
}
