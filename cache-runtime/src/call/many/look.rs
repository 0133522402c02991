//! Looks for the values of many keys.

use std::mem;
use std::sync::Arc;

use super::calls::{Led, LedKey, ManyCalls, OldValue};
use super::waiting::follow;
use crate::call::decision::{Decision, decide_on};
use crate::call::found::FoundValue;
use crate::call::load::Action;
use crate::call::look::{loading, open_refresh, place};
use crate::call::report::count_hit;
use crate::call::retry::alone;
use crate::call::sharing::pass;
use crate::call::step::{Destination, Loading};
use crate::call::turn::answer;
use crate::call::{Call, recursion};
use crate::flight::{Leader, Role};
use crate::site::Coalesce;
use crate::support::boxed::boxed;
use crate::support::{clock, runtime};
use crate::tiers::core::Stores;
use crate::tiers::examine::Vacancy;
use crate::tiers::key::CallKey;
use crate::tiers::reading::ReadResult;

impl ManyCalls {
    /// Joins or opens the flights of the keys to look for, and reads those that this call leads.
    pub(super) async fn look(&mut self) {
        let room = self.max_batch.saturating_sub(self.led.len());
        let mut led: Vec<LedKey> = self.lone.drain(..self.lone.len().min(room)).collect();
        let mut next = mem::take(&mut self.next).into_iter();
        while led.len() < room
            && let Some(key) = next.next()
        {
            let Some(call) = self.call(key) else {
                self.led.push((key, Led::Aside));
                continue;
            };
            if call.reads_only() {
                match boxed(|| answer(&call)).await {
                    Action::Return(served) => self.serve_output(key, served),
                    Action::Load(_) | Action::Bypass => self.load_aside(key),
                }
                continue;
            }
            if recursion::is_inside(&call.key) {
                let loading = loading(alone(&call), Destination::Caller);
                self.led.push((key, Led::Load(Box::new(loading))));
                continue;
            }
            if call.stores == Stores::Memory {
                // As for a call of one key.
                clock::look_after();
                if let Some(redis) = &call.core.redis {
                    redis.connect_here();
                }
            }
            if self.look_at_hand(key, &call) {
                continue;
            }
            if call.policy.coalesce == Coalesce::Off {
                let leader = alone(&call);
                led.push((key, call, leader));
                continue;
            }
            let (core, of) = (&call.core, &call.key);
            let slots = || of.slots();
            match core.flights.join_without_wait(of, self.asked, &core.generations, slots) {
                Role::Lead(leader) => led.push((key, call, leader)),
                Role::Follow(follower) => self.waits.push(follow(key, call, follower)),
            }
        }
        self.next = next.collect();
        self.read(led).await;
    }

    /// Looks in memory for a value that is served while it is refreshed. Returns true if there is one.
    fn look_at_hand(&mut self, key: usize, call: &Arc<Call>) -> bool {
        let grace_ms = call.policy.grace.while_revalidate_ms;
        if call.stores != Stores::Memory
            || call.heir.is_some()
            || (grace_ms == 0 && call.policy.early_refresh <= 0.0)
        {
            return false;
        }
        let Some(hit) = call.core.value_in_memory(&call.key, call.policy.of, grace_ms) else {
            return false;
        };
        let found = FoundValue::in_memory(hit);
        match decide_on(call, &found) {
            Decision::Serve => self.serve(key, call, &found),
            Decision::Refresh => self.refresh_or_serve(key, call, open_refresh(call), found),
            Decision::Load | Decision::TooOld | Decision::Unusable => return false,
        }
        true
    }

    /// Reads keys whose flights this call leads, those of one cache at once.
    pub(super) async fn read(&mut self, mut led: Vec<LedKey>) {
        while let Some((_, first, _)) = led.first() {
            let first = Arc::clone(first);
            let alike = |(_, call, _): &mut LedKey| {
                Arc::ptr_eq(&call.core, &first.core)
                    && call.stores == first.stores
                    && call.policy.of.id() == first.policy.of.id()
            };
            let together: Vec<_> = led.extract_if(.., alike).collect();
            self.read_together(&first, together).await;
        }
    }

    async fn read_together(&mut self, first: &Call, led: Vec<LedKey>) {
        // The seals are those of a call of one key: see `look::lead`.
        let core = &first.core;
        if let Some(heir) = &first.heir {
            let keys: Vec<_> = led.iter().map(|(_, call, _)| Arc::clone(&call.key)).collect();
            boxed(|| heir.depend_on_names(core, &keys, first.stores)).await;
        }
        let in_memory = first.stores == Stores::Memory;
        let ask = first.ask(first.policy.grace.longest_ms());
        let strict = !ask.relies;
        let seals_first = |call: &Call| strict || call.policy.derives();
        for (_, call, leader) in &led {
            if seals_first(call) {
                leader.seal();
            } else if !in_memory {
                leader.rely_on_lease();
            }
        }
        let results: Vec<_> = if in_memory {
            let in_memory = |(_, call, _): &LedKey| {
                let hit = match &call.heir {
                    Some(heir) => core.inherit_from_memory(&call.key, ask.of, heir),
                    None => core.value_in_memory(&call.key, ask.of, ask.grace_ms),
                };
                hit.map_or(ReadResult::Miss(Vacancy::NOTHING), ReadResult::Memory)
            };
            led.iter().map(in_memory).collect()
        } else {
            let keys: Vec<_> = led.iter().map(|(_, call, _)| &*call.key).collect();
            core.read_many(&keys, &ask).await
        };
        for ((key, call, leader), result) in led.into_iter().zip(results) {
            if !seals_first(&call) && !in_memory {
                leader.seal();
            }
            let (found, destination) = place(&call, result);
            match found.map(|found| (decide_on(&call, &found), found)) {
                Some((Decision::Serve, found)) => {
                    pass(&call, leader, &found);
                    self.serve(key, &call, &found);
                }
                Some((Decision::Refresh, found)) => {
                    let refresh = open_refresh(&call);
                    pass(&call, leader, &found);
                    self.refresh_or_serve(key, &call, refresh, found);
                }
                Some((Decision::Load, found)) => {
                    call.counters.slow.misses.one();
                    leader.reopen();
                    let loading = Loading { leader, destination, instead: Some(found) };
                    self.led.push((key, Led::Load(Box::new(loading))));
                }
                Some((Decision::TooOld | Decision::Unusable, _)) | None => {
                    if strict && call.stores == Stores::Tiered {
                        leader.note_again(&core.generations, call.key.slots());
                    }
                    call.counters.slow.misses.one();
                    self.led.push((key, Led::Load(Box::new(loading(leader, destination)))));
                }
            }
        }
    }

    fn serve(&mut self, key: usize, call: &Call, found: &FoundValue) {
        count_hit(call, found);
        self.end(key, found.origin(), false);
        self.answer(key, Some(found.hit.value.clone()));
    }

    /// Serves a value. It is refreshed by `refresh`, if that is given: in a task, or by this call.
    fn refresh_or_serve(
        &mut self,
        key: usize,
        call: &Arc<Call>,
        refresh: Option<Leader<CallKey>>,
        found: FoundValue,
    ) {
        // As for a call of one key.
        let has_runtime = runtime::of_call().is_some();
        let in_background = self.background && (has_runtime || !found.is_stale());
        match refresh {
            None => self.serve(key, call, &found),
            Some(refresh) if in_background => {
                self.serve(key, call, &found);
                self.stale.push(OldValue { key, call: Arc::clone(call), refresh, found });
            }
            Some(leader) => {
                if found.is_stale() {
                    call.counters.slow.misses.one();
                }
                let destination = Destination::Place(found);
                let loading = Loading { leader, destination, instead: None };
                self.led.push((key, Led::Load(Box::new(loading))));
            }
        }
    }
}
