//! The handlers that change nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use cache_runtime::{
    Counts, Event, FleetStats, Graph, Health, Inspected, Registry, Sizing, Stats, Status,
};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::admin::Admin;
use crate::metrics::prometheus;
use crate::problem::Problem;
use crate::routes::Named;

/// The statistics, with the derived numbers for people.
#[derive(Serialize)]
pub(crate) struct StatsView {
    /// The configured store: `memory`, `redis` or `tiered`; `off` if there is none.
    backend: &'static str,
    /// True if stored values outlive the process.
    persistent: bool,
    /// True if other processes see stored values.
    shared: bool,
    #[serde(flatten)]
    summary: Summary,
    #[serde(flatten)]
    stats: Stats,
}

/// The statistics of all processes.
#[derive(Serialize)]
pub(crate) struct ClusterView {
    #[serde(flatten)]
    summary: Summary,
    #[serde(flatten)]
    stats: FleetStats,
}

/// The sums and ratios that follow from the counts.
#[derive(Serialize)]
struct Summary {
    total_requests: u64,
    hit_rate_text: String,
    time_saved_seconds: f64,
    money_saved: f64,
    prefixes: BTreeMap<String, Counts>,
}

impl Summary {
    fn of<'a>(total: &Counts, sites: impl Iterator<Item = (&'a str, Counts)>) -> Self {
        Summary {
            total_requests: total
                .hits()
                .saturating_add(total.misses)
                .saturating_add(total.error_hits)
                .saturating_add(total.bypassed),
            hit_rate_text: format!("{:.1} %", total.hit_rate() * 100.0),
            time_saved_seconds: total.time_saved().as_secs_f64(),
            money_saved: total.saved_cost,
            prefixes: by_prefix(sites),
        }
    }
}

pub(crate) async fn stats(State(admin): State<Arc<Admin>>) -> Json<StatsView> {
    let stats = admin.manager.stats();
    let backend = admin.manager.backend();
    let keeps_in_redis = matches!(backend, "redis" | "tiered");
    let sites = stats.sites.iter().map(|site| (site.prefix.as_str(), site.counts));
    Json(StatsView {
        backend,
        persistent: keeps_in_redis,
        shared: keeps_in_redis,
        summary: Summary::of(&stats.total, sites),
        stats,
    })
}

pub(crate) async fn fleet(State(admin): State<Arc<Admin>>) -> Result<Json<ClusterView>, Problem> {
    let stats = admin.manager.fleet_stats().await.ok_or_else(redis_is_unavailable)?;
    let sites = stats.sites.iter().map(|site| (site.prefix.as_str(), site.counts));
    Ok(Json(ClusterView { summary: Summary::of(&stats.total, sites), stats }))
}

/// Returns the problem of a request that needs Redis.
pub(crate) fn redis_is_unavailable() -> Problem {
    let detail = "the statistics of all processes are in Redis, which cannot be used just now; \
                  `GET /health` says why";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
}

fn by_prefix<'a>(sites: impl Iterator<Item = (&'a str, Counts)>) -> BTreeMap<String, Counts> {
    let mut prefixes = BTreeMap::<_, Counts>::new();
    for (prefix, counts) in sites.filter(|(prefix, _)| !prefix.is_empty()) {
        let sum = prefixes.entry(prefix.to_owned()).or_default();
        *sum = sum.plus(counts);
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
    /// The functions whose calls bypass the cache, by the names with which they were switched off.
    disabled: Vec<String>,
}

pub(crate) async fn sites(State(admin): State<Arc<Admin>>) -> Json<SitesView> {
    let disabled = admin.manager.disabled();
    Json(SitesView { registry: cache_runtime::registry(), disabled })
}

pub(crate) async fn graph() -> Json<Graph> {
    Json(cache_runtime::graph())
}

/// The use of memory, with the same as text for people.
#[derive(Serialize)]
pub(crate) struct SizingView {
    #[serde(flatten)]
    sizing: Sizing,
    /// A sentence or two for each finding.
    advice: Vec<String>,
    /// The whole report.
    text: String,
}

pub(crate) async fn sizing(State(admin): State<Arc<Admin>>) -> Result<Json<SizingView>, Problem> {
    // It looks at every entry.
    let sizing = spawn_blocking(move || admin.manager.sizing()).await.map_err(|_| is_ending())?;
    let advice = sizing.findings.iter().map(ToString::to_string).collect();
    let text = sizing.to_string();
    Ok(Json(SizingView { sizing, advice, text }))
}

fn is_ending() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the program is about to end")
}

/// The number of the last event that the client has received.
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
    /// The value, if the configuration permits it and the value can be read without its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<serde_json::Value>,
}

pub(crate) async fn entry(
    State(admin): State<Arc<Admin>>,
    Named(name): Named,
    headers: HeaderMap,
) -> Result<Json<EntryView>, Problem> {
    let found = admin.manager.inspect(&name).await?;
    let Some(entry) = found else {
        return Err(Problem::not_found(format!("there is no entry {name:?}")));
    };
    // Values are shown only with the key, even if reads are public.
    let shown = admin.config.show_values && admin.admit(&headers).is_ok();
    let value = if shown { entry.value() } else { None };
    Ok(Json(EntryView { name, entry, value }))
}
