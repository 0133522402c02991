//! The text for Prometheus.

use std::collections::HashMap;

use cache_runtime::cached;

use super::{Admin, item, item_path};
use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores};

/// Returns the samples of a text, by name and labels, once it has been found well-formed.
fn samples(text: &str) -> HashMap<String, f64> {
    let mut kinds = HashMap::new();
    let mut samples = HashMap::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(help.split_once(' ').is_some_and(|(_, text)| text.ends_with('.')), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end).filter(|name| kinds.contains_key(*name)));
            let kind = &kinds[family.unwrap_or(name)];
            assert_eq!(kind == "histogram", family.is_some(), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            let value = value.parse().unwrap();
            assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
        }
    }
    samples
}

#[tokio::test]
async fn what_is_counted_is_in_the_text() {
    on_each_store(async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let source = Source::new(1);
        for id in [1, 1, 2, 1] {
            item(&source, id).await;
        }
        let answer = admin.get("/metrics").await;
        assert!(answer.kind.starts_with("text/plain; version=0.0.4"), "{}", answer.kind);
        let samples = samples(answer.ok().as_str().unwrap());
        let labels = format!("site=\"{}\",prefix=\"admin\"", item_path());
        let of = |name: &str, more: &str| samples[&format!("{name}{{{labels}{more}}}")];
        assert_eq!(of("cache_misses_total", ""), 2.0);
        let hits = ["memory", "redis"].map(|s| of("cache_hits_total", &format!(",store=\"{s}\"")));
        assert_eq!(hits.iter().sum::<f64>(), 2.0);
        assert_eq!(of("cache_load_duration_seconds_count", ""), 2.0);
        assert_eq!(of("cache_load_duration_seconds_bucket", ",le=\"+Inf\""), 2.0);
        assert_eq!(of("cache_site_enabled", ""), 1.0);
        let redis = samples["cache_redis_duration_seconds_count"];
        assert_eq!(redis > 0.0, cache.store.has_redis());
        assert_eq!(samples["cache_healthy"] == 1.0, cache.store != Store::Outage);
    })
    .await;
}

#[cached(key_prefix = "admin_many", key = "{id}", each(id in ids))]
async fn many(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, *id)).collect()
}

#[tokio::test]
async fn batches_and_their_keys_are_in_the_text() {
    on_each_store(async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        many(&[1, 2, 3]).await;
        many(&[3, 4]).await;
        let answer = admin.get("/metrics").await;
        let samples = samples(answer.ok().as_str().unwrap());
        let labels = format!("site=\"{}::many\",prefix=\"admin_many\"", module_path!());
        let of = |name: &str| samples[&format!("{name}{{{labels}}}")];
        assert_eq!(["cache_batches_total", "cache_batch_keys_total"].map(of), [2.0, 4.0]);
        assert_eq!(
            ["cache_hits_total", "cache_misses_total"].map(|name| {
                let all = samples
                    .iter()
                    .filter(|(series, _)| series.starts_with(name) && series.contains(&labels));
                all.map(|(_, value)| value).sum::<f64>()
            }),
            [1.0, 4.0]
        );
    })
    .await;
}

#[tokio::test]
async fn the_buckets_of_a_histogram_only_grow() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let admin = Admin::with_key(&cache.manager).await;
        let source = Source::new(1);
        for id in 0..20 {
            item(&source, id).await;
        }
        let answer = admin.get("/metrics").await;
        let text = answer.ok().as_str().unwrap().to_owned();
        let buckets: Vec<f64> = text
            .lines()
            .filter(|line| line.starts_with("cache_redis_duration_seconds_bucket"))
            .map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
            .collect();
        assert!(buckets.is_sorted() && buckets.len() > 10, "{buckets:?}");
        assert_eq!(buckets.last(), Some(&samples(&text)["cache_redis_duration_seconds_count"]));
    })
    .await;
}
