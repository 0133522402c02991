//! The page, and the stream that keeps it up to date.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};
use std::{env, fs, process};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderName, header};
use axum::response::Html;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cache_runtime::{CacheManager, Event, Health, Stats};
use futures_util::stream::{Stream, unfold};
use serde::Serialize;
use tokio::time::sleep;

use crate::admin::Admin;
use crate::problem::Problem;
use crate::routes::look::After;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");

static PAGE: LazyLock<String> = LazyLock::new(|| {
    include_str!("index.html").replace("/*style*/", STYLE).replace("/*script*/", SCRIPT)
});

/// Nothing but what is in the page, and its own routes.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = |text: &str| BASE64_STANDARD.encode(hmac_sha256::Hash::hash(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        digest(SCRIPT),
        digest(STYLE)
    )
});

pub(crate) async fn page() -> ([(HeaderName, &'static str); 4], Html<&'static str>) {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, Html(PAGE.as_str()))
}

/// The data of the page.
#[derive(Serialize)]
struct Snapshot {
    /// Milliseconds since 1970.
    at: u64,
    source: Origin,
    stats: Stats,
    health: Health,
    disabled: Vec<String>,
    /// The events since the previous snapshot.
    events: Vec<Event>,
}

/// Identifies the process, the namespace and the Redis that the page shows.
#[derive(Serialize)]
struct Origin {
    program: Option<&'static str>,
    process: u32,
    host: Option<&'static str>,
    namespace: String,
    /// The address without its password; `None` if only memory is used.
    redis: Option<String>,
}

static PROGRAM: LazyLock<Option<String>> =
    LazyLock::new(|| Some(env::current_exe().ok()?.file_name()?.to_string_lossy().into_owned()));

static HOST: LazyLock<Option<String>> = LazyLock::new(|| {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.or_else(|| env::var("HOSTNAME").ok())?;
    Some(host.trim().to_owned()).filter(|host| !host.is_empty())
});

impl Origin {
    fn of(manager: &CacheManager) -> Self {
        let config = manager.config();
        let redis = config.redis_url.as_ref().filter(|_| manager.backend() != "memory");
        Origin {
            program: PROGRAM.as_deref(),
            process: process::id(),
            host: HOST.as_deref(),
            namespace: config.namespace.clone(),
            redis: redis.map(ToString::to_string),
        }
    }
}

const EVERY: Duration = Duration::from_secs(1);
/// Snapshots in one stream, after which it ends and the page opens the next one. A service that shuts down
/// waits for its open connections: for four seconds at most on behalf of a page.
const SNAPSHOTS: u32 = 5;

pub(crate) async fn live(
    State(admin): State<Arc<Admin>>,
    after: Result<Query<After>, QueryRejection>,
) -> Result<
    ([(HeaderName, &'static str); 1], Sse<impl Stream<Item = Result<Sent, Infallible>>>),
    Problem,
> {
    let Query(After { after }) = after?;
    let snapshots = unfold((admin, 0, after), |(admin, sent, seen)| async move {
        if sent == SNAPSHOTS {
            return None;
        }
        if sent > 0 {
            sleep(EVERY).await;
        }
        let snapshot = admin.snapshot(seen).await;
        let seen = snapshot.events.last().map_or(seen, |event| event.number);
        let event = Sent::default().json_data(&snapshot).unwrap_or_default();
        Some((Ok(event), (admin, sent + 1, seen)))
    });
    let unstored = [(header::CACHE_CONTROL, "no-store")];
    Ok((unstored, Sse::new(snapshots).keep_alive(KeepAlive::default())))
}

impl Admin {
    async fn snapshot(&self, seen: u64) -> Snapshot {
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Snapshot {
            at: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            source: Origin::of(&self.manager),
            stats: self.manager.stats(),
            health: self.manager.health().await,
            disabled: self.manager.disabled(),
            events: self.manager.events(seen),
        }
    }
}
