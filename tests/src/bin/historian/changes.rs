//! Changes of the data, and how the cache is told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_runtime::{CacheCall as _, Error, cache};
use cache_tests::Dice;
use cache_tests::history::{
    Change, Datum, GROUPS, How, Key, OWNERS, ROWS, SINGLE_GROUPS, Scope, Span, Versions, now_us,
    owner_tag,
};

use tokio::time::timeout;

use crate::data::{self, Failed, SOFT, with_call};
use crate::many;
use crate::reads::options_of;
use crate::record::Record;

/// All ways to change something, those that touch one key more often than the others.
pub const KINDS: [How; 31] = [
    How::CacheInvalidateEntry,
    How::CacheInvalidateEntry,
    How::CacheInvalidateEachEntry,
    How::CacheInvalidateEachTag,
    How::CacheInvalidatePrefix,
    How::CacheInvalidatePrefix,
    How::CacheInvalidateTag,
    How::CacheInvalidateTag,
    How::CacheInvalidateOwner,
    How::CacheInvalidateOwner,
    How::CacheInvalidateOwner,
    How::CacheInvalidateDropped,
    How::CacheInvalidateSoftly,
    How::CacheInvalidateSoftly,
    How::CachePut,
    How::CachePut,
    How::CachePut,
    How::EntryInvalidate,
    How::EntryInvalidate,
    How::EntryPut,
    How::Delete,
    How::Delete,
    How::InvalidatePrefix,
    How::InvalidateTag,
    How::InvalidateOwner,
    How::InvalidateSoftly,
    How::InvalidateSoftly,
    How::Clear,
    How::Clear,
    How::Set,
    // Rare below: it is everybody's miss.
    How::FlushAll,
];

/// The ways to change values by their owner.
pub const OF_OWNERS: [How; 2] = [How::CacheInvalidateOwner, How::InvalidateOwner];

/// A change that is under way.
struct Changing {
    how: How,
    scope: Scope,
    /// The keys that get a new version.
    keys: Vec<Key>,
    id: u64,
}

pub async fn change(how: How, dice: &mut Dice, record: &Record) -> Result<(), Error> {
    let how = if how == How::FlushAll && dice.percent(75) { How::Delete } else { how };
    let scope = scope(how, dice);
    let keys = candidates(scope).await.filter(|_| dice.percent(70)).collect();
    let changing = Changing { how, scope, keys, id: record.number() };
    let begin = now_us();
    // `None`: dropped before it had changed anything that is known.
    let Some(versions) = changing.make(dice).await? else { return Ok(()) };
    let end = now_us();
    let floors = scope.keys().map(|key| (key, versions[key.index()])).collect();
    let Changing { how, scope, id, .. } = changing;
    let is_soft = matches!(how, How::CacheInvalidateSoftly | How::InvalidateSoftly);
    let soft = if is_soft { u64::try_from(SOFT.as_micros()).unwrap_or(0) } else { 0 };
    record
        .change(Change { id, how, span: Span { begin, end }, scope, floors, confirmed: None, soft })
        .await;
    Ok(())
}

/// Returns the keys that may get a new version. Only the tag of the present owner makes their old values stale, if
/// the scope is an owner.
async fn candidates(scope: Scope) -> impl Iterator<Item = Key> {
    let versions = data::database().read().await;
    scope.keys().filter(move |key| {
        let datum = Datum { key: *key, version: versions[key.index()], set_by: 0 };
        scope.covers_owner(datum.owner())
    })
}

fn scope(how: How, dice: &mut Dice) -> Scope {
    let group = u8::try_from(dice.below(u64::from(GROUPS))).unwrap_or(0);
    let row = u8::try_from(dice.below(u64::from(ROWS))).unwrap_or(0);
    let owner = u8::try_from(dice.below(u64::from(OWNERS))).unwrap_or(0);
    match how {
        How::CacheInvalidateEntry
        | How::CacheInvalidateTag
        | How::InvalidateTag
        | How::InvalidateSoftly => Scope::Row(row),
        How::CacheInvalidateEachEntry | How::CacheInvalidateEachTag => {
            let other = dice.below(u64::from(ROWS));
            Scope::Rows(1 << row | 1 << other)
        }
        How::CacheInvalidateOwner | How::InvalidateOwner => Scope::Owner(owner),
        How::CacheInvalidateDropped => *dice.pick(&[Scope::Group(group), Scope::Owner(owner)]),
        How::CacheInvalidatePrefix | How::CacheInvalidateSoftly => Scope::Group(group),
        How::InvalidatePrefix => {
            *dice.pick(&[Scope::Group(group), Scope::Group(group), Scope::All])
        }
        // Only the pattern of a row is no prefix.
        How::Clear => {
            *dice.pick(&[Scope::Group(group), Scope::Row(row), Scope::Row(row), Scope::All])
        }
        How::FlushAll => Scope::All,
        // They need a function of one key.
        How::CachePut | How::EntryPut | How::EntryInvalidate => {
            Scope::Key(Key::new(group % SINGLE_GROUPS, row))
        }
        _ => Scope::Key(Key::new(group, row)),
    }
}

impl Changing {
    /// Returns the versions after the change and before the cache was told.
    async fn make(&self, dice: &mut Dice) -> Result<Option<Versions>, Error> {
        match (self.how, self.scope) {
            (How::CacheInvalidateDropped, scope) => {
                Ok(self.dropped(scope, Duration::from_millis(dice.below(10))).await)
            }
            (How::CacheInvalidateEntry, Scope::Row(row)) => {
                Ok(Some(data::change_entries(row, self.keys.clone()).await))
            }
            (How::CacheInvalidateEachEntry, Scope::Rows(rows)) => {
                Ok(Some(many::change_each_entry(each_row(rows), self.keys.clone()).await))
            }
            (How::CacheInvalidateEachTag, Scope::Rows(rows)) => {
                Ok(Some(many::change_each_row(each_row(rows), self.keys.clone()).await))
            }
            (How::CacheInvalidatePrefix, Scope::Group(group)) => {
                Ok(Some(data::change_group(group, self.keys.clone()).await))
            }
            (How::CacheInvalidateSoftly, Scope::Group(group)) => {
                Ok(Some(data::change_group_softly(group, self.keys.clone()).await))
            }
            (How::CacheInvalidateTag, Scope::Row(row)) => {
                Ok(Some(data::change_row(row, self.keys.clone()).await))
            }
            (How::CacheInvalidateOwner, Scope::Owner(owner)) => {
                Ok(Some(data::change_owner(owner, self.keys.clone()).await))
            }
            (How::CachePut, Scope::Key(key)) => Ok(put(key).await),
            _ => self.direct().await.map(Some),
        }
    }

    async fn dropped(&self, scope: Scope, after: Duration) -> Option<Versions> {
        let changed = Arc::new(OnceLock::new());
        let (keys, of_change) = (self.keys.clone(), Arc::clone(&changed));
        // Its changes are invalidated whether it is dropped or not.
        let _ = match scope {
            Scope::Group(group) => {
                timeout(after, data::change_slowly(group, keys, of_change)).await
            }
            Scope::Owner(owner) => {
                timeout(after, data::change_owner_slowly(owner, keys, of_change)).await
            }
            scope => unreachable!("dropped half-way: {scope:?}"),
        };
        changed.get().copied()
    }

    /// First the data, then the cache.
    async fn direct(&self) -> Result<Versions, Error> {
        let versions = data::database().change(self.keys.iter().copied()).await;
        match (self.how, self.scope) {
            (How::Set | How::EntryPut | How::EntryInvalidate | How::Delete, Scope::Key(key)) => {
                self.one(key, versions[key.index()]).await?;
            }
            (How::InvalidatePrefix, scope) => {
                cache().invalidate_prefix(prefix(scope).trim_end_matches(':')).await?;
            }
            (How::InvalidateTag, Scope::Row(row)) => {
                cache().invalidate_tag(&format!("row:{row}")).await?;
            }
            (How::InvalidateSoftly, Scope::Row(row)) => {
                cache().invalidate_tag_softly(&format!("row:{row}"), SOFT).await?;
            }
            (How::InvalidateOwner, Scope::Owner(owner)) => {
                cache().invalidate_tag(&owner_tag(owner)).await?;
            }
            (How::Clear, Scope::Row(row)) => drop(cache().clear(&format!("datum:*:{row}")).await?),
            (How::Clear, scope) => drop(cache().clear(&format!("{}*", prefix(scope))).await?),
            (How::FlushAll, _) => drop(cache().flush_all().await),
            (how, scope) => unreachable!("{how:?} of {scope:?}"),
        }
        Ok(versions)
    }

    async fn one(&self, key: Key, version: u64) -> Result<(), Error> {
        let datum = Datum { key, version, set_by: self.id };
        match self.how {
            How::Set => cache().set(&key.name(), &datum, options_of(&datum)).await,
            How::EntryPut => with_call!(key, call => call.cache_entry().put(datum).await),
            How::EntryInvalidate => with_call!(key, call => call.cache_entry().invalidate().await),
            _ => cache().delete(&key.name()).await.map(drop),
        }
    }
}

fn each_row(rows: u8) -> Vec<u8> {
    (0..ROWS).filter(|row| rows >> row & 1 == 1).collect()
}

fn prefix(scope: Scope) -> String {
    match scope {
        Scope::Group(group) => format!("datum:{group}:"),
        _ => "datum:".to_owned(),
    }
}

/// A value that was put is at least as new as any before it; of other keys nothing is known.
///
/// The value of every second put of some groups names its entry.
async fn put(key: Key) -> Option<Versions> {
    static PUTS: AtomicU64 = AtomicU64::new(0);
    let is_late = PUTS.fetch_add(1, Ordering::Relaxed) % 2 == 1;
    let put = match (key.group(), key.row(), is_late) {
        (0, row, false) => data::put_plain(row).await,
        (0, row, true) => data::put_late_plain(row).await,
        (1, row, _) => data::put_shared(row).await,
        (2, row, false) => data::put_refreshed(row).await,
        (2, row, true) => data::put_late_refreshed(row).await,
        (3, row, _) => data::put_failing(row).await,
        (_, row, false) => data::put_owned(row).await,
        (_, row, true) => data::put_late_owned(row).await,
    };
    let Datum { version, .. } = put.map_err(|Failed| ()).ok()?;
    let mut versions = Versions::default();
    versions[key.index()] = version;
    Some(versions)
}
