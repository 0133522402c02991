//! See and steer a cache of [`cache_runtime`] over HTTP.
//!
//! [`router`] is an axum router to be nested anywhere:
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
//! The page is at `/cache` and at `/cache/`. With axum's `nest` in place of `nest_service` only `/cache` is the page:
//! `nest` passes a path that ends in a slash to the outer router.
//!
//! | route | |
//! |---|---|
//! | `GET /` | a page that shows all of this live |
//! | `GET /live` | what that page shows, each second, as server-sent events; the stream ends after five, and the page asks again |
//! | `GET /stats` | what the cache has done: in all, by prefix, by call site |
//! | `GET /stats/cluster` | the same of all processes that share the namespace in Redis, those that have ended included |
//! | `GET /health` | how it is: 200 healthy or degraded, 503 if Redis is required and away |
//! | `GET /sites` | every annotated function of the program with its options and what invalidates it |
//! | `GET /events?after=N` | what has happened lately: outages, recoveries, and, from the first time on that somebody asks, invalidations |
//! | `GET /metrics` | the statistics in the text format of Prometheus |
//! | `GET /entries/{name}` | one entry: its age, remaining life, size, tags, and whether it is valid |
//! | `DELETE /entries/{name}` | removes it |
//! | `DELETE /prefix/{prefix}` | makes everything below a prefix stale |
//! | `DELETE /tag/{tag}` | makes everything with a tag stale |
//! | `DELETE /pattern?pattern=` | removes every entry whose name matches |
//! | `DELETE /all?confirm=CONFIRM_FLUSH` | removes everything in the namespace |
//! | `POST /warm` | stores JSON values under names, for `CacheManager::get` |
//! | `POST /sites/{name}/disable`, `/enable` | sends the calls of a function past the cache, and back |
//! | `POST /stats/reset` | starts the statistics of this process from zero |
//! | `POST /stats/cluster/reset` | starts those of all processes from zero |
//!
//! # Access
//!
//! Whoever has the key of [`AdminConfig`] may do everything; it goes in the header `x-cache-admin-key`
//! or as `Authorization: Bearer`. Without a configured key nobody may change anything. What changes nothing
//! needs the key too, unless [`public_reads`](AdminConfig::public_reads) is set.
//!
//! # Errors
//!
//! Every refusal is JSON in the form of RFC 9457 (`application/problem+json`), and its `detail` says what was wrong:
//! 400 for a name, pattern or body that cannot be used, 401 for a missing or wrong key, 403 where no key is
//! configured, 404 for an entry or function that is not there, 405 for a method that a route does not have, 413 for what is too large, 503 for the statistics of all processes while Redis is away.
//!
//! No answer is to be stored on its way (`Cache-Control: no-store`); the page itself may be, and is asked for again.
//!
//! # Shutdown
//!
//! An open page does not keep `axum::serve(..).with_graceful_shutdown(..)` from ending: its stream ends by itself within
//! five seconds.
//!
//! An outage of Redis is no error: an invalidation is then kept until Redis has confirmed it, as one by the program
//! itself is.
//!
//! # Metrics
//!
//! `GET /metrics` is for Prometheus and for what scrapes as it does. With the feature `otel` the same numbers are
//! instruments of OpenTelemetry; the module `otel` has the names of both.

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

/// The routes for one cache: see the [crate's docs](crate).
pub fn router(manager: CacheManager, config: AdminConfig) -> Router {
    let max_body = config.max_body;
    let admin = Arc::new(Admin { manager, config });
    let reading = Router::new()
        .route("/stats", get(look::stats))
        .route("/stats/cluster", get(look::cluster))
        .route("/health", get(look::health))
        .route("/sites", get(look::sites))
        .route("/events", get(look::events))
        .route("/metrics", get(look::metrics))
        .route("/entries/{*name}", get(look::entry))
        .route("/live", get(page::live))
        .route_layer(from_fn_with_state(Arc::clone(&admin), access::readers));
    let changing = Router::new()
        .route("/stats/reset", post(change::reset))
        .route("/stats/cluster/reset", post(change::reset_cluster))
        .route("/entries/{*name}", delete(change::delete_entry))
        .route("/prefix/{*prefix}", delete(change::invalidate_prefix))
        .route("/tag/{*tag}", delete(change::invalidate_tag))
        .route("/pattern", delete(change::clear))
        .route("/all", delete(change::flush))
        .route("/warm", post(change::warm))
        .route("/sites/{name}/disable", post(change::disable))
        .route("/sites/{name}/enable", post(change::enable))
        .route_layer(from_fn_with_state(Arc::clone(&admin), access::keepers));
    // The page itself shows nothing; it asks for the key.
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
