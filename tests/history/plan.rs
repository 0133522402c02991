//! What kind of history there is to be.

use std::env;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::checker::Bounds;

/// How long values live that were loaded without Redis.
const OUTAGE_TTL: Duration = Duration::from_millis(500);
/// How long values from before are served without Redis.
const OUTAGE_GRACE: Duration = Duration::from_millis(400);
/// What a process with copies in memory has invalidated reaches the others within this.
const LEASE: Duration = Duration::from_secs(2);
/// How long Redis may take to answer the processes.
const DEADLINE: Duration = Duration::from_millis(100);
/// What a load may take, and a task wait for its turn on a busy machine: a value may be that much
/// older than its entry.
const LOADING: Duration = Duration::from_millis(250);

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
    pub length: Duration,
    pub operations: Option<u64>,
    pub processes: usize,
    pub tasks: usize,
    pub calm: bool,
}

pub fn modes() -> Vec<Mode> {
    let all = [Mode::Redis, Mode::Tiered];
    let chosen = env::var("HISTORY_MODE").ok();
    let is_chosen = |mode: &Mode| chosen.as_deref().is_none_or(|chosen| chosen == mode.name());
    let modes: Vec<Mode> = all.into_iter().filter(is_chosen).collect();
    assert!(!modes.is_empty(), "HISTORY_MODE is {chosen:?}");
    modes
}

impl Plan {
    pub fn of(mode: Mode) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Plan {
            mode,
            seed: variable("HISTORY_SEED").unwrap_or(now.as_micros() as u64),
            length: Duration::from_secs(variable("HISTORY_SECONDS").unwrap_or(5)),
            operations: variable("HISTORY_OPERATIONS"),
            processes: variable("HISTORY_PROCESSES").unwrap_or(4),
            tasks: variable("HISTORY_TASKS").unwrap_or(6),
            calm: env::var_os("HISTORY_CALM").is_some(),
        }
    }

    /// The settings of the processes' caches: they are quick to give up and quick to come back.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let millis = |duration: Duration| format!("{}ms", duration.as_millis());
        vec![
            ("CACHE_MODE", self.mode.name().to_owned()),
            ("CACHE_MEMORY_TTL", "5s".to_owned()),
            ("CACHE_OUTAGE_TTL", millis(OUTAGE_TTL)),
            ("CACHE_OUTAGE_GRACE", millis(OUTAGE_GRACE)),
            ("CACHE_WAIT_LIMIT", "2s".to_owned()),
            ("REDIS_TIMEOUT", millis(DEADLINE)),
            ("REDIS_CONNECT_TIMEOUT", millis(DEADLINE * 5)),
            ("REDIS_HEALTH_CHECK_INTERVAL", millis(DEADLINE * 2)),
        ]
    }

    /// How late an invalidation may reach other processes.
    pub fn bounds(&self) -> Bounds {
        match self.mode {
            // Every read asks Redis; in an outage there is only what was loaded in it.
            Mode::Redis => Bounds {
                steady: Duration::ZERO,
                otherwise: OUTAGE_TTL + LOADING,
                from_redis: Duration::ZERO,
            },
            // What is in memory is believed as long as the lease of the feed holds, and so are the
            // tokens that are mirrored there.
            Mode::Tiered => Bounds {
                steady: LEASE,
                otherwise: LEASE + OUTAGE_TTL.max(OUTAGE_GRACE) + LOADING,
                from_redis: LEASE,
            },
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
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
}
