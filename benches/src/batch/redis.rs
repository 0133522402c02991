//! Ids whose values are in Redis, and not in memory.

use std::collections::HashMap;

use cache_runtime::{CacheManager, cached, with};

use super::AT_ONCE;
use crate::redis::{Failure, Ids, SMALL, ours};

/// Lists of [`AT_ONCE`] ids, one after another: a list is requested by its number.
#[derive(Clone, Debug)]
pub struct Lists {
    manager: CacheManager,
    lists: u64,
}

impl Lists {
    /// Returns the lists of a cache whose memory has no room for their values, which are in Redis.
    ///
    /// # Errors
    ///
    /// If Redis cannot be used.
    pub async fn start(url: &str, lists: u64) -> Result<Self, Failure> {
        let lists = Lists { manager: ours::connect(url, &[]).await?, lists };
        for number in 0..lists.count() {
            let ids = ids_of(number);
            let load = async {
                values(many_tiered(&ids).await);
                values(many_of_single(&ids).await);
                values(many_in_redis(&ids).await);
                for id in &ids {
                    single_in_redis(*id).await;
                }
            };
            with(&lists.manager, load).await;
        }
        lists.manager.reset_stats();
        Ok(lists)
    }

    /// Returns how many lists there are.
    pub fn count(&self) -> u64 {
        self.lists
    }

    /// Makes one call of many keys for each list.
    pub async fn by_list(self, is_tiered: bool, numbers: Ids) {
        for number in numbers {
            let ids = ids_of(number);
            values(match is_tiered {
                true => with(&self.manager, many_tiered(&ids)).await,
                false => with(&self.manager, many_in_redis(&ids)).await,
            });
        }
    }

    /// Makes one call of many keys for each list, with the entries of a function of one key.
    pub async fn by_entry(self, numbers: Ids) {
        for number in numbers {
            values(with(&self.manager, many_of_single(&ids_of(number))).await);
        }
    }

    /// Makes one call after another for the ids of each list.
    pub async fn by_id(self, is_tiered: bool, numbers: Ids) {
        for number in numbers {
            let mut found = HashMap::with_capacity(AT_ONCE);
            for id in ids_of(number) {
                let value = match is_tiered {
                    true => with(&self.manager, single_tiered(id)).await,
                    false => with(&self.manager, single_in_redis(id)).await,
                };
                found.insert(id, value);
            }
            values(found);
        }
    }

    /// Checks that Redis has answered for every id.
    ///
    /// # Errors
    ///
    /// If memory has answered, or a body has run.
    pub fn check(&self) -> Result<(), Failure> {
        let total = self.manager.stats().total;
        if total.memory_hits + total.loads > 0 {
            return Err(format!("not all ids were answered by Redis:\n{total:?}").into());
        }
        Ok(())
    }
}

/// Returns the ids of a list.
pub(super) fn ids_of(number: u64) -> Vec<u64> {
    let first = number * AT_ONCE as u64;
    (first..first + AT_ONCE as u64).collect()
}

fn values(found: HashMap<u64, String>) {
    assert_eq!(found.len(), AT_ONCE, "a value for each id");
}

fn load(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, SMALL.value())).collect()
}

#[cached(ttl = "1h", key_prefix = "single_tiered", key = "{id}")]
async fn single_tiered(id: u64) -> String {
    let _ = id;
    SMALL.value()
}

#[cached(entry = single_tiered(id), each(id in ids))]
async fn many_of_single(ids: &[u64]) -> HashMap<u64, String> {
    load(ids)
}

#[cached(ttl = "1h", key_prefix = "many_tiered", key = "{id}", each(id in ids))]
async fn many_tiered(ids: &[u64]) -> HashMap<u64, String> {
    load(ids)
}

#[cached(ttl = "1h", key_prefix = "single_redis", key = "{id}", tier = "redis")]
async fn single_in_redis(id: u64) -> String {
    let _ = id;
    SMALL.value()
}

#[cached(ttl = "1h", key_prefix = "many_redis", key = "{id}", each(id in ids), tier = "redis")]
async fn many_in_redis(ids: &[u64]) -> HashMap<u64, String> {
    load(ids)
}
