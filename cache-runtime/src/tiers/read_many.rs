//! Looks for many values at a time.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::examine::{Examined, Leftover, Tokens, UsableEntry, Vacancy, tags_of};
use super::key::CallKey;
use super::reading::{Ask, ReadResult};
use super::validity::Present;
use crate::format::entry::Stored;
use crate::redis::{Found, Missed, Pace, RedisStore};
use crate::tiers::core::{Core, Stores};

/// The number of values that are read at once in separate requests. With more, some would wait too long for
/// their permits.
const AT_ONCE: usize = 256;

impl Core {
    /// Looks for fresh values of these names, once, without loading.
    pub(crate) async fn read_many(&self, keys: &[CallKey], ask: &Ask) -> Vec<ReadResult> {
        let in_memory = |key| {
            let hit = ask.relies.then(|| self.value_in_memory(key, ask.of, 0)).flatten();
            hit.map_or(ReadResult::Miss(Vacancy::NOTHING), ReadResult::Memory)
        };
        let mut results: Vec<_> = keys.iter().map(in_memory).collect();
        if let Some(redis) = self.redis_for(ask.stores) {
            let is_missing =
                |(_, result): &(_, &mut ReadResult)| matches!(result, ReadResult::Miss(_));
            let missing = keys.iter().zip(&mut results).filter(is_missing);
            let (keys, missing): (Vec<_>, Vec<_>) = missing.unzip();
            let found = self.read_parts(redis, &keys, ask).await;
            missing.into_iter().zip(found).for_each(|(result, found)| *result = found);
        }
        results
    }

    /// Reads in parts, each with a deadline of its own. The values that were found are returned even if a
    /// later part fails.
    async fn read_parts(
        &self,
        redis: &RedisStore,
        keys: &[&CallKey],
        ask: &Ask,
    ) -> Vec<ReadResult> {
        let mut results = Vec::with_capacity(keys.len());
        let mut pace = Pace::default();
        while let rest @ [_, ..] = &keys[results.len()..] {
            let part = &rest[..rest.len().min(pace.values())];
            match self.fetch_many(redis, part, ask, &mut pace).await {
                Ok(found) => results.extend(found),
                Err(Missed::Late(_)) if pace.late() => {
                    // A single entry that is too large for its deadline is skipped.
                    results.extend((part.len() == 1).then_some(ReadResult::Unavailable));
                }
                Err(_) => break,
            }
        }
        let lost = &keys[results.len()..];
        if !lost.is_empty() {
            let (lost, of_all) = (lost.len(), keys.len());
            tracing::debug!(
                lost,
                of_all,
                "some values were not read, because Redis did not answer in time"
            );
        }
        let of_an_outage = |key: &&CallKey| {
            let found =
                (!redis.usable()).then(|| self.value_of_an_outage(redis, key, ask.of, ask.stores));
            found.flatten().map_or(ReadResult::Unavailable, ReadResult::Memory)
        };
        results.extend(lost.iter().map(of_an_outage));
        results
    }

    async fn fetch_many(
        &self,
        redis: &RedisStore,
        keys: &[&CallKey],
        ask: &Ask,
        pace: &mut Pace,
    ) -> Result<Vec<ReadResult>, Missed> {
        let names: Vec<&str> = keys.iter().map(|key| key.name().as_str()).collect();
        let snapshots: Vec<_> = keys.iter().map(|key| self.generations.note(key.slots())).collect();
        let tags: BTreeSet<&str> =
            keys.iter().flat_map(|key| key.tags()).map(String::as_str).collect();
        let mut tags: Vec<String> = tags.into_iter().map(str::to_owned).collect();
        let passed = self.pass_memory(ask.stores);
        let (values, mut tokens) = redis.read_many(&names, &tags, pace).await?;
        passed.into_iter().for_each(|passed| self.generations.give_up(passed));
        let found: Vec<_> = values
            .into_iter()
            .map(|(bytes, now_ms)| Found { bytes, tokens: Vec::new(), now_ms })
            .collect();
        // The additional tags of the entries become known only with the entries.
        let own = self.own_tags(keys, &found, &tags);
        if !own.is_empty() {
            tokens.extend(redis.tokens(&own).await?.into_iter().skip(1));
            tags.extend(own);
        }
        let present = Present::new(&tags, &tokens);
        let result = |((key, snapshot), found): ((&&CallKey, _), _)| {
            let snapshot = (ask.stores == Stores::Tiered).then_some(snapshot);
            let tokens = Tokens::Present(&present);
            let take = |usable: &UsableEntry<'_, '_>| self.decode(key, ask, usable);
            let leftover = match self.examine(key, &found, tokens, snapshot, ask.grace_ms, &take) {
                Examined::Usable(result) => return result,
                Examined::Not(leftover) => leftover,
                Examined::Foreign { undecodable: true } => Leftover::Undecodable,
                Examined::Foreign { undecodable: false } | Examined::Unverified(_) => {
                    Leftover::Stale
                }
            };
            let bytes = found.bytes.unwrap_or_default();
            ReadResult::Miss(Vacancy::under_the_name(leftover(bytes)))
        };
        let mut results: Vec<_> = keys.iter().zip(snapshots).zip(found).map(result).collect();
        self.look_beside(keys, ask, &mut results).await;
        Ok(results)
    }

    /// Reads each value that may be stored beside its name, in a separate request.
    async fn look_beside(&self, keys: &[&CallKey], ask: &Ask, results: &mut [ReadResult]) {
        let may_be = |(key, result): &(&&CallKey, &mut ReadResult)| {
            matches!(result, ReadResult::Miss(_)) && self.shared_names.places(key.kind()) > 0
        };
        let mut missing: Vec<_> = keys.iter().zip(results).filter(may_be).collect();
        for some in missing.chunks_mut(AT_ONCE) {
            let read = some.iter().map(|(key, _)| self.read(key, ask.clone()));
            let found = join_all(read).await;
            some.iter_mut().zip(found).for_each(|((_, result), found)| **result = found);
        }
    }

    /// Returns the tags of the entries that are not known yet.
    fn own_tags(&self, keys: &[&CallKey], found: &[Found], known: &[String]) -> Vec<String> {
        let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        let mut own = BTreeSet::new();
        for (key, found) in keys.iter().zip(found) {
            if let Some(Stored::Value(header, _)) = self.stored(key, found) {
                let tags = tags_of(&header, key).into_iter().filter(|tag| !known.contains(tag));
                own.extend(tags.map(str::to_owned));
            }
        }
        own.into_iter().collect()
    }
}
