//! Reads, and what they see.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};

use cache_runtime::{CacheCall as _, Clock, Error, SetOptions, Source, cache};
use cache_tests::history::{
    Datum, Event, How, Key, OWNED, Origin, Read, SINGLE_GROUPS, Span, now_us, owner_tag,
};

use crate::data::{self, Failed, with_call};
use crate::many;
use crate::outer::{self, Outer, Parts, with_outer};
use crate::record::Record;

/// The TTL of values that are stored directly.
const TTL: std::time::Duration = std::time::Duration::from_secs(5);

/// Returns the options with which any value of this key is stored directly.
fn options(key: Key) -> SetOptions {
    SetOptions::ttl(TTL).tag(key.tag())
}

/// Returns the options with which this value is stored directly.
pub fn options_of(datum: &Datum) -> SetOptions {
    match datum.key.group() {
        OWNED => options(datum.key).tag(owner_tag(datum.owner())),
        _ => options(datum.key),
    }
}

pub async fn call(key: Key) -> Result<Datum, Failed> {
    with_call!(key, call => call.await)
}

pub async fn read(how: How, key: Key, record: &Record) -> Result<(), Error> {
    let (begin, lag) = (now_us(), lag());
    let seen = match how {
        How::Call => vec![(key, Origin::Unknown, call(key).await.ok())],
        How::Fetch => vec![fetch(key).await?],
        How::Peek => {
            let seen = with_call!(key, call => call.cache_entry().peek().await)?;
            vec![(key, Origin::Unknown, seen.and_then(Result::ok))]
        }
        How::Refresh => {
            let seen = with_call!(key, call => call.cache_entry().refresh().await)?;
            vec![(key, Origin::Load, seen.ok())]
        }
        How::Get => vec![(key, Origin::Unknown, cache().get(&key.name()).await?)],
        How::GetMany => get_many(key).await?,
        _ => vec![(key, Origin::Unknown, get_or_load(key).await)],
    };
    let span = Span { begin, end: now_us() };
    for (key, origin, seen) in seen {
        record.write(&Event::Read(Read { how, span, key, origin, lag, seen }));
    }
    Ok(())
}

/// Reads keys of one group, through its function of many keys.
pub async fn call_many(group: u8, rows: &[u8], record: &Record) {
    let how = match group < SINGLE_GROUPS {
        true => How::CallMany,
        false => How::CallManyOwn,
    };
    let (begin, lag) = (now_us(), lag());
    let seen = many::call(group, rows).await.unwrap_or_default();
    let asked: BTreeSet<u8> = rows.iter().copied().collect();
    let seen = asked.iter().map(|row| (Key::new(group, *row), seen.get(row).copied()));
    write_each(how, begin, lag, seen, record);
}

/// Reads keys of one row, with a load of their names.
pub async fn get_or_load_many(row: u8, groups: &[u8], record: &Record) {
    let key = |group: &u8| Key::new(*group, row);
    let (begin, lag) = (now_us(), lag());
    let load = |names: Vec<String>| async move {
        let is_wanted = |key: &Key| names.contains(&key.name());
        let keys: Vec<Key> = Key::all().filter(is_wanted).collect();
        let values = many::load_all(&keys).await.into_iter();
        Ok::<_, Failed>(values.map(|datum| (datum.key.name(), datum)).collect::<HashMap<_, _>>())
    };
    let names = groups.iter().map(|group| key(group).name());
    let seen = cache().get_or_load_many(names, options(Key::new(0, row)), load).await;
    let seen = seen.unwrap_or_default();
    let asked: BTreeSet<Key> = groups.iter().map(key).collect();
    let seen = asked.into_iter().map(|key| (key, seen.get(&key.name()).copied()));
    write_each(How::GetOrLoadMany, begin, lag, seen, record);
}

/// Reads a value of the row that inherits.
pub async fn read_outer(how: How, outer: Outer, row: u8, record: &Record) -> Result<(), Error> {
    let (begin, lag) = (now_us(), lag());
    let (origin, parts) = match how {
        How::FetchOuter => {
            let fetched = with_outer!(outer, row, call => call.cache_entry().fetch().await)?;
            (origin_of_outer(fetched.source), fetched.value.ok())
        }
        How::PeekOuter => {
            let seen = with_outer!(outer, row, call => call.cache_entry().peek().await)?;
            (Origin::Unknown, seen.and_then(Result::ok))
        }
        How::RefreshOuter => {
            let seen = with_outer!(outer, row, call => call.cache_entry().refresh().await)?;
            (Origin::Unknown, seen.ok())
        }
        _ => (Origin::Unknown, outer::call(outer, row).await.ok()),
    };
    let span = Span { begin, end: now_us() };
    write_parts(how, span, lag, origin, row, parts, record);
    Ok(())
}

/// Reads values of some rows that inherit, through their function of many keys.
pub async fn call_many_outer(rows: &[u8], record: &Record) {
    let (begin, lag) = (now_us(), lag());
    let seen = outer::walls(rows).await.unwrap_or_default();
    let span = Span { begin, end: now_us() };
    for (row, parts) in seen {
        let how = How::CallManyOuter;
        write_parts(how, span, lag, Origin::Unknown, row, Some(parts), record);
    }
}

/// The data in a value that has been loaded may come from a store.
fn origin_of_outer(source: Source) -> Origin {
    match origin(source) {
        Origin::Load => Origin::Unknown,
        origin => origin,
    }
}

/// Records each datum in a value of a row as one read of its own.
fn write_parts(
    how: How,
    span: Span,
    lag: u64,
    origin: Origin,
    row: u8,
    parts: Option<Parts>,
    record: &Record,
) {
    for seen in parts.into_iter().flatten() {
        let (key, seen) = (Key::new(seen.key.group(), row), Some(seen));
        record.write(&Event::Read(Read { how, span, key, origin, lag, seen }));
    }
}

/// Records each key of a call of many keys as one read of its own.
fn write_each(
    how: How,
    begin: u64,
    lag: u64,
    seen: impl Iterator<Item = (Key, Option<Datum>)>,
    record: &Record,
) {
    let (span, origin) = (Span { begin, end: now_us() }, Origin::Unknown);
    for (key, seen) in seen {
        record.write(&Event::Read(Read { how, span, key, origin, lag, seen }));
    }
}

/// Returns the lag of the clock with which the cache counts milliseconds.
fn lag() -> u64 {
    // The two clocks begin at different moments.
    static LEAST: AtomicI64 = AtomicI64::new(i64::MAX);
    let behind = now_us().cast_signed() - (Clock::system().now_ms() * 1_000).cast_signed();
    let least = LEAST.fetch_min(behind, Ordering::Relaxed).min(behind);
    (behind - least).cast_unsigned()
}

async fn fetch(key: Key) -> Result<(Key, Origin, Option<Datum>), Error> {
    let fetched = with_call!(key, call => call.cache_entry().fetch().await)?;
    Ok((key, origin(fetched.source), fetched.value.ok()))
}

fn origin(source: Source) -> Origin {
    match source {
        Source::Memory => Origin::Memory,
        Source::Redis => Origin::Redis,
        Source::Load => Origin::Load,
        Source::Shared => Origin::Shared,
        _ => Origin::Unknown,
    }
}

async fn get_many(key: Key) -> Result<Vec<(Key, Origin, Option<Datum>)>, Error> {
    let keys: Vec<Key> = Key::all().filter(|other| other.group() == key.group()).collect();
    let names: Vec<String> = keys.iter().map(|key| key.name()).collect();
    let values = cache().get_many::<Datum>(&names).await?;
    Ok(keys.into_iter().zip(values).map(|(key, seen)| (key, Origin::Unknown, seen)).collect())
}

async fn get_or_load(key: Key) -> Option<Datum> {
    let load = || async move { data::load(key).await };
    cache().get_or_load(&key.name(), options(key), load).await.ok()
}
