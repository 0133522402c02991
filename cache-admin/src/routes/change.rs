//! The handlers that change something.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::{Extension, Json};
use cache_runtime::{SetOptions, Ttl};
use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::admin::Admin;
use crate::problem::Problem;
use crate::routes::Named;
use crate::routes::look::redis_is_unavailable;

/// A confirmation of a change.
#[derive(Serialize)]
pub(crate) struct Done<T> {
    done: T,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// True if there was an entry; `null` if Redis has not answered, and the removal is pending.
    Deleted(Option<bool>),
    Invalidated(String),
    /// The number of entries that have been removed.
    Removed(u64),
    Stored(usize),
    Enabled(String),
    Disabled(String),
    Reset,
}

type Changed = Result<Json<Done<Change>>, Problem>;

/// Logs the action, its target and the kind of access. The key is never logged.
fn done(access: Access, action: &'static str, target: &str, change: Change) -> Changed {
    let access = access.as_str();
    match change {
        Change::Removed(entries) => {
            tracing::info!(action, target, access, entries, "changed through the admin endpoints");
        }
        Change::Stored(entries) => {
            tracing::info!(action, target, access, entries, "changed through the admin endpoints");
        }
        _ => tracing::info!(action, target, access, "changed through the admin endpoints"),
    }
    Ok(Json(Done { done: change }))
}

pub(crate) async fn reset(
    State(admin): State<Arc<Admin>>,
    Extension(access): Extension<Access>,
) -> Changed {
    admin.manager.reset_stats();
    done(access, "reset statistics", "this process", Change::Reset)
}

pub(crate) async fn reset_fleet(
    State(admin): State<Arc<Admin>>,
    Extension(access): Extension<Access>,
) -> Changed {
    match admin.manager.reset_fleet_stats().await {
        true => done(access, "reset statistics", "all processes", Change::Reset),
        false => Err(redis_is_unavailable()),
    }
}

pub(crate) async fn delete_entry(
    State(admin): State<Arc<Admin>>,
    Extension(access): Extension<Access>,
    Named(name): Named,
) -> Changed {
    let deleted = admin.manager.delete(&name).await?;
    done(access, "delete entry", &name, Change::Deleted(deleted))
}

/// The parameters of an invalidation.
#[derive(Deserialize)]
pub(crate) struct Softly {
    /// The time for which the entries are stale, such as `30s`.
    soft: Option<String>,
}

impl Softly {
    /// Returns the time, if the invalidation is soft.
    fn window(self) -> Result<Option<Duration>, Problem> {
        let Some(text) = self.soft else { return Ok(None) };
        match text.parse() {
            Ok(Ttl::For(window)) if window >= Duration::from_millis(1) => Ok(Some(window)),
            _ => Err(Problem::bad_request(format!(
                "soft={text}: expected a duration of at least a millisecond, such as 500ms, 30s or 1m"
            ))),
        }
    }
}

pub(crate) async fn invalidate_prefix(
    State(admin): State<Arc<Admin>>,
    Extension(access): Extension<Access>,
    Named(prefix): Named,
    query: Result<Query<Softly>, QueryRejection>,
) -> Changed {
    let Query(softly) = query?;
    let action = match softly.window()? {
        Some(window) => {
            admin.manager.invalidate_prefix_softly(&prefix, window).await?;
            "invalidate prefix softly"
        }
        None => {
            admin.manager.invalidate_prefix(&prefix).await?;
            "invalidate prefix"
        }
    };
    done(access, action, &prefix.clone(), Change::Invalidated(prefix))
}

pub(crate) async fn invalidate_tag(
    State(admin): State<Arc<Admin>>,
    Extension(access): Extension<Access>,
    Named(tag): Named,
    query: Result<Query<Softly>, QueryRejection>,
) -> Changed {
    let Query(softly) = query?;
    let action = match softly.window()? {
        Some(window) => {
            admin.manager.invalidate_tag_softly(&tag, window).await?;
            "invalidate tag softly"
        }
        None => {
            admin.manager.invalidate_tag(&tag).await?;
            "invalidate tag"
        }
    };
    done(access, action, &tag.clone(), Change::Invalidated(tag))
}

#[derive(Deserialize)]
pub(crate) struct ByPattern {
    pattern: String,
}

pub(crate) async fn clear(
    State(admin): State<Arc<Admin>>,
    Extension(access): Extension<Access>,
    query: Result<Query<ByPattern>, QueryRejection>,
) -> Changed {
    let Query(ByPattern { pattern }) = query?;
    let removed = admin.manager.clear(&pattern).await?;
    done(access, "clear pattern", &pattern, Change::Removed(removed))
}

/// The parameter that confirms the removal of everything.
const CONFIRM_FLUSH: &str = "CONFIRM_FLUSH";

#[derive(Deserialize)]
pub(crate) struct Confirmed {
    #[serde(default)]
    confirm: String,
}

pub(crate) async fn flush(
    State(admin): State<Arc<Admin>>,
    Extension(access): Extension<Access>,
    query: Result<Query<Confirmed>, QueryRejection>,
) -> Changed {
    let Query(Confirmed { confirm }) = query?;
    if confirm != CONFIRM_FLUSH {
        return Err(Problem::bad_request(format!(
            "this removes everything in the namespace {:?}; to confirm, add `?confirm={CONFIRM_FLUSH}`",
            admin.manager.config().namespace
        )));
    }
    let removed = admin.manager.flush_all().await;
    done(access, "flush all", &admin.manager.config().namespace, Change::Removed(removed))
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
    /// `5m`, `1h30m`, `forever`; without it, the configuration decides.
    ttl: Option<Ttl>,
    #[serde(default)]
    tags: Vec<String>,
}

/// Stores the given entries. The first entry that cannot be stored ends this, and the error names it.
pub(crate) async fn warm(
    State(admin): State<Arc<Admin>>,
    Extension(access): Extension<Access>,
    body: Result<Json<Warm>, JsonRejection>,
) -> Changed {
    let Json(Warm { entries }) = body?;
    let (given, limit) = (entries.len(), admin.config.max_warm);
    if given > limit {
        return Err(Problem::bad_request(format!(
            "{given} entries are given; one request may store at most {limit}"
        )));
    }
    for (place, entry) in entries.into_iter().enumerate() {
        let WarmEntry { name, value, ttl, tags } = entry;
        let options = ttl.map_or_else(SetOptions::default, SetOptions::from);
        let options = tags.into_iter().fold(options, SetOptions::tag);
        let stored = admin.manager.set(&name, &value, options).await;
        stored.map_err(|error| {
            Problem::bad_request(format!(
                "entry {place} ({name:?}): {error:#}; {place} were stored"
            ))
        })?;
    }
    done(access, "warm", &admin.manager.config().namespace, Change::Stored(given))
}

pub(crate) async fn disable(
    State(admin): State<Arc<Admin>>,
    Extension(access): Extension<Access>,
    Named(function): Named,
) -> Changed {
    admin.manager.set_enabled(&function, false)?;
    done(access, "switch off", &function.clone(), Change::Disabled(function))
}

pub(crate) async fn enable(
    State(admin): State<Arc<Admin>>,
    Extension(access): Extension<Access>,
    Named(function): Named,
) -> Changed {
    admin.manager.set_enabled(&function, true)?;
    done(access, "switch on", &function.clone(), Change::Enabled(function))
}
