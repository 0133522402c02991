//! The parameters of a history.

use std::env;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::checker::Bounds;

/// The lifetime of values that were loaded without Redis.
const OUTAGE_TTL: Duration = Duration::from_millis(500);
/// The time for which earlier values are served without Redis.
const OUTAGE_GRACE: Duration = Duration::from_millis(400);
/// The time within which an invalidation of a process with copies in memory reaches the others.
const LEASE: Duration = Duration::from_secs(2);
/// The time that Redis may take to answer the processes.
const DEADLINE: Duration = Duration::from_millis(100);
/// The time that a load may take, and a task may wait for its turn on a busy machine. A value may be
/// older than its entry by this much.
const LOADING: Duration = Duration::from_millis(250);

/// The time that a body may take which calls other cached functions, one after the other.
const INHERITING: Duration = Duration::from_millis(750);

/// The modes of the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Redis,
    Tiered,
}

/// The topology of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Single,
    Cluster,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub mode: Mode,
    pub redis: Kind,
    pub seed: u64,
    pub length: Duration,
    pub operations: Option<u64>,
    pub processes: usize,
    pub tasks: usize,
    pub calm: bool,
}

/// Returns a history of each mode with each kind of Redis, as far as they are wanted.
pub fn plans() -> Vec<Plan> {
    let modes = chosen("HISTORY_MODE", [Mode::Redis, Mode::Tiered], Mode::name);
    let kinds = chosen("HISTORY_REDIS", [Kind::Single, Kind::Cluster], Kind::name);
    let plans = |redis| modes.iter().map(move |mode| Plan::of(*mode, redis));
    kinds.into_iter().flat_map(plans).collect()
}

/// Those that a variable names, or all.
fn chosen<T: Copy>(variable: &str, all: [T; 2], name: fn(T) -> &'static str) -> Vec<T> {
    let chosen = env::var(variable).ok();
    let is_chosen = |one: &T| chosen.as_deref().is_none_or(|chosen| chosen == name(*one));
    let those: Vec<T> = all.into_iter().filter(is_chosen).collect();
    assert!(!those.is_empty(), "{variable} is {chosen:?}");
    those
}

impl Plan {
    fn of(mode: Mode, redis: Kind) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Plan {
            mode,
            redis,
            seed: variable("HISTORY_SEED").unwrap_or(now.as_micros() as u64),
            length: Duration::from_secs(variable("HISTORY_SECONDS").unwrap_or(redis.seconds())),
            operations: variable("HISTORY_OPERATIONS"),
            processes: variable("HISTORY_PROCESSES").unwrap_or(4),
            tasks: variable("HISTORY_TASKS").unwrap_or(6),
            calm: env::var_os("HISTORY_CALM").is_some(),
        }
    }

    /// Returns the settings of the processes' caches: they are quick to give up and quick to come back.
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

    /// Returns the time within which an invalidation reaches the other processes.
    pub fn bounds(&self) -> Bounds {
        match self.mode {
            // Every read asks Redis; in an outage there is only what was loaded in it.
            Mode::Redis => Bounds {
                steady: Duration::ZERO,
                otherwise: OUTAGE_TTL + LOADING,
                from_redis: Duration::ZERO,
                inheriting: INHERITING,
            },
            // Entries in memory and tokens in the token cache are trusted while the lease of the feed
            // holds.
            Mode::Tiered => Bounds {
                steady: LEASE,
                otherwise: LEASE + OUTAGE_TTL.max(OUTAGE_GRACE) + LOADING,
                from_redis: LEASE,
                inheriting: INHERITING,
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

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Single => "single",
            Kind::Cluster => "cluster",
        }
    }

    /// Returns the length of a history. With replicas it is longer, because a failover takes time.
    fn seconds(self) -> u64 {
        match self {
            Kind::Single => 5,
            Kind::Cluster => 6,
        }
    }
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
}
