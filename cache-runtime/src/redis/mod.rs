//! The Redis store: entries, marks and tokens, and what is done with them.
//!
//! Every operation has a deadline, and none waits for a connection to be made but the very first.
//! Whatever goes wrong comes back as [`Away`]: the caller goes on without Redis.
//!
//! A tag is invalidated by removing its token: what is absent equals nothing that was recorded,
//! and the next load that notes the tag gives it a new one.

mod backoff;
mod breaker;
mod doctor;
mod feed;
mod journal;
mod link;
mod mirror;
mod notice;
mod reports;
mod script;
mod shared;
mod sweep;
mod tally;
mod tls;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value, cmd};
use tokio::time::timeout;

use crate::clock::{Clock, millis};
use crate::entry::StateId;
use crate::events::Events;
use crate::generation::Generations;
use crate::random;
use crate::runtime;
use crate::stats::{Beyond, Latencies, Tallied};
pub use breaker::Breaker;
pub use doctor::{Check, Grade};
pub(crate) use feed::Hearing;
use link::{Ready, State};
use mirror::ROOT;
use notice::Item;
use script::{STATE_BYTES, Script};
use shared::Shared;
pub(crate) use shared::{Host, Settings};
pub(crate) use sweep::Progress;
pub use sweep::Swept;
pub(crate) use tls::Tls;

/// A value of at least so many bytes goes over the connection for large things.
const BULKY: usize = 16 * 1024;
/// The least time a token lives.
const TOKEN_TTL: Duration = Duration::from_secs(24 * 3600);

/// The shared tier of one manager.
pub(crate) struct RedisStore(Arc<Shared>);

/// Redis cannot be used just now, or did not answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Away;

/// Why Redis is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It is away. It was in use last at this time, by the manager's clock; 0: never.
    Since(u64),
    /// It was never used, or will not be any more.
    Lasting,
    /// It is there, and not to be used before it knows what it is owed.
    Brief,
}

/// The life of an entry or token in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    For(Duration),
    Forever,
}

/// An entry as it was read, with the tokens as they are now: the root's first, then in the order
/// they were asked for.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) tokens: Vec<Option<u64>>,
    /// The server's time.
    pub(crate) now_ms: u64,
}

/// What a load noted before its body: with this it may store.
#[derive(Debug, Clone)]
pub(crate) struct Noted {
    state: Vec<u8>,
    /// The root's token, then those of the tags.
    pub(crate) tokens: Vec<u64>,
    mine: bool,
}

impl Noted {
    /// Whether the mark is this load's own.
    pub(crate) fn is_mine(&self) -> bool {
        self.mine
    }

    /// Whether the same is there as when the other was noted.
    pub(crate) fn is_like(&self, other: &Noted) -> bool {
        self.state == other.state
    }

    /// Whether the lease of another load is there.
    pub(crate) fn is_anothers(&self) -> bool {
        !self.mine && StateId::is_lease(&self.state)
    }

    /// Whether it is this that the load or put is stored over.
    pub(crate) fn is(&self, state: &StateId) -> bool {
        self.state == state.as_bytes()
    }
}

/// How a load or put ends.
#[derive(Debug, Default)]
struct End<'a> {
    /// What is to be stored; empty: nothing.
    entry: &'a [u8],
    /// How long it lives; without an entry, whether the mark is the load's own.
    life: String,
    /// What the other processes are told; empty: nothing.
    notice: Vec<u8>,
}

impl End<'_> {
    /// Nothing is to be stored.
    fn of(noted: &Noted) -> Self {
        End { life: u8::from(noted.mine).to_string(), ..End::default() }
    }
}

/// The mark of a load that begins: a number of its own, and how long it is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    id: StateId,
    life: Duration,
}

impl Mark {
    pub(crate) fn new(life: Duration) -> Self {
        Mark { id: StateId::mark(random::word()), life }
    }

    /// One that others wait for.
    pub(crate) fn lease(life: Duration) -> Self {
        Mark { id: StateId::lease(random::word()), life }
    }
}

/// A mark that has to be renewed while the load runs, or else it is gone for others to load.
#[derive(Clone)]
pub(crate) struct Lease {
    shared: Arc<Shared>,
    key: String,
    mark: Mark,
    noted: Noted,
}

impl Lease {
    /// Renews the mark for as long as this is polled. It never ends.
    pub(crate) async fn renewals(self) {
        let life = millis(self.mark.life).to_string();
        let arguments = [&self.noted.state[..], life.as_bytes()];
        loop {
            tokio::time::sleep(self.mark.life / 3).await;
            let Ok(turn) = self.shared.turn().await else { continue };
            let keys = std::slice::from_ref(&self.key);
            let call = turn.ready.script(turn.ready.quick(), Script::Renew, keys, &arguments);
            // A renewal that fails is tried again; without any the mark ends, as it should.
            let _ = turn.ask::<u8>(call).await;
        }
    }

    /// Takes the mark away, if it is still there. Does not wait.
    pub(crate) fn release(self) {
        let Some(runtime) = runtime::with_timers() else { return };
        runtime.spawn(async move {
            let _ = finish(&self.shared, &[self.key], &self.noted, &End::of(&self.noted)).await;
        });
    }
}

/// What a load or put that begins may set its mark over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Over<'a> {
    Nothing,
    /// The entry that was found and is of no use any more.
    Stale(&'a [u8]),
    Anything,
}

impl<'a> Over<'a> {
    fn argument(self) -> &'a [u8] {
        match self {
            Over::Nothing => b"",
            Over::Stale(entry) => &entry[..entry.len().min(STATE_BYTES)],
            Over::Anything => b"*",
        }
    }
}

/// Whose value is to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Load,
    /// What other processes hold of that name is older: they are told.
    Put,
}

/// What became of a load's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    Stored,
    /// Another load or a removal came first; the tokens are those that were noted.
    Refused,
    /// A tag was invalidated while the value was being loaded.
    Outdated,
}

impl RedisStore {
    pub(crate) fn new(
        settings: Settings,
        generations: Arc<Generations>,
        clock: Clock,
        host: Weak<dyn Host>,
        events: Arc<Events>,
    ) -> Self {
        RedisStore(Arc::new(Shared::new(settings, generations, clock, host, events)))
    }

    /// The value under a name, alone: for who has the tokens from the mirror.
    pub(crate) async fn value(&self, name: &str) -> Result<Found, Away> {
        let turn = self.0.turn().await?;
        let key = self.0.value_key(name);
        let mut get = Cmd::with_capacity(2, "GET".len() + key.len());
        get.arg("GET").arg(key);
        let value = turn.ask(get.query_async(&mut turn.ready.quick())).await?;
        Ok(Found { bytes: bytes_of(value), tokens: Vec::new(), now_ms: turn.now_ms() })
    }

    /// The value under a name and the tokens of its tags, in one round trip.
    pub(crate) async fn read(&self, name: &str, tags: &[impl AsRef<str>]) -> Result<Found, Away> {
        let value = std::iter::once(self.0.value_key(name));
        let command = mget(value.chain(self.0.token_keys(tags)));
        let turn = self.0.turn().await?;
        let mut values: Vec<Value> = turn.ask(command.query_async(&mut turn.ready.quick())).await?;
        let tokens = values.split_off(1.min(values.len()));
        Ok(Found {
            bytes: values.pop().and_then(bytes_of),
            tokens: tokens.iter().map(token).collect(),
            now_ms: turn.now_ms(),
        })
    }

    /// Several values and several tokens, in one round trip.
    pub(crate) async fn read_many(
        &self,
        names: &[impl AsRef<str>],
        tags: &[impl AsRef<str>],
    ) -> Result<(Vec<Option<Vec<u8>>>, Found), Away> {
        let values = names.iter().map(|name| self.0.value_key(name.as_ref()));
        let command = mget(values.chain(self.0.token_keys(tags)));
        let turn = self.0.turn().await?;
        let mut values: Vec<Value> = turn.ask(command.query_async(&mut turn.ready.bulk())).await?;
        let tokens = values.split_off(names.len().min(values.len()));
        let tokens = tokens.iter().map(token).collect();
        let found = Found { bytes: None, tokens, now_ms: turn.now_ms() };
        Ok((values.into_iter().map(bytes_of).collect(), found))
    }

    /// The tokens of tags alone, the root's first. They are mirrored, if anybody reads by the
    /// mirror.
    pub(crate) async fn tokens(&self, tags: &[impl AsRef<str>]) -> Result<Vec<Option<u64>>, Away> {
        let before = self.0.before_tokens(tags);
        let command = mget(self.0.token_keys(tags));
        let turn = self.0.turn().await?;
        let values: Vec<Value> = turn.ask(command.query_async(&mut turn.ready.quick())).await?;
        let tokens: Vec<_> = values.iter().map(token).collect();
        if let Some(before) = before {
            self.0.mirror.remember(before, tags, tokens.iter().copied());
        }
        Ok(tokens)
    }

    /// The tokens of tags as far as they are mirrored, the root's first; `None` if one is not.
    pub(crate) fn mirrored(&self, tags: &[impl AsRef<str>]) -> Option<Vec<Option<u64>>> {
        let now_ms = self.0.clock.now_ms();
        let tags = std::iter::once(ROOT).chain(tags.iter().map(AsRef::as_ref));
        tags.map(|tag| self.0.mirror.token(tag, now_ms).map(Some)).collect()
    }

    /// A load begins: sets or joins the mark, and notes the tokens.
    pub(crate) async fn begin(
        &self,
        name: &str,
        tags: &[impl AsRef<str>],
        over: Over<'_>,
        life: Life,
        mark: Mark,
    ) -> Result<Noted, Away> {
        let before = self.0.before_tokens(tags);
        let noted = self.begin_on(&self.keys(name, tags), over, life, mark).await?;
        if let Some(before) = before {
            self.0.mirror.remember(before, tags, noted.tokens.iter().copied().map(Some));
        }
        Ok(noted)
    }

    /// A load begins that replaces an entry, which stays meanwhile: its mark is elsewhere. `None`
    /// if another's is there.
    pub(crate) async fn begin_aside(&self, name: &str, mark: Mark) -> Result<Option<Lease>, Away> {
        let key = self.0.lease_key(name);
        let life = Life::For(mark.life);
        let noted = self.begin_on(std::slice::from_ref(&key), Over::Nothing, life, mark).await?;
        Ok(noted.mine.then(|| Lease { shared: Arc::clone(&self.0), key, mark, noted }))
    }

    /// The mark of a load that goes on.
    pub(crate) fn lease(&self, name: &str, noted: &Noted, mark: Mark) -> Option<Lease> {
        let lease = || Lease {
            shared: Arc::clone(&self.0),
            key: self.0.value_key(name),
            mark,
            noted: noted.clone(),
        };
        noted.mine.then(lease)
    }

    async fn begin_on(
        &self,
        keys: &[String],
        over: Over<'_>,
        life: Life,
        mark: Mark,
    ) -> Result<Noted, Away> {
        let mark_ms = millis(mark.life).to_string();
        let token_ms = token_life(life);
        let fresh: Vec<[u8; 8]> = (1..keys.len()).map(|_| random::word().to_le_bytes()).collect();
        let mark = mark.id.as_bytes();
        let mut arguments = vec![mark, mark_ms.as_bytes(), over.argument(), token_ms.as_bytes()];
        arguments.extend(fresh.iter().map(|token| &token[..]));
        let turn = self.0.turn().await?;
        let call = turn.ready.script(turn.ready.quick(), Script::Begin, keys, &arguments);
        let mut reply: Vec<Vec<u8>> = turn.ask(call).await?;
        let tokens = reply.split_off(1.min(reply.len()));
        let state = reply.pop().unwrap_or_default();
        let tokens = tokens.iter().map(|token| number(token)).collect();
        Ok(Noted { mine: state == mark, state, tokens })
    }

    /// Stores the value of a load or put, if nothing has come between.
    pub(crate) async fn fill(
        &self,
        name: &str,
        tags: &[impl AsRef<str>],
        noted: &Noted,
        entry: &[u8],
        life: Life,
        by: By,
    ) -> Result<Filled, Away> {
        let notice = match by {
            By::Load => Vec::new(),
            By::Put => self.0.notice([Item::Key(name)]),
        };
        let end = End { entry, life: entry_life(life), notice };
        finish(&self.0, &self.keys(name, tags), noted, &end).await
    }

    /// Ends a load that has nothing to store: takes its mark away, and says whether its value
    /// could have been stored.
    pub(crate) async fn release(
        &self,
        name: &str,
        tags: &[impl AsRef<str>],
        noted: &Noted,
    ) -> Result<Filled, Away> {
        finish(&self.0, &self.keys(name, tags), noted, &End::of(noted)).await
    }

    /// The same without waiting for it.
    pub(crate) fn release_in_background(&self, name: &str, tags: &[String], noted: Noted) {
        let Some(runtime) = runtime::with_timers() else { return };
        let (shared, keys) = (Arc::clone(&self.0), self.keys(name, tags));
        runtime.spawn(async move {
            // A mark that stays ends by its TTL, and until then loads join it.
            let _ = finish(&shared, &keys, &noted, &End::of(&noted)).await;
        });
    }

    /// Removes names and renews tags. What Redis does not confirm is owed, and until it is paid
    /// this process uses nothing that is in Redis.
    ///
    /// Returns how many entries were there; `None` if that is not known.
    pub(crate) async fn invalidate(
        &self,
        names: &[impl AsRef<str>],
        tags: &[impl AsRef<str>],
    ) -> Option<u64> {
        self.remove(self.0.removal(names, tags), tags.len()).await
    }

    /// The same, to be done as soon as can be. Does not wait.
    pub(crate) fn owe(&self, names: &[impl AsRef<str>], tags: &[impl AsRef<str>]) {
        // Somebody must be there to send it.
        self.0.link();
        self.0.owe(&self.0.removal(names, tags));
    }

    /// Makes everything in the namespace stale at once.
    pub(crate) async fn invalidate_root(&self) {
        self.remove(vec![self.0.root_key()], 1).await;
    }

    /// Removes keys of which the first ones are tokens, or owes their removal.
    async fn remove(&self, keys: Vec<String>, tokens: usize) -> Option<u64> {
        if keys.is_empty() {
            return Some(0);
        }
        let mut owed = Owed { shared: &self.0, keys };
        // Removing is right also while other removals are owed.
        let turn = self.0.turn_to_remove().await.ok()?;
        let notice = self.0.notice_of(&owed.keys);
        let quick = turn.ready.quick();
        let removal = self.0.send_removal(&turn.ready, quick, &owed.keys, tokens, &notice);
        let removed = turn.ask(removal).await.ok()?;
        owed.keys.clear();
        Some(removed)
    }

    /// How long a question to the server takes.
    pub(crate) async fn ping(&self) -> Result<Duration, Away> {
        let turn = self.0.turn().await?;
        let before = Instant::now();
        turn.ask::<Value>(cmd("PING").query_async(&mut turn.ready.quick())).await?;
        Ok(before.elapsed())
    }

    /// Whether Redis can be used from here, and if not, why.
    pub(crate) async fn status(&self) -> Result<(), String> {
        if self.0.is_closed() {
            return Err("disconnected".into());
        }
        let Some(link) = self.0.link() else {
            return Err("no tokio runtime with timers".into());
        };
        link.ready().await;
        let _ = timeout(self.0.settings.deadline, self.0.feed.begun(&link)).await;
        match link.state() {
            State::Up(_) if self.0.journal.is_empty() => Ok(()),
            State::Up(_) => Err("invalidations are not yet confirmed".into()),
            State::Suspect(_) => Err("the last operation failed".into()),
            State::Connecting => Err("not yet connected".into()),
            State::Down(reason) => Err(reason),
            State::Closed => Err("disconnected".into()),
        }
    }

    /// Whether the next operation from here would be tried. Does not wait.
    pub(crate) fn usable(&self) -> bool {
        let state = self.0.link().map(|link| link.state());
        self.0.journal.is_empty() && matches!(state, Some(State::Up(_) | State::Connecting))
    }

    /// Why Redis is not used here just now.
    pub(crate) fn absence(&self) -> Absence {
        let Some(link) = self.0.link() else {
            let never_heard = !self.0.generations.lease.has_held_within(Duration::MAX);
            return if never_heard || self.0.is_closed() {
                Absence::Lasting
            } else {
                Absence::Brief
            };
        };
        match link.state() {
            State::Suspect(_) | State::Down(_) => Absence::Since(link.left_ms()),
            State::Closed => Absence::Lasting,
            State::Connecting | State::Up(_) => Absence::Brief,
        }
    }

    /// Copies are kept in memory from now on.
    pub(crate) fn want_feed(&self) {
        self.0.want_feed();
    }

    /// Whether Redis is asked from here.
    pub(crate) fn breaker(&self) -> Breaker {
        match self.0.link().map(|link| link.state()) {
            Some(State::Up(_)) => Breaker::Closed,
            Some(State::Suspect(_) | State::Connecting) => Breaker::HalfOpen,
            Some(State::Down(_) | State::Closed) | None => Breaker::Open,
        }
    }

    /// When an operation has failed last.
    pub(crate) fn last_failure(&self) -> Option<SystemTime> {
        self.0.record.last_failure()
    }

    /// Notices of others that were heard, and how often the feed was interrupted.
    pub(crate) fn heard(&self) -> (u64, u64) {
        (self.0.feed.heard.get(), self.0.feed.interruptions.get())
    }

    /// How the feed is.
    pub(crate) fn hearing(&self) -> Hearing {
        self.0.feed.hearing()
    }

    /// The server's time, if it is known here just now.
    pub(crate) fn now_ms(&self) -> Option<u64> {
        match self.0.link()?.state() {
            State::Up(ready) => Some(self.0.server_time(&ready)),
            _ => None,
        }
    }

    /// How many invalidations Redis is not yet known to hold.
    pub(crate) fn owed(&self) -> usize {
        self.0.journal.len()
    }

    /// Gives what is owed one more chance, for as long as an operation may take.
    pub(crate) async fn settle(&self) {
        let Some(link) = self.0.link().filter(|_| self.owed() > 0) else {
            return;
        };
        link.attention.notify_one();
        let settled = async {
            while self.owed() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = timeout(self.0.settings.deadline, settled).await;
    }

    /// Failed operations, and how often Redis was given up on.
    pub(crate) fn failures(&self) -> (u64, u64) {
        (self.0.errors.get(), self.0.outages.get())
    }

    /// What has been counted here, whatever has been reset.
    pub(crate) fn ever(&self) -> Beyond {
        Beyond {
            redis_errors: self.0.errors.ever(),
            redis_outages: self.0.outages.ever(),
            notices: self.0.feed.heard.ever(),
            ..Beyond::default()
        }
    }

    /// How long answers took.
    pub(crate) fn times(&self) -> Latencies {
        self.0.times.read()
    }

    pub(crate) fn reset_failures(&self) {
        self.0.times.reset();
        self.0.errors.reset();
        self.0.outages.reset();
        self.0.feed.heard.reset();
        self.0.feed.interruptions.reset();
    }

    /// Adds what has been counted since the last report to the sums of all processes.
    pub(crate) async fn report(&self) {
        if !self.0.settings.stats_interval.is_zero() && self.0.is_up() {
            // What cannot be sent is lost with this manager.
            let _ = timeout(self.0.settings.deadline, self.0.report(Duration::ZERO)).await;
        }
    }

    /// The sums of all processes.
    pub(crate) async fn tallied(&self) -> Result<Tallied, Away> {
        self.0.tallied().await
    }

    /// Starts the sums of all processes from zero.
    pub(crate) async fn reset_tally(&self) -> Result<(), Away> {
        self.0.reset_tally().await
    }

    /// Ends the background work; from now on Redis is away.
    pub(crate) fn close(&self) {
        self.0.close();
    }

    fn keys(&self, name: &str, tags: &[impl AsRef<str>]) -> Vec<String> {
        std::iter::once(self.0.value_key(name)).chain(self.0.token_keys(tags)).collect()
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.close();
    }
}

/// Ends a load: with an entry to store, or with nothing.
async fn finish(
    shared: &Arc<Shared>,
    keys: &[String],
    noted: &Noted,
    end: &End<'_>,
) -> Result<Filled, Away> {
    let End { entry, life, notice } = end;
    let tokens: Vec<[u8; 8]> = noted.tokens.iter().map(|token| token.to_le_bytes()).collect();
    let feed = shared.feed_channel();
    let mut arguments = vec![&noted.state[..], entry, life.as_bytes(), feed.as_bytes(), notice];
    arguments.extend(tokens.iter().map(|token| &token[..]));
    let turn = shared.turn().await?;
    let connection = lane(&turn.ready, entry.len());
    let call = turn.ready.script(connection, Script::Fill, keys, &arguments);
    Ok(match turn.ask::<u8>(call).await? {
        1 => Filled::Stored,
        2 => Filled::Outdated,
        _ => Filled::Refused,
    })
}

/// Removals that go to the journal unless they are confirmed first, also when the operation is
/// dropped half-way.
struct Owed<'a> {
    shared: &'a Shared,
    keys: Vec<String>,
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if !self.keys.is_empty() {
            self.shared.owe(&self.keys);
        }
    }
}

fn mget(keys: impl Iterator<Item = String>) -> Cmd {
    let mut command = cmd("MGET");
    keys.for_each(|key| _ = command.arg(key));
    command
}

fn lane(ready: &Ready, bytes: usize) -> MultiplexedConnection {
    if bytes < BULKY { ready.quick() } else { ready.bulk() }
}

fn entry_life(life: Life) -> String {
    match life {
        Life::For(duration) => millis(duration).max(1).to_string(),
        Life::Forever => "-1".into(),
    }
}

/// A token outlives every entry that notes it.
fn token_life(life: Life) -> String {
    match life {
        Life::For(duration) => millis(duration.saturating_mul(2).max(TOKEN_TTL)).to_string(),
        Life::Forever => "-1".into(),
    }
}

fn bytes_of(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}

fn token(value: &Value) -> Option<u64> {
    match value {
        Value::BulkString(bytes) => Some(number(bytes)),
        _ => None,
    }
}

/// A token as a number. One of another length is nobody's: it matches only another like it.
fn number(token: &[u8]) -> u64 {
    token.try_into().map_or(0, u64::from_le_bytes)
}
