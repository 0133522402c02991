//! The rules of the protocol, each of which can be switched off, and who takes part.

use crate::redis::{Keys, Kin, What};
use crate::state::{ACTORS, Begun, Mishaps, Node, Nodes, Notice, World};

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
    /// A tag that is derived from the value is recorded only if its token has existed since before the body.
    /// Otherwise: it is noted after the body.
    DerivedTagsAreFenced,
    /// For this a load notes the counter of removals before its body. Otherwise: after it.
    CounterNotedFirst,
    /// A token that was made later than the counter was noted is not recorded.
    BirthsAreCompared,
    /// A birth ends with its token. Otherwise: it is that of the next token, too.
    BirthsEndWithTokens,
    /// A counter that is made has a new identity. Otherwise: it only begins at zero.
    CountersHaveIdentities,
    /// A counter that was noted counts on that run of its server. Otherwise: also when the server has come back.
    CountersBelongToRuns,
    /// A token without a birth, such as a new one, is recorded only if nothing was removed. Otherwise: always.
    UnbornTokensNeedTheCounter,
    /// After the body, the counter is read when the token has been noted. Otherwise: before.
    CounterReadLast,
    /// A birth is the counter that was read after the token. Otherwise: the one that was noted before the body.
    BirthsAreRead,
    /// A birth is recorded only if the token is the one that was noted. Otherwise: that token is stored with it.
    StampsCompare,
    /// A removal of such a tag raises the counter.
    RemovalsCount,
    /// On another node, this is confirmed before the removal. Otherwise: it may also follow it.
    CountedInTime,
    /// So does the removal of a token that is absent.
    AbsentTagsCount,
    /// A copy in memory depends on the generation that its derived tag had before the body. Otherwise: after it.
    DerivedCopiesNoteFirst,
    /// An outer call notes the token of an inner name before it reads the inner entry. Otherwise: after it.
    InnerNameNotedFirst,
    /// An outer entry records the tokens that the inner entry records. Otherwise: those that are read when its value is
    /// known.
    InnerTokensAsRecorded,
    /// An inner call does not use copies in memory, which have no tokens.
    InnerCallsSkipCopies,
    /// An inner call that has joined a load reads what that load has stored. Otherwise: it takes the value of the load.
    InnerFollowersReadAgain,
    /// A removal of a name precedes that of its token. Otherwise: in any order.
    NamesGoFirst,
    /// A `clear` removes the token of all outer entries after its scan. Otherwise: before it.
    ClearedGoesLast,
    /// An outer call notes that token before its body. Otherwise: after it.
    ClearedNotedFirst,
    /// A `clear` raises the generation of all outer entries after it has removed matching copies. Otherwise: before.
    ClearedRaisedLast,
    /// A process that receives a pattern raises it, too: the notice of the token may have arrived before.
    ReceiversRaiseCleared,
    /// A put raises the generation of what depends on its name in its own process.
    PutsRaiseDependents,
    /// It does so when the value is in memory. Otherwise: before.
    ReplacedFirst,
    /// A copy of an outer value depends on the generations that were noted before the inner call. Otherwise: after it.
    OuterCopiesNoteInnerFirst,
    /// A value whose entry would record two tokens for one tag is not stored.
    TagsHaveOneToken,
    /// A late put, whose name is known after its body, waits until the notices have been received that were published
    /// before its placeholder was set. Otherwise: it waits for none.
    LatePutsAwaitNotices,
    /// It sets its placeholder before it waits. Otherwise: after it.
    LatePlaceholdersFirst,
    /// For this it notes before its body what counts in its process. Otherwise: after it.
    LatePutsNoteFirst,
    /// It is not stored if the epoch is another one.
    LatePutsCompareEpochs,
    /// It notes the root's token before its body. Otherwise: when it sets its placeholder.
    LateRootNotedFirst,
    /// A writer marks its name in its own process before it changes Redis. Otherwise: when it raises the generation.
    WritersMarkFirst,
    /// A `clear` publishes its pattern before its scan, too.
    ClearsAnnounceFirst,
    /// A load asks the source about the old value after it has noted the tokens. Otherwise: when it has the value.
    OldValuesAskedLast,
}

/// One of the two processes.
pub type Place = usize;

/// The role of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Call(Place),
    /// A call for which every entry is past its TTL. Its load asks the source about the old value.
    Renews(Place),
    /// A call that can use only values of the other kin, as another version of the function.
    Other(Place),
    /// A call in mode `redis`: it reads neither memory nor the token cache.
    Direct(Place),
    /// A call of the outer function, whose body calls the inner one.
    Outer(Place),
    /// The same in mode `redis`.
    DirectOuter(Place),
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
    /// The same, and the name is known after the body only: a late put.
    Late,
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
    /// Nothing is anywhere but the counter of removals, whose node has a snapshot from before the last
    /// removal.
    Counted,
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
    /// The token of the name is not where the name is.
    NameTokenApart,
    /// The counter of removals is not where the tokens are.
    CounterApart,
}

/// The actors, and the faults that may happen.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub servers: Servers,
    pub start: Start,
    pub roles: &'static [Role],
    pub mishaps: Mishaps,
    pub tag: Tag,
}

/// The tag that the prefix stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    Prefix,
    /// It is derived from the value.
    Derived,
    /// The outer function has it, too.
    Shared,
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
            | Role::Renews(place)
            | Role::Direct(place)
            | Role::Other(place)
            | Role::Outer(place)
            | Role::DirectOuter(place)
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
            Servers::TokensApart => {
                Keys::TOKENS.and(Keys::COUNTER).and(Keys::BESIDE).and(Keys::CLEARED)
            }
            Servers::PrefixApart => {
                Keys::PREFIX.and(Keys::COUNTER).and(Keys::RUNS).and(Keys::CLEARED)
            }
            Servers::RootApart => Keys::ROOT,
            Servers::NameTokenApart => Keys::NAME_TOKEN.and(Keys::OUTER),
            Servers::CounterApart => Keys::COUNTER.and(Keys::RUNS),
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
        if keys.has(Keys::PREFIX) {
            keys = keys.and(self.counted_apart());
        }
        if self.is_off(Rule::NoticeFromItsNode) { keys.and(Keys::NOTICE) } else { keys }
    }

    /// Returns the keys with which a load or put begins.
    pub fn begun(&self, actor: usize, begun: Begun) -> Keys {
        if self.is_off(Rule::TokensNotedFirst) {
            return begun.place;
        }
        if self.is_late(actor) {
            return self.begun_late();
        }
        if begun.place == Keys::OUTER {
            return match self.is_off(Rule::ClearedNotedFirst) {
                true => self.known(actor).without(Keys::CLEARED),
                false => self.known(actor),
            };
        }
        let keys = begun.keys(self);
        match (self.derives(actor), self.is_off(Rule::CounterNotedFirst)) {
            (true, true) => keys.without(Keys::PREFIX),
            (true, false) => keys.without(Keys::PREFIX).and(Keys::COUNTER),
            (false, _) => keys,
        }
    }

    /// Returns the keys that a load or put writes or compares in the end: the value, and the tokens that must be
    /// unchanged.
    pub fn filled(&self, actor: usize, begun: Begun) -> Keys {
        match self.is_put(actor) && self.takes_name_token(Rule::PutsTakeTheNameToken) {
            true => begun.keys(self).and(Keys::NAME_TOKEN),
            false => begun.keys(self),
        }
    }

    fn takes_name_token(&self, rule: Rule) -> bool {
        (self.is_shared() || self.inherits()) && !self.is_off(rule)
    }

    /// Returns whether two kins share the name. Otherwise there is never an entry beside it.
    pub fn is_shared(&self) -> bool {
        self.program.roles.iter().any(|role| matches!(role, Role::Other(_)))
    }

    /// Returns the keys that a `clear` scans.
    pub fn scanned(&self) -> Keys {
        if self.is_shared() && !self.is_off(Rule::ClearTakesWhatIsBeside) {
            return Keys::NAME.and(Keys::BESIDE);
        }
        Keys::NAME
    }

    pub fn kin(&self, actor: usize) -> Kin {
        match self.role(actor) {
            Role::Other(_) => Kin::Other,
            Role::Outer(_) | Role::DirectOuter(_) => Kin::Outer,
            _ => Kin::One,
        }
    }

    /// Returns the kin of a value that an actor stores under this key.
    pub fn kin_at(&self, actor: usize, place: Keys) -> Kin {
        match self.kin(actor) {
            Kin::Outer if place == Keys::NAME => Kin::One,
            kin => kin,
        }
    }

    /// Returns the keys that a call reads at first if it looks everywhere.
    pub fn looked_at(&self, actor: usize) -> Keys {
        match self.is_shared() {
            true => self.known(actor).and(Keys::BESIDE).and(Keys::NAME_TOKEN),
            false => self.known(actor),
        }
    }

    /// Returns whether an invalidation begins with the removal.
    pub fn removes_at_once(&self, actor: usize) -> bool {
        matches!(self.role(actor), Role::Invalidate(..))
            && !self.is_off(Rule::RedisFirst)
            && !self.is_off(Rule::RemovedWhenPublished)
            && !self.has_late_puts()
    }

    /// Returns whether the feed subscribes to this node.
    pub fn subscribes_to(&self, node: Node) -> bool {
        node == 0 || !self.is_off(Rule::FeedSubscribesToAll)
    }

    /// Returns the steps in which something is done with these keys. The counter has a request of its own.
    pub fn parts(&self, keys: Keys) -> impl Iterator<Item = Keys> {
        let at_once = self.program.servers == Servers::One || keys == Keys::NONE;
        let each = keys.each().filter(move |_| !at_once);
        let (others, counter) = (keys.without(Keys::COUNTER), keys.of(Keys::COUNTER));
        let is_first = others != Keys::NONE || counter == Keys::NONE;
        let first = (at_once && is_first).then_some(others);
        let second = (at_once && counter != Keys::NONE).then_some(counter);
        first.into_iter().chain(second).chain(each)
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
            Notice::NewServer | Notice::Clears(_) => Keys::ROOT,
            Notice::Cleared(_) => Keys::CLEARED,
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
