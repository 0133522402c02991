//! Claims a load in Redis, because other processes may be loading the same value.
//!
//! Every other load of a key sees the placeholder that a load sets under it. With `coalesce = "fleet"` the
//! placeholder is a lease: it is short-lived, and renewed while the load runs. A process that finds the lease
//! of another process waits until a value is stored, or the lease is gone. The wait only saves loads. The
//! compare-and-set at the end of a load decides which value may be stored, regardless of the process that ran
//! the load.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Call;
use super::decision::accepted;
use super::found::{FoundValue, Version};
use super::report::note_alike;
use crate::flight::Leader;
use crate::redis::{BeginOf, FillTicket, Over, Placeholder, PlaceholderLease, RedisStore};
use crate::site::Coalesce;
use crate::support::random;
use crate::support::runtime;
use crate::support::timer::sleep;
use crate::tiers::core::Stores;
use crate::tiers::examine::{Leftover, Vacancy};
use crate::tiers::key::CallKey;
use crate::tiers::policy::life_of;
use crate::tiers::reading::ReadResult;

/// The longest time for which others wait for a process that has died.
pub(super) const LEASE: Duration = Duration::from_secs(2);
/// The first and the longest pause between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// The result of a claim.
pub(super) enum Claim {
    /// The load runs under this key, with these tokens, and with a placeholder to renew.
    Granted(Arc<CallKey>, FillTicket, Option<PlaceholderLease>),
    /// No load is necessary: another process has loaded.
    Found(FoundValue),
    /// Another process has loaded, for other arguments of the same key.
    Alike,
    Unavailable,
}

/// Sets the placeholder and notes the tokens, before the body runs. If `keeps` is true, a value will be
/// served if the load fails. Then the stored entry is kept until the load succeeds, and this does not wait
/// for other processes.
pub(super) async fn claim(
    call: &Call,
    redis: &RedisStore,
    leader: &Leader<CallKey>,
    vacancy: Vacancy,
    keeps: bool,
) -> Claim {
    let waits = waits(call, keeps);
    let placeholder =
        if waits { Placeholder::lease(LEASE) } else { Placeholder::new(call.core.config.max_load) };
    let attempt = Attempt { call, redis, placeholder };
    let (key, leftover) = (call.key_at(vacancy.place), &vacancy.leftover);
    let Some(ticket) = attempt.set_placeholder(&key, leftover).await else {
        return Claim::Unavailable;
    };
    if !waits {
        return Claim::Granted(key, ticket, None);
    }
    if !ticket.is_anothers() && !ticket.is_value() {
        return attempt.leased(key, ticket);
    }
    if !redis.may_lease().await {
        // The other process likely has the same rights, so it may be unable to remove its placeholder.
        return Claim::Granted(key, ticket, None);
    }
    attempt.wait_for_another(leader, key, leftover, ticket).await
}

/// Returns the right to refresh the value that is served meanwhile: `Ok(None)` if no other process could have
/// it, `Err` if another process has it.
pub(super) async fn lease_refresh(
    call: &Call,
    before: Version,
) -> Result<Option<PlaceholderLease>, LeasedElsewhere> {
    let Some(redis) = call.core.redis.as_ref().filter(|_| is_clustered(call)) else {
        return Ok(None);
    };
    let key = call.key_at(before.place());
    match redis.lease_refresh(key.stored_as(), Placeholder::new(LEASE)).await {
        Ok(Some(lease)) => Ok(Some(lease)),
        Ok(None) => Err(LeasedElsewhere),
        // Without Redis, each process loads for itself.
        Err(_) => Ok(None),
    }
}

/// Returns true if a load waits for another process that loads the same key. It does not if a value will be
/// served if the load fails (`keeps`).
pub(super) fn waits(call: &Call, keeps: bool) -> bool {
    is_clustered(call) && !keeps && runtime::with_timers().is_some()
}

/// Returns the state of a key over which a load sets its placeholder.
pub(super) fn over(leftover: &Leftover) -> Over<'_> {
    leftover.bytes().map_or(Over::Nothing, Over::Stale)
}

fn is_clustered(call: &Call) -> bool {
    call.policy.coalesce == Coalesce::Fleet && call.stores != Stores::Memory
}

/// Another process is loading, and has the right to refresh.
#[derive(Debug)]
pub(super) struct LeasedElsewhere;

struct Attempt<'a> {
    call: &'a Call,
    redis: &'a RedisStore,
    placeholder: Placeholder,
}

impl Attempt<'_> {
    /// Waits for the load of another process, at most up to the wait limit, and reads the value that it has
    /// stored.
    async fn wait_for_another(
        &self,
        leader: &Leader<CallKey>,
        key: Arc<CallKey>,
        leftover: &Leftover,
        first: FillTicket,
    ) -> Claim {
        let call = self.call;
        let limit = call.wait_limit();
        let (began, mut pause) = (Instant::now(), PAUSES.0);
        let mut ticket = first.clone();
        // The wait is for the first of several placeholders only. If its load has failed, the next ones may
        // still succeed, but waiting for each of them would run all loads one after another.
        while ticket.is_anothers() && ticket.is_like(&first) && began.elapsed() < limit {
            sleep(jittered(pause)).await;
            pause = (pause * 2).min(PAUSES.1);
            match self.set_placeholder(&key, leftover).await {
                Some(now) => ticket = now,
                None => return Claim::Unavailable,
            }
        }
        if ticket.is_anothers() || ticket.is_mine() {
            return self.leased(key, ticket);
        }
        // The key holds a value, not a placeholder. It is read for all followers that have joined by now.
        leader.seal();
        let ask = call.ask(call.policy.grace.while_revalidate_ms);
        let vacancy = match call.core.read(&call.key, ask).await {
            ReadResult::Redis(hit, at) => match accepted(call, FoundValue::in_redis(hit, at)) {
                Some(found) => return Claim::Found(found),
                None => None,
            },
            ReadResult::Miss(Vacancy { leftover: Leftover::Alike(_), .. }) => {
                note_alike(call);
                leader.reopen();
                return Claim::Alike;
            }
            ReadResult::Miss(vacancy) => Some(vacancy).filter(|now| now.place != key.place()),
            ReadResult::Memory(_) | ReadResult::Unavailable => None,
        };
        leader.reopen();
        // Another version of the function has loaded. Its value stays, and this one is stored beside it.
        let Some(vacancy) = vacancy else { return Claim::Granted(key, ticket, None) };
        let key = call.key_at(vacancy.place);
        match self.set_placeholder(&key, &vacancy.leftover).await {
            Some(ticket) => self.leased(key, ticket),
            None => Claim::Unavailable,
        }
    }

    fn leased(&self, key: Arc<CallKey>, ticket: FillTicket) -> Claim {
        let lease = self.redis.lease(key.stored_as(), &ticket, self.placeholder);
        Claim::Granted(key, ticket, lease)
    }

    async fn set_placeholder(&self, key: &CallKey, leftover: &Leftover) -> Option<FillTicket> {
        let policy = &self.call.policy;
        let load = BeginOf {
            name: key.stored_as(),
            tags: key.tags(),
            over: over(leftover),
            life: life_of(policy.longest()),
            placeholder: self.placeholder,
            derives: policy.derives(),
        };
        let begun = self.redis.begin(&load).await;
        begun.ok().filter(|ticket| ticket.tokens.len() == key.tags().len() + 1)
    }
}

/// Returns a random duration between half of a pause and all of it.
fn jittered(pause: Duration) -> Duration {
    pause / 2 + (pause / 2).mul_f64(random::word() as f64 / u64::MAX as f64)
}
