//! Steps in words, so that a counterexample can be read.

use std::fmt;

use crate::derived::Count;
use crate::redis::{Held, Keys, Redis, What};
use crate::rules::{Known, Model, Role, Rule, Servers};
use crate::state::{At, Begun, Fill, Node, Notice, World};
use crate::step::{Executed, Step};

impl World {
    pub fn describe(&self, model: &Model, step: Step) -> String {
        match step {
            Step::Acts(i, keys) => {
                let lost = match self.reaches(model, model.role(i).place(), keys) {
                    true => "",
                    false => ": that connection is lost",
                };
                let act = self.act_in_words(model, i);
                format!("{} {act}{}{lost}", name(model, i), of_keys(model, keys))
            }
            Step::Silence(i, keys, executed) => {
                let executed = match executed {
                    Executed::Yes => "Redis executes it",
                    Executed::No => "Redis does not execute it",
                };
                format!(
                    "{} {}{}, and no answer comes; {executed}",
                    name(model, i),
                    self.act_in_words(model, i),
                    of_keys(model, keys)
                )
            }
            Step::Fails(i) => format!("{} fails, and removes its placeholder", name(model, i)),
            Step::Evict(key) => format!("Redis evicts {key:?}"),
            Step::Receives(place, notice) => {
                format!("process {place} receives {}", notice_in_words(model, notice))
            }
            Step::ReceivesTwice(place, notice) => {
                let notice = notice_in_words(model, notice);
                format!("process {place} receives {notice}, which will arrive again")
            }
            Step::Interrupt(place) => {
                format!("process {place} loses the connection of its feed, and the notices on it")
            }
            Step::LeaseEnds(place) => format!("the lease of process {place} ends"),
            Step::LeaseRenews(place) => format!("the lease of process {place} is renewed"),
            Step::Subscribes(place) => format!("process {place} subscribes to the feed again"),
            Step::BeginsEpoch(place) => format!("process {place} begins a new epoch and lease"),
            Step::SendsPending(place, _) => {
                format!("process {place} has Redis execute its journal")
            }
            Step::Snapshot(node) => format!("{} takes a snapshot", server(model, node)),
            Step::RollBack(node) => format!("{} restarts from its snapshot", server(model, node)),
            Step::AsksRuns(place) => {
                let new = model.nodes().each().filter(|node| !self.redis.knows(*node));
                let new = new.map(|node| format!(", {} is new", server(model, node)));
                format!(
                    "process {place} checks which servers are identified{}",
                    new.collect::<String>()
                )
            }
            Step::RemovesRoot(place) => format!("process {place} removes the root's token"),
            Step::KeepsKnown(place, _) => format!("process {place} records them as identified"),
            Step::GoesUp(place) => format!("process {place} uses Redis again"),
            Step::Cut(place, node) => {
                format!("process {place} loses its connection to {}", server(model, node))
            }
            Step::GivesUp(place) => format!("process {place} notices what it has lost"),
            Step::Drops(place) => format!("process {place} drops its copy to make room"),
            Step::Fork => "process 0 forks: process 1 is its child".to_owned(),
            Step::IsForked(place) => format!("process {place} finds out that it is forked"),
        }
    }

    fn act_in_words(&self, model: &Model, i: usize) -> String {
        let role = model.role(i);
        match self.actors[i].at {
            At::Starts => start_in_words(model, role).to_owned(),
            At::Gets => {
                format!("asks Redis: {}", held_in_words(self.redis.at(model.place(i))))
            }
            At::Judges(held) => format!("has {}", held_in_words(held)),
            At::Fetches(..) => "asks Redis for tokens".to_owned(),
            At::Compares(entry, _) => format!("compares the tokens of version {}", entry.version),
            At::Reads(..) => format!(
                "asks Redis: {}, beside it {}, and tokens",
                held_in_words(self.redis.held),
                held_in_words(self.redis.beside)
            ),
            At::Begins(..) if matches!(role, Role::Put(_, Known::Before)) => {
                format!("begins in Redis, placeholder and tokens, with version {}", self.data + 1)
            }
            At::Begins(_, begun, _) if begun.place == Keys::BESIDE => {
                "begins in Redis beside the name: placeholder and tokens".to_owned()
            }
            At::Begins(..) if model.is_late(i) => {
                "notes the root's token and the counter of removals".to_owned()
            }
            At::Begins(..) => "begins in Redis: placeholder and tokens".to_owned(),
            At::Loads(Begun { place: Keys::OUTER, .. }) => {
                "runs its body, which calls the inner function".to_owned()
            }
            At::Loads(_) if self.actors[i].old.is_some() => {
                format!("asks the source, which has version {}", self.data)
            }
            At::Loads(_) => format!("runs its body, which reads version {}", self.data),
            At::NotesTokens(..) => "notes the tokens".to_owned(),
            At::NotesCounter(..) => "notes the counter of removals".to_owned(),
            At::NotesTag(_) => {
                format!("notes the derived tag's token, {}", self.redis.births_in_words())
            }
            At::ReadsCounter(_) => {
                format!("reads the counter, {}", self.redis.removals_in_words())
            }
            At::Stamps(_) => "records the birth of the token".to_owned(),
            At::Fills(Fill { version, begun, .. }) => {
                let place = if begun.place == Keys::BESIDE { ", beside the name," } else { "" };
                format!("fills Redis{place} with version {version}")
            }
            At::ReadsInner(..)
            | At::FetchesInner(..)
            | At::BeginsInner(..)
            | At::LoadsInner(..)
            | At::FillsInner(..)
            | At::NotesInner(..) => self.inner_in_words(i),
            At::Keeps(version) => format!("keeps version {version} in memory, if it may"),
            At::Inserts(version) => format!("inserts version {version} into memory"),
            At::LooksAgain => "looks at the generations once more".to_owned(),
            At::Removes(_) => match model.is_off(Rule::RedisFirst) {
                true => "removes and publishes",
                false => "removes",
            }
            .to_owned(),
            At::LoadsAlone => {
                format!("runs its body without Redis, and reads version {}", self.data)
            }
            At::Queues | At::QueuesValue => "adds its pending removal to the journal".to_owned(),
            At::QueuesLate => "adds its pending removal to the journal, and returns".to_owned(),
            At::Bumps => "raises its generation, and returns".to_owned(),
            At::Writes(_) if !matches!(role, Role::Put(_, Known::Before)) => {
                format!("runs its body, which writes version {}", self.data + 1)
            }
            At::Writes(_) => "has the answer".to_owned(),
            At::Places(_) => "sets a placeholder over whatever is there".to_owned(),
            At::Awaits(_) => "has the answer to its ping of the feed".to_owned(),
            At::Warns(_) => "publishes the pattern that it will clear".to_owned(),
            At::Overtakes(_) => "puts the value into memory if it may".to_owned(),
            At::Scans(..) => format!(
                "scans, and removes some of {}, beside it {}",
                held_in_words(self.redis.held),
                held_in_words(self.redis.beside)
            ),
            At::Announces(_) => "publishes the pattern".to_owned(),
            At::RemovesCleared(_) => "removes the token of outer entries".to_owned(),
            At::BumpsCleared(_) => "raises the generation of outer entries".to_owned(),
            At::Replaces(_) => "raises the generation of what depends on the name".to_owned(),
            At::ScansMemory(_) => "clears its memory".to_owned(),
            At::Done => unreachable!("nothing is left to do"),
        }
    }
}

impl Redis {
    fn births_in_words(&self) -> String {
        match (self.tokens.prefix, self.birth) {
            (None, _) => "which is absent".to_owned(),
            (_, None) => "which has no birth".to_owned(),
            (_, Some(Count { removals, .. })) => {
                format!("which was born after {removals} removals")
            }
        }
    }

    fn removals_in_words(&self) -> String {
        match self.counter {
            None => "which is absent".to_owned(),
            Some(Count { removals, .. }) => format!("{removals} removals"),
        }
    }
}

fn name(model: &Model, i: usize) -> String {
    let role = match model.role(i) {
        Role::Call(_) => "call",
        Role::Renews(_) => "renewing call",
        Role::Direct(_) => "direct call",
        Role::Other(_) => "call of the other version",
        Role::Outer(_) => "outer call",
        Role::DirectOuter(_) => "direct outer call",
        Role::Invalidate(_, What::Name) => "invalidation of the name",
        Role::Invalidate(_, What::Prefix) => "invalidation of the prefix",
        Role::Invalidate(_, What::PrefixAndOwn) => "invalidation of the prefix and its own name",
        Role::Invalidate(_, What::Everything) => "invalidation of everything",
        Role::Put(_, Known::Late) => "late put",
        Role::Put(..) => "put",
        Role::Clear(_) => "clearing",
    };
    format!("process {}: {role} {i}", model.role(i).place())
}

fn start_in_words(model: &Model, role: Role) -> &'static str {
    match role {
        Role::Direct(_) | Role::DirectOuter(_) => "begins",
        Role::Call(_) | Role::Renews(_) | Role::Other(_) | Role::Outer(_) => {
            "looks into memory, and notes the generations"
        }
        Role::Put(..) => "notes the generations",
        Role::Clear(_) => "writes, and stops the loads of its process",
        Role::Invalidate(..) if model.is_off(Rule::RedisFirst) => {
            "writes, and raises its generation"
        }
        Role::Invalidate(..) if model.is_off(Rule::RemovedWhenPublished) => "writes, and publishes",
        Role::Invalidate(..) => "writes, removes and publishes",
    }
}

fn server(model: &Model, node: Node) -> String {
    match model.program.servers {
        Servers::One => "the server".to_owned(),
        _ => format!("node {node}"),
    }
}

/// Returns the words for the key that a step is about, if there are several.
fn of_keys(model: &Model, keys: Keys) -> String {
    match model.program.servers {
        Servers::One => String::new(),
        _ if keys == Keys::NONE => String::new(),
        servers => {
            keys.each().map(|key| format!(" ({key:?}, node {})", servers.node_of(key))).collect()
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |key| match key {
            Keys::NAME => "name",
            Keys::ROOT => "root",
            Keys::PREFIX => "prefix",
            Keys::OWN => "own name",
            Keys::RUNS => "identified servers",
            Keys::BESIDE => "beside the name",
            Keys::NAME_TOKEN => "the name's token",
            Keys::OUTER => "outer name",
            Keys::COUNTER => "counter of removals",
            Keys::CLEARED => "token of outer entries",
            _ => "notice",
        };
        f.write_str(&self.each().map(name).collect::<Vec<_>>().join(", "))
    }
}

pub fn held_in_words(held: Held) -> String {
    match held {
        Held::Nothing => "nothing".to_owned(),
        Held::Placeholder(_) => "a placeholder".to_owned(),
        Held::Tombstone(_) => "a tombstone".to_owned(),
        Held::Entry(entry) => format!("version {}", entry.version),
    }
}

fn notice_in_words(model: &Model, notice: Notice) -> String {
    match notice {
        Notice::First(writer) => format!("the notice of {}", name(model, writer)),
        Notice::Again(writer) => format!("the notice from the journal of {}", name(model, writer)),
        Notice::Cleared(writer) => format!("the second notice of {}", name(model, writer)),
        Notice::Clears(writer) => format!("the first notice of {}", name(model, writer)),
        Notice::NewServer => "that the server is new".to_owned(),
    }
}
