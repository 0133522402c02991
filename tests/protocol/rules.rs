//! The rules of the protocol, each of which can be switched off, and who takes part.

use crate::redis::{Keys, Kin, What};
use crate::state::{ACTORS, Mishaps, Node, Nodes, Notice, World};

/// The rules of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A load notes the tokens before its body.
    TokensNotedFirst,
    /// A load sets a placeholder and stores over it. Otherwise: a plain SET.
    LoadsLeavePlaceholders,
    /// A load that found nothing has a placeholder to store over. Otherwise: it stores over nothing.
    AbsentEqualsNothing,
    /// Placeholders of loads. Otherwise: an invalidated name gets a tombstone.
    PlaceholdersNotTombstones,
    /// A fill looks at the tokens, too.
    FillsCompareTokens,
    /// A read notes its tags before it reads the entry in Redis. Otherwise: before their tokens are
    /// compared.
    TagsNotedBeforeGet,
    /// An invalidation's local half comes after Redis.
    RedisFirst,
    /// There is a local half: one's own notices are skipped.
    OwnGenerations,
    /// The notice goes out together with the removal. Otherwise: before it.
    RemovedWhenPublished,
    /// A fetched token is cached only if its tag has not been invalidated since before.
    TokenCacheNotesFirst,
    /// A notice says what is invalid. Otherwise: which token is valid.
    NoticesCarryNoTokens,
    /// A copy in memory depends on the generations that were noted before the read of Redis.
    CopiesNoteFirst,
    /// After an interruption of the feed nothing from before counts.
    NewEpochAfterInterruption,
    /// The new epoch begins when nothing is missed any more. Otherwise: before the subscription.
    EpochAfterSubscription,
    /// Copies and cached tokens count only while the lease holds.
    LeaseCounts,
    /// A read that bypasses memory because the lease has ended makes the contents of memory stale.
    BypassEndsMemory,
    /// An invalidation that Redis has not confirmed is pending.
    UnconfirmedIsPending,
    /// It is recorded as pending before the local half. Otherwise: after it.
    PendingFirst,
    /// A key whose removal is pending is not read in Redis.
    PendingKeysAreNotRead,
    /// Nor for a token. Otherwise: only for no name.
    PendingTagsAreNotRead,
    /// Nor for a name. Otherwise: only for no token.
    PendingNamesAreNotRead,
    /// A pending removal is published when it is sent.
    ReplaysPublish,
    /// If a process identifies a new server, it removes the root token.
    NewServerLosesRoot,
    /// After an outage Redis is read only in a new epoch.
    NewEpochAfterOutage,
    /// A `clear` removes placeholders.
    ClearTakesPlaceholders,
    /// After its scan of Redis, a `clear` stops the loads of its process once more. Otherwise: only before.
    ClearStopsLoadsAfterwards,
    /// After its scan of Redis, a `clear` removes matching copies. Otherwise: only before.
    ClearLooksAfterwards,
    /// A process that receives a `clear` stops its loads.
    ReceiversStopLoads,
    /// Nothing comes between a last look at the generations and the insertion into memory.
    InsertsAtOnce,
    /// A put takes from loads that began before it the right to store in memory.
    PutsStopLoads,
    /// A put compares placeholder and tokens.
    PutsCompare,
    /// A put is published.
    PutsPublish,
    /// A put that is overtaken removes what is there.
    OvertakenPutsRemove,
    /// A put into memory depends on what was noted before it began.
    PutsNoteFirst,
    /// So does one that Redis has not confirmed. Otherwise: on the state when that is known.
    UnconfirmedPutsNoteFirst,
    /// A server that was unavailable for a while has a new identity when it is back.
    ServersComeBackNew,
    /// If a process identifies a new server, it first removes the root token, and then records the
    /// server as known. Otherwise: the other way round.
    RootGoesFirst,
    /// The feed subscribes to every node. Otherwise: to the first.
    FeedSubscribesToAll,
    /// The lease is renewed when every node has answered. Otherwise: when the first has.
    LeaseNeedsAll,
    /// A removal on a node is published there, in the same step. Otherwise: by the first node, beside
    /// it.
    NoticeFromItsNode,
    /// An invalidation of several keys has ended when all are removed. Otherwise: when one is.
    AllAreConfirmed,
    /// An entry that is stored beside another's notes the token of the name.
    EntriesBesideNoteTheName,
    /// A removal of a name removes its token, too.
    RemovalsTakeTheNameToken,
    /// So does a put.
    PutsTakeTheNameToken,
    /// A `clear` removes entries beside a name, even if the name is absent.
    ClearTakesWhatIsBeside,
    /// A forked process has a number of its own, so it does not skip its parent's notices as its own.
    ForksHaveTheirOwnNumber,
    /// A forked process has a feed of its own. Otherwise: it reads answers from its parent's connection,
    /// and the parent reads the notices.
    ForksHaveTheirOwnFeed,
    /// A forked process begins a new epoch when it is found to be one. Otherwise: when Redis is used again.
    ForksBeginAnEpoch,
}

/// One of the two processes.
pub type Place = usize;

/// The role of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Call(Place),
    /// A call that can use only values of the other kin, as another version of the function.
    Other(Place),
    /// A call in mode `redis`: it reads neither memory nor the token cache.
    Direct(Place),
    Invalidate(Place, What),
    Put(Place, Known),
    Clear(Place),
}

/// The moment at which the value of a put is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is given, as in a direct put: it counts as the newest there is when the put begins.
    Before,
    /// It is what a body returns, which runs when the put has begun.
    Within,
}

/// The state at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing is anywhere.
    Cold,
    /// The value is in Redis.
    Stored,
    /// The value is in Redis, and both processes have its tokens in their token caches.
    TokensCached,
    /// The same, and both have a copy in memory.
    Warm,
}

/// The distribution of the keys over servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// All on one server.
    One,
    /// On the nodes of a cluster: the tokens are not where the name is.
    TokensApart,
    /// The token of the prefix is not where the name and the root's token are.
    PrefixApart,
    /// The root's token is not where the name and the prefix's token are.
    RootApart,
}

/// The actors, and the faults that may happen.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub servers: Servers,
    pub start: Start,
    pub roles: &'static [Role],
    pub mishaps: Mishaps,
}

/// A program, and the rule that is switched off, if one is.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    pub program: Program,
    pub off: Option<Rule>,
}

impl Role {
    pub fn place(self) -> Place {
        match self {
            Role::Call(place)
            | Role::Direct(place)
            | Role::Other(place)
            | Role::Invalidate(place, _)
            | Role::Put(place, _)
            | Role::Clear(place) => place,
        }
    }
}

impl Servers {
    pub fn nodes(self) -> Nodes {
        if self == Servers::One { Nodes::FIRST } else { Nodes::BOTH }
    }

    /// Returns the node that has a key. The identified servers are recorded where the root's token is not.
    pub fn node_of(self, key: Keys) -> Node {
        let apart = match self {
            Servers::One => Keys::NONE,
            Servers::TokensApart => Keys::TOKENS.and(Keys::BESIDE),
            Servers::PrefixApart => Keys::PREFIX.and(Keys::RUNS),
            Servers::RootApart => Keys::ROOT,
        };
        apart.has(key).into()
    }

    pub fn nodes_of(self, keys: Keys) -> Nodes {
        keys.each().map(|key| self.node_of(key)).collect()
    }
}

impl Model {
    pub fn is_off(&self, rule: Rule) -> bool {
        self.off == Some(rule)
    }

    pub fn role(&self, actor: usize) -> Role {
        self.program.roles[actor]
    }

    pub fn is_put(&self, actor: usize) -> bool {
        matches!(self.role(actor), Role::Put(..))
    }

    /// Returns what a writer removes.
    pub fn what(&self, actor: usize) -> What {
        match self.role(actor) {
            Role::Invalidate(_, what) => what,
            _ => What::Name,
        }
    }

    /// Returns the same as keys.
    pub fn removed(&self, actor: usize) -> Keys {
        let mut keys = self.what(actor).keys();
        if keys.has(Keys::NAME) && self.takes_name_token(Rule::RemovalsTakeTheNameToken) {
            keys = keys.and(Keys::NAME_TOKEN);
        }
        if self.is_off(Rule::NoticeFromItsNode) { keys.and(Keys::NOTICE) } else { keys }
    }

    /// Returns the keys that a put writes or compares: the value, and the tokens that must be
    /// unchanged.
    pub fn filled(&self, actor: usize) -> Keys {
        match self.is_put(actor) && self.takes_name_token(Rule::PutsTakeTheNameToken) {
            true => Keys::ALL.and(Keys::NAME_TOKEN),
            false => Keys::ALL,
        }
    }

    fn takes_name_token(&self, rule: Rule) -> bool {
        self.is_shared() && !self.is_off(rule)
    }

    /// Returns whether two kins share the name. Otherwise there is never an entry beside it.
    pub fn is_shared(&self) -> bool {
        self.program.roles.iter().any(|role| matches!(role, Role::Other(_)))
    }

    /// Returns the keys that a `clear` scans.
    pub fn scanned(&self) -> Keys {
        match self.is_shared() && !self.is_off(Rule::ClearTakesWhatIsBeside) {
            true => Keys::NAME.and(Keys::BESIDE),
            false => Keys::NAME,
        }
    }

    pub fn kin(&self, actor: usize) -> Kin {
        if matches!(self.role(actor), Role::Other(_)) { Kin::Other } else { Kin::One }
    }

    /// Returns the keys that a call reads if it looks everywhere.
    pub fn looked_at(&self) -> Keys {
        match self.is_shared() {
            true => Keys::ALL.and(Keys::BESIDE).and(Keys::NAME_TOKEN),
            false => Keys::ALL,
        }
    }

    /// Returns whether an invalidation begins with the removal.
    pub fn removes_at_once(&self, actor: usize) -> bool {
        matches!(self.role(actor), Role::Invalidate(..))
            && !self.is_off(Rule::RedisFirst)
            && !self.is_off(Rule::RemovedWhenPublished)
    }

    /// Returns whether the feed subscribes to this node.
    pub fn subscribes_to(&self, node: Node) -> bool {
        node == 0 || !self.is_off(Rule::FeedSubscribesToAll)
    }

    /// Returns the steps in which something is done with these keys.
    pub fn parts(&self, keys: Keys) -> impl Iterator<Item = Keys> {
        let at_once = self.program.servers == Servers::One || keys == Keys::NONE;
        let each = keys.each().filter(move |_| !at_once);
        at_once.then_some(keys).into_iter().chain(each)
    }

    /// Returns whether the second process is a child of the first.
    pub fn has_forked(&self, world: &World) -> bool {
        self.program.mishaps.forks > world.left.forks
    }

    /// Returns the node that publishes a notice.
    pub fn source_of(&self, notice: Notice) -> Node {
        let key = match notice {
            Notice::First(_) if self.is_off(Rule::NoticeFromItsNode) => Keys::NOTICE,
            Notice::First(writer) | Notice::Again(writer) => match self.role(writer) {
                Role::Clear(_) => Keys::ROOT,
                _ => self.what(writer).keys().without(Keys::OWN),
            },
            Notice::NewServer => Keys::ROOT,
        };
        self.program.servers.node_of(key)
    }

    pub fn nodes(&self) -> Nodes {
        self.program.servers.nodes()
    }

    pub fn actors(&self) -> std::ops::Range<usize> {
        assert!(self.program.roles.len() <= ACTORS);
        0..self.program.roles.len()
    }
}
