//! One tokio runtime's connection to Redis, and the task that looks after it.
//!
//! A multiplexed connection lives on the runtime it was made on; used from another it hangs
//! whenever the first is not driven. So each runtime that uses a manager has a link of its own.
//! A link is made in the background. An operation uses it only while it is up; one that fails
//! makes it *suspect*, and it is not used again before the server has answered a ping.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all, select_ok};
use redis::aio::MultiplexedConnection;
use redis::{ConnectionInfo, RedisError, RedisResult, Value, cmd};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::feed;
use super::node::{Lane, Node, refused};
use super::ready::{Ready, is_half_moved};
use super::rights::{self, Need};
use super::script::{Loaded, Script};
use super::shared::Shared;
use super::tls;
use super::topology::{self, Master, Slots};
use crate::clock::millis;
use crate::config::Address;
use crate::entry;

/// How long Redis remembers that a run of the server has been met; each health check renews it.
const RUN_TTL: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Debug)]
pub(super) struct Link {
    state: Mutex<State>,
    /// When it was up last, by the manager's clock; before that it never was.
    left_ms: AtomicU64,
    /// The state has changed.
    pub(super) changed: Notify,
    /// Somebody asks for attention: an operation failed, the end.
    pub(super) attention: Notify,
    /// A removal is pending that may be sent, or the link is another than before.
    pub(super) pending: Notify,
    /// A server has refused something that it permitted before.
    refused: AtomicBool,
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

impl Link {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Link {
            state: Mutex::new(State::Connecting),
            left_ms: AtomicU64::new(0),
            changed: Notify::new(),
            attention: Notify::new(),
            pending: Notify::new(),
            refused: AtomicBool::new(false),
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
        self.pending.notify_one();
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

    /// Has the rights of the user looked at with the next check.
    pub(super) fn note_refusal(&self) {
        self.refused.store(true, Ordering::Release);
        self.attention.notify_one();
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
                strong.log_up(was_down, ready.server());
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
                let reason = error.to_string();
                if matches!(link.state(), State::Connecting) {
                    strong.log_down(&reason);
                    was_down = true;
                } else {
                    strong.log_still_down(&reason);
                }
                link.set(State::Down(reason));
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
    if shared.feed.hears(ready.server()) {
        link.set(State::Up(ready));
    } else {
        shared.give_up_feed();
        // From here on loads do not go to memory any more; for the moment, operations wait.
        link.set(State::Connecting);
        shared.generations.bump_epoch();
        link.set(State::Up(ready));
    }
    feed::ensure(shared, link);
}

/// Looks after a link that is up. Returns why it is no longer, or `None` at the end of it all.
async fn watch(link: &Arc<Link>, shared: &Weak<Shared>) -> Option<String> {
    loop {
        // Whether something happened or the time has come: the same look at everything.
        attention(link, shared).await?;
        let shared = shared.upgrade()?;
        let (before, suspect) = match link.state() {
            State::Up(ready) => (ready, false),
            State::Suspect(ready) => (ready, true),
            State::Closed => return None,
            State::Connecting | State::Down(_) => return Some("the connection was lost".into()),
        };
        match shared.check(link, &before).await {
            // A cluster's masters may be others than before.
            Ok(ready) if !suspect && ready.server() != before.server() => {
                go_up(link, &shared, ready);
            }
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

/// Waits until something happens or the time for a check has come. Meanwhile it sees to it that somebody listens to
/// the feed: who did may be on a runtime that is not driven any more.
async fn attention(link: &Arc<Link>, shared: &Weak<Shared>) -> Option<()> {
    let mut left = shared.upgrade()?.settings.health_interval;
    while !left.is_zero() {
        let strong = shared.upgrade()?;
        let wait = if strong.feed.is_wanted() { left.min(feed::LOOK) } else { left };
        drop(strong);
        if timeout(wait, link.attention.notified()).await.is_ok() {
            break;
        }
        left -= wait;
        feed::ensure(&shared.upgrade()?, link);
    }
    Some(())
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
            let first = self.begin_with().await?;
            let scripts = Arc::new(Loaded::load(&first).await?);
            let ready = self.complete(first, Vec::new(), scripts).await?;
            // Removing is possible when writing is not.
            self.replay(&ready).await?;
            self.meet(&ready).await?;
            self.keep_known(&ready).await?;
            RedisResult::Ok(Arc::new(ready))
        };
        self.within_connect_timeout(attempt).await.map_err(|error| {
            match tls::advice(&error, &self.settings.servers.tls) {
                Some(advice) => refused(format!("{error}; {advice}")),
                None => error,
            }
        })
    }

    /// The server to begin with.
    async fn begin_with(&self) -> RedisResult<Node> {
        let (info, connection) = self.reach().await?;
        let node = Node::with(self, info, connection).await?;
        if self.settings.servers.address.is_cluster() && !node.is_of_cluster {
            return Err(refused(format!(
                "several addresses are those of a cluster, and {} is no node of one",
                node.name()
            )));
        }
        Ok(node)
    }

    /// A connection to the master that sentinels name, or to one of the servers that are configured; if none
    /// answers, to one that was found by asking them.
    pub(super) async fn reach(&self) -> RedisResult<(ConnectionInfo, MultiplexedConnection)> {
        let Address { named, master, .. } = &self.settings.servers.address;
        if let Some(master) = master {
            return self.reach_master(named, master).await;
        }
        let found = self.found();
        // The cluster may have moved away from all of the addresses that are configured, and not from others.
        let share = self.settings.connect_timeout / if found.is_empty() { 1 } else { 2 };
        let reached = timeout(share, self.reach_any(named)).await;
        match reached.unwrap_or_else(|_| Err(no_answer(share))) {
            Err(_) if !found.is_empty() => self.reach_any(&found).await,
            reached => reached,
        }
    }

    /// A connection to whichever answers first: one that is silent makes nobody wait.
    async fn reach_any(
        &self,
        servers: &[ConnectionInfo],
    ) -> RedisResult<(ConnectionInfo, MultiplexedConnection)> {
        let attempt = async |info: &ConnectionInfo| {
            let connection = self.open(info).await?;
            RedisResult::Ok((info.clone(), connection))
        };
        let (reached, _) = select_ok(servers.iter().map(|info| Box::pin(attempt(info)))).await?;
        Ok(reached)
    }

    /// A server with all others of its cluster, if it is of one. Those that are known are not connected to
    /// anew.
    async fn complete(
        &self,
        first: Node,
        known: Vec<Node>,
        scripts: Arc<Loaded>,
    ) -> RedisResult<Ready> {
        if !first.is_of_cluster {
            return self.ready(vec![first], None, scripts);
        }
        if !cfg!(feature = "cluster") {
            return Err(refused("it is a node of a cluster: enable the feature `cluster`"));
        }
        let mut connection = first.connection(Lane::Quick);
        let encrypted = self.settings.servers.are_encrypted();
        let masters = topology::masters(&mut connection, encrypted).await?;
        let slots = Slots::new(&masters);
        if slots.has_gap() {
            return Err(refused("its cluster has slots that no master has"));
        }
        let known: Vec<_> = std::iter::once(first).chain(known).collect();
        let nodes = join_all(masters.iter().map(|master| self.node_of(master, &known))).await;
        let nodes = nodes.into_iter().collect::<RedisResult<Vec<_>>>()?;
        self.note_found(nodes.iter().map(|node| node.info.clone()).collect());
        self.ready(nodes, Some(slots), scripts)
    }

    fn ready(
        &self,
        nodes: Vec<Node>,
        slots: Option<Slots>,
        scripts: Arc<Loaded>,
    ) -> RedisResult<Ready> {
        // Of a feed it is said when it is wanted.
        let lacks =
            nodes.iter().flat_map(|node| &*node.lacks).filter(|lack| lack.need != Need::Feed);
        self.note_lacks(rights::describe_all(lacks, self.user(), &self.settings.namespace));
        Ready::new(nodes, slots, scripts)
    }

    async fn node_of(&self, master: &Master, known: &[Node]) -> RedisResult<Node> {
        let asked = known.first().and_then(Node::host);
        let host = master.host.as_deref().or(asked).unwrap_or_default();
        if let Some(node) = known.iter().find(|node| node.is_at(host, master.port)) {
            return Ok(node.clone());
        }
        let info = self.settings.servers.at(host, master.port);
        let node = Node::connect(self, info.ok_or_else(|| refused("a node has a host"))?).await?;
        Loaded::load(&node).await?;
        Ok(node)
    }

    pub(super) async fn within_connect_timeout<T>(
        &self,
        attempt: impl Future<Output = RedisResult<T>>,
    ) -> RedisResult<T> {
        let limit = self.settings.connect_timeout;
        timeout(limit, attempt).await.unwrap_or_else(|_| Err(no_answer(limit)))
    }

    pub(super) async fn open(&self, to: &ConnectionInfo) -> RedisResult<MultiplexedConnection> {
        self.settings.servers.connect(to, self.settings.connect_timeout).await
    }

    /// Asks the servers whether they are there, pays what is owed, and measures their times anew. In a
    /// cluster it is also asked who has what, and a master that is new is connected to.
    async fn check(&self, link: &Link, ready: &Ready) -> RedisResult<Arc<Ready>> {
        let was_refused = link.refused.swap(false, Ordering::AcqRel);
        let check = async |node: &Node| {
            let node = node.check(self.settings.deadline).await?;
            if was_refused { node.check_rights(self).await } else { Ok(node) }
        };
        let nodes = join_all(ready.nodes().map(check)).await;
        let mut nodes = nodes.into_iter().collect::<RedisResult<Vec<_>>>()?;
        let first = nodes.remove(0);
        let completed = self.complete(first, nodes, Arc::clone(ready.scripts()));
        let checked = self.within_connect_timeout(completed).await?;
        let rest = async {
            self.replay(&checked).await?;
            if checked.server() != ready.server() {
                self.meet(&checked).await?;
            }
            self.keep_known(&checked).await
        };
        timeout(self.settings.deadline, rest)
            .await
            .unwrap_or_else(|_| Err(no_answer(self.settings.deadline)))?;
        Ok(Arc::new(checked))
    }

    /// A server that nobody has met may hold data from before confirmed invalidations: the root's token
    /// goes, before anybody reads, and then the server is known.
    async fn meet(&self, ready: &Ready) -> RedisResult<()> {
        if self.settings.trust_restart {
            return Ok(());
        }
        let runs = ready.nodes().map(|node| self.run_key(&node.server));
        let met = ready.values(Lane::Quick, runs).await?;
        if met.contains(&Value::Nil) {
            let root = [self.root_key()];
            self.send_removal(ready, Lane::Quick, &root, 1, &self.notice_of(&root)).await?;
            tracing::debug!(
                servers = ready.server(),
                "first contact with a Redis server: nothing in Redis is trusted"
            );
        }
        Ok(())
    }

    /// The servers are known from now on, or for longer. What can only be read is of no use, since no
    /// load could be validated: so this is written each time.
    async fn keep_known(&self, ready: &Ready) -> RedisResult<()> {
        let known = async |node: &Node| {
            let key = self.run_key(&node.server);
            let mut set = cmd("SET");
            set.arg(&key).arg(1).arg("PX").arg(millis(RUN_TTL));
            ready.ask(Lane::Quick, &key, &set).await
        };
        join_all(ready.nodes().map(known)).await.into_iter().collect()
    }

    /// Removes keys of which the first `tokens` are tokens, and tells the others. The tokens of names go with
    /// them. Returns how many of the rest were entries.
    pub(super) async fn send_removal(
        &self,
        ready: &Ready,
        lane: Lane,
        keys: &[String],
        tokens: usize,
        notice: &[u8],
    ) -> RedisResult<u64> {
        let (feed, notice) = (self.feed_channel(), ready.tells(notice));
        let remove = async |keys: &[String], tokens: usize, notice: &[u8]| -> RedisResult<u64> {
            let tokens = tokens.to_string();
            let arguments = [&entry::VALUE_MAGIC[..], tokens.as_bytes(), feed.as_bytes(), notice];
            ready.script(lane, Script::Remove, keys, &arguments).await
        };
        let with_name_tokens = |keys: &[String], tokens: usize| {
            let mut all: Vec<_> = keys.iter().filter_map(|key| self.name_token_key(key)).collect();
            let tokens = tokens + all.len();
            all.extend(keys.iter().cloned());
            (all, tokens)
        };
        if !ready.is_cluster() {
            let (keys, tokens) = with_name_tokens(keys, tokens);
            return remove(&keys, tokens, notice).await;
        }
        // Each on its own node, which tells of it.
        let each = async |(number, key): (usize, &String)| {
            let notice = match notice.is_empty() {
                true => Vec::new(),
                false => self.notice_of(std::slice::from_ref(key)),
            };
            let (keys, tokens) =
                with_name_tokens(std::slice::from_ref(key), usize::from(number < tokens));
            match &keys[..] {
                [token, key] => {
                    if ready.are_together(token, key) {
                        match remove(&keys, tokens, &notice).await {
                            Err(error) if is_half_moved(&error) => {}
                            removed => return removed,
                        }
                    }
                    let token = remove(std::slice::from_ref(token), 1, &notice);
                    let (token, removed) =
                        join(token, remove(std::slice::from_ref(key), tokens - 1, &notice)).await;
                    token.and(removed)
                }
                keys => remove(keys, tokens, &notice).await,
            }
        };
        let removed = join_all(keys.iter().enumerate().map(each)).await;
        removed.into_iter().sum()
    }

    /// Sends the removals that are owed now. What is owed meanwhile waits for the next time, so
    /// that there is an end to it.
    async fn replay(&self, ready: &Ready) -> RedisResult<()> {
        let batches = self.journal.batches();
        for batch in &batches {
            self.send_batch(ready, batch).await?;
        }
        if !batches.is_empty() && !self.feed.hears(ready.server()) {
            // Memory stood in for Redis: what others invalidate there does not reach it.
            self.generations.bump_epoch();
        }
        Ok(())
    }
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
