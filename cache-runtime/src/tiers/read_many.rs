//! Looks for many values at a time.

use std::collections::BTreeSet;
use std::ptr;

use futures_util::future::join_all;

use super::examine::{Examined, Leftover, Terms, Tokens, UsableEntry, Vacancy, tags_of};
use super::key::CallKey;
use super::reading::{Ask, ReadResult};
use super::validity::Present;
use crate::format::entry::Stored;
use crate::redis::{AT_ONCE, Found, Missed, Pace, RedisStore, Unavailable};
use crate::tiers::core::Core;

impl Core {
    /// Looks for the values of these keys, once, without loading. The results are in the order of the keys.
    pub(crate) async fn read_many(&self, keys: &[&CallKey], ask: &Ask) -> Vec<ReadResult> {
        let redis = self.redis_for(ask.stores);
        let (is_read, grace_ms) = match redis {
            None => (true, ask.grace_ms),
            Some(_) => (ask.copies && ask.relies, 0),
        };
        let in_memory = |key: &&CallKey| {
            let hit = is_read.then(|| self.value_in_memory(key, ask.of, grace_ms)).flatten();
            hit.map_or(ReadResult::Miss(Vacancy::NOTHING), ReadResult::Memory)
        };
        let mut results: Vec<_> = keys.iter().map(in_memory).collect();
        if let Some(redis) = redis {
            let is_missing =
                |(_, result): &(_, &mut ReadResult)| matches!(result, ReadResult::Miss(_));
            let missing = keys.iter().copied().zip(&mut results).filter(is_missing);
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
        let mut pace = redis.pace(keys.iter().map(|key| key.kind()));
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
            let heir = ask.heir.as_deref();
            let found = (!redis.usable())
                .then(|| self.value_of_an_outage(redis, key, ask.of, ask.stores, heir));
            found.flatten().map_or(ReadResult::Unavailable, ReadResult::Memory)
        };
        results.extend(lost.iter().map(of_an_outage));
        results
    }

    /// Reads the values of these keys as [`fetch`](Core::fetch) reads one: with the tokens of the token
    /// cache, or, if it lacks some, with their tokens.
    async fn fetch_many(
        &self,
        redis: &RedisStore,
        keys: &[&CallKey],
        ask: &Ask,
        pace: &mut Pace,
    ) -> Result<Vec<ReadResult>, Missed> {
        let names: Vec<_> = keys.iter().map(|key| (key.stored_as(), key.kind())).collect();
        // Most keys of a function share the list of their tags.
        let lists = keys.chunk_by(|one, next| ptr::eq(one.tags(), next.tags()));
        let tags = lists.filter_map(|same| same.first()).flat_map(|key| key.tags());
        let tags: BTreeSet<&str> = tags.map(String::as_str).collect();
        let tags: Vec<&str> = tags.into_iter().collect();
        // Earlier parts may have taken longer than the lease has held.
        let relies = ask.relies && self.relies_on_memory(ask.stores);
        let passed = if relies { None } else { self.pass_memory(ask.stores) };
        let notes = Terms { relies, ..ask.terms() }.notes();
        let snapshot = |key: &&CallKey| notes.then(|| self.generations.note(key.slots()));
        let snapshots: Vec<_> = keys.iter().map(snapshot).collect();
        let cached_tokens = if relies { redis.cached_tokens(&tags) } else { None };
        let (found, read_tokens) = match cached_tokens {
            Some(_) => (redis.values(&names, pace).await?, Vec::new()),
            None => redis.read_many(&names, &tags, pace).await?,
        };
        passed.into_iter().for_each(|passed| self.generations.give_up(passed));
        let mut seen: Vec<_> = {
            let present = Present::new(&tags, cached_tokens.as_deref().unwrap_or(&read_tokens));
            let tokens = match cached_tokens {
                Some(_) => Tokens::Cached(&present, redis),
                None => Tokens::Read(&present),
            };
            let each = keys.iter().zip(&found).zip(snapshots);
            each.map(|((key, found), snapshot)| {
                let take = |usable: &UsableEntry<'_, '_>| self.decode(key, ask, usable);
                self.examine(key, found, tokens, snapshot, ask.grace_ms, &take)
            })
            .collect()
        };
        self.look_again_at_all(redis, keys, ask, &found, &mut seen).await?;
        let each = keys.iter().zip(found).zip(seen);
        let mut results: Vec<_> =
            each.map(|((key, found), seen)| self.read_under(key, found, seen)).collect();
        self.look_beside(keys, ask, &mut results).await;
        Ok(results.into_iter().map(|result| result.unwrap_or(ReadResult::Unavailable)).collect())
    }

    /// Examines the entries again whose tags were not all known, with the present tokens of all their tags
    /// in Redis, which are read together.
    async fn look_again_at_all(
        &self,
        redis: &RedisStore,
        keys: &[&CallKey],
        ask: &Ask,
        found: &[Found],
        seen: &mut [Examined<ReadResult>],
    ) -> Result<(), Unavailable> {
        let each = keys.iter().zip(found).zip(seen);
        let unverified: Vec<_> = each
            .filter_map(|((key, found), seen)| match seen {
                Examined::Unverified(snapshot) => Some((key, found, snapshot.take(), seen)),
                _ => None,
            })
            .collect();
        if unverified.is_empty() {
            return Ok(());
        }
        let mut tags = BTreeSet::new();
        for (key, found, ..) in &unverified {
            if let Some(Stored::Value(header, _)) = self.stored(key, found) {
                tags.extend(tags_of(&header, key).into_iter().map(str::to_owned));
            }
        }
        let tags: Vec<String> = tags.into_iter().collect();
        let tokens = redis.tokens(&tags).await?;
        let present = Present::new(&tags, &tokens);
        for (key, found, snapshot, seen) in unverified {
            let take = |usable: &UsableEntry<'_, '_>| self.decode(key, ask, usable);
            let tokens = Tokens::Asked(&present);
            *seen = self.examine(key, found, tokens, snapshot, ask.grace_ms, &take);
        }
        Ok(())
    }

    /// Returns the result of the entry under a name; `None` if the value may be stored beside it.
    fn read_under(
        &self,
        key: &CallKey,
        found: Found,
        seen: Examined<ReadResult>,
    ) -> Option<ReadResult> {
        let is_shared = self.shared_names.places(key.kind()) > 0;
        let leftover = match seen {
            Examined::Usable(result) => {
                if is_shared {
                    self.shared_names.note_alone(key.kind());
                }
                return Some(result);
            }
            // An entry that may have been invalidated softly is read once more, with its soft records.
            Examined::Foreign { .. } | Examined::Softened(_) => return None,
            Examined::Not(_) | Examined::Unverified(_) if is_shared => return None,
            Examined::Not(leftover) => leftover,
            Examined::Unverified(_) => Leftover::Stale,
        };
        let bytes = found.bytes.unwrap_or_default();
        Some(ReadResult::Miss(Vacancy::under_the_name(leftover(bytes))))
    }

    /// Reads each value that may be stored beside its name, in a separate request.
    async fn look_beside(&self, keys: &[&CallKey], ask: &Ask, results: &mut [Option<ReadResult>]) {
        let mut missing: Vec<_> =
            keys.iter().zip(results).filter(|(_, result)| result.is_none()).collect();
        for some in missing.chunks_mut(AT_ONCE) {
            let read = some.iter().map(|(key, _)| self.read(key, ask.clone()));
            let found = join_all(read).await;
            some.iter_mut().zip(found).for_each(|((_, result), found)| **result = Some(found));
        }
    }
}
