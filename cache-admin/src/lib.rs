//! HTTP endpoints that show and control a cache of [`cache_runtime`].
//!
//! [`router`] is an axum router that can be nested anywhere:
//!
//! ```no_run
//! use cache_admin::{AdminConfig, router};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let app = axum::Router::new()
//!     // ... the service's own routes ...
//!     .nest_service("/cache", router(cache_runtime::cache(), AdminConfig::from_env()?));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! axum::serve(listener, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The page is at `/cache` and at `/cache/`. With axum's `nest` in place of `nest_service` only
//! `/cache` is the page: `nest` passes a path that ends in a slash to the outer router.
//!
//! | route | |
//! |---|---|
//! | `GET /` | a live page |
//! | `GET /live` | the data of that page each second, as server-sent events; the stream ends after five events, and the page requests it again |
//! | `GET /stats` | the statistics of this process: in total, by prefix, by call site |
//! | `GET /stats/fleet` | the statistics of all processes that share the namespace in Redis, including ended ones |
//! | `GET /health` | the health: 200 if healthy or degraded, 503 if Redis is required and unavailable |
//! | `GET /sites` | every annotated function of the program with its options and its invalidations |
//! | `GET /graph` | which annotated function invalidates, puts or calls which, and by what |
//! | `GET /sizing` | the use of memory by function, the hit rate of larger capacities, and advice |
//! | `GET /events?after=N` | recent events: outages, recoveries, and invalidations since the first request |
//! | `GET /metrics` | the statistics in the text format of Prometheus |
//! | `GET /entries/{name}` | one entry: its state, age, remaining life, size and tags |
//! | `DELETE /entries/{name}` | removes it |
//! | `DELETE /prefix/{prefix}` | invalidates everything below a prefix; with `?soft=30s`, functions that may serve stale values serve it for this time |
//! | `DELETE /tag/{tag}` | invalidates everything with a tag; `?soft=30s` as above |
//! | `DELETE /pattern?pattern=` | removes every entry whose name matches |
//! | `DELETE /all?confirm=CONFIRM_FLUSH` | removes everything in the namespace |
//! | `POST /warm` | stores JSON values under names, for `CacheManager::get` |
//! | `POST /sites/{name}/disable`, `/enable` | switches caching off or on for a function |
//! | `POST /stats/reset` | resets the statistics of this process |
//! | `POST /stats/fleet/reset` | resets the statistics of all processes |
//!
//! # Access
//!
//! The key of [`AdminConfig`] gives access to everything. Send it in the header `x-cache-admin-key` or as
//! `Authorization: Bearer`. Without a configured key, nothing can be changed. Reading needs the key
//! too, unless [`public_reads`](AdminConfig::public_reads) is set.
//!
//! # Errors
//!
//! Every error response is JSON in the form of RFC 9457 (`application/problem+json`), and its `detail`
//! gives the reason: 400 for a name, pattern or body that cannot be used, 401 for a missing or wrong
//! key, 403 where no key is configured, 404 for an entry or function that is not there, 405 for a
//! method that a route does not have, 413 for a body that is too large, 503 for the statistics of all
//! processes while Redis is unavailable.
//!
//! Responses have `Cache-Control: no-store`, except the page itself, which may be stored and is revalidated.
//!
//! # Shutdown
//!
//! An open page does not keep `axum::serve(..).with_graceful_shutdown(..)` from ending: its stream ends
//! by itself within five seconds.
//!
//! An outage of Redis is not an error: an invalidation is then pending until Redis has confirmed it.
//!
//! # Metrics
//!
//! `GET /metrics` is for Prometheus and compatible scrapers. With the feature `otel`, the same numbers
//! are instruments of OpenTelemetry; the module `otel` lists the names of both.

mod access;
mod admin;
mod config;
mod metrics;
mod page;
mod problem;
mod routes;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{delete, get, post};
use cache_runtime::CacheManager;

pub use config::{AdminConfig, AdminKey, ConfigError};
#[cfg(feature = "otel")]
pub use metrics::otel;

use admin::Admin;
use routes::{change, look};

/// Returns the routes for one cache: see the [crate's docs](crate).
pub fn router(manager: CacheManager, config: AdminConfig) -> Router {
    let max_body = config.max_body;
    let admin = Arc::new(Admin { manager, config });
    let reading = Router::new()
        .route("/stats", get(look::stats))
        .route("/stats/fleet", get(look::fleet))
        .route("/health", get(look::health))
        .route("/sites", get(look::sites))
        .route("/graph", get(look::graph))
        .route("/sizing", get(look::sizing))
        .route("/events", get(look::events))
        .route("/metrics", get(look::metrics))
        .route("/entries/{*name}", get(look::entry))
        .route("/live", get(page::live))
        .route_layer(from_fn_with_state(Arc::clone(&admin), access::readers));
    let changing = Router::new()
        .route("/stats/reset", post(change::reset))
        .route("/stats/fleet/reset", post(change::reset_fleet))
        .route("/entries/{*name}", delete(change::delete_entry))
        .route("/prefix/{*prefix}", delete(change::invalidate_prefix))
        .route("/tag/{*tag}", delete(change::invalidate_tag))
        .route("/pattern", delete(change::clear))
        .route("/all", delete(change::flush))
        .route("/warm", post(change::warm))
        .route("/sites/{name}/disable", post(change::disable))
        .route("/sites/{name}/enable", post(change::enable))
        .route_layer(from_fn_with_state(Arc::clone(&admin), access::keepers));
    // The page itself contains no data; it requests the key.
    Router::new()
        .route("/", get(page::page))
        .merge(reading)
        .merge(changing)
        .fallback(routes::nothing_here)
        .method_not_allowed_fallback(routes::wrong_method)
        .layer(map_response(routes::not_stored))
        .layer(DefaultBodyLimit::max(max_body))
        .with_state(admin)
}
