//! Soft invalidations of tags in Redis.
//!
//! A soft invalidation replaces the token of a tag by a *soft token*, and keeps the predecessor in a *soft record* beside it:
//! the successor, and for each predecessor the time at which it became stale and the time at which it is void. An entry that
//! records a predecessor is stale from the one time to the other, for functions that may serve stale values.
//!
//! A record counts only while its successor is the present token. So a hard invalidation needs no knowledge of it: it removes
//! the token, and the next one is another. The record is written before the token is replaced, by compare-and-set over the
//! token that it names as the last predecessor. If that is not the present token any more, the token is removed, which is a
//! hard invalidation.
//!
//! A soft token is recognised by its lowest bits. So an entry of a tag that was invalidated hard costs no read of a record.

use std::time::Duration;

use redis::cmd;

use super::error::StoreResult;
use super::lane::Lane;
use super::pending;
use super::removal::{self, Swap};
use super::shared::Permit;
use super::unavailable::Unavailable;
use super::{RedisStore, RemovalGuard, bytes_in, token};
use crate::support::clock::millis;
use crate::support::random;

/// The lowest bits of every soft token. One of 65,536 other tokens has them, too, which costs a read of a record.
const MARK: u64 = 0x50f7;
const MARK_BITS: u64 = 0xffff;
/// The first byte of a record: the version of its format.
const VERSION: u8 = 1;
/// The maximum number of predecessors. An entry with an older one is absent.
const MOST: usize = 4;
/// The length of a predecessor in a record.
const LENGTH: usize = 24;

/// Returns true if this may be the token of a tag that was invalidated softly.
pub(crate) fn may_be_soft(token: u64) -> bool {
    token & MARK_BITS == MARK
}

fn new_token() -> u64 {
    random::word() & !MARK_BITS | MARK
}

/// The time since which an entry is stale, because a tag was invalidated softly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SoftAge {
    pub(crate) stale_for_ms: u64,
}

/// The soft record of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SoftRecord {
    /// The present token, if the record counts.
    successor: u64,
    predecessors: Vec<Predecessor>,
}

/// A former token of a tag. Times are those of the node that has the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Predecessor {
    token: u64,
    at_ms: u64,
    until_ms: u64,
}

impl SoftRecord {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (successor, predecessors) = bytes.strip_prefix(&[VERSION])?.split_first_chunk()?;
        let word =
            |chunk: &[u8], at: usize| Some(u64::from_le_bytes(*chunk.get(at..)?.first_chunk()?));
        let predecessor = |chunk| {
            let [token, at_ms, until_ms] = [word(chunk, 0)?, word(chunk, 8)?, word(chunk, 16)?];
            Some(Predecessor { token, at_ms, until_ms })
        };
        let predecessors = predecessors.chunks(LENGTH).take(MOST).map(predecessor);
        let successor = u64::from_le_bytes(*successor);
        Some(SoftRecord { successor, predecessors: predecessors.collect::<Option<_>>()? })
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.successor.to_le_bytes());
        for Predecessor { token, at_ms, until_ms } in &self.predecessors {
            [token, at_ms, until_ms].iter().for_each(|word| bytes.extend(word.to_le_bytes()));
        }
        bytes
    }

    /// Returns the record after another soft invalidation, of a tag with this token. What is stale already keeps its deadline,
    /// or gets an earlier one.
    fn after(former: Option<Self>, token: u64, successor: u64, now_ms: u64, window: u64) -> Self {
        let until_ms = now_ms.saturating_add(window);
        let known = former.filter(|former| former.successor == token).map(|f| f.predecessors);
        let mut predecessors: Vec<_> = known
            .into_iter()
            .flatten()
            .filter(|known| now_ms < known.until_ms)
            .map(|known| Predecessor { until_ms: known.until_ms.min(until_ms), ..known })
            .collect();
        if predecessors.len() == MOST {
            predecessors.remove(0);
        }
        predecessors.push(Predecessor { token, at_ms: now_ms, until_ms });
        SoftRecord { successor, predecessors }
    }

    /// Returns the age of an entry with this token, if the record counts.
    fn age_of(&self, noted: u64, present: Option<u64>, now_ms: u64) -> Option<SoftAge> {
        let is_of = |known: &&Predecessor| known.token == noted && now_ms < known.until_ms;
        let known = self.predecessors.iter().find(is_of);
        let known = known.filter(|_| present == Some(self.successor))?;
        Some(SoftAge { stale_for_ms: now_ms.saturating_sub(known.at_ms) })
    }
}

impl RedisStore {
    /// Removes names, and renews tags softly: what depends on them is stale for this long, and not absent. What Redis does not
    /// confirm stays pending as a hard invalidation.
    ///
    /// Returns the number of removed entries; `None` if it is unknown.
    pub(crate) async fn soften(
        &self,
        names: &[impl AsRef<str>],
        tags: &[impl AsRef<str>],
        window: Duration,
    ) -> Option<u64> {
        // R6: if this is dropped or fails, all of it is in the journal.
        let mut tags: Vec<&str> = tags.iter().map(AsRef::as_ref).collect();
        tags.sort_unstable();
        tags.dedup();
        let keys = self.0.keys.removal(names, &tags);
        let mut guard = RemovalGuard { shared: &self.0, keys };
        let permit = self.0.permit_to_remove().await.ok()?;
        let notice = self.0.notice_of(&guard.keys);
        let replacing = async {
            let swaps = self.record(&permit, &tags, window).await?;
            let (ready, keys) = (&permit.ready, &guard.keys);
            removal::replace(&self.0, ready, Lane::Quick, keys, tags.len(), &notice, &swaps).await
        };
        let removed = permit.ask(replacing).await.ok()?;
        guard.keys.clear();
        Some(removed)
    }

    /// Writes the records of tags, and returns the replacements of their tokens. A tag without a token needs none.
    async fn record(
        &self,
        permit: &Permit<'_>,
        tags: &[impl AsRef<str>],
        window: Duration,
    ) -> StoreResult<Vec<Swap>> {
        let (tokens, records) = self.soft_keys(tags);
        let values =
            permit.ready.values(Lane::Quick, &[&tokens[..], &records[..]].concat()).await?;
        let (present, former) = values.split_at(tokens.len().min(values.len()));
        let life = millis(window).max(1).to_string();
        let (mut swaps, mut sets) = (Vec::new(), Vec::new());
        for (((key, record), present), former) in
            tokens.iter().zip(&records).zip(present).zip(former)
        {
            let Some(from) = bytes_in(present).and_then(|bytes| bytes.first_chunk()) else {
                continue;
            };
            let (now_ms, to) = (permit.now_ms(record), new_token());
            let former = bytes_in(former).and_then(SoftRecord::read);
            let after =
                SoftRecord::after(former, u64::from_le_bytes(*from), to, now_ms, millis(window));
            let mut set = cmd("SET");
            set.arg(record).arg(after.write()).arg("PX").arg(&life);
            sets.push((record.as_str(), set));
            swaps.push(Swap { key: key.clone(), from: *from, to: to.to_le_bytes() });
        }
        let written = permit.ready.ask_each(Lane::Quick, sets).await;
        written.into_iter().collect::<StoreResult<Vec<_>>>()?;
        Ok(swaps)
    }

    /// Returns the age of an entry that records these tokens of tags, if all of them are predecessors of the present ones. The
    /// age is that of the first soft invalidation.
    pub(crate) async fn soft_age(
        &self,
        noted: &[(String, u64)],
    ) -> Result<Option<SoftAge>, Unavailable> {
        let tags: Vec<&String> = noted.iter().map(|(tag, _)| tag).collect();
        let permit = pending::permit(&self.0, || self.0.keys.removals_of(&tags)).await?;
        let (tokens, records) = self.soft_keys(&tags);
        let asked = [&tokens[..], &records[..]].concat();
        let values = permit.ask(permit.ready.values(Lane::Quick, &asked)).await?;
        let (present, read) = values.split_at(tokens.len().min(values.len()));
        let each = noted.iter().zip(&records).zip(present).zip(read);
        let ages = each.map(|((((_, noted), key), present), record)| {
            let record = SoftRecord::read(bytes_in(record)?)?;
            record.age_of(*noted, token(present), permit.now_ms(key))
        });
        let ages: Option<Vec<_>> = ages.collect();
        Ok(ages.and_then(|ages| ages.into_iter().max_by_key(|age| age.stale_for_ms)))
    }

    /// Returns the keys of the tokens and of the soft records of tags.
    fn soft_keys(&self, tags: &[impl AsRef<str>]) -> (Vec<String>, Vec<String>) {
        let keys = &self.0.keys;
        let of = |tag: &str| (keys.token(tag), keys.soft(tag));
        tags.iter().map(|tag| of(tag.as_ref())).unzip()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn age(record: &SoftRecord, noted: u64, now_ms: u64) -> Option<u64> {
        record.age_of(noted, Some(record.successor), now_ms).map(|age| age.stale_for_ms)
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_others_are_refused() {
        let record = SoftRecord::after(None, 1, 2, 100, 30);
        let record = SoftRecord::after(Some(record), 2, 3, 110, 30);
        let written = record.write();
        assert_eq!(SoftRecord::read(&written), Some(record));
        for other in [&b""[..], b"x", &written[..8], &written[..written.len() - 1], &[2; 33]] {
            assert_eq!(SoftRecord::read(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_predecessor_is_stale_until_its_deadline() {
        let record = SoftRecord::after(None, 1, 2, 100, 30);
        assert_eq!([1, 2, 3].map(|token| age(&record, token, 110)), [Some(10), None, None]);
        assert_eq!([129, 130].map(|now| age(&record, 1, now)), [Some(29), None]);
    }

    #[test]
    fn a_second_soft_invalidation_prolongs_nothing() {
        let first = SoftRecord::after(None, 1, 2, 100, 30);
        let second = SoftRecord::after(Some(first.clone()), 2, 3, 120, 30);
        assert_eq!([1, 2].map(|token| age(&second, token, 129)), [Some(29), Some(9)]);
        assert_eq!([1, 2].map(|token| age(&second, token, 130)), [None, Some(10)]);
        let shorter = SoftRecord::after(Some(first), 2, 3, 101, 5);
        assert_eq!([1, 2].map(|token| age(&shorter, token, 106)), [None, None]);
    }

    #[test]
    fn a_record_whose_successor_is_not_the_present_token_does_not_count() {
        let record = SoftRecord::after(None, 1, 2, 100, 30);
        for present in [None, Some(1), Some(9)] {
            assert_eq!(record.age_of(1, present, 110), None);
        }
        let after_hard = SoftRecord::after(Some(record), 7, 8, 110, 30);
        assert_eq!([1, 2, 7].map(|token| age(&after_hard, token, 111)), [None, None, Some(1)]);
    }

    // R7: a record is bounded.
    #[test]
    fn a_record_keeps_the_latest_predecessors() {
        let next =
            |record: SoftRecord, token| SoftRecord::after(Some(record), token, token + 1, 9, 99);
        let record = (2..9).fold(SoftRecord::after(None, 1, 2, 9, 99), next);
        let known = record.predecessors.iter().map(|known| known.token);
        assert_eq!(known.collect::<Vec<_>>(), [5, 6, 7, 8]);
    }

    #[test]
    fn a_soft_token_is_recognised() {
        assert!(may_be_soft(new_token()) && new_token() != new_token());
        assert!(!may_be_soft(1));
    }
}
