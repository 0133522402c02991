//! The begin and the end of many loads at once.
//!
//! The requests of a part go out together, one pipeline to each node. A name and its tokens are separate
//! requests, also on one server, as those of a single load are in a cluster (see `load`). So a token that many
//! loads need is noted, and read, once.

use std::pin::pin;

use futures_util::future::join;

use super::all_tags::AllTags;
use super::births::NotedCounts;
use super::error::{StoreError, StoreResult, unless_all_failed};
use super::lane::Lane;
use super::life::entry_life;
use super::load::{BeginOf, FillOutcome, FillTicket, life_of_none};
use super::pace::{AT_ONCE, part_of};
use super::pending;
use super::raise::{note_call, notes};
use super::script::{Script, ScriptCall};
use super::unavailable::Unavailable;
use super::{Life, RedisStore, number, token, weights};
use crate::support::boxed::boxed;
use crate::support::clock::millis;

/// A load that ends.
pub(crate) struct FillOf<'a> {
    pub(crate) name: &'a str,
    pub(crate) tags: &'a [String],
    pub(crate) ticket: &'a FillTicket,
    /// The entry to store, with its life; `None` if there is nothing to store.
    pub(crate) entry: Option<(&'a [u8], Life)>,
}

impl RedisStore {
    /// Begins loads: sets or joins their placeholders, and notes their tokens. All of this is done when it
    /// returns. The results are in the order of the loads.
    ///
    /// The loads begin in parts, one after another, each with its own deadline.
    pub(crate) async fn begin_many(
        &self,
        loads: &[BeginOf<'_>],
    ) -> Vec<Result<FillTicket, Unavailable>> {
        let mut tickets = Vec::with_capacity(loads.len());
        for part in loads.chunks(AT_ONCE) {
            tickets.extend(each(boxed(|| self.begin_part(part)).await, part.len()));
        }
        tickets
    }

    async fn begin_part(
        &self,
        loads: &[BeginOf<'_>],
    ) -> Result<Vec<Result<FillTicket, Unavailable>>, Unavailable> {
        let all = AllTags::of(loads.iter().map(|load| (load.tags, load.life)));
        let (names, tokens) = self.keys_of(loads.iter().map(|load| load.name), &all);
        let before = self.0.before_tokens(&all.tags);
        let keys = || names.iter().chain(&tokens).cloned().collect();
        let permit = pending::permit(&self.0, keys).await?;

        let placeholder_ms = |load: &BeginOf<'_>| millis(load.placeholder.life).to_string();
        let placeholder_ms: Vec<_> = loads.iter().map(placeholder_ms).collect();
        let notes = notes(&all.lives);
        let begins = loads.iter().zip(&names).zip(&placeholder_ms).map(|((load, key), ms)| {
            let placeholder = &load.placeholder.id.as_bytes()[..];
            let arguments = vec![placeholder, ms.as_bytes(), load.over.argument()];
            ScriptCall { script: Script::Begin, key, arguments }
        });
        let notes = tokens.iter().zip(&notes).map(note_call);
        let calls: Vec<_> = begins.chain(notes).collect();

        // R2: this returns before the bodies run, so a removal during a body is noticed by its fill.
        let derives = loads.iter().any(|load| load.derives);
        let begun = async {
            let counts = NotedCounts::before_body(&permit.ready, &self.0.keys, derives);
            let (begun, counts) = join(permit.ready.script_each(Lane::Quick, &calls), counts).await;
            Ok((unless_all_failed(begun)?, counts?))
        };
        let (mut states, counts) = permit.ask(begun).await?;
        let noted = states.split_off(loads.len().min(states.len()));
        let noted: Vec<_> = noted.into_iter().map(noted_token).collect();
        if let Some(before) = before {
            let tokens = noted.iter().map(|token| token.as_ref().ok().copied());
            self.0.token_cache.remember(before, &all.tags, tokens);
        }
        let ticket = |(load, state): (&BeginOf<'_>, StoreResult<_>)| {
            let mut state: Vec<Vec<u8>> = state.and_then(StoreError::read)?;
            let tokens: StoreResult<_> = all.pick(load.tags, &noted).into_iter().collect();
            let state = state.pop().unwrap_or_default();
            let counts = counts.clone().filter(|_| load.derives);
            Ok(FillTicket::new(load.placeholder, state, tokens?, load.life).counted(counts))
        };
        Ok(permit.conclude_each(loads.iter().zip(states).map(ticket).collect()))
    }

    /// Ends loads: stores their values, if the entries and their tokens have not changed. The results are in
    /// the order of the loads.
    ///
    /// The loads end in parts, one after another, each with its own deadline.
    pub(crate) async fn fill_many(
        &self,
        fills: &[FillOf<'_>],
    ) -> Vec<Result<FillOutcome, Unavailable>> {
        let mut outcomes = Vec::with_capacity(fills.len());
        while let rest @ [_, ..] = &fills[outcomes.len()..] {
            let part = &rest[..part_of(rest.iter().map(FillOf::size))];
            outcomes.extend(each(boxed(|| self.fill_part(part)).await, part.len()));
        }
        outcomes
    }

    async fn fill_part(
        &self,
        fills: &[FillOf<'_>],
    ) -> Result<Vec<Result<FillOutcome, Unavailable>>, Unavailable> {
        self.raise_tokens(&fills.iter().filter_map(FillOf::outlives).collect::<Vec<_>>()).await;
        // The tokens may be checked apart from the names: an entry that is stored after one of its tokens has
        // changed is stale for every reader.
        let all = AllTags::of(fills.iter().map(|fill| (fill.tags, Life::Forever)));
        let (names, tokens) = self.keys_of(fills.iter().map(|fill| fill.name), &all);
        let keys = || names.iter().chain(&tokens).cloned().collect();
        let permit = pending::permit(&self.0, keys).await?;

        let (feed, no_notice) = (self.0.keys.feed(), &b""[..]);
        let lives: Vec<_> = fills.iter().map(FillOf::life).collect();
        let calls = fills.iter().zip(&names).zip(&lives).map(|((fill, key), life)| {
            let (state, entry) = (&fill.ticket.state[..], fill.bytes());
            let arguments = vec![state, entry, life.as_bytes(), feed.as_bytes(), no_notice];
            ScriptCall { script: Script::Fill, key, arguments }
        });
        let calls: Vec<_> = calls.collect();

        // The request occupies its connection for as long as all of its entries take.
        let lane = weights::lane_of(fills.iter().map(FillOf::size).sum());
        let asked = async {
            let present = permit.ready.values(Lane::Quick, &tokens);
            let (filled, present) = join(permit.ready.script_each(lane, &calls), present).await;
            Ok((unless_all_failed(filled)?, present?))
        };
        let (filled, present) = permit.ask_large(lane, 1, pin!(asked)).await?;
        let present: Vec<_> = present.iter().map(token).collect();
        let outcome = |(fill, filled): (&FillOf<'_>, StoreResult<_>)| {
            let noted = fill.ticket.tokens.iter().copied().map(Some);
            let is_current = all.pick(fill.tags, &present).into_iter().eq(noted);
            let filled = filled.and_then(StoreError::read)?;
            Ok(if is_current { FillOutcome::of(filled) } else { FillOutcome::Outdated })
        };
        Ok(permit.conclude_each(fills.iter().zip(filled).map(outcome).collect()))
    }

    /// Returns the keys of these names, and those of the tokens: the root's first.
    fn keys_of<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
        all: &AllTags<'_>,
    ) -> (Vec<String>, Vec<String>) {
        let names = names.map(|name| self.0.keys.value(name)).collect();
        (names, self.0.keys.tokens(&all.tags).collect())
    }
}

impl<'a> FillOf<'a> {
    /// Returns the tags and the life of the entry, if it may outlive the tokens that were noted.
    fn outlives(&self) -> Option<(&'a [String], Life)> {
        let (_, life) = self.entry?;
        self.ticket.is_outlived_by(life).then_some((self.tags, life))
    }

    /// Returns the entry to store; empty for none.
    fn bytes(&self) -> &[u8] {
        self.entry.map_or(&[], |(bytes, _)| bytes)
    }

    fn size(&self) -> usize {
        self.bytes().len()
    }

    /// Returns the argument with the life of the entry.
    fn life(&self) -> String {
        self.entry.map_or_else(|| life_of_none(self.ticket), |(_, life)| entry_life(life))
    }
}

/// Returns the results of a part; if it failed as a whole, the reason for each of its loads.
fn each<T>(
    part: Result<Vec<Result<T, Unavailable>>, Unavailable>,
    loads: usize,
) -> Vec<Result<T, Unavailable>> {
    part.unwrap_or_else(|reason| (0..loads).map(|_| Err(reason.clone())).collect())
}

fn noted_token(reply: StoreResult<redis::Value>) -> StoreResult<u64> {
    let token: Vec<u8> = reply.and_then(StoreError::read)?;
    Ok(number(&token))
}
