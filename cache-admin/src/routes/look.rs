//! What changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use cache_runtime::{Counts, Event, Health, Inspected, Registry, SiteStats, Stats, Status};
use serde::{Deserialize, Serialize};

use crate::Admin;
use crate::metrics::prometheus;
use crate::problem::Problem;

/// The statistics, with what people ask of them.
#[derive(Serialize)]
pub(crate) struct StatsView {
    /// The store that is configured: `memory`, `redis` or `tiered`.
    backend: &'static str,
    /// Whether what is stored outlives the process.
    persistent: bool,
    /// Whether other processes see it.
    shared: bool,
    total_requests: u64,
    hit_rate_text: String,
    time_saved_seconds: f64,
    money_saved: f64,
    prefixes: BTreeMap<String, Counts>,
    #[serde(flatten)]
    stats: Stats,
}

pub(crate) async fn stats(State(admin): State<Arc<Admin>>) -> Json<StatsView> {
    let stats = admin.manager.stats();
    let backend = admin.manager.backend();
    let total = stats.total;
    Json(StatsView {
        backend,
        persistent: backend != "memory",
        shared: backend != "memory",
        total_requests: total.hits() + total.misses + total.bypassed,
        hit_rate_text: format!("{:.1} %", total.hit_rate() * 100.0),
        time_saved_seconds: total.time_saved().as_secs_f64(),
        money_saved: total.saved_cost,
        prefixes: by_prefix(&stats.sites),
        stats,
    })
}

fn by_prefix(sites: &[SiteStats]) -> BTreeMap<String, Counts> {
    let mut prefixes = BTreeMap::<_, Counts>::new();
    for site in sites.iter().filter(|site| !site.prefix.is_empty()) {
        let sum = prefixes.entry(site.prefix.clone()).or_default();
        *sum = sum.plus(site.counts);
    }
    prefixes
}

#[derive(Serialize)]
pub(crate) struct HealthView {
    #[serde(flatten)]
    health: Health,
    latency_ms: Option<f64>,
}

pub(crate) async fn health(State(admin): State<Arc<Admin>>) -> (StatusCode, Json<HealthView>) {
    let health = admin.manager.health().await;
    let status = match health.status {
        Status::Down => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    };
    let latency_ms = health.latency.map(|latency| latency.as_secs_f64() * 1e3);
    (status, Json(HealthView { health, latency_ms }))
}

#[derive(Serialize)]
pub(crate) struct SitesView {
    #[serde(flatten)]
    registry: Registry,
    /// The functions whose calls go past the cache, as they were switched off.
    disabled: Vec<String>,
}

pub(crate) async fn sites(State(admin): State<Arc<Admin>>) -> Json<SitesView> {
    let disabled = admin.manager.disabled();
    Json(SitesView { registry: cache_runtime::registry(), disabled })
}

/// The number of the last event that is known.
#[derive(Deserialize)]
pub(crate) struct After {
    #[serde(default)]
    pub(crate) after: u64,
}

pub(crate) async fn events(
    State(admin): State<Arc<Admin>>,
    after: Result<Query<After>, QueryRejection>,
) -> Result<Json<Vec<Event>>, Problem> {
    let Query(After { after }) = after?;
    Ok(Json(admin.manager.events(after)))
}

pub(crate) async fn metrics(
    State(admin): State<Arc<Admin>>,
) -> ([(HeaderName, &'static str); 1], String) {
    let (stats, health) = (admin.manager.stats(), admin.manager.health().await);
    ([(header::CONTENT_TYPE, prometheus::CONTENT_TYPE)], prometheus::text(&stats, &health))
}

#[derive(Serialize)]
pub(crate) struct EntryView {
    name: String,
    #[serde(flatten)]
    entry: Inspected,
    /// The value, if it is configured to be shown and can be read without its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<serde_json::Value>,
}

pub(crate) async fn entry(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<EntryView>, Problem> {
    let found = admin.manager.inspect(&name).await?;
    let Some(entry) = found else {
        return Err(Problem::not_found(format!("there is no entry {name:?}")));
    };
    // Values are for those who have the key, whoever else may read.
    let shown = admin.config.show_values && admin.admit(&headers).is_ok();
    let value = if shown { value_of(&entry) } else { None };
    Ok(Json(EntryView { name, entry, value }))
}

/// What can be read without knowing the type: MessagePack says itself what it holds.
fn value_of(entry: &Inspected) -> Option<serde_json::Value> {
    match entry.codec {
        Some("messagepack") => rmp_serde::from_slice(entry.payload.as_deref()?).ok(),
        _ => None,
    }
}
