//! The functions of many keys of the application: those that have the entries of the functions of
//! one key, one that has entries of its own, and those that change the data of many keys.

use std::collections::{BTreeMap, HashMap};

use cache_runtime::{cache_invalidate, cached};
use cache_tests::Dice;
use cache_tests::history::{Datum, Key, Versions, now_us};

use crate::data::{Failed, database, dawdle, failing, owned, plain, refreshed, shared};

#[cached(entry = plain(row), each(row in rows))]
pub async fn many_plain(rows: &[u8]) -> Result<HashMap<u8, Datum>, Failed> {
    Ok(load(0, rows).await)
}

#[cached(entry = shared(row), each(row in rows))]
pub async fn many_shared(rows: Vec<u8>) -> Result<BTreeMap<u8, Datum>, Failed> {
    Ok(load(1, &rows).await)
}

#[cached(entry = refreshed(row), each(row in rows), background = true)]
pub async fn many_refreshed(rows: &[u8]) -> Result<HashMap<u8, Datum>, Failed> {
    Ok(load(2, rows).await)
}

#[cached(entry = failing(row), each(row in rows), max_batch = 2)]
pub async fn many_failing(rows: &[u8]) -> Result<HashMap<u8, Datum>, Failed> {
    if Dice::new(now_us()).percent(20) {
        return Err(Failed);
    }
    Ok(load(3, rows).await)
}

#[cached(entry = owned(row), each(row in rows))]
pub async fn many_owned(rows: &[u8]) -> Result<HashMap<u8, Datum>, Failed> {
    Ok(load(4, rows).await)
}

/// Its values are stale soon, so that they are refreshed in the background also while much is changed.
#[cached(
    ttl = "20ms",
    key_prefix = "datum:5",
    key = "{row}",
    tags = ["row:{row}"],
    stale_while_revalidate = "20s",
    coalesce = "fleet",
    each(row in rows)
)]
pub async fn own(rows: &[u8]) -> Result<HashMap<u8, Datum>, Failed> {
    Ok(load(5, rows).await)
}

/// Calls the function of many keys of a group.
pub async fn call(group: u8, rows: &[u8]) -> Result<HashMap<u8, Datum>, Failed> {
    match group {
        0 => many_plain(rows).await,
        1 => many_shared(rows.to_vec()).await.map(|seen| seen.into_iter().collect()),
        2 => many_refreshed(rows).await,
        3 => many_failing(rows).await,
        4 => many_owned(rows).await,
        _ => own(rows).await,
    }
}

async fn load<M: FromIterator<(u8, Datum)>>(group: u8, rows: &[u8]) -> M {
    let keys: Vec<Key> = rows.iter().map(|row| Key::new(group, *row)).collect();
    load_all(&keys).await.into_iter().map(|datum| (datum.key.row(), datum)).collect()
}

/// Reads the versions of some keys at one moment, and takes its time to return them. Now and then,
/// it does not find one of them.
pub async fn load_all(keys: &[Key]) -> Vec<Datum> {
    let versions = database().read().await;
    dawdle().await;
    let mut dice = Dice::new(now_us());
    let found = keys.iter().filter(|_| !dice.percent(3));
    found.map(|key| Datum { key: *key, version: versions[key.index()], set_by: 0 }).collect()
}

/// Gives new versions to some keys of some rows, and invalidates each key of them.
#[cache_invalidate(
    entry = plain(row),
    entry = shared(row),
    entry = refreshed(row),
    entry = failing(row),
    entry = owned(row),
    prefix = "datum:5:{row}",
    each(row in rows)
)]
pub async fn change_each_entry(rows: Vec<u8>, keys: Vec<Key>) -> Versions {
    let _ = rows;
    database().change(keys).await
}

#[cache_invalidate(tags = ["row:{row}"], each(row in rows))]
pub async fn change_each_row(rows: Vec<u8>, keys: Vec<Key>) -> Versions {
    let _ = rows;
    database().change(keys).await
}
