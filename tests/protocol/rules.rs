//! The rules of the protocol, each of which can be switched off, and who takes part.

use crate::redis::What;
use crate::state::{ACTORS, Mishaps};

/// What the protocol holds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A load notes the tokens before its body.
    TokensNotedFirst,
    /// A load leaves a mark and stores over that. Otherwise: a plain SET.
    LoadsLeaveMarks,
    /// A load that found nothing has a mark to store over. Otherwise: it stores over nothing.
    AbsentEqualsNothing,
    /// Marks of loads. Otherwise: an invalidated name gets a tombstone.
    MarksNotTombstones,
    /// A fill looks at the tokens, too.
    FillsCompareTokens,
    /// A read notes its tags before it asks Redis for the entry. Otherwise: before their tokens are
    /// compared.
    TagsNotedBeforeGet,
    /// An invalidation's local half comes after Redis.
    RedisFirst,
    /// There is a local half: one's own notices are skipped.
    OwnGenerations,
    /// The notice goes out together with the removal. Otherwise: before it.
    RemovedWhenPublished,
    /// A fetched token is mirrored only if its tag has not been invalidated since before.
    MirrorNotesFirst,
    /// A notice says what is invalid. Otherwise: which token is valid.
    NoticesCarryNoTokens,
    /// A copy in memory depends on what was noted before Redis was asked.
    CopiesNoteFirst,
    /// After an interruption of the feed nothing from before counts.
    NewEpochAfterInterruption,
    /// The new epoch begins when nothing is missed any more. Otherwise: before the subscription.
    EpochAfterSubscription,
    /// Copies and mirrored tokens count only while the lease holds.
    LeaseCounts,
    /// What Redis has not confirmed is owed to it.
    UnconfirmedIsOwed,
    /// It is owed before the local half. Otherwise: after it.
    OwedFirst,
    /// While something is owed Redis is not used.
    DebtsKeepFromRedis,
    /// What was owed is published when it is paid.
    ReplaysPublish,
    /// Who first meets a server that is new removes the root's token.
    NewServerLosesRoot,
    /// After an outage Redis is read only in a new epoch.
    NewEpochAfterOutage,
    /// Clearing takes marks along.
    ClearTakesMarks,
    /// Whoever clears stops its loads once more when Redis is clear. Otherwise: only before.
    ClearStopsLoadsAfterwards,
    /// Clearing looks for copies in memory when Redis is clear. Otherwise: only before.
    ClearLooksAfterwards,
    /// Who hears that a pattern was cleared stops its loads.
    HearersStopLoads,
    /// Nothing comes between a last look at the generations and the insertion into memory.
    InsertsAtOnce,
    /// A put compares mark and tokens.
    PutsCompare,
    /// A put tells the others.
    PutsPublish,
    /// A put that is overtaken removes what is there.
    OvertakenPutsRemove,
    /// A put into memory depends on what was noted before it began.
    PutsNoteFirst,
    /// So does one that Redis has not confirmed. Otherwise: on what is noted when that is known.
    AwayPutsNoteFirst,
    /// A server that was not there for a while is another one when it is back.
    ServersComeBackNew,
}

/// One of the two processes.
pub type Place = usize;

/// What an actor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Call(Place),
    Invalidate(Place, What),
    Put(Place, Known),
    Clear(Place),
}

/// When the value of a put is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is given, as by hand: it counts as the newest there is when the put begins.
    Before,
    /// It is what a body returns, which runs when the put has begun.
    Within,
}

/// How it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing is anywhere.
    Cold,
    /// The value is in Redis.
    Stored,
    /// The value is in Redis, and both processes mirror its tokens.
    Mirrored,
    /// The same, and both have a copy in memory.
    Warm,
}

/// Who takes part, and what may happen.
#[derive(Clone, Copy, Debug)]
pub struct Program {
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
            | Role::Invalidate(place, _)
            | Role::Put(place, _)
            | Role::Clear(place) => place,
        }
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

    /// What a writer removes.
    pub fn what(&self, actor: usize) -> What {
        match self.role(actor) {
            Role::Invalidate(_, what) => what,
            _ => What::Name,
        }
    }

    pub fn actors(&self) -> std::ops::Range<usize> {
        assert!(self.program.roles.len() <= ACTORS);
        0..self.program.roles.len()
    }
}
