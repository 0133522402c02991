//! The state of the model: the servers, the processes and the actors in them.

use std::fmt;

use crate::derived::{Count, Derived};
use crate::inherited::OuterLoad;
use crate::redis::{Entry, Held, Id, Keys, Kin, Redis, Tokens};
use crate::rules::{Model, Rule};

/// A version of the data: how many writes have been made.
pub type Version = u8;

/// The maximum number of actors.
pub const ACTORS: usize = 4;

/// A set of actors, a bit for each.
pub type Actors = u8;

/// The whole state. Two that are equal go on in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub data: Version,
    pub redis: Redis,
    /// The data with which each node comes back after a rollback.
    pub snapshots: [Option<Redis>; 2],
    pub processes: [Process; 2],
    pub actors: [Actor; ACTORS],
    pub left: Mishaps,
    /// The version that each writer has written.
    pub written: [Version; ACTORS],
    /// The actors whose removal is confirmed by Redis.
    pub confirmed: Actors,
}

/// One of the two nodes of a cluster; one server alone is the first.
pub type Node = usize;

/// Some of the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nodes(u8);

impl Nodes {
    pub const NONE: Nodes = Nodes(0);
    pub const FIRST: Nodes = Nodes(1);
    pub const BOTH: Nodes = Nodes(3);

    pub fn has(self, node: Node) -> bool {
        self.0 & (1 << node) != 0
    }

    pub fn overlaps(self, others: Nodes) -> bool {
        self.0 & others.0 != 0
    }

    pub fn with(self, node: Node) -> Nodes {
        Nodes(self.0 | 1 << node)
    }

    pub fn without(self, others: Nodes) -> Nodes {
        Nodes(self.0 & !others.0)
    }

    pub fn each(self) -> impl Iterator<Item = Node> {
        (0..2).filter(move |node| self.has(*node))
    }
}

impl FromIterator<Node> for Nodes {
    fn from_iter<I: IntoIterator<Item = Node>>(nodes: I) -> Self {
        nodes.into_iter().fold(Nodes::NONE, Nodes::with)
    }
}

/// The number of faults of each kind that may still happen.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Mishaps {
    /// A key in Redis is evicted, or its time is over.
    pub evictions: u8,
    /// A notice is received twice.
    pub doubles: u8,
    /// The feed's connection is lost.
    pub interruptions: u8,
    /// The lease ends though the connection is there.
    pub lapses: u8,
    /// The answer to an invalidation does not come.
    pub silences: u8,
    /// A server is another one, with older data.
    pub rollbacks: u8,
    /// A process loses a connection over which it asks Redis, and not its feed.
    pub cuts: u8,
    /// A body fails.
    pub failures: u8,
    /// The second process begins as a child of the first one.
    pub forks: u8,
    /// Memory needs the place of an inner copy.
    pub drops: u8,
}

impl fmt::Debug for Mishaps {
    /// Only those that there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mishaps {
            evictions,
            doubles,
            interruptions,
            lapses,
            silences,
            rollbacks,
            cuts,
            failures,
            forks,
            drops,
        } = *self;
        let kinds = [
            ("evictions", evictions),
            ("doubles", doubles),
            ("interruptions", interruptions),
            ("lapses", lapses),
            ("silences", silences),
            ("rollbacks", rollbacks),
            ("cuts", cuts),
            ("failures", failures),
            ("forks", forks),
            ("drops", drops),
        ];
        f.debug_map().entries(kinds.into_iter().filter(|(_, number)| *number > 0)).finish()
    }
}

/// Of the generations that were noted those that are still the present ones. They only grow, so
/// one that is not will never be again: nothing else about the numbers matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Noted(u8);

impl Noted {
    /// The name, and what depends on it.
    pub const NAME: Noted = Noted(1 | 64);
    pub const PREFIX: Noted = Noted(2);
    pub const EPOCH: Noted = Noted(4);
    pub const SWEEPS: Noted = Noted(8);
    pub const PUTS: Noted = Noted(16);
    /// The tag that all outer entries have.
    pub const CLEARED: Noted = Noted(32);
    /// The copies that depend on the name, without the entries under it, which a put replaces.
    pub const DEPENDENTS: Noted = Noted(64);
    /// No writer of this process is about to change the name, and none has changed it.
    pub const MARK: Noted = Noted(128);
    pub const NONE: Noted = Noted(0);
    /// The state that an entry in memory depends on.
    pub const STAMPS: Noted = Noted(1 | 2 | 4);
    /// The state that an outer entry depends on because of the inner one.
    pub const INNER: Noted = Noted(2 | 64);
    /// All that an outer entry in memory depends on.
    pub const OUTER_STAMPS: Noted = Noted(2 | 4 | 32 | 64);
    /// The additional state that a load needs to store.
    pub const RIGHTS: Noted = Noted(8 | 16);
    pub const ALL: Noted = Noted(1 | 2 | 4 | 8 | 16);
    /// All that a late put notes.
    pub const LATE: Noted = Noted(1 | 2 | 4 | 8 | 16 | 128);

    pub fn has(self, some: Noted) -> bool {
        self.0 & some.0 == some.0
    }

    fn overlaps(self, others: Noted) -> bool {
        self.0 & others.0 != 0
    }

    pub fn gain(&mut self, some: Noted) {
        self.0 |= some.0;
    }

    fn lose(&mut self, some: Noted) {
        self.0 &= !some.0;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// The copy in memory; gone as soon as its generations are not the present ones.
    pub memory: Option<Version>,
    /// The same of the other's value.
    pub other: Option<Version>,
    /// The same of the outer value.
    pub outer: Option<Version>,
    /// The tokens that are in the token cache; gone in the same way.
    pub token_cache: Tokens,
    pub lease: bool,
    /// The lease has ended, and what memory held then still counts in an outage.
    pub lapsed: bool,
    pub feed: Feed,
    pub link: Link,
    /// The nodes to which its connection is lost, though it does not know that yet.
    pub lost: Nodes,
    /// Notices that are on their way.
    pub inbox: Notices,
    /// Those that have been received and arrive once more: no answer to a ping waits for them.
    pub echoes: Notices,
    /// Writers whose bound has not passed here: their notice has not been received, and the
    /// lease has held ever since.
    pub behind: Actors,
    /// Writers whose removal is pending to Redis.
    pub journal: Actors,
    /// The oldest version that a read that begins now may return.
    pub required: Version,
    /// The same in an outage, when notices of others cannot be received: what was written here, and
    /// what a read has returned that went past memory.
    pub known: Version,
}

/// The connection over which notices come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feed {
    Disconnected,
    /// Notices arrive, and what memory held before still counts.
    Subscribed,
    Connected,
}

/// The connection for requests to Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// It is the parent's, and the process has not found that out yet.
    Parents,
    Down,
    /// One of the servers is not identified: the root's token must be removed.
    Removes,
    /// They must be recorded as identified; `true` if the root's token must be removed after that.
    Keeps(bool),
    Identified,
    Up,
}

/// Notices on their way to a process: those of each writer, those of each writer that were sent
/// again from the journal, that of a new server, and those that outer entries are cleared. In no order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Notices(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    First(usize),
    Again(usize),
    NewServer,
    /// The second notice of a `clear`: all outer entries are stale.
    Cleared(usize),
    /// The notice of a `clear` before its scan.
    Clears(usize),
}

impl Notice {
    fn bit(self) -> u32 {
        match self {
            Notice::First(writer) => 1 << writer,
            Notice::Again(writer) => 1 << (ACTORS + writer),
            Notice::NewServer => 1 << (2 * ACTORS),
            Notice::Cleared(writer) => 1 << (2 * ACTORS + 1 + writer),
            Notice::Clears(writer) => 1 << (3 * ACTORS + 1 + writer),
        }
    }
}

impl Notices {
    pub fn add(&mut self, notice: Notice) {
        self.0 |= notice.bit();
    }

    pub fn remove(&mut self, notice: Notice) {
        self.0 &= !notice.bit();
    }

    pub fn has(self, notice: Notice) -> bool {
        self.0 & notice.bit() != 0
    }

    pub fn with(self, more: Notices) -> Notices {
        Notices(self.0 | more.0)
    }

    pub fn all(self) -> impl Iterator<Item = Notice> {
        let each = |i| [Notice::First(i), Notice::Again(i), Notice::Cleared(i), Notice::Clears(i)];
        let writers = (0..ACTORS).flat_map(each);
        writers.chain([Notice::NewServer]).filter(move |notice| self.has(*notice))
    }
}

/// A call or a writer under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    pub at: At,
    /// The state that it noted before it read the entry in Redis, or before its load.
    pub noted: Noted,
    /// The state that it noted before it fetched tokens from Redis.
    pub fetched: Noted,
    /// The oldest version that it may return.
    pub required: Version,
    /// It goes past memory, since the lease has ended.
    pub bypasses: bool,
    /// The version that its load has at hand, about which it asks the source.
    pub old: Option<Version>,
}

/// The next step of an actor. A step is one script of Redis, one command, or the work of a process
/// between two of them. Keys are those that have not been handled yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    Starts,
    // A call.
    Gets,
    Judges(Held),
    Fetches(Entry, Tokens, Keys),
    Compares(Entry, Tokens),
    Reads(Found, Keys),
    Begins(Option<Id>, Begun, Keys),
    Loads(Begun),
    NotesTokens(Begun, Version, Keys),
    /// If tags are derived, the body has read this version.
    NotesCounter(Begun, Version),
    NotesTag(Derived),
    ReadsCounter(Derived),
    Stamps(Derived),
    // The body of an outer function calls the inner one.
    ReadsInner(OuterLoad, Held, Tokens, Keys),
    FetchesInner(OuterLoad, Entry, Tokens, Keys),
    BeginsInner(OuterLoad, Option<Id>, Begun, Keys),
    LoadsInner(OuterLoad, Begun),
    FillsInner(OuterLoad, Fill),
    NotesInner(OuterLoad, Version, Keys),
    Fills(Fill),
    Keeps(Version),
    Inserts(Version),
    LooksAgain,
    LoadsAlone,
    // A writer.
    Removes(Keys),
    Queues,
    Bumps,
    QueuesLate,
    // A put, which begins and fills like a load.
    Writes(Begun),
    // A late put, when its body has ended.
    Places(Begun),
    Awaits(Begun),
    QueuesValue,
    Overtakes(Version),
    Replaces(Version),
    // A clearing, and whether there was a copy in memory when it began.
    Warns(bool),
    Scans(bool, Keys),
    Announces(bool),
    RemovesCleared(bool),
    ScansMemory(bool),
    BumpsCleared(bool),
    Done,
}

/// The state that a load noted in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Begun {
    /// The key under which the value is stored.
    pub place: Keys,
    /// The state to store over.
    pub over: Option<Id>,
    pub tokens: Tokens,
    /// The counter, and the runs of the servers then.
    pub counter: Option<(Count, [u8; 2])>,
}

/// The contents of the name and of the place beside it, and the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    pub held: Held,
    pub beside: Held,
    pub tokens: Tokens,
}

impl Found {
    pub const NOTHING: Found =
        Found { held: Held::Nothing, beside: Held::Nothing, tokens: Tokens::NONE };
}

impl Begun {
    pub fn at(place: Keys) -> Self {
        Begun { place, over: None, tokens: Tokens::NONE, counter: None }
    }

    pub fn tokens(self, model: &Model) -> Keys {
        match self.place {
            Keys::OUTER => Keys::OF_OUTER,
            Keys::BESIDE if !model.is_off(Rule::EntriesBesideNoteTheName) => Keys::INHERITED,
            _ => Keys::TOKENS,
        }
    }

    pub fn keys(self, model: &Model) -> Keys {
        self.tokens(model).and(self.place)
    }
}

/// A load or put that ends in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fill {
    pub begun: Begun,
    pub version: Version,
    /// The keys that have not been handled yet.
    pub left: Keys,
    /// The placeholder or a token has changed.
    pub refused: bool,
}

impl Fill {
    pub fn new(begun: Begun, version: Version, left: Keys) -> Self {
        Fill { begun, version, left, refused: false }
    }
}

impl Actor {
    pub const NEW: Actor = Actor {
        at: At::Starts,
        noted: Noted(0),
        fetched: Noted(0),
        required: 0,
        bypasses: false,
        old: None,
    };
    pub const DONE: Actor = Actor { at: At::Done, ..Actor::NEW };

    pub fn bump(&mut self, what: Noted) {
        self.noted.lose(what);
        self.fetched.lose(what);
        if what.has(Noted::NAME) || what.has(Noted::PUTS) {
            self.noted.lose(Noted::MARK);
        }
    }
}

impl Process {
    /// Something is invalidated here: what noted it is stale, and no tag of it is cached.
    pub fn bump(&mut self, what: Noted) {
        if what.overlaps(Noted::STAMPS) {
            self.memory = None;
            self.other = None;
        }
        if what.overlaps(Noted::OUTER_STAMPS) {
            self.outer = None;
        }
        match what {
            Noted::EPOCH => {
                self.lapsed = false;
                self.token_cache = Tokens::default();
            }
            Noted::PREFIX => self.token_cache.prefix = None,
            Noted::NAME | Noted::DEPENDENTS => self.token_cache.name = None,
            Noted::CLEARED => self.token_cache.cleared = None,
            _ => {}
        }
    }

    /// Returns the copy that a call may use.
    pub fn copy_of(&mut self, of: Kin) -> &mut Option<Version> {
        match of {
            Kin::One => &mut self.memory,
            Kin::Other => &mut self.other,
            Kin::Outer => &mut self.outer,
        }
    }
}
