//! The begin and the end of a load or put in Redis.
//!
//! It begins with a placeholder under the name, and notes the present tokens. It stores by compare-and-set
//! over that placeholder. One server does each of the two in one step. In a cluster, the name and its tokens
//! are on different nodes, and the requests run concurrently. All of them end before the body begins, or
//! start after it has ended. Their order among each other does not matter.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};

use super::births::NotedCounts;
use super::error::StoreResult;
use super::lane::Lane;
use super::life::{entry_life, life_of_tokens, token_life};
use super::notice::Item;
use super::pending;
use super::ready::Ready;
use super::script::{STATE_BYTES, Script};
use super::shared::Shared;
use super::unavailable::Unavailable;
use super::{Life, RedisStore, number, token, weights};
use crate::format::entry::{self, StateId};
use crate::key::name::name_of;
use crate::support::clock::millis;
use crate::support::random;
use crate::support::runtime;
use crate::support::timer;

/// The state that a load noted before its body, with which it may store.
#[derive(Debug, Clone)]
pub(crate) struct FillTicket {
    pub(super) state: Vec<u8>,
    /// The token of the root, then those of the tags.
    pub(crate) tokens: Vec<u64>,
    /// The life of the entry that was expected when the tokens were noted.
    expected: Life,
    mine: bool,
    /// The removal counters, if they were noted (see `births`).
    pub(super) counts: Option<Arc<NotedCounts>>,
}

impl FillTicket {
    /// Makes the ticket of a load with this placeholder, from the state that it found or set.
    pub(super) fn new(
        placeholder: Placeholder,
        state: Vec<u8>,
        tokens: Vec<u64>,
        expected: Life,
    ) -> Self {
        let mine = state == placeholder.id.as_bytes();
        FillTicket { state, tokens, expected, mine, counts: None }
    }

    /// Adds the removal counters that were noted.
    #[must_use]
    pub(super) fn counted(self, counts: Option<Arc<NotedCounts>>) -> Self {
        FillTicket { counts, ..self }
    }

    /// Returns the ticket for an entry that records these tokens as well.
    #[must_use]
    pub(crate) fn with_tokens(&self, further: &[u64]) -> Self {
        FillTicket { tokens: [&self.tokens, further].concat(), ..self.clone() }
    }

    /// Returns true if the noted tokens may end before an entry with this life.
    pub(super) fn is_outlived_by(&self, life: Life) -> bool {
        life_of_tokens(life) > life_of_tokens(self.expected)
    }

    /// Returns true if the placeholder is this load's own.
    pub(crate) fn is_mine(&self) -> bool {
        self.mine
    }

    /// Returns true if the state is the same as in the other ticket.
    pub(crate) fn is_like(&self, other: &FillTicket) -> bool {
        self.state == other.state
    }

    /// Returns true if the state is the lease of another load.
    pub(crate) fn is_anothers(&self) -> bool {
        !self.mine && StateId::is_lease(&self.state)
    }

    /// Returns the state over which a load that begins again sets its placeholder: that of its first begin.
    pub(crate) fn over(&self) -> Over<'_> {
        Over::Stale(&self.state)
    }

    /// Returns true if the state is a value, which was stored since the read.
    pub(crate) fn is_value(&self) -> bool {
        self.state.starts_with(&entry::VALUE_MAGIC)
    }

    /// Returns true if the load or put stores over this state.
    pub(crate) fn is(&self, state: &StateId) -> bool {
        self.state == state.as_bytes()
    }
}

/// The end of a load or put.
#[derive(Debug, Default)]
struct End<'a> {
    /// The entry to store; empty for none.
    entry: &'a [u8],
    /// The life of the entry; without an entry, `1` if the placeholder is the load's own.
    life: String,
    /// The notice to the other processes; empty if none is sent.
    notice: Vec<u8>,
    /// The key of the name's own token, if the entries beside the name are invalidated.
    name_token: Option<String>,
}

impl End<'_> {
    /// Makes an end without an entry.
    fn of(ticket: &FillTicket) -> Self {
        End { life: life_of_none(ticket), ..End::default() }
    }
}

/// The placeholder of a new load: a random number, and a life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placeholder {
    pub(super) id: StateId,
    pub(super) life: Duration,
}

impl Placeholder {
    pub(crate) fn new(life: Duration) -> Self {
        Placeholder { id: StateId::placeholder(random::word()), life }
    }

    /// Makes a placeholder that other processes wait for.
    pub(crate) fn lease(life: Duration) -> Self {
        Placeholder { id: StateId::lease(random::word()), life }
    }
}

/// A placeholder that is renewed while the load runs. Without renewals, it expires, and another process
/// loads.
#[derive(Clone)]
pub(crate) struct PlaceholderLease {
    shared: Arc<Shared>,
    key: String,
    placeholder: Placeholder,
    ticket: FillTicket,
}

impl PlaceholderLease {
    /// Renews the placeholder while this is polled. The future never ends.
    pub(crate) async fn renewals(self) {
        let life = millis(self.placeholder.life).to_string();
        let arguments = [&self.ticket.state[..], life.as_bytes()];
        loop {
            timer::sleep(self.placeholder.life / 3).await;
            let permit = pending::permit(&self.shared, || vec![self.key.clone()]).await;
            let Ok(permit) = permit else { continue };
            let keys = std::slice::from_ref(&self.key);
            let call = permit.ready.script(Lane::Quick, Script::Renew, keys, &arguments);
            // A renewal that fails is tried again. If all of them fail, the placeholder ends by its TTL, as
            // intended.
            let _ = permit.ask::<u8>(call).await;
        }
    }

    /// Removes the placeholder, if it is still there. Does not wait.
    pub(crate) fn release(self) {
        let Some(runtime) = runtime::with_timers() else { return };
        runtime.spawn(async move {
            let _ = finish(&self.shared, &[self.key], &self.ticket, &End::of(&self.ticket)).await;
        });
    }
}

/// The state that a new load or put may set its placeholder over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Over<'a> {
    Nothing,
    /// The entry that was found and cannot be used any more.
    Stale(&'a [u8]),
    Anything,
}

impl<'a> Over<'a> {
    pub(super) fn argument(self) -> &'a [u8] {
        match self {
            Over::Nothing => b"",
            Over::Stale(entry) => &entry[..entry.len().min(STATE_BYTES)],
            Over::Anything => b"*",
        }
    }
}

/// A load or put that begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BeginOf<'a> {
    pub(crate) name: &'a str,
    pub(crate) tags: &'a [String],
    pub(crate) over: Over<'a>,
    /// The maximum life of the entry.
    pub(crate) life: Life,
    pub(crate) placeholder: Placeholder,
    /// True if the value may have tags that are not known yet.
    pub(crate) derives: bool,
}

/// The origin of the value to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Load,
    /// A load that replaces an entry. Copies of it in other processes are older, so they receive a notice.
    Refresh,
    /// A put. The entries beside the name are older, too, so they are invalidated.
    Put,
}

/// The outcome of a load's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FillOutcome {
    Stored,
    /// Another load or a removal came first. The tokens are the noted ones.
    Refused,
    /// A tag was invalidated while the value was being loaded.
    Outdated,
}

impl FillOutcome {
    /// Returns the outcome that the script reports by this number.
    pub(super) fn of(number: u8) -> Self {
        match number {
            1 => FillOutcome::Stored,
            2 => FillOutcome::Outdated,
            _ => FillOutcome::Refused,
        }
    }
}

impl RedisStore {
    /// Begins a load or put: sets or joins the placeholder, and notes the tokens.
    pub(crate) async fn begin(&self, load: &BeginOf<'_>) -> Result<FillTicket, Unavailable> {
        let tags = load.tags;
        let before = self.0.before_tokens(tags);
        let ticket = self.begin_on(&self.keys(load.name, tags), load).await?;
        if let Some(before) = before {
            self.0.token_cache.remember(before, tags, ticket.tokens.iter().copied().map(Some));
        }
        Ok(ticket)
    }

    /// Begins a load that replaces an entry. The entry stays meanwhile, and the placeholder has another key.
    /// Returns `None` if another process has a placeholder there.
    pub(crate) async fn lease_refresh(
        &self,
        name: &str,
        placeholder: Placeholder,
    ) -> Result<Option<PlaceholderLease>, Unavailable> {
        let key = self.0.keys.lease(name);
        let (over, life) = (Over::Nothing, Life::For(placeholder.life));
        let load = BeginOf { name, tags: &[], over, life, placeholder, derives: false };
        let ticket = self.begin_on(std::slice::from_ref(&key), &load).await?;
        Ok(ticket.mine.then(|| PlaceholderLease {
            shared: Arc::clone(&self.0),
            key,
            placeholder,
            ticket,
        }))
    }

    /// Returns the lease of a running load, if the placeholder is its own.
    pub(crate) fn lease(
        &self,
        name: &str,
        ticket: &FillTicket,
        placeholder: Placeholder,
    ) -> Option<PlaceholderLease> {
        let lease = || PlaceholderLease {
            shared: Arc::clone(&self.0),
            key: self.0.keys.value(name),
            placeholder,
            ticket: ticket.clone(),
        };
        ticket.mine.then(lease)
    }

    async fn begin_on(
        &self,
        keys: &[String],
        load: &BeginOf<'_>,
    ) -> Result<FillTicket, Unavailable> {
        let BeginOf { over, life, placeholder, derives, .. } = *load;
        let placeholder_ms = millis(placeholder.life).to_string();
        let token_ms = token_life(life);
        let id = placeholder.id.as_bytes();
        let start = [id, placeholder_ms.as_bytes(), over.argument(), token_ms.as_bytes()];
        let permit = pending::permit(&self.0, || keys.to_vec()).await?;
        let counts = NotedCounts::before_body(&permit.ready, &self.0.keys, derives);
        let begun = join(begin(&permit.ready, keys, &start), counts);
        let asked = async {
            let (begun, counts) = begun.await;
            let (state, tokens) = begun?;
            Ok(FillTicket::new(placeholder, state, tokens, life).counted(counts?))
        };
        permit.ask(asked).await
    }

    /// Stores the value of a load or put, if the entry and its tokens have not changed.
    pub(crate) async fn fill(
        &self,
        name: &str,
        tags: &[impl AsRef<str>],
        ticket: &FillTicket,
        entry: &[u8],
        life: Life,
        by: By,
    ) -> Result<FillOutcome, Unavailable> {
        let notice = match by {
            By::Load => Vec::new(),
            By::Refresh | By::Put => self.0.notice(name_of(name).map(Item::Key)),
        };
        let name_token = match by {
            By::Load | By::Refresh => None,
            By::Put => self.0.keys.name_token(&self.0.keys.value(name)),
        };
        if ticket.is_outlived_by(life) {
            self.raise_tokens(&[(tags, life)]).await;
        }
        let end = End { entry, life: entry_life(life), notice, name_token };
        finish(&self.0, &self.keys(name, tags), ticket, &end).await
    }

    /// Ends a load that has nothing to store: removes its placeholder, and returns the outcome that a store
    /// would have had.
    pub(crate) async fn release(
        &self,
        name: &str,
        tags: &[impl AsRef<str>],
        ticket: &FillTicket,
    ) -> Result<FillOutcome, Unavailable> {
        finish(&self.0, &self.keys(name, tags), ticket, &End::of(ticket)).await
    }

    /// Ends a load that has nothing to store, without waiting.
    pub(crate) fn release_in_background(&self, name: &str, tags: &[String], ticket: FillTicket) {
        let Some(runtime) = runtime::with_timers() else { return };
        let (shared, keys) = (Arc::clone(&self.0), self.keys(name, tags));
        runtime.spawn(async move {
            // A placeholder that is not removed ends by its TTL. Until then, loads join it.
            let _ = finish(&shared, &keys, &ticket, &End::of(&ticket)).await;
        });
    }

    pub(super) fn keys(&self, name: &str, tags: &[impl AsRef<str>]) -> Vec<String> {
        std::iter::once(self.0.keys.value(name)).chain(self.0.keys.tokens(tags)).collect()
    }
}

/// Sets or joins the placeholder of the first key, and notes the tokens of the others.
///
/// R2: this returns before the body runs, so a removal during the body is noticed by the fill.
async fn begin(
    ready: &Ready,
    keys: &[String],
    start: &[&[u8]; 4],
) -> StoreResult<(Vec<u8>, Vec<u64>)> {
    let fresh: Vec<[u8; 8]> = keys.iter().skip(1).map(|_| random::word().to_le_bytes()).collect();
    let [.., token_ms] = start;
    let begin = |keys, arguments| ready.script(Lane::Quick, Script::Begin, keys, arguments);
    let (mut state, tokens): (Vec<Vec<u8>>, Vec<Vec<u8>>) = if ready.is_cluster() {
        let (name, tokens) = keys.split_at(1.min(keys.len()));
        let note = async |(key, fresh): (&String, &[u8; 8])| {
            let (key, arguments) = (std::slice::from_ref(key), [token_ms, &fresh[..]]);
            ready.script(Lane::Quick, Script::Note, key, &arguments).await
        };
        let ticket = join_all(tokens.iter().zip(&fresh).map(note));
        let (state, tokens) = join(begin(name, &start[..]), ticket).await;
        (state?, tokens.into_iter().collect::<StoreResult<_>>()?)
    } else {
        let mut arguments = start.to_vec();
        arguments.extend(fresh.iter().map(|token| &token[..]));
        let mut reply: Vec<Vec<u8>> = begin(keys, &arguments).await?;
        let tokens = reply.split_off(1.min(reply.len()));
        (reply, tokens)
    };
    let tokens = tokens.iter().map(|token| number(token)).collect();
    Ok((state.pop().unwrap_or_default(), tokens))
}

/// Ends a load: with an entry to store, or with nothing.
async fn finish(
    shared: &Arc<Shared>,
    keys: &[String],
    ticket: &FillTicket,
    end: &End<'_>,
) -> Result<FillOutcome, Unavailable> {
    let permit = pending::permit(shared, || keys.to_vec()).await?;
    let End { entry, life, notice, name_token } = end;
    let (feed, notice) = (shared.keys.feed(), permit.ready.tells(notice));
    let arguments = [&ticket.state[..], entry, life.as_bytes(), feed.as_bytes(), notice];
    let finish = finish_at(&permit.ready, keys, ticket, name_token.as_ref(), &arguments);
    let lane = weights::lane_of(entry.len());
    Ok(FillOutcome::of(permit.ask_large(lane, 1, pin!(finish)).await?))
}

async fn finish_at(
    ready: &Ready,
    keys: &[String],
    ticket: &FillTicket,
    name_token: Option<&String>,
    arguments: &[&[u8]; 5],
) -> StoreResult<u8> {
    let [_, entry, ..] = arguments;
    let lane = weights::lane_of(entry.len());
    if ready.is_cluster() {
        // The tokens may be checked apart from the name: an entry that is stored after one of its tokens has
        // changed is stale for every reader.
        let (name, tokens) = keys.split_at(1.min(keys.len()));
        let filled = fill_in_cluster(ready, lane, name, name_token, arguments);
        let present = ready.values(Lane::Quick, tokens);
        let (filled, present) = join(filled, present).await;
        let (filled, present) = (filled?, present?);
        let is_current = present.iter().map(token).eq(ticket.tokens.iter().copied().map(Some));
        return Ok(if is_current { filled } else { 2 });
    }
    let keys: Vec<_> = keys.iter().chain(name_token).cloned().collect();
    let tokens: Vec<[u8; 8]> = ticket.tokens.iter().map(|token| token.to_le_bytes()).collect();
    let mut arguments = arguments.to_vec();
    arguments.extend(tokens.iter().map(|token| &token[..]));
    ready.script(lane, Script::Fill, &keys, &arguments).await
}

/// Stores an entry in a cluster. A put removes the token of its name, in the same step if both are on one
/// node.
async fn fill_in_cluster(
    ready: &Ready,
    lane: Lane,
    name: &[String],
    name_token: Option<&String>,
    arguments: &[&[u8]; 5],
) -> StoreResult<u8> {
    let fill = async |keys: &[String]| ready.script(lane, Script::Fill, keys, arguments).await;
    let (Some(key), Some(token)) = (name.first(), name_token) else { return fill(name).await };
    if ready.are_together(key, token) {
        match fill(&[key.clone(), token.clone()]).await {
            Err(error) if error.is_half_moved() => {}
            filled => return filled,
        }
    }
    let [_, _, _, feed, notice] = *arguments;
    let arguments = [&entry::VALUE_MAGIC[..], b"1", feed, notice];
    let token = std::slice::from_ref(token);
    // As for a removal, the token goes last.
    let filled = fill(name).await?;
    ready.script::<u64>(Lane::Quick, Script::Remove, token, &arguments).await.map(|_| filled)
}

/// Returns the argument that stands in the place of an entry's life, if there is no entry.
pub(super) fn life_of_none(ticket: &FillTicket) -> String {
    u8::from(ticket.mine).to_string()
}
