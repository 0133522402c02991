//! Scans all names: lists or removes those that match a pattern.

use redis::{Cmd, cmd};

use super::lane::Lane;
use super::notice::Item;
use super::ready::Ready;
use super::rights::Need;
use super::shared::Permit;
use super::unavailable::Unavailable;
use super::{RedisStore, RemovalGuard, ready};
use super::{pending, removal};
use crate::key::glob::{self, Pattern};
use crate::key::name::name_of;

/// The number of keys that one page of a scan requests.
const SCAN_COUNT: usize = 1_000;

/// The maximum number of passes through a cluster whose keys move.
const MOST_PASSES: usize = 3;

/// The progress of a scan through all names: see
/// [`CacheManager::clear_with`](crate::CacheManager::clear_with).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClearProgress {
    /// The number of values removed so far.
    pub removed: u64,
    /// The fraction of the names that was scanned, `0.0 ..= 1.0`; an estimate until it is 1.
    pub part: f64,
}

/// Receives the progress of a scan.
pub(crate) type Progress<'a> = &'a mut (dyn FnMut(ClearProgress) + Send);

impl RedisStore {
    /// Removes everything, and makes it stale first. Tokens go too: no entry needs them any more.
    pub(crate) async fn flush(&self, progress: Progress<'_>) -> Option<u64> {
        self.invalidate_root().await;
        self.scan(&Sought::everything(), &[], progress).await
    }

    /// Removes all entries and placeholders whose names match, and counts the entries.
    ///
    /// The scan goes page by page to the end of the cursor. If Redis becomes unavailable meanwhile, the rest
    /// is not removed, and an invalidation of the whole namespace is pending. After the scan, these tags are
    /// invalidated.
    pub(crate) async fn clear(
        &self,
        pattern: &Pattern,
        tags: &[&str],
        progress: Progress<'_>,
    ) -> Option<u64> {
        self.scan(&Sought::matching_beside(pattern), tags, progress).await
    }

    async fn scan(
        &self,
        sought: &Sought<'_>,
        tags: &[&str],
        progress: Progress<'_>,
    ) -> Option<u64> {
        let tokens: Vec<String> = tags.iter().map(|tag| self.0.keys.token(tag)).collect();
        let mut guard = RemovalGuard { shared: &self.0, keys: vec![self.0.keys.root()] };
        let mut removed = 0_u64;
        let pattern = || std::iter::once(Item::Pattern(sought.pattern()));
        for pass in 0..MOST_PASSES {
            let permit = self.0.permit_to_remove().await.ok()?;
            if permit.ready.lacks(Need::Scans) {
                guard.keys.clear();
                self.invalidate_root().await;
                return None;
            }
            if pass == 0 && !tokens.is_empty() {
                // R2: a put whose value names an entry has no placeholder yet that the scan could find.
                self.tell(&permit, pattern()).await?;
            }
            let before = permit.ask(ready::claims(&permit.ready)).await.ok()?;
            self.pass(sought, &mut removed, progress).await?;
            let after = permit.ask(ready::claims(&permit.ready)).await.ok()?;
            if before.is_none() || before != after {
                // The scan may have missed keys that are moving from one node to another.
                continue;
            }
            if !tokens.is_empty() {
                let (ready, all) = (&permit.ready, tokens.len());
                let removal = removal::remove(&self.0, ready, Lane::Quick, &tokens, all, &[]);
                permit.ask(removal).await.ok()?;
            }
            // The notice is published at the end. By then, a value that another process has read from a later
            // page is in its memory, or will not be stored there.
            let removed_tokens = tokens.iter().filter_map(|key| self.0.keys.within(key));
            self.tell(&permit, pattern().chain(removed_tokens.map(Item::Key))).await?;
            guard.keys.clear();
            progress(ClearProgress { removed, part: 1.0 });
            return Some(removed);
        }
        self.0.moving.happens(self.0.clock.now_ms(), |times| {
            tracing::warn!(
                pattern = sought.pattern(),
                times,
                "keys keep moving between nodes, so not all matching names can be found; the whole \
                 namespace is invalidated instead"
            );
        });
        guard.keys.clear();
        self.invalidate_root().await;
        progress(ClearProgress { removed, part: 1.0 });
        Some(removed)
    }

    /// Publishes a notice, if other processes can receive it.
    async fn tell<'a>(
        &self,
        permit: &Permit<'_>,
        items: impl Iterator<Item = Item<'a>>,
    ) -> Option<()> {
        if !permit.ready.has_feed() {
            return Some(());
        }
        let mut publish = cmd("PUBLISH");
        publish.arg(self.0.keys.feed()).arg(self.0.notice(items));
        let root = self.0.keys.root();
        let told = permit.ready.ask::<u64>(Lane::Quick, &root, &publish);
        permit.ask(told).await.ok().map(drop)
    }

    /// Scans all keys once. The keys of entries beside a name end with the name, so they are found with it.
    async fn pass(
        &self,
        sought: &Sought<'_>,
        removed: &mut u64,
        progress: &mut (dyn FnMut(ClearProgress) + Send),
    ) -> Option<()> {
        let (own, token) = (self.0.keys.value("").len(), self.0.keys.token(""));
        let mut place = Some(ScanCursor::default());
        while let Some(at) = place {
            let permit = self.0.permit_to_remove().await.ok()?;
            let (next, found) = self.page(&permit, sought, at).await.ok()?;
            let (mut keys, others): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|key| key.starts_with(&token));
            keys.retain(|_| sought.is_everything());
            let is_entry = |key: &String| key.get(own..).and_then(name_of).is_some();
            let tokens = keys.len();
            keys.extend(others.into_iter().filter(is_entry));
            if !keys.is_empty() {
                let removal =
                    removal::remove(&self.0, &permit.ready, Lane::Bulk, &keys, tokens, &[]);
                *removed += permit.ask(removal).await.ok()?;
            }
            if let Some(next) = next {
                progress(ClearProgress { removed: *removed, part: next.part(&permit.ready) });
            }
            place = next;
        }
        Some(())
    }

    /// Returns the matching names on one page, and the position of the next page; `None` at the end.
    pub(crate) async fn names(
        &self,
        pattern: &Pattern,
        place: ScanCursor,
    ) -> Result<(Option<ScanCursor>, Vec<String>), Unavailable> {
        let permit = pending::permit_for_any(&self.0).await?;
        if permit.ready.lacks(Need::Scans) {
            return Err(Unavailable::LacksScan);
        }
        let (next, keys) = self.page(&permit, &Sought::matching(pattern), place).await?;
        let (own, reserved) = (self.0.keys.value("").len(), self.0.keys.reserved());
        let names = keys.into_iter().filter(|key| !key.starts_with(&reserved));
        Ok((next, names.map(|key| key[own..].to_owned()).collect()))
    }

    /// Reads one page of the matching keys. Keys that are not UTF-8 are not the cache's.
    async fn page(
        &self,
        permit: &Permit<'_>,
        sought: &Sought<'_>,
        place: ScanCursor,
    ) -> Result<(Option<ScanCursor>, Vec<String>), Unavailable> {
        let mut nodes = permit.ready.nodes().skip(place.node);
        // Masters have left the cluster meanwhile. Their keys have moved, possibly to nodes that were already
        // scanned.
        let node = nodes.next().ok_or(Unavailable::NodeGone)?;
        let matching = format!("{}:{}", glob::escape(&self.0.settings.namespace), sought.given);
        let scan_command = scan_command(place.cursor, &matching);
        let (cursor, keys): (u64, Vec<Vec<u8>>) =
            permit.ask(node.ask(Lane::Bulk, &scan_command)).await?;
        let next = match cursor {
            0 => nodes.next().map(|_| ScanCursor { node: place.node + 1, cursor }),
            _ => Some(ScanCursor { cursor, ..place }),
        };
        let keys = keys.into_iter().filter_map(|key| String::from_utf8(key).ok());
        let own = self.0.keys.value("").len();
        let is_sought = |key: &String| key.get(own..).is_some_and(|name| sought.takes(name));
        Ok((next, keys.filter(is_sought).collect()))
    }
}

/// The keys to find.
struct Sought<'a> {
    /// The pattern; `None` for everything, tokens included.
    pattern: Option<&'a Pattern>,
    /// The pattern that is sent to Redis.
    given: String,
    /// True if the pattern for Redis matches nothing else.
    is_exact: bool,
}

impl<'a> Sought<'a> {
    fn everything() -> Self {
        Sought { pattern: None, given: "*".to_owned(), is_exact: true }
    }

    fn matching(pattern: &'a Pattern) -> Self {
        let (given, is_exact) = pattern.for_redis();
        Sought { pattern: Some(pattern), given, is_exact }
    }

    /// Makes a search for such names, and for the keys of entries that are stored beside them, which end with
    /// the name.
    fn matching_beside(pattern: &'a Pattern) -> Self {
        let (given, _) = pattern.for_redis();
        Sought { pattern: Some(pattern), given: format!("*{given}"), is_exact: false }
    }

    fn is_everything(&self) -> bool {
        self.pattern.is_none()
    }

    /// Returns the pattern as it was written.
    fn pattern(&self) -> &str {
        self.pattern.map_or("*", Pattern::as_str)
    }

    fn takes(&self, stored: &str) -> bool {
        let matches = |pattern: &Pattern| name_of(stored).is_some_and(|name| pattern.matches(name));
        self.is_exact || self.pattern.is_none_or(matches)
    }
}

/// The position at which a pass through all keys continues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScanCursor {
    node: usize,
    cursor: u64,
}

impl ScanCursor {
    /// Returns the fraction of all keys that lies before the cursor. Redis counts the bits of a cursor from
    /// the highest down, so that the table may grow during a scan. In a cluster there is a table for each
    /// slot.
    fn part(self, ready: &Ready) -> f64 {
        if ready.is_cluster() {
            return self.node as f64 / ready.nodes().count() as f64;
        }
        self.cursor.reverse_bits() as f64 / u64::MAX as f64
    }
}

fn scan_command(cursor: u64, pattern: &str) -> Cmd {
    let mut command = cmd("SCAN");
    command.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCAN_COUNT);
    command
}
