//! Who loads: this process, or another one that shares the Redis.
//!
//! The placeholder that a load sets under its key is seen by every other load of that key. With
//! `coalesce = "fleet"` it is a lease: short, and renewed while the load runs. Who finds
//! another's waits until a value is there, or the placeholder is gone. That is for efficiency alone: what
//! may be stored is decided by the compare-and-set at the end of a load, whoever has run it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::reading::{Leftover, Reading, Vacancy};
use super::{Call, CallKey, Found, Version, life_of};
use crate::core::Stores;
use crate::flight::Leader;
use crate::random;
use crate::redis::{FillTicket, Over, Placeholder, PlaceholderLease, RedisStore};
use crate::runtime;
use crate::site::Coalesce;
use crate::timer::sleep;

/// So long others wait at most for a process that has died.
const LEASE: Duration = Duration::from_secs(2);
/// The first and the longest pause between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// How a load has begun.
pub(super) enum Begun {
    /// Under this key, with these tokens; and with a placeholder that is to be renewed.
    Ticket(Arc<CallKey>, FillTicket, Option<PlaceholderLease>),
    /// It is not necessary: another process has loaded.
    Found(Found),
    /// Another process has loaded, for other arguments of the same key.
    Alike,
    Unavailable,
}

impl Call {
    /// The placeholder and the tokens, before the body runs. With a value that is to be served if that
    /// fails, nothing is stored over what is there, and nobody is waited for.
    pub(super) async fn begin(
        &self,
        redis: &RedisStore,
        leader: &Leader<CallKey>,
        vacancy: Vacancy,
        keeps: bool,
    ) -> Begun {
        let waits = self.is_clustered() && !keeps && runtime::with_timers().is_some();
        let placeholder = if waits {
            Placeholder::lease(LEASE)
        } else {
            Placeholder::new(self.core.config.max_load)
        };
        let (key, leftover) = (self.key_at(vacancy.place), &vacancy.leftover);
        let Some(ticket) = self.set_placeholder(redis, &key, leftover, placeholder).await else {
            return Begun::Unavailable;
        };
        if !waits {
            return Begun::Ticket(key, ticket, None);
        }
        if !ticket.is_anothers() && !ticket.is_value() {
            let lease = redis.lease(key.stored_as(), &ticket, placeholder);
            return Begun::Ticket(key, ticket, lease);
        }
        if !redis.may_lease().await {
            // The other one is not likely to have more rights: its placeholder may stay whatever
            // becomes of its load.
            return Begun::Ticket(key, ticket, None);
        }
        self.wait_for_another(redis, leader, key, leftover, placeholder, ticket).await
    }

    /// Waits for the load of another process, or until it is given up. What that has stored is looked at.
    async fn wait_for_another(
        &self,
        redis: &RedisStore,
        leader: &Leader<CallKey>,
        key: Arc<CallKey>,
        leftover: &Leftover,
        placeholder: Placeholder,
        first: FillTicket,
    ) -> Begun {
        let limit = self.wait_limit();
        let (began, mut pause) = (Instant::now(), PAUSES.0);
        let mut ticket = first.clone();
        // Of placeholders that come one after another only the first is waited for: if its load has
        // failed, the next ones need not, and those who wait for them would stand in a queue.
        while ticket.is_anothers() && ticket.is_like(&first) && began.elapsed() < limit {
            sleep(jittered(pause)).await;
            pause = (pause * 2).min(PAUSES.1);
            match self.set_placeholder(redis, &key, leftover, placeholder).await {
                Some(now) => ticket = now,
                None => return Begun::Unavailable,
            }
        }
        if ticket.is_anothers() || ticket.is_mine() {
            let lease = redis.lease(key.stored_as(), &ticket, placeholder);
            return Begun::Ticket(key, ticket, lease);
        }
        // Not a placeholder: a value, which is looked at on behalf of all who have joined by now.
        leader.seal();
        let ask = self.ask(self.policy.grace.while_revalidate_ms);
        let vacancy = match self.core.read(&self.key, ask).await {
            Reading::Redis(hit, at) => match self.young_enough(Found::in_redis(hit, at)) {
                Some(found) => return Begun::Found(found),
                None => None,
            },
            Reading::Miss(Vacancy { leftover: Leftover::Alike(_), .. }) => {
                self.note_alike();
                leader.reopen();
                return Begun::Alike;
            }
            Reading::Miss(vacancy) => Some(vacancy).filter(|now| now.place != key.place()),
            Reading::Memory(_) | Reading::Unavailable => None,
        };
        leader.reopen();
        // Another version has loaded: its value stays, and the own one goes beside it.
        let Some(vacancy) = vacancy else { return Begun::Ticket(key, ticket, None) };
        let key = self.key_at(vacancy.place);
        match self.set_placeholder(redis, &key, &vacancy.leftover, placeholder).await {
            Some(ticket) => {
                let lease = redis.lease(key.stored_as(), &ticket, placeholder);
                Begun::Ticket(key, ticket, lease)
            }
            None => Begun::Unavailable,
        }
    }

    /// The key of this place, under the name or beside it.
    pub(super) fn key_at(&self, place: u8) -> Arc<CallKey> {
        if place == 0 { Arc::clone(&self.key) } else { Arc::new(self.key.at(place)) }
    }

    async fn set_placeholder(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        leftover: &Leftover,
        placeholder: Placeholder,
    ) -> Option<FillTicket> {
        let life = life_of(self.policy.longest());
        let over = leftover.bytes().map_or(Over::Nothing, Over::Stale);
        let begun = redis.begin(key.stored_as(), key.tags(), over, life, placeholder).await;
        begun.ok().filter(|ticket| ticket.tokens.len() == key.tags().len() + 1)
    }

    /// The right to refresh what is served meanwhile: `Ok(None)` where nobody else could have
    /// it, `Err` if another process has.
    pub(super) async fn lease_refresh(
        &self,
        before: Version,
    ) -> Result<Option<PlaceholderLease>, Taken> {
        match &self.core.redis {
            Some(redis) if self.is_clustered() => {
                let place = match before {
                    Version::Redis(at) => at.place,
                    Version::Memory(_) => 0,
                };
                let key = self.key_at(place);
                match redis.lease_refresh(key.stored_as(), Placeholder::new(LEASE)).await {
                    Ok(Some(lease)) => Ok(Some(lease)),
                    Ok(None) => Err(Taken),
                    // Without Redis everybody is alone.
                    Err(_) => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    fn is_clustered(&self) -> bool {
        self.policy.coalesce == Coalesce::Fleet && self.stores != Stores::Memory
    }
}

/// Another process is loading.
#[derive(Debug)]
pub(super) struct Taken;

/// Between half of a pause and the whole.
fn jittered(pause: Duration) -> Duration {
    pause / 2 + (pause / 2).mul_f64(random::word() as f64 / u64::MAX as f64)
}
