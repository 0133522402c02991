//! The functions of the application: cached ones, with other options in each group of keys, and
//! those that change the data.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_runtime::{cache_invalidate, cache_put, cached};
use cache_tests::Dice;
use cache_tests::history::{DatabaseClient, Datum, Key, Versions, now_us, owner_tag};

/// A body that failed, as some do.
#[derive(Clone, Copy, Debug)]
pub struct Failed;

static DATABASE: OnceLock<DatabaseClient> = OnceLock::new();

pub fn open(address: SocketAddr) {
    DATABASE.get_or_init(|| DatabaseClient::new(address));
}

pub fn database() -> &'static DatabaseClient {
    DATABASE.get().expect("opened at the start")
}

#[cached(ttl = "1m", key_prefix = "datum:0", key = "{row}", tags = ["row:{row}"])]
pub async fn plain(row: u8) -> Result<Datum, Failed> {
    load(Key::new(0, row)).await
}

#[cached(
    ttl = "1s",
    key_prefix = "datum:1",
    key = "{row}",
    tags = ["row:{row}"],
    early_refresh = 1.0,
    coalesce = "fleet"
)]
pub async fn shared(row: u8) -> Result<Datum, Failed> {
    load(Key::new(1, row)).await
}

#[cached(
    ttl = "1s",
    key_prefix = "datum:2",
    key = "{row}",
    tags = ["row:{row}"],
    stale_while_revalidate = "20s"
)]
pub async fn refreshed(row: u8) -> Result<Datum, Failed> {
    load(Key::new(2, row)).await
}

#[cached(
    ttl = "1s",
    key_prefix = "datum:3",
    key = "{row}",
    tags = ["row:{row}"],
    stale_if_error = "20s",
    load_timeout = "5ms"
)]
pub async fn failing(row: u8) -> Result<Datum, Failed> {
    if Dice::new(now_us()).percent(20) {
        return Err(Failed);
    }
    load(Key::new(3, row)).await
}

#[cached(
    ttl = "1s",
    key_prefix = "datum:4",
    key = "{row}",
    tags = ["row:{row}"],
    tags_of = |datum: &Datum| [owner_tag(datum.owner())],
    stale_while_revalidate = "20s"
)]
pub async fn owned(row: u8) -> Result<Datum, Failed> {
    let datum = load(Key::new(4, row)).await;
    // The tags are noted when it returns. The longer it takes, the more is changed meanwhile.
    dawdle().await;
    datum
}

/// Does something with the call of the cached function of a key.
macro_rules! with_call {
    ($key:expr, $call:ident => $action:expr) => {
        match ($key.group(), $key.row()) {
            (0, row) => {
                let $call = $crate::data::plain(row);
                $action
            }
            (1, row) => {
                let $call = $crate::data::shared(row);
                $action
            }
            (2, row) => {
                let $call = $crate::data::refreshed(row);
                $action
            }
            (3, row) => {
                let $call = $crate::data::failing(row);
                $action
            }
            (_, row) => {
                let $call = $crate::data::owned(row);
                $action
            }
        }
    };
}
pub(crate) use with_call;

/// Reads a version, and takes its time to return it.
pub async fn load(key: Key) -> Result<Datum, Failed> {
    let version = database().read().await[key.index()];
    dawdle().await;
    Ok(Datum { key, version, set_by: 0 })
}

/// Mostly a moment, sometimes long enough for everything to change meanwhile.
pub async fn dawdle() {
    let mut dice = Dice::new(now_us());
    let millis = match dice.below(10) {
        0..5 => 0,
        5..9 => dice.below(3),
        _ => dice.within(5..40),
    };
    match millis {
        0 => tokio::task::yield_now().await,
        millis => tokio::time::sleep(Duration::from_millis(millis)).await,
    }
}

/// Gives new versions to some keys of a row, and invalidates each key of it.
#[cache_invalidate(
    entry = plain(row),
    entry = shared(row),
    entry = refreshed(row),
    entry = failing(row),
    entry = owned(row),
    prefix = "datum:5:{row}"
)]
pub async fn change_entries(row: u8, keys: Vec<Key>) -> Versions {
    let _ = row;
    database().change(keys).await
}

#[cache_invalidate(prefix = "datum:{group}")]
pub async fn change_group(group: u8, keys: Vec<Key>) -> Versions {
    let _ = group;
    database().change(keys).await
}

#[cache_invalidate(tags = ["row:{row}"])]
pub async fn change_row(row: u8, keys: Vec<Key>) -> Versions {
    let _ = row;
    database().change(keys).await
}

/// The time for which stale values may be served.
pub const SOFT: Duration = Duration::from_secs(2);

#[cache_invalidate(prefix = "datum:{group}", soft = SOFT)]
pub async fn change_group_softly(group: u8, keys: Vec<Key>) -> Versions {
    let _ = group;
    database().change(keys).await
}

#[cache_invalidate(tags = ["owner:{owner}"])]
pub async fn change_owner(owner: u8, keys: Vec<Key>) -> Versions {
    let _ = owner;
    database().change(keys).await
}

/// Goes on for a while after its change, so that it can be dropped there.
#[cache_invalidate(prefix = "datum:{group}")]
pub async fn change_slowly(group: u8, keys: Vec<Key>, changed: Arc<OnceLock<Versions>>) {
    let _ = group;
    go_on_after_change(keys, changed).await;
}

#[cache_invalidate(tags = ["owner:{owner}"])]
pub async fn change_owner_slowly(owner: u8, keys: Vec<Key>, changed: Arc<OnceLock<Versions>>) {
    let _ = owner;
    go_on_after_change(keys, changed).await;
}

async fn go_on_after_change(keys: Vec<Key>, changed: Arc<OnceLock<Versions>>) {
    let versions = database().change(keys).await;
    changed.get_or_init(|| versions);
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[cache_put(entry = plain(row))]
pub async fn put_plain(row: u8) -> Result<Datum, Failed> {
    replace(Key::new(0, row)).await
}

#[cache_put(entry = shared(row))]
pub async fn put_shared(row: u8) -> Result<Datum, Failed> {
    replace(Key::new(1, row)).await
}

#[cache_put(entry = refreshed(row))]
pub async fn put_refreshed(row: u8) -> Result<Datum, Failed> {
    replace(Key::new(2, row)).await
}

#[cache_put(entry = failing(row))]
pub async fn put_failing(row: u8) -> Result<Datum, Failed> {
    replace(Key::new(3, row)).await
}

#[cache_put(entry = owned(row))]
pub async fn put_owned(row: u8) -> Result<Datum, Failed> {
    replace(Key::new(4, row)).await
}

/// Puts a row whose entry the value names.
#[cache_put(entry = plain(result.key.row()))]
pub async fn put_late_plain(row: u8) -> Result<Datum, Failed> {
    replace(Key::new(0, row)).await
}

#[cache_put(entry = refreshed(result.key.row()))]
pub async fn put_late_refreshed(row: u8) -> Result<Datum, Failed> {
    replace(Key::new(2, row)).await
}

#[cache_put(entry = owned(result.key.row()))]
pub async fn put_late_owned(row: u8) -> Result<Datum, Failed> {
    replace(Key::new(4, row)).await
}

async fn replace(key: Key) -> Result<Datum, Failed> {
    dawdle().await;
    let version = database().change([key]).await[key.index()];
    dawdle().await;
    Ok(Datum { key, version, set_by: 0 })
}
