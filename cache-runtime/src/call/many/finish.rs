//! Ends the loads of a body that has returned: stores its values.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::calls::ManyCalls;
use crate::call::Call;
use crate::call::fill::{PreparedFill, RedisFill};
use crate::call::load::{Goal, Load};
use crate::call::sharing::{land_absent, land_filled};
use crate::flight::Leader;
use crate::redis::{FillOf, FillOutcome, FillTicket, RedisStore};
use crate::support::boxed::boxed;
use crate::tiers::invalidate::Targets;
use crate::tiers::key::CallKey;
use crate::value::Value;

/// A load that ends in Redis.
struct Filling {
    call: Arc<Call>,
    leader: Leader<CallKey>,
    place: Arc<CallKey>,
    ticket: FillTicket,
    span: tracing::Span,
    /// `None`: the body has none for the key.
    value: Option<Value>,
    took: Duration,
    /// True if a stale value may have been served instead.
    had_stale: bool,
}

impl ManyCalls {
    /// Ends the loads of the running body. `values` are those of its keys, in order; `None` for a key that has no
    /// value.
    pub(super) async fn finish(&mut self, values: Vec<(usize, Option<Value>)>) {
        let mut values: HashMap<usize, Option<Value>> = values.into_iter().collect();
        self.polled = None;
        self.aside.clear();
        if let Some((_, first)) = self.loads.first() {
            first.call.counters.slow.batches.one();
            first.call.counters.slow.batch_keys.add(self.loads.len() as u64);
        }
        let (mut singly, mut fills) = (Vec::new(), Vec::<Filling>::new());
        for (key, mut load) in mem::take(&mut self.loads) {
            let value = values.remove(&key).flatten();
            self.answer(key, value.clone());
            let took = load.count();
            load.forget_error();
            match value {
                value if load.is_for_redis() => fills.extend(Filling::new(*load, value, took)),
                value => {
                    let awaits = load.awaits_redis();
                    let end = match value {
                        None => load.absent(),
                        Some(value) => load.stored(value, took),
                    };
                    if awaits {
                        singly.push(end);
                    } else {
                        end.await;
                    }
                }
            }
        }
        while let Some(first) = fills.first() {
            let core = Arc::clone(&first.call.core);
            let alike = |filling: &mut Filling| Arc::ptr_eq(&filling.call.core, &core);
            let together: Vec<_> = fills.extract_if(.., alike).collect();
            if let Some(redis) = &core.redis {
                boxed(|| fill(redis, together)).await;
            }
        }
        boxed(|| join_all(singly)).await;
    }
}

impl Filling {
    fn new(load: Load, value: Option<Value>, took: Duration) -> Option<Self> {
        let had_stale = load.has_stale();
        let Load { call, leader, goal, lease, span, .. } = load;
        let Goal::Redis { key: place, ticket } = goal else { return None };
        // As for a load of one key.
        lease.keep();
        leader.seal();
        Some(Filling { call, leader, place, ticket, span, value, took, had_stale })
    }

    fn by<'a>(&'a self, redis: &'a RedisStore) -> RedisFill<'a> {
        let Filling { call, leader, place: key, ticket, .. } = self;
        RedisFill { call, redis, leader, key, ticket }
    }
}

/// Stores values, those of one cache at once.
async fn fill(redis: &RedisStore, fillings: Vec<Filling>) {
    let prepare = |filling: &Filling| match &filling.value {
        Some(value) => filling.by(redis).prepare(value.as_ref(), filling.took),
        None => PreparedFill::of_nothing(),
    };
    let prepared: Vec<PreparedFill> = fillings.iter().map(prepare).collect();
    let asked: Vec<bool> = fillings
        .iter()
        .zip(&prepared)
        .map(|(filling, prepared)| prepared.entry().is_some() || filling.by(redis).asks(prepared))
        .collect();
    let ends = fillings.iter().zip(&prepared).zip(&asked).filter(|(_, asked)| **asked);
    let ends: Vec<_> = ends
        .map(|((filling, prepared), _)| FillOf {
            name: filling.place.stored_as(),
            tags: filling.place.tags(),
            ticket: &filling.ticket,
            entry: prepared.entry(),
        })
        .collect();
    let mut filled = redis.fill_many(&ends).await.into_iter();
    drop(ends);
    for ((filling, prepared), asked) in fillings.into_iter().zip(prepared).zip(asked) {
        let filled = if asked { filled.next() } else { None };
        let (value, took) = (filling.value.as_ref().map(Value::as_ref), filling.took);
        let (filled, outcome) = filling.by(redis).conclude(prepared, filled, value, took);
        let Filling { call, leader, span, value, had_stale, .. } = filling;
        span.record("outcome", outcome.as_str());
        match value {
            Some(value) => land_filled(leader, &value, filled),
            None => {
                if had_stale {
                    call.core.invalidate(&Targets::name(call.key.name().as_str())).await;
                }
                land_absent(leader, matches!(filled, Some(FillOutcome::Stored)));
            }
        }
        call.core.retries.recovered(&call.key);
    }
}
