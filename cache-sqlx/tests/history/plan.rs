//! The parameters of a history.

use std::env;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::checker::Bounds;

/// The number of operations of both modes together, if no variable says so.
const OPERATIONS: u64 = 100_000;
/// The lifetime of values that were loaded without Redis.
const OUTAGE_TTL: Duration = Duration::from_millis(500);
/// The time for which earlier values are served without Redis.
const OUTAGE_GRACE: Duration = Duration::from_millis(400);
/// The time within which an invalidation of a process with copies in memory reaches the others.
const LEASE: Duration = Duration::from_secs(2);
/// The time that Redis may take to answer the processes.
const DEADLINE: Duration = Duration::from_millis(100);
/// The time that a load may take, and a task may wait for its turn on a busy machine.
const LOADING: Duration = Duration::from_millis(750);

/// The modes of the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Redis,
    Tiered,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub mode: Mode,
    pub seed: u64,
    pub operations: u64,
    pub processes: u64,
    pub tasks: u64,
    pub is_calm: bool,
}

/// Returns a history of each mode, or of the one that is wanted.
pub fn plans() -> Vec<Plan> {
    let chosen = env::var("HISTORY_MODE").ok();
    let mut modes = vec![Mode::Redis, Mode::Tiered];
    modes.retain(|mode| chosen.as_deref().is_none_or(|chosen| chosen == mode.name()));
    assert!(!modes.is_empty(), "HISTORY_MODE is {chosen:?}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let plan = |mode| Plan {
        mode,
        seed: variable("HISTORY_SEED").unwrap_or(now.as_micros() as u64),
        operations: variable("HISTORY_OPERATIONS").unwrap_or(OPERATIONS) / modes.len() as u64,
        processes: variable("HISTORY_PROCESSES").unwrap_or(3),
        tasks: variable("HISTORY_TASKS").unwrap_or(4),
        is_calm: env::var_os("HISTORY_CALM").is_some(),
    };
    modes.iter().copied().map(plan).collect()
}

impl Plan {
    /// Returns the time after which a history that has not ended is an error.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(120 + self.operations / 300)
    }

    /// Returns the settings of the processes' caches: they are quick to give up and quick to come back.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let millis = |duration: Duration| format!("{}ms", duration.as_millis());
        vec![
            ("CACHE_MODE", self.mode.name().to_owned()),
            ("CACHE_OUTAGE_TTL", millis(OUTAGE_TTL)),
            ("CACHE_OUTAGE_GRACE", millis(OUTAGE_GRACE)),
            ("CACHE_WAIT_LIMIT", "2s".to_owned()),
            ("REDIS_TIMEOUT", millis(DEADLINE)),
            ("REDIS_CONNECT_TIMEOUT", millis(DEADLINE * 5)),
            ("REDIS_HEALTH_CHECK_INTERVAL", millis(DEADLINE * 2)),
        ]
    }

    /// Returns the time within which an invalidation reaches the other processes.
    pub fn bounds(&self) -> Bounds {
        match self.mode {
            // Every read asks Redis; in an outage there is only what was loaded in it.
            Mode::Redis => Bounds { from_redis: Duration::ZERO, otherwise: OUTAGE_TTL + LOADING },
            // Entries in memory and tokens in the token cache are trusted while the lease of the feed holds.
            Mode::Tiered => Bounds { from_redis: LEASE, otherwise: LEASE + OUTAGE_TTL + LOADING },
        }
    }
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::Redis => "redis",
            Mode::Tiered => "tiered",
        }
    }

    /// Returns the places from which values must have come.
    pub fn sources(self) -> &'static [&'static str] {
        match self {
            Mode::Redis => &["redis", "load"],
            Mode::Tiered => &["memory", "redis", "load"],
        }
    }
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
}
