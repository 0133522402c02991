//! Makes entries for Redis, and stores them.

use std::time::Duration;

use smallvec::SmallVec;
use tracing::field::Empty;
use tracing::{Instrument as _, trace_span};

use super::key::CallKey;
use super::policy::fresh_for_ms;
use super::store_outcome::StoreOutcome;
use super::validity;
use crate::config::Ttl;
use crate::error::Error;
use crate::format::entry::{self, Header, StateId};
use crate::redis::{By, FillOutcome, FillTicket, Life, RedisStore, Unavailable};
use crate::support::clock::micros;
use crate::support::panics::unless_panicking;
use crate::support::random;
use crate::tiers::core::Core;
use crate::value::{Coding, Encoded, ValueRef};

/// Stores an entry in Redis, if the state of the key and the tokens have not changed.
pub(crate) async fn fill(
    redis: &RedisStore,
    key: &CallKey,
    ticket: &FillTicket,
    entry: &[u8],
    life: Life,
    by: By,
) -> Result<FillOutcome, Unavailable> {
    let span = trace_span!(
        "cache_store",
        name = key.name().as_str(),
        function = key.function(),
        prefix = key.prefix(),
        bytes = entry.len(),
        outcome = Empty,
    );
    let fill = redis.fill(key.stored_as(), key.tags(), ticket, entry, life, by);
    let filled = fill.instrument(span.clone()).await;
    // The span does not have the TTL.
    span.record("outcome", StoreOutcome::of_fill(&filled, Ttl::Forever).as_str());
    filled
}

/// The parts of an entry besides its value.
pub(crate) struct Making<'a> {
    pub(crate) core: &'a Core,
    pub(crate) key: &'a CallKey,
    pub(crate) coding: Coding,
    pub(crate) ttl: Ttl,
    pub(crate) took: Duration,
    /// The token of the root, then those of the key's tags, as the load noted them.
    pub(crate) tokens: &'a [u64],
    pub(crate) now_ms: u64,
    /// True if a copy in memory needs its weight.
    pub(crate) weighs: bool,
}

/// An entry in the form for Redis.
pub(crate) struct FilledEntry {
    pub(crate) bytes: Vec<u8>,
    /// The memory that its value takes, if it was requested.
    pub(crate) weight: Option<usize>,
}

impl Making<'_> {
    pub(crate) fn entry(&self, value: ValueRef<'_>) -> Result<FilledEntry, Error> {
        let panics = || Error::Panics { type_name: value.of().name() };
        let measures = unless_panicking(|| value.measure(self.weighs)).ok_or_else(panics)?;
        let size = measures.size;
        let limit = self.core.config.max_value_size;
        let too_large =
            |size| Error::ValueTooLarge { name: self.key.name().as_str().to_owned(), size, limit };
        if size > limit {
            return Err(too_large(size));
        }
        let encoded = self.core.types.encode(value, &measures, self.coding)?;
        let mut entry = Vec::with_capacity(encoded.payload.len() + 128);
        let address = self.core.address(self.key);
        entry::encode(&self.header(&encoded), &encoded.payload, address, &mut entry)
            .map_err(|_| too_large(encoded.payload.len()))?;
        Ok(FilledEntry { bytes: entry, weight: measures.weight })
    }

    fn header(&self, encoded: &Encoded) -> Header<'_> {
        let (root, tokens) = self.tokens.split_first().map_or((0, self.tokens), |(r, t)| (*r, t));
        let tags: SmallVec<_> = validity::record(self.key, tokens).collect();
        Header {
            state: StateId::value(encoded.codec, random::word()),
            compressed: encoded.compressed,
            origin: self.key.origin,
            shape: encoded.shape,
            fingerprint: self.key.fingerprint,
            created_ms: self.now_ms,
            fresh_for_ms: fresh_for_ms(self.ttl),
            load_micros: micros(self.took),
            root,
            tags,
        }
    }
}
