//! The macro of the `cached` crate for concurrent use, with a bound and a TTL.

use std::sync::Arc;

use cached::macros::concurrent_cached;

use super::value::{Large, Record, load};
use super::{Ask, Values, each};
use crate::ready;

// The bound is `ROOM`, which the attribute takes as a literal alone.

pub(super) fn ask(values: Values) -> Option<Ask> {
    Some(match values {
        Values::Number => |calls| each(calls, |id, text| ready(number(id, text))),
        Values::Record => |calls| each(calls, |id, text| ready(record(id, text))),
        Values::Shared => |calls| each(calls, |id, text| ready(shared(id, text))),
        Values::Bytes => |calls| each(calls, |id, text| ready(bytes(id, text))),
    })
}

#[concurrent_cached(max_size = 2_000_000, ttl_secs = 300)]
async fn number(id: u64, text: &str) -> u64 {
    load(id, text)
}

#[concurrent_cached(max_size = 2_000_000, ttl_secs = 300)]
async fn record(id: u64, text: &str) -> Record {
    load(id, text)
}

#[concurrent_cached(max_size = 2_000_000, ttl_secs = 300)]
async fn shared(id: u64, text: &str) -> Arc<Large> {
    load(id, text)
}

#[concurrent_cached(max_size = 2_000_000, ttl_secs = 300)]
async fn bytes(id: u64, text: &str) -> Vec<u8> {
    load(id, text)
}
