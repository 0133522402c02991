//! Ends the loads of a body that has returned: stores its values.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::calls::ManyCalls;
use crate::call::fill::{PreparedFill, RedisFill};
use crate::call::load::{Goal, Load};
use crate::call::sharing::{land_absent, land_filled};
use crate::collector::traced::Traced;
use crate::config::Ttl;
use crate::redis::{FillOf, FillOutcome, RedisStore};
use crate::support::boxed::boxed;
use crate::tiers::invalidate::Targets;
use crate::tiers::origin::{Origin, Source};
use crate::value::Value;

/// A load that ends in Redis.
struct Filling {
    fill: RedisFill,
    span: tracing::Span,
    /// `None`: the body has none for the key.
    value: Option<Value>,
    took: Duration,
    /// True if a stale value may have been served instead.
    had_stale: bool,
    traced: Option<Box<Traced>>,
}

impl ManyCalls {
    /// Ends the loads of the running body. `values` are those of its keys, in order; `None` for a key that has no
    /// value.
    pub(super) async fn finish(&mut self, values: Vec<(usize, Option<Value>)>) {
        let mut values: HashMap<usize, Option<Value>> = values.into_iter().collect();
        (self.polled, self.admitted) = (None, None);
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
            if load.is_uncommitted() {
                load.withhold();
                end(self.items[key].traced.take(), None);
                continue;
            }
            match value {
                value if load.is_for_redis() => {
                    let traced = self.items[key].traced.take();
                    fills.extend(Filling::new(*load, value, took, traced));
                }
                value => {
                    let awaits = load.awaits_redis();
                    let traced = self.items[key].traced.take();
                    let end = Box::pin(async move {
                        let ttl = match value {
                            None => {
                                load.absent().await;
                                None
                            }
                            Some(value) => load.stored(value, took).await,
                        };
                        end(traced, ttl);
                    });
                    if awaits {
                        singly.push(end);
                    } else {
                        end.await;
                    }
                }
            }
        }
        while let Some(first) = fills.first() {
            let core = Arc::clone(&first.fill.call.core);
            let alike = |filling: &mut Filling| Arc::ptr_eq(&filling.fill.call.core, &core);
            let together: Vec<_> = fills.extract_if(.., alike).collect();
            if let Some(redis) = &core.redis {
                boxed(|| fill(redis, together)).await;
            }
        }
        boxed(|| join_all(singly)).await;
    }
}

impl Filling {
    fn new(
        load: Load,
        value: Option<Value>,
        took: Duration,
        traced: Option<Box<Traced>>,
    ) -> Option<Self> {
        let had_stale = load.has_stale();
        let Load { call, leader, goal, lease, span, inherited, .. } = load;
        let Goal::Redis { key: place, ticket } = goal else { return None };
        // As for a load of one key.
        lease.keep();
        leader.seal();
        let fill = RedisFill::new(call, leader, place, ticket, inherited);
        Some(Filling { fill, span, value, took, had_stale, traced })
    }

    /// Adds the dependencies that the value brings.
    async fn depend_on_value(&mut self, redis: &RedisStore) {
        if let Some(value) = &self.value {
            self.fill.depend_on(redis, value.as_ref()).await;
        }
    }
}

/// Stores values, those of one cache at once.
async fn fill(redis: &RedisStore, mut fillings: Vec<Filling>) {
    join_all(fillings.iter_mut().map(|filling| filling.depend_on_value(redis))).await;
    let prepare = |filling: &Filling| match &filling.value {
        Some(value) => filling.fill.prepare(redis, value.as_ref(), filling.took),
        None => filling.fill.prepare_none(),
    };
    let prepared: Vec<PreparedFill> = fillings.iter().map(prepare).collect();
    let asked: Vec<bool> = fillings
        .iter()
        .zip(&prepared)
        .map(|(filling, prepared)| prepared.entry().is_some() || filling.fill.asks(prepared))
        .collect();
    let ends = fillings.iter().zip(&prepared).zip(&asked).filter(|(_, asked)| **asked);
    let ends: Vec<_> = ends
        .map(|((filling, prepared), _)| FillOf {
            name: filling.fill.key().stored_as(),
            tags: filling.fill.key().tags(),
            ticket: filling.fill.ticket(),
            entry: prepared.entry(),
        })
        .collect();
    let mut filled = redis.fill_many(&ends).await.into_iter();
    drop(ends);
    for ((filling, prepared), asked) in fillings.into_iter().zip(prepared).zip(asked) {
        let filled = if asked { filled.next() } else { None };
        let (value, took) = (filling.value.as_ref().map(Value::as_ref), filling.took);
        let (filled, outcome) = filling.fill.conclude(prepared, filled, value, took);
        let Filling {
            fill: RedisFill { call, leader, .. }, span, value, had_stale, traced, ..
        } = filling;
        span.record("outcome", outcome.as_str());
        match value {
            Some(value) => land_filled(leader, &value, filled, outcome.ttl()),
            None => {
                if had_stale {
                    call.core.invalidate(&Targets::name(call.key.name().as_str())).await;
                }
                land_absent(leader, matches!(filled, Some(FillOutcome::Stored)));
            }
        }
        call.core.retries.recovered(&call.key);
        end(traced, outcome.ttl());
    }
}

/// Ends the call of a key, for its collector. The value is stored with this TTL, if it is.
fn end(traced: Option<Box<Traced>>, ttl: Option<Ttl>) {
    if let Some(traced) = traced {
        traced.end(Origin::stored(Source::Load, ttl), false);
    }
}
