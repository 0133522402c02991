//! What changes something.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use cache_runtime::{SetOptions, Ttl};
use serde::{Deserialize, Serialize};

use crate::admin::Admin;
use crate::problem::Problem;
use crate::routes::Named;
use crate::routes::look::redis_is_away;

/// What has been done.
#[derive(Serialize)]
pub(crate) struct Done<T> {
    done: T,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// Whether an entry was there; `null`: Redis has not answered, and the removal is pending.
    Deleted(Option<bool>),
    Invalidated(String),
    /// How many entries have been removed.
    Removed(u64),
    Stored(usize),
    Enabled(String),
    Disabled(String),
    Reset,
}

type Answer = Result<Json<Done<What>>, Problem>;

fn done(what: What) -> Answer {
    Ok(Json(Done { done: what }))
}

pub(crate) async fn reset(State(admin): State<Arc<Admin>>) -> Answer {
    admin.manager.reset_stats();
    done(What::Reset)
}

pub(crate) async fn reset_cluster(State(admin): State<Arc<Admin>>) -> Answer {
    match admin.manager.reset_cluster_stats().await {
        true => done(What::Reset),
        false => Err(redis_is_away()),
    }
}

pub(crate) async fn delete_entry(State(admin): State<Arc<Admin>>, Named(name): Named) -> Answer {
    done(What::Deleted(admin.manager.delete(&name).await?))
}

pub(crate) async fn invalidate_prefix(
    State(admin): State<Arc<Admin>>,
    Named(prefix): Named,
) -> Answer {
    admin.manager.invalidate_prefix(&prefix).await?;
    done(What::Invalidated(prefix))
}

pub(crate) async fn invalidate_tag(State(admin): State<Arc<Admin>>, Named(tag): Named) -> Answer {
    admin.manager.invalidate_tag(&tag).await?;
    done(What::Invalidated(tag))
}

#[derive(Deserialize)]
pub(crate) struct ByPattern {
    pattern: String,
}

pub(crate) async fn clear(
    State(admin): State<Arc<Admin>>,
    query: Result<Query<ByPattern>, QueryRejection>,
) -> Answer {
    let Query(ByPattern { pattern }) = query?;
    done(What::Removed(admin.manager.clear(&pattern).await?))
}

/// What must be given to empty the cache.
const CONFIRM_FLUSH: &str = "CONFIRM_FLUSH";

#[derive(Deserialize)]
pub(crate) struct Confirmed {
    #[serde(default)]
    confirm: String,
}

pub(crate) async fn flush(
    State(admin): State<Arc<Admin>>,
    query: Result<Query<Confirmed>, QueryRejection>,
) -> Answer {
    let Query(Confirmed { confirm }) = query?;
    if confirm != CONFIRM_FLUSH {
        return Err(Problem::bad_request(format!(
            "this removes everything in the namespace {:?}; if you mean it, add `?confirm={CONFIRM_FLUSH}`",
            admin.manager.config().namespace
        )));
    }
    done(What::Removed(admin.manager.flush_all().await))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Warm {
    entries: Vec<WarmEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WarmEntry {
    name: String,
    value: serde_json::Value,
    /// `5m`, `1h30m`, `forever`; without it the configuration decides.
    ttl: Option<Ttl>,
    #[serde(default)]
    tags: Vec<String>,
}

/// Stores what it is given; the first entry that cannot be stored ends it, and is named.
pub(crate) async fn warm(
    State(admin): State<Arc<Admin>>,
    body: Result<Json<Warm>, JsonRejection>,
) -> Answer {
    let Json(Warm { entries }) = body?;
    let (given, limit) = (entries.len(), admin.config.max_warm);
    if given > limit {
        return Err(Problem::bad_request(format!(
            "{given} entries are given; one request may store {limit}"
        )));
    }
    for (place, entry) in entries.into_iter().enumerate() {
        let WarmEntry { name, value, ttl, tags } = entry;
        let options = ttl.map_or_else(SetOptions::default, SetOptions::from);
        let options = tags.into_iter().fold(options, SetOptions::tag);
        let stored = admin.manager.set(&name, &value, options).await;
        stored.map_err(|error| {
            Problem::bad_request(format!("entry {place} ({name:?}): {error}; {place} were stored"))
        })?;
    }
    done(What::Stored(given))
}

pub(crate) async fn disable(State(admin): State<Arc<Admin>>, Named(function): Named) -> Answer {
    admin.manager.set_enabled(&function, false)?;
    done(What::Disabled(function))
}

pub(crate) async fn enable(State(admin): State<Arc<Admin>>, Named(function): Named) -> Answer {
    admin.manager.set_enabled(&function, true)?;
    done(What::Enabled(function))
}
