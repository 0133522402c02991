//! Claiming a load in Redis, where other processes may be loading the same.
//!
//! The placeholder that a load sets under its key is seen by every other load of that key. With
//! `coalesce = "fleet"` it is a lease: short, and renewed while the load runs. A process that finds
//! another's waits until a value is there, or the placeholder is gone. That is for efficiency alone: what
//! may be stored is decided by the compare-and-set at the end of a load, whichever process has run it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Call;
use super::decision::accepted;
use super::found::{FoundValue, Version};
use super::report::note_alike;
use crate::flight::Leader;
use crate::redis::{FillTicket, Over, Placeholder, PlaceholderLease, RedisStore};
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
const LEASE: Duration = Duration::from_secs(2);
/// The first and the longest pause between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// The result of a claim.
pub(super) enum Claim {
    /// The load runs under this key, with these tokens, and with a placeholder to renew.
    Granted(Arc<CallKey>, FillTicket, Option<PlaceholderLease>),
    /// It is not necessary: another process has loaded.
    Found(FoundValue),
    /// Another process has loaded, for other arguments of the same key.
    Alike,
    Unavailable,
}

/// Sets the placeholder and notes the tokens, before the body runs. If `keeps` is true, a value will be served if
/// that fails: then nothing is stored over what is there, and no other process is waited for.
pub(super) async fn claim(
    call: &Call,
    redis: &RedisStore,
    leader: &Leader<CallKey>,
    vacancy: Vacancy,
    keeps: bool,
) -> Claim {
    let waits = is_clustered(call) && !keeps && runtime::with_timers().is_some();
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
        // The other process likely has no more rights, so it may be unable to remove its placeholder.
        return Claim::Granted(key, ticket, None);
    }
    attempt.wait_for_another(leader, key, leftover, ticket).await
}

/// Returns the right to refresh the value that is served meanwhile: `Ok(None)` where no other process could have
/// it, `Err` if another process has.
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

fn is_clustered(call: &Call) -> bool {
    call.policy.coalesce == Coalesce::Fleet && call.stores != Stores::Memory
}

/// Another process is loading.
#[derive(Debug)]
pub(super) struct LeasedElsewhere;

struct Attempt<'a> {
    call: &'a Call,
    redis: &'a RedisStore,
    placeholder: Placeholder,
}

impl Attempt<'_> {
    /// Waits for the load of another process, at most up to the wait limit, and looks at what that has stored.
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
        // Only the first of several placeholders in a row is waited for. If its load has failed, the next
        // ones may still succeed, but waiting for each of them would run all loads one after another.
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
        // A value, not a placeholder. It is read for all followers that have joined by now.
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
        // Another version has loaded. Its value stays, and this one is stored beside it.
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
        let life = life_of(self.call.policy.longest());
        let over = leftover.bytes().map_or(Over::Nothing, Over::Stale);
        let begun =
            self.redis.begin(key.stored_as(), key.tags(), over, life, self.placeholder).await;
        begun.ok().filter(|ticket| ticket.tokens.len() == key.tags().len() + 1)
    }
}

/// Returns between half of a pause and the whole.
fn jittered(pause: Duration) -> Duration {
    pause / 2 + (pause / 2).mul_f64(random::word() as f64 / u64::MAX as f64)
}
