//! Tags that are derived from the value, so they are known only after the body.
//!
//! A counter counts the removals of such tags. It is noted before the body. A token has a birth: the counter as it was
//! when it was read after the token. So a load can tell after its body whether a token is as it was before. Token and
//! counter may be on different nodes.

mod programs;

use crate::redis::{Id, Keys, Kin, Kind, Redis};
use crate::rules::{Model, Rule, Servers, Tag};
use crate::state::{At, Begun, Fill, Nodes, Version, World};

/// A state of the counter. It has a new identity when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Count {
    pub identity: Id,
    pub removals: u8,
}

impl Count {
    pub fn new(maker: usize) -> Self {
        Count { identity: Id::new(Kind::Counter, maker), removals: 0 }
    }

    fn is_same(self, model: &Model, other: Count) -> bool {
        self.identity == other.identity || model.is_off(Rule::CountersHaveIdentities)
    }

    /// Returns whether a token of this birth has not been removed since the counter was noted.
    fn precedes(self, model: &Model, noted: Count) -> bool {
        let earlier = self.removals <= noted.removals || model.is_off(Rule::BirthsAreCompared);
        self.is_same(model, noted) && earlier
    }
}

/// A load or put that has its value, and adds the token of the derived tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Derived {
    /// The state that was noted before the body, and the token as it was noted after it.
    begun: Begun,
    version: Version,
    birth: Option<Count>,
    /// The counter as it was read after the token.
    now: Option<Count>,
}

impl Derived {
    /// Returns whether the token may be recorded.
    fn is_valid(self, model: &Model) -> bool {
        let Some((noted, _)) = self.begun.counter else { return false };
        let unmoved = |now: Count| now.is_same(model, noted) && now.removals == noted.removals;
        self.birth.is_some_and(|birth| birth.precedes(model, noted))
            || self.now.is_some_and(unmoved)
            || self.birth.is_none() && model.is_off(Rule::UnbornTokensNeedTheCounter)
            || model.is_off(Rule::DerivedTagsAreFenced)
    }

    /// Returns the birth that the token gets, if it has none, or one of a counter that is lost.
    fn new_birth(self, model: &Model) -> Option<Count> {
        let birth = match model.is_off(Rule::BirthsAreRead) {
            true => self.begun.counter.map(|(noted, _)| noted),
            false => self.now,
        };
        birth.filter(|now| self.birth.is_none_or(|birth| !birth.is_same(model, *now)))
    }
}

impl World {
    /// Takes the steps between the body and the fill.
    pub fn derive(&mut self, model: &Model, i: usize, keys: Keys) -> At {
        match self.actors[i].at {
            At::NotesCounter(mut begun, version) => {
                self.redis.note_counter(i, keys, &mut begun);
                model.first_to_derive(Derived { begun, version, birth: None, now: None })
            }
            At::NotesTag(derived) if self.has_other_servers(model, i, derived.begun) => {
                self.refuse(model, i)
            }
            At::NotesTag(mut derived) => {
                self.redis.note_tokens(i, keys, &mut derived.begun.tokens);
                derived.birth = self.redis.birth;
                match derived.now {
                    None => At::ReadsCounter(derived),
                    Some(_) => self.conclude(model, i, derived),
                }
            }
            At::ReadsCounter(mut derived) => {
                derived.now = Some(self.redis.read_counter(Id::later(i)));
                match derived.begun.tokens.prefix {
                    None => At::NotesTag(derived),
                    Some(_) => self.conclude(model, i, derived),
                }
            }
            At::Stamps(derived) => {
                self.redis.stamp(model, derived);
                self.end_derivation(model, i, derived)
            }
            at => unreachable!("nothing is derived: {at:?}"),
        }
    }

    /// Returns whether the counter was noted on other runs of the servers. The process knows this without a request.
    fn has_other_servers(&self, model: &Model, i: usize, begun: Begun) -> bool {
        let connected = self.processes[model.role(i).place()].lost == Nodes::NONE;
        let others = begun.counter.is_some_and(|(_, runs)| runs != self.redis.runs);
        connected && others && !model.is_off(Rule::CountersBelongToRuns)
    }

    /// Token and counter are known.
    fn conclude(&mut self, model: &Model, i: usize, derived: Derived) -> At {
        match derived.new_birth(model) {
            Some(_) => At::Stamps(derived),
            None => self.end_derivation(model, i, derived),
        }
    }

    fn end_derivation(&mut self, model: &Model, i: usize, derived: Derived) -> At {
        let Derived { begun, version, .. } = derived;
        match derived.is_valid(model) {
            true => At::Fills(Fill::new(begun, version, model.filled(i, begun))),
            false => self.refuse(model, i),
        }
    }

    /// The value is stored nowhere.
    fn refuse(&mut self, model: &Model, i: usize) -> At {
        if model.is_put(i) {
            return self.give_up_put(model, i);
        }
        self.redis.release(i);
        At::Done
    }
}

impl Model {
    /// Returns whether this actor learns its tag from its value.
    pub fn derives(&self, actor: usize) -> bool {
        self.program.tag == Tag::Derived && self.kin(actor) == Kin::One
    }

    /// Returns the keys of an entry that an actor knows before it has the value.
    pub fn known(&self, actor: usize) -> Keys {
        match self.kin(actor) {
            Kin::Outer if self.program.tag == Tag::Shared => {
                Keys::OUTER.and(Keys::TOKENS).and(Keys::CLEARED)
            }
            Kin::Outer => Keys::OUTER.and(Keys::ROOT).and(Keys::CLEARED),
            _ if self.is_late(actor) => Keys::ROOT,
            _ if self.derives(actor) => Keys::ALL.without(Keys::PREFIX),
            _ => Keys::ALL,
        }
    }

    /// Returns the next step of an actor that has its value.
    pub fn after_body(&self, actor: usize, begun: Begun, version: Version) -> At {
        match (self.derives(actor), self.is_off(Rule::CounterNotedFirst)) {
            (true, true) => At::NotesCounter(begun, version),
            (true, false) => {
                self.first_to_derive(Derived { begun, version, birth: None, now: None })
            }
            (false, _) => At::Fills(Fill::new(begun, version, self.filled(actor, begun))),
        }
    }

    fn first_to_derive(&self, derived: Derived) -> At {
        match self.is_off(Rule::CounterReadLast) {
            true => At::ReadsCounter(derived),
            false => At::NotesTag(derived),
        }
    }

    /// Returns the counter if a removal raises it in a step of its own: it may be on another node.
    pub fn counted_apart(&self) -> Keys {
        match self.program.servers {
            Servers::One => Keys::NONE,
            _ if self.program.tag == Tag::Derived => Keys::COUNTER,
            _ => Keys::NONE,
        }
    }

    /// Returns whether the removal of these keys raises the counter. The tokens of the root and of the name are
    /// not those of a derived tag.
    fn counts(&self, keys: Keys) -> bool {
        let counted = match self.program.servers {
            Servers::One => Keys::PREFIX,
            _ => Keys::COUNTER,
        };
        let derives = self.program.tag == Tag::Derived;
        derives && keys.has(counted) && !self.is_off(Rule::RemovalsCount)
    }
}

impl Redis {
    pub fn note_counter(&mut self, actor: usize, keys: Keys, begun: &mut Begun) {
        if keys.has(Keys::COUNTER) {
            begun.counter = Some((self.read_counter(actor), self.runs));
        }
    }

    /// An absent counter is made.
    fn read_counter(&mut self, maker: usize) -> Count {
        *self.counter.get_or_insert(Count::new(maker))
    }

    /// Loads that begin later may record the token.
    fn stamp(&mut self, model: &Model, derived: Derived) {
        let token = derived.begun.tokens.prefix;
        if self.tokens.prefix == token || model.is_off(Rule::StampsCompare) {
            self.tokens.prefix = token;
            self.birth = derived.new_birth(model);
        }
    }

    /// The token is gone.
    pub fn end_birth(&mut self, model: &Model) {
        if !model.is_off(Rule::BirthsEndWithTokens) {
            self.birth = None;
        }
    }

    /// A removal counts, whether there is a token or not. An absent counter is made.
    pub fn raise(&mut self, model: &Model, actor: usize, keys: Keys) {
        let exists = self.tokens.prefix.is_some() || !model.is_off(Rule::AbsentTagsCount);
        if model.counts(keys) && exists {
            match &mut self.counter {
                Some(counter) => counter.removals += 1,
                None => self.counter = Some(Count::new(actor)),
            }
        }
    }
}
