//! The statistics of all processes together: sums in one hash, to which each manager adds the growth of its
//! own counts ([`fleet_counters`](super::fleet_counters)).

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use redis::cmd;

use super::fleet_counters::Sent;
use super::lane::Lane;
use super::link::{Link, LinkState};
use super::script::Script;
use super::shared::Shared;
use super::unavailable::Unavailable;
use crate::error::with_causes;
use crate::stats::{FleetSums, Total};
use crate::support::clock::millis;
use crate::support::random;
use crate::support::timer::timeout;

/// The life of the sums after the last report.
const TTL: Duration = Duration::from_secs(30 * 24 * 3600);
/// The interval of reports without counts.
const IDLE: Duration = Duration::from_secs(60);
/// The time after its last report during which a process counts as an instance.
const ALIVE: Duration = Duration::from_secs(120);
/// The prefix of the fields that hold the number and time of an instance's last report.
const INSTANCE: &str = "@i:";
/// The field that holds the time since which the sums are counted.
const SINCE: &str = "@since";

/// Runs the task of a link that reports while the link is up, unless the task of another link has just
/// reported.
pub(super) async fn attend(shared: Weak<Shared>, link: Arc<Link>, interval: Duration) {
    // The first delay is random, so that processes that start together do not report together.
    let mut wait = interval.mul_f64(random::fraction());
    loop {
        if timeout(wait, ended(&link)).await.is_ok() {
            return;
        }
        wait = interval;
        let Some(shared) = shared.upgrade() else { return };
        if matches!(link.state(), LinkState::Up(_)) {
            // A report that fails is sent again the next time.
            let _ = report(&shared, interval / 2).await;
        }
    }
}

async fn ended(link: &Link) {
    loop {
        let changed = link.changed.notified();
        if link.ended() {
            return;
        }
        changed.await;
    }
}

/// Adds the counts since the last report to the sums, if that report is older than `after`.
pub(super) async fn report(shared: &Arc<Shared>, after: Duration) -> Result<(), Unavailable> {
    // The task of another link may hold it, on a runtime that is not driven any more.
    let locked = timeout(shared.settings.deadline, shared.fleet_counters.0.lock()).await;
    let (Ok(mut sent), Some(host)) = (locked, shared.host.upgrade()) else { return Ok(()) };
    if sent.is_forbidden || !sent.is_due(after) {
        return Ok(());
    }
    let is_idle = sent.is_due(IDLE.max(after));
    // The unconfirmed report is sent first, unchanged.
    send(shared, &mut sent).await?;
    sent.note(host.totals());
    if sent.pending.is_empty() && is_idle {
        sent.pending.push_back(Vec::new());
    }
    send(shared, &mut sent).await
}

async fn send(shared: &Arc<Shared>, sent: &mut Sent) -> Result<(), Unavailable> {
    while let Some(grown) = sent.pending.front() {
        if let Err(unavailable) = add(shared, grown, sent.number + 1).await {
            if let Some(error) = unavailable.refusal() {
                let reason = with_causes(error);
                tracing::warn!(
                    reason,
                    "Redis refuses the statistics of this process; no more are sent"
                );
                sent.is_forbidden = true;
            }
            return Err(unavailable);
        }
        sent.pending.pop_front();
        sent.number += 1;
        sent.at = Some(Instant::now());
    }
    Ok(())
}

async fn add(shared: &Arc<Shared>, grown: &[Total], number: u64) -> Result<(), Unavailable> {
    let (ttl, instance) = (millis(TTL).to_string(), format!("{INSTANCE}{:016x}", shared.source()));
    let number = number.to_string();
    let grown: Vec<_> = grown.iter().map(|(field, by)| (field, by.to_string())).collect();
    let mut arguments = vec![ttl.as_bytes(), instance.as_bytes(), number.as_bytes()];
    grown.iter().for_each(|(field, by)| arguments.extend([field.as_bytes(), by.as_bytes()]));
    let permit = shared.permit_to_remove().await?;
    let keys = [shared.keys.fleet_counters()];
    let added = permit.ready.script(Lane::Bulk, Script::Add, &keys, &arguments);
    shared.quietly(added).await
}

/// Reads the sums.
pub(super) async fn fleet_sums(shared: &Arc<Shared>) -> Result<FleetSums, Unavailable> {
    let permit = shared.permit_to_remove().await?;
    let key = shared.keys.fleet_counters();
    let mut all = cmd("HGETALL");
    all.arg(&key);
    let fields: Vec<(Vec<u8>, Vec<u8>)> =
        shared.quietly(permit.ready.ask(Lane::Bulk, &key, &all)).await?;
    // A field that is not text was not written by a cache.
    let text = |bytes| String::from_utf8(bytes).ok();
    let fields = fields.into_iter().filter_map(|(field, sum)| text(field).zip(text(sum)));
    let now_secs = permit.now_ms(&key) / 1_000;
    let mut fleet_sums = FleetSums::default();
    for (field, text) in fields {
        if field == SINCE {
            fleet_sums.since_secs = text.parse().ok();
        } else if field.starts_with(INSTANCE) {
            let (ms, secs) = when(&text);
            let alive = secs.is_some_and(|at| now_secs.saturating_sub(at) < ALIVE.as_secs());
            fleet_sums.instances += u64::from(alive);
            fleet_sums.reported_ms = fleet_sums.reported_ms.max(ms);
        } else if let Ok(sum) = text.parse() {
            fleet_sums.sums.push((field, sum));
        }
    }
    Ok(fleet_sums)
}

/// Starts the sums from zero.
pub(super) async fn reset_fleet_counters(shared: &Arc<Shared>) -> Result<(), Unavailable> {
    let permit = shared.permit_to_remove().await?;
    let key = shared.keys.fleet_counters();
    let mut unlink = cmd("UNLINK");
    unlink.arg(&key);
    shared.quietly(permit.ready.ask(Lane::Quick, &key, &unlink)).await
}

/// Returns the time of an instance's last report, in milliseconds and in seconds. The field has the number of
/// the report, the milliseconds (not written by earlier versions), and the seconds.
fn when(text: &str) -> (Option<u64>, Option<u64>) {
    let mut parts = text.rsplit(' ').map(|part| part.parse::<u64>().ok());
    let (secs, ms, number) = (parts.next().flatten(), parts.next().flatten(), parts.next());
    let whole = secs.map(|secs| secs.saturating_mul(1_000));
    (if number.is_some() { ms } else { whole }, secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_its_time_in_milliseconds_unless_an_earlier_version_wrote_it() {
        assert_eq!(when("7 1500123 1500"), (Some(1_500_123), Some(1_500)));
        assert_eq!(when("7 1500"), (Some(1_500_000), Some(1_500)));
        assert_eq!(when("x"), (None, None));
    }
}
