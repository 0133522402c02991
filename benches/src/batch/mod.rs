//! Functions of many keys, with what each is compared with.

pub mod cluster;
pub mod cold;
pub mod graph;
mod ids;
pub mod memory;
pub mod redis;

use cache_runtime::{CacheConfig, CacheManager};

pub use ids::{AT_ONCE, Batches};

/// Enough for all entries of a run: nothing is evicted.
const MEMORY: usize = 512 * 1_024 * 1_024;

/// Installs the cache of this process, which keeps everything in memory.
///
/// # Panics
///
/// If the process has one already.
pub fn install() {
    let config = CacheConfig::default().memory_capacity(MEMORY);
    let manager = CacheManager::builder().config(config).build().expect("a usable configuration");
    cache_runtime::install(manager).expect("no other manager");
}
