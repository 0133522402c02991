//! The begin and the end of many loads at once.
//!
//! The requests of a part go out together, one pipeline to each node. A name and its tokens are separate
//! requests, also on one server, as those of a single load are in a cluster (see `load`). So a token that many
//! loads need is noted, and read, once.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::join;

use super::error::{StoreError, StoreResult, unless_all_failed};
use super::lane::Lane;
use super::load::{
    FillOutcome, FillTicket, Over, Placeholder, entry_life, life_of_none, token_life,
};
use super::pace::{AT_ONCE, part_of};
use super::pending;
use super::script::{Script, ScriptCall};
use super::unavailable::Unavailable;
use super::{Life, RedisStore, number, token, weights};
use crate::support::boxed::boxed;
use crate::support::clock::millis;
use crate::support::random;

/// A load that begins.
pub(crate) struct BeginOf<'a> {
    pub(crate) name: &'a str,
    pub(crate) tags: &'a [String],
    pub(crate) over: Over<'a>,
    pub(crate) life: Life,
    pub(crate) placeholder: Placeholder,
}

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
        let note = |life: &Life| (token_life(*life), random::word().to_le_bytes());
        let notes: Vec<_> = all.lives.iter().map(note).collect();
        let begins = loads.iter().zip(&names).zip(&placeholder_ms).map(|((load, key), ms)| {
            let placeholder = &load.placeholder.id.as_bytes()[..];
            let arguments = vec![placeholder, ms.as_bytes(), load.over.argument()];
            ScriptCall { script: Script::Begin, key, arguments }
        });
        let notes = tokens.iter().zip(&notes).map(|(key, (ms, fresh))| {
            let arguments = vec![ms.as_bytes(), &fresh[..]];
            ScriptCall { script: Script::Note, key, arguments }
        });
        let calls: Vec<_> = begins.chain(notes).collect();

        // R2: this returns before the bodies run, so a removal during a body is noticed by its fill.
        let begun =
            async { unless_all_failed(permit.ready.script_each(Lane::Quick, &calls).await) };
        let mut states = permit.ask(begun).await?;
        let noted = states.split_off(loads.len().min(states.len()));
        let noted: Vec<_> = noted.into_iter().map(noted_token).collect();
        if let Some(before) = before {
            let tokens = noted.iter().map(|token| token.as_ref().ok().copied());
            self.0.token_cache.remember(before, &all.tags, tokens);
        }
        let ticket = |(load, state): (&BeginOf<'_>, StoreResult<_>)| {
            let mut state: Vec<Vec<u8>> = state.and_then(StoreError::read)?;
            let tokens: StoreResult<_> = all.pick(load.tags, &noted).into_iter().collect();
            Ok(FillTicket::new(load.placeholder, state.pop().unwrap_or_default(), tokens?))
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
            let present = permit.ready.values(Lane::Quick, tokens.iter().cloned());
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

impl FillOf<'_> {
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

/// The tags of several loads, each once.
struct AllTags<'a> {
    /// Sorted.
    tags: Vec<&'a str>,
    /// The longest lives of the entries with the root, which are all, and with each of the tags.
    lives: Vec<Life>,
}

impl<'a> AllTags<'a> {
    fn of(loads: impl Iterator<Item = (&'a [String], Life)>) -> Self {
        let mut longest = Life::For(Duration::ZERO);
        let mut tags: BTreeMap<&str, Life> = BTreeMap::new();
        for (own, life) in loads {
            longest = longest.max(life);
            for tag in own {
                let known = tags.entry(tag).or_insert(life);
                *known = life.max(*known);
            }
        }
        let (tags, lives): (_, Vec<_>) = tags.into_iter().unzip();
        AllTags { tags, lives: std::iter::once(longest).chain(lives).collect() }
    }

    /// Returns the tokens of the root and of a load's tags. `tokens` are those of the root and of all tags.
    fn pick<T: Clone>(&self, own: &[String], tokens: &[T]) -> Vec<T> {
        let place = |tag: &String| self.tags.partition_point(|known| *known < tag.as_str()) + 1;
        let places = std::iter::once(0).chain(own.iter().map(place));
        places.filter_map(|place| tokens.get(place)).cloned().collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tag_is_noted_once_for_the_longest_life_of_its_loads() {
        let tags = |tags: &[&str]| tags.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>();
        let (first, second) = (tags(&["b", "c"]), tags(&["a", "b"]));
        let [short, long] = [1, 2].map(|seconds| Life::For(Duration::from_secs(seconds)));
        let all = AllTags::of([(&first[..], long), (&second[..], short)].into_iter());
        assert_eq!(all.tags, ["a", "b", "c"]);
        assert_eq!(all.lives, [long, short, long, long]);
        let all = AllTags::of([(&first[..], long), (&second[..], Life::Forever)].into_iter());
        assert_eq!(all.lives, [Life::Forever, Life::Forever, Life::Forever, long]);
    }

    #[test]
    fn a_load_gets_its_own_tokens_in_the_order_of_its_tags() {
        let tags = ["b", "a"].map(str::to_owned);
        let other = ["c".to_owned()];
        let life = Life::Forever;
        let all = AllTags::of([(&tags[..], life), (&other[..], life)].into_iter());
        assert_eq!(all.pick(&tags, &["root", "a", "b", "c"]), ["root", "b", "a"]);
        assert_eq!(all.pick(&other, &["root", "a", "b", "c"]), ["root", "c"]);
    }
}
