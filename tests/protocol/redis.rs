//! The state of the server, or of the nodes of a cluster, and the commands that they execute.

use std::num::NonZeroU8;

use crate::derived::Count;
use crate::rules::{Known, Model, Rule};
use crate::state::{ACTORS, Begun, Fill, Node, Nodes, Version};

/// A random number: that of a placeholder or an entry, or a token. Each is drawn once; here it names
/// the actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(NonZeroU8);

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Placeholder,
    Entry,
    Tombstone,
    Root,
    Prefix,
    Name,
    Cleared,
    Counter,
}

impl Id {
    pub fn new(kind: Kind, actor: usize) -> Self {
        Id(NonZeroU8::MIN.saturating_add(actor as u8 * 8 + kind as u8))
    }

    /// Returns the number of an actor that draws a number of a kind for the second time.
    pub fn later(actor: usize) -> usize {
        ACTORS + 1 + actor
    }
}

/// The contents of the name, or of the place beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    Nothing,
    Placeholder(Id),
    Entry(Entry),
    Tombstone(Id),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    pub id: Id,
    pub version: Version,
    pub tokens: Tokens,
    pub of: Kin,
}

/// A kind of values: of one of two versions of a function, or of two functions, that share the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kin {
    One,
    Other,
    /// The value of a function that calls the function of the first.
    Outer,
}

/// The tokens of the tags that the name has: the root's and its prefix's. And the name's own, which only
/// entries beside another's and outer entries note, and that of the tag `#cleared` of outer entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tokens {
    pub root: Option<Id>,
    pub prefix: Option<Id>,
    pub name: Option<Id>,
    pub cleared: Option<Id>,
}

/// Some keys. What is done with those that are on one server is one step, and one for each in a cluster.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Keys(u16);

impl Keys {
    pub const NONE: Keys = Keys(0);
    pub const NAME: Keys = Keys(1);
    pub const ROOT: Keys = Keys(2);
    pub const PREFIX: Keys = Keys(4);
    /// The name that is the prefix itself, which no entry has.
    pub const OWN: Keys = Keys(8);
    /// The key under which the identified servers are recorded.
    pub const RUNS: Keys = Keys(16);
    /// No key: a notice that is sent by itself.
    pub const NOTICE: Keys = Keys(32);
    /// The key of a call's entry if an entry of the other kin is under the name.
    pub const BESIDE: Keys = Keys(64);
    /// The token of the name itself.
    pub const NAME_TOKEN: Keys = Keys(128);
    /// The counter of removals.
    pub const COUNTER: Keys = Keys(256);
    /// The key of the entry of an outer function.
    pub const OUTER: Keys = Keys(512);
    /// The token of the tag that all outer entries have.
    pub const CLEARED: Keys = Keys(1024);
    pub const TOKENS: Keys = Keys(2 | 4);
    /// The tokens that an outer entry inherits: those of the inner one, and that of its name.
    pub const INHERITED: Keys = Keys(2 | 4 | 128);
    /// All tokens that an outer entry depends on.
    pub const OF_OUTER: Keys = Keys(2 | 4 | 128 | 1024);
    /// The name, and the tokens of its tags.
    pub const ALL: Keys = Keys(1 | 2 | 4);

    pub fn has(self, some: Keys) -> bool {
        self.0 & some.0 == some.0
    }

    pub fn overlaps(self, others: Keys) -> bool {
        self.0 & others.0 != 0
    }

    pub fn and(self, more: Keys) -> Keys {
        Keys(self.0 | more.0)
    }

    /// Returns those of them that are among others.
    pub fn of(self, others: Keys) -> Keys {
        Keys(self.0 & others.0)
    }

    pub fn without(self, some: Keys) -> Keys {
        Keys(self.0 & !some.0)
    }

    /// Returns one after the other.
    pub fn each(self) -> impl Iterator<Item = Keys> {
        (0..11).map(|bit| Keys(1 << bit)).filter(move |key| self.has(*key))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Redis {
    pub held: Held,
    pub beside: Held,
    pub outer: Held,
    pub tokens: Tokens,
    /// The removals of tokens, where tags are derived.
    pub counter: Option<Count>,
    /// The counter as it was when it was read after the prefix's token.
    pub birth: Option<Count>,
    /// The run of each node's server.
    pub runs: [u8; 2],
    /// The identified runs, a bit for each.
    pub identified: u8,
}

/// The scope of an invalidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Name,
    Prefix,
    /// The prefix, and the name that is the prefix itself.
    PrefixAndOwn,
    /// The whole namespace: the root's token.
    Everything,
}

impl What {
    pub fn keys(self) -> Keys {
        match self {
            What::Name => Keys::NAME,
            What::Prefix => Keys::PREFIX,
            What::PrefixAndOwn => Keys::PREFIX.and(Keys::OWN),
            What::Everything => Keys::ROOT,
        }
    }
}

impl Held {
    pub fn id(self) -> Option<Id> {
        match self {
            Held::Nothing => None,
            Held::Placeholder(id) | Held::Tombstone(id) | Held::Entry(Entry { id, .. }) => Some(id),
        }
    }
}

impl Tokens {
    pub const NONE: Tokens = Tokens { root: None, prefix: None, name: None, cleared: None };

    /// Returns whether all recorded tokens are present and equal.
    pub fn confirm(self, recorded: Tokens) -> bool {
        let equal = |now: Option<Id>, then| now.is_some() && now == then;
        equal(self.root, recorded.root)
            && equal(self.prefix, recorded.prefix)
            && (recorded.name.is_none() || equal(self.name, recorded.name))
            && (recorded.cleared.is_none() || equal(self.cleared, recorded.cleared))
    }

    /// Returns the same of some of them.
    fn confirm_some(self, keys: Keys, recorded: Tokens) -> bool {
        let mut all = recorded;
        all.read(keys, self);
        all.confirm(recorded)
    }

    /// Takes some of them over.
    pub fn read(&mut self, keys: Keys, from: Tokens) {
        if keys.has(Keys::ROOT) {
            self.root = from.root;
        }
        if keys.has(Keys::PREFIX) {
            self.prefix = from.prefix;
        }
        if keys.has(Keys::NAME_TOKEN) {
            self.name = from.name;
        }
        if keys.has(Keys::CLEARED) {
            self.cleared = from.cleared;
        }
    }
}

impl Redis {
    /// A load begins, over the entry that was seen to be stale.
    pub fn begin(
        &mut self,
        model: &Model,
        actor: usize,
        seen: Option<Id>,
        keys: Keys,
        begun: &mut Begun,
    ) {
        let found = self.at(begun.place).id();
        let marks = !model.is_off(Rule::LoadsLeavePlaceholders)
            && !model.is_off(Rule::AbsentEqualsNothing)
            && !model.is_off(Rule::PlaceholdersNotTombstones);
        let free = marks && (found.is_none() || found == seen);
        self.begin_over(free, actor, keys, begun);
    }

    /// The same for a put. A value that is given directly takes the place of whatever is there.
    pub fn begin_put(
        &mut self,
        model: &Model,
        actor: usize,
        known: Known,
        keys: Keys,
        begun: &mut Begun,
    ) {
        let free = known == Known::Before || self.held == Held::Nothing;
        self.begin_over(free && !model.is_off(Rule::PutsCompare), actor, keys, begun);
    }

    fn begin_over(&mut self, free: bool, actor: usize, keys: Keys, begun: &mut Begun) {
        let place = begun.place;
        if keys.has(place) {
            if free {
                *self.at_mut(place) = Held::Placeholder(Id::new(Kind::Placeholder, actor));
            }
            begun.over = self.at(place).id();
        }
        self.note_tokens(actor, keys, &mut begun.tokens);
        self.note_counter(actor, keys, begun);
    }

    /// A put that has its value sets its placeholder over any present state.
    pub fn place(&mut self, actor: usize, keys: Keys, begun: &mut Begun) {
        self.begin_over(true, actor, keys, begun);
    }

    /// Missing ones are made.
    pub fn note_tokens(&mut self, actor: usize, keys: Keys, noted: &mut Tokens) {
        if keys.has(Keys::ROOT) {
            self.tokens.root.get_or_insert(Id::new(Kind::Root, actor));
        }
        if keys.has(Keys::PREFIX) {
            self.tokens.prefix.get_or_insert(Id::new(Kind::Prefix, actor));
        }
        if keys.has(Keys::NAME_TOKEN) {
            self.tokens.name.get_or_insert(Id::new(Kind::Name, actor));
        }
        if keys.has(Keys::CLEARED) {
            self.tokens.cleared.get_or_insert(Id::new(Kind::Cleared, actor));
        }
        noted.read(keys, self.tokens);
    }

    /// A load ends: whether its value is stored by this. Where the tokens are elsewhere they are compared
    /// beside it, and what is stored though one is another is stale.
    pub fn fill(&mut self, model: &Model, actor: usize, keys: Keys, fill: &mut Fill) -> bool {
        let guarded =
            if model.is_put(actor) { Rule::PutsCompare } else { Rule::LoadsLeavePlaceholders };
        let Fill { begun, version, .. } = *fill;
        let current = self.tokens.confirm_some(keys, begun.tokens)
            || model.is_off(guarded)
            || model.is_off(Rule::FillsCompareTokens);
        let place = begun.place;
        let same = self.at(place).id() == begun.over || model.is_off(guarded);
        let stores = keys.has(place) && same && current;
        if stores {
            let (id, of) = (Id::new(Kind::Entry, actor), model.kin_at(actor, place));
            *self.at_mut(place) = Held::Entry(Entry { id, version, tokens: begun.tokens, of });
        }
        fill.left = fill.left.without(keys);
        fill.refused |= !current || keys.has(place) && !same;
        stores
    }

    /// Removes the placeholder of a load that has failed.
    pub fn release(&mut self, actor: usize) {
        for held in [&mut self.held, &mut self.beside, &mut self.outer] {
            for maker in [actor, Id::later(actor)] {
                if *held == Held::Placeholder(Id::new(Kind::Placeholder, maker)) {
                    *held = Held::Nothing;
                }
            }
        }
    }

    pub fn remove(&mut self, model: &Model, actor: usize, keys: Keys) {
        self.raise(model, actor, keys);
        if keys.has(Keys::NAME) {
            self.held = match model.is_off(Rule::PlaceholdersNotTombstones) {
                true => Held::Tombstone(Id::new(Kind::Tombstone, actor)),
                false => Held::Nothing,
            };
        }
        if keys.has(Keys::PREFIX) {
            let token = Id::new(Kind::Prefix, actor);
            self.tokens.prefix = model.is_off(Rule::NoticesCarryNoTokens).then_some(token);
            self.end_birth(model);
        }
        if keys.has(Keys::ROOT) {
            self.tokens.root = None;
        }
        if keys.has(Keys::NAME_TOKEN) {
            self.tokens.name = None;
        }
        if keys.has(Keys::CLEARED) {
            self.tokens.cleared = None;
        }
    }

    pub fn evict(&mut self, model: &Model, key: Keys) {
        match key {
            Keys::NAME | Keys::BESIDE | Keys::OUTER => *self.at_mut(key) = Held::Nothing,
            Keys::COUNTER => self.counter = None,
            token => self.tokens.read(token, Tokens::default()),
        }
        if self.tokens.prefix.is_none() {
            self.end_birth(model);
        }
    }

    /// One page of a scan, and the removal of what it has found.
    pub fn scan(&mut self, model: &Model, place: Keys) {
        let held = self.at_mut(place);
        let spared =
            matches!(held, Held::Placeholder(_)) && model.is_off(Rule::ClearTakesPlaceholders);
        if !spared {
            *held = Held::Nothing;
        }
    }

    /// Returns the contents of the name, or of the place beside it.
    pub fn at(&self, place: Keys) -> Held {
        match place {
            Keys::BESIDE => self.beside,
            Keys::OUTER => self.outer,
            _ => self.held,
        }
    }

    pub fn at_mut(&mut self, place: Keys) -> &mut Held {
        match place {
            Keys::BESIDE => &mut self.beside,
            Keys::OUTER => &mut self.outer,
            _ => &mut self.held,
        }
    }

    /// Returns whether the present run of a node is identified.
    pub fn knows(&self, node: Node) -> bool {
        self.identified & self.run_of(node) != 0
    }

    /// Records these nodes as identified.
    pub fn keep_known(&mut self, nodes: Nodes) {
        for node in nodes.each() {
            self.identified |= self.run_of(node);
        }
    }

    fn run_of(&self, node: Node) -> u8 {
        1 << (node as u8 * 4 + self.runs[node])
    }

    /// Returns the part of the state that is on one node.
    pub fn part(&self, model: &Model, node: Node) -> Redis {
        let mut part = Redis {
            held: Held::Nothing,
            beside: Held::Nothing,
            outer: Held::Nothing,
            tokens: Tokens::default(),
            counter: None,
            birth: None,
            runs: [0; 2],
            identified: 0,
        };
        part.take_over(model, node, self);
        part
    }

    /// A node comes back with what it had.
    pub fn take_over(&mut self, model: &Model, node: Node, from: &Redis) {
        let is_there = |key| model.program.servers.node_of(key) == node;
        if is_there(Keys::NAME) {
            self.held = from.held;
        }
        if is_there(Keys::BESIDE) {
            self.beside = from.beside;
        }
        if is_there(Keys::OUTER) {
            self.outer = from.outer;
        }
        for token in Keys::OF_OUTER.each().filter(|token| is_there(*token)) {
            self.tokens.read(token, from.tokens);
        }
        if is_there(Keys::PREFIX) {
            self.birth = from.birth;
        }
        if is_there(Keys::COUNTER) {
            self.counter = from.counter;
        }
        if is_there(Keys::RUNS) {
            self.identified = from.identified;
        }
    }
}
