//! Calls that depend on calls: an outer entry, whose body calls the inner function.
//!
//! The outer entry records the tokens that the inner one records, and the token of the inner name, which every
//! removal of that name removes. So it is stale as soon as the inner one is.

mod programs;

use crate::redis::{Entry, Held, Id, Keys, Kin, Tokens};
use crate::rules::{Model, Role, Rule, Servers};
use crate::state::{At, Begun, Fill, Link, Noted, Version, World};
use crate::words::held_in_words;

/// The outer load whose body is in its inner call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OuterLoad {
    pub over: Option<Id>,
    /// That of the root was noted before the body, that of the inner name before the inner entry was read.
    pub tokens: Tokens,
}

impl OuterLoad {
    /// Returns the number that draws the outer load's own numbers: its actor draws those of the inner load.
    pub fn maker(actor: usize) -> usize {
        Id::later(actor)
    }

    /// Returns whether no tag has two tokens.
    fn agrees(self, inner: Tokens) -> bool {
        let Tokens { root, prefix, .. } = self.tokens;
        root == inner.root && (prefix.is_none() || prefix == inner.prefix)
    }
}

impl World {
    /// The body of the outer function calls the inner one.
    pub fn start_inner(&mut self, model: &Model, i: usize, begun: Begun) -> At {
        let outer = OuterLoad { over: begun.over, tokens: begun.tokens };
        self.actors[i].noted.gain(Noted::INNER);
        let name = Keys::NAME.and(Keys::NAME_TOKEN);
        if !self.asks_redis(model, model.role(i).place(), name) {
            return self.load_inner_alone(i);
        }
        let read = if model.is_direct(i) { name.and(Keys::TOKENS) } else { name };
        At::ReadsInner(outer, Held::Nothing, Tokens::NONE, read)
    }

    /// Redis is unavailable to the inner call, so the outer value depends on generations alone.
    fn load_inner_alone(&mut self, i: usize) -> At {
        self.redis.release(i);
        At::LoadsAlone
    }

    /// Takes the steps of the inner call.
    pub fn call_inner(&mut self, model: &Model, i: usize, keys: Keys) -> Result<At, String> {
        Ok(match self.actors[i].at {
            At::ReadsInner(mut outer, mut held, mut tokens, left) => {
                self.redis.note_tokens(i, keys.of(Keys::NAME_TOKEN), &mut outer.tokens);
                if keys.has(Keys::NAME) {
                    held = self.redis.held;
                }
                tokens.read(keys, self.redis.tokens);
                match left.without(keys) {
                    Keys::NONE => self.judge_inner(model, i, outer, held, tokens)?,
                    left => At::ReadsInner(outer, held, tokens, left),
                }
            }
            At::FetchesInner(outer, entry, mut tokens, left) => {
                tokens.read(keys, self.redis.tokens);
                match left.without(keys) {
                    Keys::NONE => self.compare_inner(model, i, outer, entry, tokens)?,
                    left => At::FetchesInner(outer, entry, tokens, left),
                }
            }
            At::BeginsInner(outer, seen, mut begun, left) => {
                self.redis.begin(model, i, seen, keys, &mut begun);
                match left.without(keys) {
                    Keys::NONE => At::LoadsInner(outer, begun),
                    left => At::BeginsInner(outer, seen, begun, left),
                }
            }
            At::LoadsInner(outer, begun) => {
                match self.asks_redis(model, model.role(i).place(), Keys::ALL) {
                    true => At::FillsInner(outer, Fill::new(begun, self.data, begun.keys(model))),
                    false => At::Done,
                }
            }
            At::FillsInner(outer, mut fill) => {
                self.redis.fill(model, i, keys, &mut fill);
                match fill.left {
                    Keys::NONE => self.take(model, i, outer, fill.version, fill.begun.tokens)?,
                    _ => At::FillsInner(outer, fill),
                }
            }
            At::NotesInner(mut outer, version, left) => {
                self.redis.note_tokens(i, keys, &mut outer.tokens);
                match left.without(keys) {
                    Keys::NONE => self.fill_outer(model, i, outer, version),
                    left => At::NotesInner(outer, version, left),
                }
            }
            at => unreachable!("no step of a call: {at:?}"),
        })
    }

    fn judge_inner(
        &mut self,
        model: &Model,
        i: usize,
        outer: OuterLoad,
        held: Held,
        tokens: Tokens,
    ) -> Result<At, String> {
        if let Some(version) = self.taken_without_redis(model, i) {
            return Ok(At::NotesInner(outer, version, Keys::TOKENS));
        }
        let Held::Entry(entry) = held else { return Ok(self.begin_inner(model, i, outer, None)) };
        if model.is_direct(i) {
            return self.compare_inner(model, i, outer, entry, tokens);
        }
        if self.token_cache_confirms(model, i, entry) {
            return self.take(model, i, outer, entry.version, entry.tokens);
        }
        if !self.asks_redis(model, model.role(i).place(), Keys::TOKENS) {
            return Ok(self.load_inner_alone(i));
        }
        Ok(At::FetchesInner(outer, entry, Tokens::NONE, Keys::TOKENS))
    }

    /// Returns the value of a copy in memory, or of a load in this process that has stored it.
    fn taken_without_redis(&self, model: &Model, i: usize) -> Option<Version> {
        let place = model.role(i).place();
        let kept = |j: usize| match self.actors[j].at {
            At::Keeps(version) if model.role(j) == Role::Call(place) => Some(version),
            _ => None,
        };
        match model.off? {
            Rule::InnerCallsSkipCopies => self.processes[place].memory,
            Rule::InnerFollowersReadAgain => model.actors().find_map(kept),
            _ => None,
        }
    }

    fn compare_inner(
        &mut self,
        model: &Model,
        i: usize,
        outer: OuterLoad,
        entry: Entry,
        tokens: Tokens,
    ) -> Result<At, String> {
        match tokens.confirm(entry.tokens) {
            true => self.take(model, i, outer, entry.version, entry.tokens),
            false => Ok(self.begin_inner(model, i, outer, Some(entry.id))),
        }
    }

    fn begin_inner(&mut self, model: &Model, i: usize, outer: OuterLoad, seen: Option<Id>) -> At {
        if !self.asks_redis(model, model.role(i).place(), Keys::ALL) {
            return self.load_inner_alone(i);
        }
        let begun = Begun::at(Keys::NAME);
        At::BeginsInner(outer, seen, begun, begun.keys(model))
    }

    /// The inner call has a value, and its entry these tokens.
    fn take(
        &mut self,
        model: &Model,
        i: usize,
        mut outer: OuterLoad,
        version: Version,
        tokens: Tokens,
    ) -> Result<At, String> {
        let place = model.role(i).place();
        self.processes[place].judge(self.actors[i].required, version, place, "an inner call")?;
        if model.is_off(Rule::InnerTokensAsRecorded) {
            return Ok(At::NotesInner(outer, version, Keys::TOKENS));
        }
        if !outer.agrees(tokens) && !model.is_off(Rule::TagsHaveOneToken) {
            self.redis.release(i);
            return Ok(At::Done);
        }
        outer.tokens.prefix = outer.tokens.prefix.or(tokens.prefix);
        if model.is_off(Rule::ClearedNotedFirst) {
            return Ok(At::NotesInner(outer, version, Keys::CLEARED));
        }
        Ok(self.fill_outer(model, i, outer, version))
    }

    fn fill_outer(&mut self, model: &Model, i: usize, outer: OuterLoad, version: Version) -> At {
        let OuterLoad { over, tokens } = outer;
        let begun = Begun { over, tokens, ..Begun::at(Keys::OUTER) };
        let keys = begun.keys(model);
        if !self.asks_redis(model, model.role(i).place(), keys) {
            return At::Done;
        }
        At::Fills(Fill::new(begun, version, keys))
    }

    /// Returns the version that a body reads without Redis: that of the data, or of the copy that an inner call finds.
    pub fn version_alone(&self, model: &Model, i: usize) -> Version {
        let process = &self.processes[model.role(i).place()];
        let trusts = process.lease || process.link != Link::Up;
        let copy = process.memory.filter(|_| trusts && model.kin(i) == Kin::Outer);
        copy.unwrap_or(self.data)
    }

    pub fn inner_in_words(&self, i: usize) -> String {
        match self.actors[i].at {
            At::ReadsInner(..) => {
                let held = held_in_words(self.redis.held);
                format!("notes the token of the inner name, and reads {held}")
            }
            At::FetchesInner(..) => "asks Redis for tokens of the inner entry".to_owned(),
            At::BeginsInner(..) => "begins the inner load: placeholder and tokens".to_owned(),
            At::LoadsInner(..) => format!("runs the inner body, which reads version {}", self.data),
            At::FillsInner(_, fill) => {
                format!("fills the inner entry with version {}", fill.version)
            }
            _ => "notes the tokens of the inner entry".to_owned(),
        }
    }
}

impl Model {
    /// Returns whether there is an outer function.
    pub fn inherits(&self) -> bool {
        let is_outer = |role: &Role| matches!(role, Role::Outer(_) | Role::DirectOuter(_));
        self.program.roles.iter().any(is_outer)
    }

    pub fn is_direct(&self, actor: usize) -> bool {
        matches!(self.role(actor), Role::Direct(_) | Role::DirectOuter(_))
    }

    /// Returns the key of a call's entry, if no other kin is there.
    pub fn place(&self, actor: usize) -> Keys {
        if self.kin(actor) == Kin::Outer { Keys::OUTER } else { Keys::NAME }
    }

    /// Returns the tokens that an entry of a call records.
    pub fn tokens_of_entry(&self, actor: usize) -> Keys {
        if self.kin(actor) == Kin::Outer { Keys::OF_OUTER } else { Keys::TOKENS }
    }

    /// Returns the number that draws a call's own random numbers.
    pub fn maker(&self, actor: usize) -> usize {
        if self.kin(actor) == Kin::Outer { OuterLoad::maker(actor) } else { actor }
    }

    /// Returns those of the keys that a writer removes or stores that may be next, if each is a step of its own.
    pub fn one_by_one(&self, left: Keys) -> Keys {
        match self.inherits() && left.has(Keys::NAME) && !self.is_off(Rule::NamesGoFirst) {
            true => left.without(Keys::NAME_TOKEN),
            false => left,
        }
    }

    /// Returns the same where one server takes them in one step.
    pub fn in_order(&self, left: Keys) -> Keys {
        if left.has(Keys::COUNTER) && !self.is_off(Rule::CountedInTime) {
            return Keys::COUNTER;
        }
        if self.program.servers == Servers::One { left } else { self.one_by_one(left) }
    }

    /// Returns those of the keys of an inner entry that may be read next.
    pub fn inner_order(&self, left: Keys) -> Keys {
        let both = left.has(Keys::NAME.and(Keys::NAME_TOKEN));
        match self.is_off(Rule::InnerNameNotedFirst) {
            true if both => left.without(Keys::NAME_TOKEN),
            false if both => Keys::NAME_TOKEN,
            _ => left,
        }
    }

    /// Returns the generations that a value in memory depends on.
    pub fn stamps(&self, actor: usize) -> Noted {
        if self.kin(actor) == Kin::Outer { Noted::OUTER_STAMPS } else { Noted::STAMPS }
    }

    /// Returns what a call notes first.
    pub fn noted(&self, actor: usize) -> Noted {
        if self.kin(actor) == Kin::Outer { Noted::OUTER_STAMPS } else { Noted::ALL }
    }

    /// Returns what a call notes in order to keep its value in memory, apart from generations.
    pub fn rights(&self, actor: usize) -> Noted {
        match self.off {
            Some(Rule::PutsStopLoads) => Noted::SWEEPS,
            // Puts and patterns have the name of the inner entry.
            _ if self.kin(actor) == Kin::Outer => Noted::NONE,
            _ => Noted::RIGHTS,
        }
    }

    /// Returns the keys that are not read while the removal of a writer is pending.
    pub fn pending(&self, actor: usize) -> Keys {
        let keys = self.what(actor).keys();
        if keys.has(Keys::NAME) { keys.and(Keys::NAME_TOKEN) } else { keys }
    }
}
