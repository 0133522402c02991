//! The statistics of all processes together: sums in one hash, to which each manager adds what its
//! own numbers have grown by.
//!
//! What was sent and not confirmed is sent again as it was, under its number, and Redis adds a number
//! of one manager once. So an outage loses nothing, and a process that is killed what it has
//! counted since its last report.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use redis::{RedisResult, cmd};
use tokio::sync::Mutex;

use super::away::Away;
use super::lane::Lane;
use super::link::{Link, State};
use super::rights;
use super::script::Script;
use super::shared::Shared;
use crate::clock::millis;
use crate::random;
use crate::stats::{Tallied, Total};
use crate::timer::timeout;

/// How long the sums are kept when nobody adds to them.
const TTL: Duration = Duration::from_secs(30 * 24 * 3600);
/// Who has nothing to add says so seldom.
const IDLE: Duration = Duration::from_secs(60);
/// Who has not reported for so long is not counted as an instance.
const ALIVE: Duration = Duration::from_secs(120);
/// What the field begins with that says of an instance which report was its last, and when.
const INSTANCE: &str = "@i:";
/// Since when it is counted.
const SINCE: &str = "@since";
/// How many fields one report changes at most.
const BATCH: usize = 1_000;

/// What a manager has reported.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Sent>);

#[derive(Debug, Default)]
struct Sent {
    /// By field: what Redis holds of it, or will once all that is pending is confirmed.
    totals: HashMap<String, u64>,
    /// Growth that is not confirmed.
    pending: VecDeque<Vec<Total>>,
    /// The number of the report that was confirmed last.
    number: u64,
    at: Option<Instant>,
    /// The user of this connection may not report.
    is_forbidden: bool,
}

impl Sent {
    /// Adds what the totals have grown by to what is pending.
    fn note(&mut self, totals: Vec<Total>) {
        let mut grown = Vec::new();
        for (field, total) in totals {
            let known = self.totals.entry(field.clone()).or_default();
            if total > *known {
                grown.push((field, total - *known));
                *known = total;
            }
        }
        self.pending.extend(grown.chunks(BATCH).map(<[Total]>::to_vec));
    }

    fn is_due(&self, after: Duration) -> bool {
        self.at.is_none_or(|at| at.elapsed() >= after)
    }
}

/// The task of a link: reports while the link is up, unless another link's has just done it.
pub(super) async fn attend(shared: Weak<Shared>, link: Arc<Link>, interval: Duration) {
    // Processes that begin together do not report together.
    let mut wait = interval.mul_f64(random::fraction());
    loop {
        if timeout(wait, ended(&link)).await.is_ok() {
            return;
        }
        wait = interval;
        let Some(shared) = shared.upgrade() else { return };
        if matches!(link.state(), State::Up(_)) {
            // What fails is tried again the next time.
            let _ = shared.report(interval / 2).await;
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

impl Shared {
    /// Adds to the sums what has been counted since the last report, if that is so long ago.
    pub(super) async fn report(self: &Arc<Self>, after: Duration) -> Result<(), Away> {
        // Another link's task may be at it, on a runtime that nobody drives.
        let turn = timeout(self.settings.deadline, self.tally.0.lock()).await;
        let (Ok(mut sent), Some(host)) = (turn, self.host.upgrade()) else { return Err(Away) };
        if sent.is_forbidden || !sent.is_due(after) {
            return Ok(());
        }
        let is_idle = sent.is_due(IDLE.max(after));
        // What was sent before first, as it was.
        self.send(&mut sent).await?;
        sent.note(host.totals());
        if sent.pending.is_empty() && is_idle {
            sent.pending.push_back(Vec::new());
        }
        self.send(&mut sent).await
    }

    async fn send(self: &Arc<Self>, sent: &mut Sent) -> Result<(), Away> {
        while let Some(grown) = sent.pending.front() {
            match self.add(grown, sent.number + 1).await {
                Ok(()) => {}
                Err(Refusal::Away) => return Err(Away),
                Err(Refusal::Forbidden(reason)) => {
                    tracing::warn!(reason, "Redis refuses statistics: no more are sent");
                    sent.is_forbidden = true;
                    return Err(Away);
                }
            }
            sent.pending.pop_front();
            sent.number += 1;
            sent.at = Some(Instant::now());
        }
        Ok(())
    }

    async fn add(self: &Arc<Self>, grown: &[Total], number: u64) -> Result<(), Refusal> {
        let (ttl, instance) = (millis(TTL).to_string(), format!("{INSTANCE}{:016x}", self.source));
        let number = number.to_string();
        let grown: Vec<_> = grown.iter().map(|(field, by)| (field, by.to_string())).collect();
        let mut arguments = vec![ttl.as_bytes(), instance.as_bytes(), number.as_bytes()];
        grown.iter().for_each(|(field, by)| arguments.extend([field.as_bytes(), by.as_bytes()]));
        let turn = self.turn_to_remove().await.map_err(|Away| Refusal::Away)?;
        let keys = [self.tally_key()];
        let added = turn.ready.script(Lane::Bulk, Script::Add, &keys, &arguments);
        self.quietly(added).await
    }

    /// The sums.
    pub(super) async fn tallied(self: &Arc<Self>) -> Result<Tallied, Away> {
        let turn = self.turn_to_remove().await?;
        let key = self.tally_key();
        let mut all = cmd("HGETALL");
        all.arg(&key);
        let fields: Vec<(Vec<u8>, Vec<u8>)> =
            self.quietly(turn.ready.ask(Lane::Bulk, &key, &all)).await.map_err(|_| Away)?;
        // What is not text was written by somebody else.
        let text = |bytes| String::from_utf8(bytes).ok();
        let fields = fields.into_iter().filter_map(|(field, sum)| text(field).zip(text(sum)));
        let now_secs = turn.now_ms(&key) / 1_000;
        let mut tallied = Tallied::default();
        for (field, text) in fields {
            if field == SINCE {
                tallied.since_secs = text.parse().ok();
            } else if field.starts_with(INSTANCE) {
                let (ms, secs) = when(&text);
                let alive = secs.is_some_and(|at| now_secs.saturating_sub(at) < ALIVE.as_secs());
                tallied.instances += u64::from(alive);
                tallied.reported_ms = tallied.reported_ms.max(ms);
            } else if let Ok(sum) = text.parse() {
                tallied.sums.push((field, sum));
            }
        }
        Ok(tallied)
    }

    /// Starts the sums from zero.
    pub(super) async fn reset_tally(self: &Arc<Self>) -> Result<(), Away> {
        let turn = self.turn_to_remove().await?;
        let key = self.tally_key();
        let mut unlink = cmd("UNLINK");
        unlink.arg(&key);
        self.quietly(turn.ready.ask(Lane::Quick, &key, &unlink)).await.map_err(|_| Away)
    }

    /// Asks without drawing conclusions from a failure: statistics are no reason to leave Redis alone.
    pub(super) async fn quietly<T>(
        &self,
        operation: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Refusal> {
        match timeout(self.settings.deadline, operation).await {
            Ok(Ok(answer)) => Ok(answer),
            // Of what a server refuses, this alone does not pass.
            Ok(Err(error)) if rights::is_refusal(&error) => {
                Err(Refusal::Forbidden(error.to_string()))
            }
            Ok(Err(_)) | Err(_) => Err(Refusal::Away),
        }
    }
}

/// When the last report of an instance was, in milliseconds and in seconds: the field has its number, then the
/// former, which earlier versions do not write, then the latter.
fn when(text: &str) -> (Option<u64>, Option<u64>) {
    let mut parts = text.rsplit(' ').map(|part| part.parse::<u64>().ok());
    let (secs, ms, number) = (parts.next().flatten(), parts.next().flatten(), parts.next());
    let whole = secs.map(|secs| secs.saturating_mul(1_000));
    (if number.is_some() { ms } else { whole }, secs)
}

/// Why a report was not taken.
pub(super) enum Refusal {
    /// Perhaps the next time.
    Away,
    /// The user may not do that.
    Forbidden(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(field: &str, total: u64) -> Total {
        (field.to_owned(), total)
    }

    #[test]
    fn growth_is_noted_once() {
        let mut sent = Sent::default();
        sent.note(vec![total("a", 3), total("b", 1)]);
        sent.note(vec![total("a", 5), total("b", 1)]);
        let pending: Vec<_> = sent.pending.into_iter().collect();
        assert_eq!(pending, [vec![total("a", 3), total("b", 1)], vec![total("a", 2)]]);
    }

    #[test]
    fn a_report_has_its_time_in_milliseconds_unless_an_earlier_version_wrote_it() {
        assert_eq!(when("7 1500123 1500"), (Some(1_500_123), Some(1_500)));
        assert_eq!(when("7 1500"), (Some(1_500_000), Some(1_500)));
        assert_eq!(when("x"), (None, None));
    }

    #[test]
    fn a_report_is_bounded() {
        let mut sent = Sent::default();
        sent.note((0..BATCH + 1).map(|n| total(&n.to_string(), 1)).collect());
        let sizes: Vec<_> = sent.pending.iter().map(Vec::len).collect();
        assert_eq!(sizes, [BATCH, 1]);
    }
}
