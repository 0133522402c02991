//! The service from its start to its end: cache, admin endpoints, probes, shutdown.

use std::future::{Future, IntoFuture as _};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use cache_admin::AdminConfig;
use cache_runtime::{CacheConfig, CacheManager, Status};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::db::Db;
use crate::routes::{App, routes};

/// For how long a shutdown waits for requests that are under way.
const GRACE: Duration = Duration::from_secs(5);

/// All routes: the service's own, the admin endpoints under `/cache`, and the probes.
pub fn router(app: App, manager: CacheManager, admin: AdminConfig) -> Router {
    let probes = Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .with_state(manager.clone());
    routes(app).merge(probes).nest_service("/cache", cache_admin::router(manager, admin))
}

/// The process answers. Nothing else counts here: a restart mends neither Redis nor the database.
async fn alive() -> &'static str {
    "alive\n"
}

/// Returns whether the service is ready for requests. Without Redis the cache continues in memory, so
/// an outage alone does not take all instances out of service. With `CACHE_REQUIRE_REDIS=true` it does.
///
/// `/cache/health` says more, and needs the admin key, which does not belong into a probe.
async fn ready(State(manager): State<CacheManager>) -> (StatusCode, &'static str) {
    match manager.health().await.status {
        Status::Down => (StatusCode::SERVICE_UNAVAILABLE, "down\n"),
        Status::Healthy => (StatusCode::OK, "healthy\n"),
        _ => (StatusCode::OK, "degraded\n"),
    }
}

/// Returns the cache that the environment configures: in Redis if `REDIS_URL` is set.
///
/// Redis may live longer than an embedded database, and services with different databases may share it.
/// So the namespace of the cache includes the database. With a database server, the configured namespace
/// alone is enough.
///
/// # Errors
///
/// If the environment is wrong, or Redis is required and unavailable.
pub async fn cache_for(db: &Db) -> Result<CacheManager, cache_runtime::Error> {
    let config = CacheConfig::from_env()?;
    let namespace = format!("{}-{}", config.namespace, db.id());
    CacheManager::connect(config.namespace(namespace)).await
}

/// Answers requests until `stop` is over, and then for at most five seconds those under way: a
/// page that is open in some browser follows the cache for longer.
///
/// # Errors
///
/// As of [`axum::serve()`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let stopping = Arc::new(Notify::new());
    let told = Arc::clone(&stopping);
    let graceful = async move {
        stop.await;
        told.notify_one();
    };
    // Small answers on connections that stay open: do not wait to fill a packet.
    let listener = listener.tap_io(|connection| _ = connection.set_nodelay(true));
    let served = axum::serve(listener, router).with_graceful_shutdown(graceful);
    tokio::select! {
        ended = served.into_future() => ended,
        () = async { stopping.notified().await; sleep(GRACE).await } => {
            tracing::warn!("some connections were still open after {GRACE:?}");
            Ok(())
        }
    }
}

/// Waits for Ctrl-C, or for the signal of a supervisor to stop.
pub async fn asked_to_stop() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! { () = interrupt => {}, () = terminate => {} }
}
