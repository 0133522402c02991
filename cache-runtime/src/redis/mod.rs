//! The Redis store: entries, marks and tokens, and what is done with them.
//!
//! Every operation has a deadline, and none waits for a connection to be made but the very first.
//! Whatever goes wrong comes back as [`Away`]: the caller goes on without Redis.

mod journal;
mod link;
mod script;

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value, cmd, pipe};
use tokio::runtime::Handle;
use tokio::runtime::Id as RuntimeId;
use tokio::time::timeout;

use crate::clock::{Clock, millis, precise_ms};
use crate::entry;
use crate::generation::Generations;
use crate::glob;
use crate::random;
use crate::stats::Counter;
use journal::Journal;
use link::{Link, Ready, State};
use script::{STATE_BYTES, Script};

/// How many keys one page of a scan asks for.
const SCAN_COUNT: usize = 1_000;
/// A value of at least so many bytes goes over the connection for large things.
const BULKY: usize = 16 * 1024;
/// The least time a token lives.
const TOKEN_TTL: Duration = Duration::from_secs(24 * 3600);

/// What the Redis store needs to know.
pub(crate) struct Settings {
    pub(crate) client: Client,
    /// The address for logs and errors: secrets masked.
    pub(crate) address: String,
    pub(crate) namespace: String,
    pub(crate) connections: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) health_interval: Duration,
    pub(crate) max_load: Duration,
    pub(crate) trust_restart: bool,
}

/// Redis cannot be used just now, or did not answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Away;

/// The life of an entry or token in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    For(Duration),
    Forever,
}

/// An entry as it was read, with the tokens as they are now, in the order they were asked for.
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
    pub(crate) tokens: Vec<u64>,
    mine: bool,
}

impl Noted {
    /// Whether the mark is this load's own.
    pub(crate) fn is_mine(&self) -> bool {
        self.mine
    }
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

/// The shared tier of one manager.
pub(crate) struct RedisStore(Arc<Shared>);

pub(crate) struct Shared {
    client: Client,
    address: String,
    namespace: String,
    connections: usize,
    connect_timeout: Duration,
    deadline: Duration,
    health_interval: Duration,
    max_load: Duration,
    trust_restart: bool,
    generations: Arc<Generations>,
    clock: Clock,
    links: Mutex<HashMap<RuntimeId, Arc<Link>>>,
    journal: Journal,
    closed: AtomicBool,
    no_runtime_logged: AtomicBool,
    pub(crate) errors: Counter,
    pub(crate) outages: Counter,
}

impl RedisStore {
    pub(crate) fn new(settings: Settings, generations: Arc<Generations>, clock: Clock) -> Self {
        let journal = Journal::new(format!("{}:#root", settings.namespace));
        RedisStore(Arc::new(Shared {
            client: settings.client,
            address: settings.address,
            namespace: settings.namespace,
            connections: settings.connections,
            connect_timeout: settings.connect_timeout,
            deadline: settings.deadline,
            health_interval: settings.health_interval,
            max_load: settings.max_load,
            trust_restart: settings.trust_restart,
            generations,
            clock,
            links: Mutex::default(),
            journal,
            closed: AtomicBool::new(false),
            no_runtime_logged: AtomicBool::new(false),
            errors: Counter::default(),
            outages: Counter::default(),
        }))
    }

    /// Failed operations, and how often Redis was given up on.
    pub(crate) fn failures(&self) -> (u64, u64) {
        (self.0.errors.get(), self.0.outages.get())
    }

    pub(crate) fn reset_failures(&self) {
        self.0.errors.reset();
        self.0.outages.reset();
    }

    /// The value under a name and the tokens of its tags, in one round trip.
    pub(crate) async fn read(&self, name: &str, tags: &[impl AsRef<str>]) -> Result<Found, Away> {
        let mut mget = cmd("MGET");
        mget.arg(self.0.value_key(name));
        for key in self.0.token_keys(tags) {
            mget.arg(key);
        }
        let (link, ready) = self.ready().await?;
        let mut values: Vec<Value> = self
            .0
            .within(&link, mget.query_async(&mut ready.quick()))
            .await?;
        let tokens = values
            .split_off(1.min(values.len()))
            .iter()
            .map(token)
            .collect();
        let bytes = values.pop().and_then(bytes_of);
        Ok(Found {
            bytes,
            tokens,
            now_ms: self.0.server_time(&ready),
        })
    }

    /// The tokens of tags alone.
    pub(crate) async fn tokens(&self, tags: &[impl AsRef<str>]) -> Result<Vec<Option<u64>>, Away> {
        let mut mget = cmd("MGET");
        for tag in tags {
            mget.arg(self.0.token_key(tag.as_ref()));
        }
        let (link, ready) = self.ready().await?;
        let values: Vec<Value> = self
            .0
            .within(&link, mget.query_async(&mut ready.quick()))
            .await?;
        Ok(values.iter().map(token).collect())
    }

    /// Several values and several tokens, in one round trip.
    pub(crate) async fn read_many(
        &self,
        names: &[impl AsRef<str>],
        tags: &[impl AsRef<str>],
    ) -> Result<(Vec<Option<Vec<u8>>>, Found), Away> {
        let mut mget = cmd("MGET");
        for name in names {
            mget.arg(self.0.value_key(name.as_ref()));
        }
        for key in self.0.token_keys(tags) {
            mget.arg(key);
        }
        let (link, ready) = self.ready().await?;
        let mut values: Vec<Value> = self
            .0
            .within(&link, mget.query_async(&mut ready.bulk()))
            .await?;
        let tokens = values
            .split_off(names.len().min(values.len()))
            .iter()
            .map(token)
            .collect();
        let found = Found {
            bytes: None,
            tokens,
            now_ms: self.0.server_time(&ready),
        };
        Ok((values.into_iter().map(bytes_of).collect(), found))
    }

    /// A load begins: sets or joins the mark, and notes the tokens.
    ///
    /// `stale` is the beginning of the entry that was found and is of no use any more.
    pub(crate) async fn begin(
        &self,
        name: &str,
        tags: &[impl AsRef<str>],
        mark: &[u8],
        stale: Option<&[u8]>,
        life: Life,
    ) -> Result<Noted, Away> {
        let keys = self.0.keys(name, tags);
        let (mark_ms, token_ms) = (millis(self.0.max_load).to_string(), token_life(life));
        let fresh: Vec<[u8; 8]> = (1..keys.len())
            .map(|_| random::word().to_le_bytes())
            .collect();
        let stale = stale.map_or(&[][..], |bytes| &bytes[..bytes.len().min(STATE_BYTES)]);
        let mut arguments = vec![mark, mark_ms.as_bytes(), stale, token_ms.as_bytes()];
        arguments.extend(fresh.iter().map(|token| &token[..]));
        let (link, ready) = self.ready().await?;
        let mut quick = ready.quick();
        let call = ready
            .scripts
            .run(&mut quick, Script::Begin, &keys, &arguments);
        let mut reply: Vec<Vec<u8>> = self.0.within(&link, call).await?;
        let tokens = reply
            .split_off(1.min(reply.len()))
            .iter()
            .map(|token| number(token))
            .collect();
        let state = reply.pop().unwrap_or_default();
        Ok(Noted {
            mine: state == mark,
            state,
            tokens,
        })
    }

    /// Stores a load's value, if nothing has come between.
    pub(crate) async fn fill(
        &self,
        name: &str,
        tags: &[impl AsRef<str>],
        noted: &Noted,
        entry: &[u8],
        life: Life,
    ) -> Result<Filled, Away> {
        self.finish(name, tags, noted, entry, &entry_life(life))
            .await
    }

    /// Ends a load that has nothing to store: takes its mark away, and says whether its value
    /// could have been stored.
    pub(crate) async fn release(
        &self,
        name: &str,
        tags: &[impl AsRef<str>],
        noted: &Noted,
    ) -> Result<Filled, Away> {
        self.finish(name, tags, noted, &[], if noted.mine { "1" } else { "0" })
            .await
    }

    async fn finish(
        &self,
        name: &str,
        tags: &[impl AsRef<str>],
        noted: &Noted,
        entry: &[u8],
        life: &str,
    ) -> Result<Filled, Away> {
        let keys = self.0.keys(name, tags);
        let tokens: Vec<[u8; 8]> = noted
            .tokens
            .iter()
            .map(|token| token.to_le_bytes())
            .collect();
        let mut arguments = vec![&noted.state[..], entry, life.as_bytes()];
        arguments.extend(tokens.iter().map(|token| &token[..]));
        let (link, ready) = self.ready().await?;
        let mut connection = lane(&ready, entry.len());
        let call = ready
            .scripts
            .run(&mut connection, Script::Fill, &keys, &arguments);
        Ok(match self.0.within::<u8>(&link, call).await? {
            1 => Filled::Stored,
            2 => Filled::Outdated,
            _ => Filled::Refused,
        })
    }

    /// Notes the tokens of tags, for values that are stored whatever is there.
    pub(crate) async fn note(
        &self,
        tags: &[impl AsRef<str>],
        life: Life,
    ) -> Result<(Vec<u64>, u64), Away> {
        let noted = self.begin("", tags, &[], None, life).await?;
        let (_, ready) = self.ready().await?;
        Ok((noted.tokens, self.0.server_time(&ready)))
    }

    /// Stores entries, whatever was there before.
    pub(crate) async fn put(&self, entries: &[(String, Vec<u8>, Life)]) -> Result<(), Away> {
        let mut pipeline = pipe();
        for (name, entry, life) in entries {
            let set = pipeline.cmd("SET").arg(self.0.value_key(name)).arg(entry);
            if let Life::For(duration) = life {
                set.arg("PX").arg(millis(*duration));
            }
            set.ignore();
        }
        let bytes = entries.iter().map(|(_, entry, _)| entry.len()).sum();
        let (link, ready) = self.ready().await?;
        self.0
            .within(&link, pipeline.query_async(&mut lane(&ready, bytes)))
            .await
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
        self.0.owe(&self.0.removal(names, tags));
    }

    /// Removes keys of which the first ones are tokens, or owes their removal.
    async fn remove(&self, keys: Vec<String>, tokens: usize) -> Option<u64> {
        if keys.is_empty() {
            return Some(0);
        }
        let mut owed = Owed {
            shared: &self.0,
            keys,
        };
        let (link, ready) = self.ready().await.ok()?;
        let (mut quick, tokens) = (ready.quick(), tokens.to_string());
        let arguments = [ENTRY, tokens.as_bytes()];
        let call = ready
            .scripts
            .run(&mut quick, Script::Remove, &owed.keys, &arguments);
        let removed = self.0.within(&link, call).await.ok()?;
        owed.keys.clear();
        Some(removed)
    }

    /// Makes everything in the namespace stale at once.
    pub(crate) async fn invalidate_root(&self) {
        self.remove(vec![self.0.root_key()], 1).await;
    }

    /// Removes all entries and marks whose names match, and counts the entries.
    ///
    /// Page by page to the end of the cursor. If Redis goes away on the way the rest is not
    /// removed, and the whole namespace is owed an invalidation.
    pub(crate) async fn clear(&self, pattern: &str) -> Option<u64> {
        let mut owed = Owed {
            shared: &self.0,
            keys: vec![self.0.root_key()],
        };
        let (link, ready) = self.ready().await.ok()?;
        let matching = format!("{}:{pattern}", glob::escape(&self.0.namespace));
        let reserved = format!("{}:#", self.0.namespace);
        let mut removed = 0;
        let mut cursor = 0_u64;
        loop {
            let scan = scan(cursor, &matching);
            let (next, mut keys): (u64, Vec<String>) = self
                .0
                .within(&link, scan.query_async(&mut ready.bulk()))
                .await
                .ok()?;
            keys.retain(|key| !key.starts_with(&reserved));
            if !keys.is_empty() {
                let mut bulk = ready.bulk();
                let call =
                    ready
                        .scripts
                        .run::<u64>(&mut bulk, Script::Remove, &keys, &[ENTRY, b"0"]);
                removed += self.0.within(&link, call).await.ok()?;
            }
            if next == 0 {
                owed.keys.clear();
                return Some(removed);
            }
            cursor = next;
        }
    }

    /// How long a question to the server takes.
    pub(crate) async fn ping(&self) -> Result<Duration, Away> {
        let (link, ready) = self.ready().await?;
        let before = std::time::Instant::now();
        self.0
            .within::<Value>(&link, cmd("PING").query_async(&mut ready.quick()))
            .await?;
        Ok(before.elapsed())
    }

    /// Whether Redis can be used from here, and if not, why.
    pub(crate) async fn status(&self) -> Result<(), String> {
        let Some(link) = self.0.link() else {
            return Err("no tokio runtime".into());
        };
        link.ready().await;
        match link.state() {
            State::Up(_) if self.0.journal.is_empty() => Ok(()),
            State::Up(_) => Err("invalidations are not yet confirmed".into()),
            State::Suspect(_) => Err("the last operation failed".into()),
            State::Connecting => Err("not yet connected".into()),
            State::Down(reason) => Err(reason),
            State::Closed => Err("disconnected".into()),
        }
    }

    /// The server's time, if it is known here just now.
    pub(crate) fn now_ms(&self) -> Option<u64> {
        match self.0.link()?.state() {
            State::Up(ready) => Some(self.0.server_time(&ready)),
            _ => None,
        }
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
        let _ = timeout(self.0.deadline, settled).await;
    }

    /// Removes everything, and makes it stale first.
    pub(crate) async fn flush(&self) -> Option<u64> {
        self.invalidate_root().await;
        self.clear("*").await
    }

    /// Whether the next operation from here would be tried. Does not wait.
    pub(crate) fn usable(&self) -> bool {
        let up = |link: Arc<Link>| matches!(link.state(), State::Up(_) | State::Connecting);
        self.0.journal.is_empty() && self.0.link().is_some_and(up)
    }

    /// How many invalidations Redis is not yet known to hold.
    pub(crate) fn owed(&self) -> usize {
        self.0.journal.len()
    }

    /// Ends the background work; from now on Redis is away.
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        for (_, link) in self.0.lock_links().drain() {
            link.close();
        }
    }

    async fn ready(&self) -> Result<(Arc<Link>, Ready), Away> {
        let link = self.0.link().ok_or(Away)?;
        let ready = link.ready().await.ok_or(Away)?;
        if self.0.journal.is_empty() {
            Ok((link, ready))
        } else {
            Err(Away)
        }
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.close();
    }
}

/// What an entry's first bytes are, by which it is told from a mark.
const ENTRY: &[u8] = &entry::VALUE_MAGIC;

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

impl Shared {
    /// This runtime's link, made on first use.
    fn link(self: &Arc<Self>) -> Option<Arc<Link>> {
        let Ok(runtime) = Handle::try_current() else {
            if !self.no_runtime_logged.swap(true, Ordering::Relaxed) {
                tracing::warn!("called outside a tokio runtime: Redis is not used there");
            }
            return None;
        };
        let mut links = self.lock_links();
        if let Some(link) = links.get(&runtime.id()).filter(|link| !link.ended()) {
            return Some(Arc::clone(link));
        }
        if self.closed.load(Ordering::Acquire) {
            return None;
        }
        links.retain(|_, link| !link.ended());
        let link = Link::new();
        runtime.spawn(link::attend(Arc::clone(&link), Arc::downgrade(self)));
        links.insert(runtime.id(), Arc::clone(&link));
        Some(link)
    }

    fn lock_links(&self) -> std::sync::MutexGuard<'_, HashMap<RuntimeId, Arc<Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An operation with its deadline. A failure that may be the connection's makes it suspect.
    async fn within<T>(
        &self,
        link: &Link,
        operation: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Away> {
        let reason = match timeout(self.deadline, operation).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => {
                if of_the_connection(&error) {
                    link.suspect();
                }
                error.to_string()
            }
            Err(_) => {
                link.suspect();
                format!("no answer within {:?}", self.deadline)
            }
        };
        self.errors.one();
        tracing::debug!(reason, "a Redis operation failed");
        Err(Away)
    }

    fn owe(&self, keys: &[String]) {
        self.journal.add(keys);
        for link in self.lock_links().values() {
            link.attention.notify_one();
        }
    }

    /// The keys that an invalidation removes, tokens first.
    fn removal(&self, names: &[impl AsRef<str>], tags: &[impl AsRef<str>]) -> Vec<String> {
        let tokens = tags.iter().map(|tag| self.token_key(tag.as_ref()));
        tokens
            .chain(names.iter().map(|name| self.value_key(name.as_ref())))
            .collect()
    }

    fn server_time(&self, ready: &Ready) -> u64 {
        precise_ms()
            .saturating_add_signed(ready.offset_ms)
            .saturating_add_signed(self.clock.ahead_ms())
    }

    fn value_key(&self, name: &str) -> String {
        format!("{}:{name}", self.namespace)
    }

    fn token_key(&self, tag: &str) -> String {
        self.own_key(&format!("t:{tag}"))
    }

    fn own_key(&self, key: &str) -> String {
        format!("{}:#{key}", self.namespace)
    }

    fn root_key(&self) -> String {
        self.own_key("root")
    }

    /// The tokens an entry depends on: the root's first.
    fn token_keys(&self, tags: &[impl AsRef<str>]) -> impl Iterator<Item = String> {
        std::iter::once(self.root_key()).chain(tags.iter().map(|tag| self.token_key(tag.as_ref())))
    }

    fn keys(&self, name: &str, tags: &[impl AsRef<str>]) -> Vec<String> {
        std::iter::once(self.value_key(name))
            .chain(self.token_keys(tags))
            .collect()
    }

    fn log_up(&self, again: bool, run_id: &str) {
        if again {
            tracing::info!(redis = self.address, run_id, "Redis is back");
        } else {
            tracing::debug!(redis = self.address, run_id, "connected to Redis");
        }
    }

    fn log_down(&self, reason: &str) {
        self.outages.one();
        tracing::warn!(
            redis = self.address,
            reason,
            "Redis is away; going on without it"
        );
    }
}

/// Errors that say nothing about the connection leave it in use.
fn of_the_connection(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown | ServerErrorKind::ReadOnly
        ),
        ErrorKind::Extension | ErrorKind::UnexpectedReturnType => false,
        _ => true,
    }
}

fn lane(ready: &Ready, bytes: usize) -> MultiplexedConnection {
    if bytes < BULKY {
        ready.quick()
    } else {
        ready.bulk()
    }
}

fn scan(cursor: u64, pattern: &str) -> redis::Cmd {
    cmd("SCAN")
        .arg(cursor)
        .arg("MATCH")
        .arg(pattern)
        .arg("COUNT")
        .arg(SCAN_COUNT)
        .to_owned()
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
