//! The behaviour suite.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]
#![allow(unreachable_pub, reason = "a test binary is reached by nobody")]

mod admin;
mod alike;
mod asleep;
mod blocking;
mod damage;
mod deferral;
mod deploys;
mod detached;
mod dropped;
mod each;
mod early;
mod environment;
mod error_ttl;
mod errors;
mod eviction;
mod fleet;
mod fleet_stats;
mod gates;
mod inherit;
mod inherit_edges;
mod invalidate_options;
mod keys;
mod late_fill;
mod late_put;
mod limits;
mod load_failure;
mod log;
mod manager;
mod marks;
mod memory_alone;
mod memory_store;
mod moved;
mod mutations;
mod names;
mod observe;
mod off;
mod one_call;
mod one_load;
mod options;
mod outage;
mod own_manager;
mod packages;
mod panicking_errors;
mod panicking_options;
mod panics;
mod places;
mod put;
mod put_function;
mod recursion;
mod redis_keys;
mod registry;
mod rendered;
mod renewal;
mod result;
mod retries;
mod rooms;
mod round_trip;
mod runtimes;
mod scopes;
mod seldom;
mod serve_stale_if;
mod shapes;
mod signatures;
mod sizing;
mod soft;
mod source;
mod stale;
mod statistics;
mod stores;
mod storms;
mod tag_expressions;
mod tags_of;
mod texts;
mod tiered;
mod time;
mod tls;
mod ttl_of_value;
mod twins;
mod two_processes;
mod two_versions;
mod unconfirmed;
mod values;
mod verify;
mod video;
mod without_serde;
