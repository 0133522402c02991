//! One tokio runtime's connection to Redis, and the task that looks after it.
//!
//! A multiplexed connection lives on the runtime it was made on; used from another it hangs
//! whenever the first is not driven. So each runtime that uses a manager has a link of its own.
//! A link is made in the background. An operation uses it only while it is up; one that fails
//! makes it *suspect*, and it is not used again before the server has answered a ping.

use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, FromRedisValue, RedisError, RedisResult, cmd};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::feed;
use super::script::{Loaded, Script};
use super::shared::Shared;
use super::tls;
use crate::clock::{millis, precise_ms};
use crate::entry;

/// How long Redis remembers that a run of the server has been met; each health check renews it.
const RUN_TTL: Duration = Duration::from_secs(7 * 24 * 3600);
/// How many owed removals are sent in one command.
const REPLAY_BATCH: usize = 500;

#[derive(Debug)]
pub(super) struct Link {
    state: Mutex<State>,
    /// When it was up last, by the manager's clock; before that it never was.
    left_ms: AtomicU64,
    /// The state has changed.
    pub(super) changed: Notify,
    /// Somebody asks for attention: an operation failed, an invalidation is owed, the end.
    pub(super) attention: Notify,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    /// The first attempt is under way.
    Connecting,
    Up(Arc<Ready>),
    /// An operation failed: nothing is sent before the server has answered.
    Suspect(Arc<Ready>),
    /// The last attempt failed; the next one is on its way.
    Down(String),
    /// The manager has been disconnected.
    Closed,
}

/// A connection that has been prepared for use.
#[derive(Debug)]
pub(super) struct Ready {
    quick: MultiplexedConnection,
    /// The others, taken in turn.
    bulk: Vec<MultiplexedConnection>,
    turns: AtomicUsize,
    scripts: Arc<Loaded>,
    /// What to add to this process's monotonic milliseconds to get the server's time.
    pub(super) offset_ms: i64,
    /// Which run of which server this is.
    server: String,
}

impl Ready {
    /// The same connection with the server's time measured anew.
    fn at(&self, offset_ms: i64) -> Self {
        Ready {
            quick: self.quick(),
            bulk: self.bulk.clone(),
            turns: AtomicUsize::new(0),
            scripts: Arc::clone(&self.scripts),
            offset_ms,
            server: self.server.clone(),
        }
    }

    /// Which run of which server this is.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// For small things, which should not wait behind large ones.
    pub(super) fn quick(&self) -> MultiplexedConnection {
        self.quick.clone()
    }

    /// Runs a script on one of the two.
    pub(super) async fn script<T: FromRedisValue>(
        &self,
        mut connection: MultiplexedConnection,
        script: Script,
        keys: &[String],
        arguments: &[&[u8]],
    ) -> RedisResult<T> {
        self.scripts.run(&mut connection, script, keys, arguments).await
    }

    /// For large values and long work.
    pub(super) fn bulk(&self) -> MultiplexedConnection {
        let next = self.turns.fetch_add(1, Ordering::Relaxed) % self.bulk.len().max(1);
        self.bulk.get(next).unwrap_or(&self.quick).clone()
    }
}

impl Link {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Link {
            state: Mutex::new(State::Connecting),
            left_ms: AtomicU64::new(0),
            changed: Notify::new(),
            attention: Notify::new(),
        })
    }

    pub(super) fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A link that is closed stays so.
    fn set(&self, new: State) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*state, State::Closed) {
            *state = new;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// The connection, if it may be used now. During the first attempt this waits for it.
    pub(super) async fn ready(&self) -> Option<Arc<Ready>> {
        loop {
            let changed = self.changed.notified();
            match self.state() {
                State::Up(ready) => return Some(ready),
                State::Connecting => changed.await,
                State::Suspect(_) | State::Down(_) | State::Closed => return None,
            }
        }
    }

    /// After an operation failed: no further one before the server has answered. Says whether the
    /// link was up until now.
    pub(super) fn suspect(&self, now_ms: u64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State::Up(ready) = &*state else { return false };
        *state = State::Suspect(Arc::clone(ready));
        self.left_ms.store(now_ms, Ordering::Release);
        drop(state);
        self.attention.notify_one();
        true
    }

    /// When it was up last, by the manager's clock.
    pub(super) fn left_ms(&self) -> u64 {
        self.left_ms.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        self.set(State::Closed);
        self.attention.notify_one();
    }

    /// Closed by the manager, or left behind by its runtime.
    pub(super) fn ended(&self) -> bool {
        matches!(&*self.state.lock().unwrap_or_else(PoisonError::into_inner), State::Closed)
    }
}

/// The task of a link: it connects, keeps watch, and connects again, until the manager is gone.
pub(super) async fn attend(gone: Gone, shared: Weak<Shared>) {
    let link = Arc::clone(&gone.0);
    let mut backoff = Backoff::default();
    let mut was_down = false;
    loop {
        let Some(strong) = shared.upgrade() else {
            return;
        };
        match strong.connect().await {
            Ok(ready) if !link.ended() => {
                strong.log_up(was_down, &ready.server);
                go_up(&link, &strong, ready);
                backoff = Backoff::default();
                drop(strong);
                let Some(reason) = watch(&link, &shared).await else {
                    return;
                };
                let Some(strong) = shared.upgrade() else {
                    return;
                };
                strong.log_down(&reason);
                was_down = true;
                strong.suspect(&link);
                link.set(State::Down(reason));
            }
            Ok(_) => return,
            Err(error) if !link.ended() => {
                if matches!(link.state(), State::Connecting) {
                    strong.log_down(&error.to_string());
                    was_down = true;
                }
                link.set(State::Down(error.to_string()));
            }
            Err(_) => return,
        }
        sleep(backoff.next()).await;
        if link.ended() {
            return;
        }
    }
}

/// Makes the connection usable.
///
/// What memory holds from the time without Redis ends with it, also what is stored by loads that
/// began just before; unless the feed has heard all that others have invalidated meanwhile.
fn go_up(link: &Arc<Link>, shared: &Arc<Shared>, ready: Arc<Ready>) {
    if shared.feed.hears(&ready.server) {
        link.set(State::Up(ready));
    } else {
        shared.give_up_feed();
        // From here on loads do not go to memory any more; for the moment, operations wait.
        link.set(State::Connecting);
        shared.generations.bump_epoch();
        link.set(State::Up(ready));
    }
    feed::ensure(shared, link);
    if !shared.journal.is_empty() {
        link.attention.notify_one();
    }
}

/// Looks after a link that is up. Returns why it is no longer, or `None` at the end of it all.
async fn watch(link: &Arc<Link>, shared: &Weak<Shared>) -> Option<String> {
    let interval = shared.upgrade()?.settings.health_interval;
    loop {
        // Whether something happened or the time has come: the same look at everything.
        let _ = timeout(interval, link.attention.notified()).await;
        let shared = shared.upgrade()?;
        let (ready, suspect) = match link.state() {
            State::Up(ready) => (ready, false),
            State::Suspect(ready) => (ready, true),
            State::Closed => return None,
            State::Connecting | State::Down(_) => return Some("the connection was lost".into()),
        };
        match shared.check(&ready).await {
            Ok(ready) if suspect => match shared.record.pause(Instant::now()) {
                None => go_up(link, &shared, ready),
                Some(pause) => {
                    tracing::debug!(?pause, "Redis answers, but operations fail: it is left alone");
                    drop(shared);
                    // Asked again afterwards.
                    sleep(pause).await;
                    link.attention.notify_one();
                }
            },
            Ok(ready) => {
                renew(link, ready);
                feed::ensure(&shared, link);
            }
            Err(error) => return Some(error.to_string()),
        }
    }
}

/// Keeps what the check has measured, unless the link has become suspect in the meantime.
fn renew(link: &Link, renewed: Arc<Ready>) {
    let mut state = link.state.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut *state {
        State::Up(ready) => *ready = renewed,
        State::Suspect(_) => link.attention.notify_one(),
        State::Connecting | State::Down(_) | State::Closed => {}
    }
}

impl Shared {
    async fn connect(&self) -> RedisResult<Arc<Ready>> {
        let attempt = async {
            let mut quick = self.open().await?;
            let mut bulk = Vec::new();
            for _ in 1..self.settings.connections {
                bulk.push(self.open().await?);
            }
            let server = ask_server(&mut quick).await?;
            let scripts = Arc::new(Loaded::load(&mut quick).await?);
            let offset_ms = measure_offset(&mut quick).await?;
            let ready =
                Ready { quick, bulk, turns: AtomicUsize::new(0), scripts, offset_ms, server };
            // Removing is possible when writing is not.
            self.replay(&ready).await?;
            self.meet(&ready).await?;
            self.check_server(&ready).await?;
            RedisResult::Ok(Arc::new(ready))
        };
        self.within_connect_timeout(attempt).await.map_err(|error| match tls::advice(&error) {
            Some(advice) => refused(format!("{error}; {advice}")),
            None => error,
        })
    }

    pub(super) async fn within_connect_timeout<T>(
        &self,
        attempt: impl Future<Output = RedisResult<T>>,
    ) -> RedisResult<T> {
        let limit = self.settings.connect_timeout;
        timeout(limit, attempt).await.unwrap_or_else(|_| Err(no_answer(limit)))
    }

    pub(super) async fn open(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.connect_timeout))
            .set_response_timeout(None);
        self.settings.client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Asks the server whether it is there, pays what is owed, and measures its time anew.
    async fn check(&self, ready: &Ready) -> RedisResult<Arc<Ready>> {
        let answers = async {
            let offset_ms = measure_offset(&mut ready.quick()).await?;
            self.replay(ready).await?;
            self.check_server(ready).await?;
            RedisResult::Ok(offset_ms)
        };
        let offset_ms = timeout(self.settings.deadline, answers)
            .await
            .unwrap_or_else(|_| Err(no_answer(self.settings.deadline)))?;
        Ok(Arc::new(ready.at(offset_ms)))
    }

    /// A server that nobody has met may hold data from before confirmed invalidations.
    async fn meet(&self, ready: &Ready) -> RedisResult<()> {
        if self.settings.trust_restart {
            return Ok(());
        }
        let keys = [self.run_key(&ready.server), self.root_key()];
        let (ttl, feed) = (millis(RUN_TTL).to_string(), self.feed_channel());
        let notice = self.notice_of(&keys[1..]);
        let arguments = [ttl.as_bytes(), feed.as_bytes(), &notice];
        let new: u8 = ready.script(ready.quick(), Script::Meet, &keys, &arguments).await?;
        if new == 1 {
            tracing::debug!(
                server = ready.server,
                "first contact with this Redis server: nothing in it is trusted"
            );
        }
        Ok(())
    }

    /// All connections must lead to one server, which can be written to: what can only be read is
    /// of no use, since no load could be validated. Writing keeps the server known.
    async fn check_server(&self, ready: &Ready) -> RedisResult<()> {
        for mut connection in std::iter::once(ready.quick()).chain(ready.bulk.iter().cloned()) {
            if ask_server(&mut connection).await? != ready.server {
                return Err(refused("it is another server than before".into()));
            }
        }
        let mut set = cmd("SET");
        set.arg(self.run_key(&ready.server)).arg(1).arg("PX").arg(millis(RUN_TTL));
        set.query_async(&mut ready.quick()).await
    }

    /// Removes keys of which the first `tokens` are tokens, and tells the others. Returns how many of
    /// the rest were entries.
    pub(super) async fn send_removal(
        &self,
        ready: &Ready,
        connection: MultiplexedConnection,
        keys: &[String],
        tokens: usize,
        notice: &[u8],
    ) -> RedisResult<u64> {
        let (tokens, feed) = (tokens.to_string(), self.feed_channel());
        let arguments = [&entry::VALUE_MAGIC[..], tokens.as_bytes(), feed.as_bytes(), notice];
        ready.script(connection, Script::Remove, keys, &arguments).await
    }

    /// Sends the removals that are owed now. What is owed meanwhile waits for the next time, so
    /// that there is an end to it.
    async fn replay(&self, ready: &Ready) -> RedisResult<()> {
        let owed = self.journal.all();
        for batch in owed.chunks(REPLAY_BATCH) {
            let keys: Vec<String> = batch.iter().map(|(key, _)| key.clone()).collect();
            self.send_removal(ready, ready.quick(), &keys, keys.len(), &self.notice_of(&keys))
                .await?;
            self.journal.confirm(batch);
        }
        if !owed.is_empty() && !self.feed.hears(&ready.server) {
            // Memory stood in for Redis: what others invalidate there does not reach it.
            self.generations.bump_epoch();
        }
        Ok(())
    }
}

/// Which run of which server answers here. A server that has been a replica meanwhile has another
/// replication id: it may have missed what was confirmed by its master.
pub(super) async fn ask_server(connection: &mut MultiplexedConnection) -> RedisResult<String> {
    let info: String = cmd("INFO").arg("server").arg("replication").query_async(connection).await?;
    check_version(&info)?;
    let run = field(&info, "run_id").unwrap_or_default();
    let replication = field(&info, "master_replid").unwrap_or_default();
    Ok(format!("{run}:{replication}"))
}

/// The difference between the server's clock and this process's monotonic one.
async fn measure_offset(connection: &mut MultiplexedConnection) -> RedisResult<i64> {
    let before = precise_ms();
    let (seconds, micros): (i64, i64) = cmd("TIME").query_async(connection).await?;
    let here = (before + precise_ms()) / 2;
    Ok(seconds * 1_000 + micros / 1_000 - here.cast_signed())
}

/// Scripts need `PEXPIRE GT`, which came with 7.0.
pub(super) fn check_version(info: &str) -> RedisResult<()> {
    let version = field(info, "redis_version").unwrap_or("0");
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if major >= 7 {
        return Ok(());
    }
    Err(refused(format!(
        "Redis 7.0 or Valkey 7.2 is the least that can be used; this server is {version}"
    )))
}

pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn refused(message: String) -> RedisError {
    RedisError::from((redis::ErrorKind::Client, "this server cannot be used", message))
}

pub(super) fn no_answer(after: Duration) -> RedisError {
    RedisError::from(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        format!("no answer within {after:?}"),
    ))
}

/// Lets nobody wait for a link whose task has ended, be it with its runtime.
pub(super) struct Gone(Arc<Link>);

impl Gone {
    pub(super) fn new(link: &Arc<Link>) -> Self {
        Gone(Arc::clone(link))
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A runtime without I/O, most likely. Trying again would panic again.
            self.0.set(State::Down("this runtime cannot connect".into()));
        } else {
            self.0.set(State::Closed);
        }
    }
}
