//! The page, and the stream of its updates.

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
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;

use crate::admin::Admin;
use crate::problem::Problem;
use crate::routes::look::After;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str =
    concat!(include_str!("page.js"), include_str!("graph.js"), include_str!("memory.js"));

static PAGE: LazyLock<String> = LazyLock::new(|| {
    include_str!("index.html").replace("/*style*/", STYLE).replace("/*script*/", SCRIPT)
});

/// The content security policy. It permits only the contents of the page and its own routes.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()));
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

/// The process, the namespace and the Redis that the page shows.
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
/// The number of snapshots in one stream, after which it ends and the page opens the next one. A service that
/// shuts down waits for its open connections, so a page delays it by at most four seconds.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
    use super::STYLE;

    /// Returns the relative luminance of a colour such as `#1f6feb` or `#fff`.
    fn luminance(colour: &str) -> f64 {
        let digits = colour.strip_prefix('#').unwrap();
        let width = digits.len() / 3;
        let part = |place: usize| {
            let part = u8::from_str_radix(&digits[place * width..][..width], 16).unwrap();
            let part = f64::from(part) / if width == 1 { 15.0 } else { 255.0 };
            if part <= 0.039_28 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(0) + 0.7152 * part(1) + 0.0722 * part(2)
    }

    /// Returns the contrast of two colours as WCAG defines it, 1 to 21.
    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn each_text_and_edge_stands_out_from_its_ground_in_either_scheme() {
        let schemes = STYLE.split(":root {").skip(1).map(|rest| rest.split_once('}').unwrap().0);
        let mut found = 0;
        for scheme in schemes {
            found += 1;
            let colour = |name: &str| {
                let (_, rest) = scheme.split_once(&format!("--{name}: ")).unwrap();
                rest.split_once(';').unwrap().0
            };
            for ground in ["ground", "card"] {
                let least =
                    [("text", 7.0), ("dim", 4.5), ("good", 4.5), ("warn", 4.5), ("bad", 4.5)];
                for (name, least) in least.into_iter().chain([("edge", 3.0), ("mark", 3.0)]) {
                    let contrast = contrast(colour(name), colour(ground));
                    assert!(contrast >= least, "{name} on {ground}: {contrast:.2} in {scheme}");
                }
            }
        }
        assert_eq!(found, 2, "light and dark");
    }
}
