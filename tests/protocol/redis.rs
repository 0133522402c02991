//! The server: what it holds, and its scripts.

use std::num::NonZeroU8;

use crate::rules::{Model, Rule};
use crate::state::{Begun, Version};

/// A random number: a mark's, an entry's, or a token. Each is drawn once; here it says by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(NonZeroU8);

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Mark,
    Entry,
    Tombstone,
    Root,
    Prefix,
}

impl Id {
    pub fn new(kind: Kind, actor: usize) -> Self {
        Id(NonZeroU8::MIN.saturating_add(actor as u8 * 5 + kind as u8))
    }
}

/// What is under the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    Nothing,
    Mark(Id),
    Entry(Entry),
    Tombstone(Id),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    pub id: Id,
    pub version: Version,
    pub tokens: Tokens,
}

/// The tokens of the tags that the name has: the root's and its prefix's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tokens {
    pub root: Option<Id>,
    pub prefix: Option<Id>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Redis {
    pub held: Held,
    pub tokens: Tokens,
    /// Somebody has met this run of the server.
    pub met: bool,
}

/// What an invalidation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Name,
    Prefix,
}

impl Held {
    pub fn id(self) -> Option<Id> {
        match self {
            Held::Nothing => None,
            Held::Mark(id) | Held::Tombstone(id) | Held::Entry(Entry { id, .. }) => Some(id),
        }
    }
}

impl Tokens {
    /// Whether all that are recorded are there, and equal.
    pub fn confirm(self, recorded: Tokens) -> bool {
        let equal = |now: Option<Id>, then| now.is_some() && now == then;
        equal(self.root, recorded.root) && equal(self.prefix, recorded.prefix)
    }
}

impl Redis {
    /// The script with which a load begins, over the entry that was seen to be stale.
    pub fn begin(&mut self, model: &Model, actor: usize, seen: Option<Id>) -> Begun {
        let found = self.held.id();
        let marks = !model.is_off(Rule::LoadsLeaveMarks)
            && !model.is_off(Rule::AbsentEqualsNothing)
            && !model.is_off(Rule::MarksNotTombstones);
        if marks && (found.is_none() || found == seen) {
            self.held = Held::Mark(Id::new(Kind::Mark, actor));
        }
        Begun { over: self.held.id(), tokens: self.note_tokens(actor) }
    }

    /// The same for a put, over whatever is there.
    pub fn begin_put(&mut self, model: &Model, actor: usize) -> Begun {
        if !model.is_off(Rule::PutsCompare) {
            self.held = Held::Mark(Id::new(Kind::Mark, actor));
        }
        Begun { over: self.held.id(), tokens: self.note_tokens(actor) }
    }

    /// Missing ones are made.
    pub fn note_tokens(&mut self, actor: usize) -> Tokens {
        self.tokens.root.get_or_insert(Id::new(Kind::Root, actor));
        self.tokens.prefix.get_or_insert(Id::new(Kind::Prefix, actor));
        self.tokens
    }

    /// The script with which a load ends: whether its value is stored.
    pub fn fill(&mut self, model: &Model, actor: usize, begun: Begun, version: Version) -> bool {
        let guarded = if model.is_put(actor) { Rule::PutsCompare } else { Rule::LoadsLeaveMarks };
        let same = self.held.id() == begun.over || model.is_off(guarded);
        let current = self.tokens.confirm(begun.tokens)
            || model.is_off(guarded)
            || model.is_off(Rule::FillsCompareTokens);
        if same && current {
            let id = Id::new(Kind::Entry, actor);
            self.held = Held::Entry(Entry { id, version, tokens: begun.tokens });
        }
        same && current
    }

    /// A load that has failed takes its own mark away.
    pub fn release(&mut self, actor: usize) {
        if self.held == Held::Mark(Id::new(Kind::Mark, actor)) {
            self.held = Held::Nothing;
        }
    }

    pub fn remove(&mut self, model: &Model, actor: usize, what: What) {
        match what {
            What::Name if model.is_off(Rule::MarksNotTombstones) => {
                self.held = Held::Tombstone(Id::new(Kind::Tombstone, actor));
            }
            What::Name => self.held = Held::Nothing,
            What::Prefix if model.is_off(Rule::NoticesCarryNoTokens) => {
                self.tokens.prefix = Some(Id::new(Kind::Prefix, actor));
            }
            What::Prefix => self.tokens.prefix = None,
        }
    }

    /// One page of a scan, and the removal of what it has found.
    pub fn sweep(&mut self, model: &Model) {
        let spared = matches!(self.held, Held::Mark(_)) && model.is_off(Rule::ClearTakesMarks);
        if !spared {
            self.held = Held::Nothing;
        }
    }

    /// The first who meets a server makes everything in it stale, since it may be older than what
    /// was confirmed. Whether this one was the first.
    pub fn meet(&mut self, model: &Model) -> bool {
        let first = !self.met;
        self.met = true;
        if first && !model.is_off(Rule::NewServerLosesRoot) {
            self.tokens.root = None;
        }
        first
    }
}
