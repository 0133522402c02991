//! `cost`: the money one load costs, for the savings in the statistics.

use cache_runtime::cached;

use crate::stores::{TestCache, on_each_store};

#[cached(cost = 0.25, key = "{id}")]
async fn dear(id: u64) -> u64 {
    id
}

#[cached(cost = 2, key = "{id}")]
async fn dearer(id: u64) -> u64 {
    id
}

#[tokio::test]
async fn each_hit_saves_the_cost_of_a_load() {
    on_each_store(async |cache: TestCache| {
        for _ in 0..5 {
            dear(1).await;
        }
        dearer(1).await;
        dearer(1).await;
        let stats = cache.manager.stats();
        let saved: Vec<_> = stats.sites.iter().map(|site| site.counts.saved_cost).collect();
        assert_eq!(saved, [1.0, 2.0]);
        assert!((stats.total.saved_cost - 3.0).abs() < f64::EPSILON);
    })
    .await;
}
