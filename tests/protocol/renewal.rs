//! A load that has an old value at hand: it asks the source about it, and stores it again if the source confirms it.
//!
//! The entry stays in Redis until the value is stored over it. Time is not in the model, so for a renewing call every entry
//! is past its TTL.

use crate::programs::{NONE, hold, program};
use crate::redis::What::{Everything, Name, Prefix};
use crate::redis::{Entry, Keys};
use crate::rules::Known::{Before, Within};
use crate::rules::Role::{Call, Clear, Invalidate, Put, Renews};
use crate::rules::Servers::{PrefixApart, RootApart, TokensApart};
use crate::rules::Start::{Cold, Stored, TokensCached, Warm};
use crate::rules::{Model, Role, Rule};
use crate::state::{At, Begun, Mishaps, World};
use crate::switches::needs;

impl Model {
    pub fn renews(&self, actor: usize) -> bool {
        matches!(self.role(actor), Role::Renews(_))
    }
}

impl World {
    /// A load begins over any present state, and has the value of this entry at hand.
    pub fn start_renewal(&mut self, model: &Model, i: usize, entry: Entry) -> At {
        let is_current = entry.version == self.data;
        let asks_later = !model.is_off(Rule::OldValuesAskedLast);
        self.actors[i].old = (asks_later || is_current).then_some(entry.version);
        self.start_load(model, i, None, model.place(i))
    }

    /// The source confirms the old value, or the body runs next.
    pub fn ask_source(&mut self, model: &Model, i: usize, begun: Begun) -> At {
        let old = self.actors[i].old.take();
        let is_confirmed = model.is_off(Rule::OldValuesAskedLast) || old == Some(self.data);
        match old.filter(|_| is_confirmed) {
            Some(_) if !self.asks_redis(model, model.role(i).place(), Keys::ALL) => At::Done,
            Some(version) => self.has_value(model, i, begun, version),
            None => At::Loads(begun),
        }
    }
}

#[test]
fn an_old_value_that_was_confirmed_before_the_tokens_were_noted_hides_an_invalidation() {
    for servers in [crate::rules::Servers::One, TokensApart, PrefixApart] {
        let prefix = program(Stored, &[Renews(0), Invalidate(1, Prefix)], NONE);
        needs(Rule::OldValuesAskedLast, prefix.on(servers));
        let name = program(Stored, &[Renews(0), Invalidate(1, Name)], NONE);
        needs(Rule::OldValuesAskedLast, name.on(servers));
    }
    let all = program(TokensCached, &[Renews(0), Invalidate(0, Everything)], NONE);
    needs(Rule::OldValuesAskedLast, all.on(RootApart));
}

#[test]
fn a_renewal_notes_the_tokens_first() {
    needs(Rule::TokensNotedFirst, program(Stored, &[Renews(0), Invalidate(1, Prefix)], NONE));
}

#[test]
fn a_renewal_and_an_invalidation() {
    let mishaps = Mishaps { evictions: 1, silences: 1, failures: 1, ..NONE };
    for roles in [
        &[Renews(0), Invalidate(0, Name)],
        &[Renews(0), Invalidate(1, Name)],
        &[Renews(0), Invalidate(0, Prefix)],
        &[Renews(0), Invalidate(1, Prefix)],
        &[Renews(0), Invalidate(1, Everything)],
    ] {
        for start in [Cold, Stored, TokensCached, Warm] {
            hold(program(start, roles, mishaps), 100);
            hold(program(start, roles, NONE).on(TokensApart), 20);
            hold(program(start, roles, NONE).on(RootApart), 20);
        }
    }
}

#[test]
fn a_renewal_and_other_calls() {
    let mishaps = Mishaps { evictions: 1, ..NONE };
    hold(program(Stored, &[Renews(0), Renews(1), Invalidate(1, Prefix)], mishaps), 1_000);
    hold(program(Stored, &[Renews(0), Call(0), Invalidate(1, Name)], mishaps), 1_000);
    hold(program(Warm, &[Renews(0), Call(1), Invalidate(0, Prefix)], mishaps), 1_000);
}

#[test]
fn a_renewal_and_a_put_or_a_clearing() {
    let mishaps = Mishaps { evictions: 1, lapses: 1, ..NONE };
    for start in [Stored, Warm] {
        hold(program(start, &[Renews(0), Put(0, Within)], mishaps), 500);
        hold(program(start, &[Renews(0), Put(1, Before)], mishaps), 500);
        hold(program(start, &[Renews(0), Clear(0)], mishaps), 500);
        hold(program(start, &[Renews(0), Clear(1)], mishaps), 500);
    }
}
