//! A live view of the activity of all processes.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::stdout;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant, SystemTime};

use cache_runtime::{CacheManager, Counts, FleetSite, FleetStats};
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::execute;
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use serde::Serialize;
use serde_json::json;
use tokio::time::sleep;

use super::fleet_stats;
use crate::exit::{Exit, Failure};
use crate::output::{Output, printable};

/// The time over which rates are averaged, between reports. Processes report every few seconds.
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
    let mut seen = Reports::default();
    for time in 0..times {
        if time > 0 {
            sleep(every).await;
        }
        let latency = manager.ping().await;
        // An outage is shown as well.
        let stats = match fleet_stats(manager).await {
            Ok(stats) => stats,
            Err(failure) if time == 0 => return Err(failure),
            Err(failure) => {
                let error = failure.to_string();
                show(out, &json!({ "error": error }), &error)?;
                continue;
            }
        };
        seen.note(stats, Instant::now());
        let view = View::of(&seen, latency, manager, Instant::now());
        show(out, &view, &view.text())?;
    }
    Ok(())
}

/// The sums after each noticed report, the latest last. Between two reports the sums do not change.
#[derive(Default)]
struct Reports {
    reports: VecDeque<FleetStats>,
    /// The time at which the last report was noticed.
    at: Option<Instant>,
}

impl Reports {
    fn note(&mut self, stats: FleetStats, now: Instant) {
        if self.reports.back().is_some_and(|last| last.since != stats.since) {
            // The statistics have been reset.
            self.reports.clear();
        }
        if self.reports.back().is_some_and(|last| last.reported == stats.reported) {
            return;
        }
        let began = stats.reported.and_then(|latest| latest.checked_sub(WINDOW));
        self.reports.push_back(stats);
        self.at = Some(now);
        let is_old = |report: &FleetStats| report.reported <= began;
        while self.reports.len() > 2 && self.reports.get(1).is_some_and(is_old) {
            self.reports.pop_front();
        }
    }

    /// Returns two reports, and the seconds between them; `None` if there are fewer than two. If there was no
    /// new report within the window, nothing has been counted in it.
    fn span(&self, now: Instant) -> Option<(&FleetStats, &FleetStats, f64)> {
        let (first, last) = (self.reports.front()?, self.reports.back()?);
        if self.at.is_some_and(|at| now.duration_since(at) >= WINDOW) {
            return Some((last, last, WINDOW.as_secs_f64()));
        }
        let time = |stats: &FleetStats| stats.reported.unwrap_or(SystemTime::UNIX_EPOCH);
        let between = time(last).duration_since(time(first)).ok().filter(|time| !time.is_zero())?;
        // If the reports are further apart than the window, all counts are from the end of that time.
        Some((first, last, between.min(WINDOW).as_secs_f64()))
    }
}

/// Shows the values. On a terminal, they replace the last ones.
fn show(out: &mut Output, value: &impl Serialize, text: &str) -> Result<(), Failure> {
    if out.is_live() {
        execute!(stdout(), MoveTo(0, 0), Clear(ClearType::All))?;
    }
    Ok(out.answer(value, text)?)
}

/// The terminal, while this program uses it.
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

/// The view at one moment.
#[derive(Serialize)]
struct View {
    namespace: String,
    latency_ms: Option<f64>,
    instances: u64,
    total: Rates,
    invalidations_per_second: Option<f64>,
    /// The rates of the call sites. The busiest one is the first.
    sites: Vec<SiteRates>,
}

#[derive(Serialize)]
struct SiteRates {
    name: String,
    #[serde(flatten)]
    rates: Rates,
}

/// The rates of the last seconds; `None` while they are unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Rates {
    requests_per_second: Option<f64>,
    hit_rate: Option<f64>,
    loads_per_second: Option<f64>,
    mean_load_ms: Option<f64>,
    errors_per_second: Option<f64>,
}

impl Rates {
    fn of(before: Counts, after: Counts, seconds: f64) -> Self {
        let grown = |number: fn(&Counts) -> u64| number(&after).saturating_sub(number(&before));
        let (hits, misses, loads) = (grown(Counts::hits), grown(|c| c.misses), grown(|c| c.loads));
        let per_second = |count: u64| Some(count as f64 / seconds);
        let part = |some: u64, all: u64| (all > 0).then(|| some as f64 / all as f64);
        Rates {
            requests_per_second: per_second(hits.saturating_add(misses)),
            hit_rate: part(hits, hits.saturating_add(misses)),
            loads_per_second: per_second(loads),
            mean_load_ms: part(grown(|c| c.load_micros), loads).map(|micros| micros / 1e3),
            errors_per_second: per_second(grown(|c| c.load_errors)),
        }
    }
}

/// Returns the earlier counts of the same call site.
fn counts_of(earlier: &FleetStats, site: &FleetSite) -> Counts {
    let same = |old: &&FleetSite| (&old.name, &old.prefix) == (&site.name, &site.prefix);
    earlier.sites.iter().find(same).map(|old| old.counts).unwrap_or_default()
}

/// Returns a number for people, or a dash.
fn number(number: Option<f64>, unit: &str) -> String {
    number.map_or("-".to_owned(), |number| format!("{number:.1}{unit}"))
}

impl View {
    fn of(seen: &Reports, latency: Option<Duration>, manager: &CacheManager, now: Instant) -> Self {
        let nothing = FleetStats::default();
        let after = seen.reports.back().unwrap_or(&nothing);
        let span = seen.span(now);
        let rates = |old: &dyn Fn(&FleetStats) -> Counts, counts: Counts| {
            span.map(|(before, _, seconds)| Rates::of(old(before), counts, seconds))
        };
        let mut sites: Vec<_> = after
            .sites
            .iter()
            .map(|site| SiteRates {
                name: site.name.clone(),
                rates: rates(&|before| counts_of(before, site), site.counts).unwrap_or_default(),
            })
            .collect();
        let busy = |site: &SiteRates| site.rates.requests_per_second.unwrap_or(0.0);
        sites.sort_by(|a, b| busy(b).total_cmp(&busy(a)));
        let invalidations = span.map(|(before, after, seconds)| {
            after.invalidations.saturating_sub(before.invalidations) as f64 / seconds
        });
        View {
            namespace: manager.config().namespace.clone(),
            latency_ms: latency.map(|latency| latency.as_secs_f64() * 1e3),
            instances: after.instances,
            total: rates(&|before| before.total, after.total).unwrap_or_default(),
            invalidations_per_second: invalidations,
            sites,
        }
    }

    fn text(&self) -> String {
        let latency =
            self.latency_ms.map_or("does not answer".to_owned(), |ms| format!("{ms:.2} ms"));
        let mut text = format!(
            "{}: {} processes, Redis {latency}, {} invalidations/s\n\n{:>10} {:>9} {:>9} {:>11} {:>9}\n",
            self.namespace,
            self.instances,
            number(self.invalidations_per_second, ""),
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
                "{:>10} {:>9} {:>9} {:>11} {:>9}  {}",
                number(requests_per_second, ""),
                number(hit_rate.map(|rate| rate * 100.0), "%"),
                number(loads_per_second, ""),
                number(mean_load_ms, " ms"),
                number(errors_per_second, ""),
                printable(name)
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the sums after a steady 200 requests a second for this time.
    fn after(ms: u64) -> FleetStats {
        let mut stats = FleetStats::default();
        let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        stats.since = Some(began);
        stats.reported = Some(began + Duration::from_millis(ms));
        stats.total.memory_hits = ms / 5;
        stats
    }

    fn requests(seen: &Reports, now: Instant) -> Option<f64> {
        let (before, after, seconds) = seen.span(now)?;
        Rates::of(before.total, after.total, seconds).requests_per_second
    }

    #[test]
    fn a_steady_rate_is_shown_as_it_is_however_looks_and_reports_fall() {
        let (mut seen, began) = (Reports::default(), Instant::now());
        let mut shown = Vec::new();
        // There is a report every 5 s, and a look every 2 s.
        for look in 1..30 {
            let now = began + Duration::from_secs(2 * look);
            seen.note(after(2 * look / 5 * 5_000), now);
            shown.push(requests(&seen, now));
        }
        let known: Vec<_> = shown.iter().flatten().collect();
        assert_eq!(shown.iter().take_while(|rate| rate.is_none()).count(), 2, "{shown:?}");
        assert!(known.iter().all(|rate| **rate == 200.0), "{shown:?}");
        assert_eq!(known.len(), shown.len() - 2);
    }

    #[test]
    fn without_a_report_for_long_nothing_is_counted() {
        let (mut seen, began) = (Reports::default(), Instant::now());
        seen.note(after(5_000), began);
        assert_eq!(requests(&seen, began), None);
        seen.note(after(10_000), began);
        assert_eq!(requests(&seen, began), Some(200.0));
        assert_eq!(requests(&seen, began + WINDOW), Some(0.0));
    }

    #[test]
    fn sums_that_were_set_back_are_a_new_beginning() {
        let (mut seen, now) = (Reports::default(), Instant::now());
        seen.note(after(5_000), now);
        seen.note(after(10_000), now);
        let mut reset = after(11_000);
        reset.since = reset.reported;
        seen.note(reset, now);
        assert_eq!(requests(&seen, now), None);
    }
}
