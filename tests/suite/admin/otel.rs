//! The metrics as instruments of OpenTelemetry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cache_admin::otel::{Observed, observe};
use cache_runtime::{CacheConfig, CacheManager, SourceLimit, cached, with};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

use super::{change, item, item_path};
use crate::source::Source;
use crate::stores::{TestCache, on_each_store};

/// A cache that is observed, and where its metrics go.
struct Observing {
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
    observed: Observed,
}

/// One metric as it was exported: its kind, its unit, and its numbers by their attributes.
#[derive(Debug, PartialEq)]
struct Exported {
    kind: &'static str,
    unit: String,
    points: BTreeMap<String, f64>,
}

impl Observing {
    fn new(manager: &CacheManager) -> Self {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        let observed = observe(manager, &provider.meter("cache"));
        Observing { provider, exporter, observed }
    }

    fn collect(&self) -> BTreeMap<String, Exported> {
        collect(&self.provider, &self.exporter)
    }
}

/// Returns the results of one collection, by name.
fn collect(
    provider: &SdkMeterProvider,
    exporter: &InMemoryMetricExporter,
) -> BTreeMap<String, Exported> {
    exporter.reset();
    provider.force_flush().unwrap();
    let collected = exporter.get_finished_metrics().unwrap();
    let scopes = collected.iter().flat_map(|all| all.scope_metrics());
    let metrics = scopes.flat_map(|scope| scope.metrics());
    metrics.map(|metric| (metric.name().to_owned(), exported(metric))).collect()
}

fn exported(metric: &Metric) -> Exported {
    let AggregatedMetrics::F64(data) = metric.data() else { panic!("{metric:?}") };
    let (kind, points) = match data {
        MetricData::Sum(sum) => (
            if sum.is_monotonic() { "counter" } else { "up-down counter" },
            sum.data_points().map(|p| (written(p.attributes()), p.value())).collect(),
        ),
        MetricData::Gauge(gauge) => {
            ("gauge", gauge.data_points().map(|p| (written(p.attributes()), p.value())).collect())
        }
        _ => panic!("{metric:?}"),
    };
    Exported { kind, unit: metric.unit().to_owned(), points }
}

/// Attributes as `key=value`, in order.
fn written<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let pairs = attributes.map(|pair| format!("{}={}", pair.key, pair.value));
    pairs.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
}

/// Returns the attributes of [`item`], and one more.
fn of_item(more: &str) -> String {
    format!("cache.prefix=admin cache.site={}{more}", item_path())
}

#[tokio::test]
async fn counters_move_with_the_calls() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        let observing = Observing::new(&cache.manager);
        assert_eq!(observing.collect().get("cache.misses"), None, "nothing has been called");
        for (round, hits) in [(1, 2.0), (2, 5.0)] {
            for id in [1, 1, round + 1, 1] {
                item(&source, id).await;
            }
            let metrics = observing.collect();
            let misses = &metrics["cache.misses"];
            assert_eq!((misses.kind, misses.unit.as_str()), ("counter", "{call}"));
            assert_eq!(misses.points[&of_item("")], 1.0 + round as f64);
            let in_store = |store| metrics["cache.hits"].points[&of_item(store)];
            assert_eq!(in_store(" cache.store=memory") + in_store(" cache.store=redis"), hits);
            assert_eq!(
                metrics["cache.load.duration.count"].points[&of_item("")],
                1.0 + round as f64
            );
        }
        change(1).await;
        let metrics = observing.collect();
        assert_eq!(metrics["cache.invalidations"].points[""], 1.0);
        let has_redis = metrics["cache.redis.duration.count"].points[""] > 0.0;
        assert_eq!(has_redis, cache.store.has_redis());
    })
    .await;
}

#[tokio::test]
async fn names_and_units_are_those_of_the_documentation() {
    let config = CacheConfig::default().source("db", SourceLimit::new(8));
    let manager = CacheManager::builder().config(config).build().unwrap();
    let observing = Observing::new(&manager);
    with(&manager, item(&Source::new(1), 1)).await;
    let docs = include_str!("../../../cache-admin/docs/otel.md");
    let metrics = observing.collect();
    assert_eq!(metrics.len(), 40 + 2 * 3, "{:?}", metrics.keys());
    for (name, Exported { kind, unit, .. }) in metrics {
        let family = [".bucket", ".count", ".sum"]
            .iter()
            .find_map(|part| name.strip_suffix(part).filter(|name| name.ends_with("duration")))
            .map_or(name.clone(), |family| format!("{family}.bucket"));
        let row = docs.lines().find(|line| line.starts_with(&format!("| `{family}`")));
        let row = row.unwrap_or_else(|| panic!("{name}"));
        assert!(row.contains(kind) && row.contains(&format!("`{unit}`")), "{name} {unit}: {row}");
    }
}

#[tokio::test]
async fn a_duration_is_in_every_bucket_that_it_keeps() {
    let manager = CacheManager::builder().build().unwrap();
    let observing = Observing::new(&manager);
    let source = Source::new(1);
    with(&manager, async {
        for id in 0..3 {
            item(&source, id).await;
        }
    })
    .await;
    let metrics = observing.collect();
    let buckets = &metrics["cache.load.duration.bucket"].points;
    assert_eq!(buckets.len(), 28);
    assert_eq!(buckets[&of_item(" le=+Inf")], 3.0);
    let mut bounds: Vec<_> = buckets
        .iter()
        .map(|(attributes, count)| {
            let bound = attributes.split_once("le=").unwrap().1;
            (bound.replace('+', "").parse::<f64>().unwrap(), *count)
        })
        .collect();
    bounds.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    assert!(bounds.iter().map(|(_, count)| count).is_sorted(), "{bounds:?}");
    let sum = &metrics["cache.load.duration.sum"];
    assert_eq!(sum.unit, "s");
    assert!(sum.points[&of_item("")] > 0.0);
}

#[cached(key_prefix = "admin_kept")]
async fn kept() -> Arc<u64> {
    Arc::new(1)
}

#[tokio::test]
async fn who_stops_observing_keeps_no_cache_alive() {
    let manager = CacheManager::builder().build().unwrap();
    let Observing { provider, exporter, observed } = Observing::new(&manager);
    // It lives as long as the cache that holds it.
    let value = Arc::downgrade(&with(&manager, kept()).await);
    drop(manager);
    let collected = collect(&provider, &exporter);
    assert!(collected.contains_key("cache.misses") && value.upgrade().is_some(), "it is observed");
    drop(observed);
    assert!(value.upgrade().is_none());
    assert_eq!(collect(&provider, &exporter), BTreeMap::new());
}
