//! Going through all names: listing and removing those that match a pattern.

use redis::{Cmd, cmd};

use super::notice::Item;
use super::shared::Turn;
use super::{Away, Owed, RedisStore};
use crate::glob;

/// How many keys one page of a scan asks for.
const SCAN_COUNT: usize = 1_000;

/// How far a sweep through all names has come: see
/// [`CacheManager::clear_with`](crate::CacheManager::clear_with).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Swept {
    /// Values removed so far.
    pub removed: u64,
    /// The part of the names that has been looked at, `0.0 ..= 1.0`; an estimate until it is 1.
    pub part: f64,
}

/// Is told how far a sweep has come.
pub(crate) type Progress<'a> = &'a mut (dyn FnMut(Swept) + Send);

impl RedisStore {
    /// Removes everything, and makes it stale first. Tokens go too: no entry needs them any more.
    pub(crate) async fn flush(&self, progress: Progress<'_>) -> Option<u64> {
        self.invalidate_root().await;
        self.sweep("*", true, progress).await
    }

    /// Removes all entries and marks whose names match, and counts the entries.
    ///
    /// Page by page to the end of the cursor. If Redis goes away on the way the rest is not
    /// removed, and the whole namespace is owed an invalidation.
    pub(crate) async fn clear(&self, pattern: &str, progress: Progress<'_>) -> Option<u64> {
        self.sweep(pattern, false, progress).await
    }

    async fn sweep(&self, pattern: &str, with_tokens: bool, progress: Progress<'_>) -> Option<u64> {
        let mut owed = Owed { shared: &self.0, keys: vec![self.0.root_key()] };
        let (reserved, token) = (self.0.reserved(), self.0.token_key(""));
        let (mut cursor, mut removed) = (0_u64, 0_u64);
        loop {
            let turn = self.0.turn_to_remove().await.ok()?;
            let (next, found) = self.page(&turn, pattern, cursor).await.ok()?;
            let (mut keys, names): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|key| key.starts_with(&reserved));
            keys.retain(|key| with_tokens && key.starts_with(&token));
            let tokens = keys.len();
            keys.extend(names);
            if !keys.is_empty() {
                let bulk = turn.ready.bulk();
                removed += turn
                    .ask(self.0.send_removal(&turn.ready, bulk, &keys, tokens, &[]))
                    .await
                    .ok()?;
            }
            if next == 0 {
                // Told at the end: what another process has read of a page that came later is in
                // its memory by now, or will not be stored there.
                let mut publish = cmd("PUBLISH");
                publish.arg(self.0.feed_channel()).arg(self.0.notice([Item::Pattern(pattern)]));
                let _: u64 = turn.ask(publish.query_async(&mut turn.ready.quick())).await.ok()?;
                owed.keys.clear();
                progress(Swept { removed, part: 1.0 });
                return Some(removed);
            }
            cursor = next;
            progress(Swept { removed, part: part_before(cursor) });
        }
    }

    /// The names on the next page of those that match, and where to go on; 0 at the end.
    pub(crate) async fn names(
        &self,
        pattern: &str,
        cursor: u64,
    ) -> Result<(u64, Vec<String>), Away> {
        let turn = self.0.turn().await?;
        let (next, keys) = self.page(&turn, pattern, cursor).await?;
        let (own, reserved) = (self.0.value_key("").len(), self.0.reserved());
        let names = keys.into_iter().filter(|key| !key.starts_with(&reserved));
        Ok((next, names.map(|key| key[own..].to_owned()).collect()))
    }

    /// One page of the keys that match. What is not text is nobody's here.
    async fn page(
        &self,
        turn: &Turn<'_>,
        pattern: &str,
        cursor: u64,
    ) -> Result<(u64, Vec<String>), Away> {
        let matching = format!("{}:{pattern}", glob::escape(&self.0.settings.namespace));
        let scan = scan(cursor, &matching);
        let (next, keys): (u64, Vec<Vec<u8>>) =
            turn.ask(scan.query_async(&mut turn.ready.bulk())).await?;
        Ok((next, keys.into_iter().filter_map(|key| String::from_utf8(key).ok()).collect()))
    }
}

fn scan(cursor: u64, pattern: &str) -> Cmd {
    let mut command = cmd("SCAN");
    command.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCAN_COUNT);
    command
}

/// The part of a scan that lies before a cursor: Redis counts its bits from the highest down, so that
/// the table may grow on the way.
fn part_before(cursor: u64) -> f64 {
    cursor.reverse_bits() as f64 / u64::MAX as f64
}
