//! A live view of what all processes do.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::stdout;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use cache_runtime::{CacheManager, ClusterStats, Counts};
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::execute;
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use serde::Serialize;
use serde_json::json;
use tokio::time::sleep;

use super::cluster_stats;
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Rates are those of so long: processes report every few seconds.
const WINDOW: Duration = Duration::from_secs(15);

pub(crate) async fn watch(
    manager: &CacheManager,
    out: &mut Output,
    every: Duration,
    times: Option<NonZeroUsize>,
) -> Result<Exit, Failure> {
    let _screen = out.is_live().then(Screen::take).transpose()?;
    let looks = look_on(manager, out, every, times.map_or(usize::MAX, NonZeroUsize::get));
    tokio::select! {
        ended = looks => ended?,
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(Exit::Done)
}

async fn look_on(
    manager: &CacheManager,
    out: &mut Output,
    every: Duration,
    times: usize,
) -> Result<(), Failure> {
    let mut seen = VecDeque::new();
    for time in 0..times {
        if time > 0 {
            sleep(every).await;
        }
        let latency = manager.ping().await;
        // An outage is a part of what is to be seen.
        let stats = match cluster_stats(manager).await {
            Ok(stats) => stats,
            Err(failure) if time == 0 => return Err(failure),
            Err(failure) => {
                let error = failure.to_string();
                show(out, &json!({ "error": error }), &error)?;
                continue;
            }
        };
        seen.push_back((Instant::now(), stats));
        while seen.len() > 2 && seen.get(1).is_some_and(|(at, _)| at.elapsed() >= WINDOW) {
            seen.pop_front();
        }
        let view = View::of(&seen, latency, manager);
        show(out, &view, &view.text())?;
    }
    Ok(())
}

/// In the place of what was shown before, where somebody sees it.
fn show(out: &mut Output, value: &impl Serialize, text: &str) -> Result<(), Failure> {
    if out.is_live() {
        execute!(stdout(), MoveTo(0, 0), Clear(ClearType::All))?;
    }
    Ok(out.answer(value, text)?)
}

/// The terminal, as long as this has it.
struct Screen;

impl Screen {
    fn take() -> std::io::Result<Self> {
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        Ok(Screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = execute!(stdout(), Show, LeaveAlternateScreen);
    }
}

/// What is to be seen at one moment.
#[derive(Serialize)]
struct View {
    namespace: String,
    latency_ms: Option<f64>,
    instances: u64,
    total: Rates,
    invalidations_per_second: f64,
    /// The busiest first.
    sites: Vec<SiteRates>,
}

#[derive(Serialize)]
struct SiteRates {
    name: String,
    #[serde(flatten)]
    rates: Rates,
}

/// Of the last seconds.
#[derive(Clone, Copy, Serialize)]
struct Rates {
    requests_per_second: f64,
    hit_rate: f64,
    loads_per_second: f64,
    mean_load_ms: f64,
    errors_per_second: f64,
}

impl Rates {
    fn of(before: Counts, after: Counts, seconds: f64) -> Self {
        let grown = |number: fn(&Counts) -> u64| number(&after).saturating_sub(number(&before));
        let (hits, misses, loads) = (grown(Counts::hits), grown(|c| c.misses), grown(|c| c.loads));
        let per_second = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        let part = |some: u64, all: u64| if all == 0 { 0.0 } else { some as f64 / all as f64 };
        Rates {
            requests_per_second: per_second(hits.saturating_add(misses)),
            hit_rate: part(hits, hits.saturating_add(misses)),
            loads_per_second: per_second(loads),
            mean_load_ms: part(grown(|c| c.load_micros), loads) / 1e3,
            errors_per_second: per_second(grown(|c| c.load_errors)),
        }
    }
}

impl View {
    fn of(
        seen: &VecDeque<(Instant, ClusterStats)>,
        latency: Option<Duration>,
        manager: &CacheManager,
    ) -> Self {
        let nothing = ClusterStats::default();
        let (before, after, seconds) = match (seen.front(), seen.back()) {
            (Some((began, before)), Some((now, after))) => {
                (before, after, (*now - *began).as_secs_f64())
            }
            _ => (&nothing, &nothing, 0.0),
        };
        let mut sites: Vec<_> = after
            .sites
            .iter()
            .map(|site| {
                let old = before
                    .sites
                    .iter()
                    .find(|old| (&old.name, &old.prefix) == (&site.name, &site.prefix));
                let old = old.map(|old| old.counts).unwrap_or_default();
                SiteRates { name: site.name.clone(), rates: Rates::of(old, site.counts, seconds) }
            })
            .collect();
        sites.sort_by(|a, b| b.rates.requests_per_second.total_cmp(&a.rates.requests_per_second));
        let invalidations = after.invalidations.saturating_sub(before.invalidations) as f64;
        View {
            namespace: manager.config().namespace.clone(),
            latency_ms: latency.map(|latency| latency.as_secs_f64() * 1e3),
            instances: after.instances,
            total: Rates::of(before.total, after.total, seconds),
            invalidations_per_second: if seconds > 0.0 { invalidations / seconds } else { 0.0 },
            sites,
        }
    }

    fn text(&self) -> String {
        let latency =
            self.latency_ms.map_or("does not answer".to_owned(), |ms| format!("{ms:.2} ms"));
        let mut text = format!(
            "{}: {} processes, Redis {latency}, {:.1} invalidations/s\n\n{:>10} {:>9} {:>9} {:>11} {:>9}\n",
            self.namespace,
            self.instances,
            self.invalidations_per_second,
            "requests/s",
            "hit rate",
            "loads/s",
            "mean load",
            "errors/s"
        );
        let height = terminal::size().map_or(24, |(_, height)| usize::from(height));
        let rows = height.saturating_sub(6).max(5);
        let sites = self.sites.iter().take(rows).map(|site| (site.name.as_str(), site.rates));
        for (name, rates) in [("all", self.total)].into_iter().chain(sites) {
            let Rates {
                requests_per_second,
                hit_rate,
                loads_per_second,
                mean_load_ms,
                errors_per_second,
            } = rates;
            let _ = writeln!(
                text,
                "{requests_per_second:>10.1} {:>8.1}% {loads_per_second:>9.1} {mean_load_ms:>8.1} ms {errors_per_second:>9.1}  {name}",
                hit_rate * 100.0
            );
        }
        text
    }
}
