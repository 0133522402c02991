//! The `DataLoader` of `async-graphql`, with its own cache in memory.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::RandomState;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};

use super::AT_ONCE;
use super::memory::value;

/// The source of the values.
#[derive(Debug)]
pub struct Rows;

/// A loader that keeps all values: without a TTL, a bound, or statistics.
pub type GraphLoader = DataLoader<Rows, HashMapCache<RandomState>>;

impl Loader<u64> for Rows {
    type Value = u64;
    type Error = Infallible;

    async fn load(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Infallible> {
        Ok(ids.iter().map(|id| (*id, value(*id))).collect())
    }
}

/// Returns a loader that keeps nothing yet. It loads as soon as a call misses as many ids as one has, without the
/// delay in which it would wait for more.
pub fn loader() -> GraphLoader {
    let cache = HashMapCache::<RandomState>::default();
    DataLoader::with_cache(Rows, tokio::spawn, cache).max_batch_size(AT_ONCE)
}

/// Returns the values of these ids.
pub async fn load(loader: &GraphLoader, ids: &[u64]) -> HashMap<u64, u64> {
    match loader.load_many(ids.iter().copied()).await {
        Ok(values) => values,
        Err(never) => match never {},
    }
}
