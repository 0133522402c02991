//! Steps in words, for whoever has to read how a wrong answer came about.

use crate::redis::{Held, What};
use crate::rules::{Known, Model, Role, Rule};
use crate::state::{At, Notice, World};
use crate::step::{Executed, Step};

impl World {
    pub fn describe(&self, model: &Model, step: Step) -> String {
        match step {
            Step::Acts(i) => format!("{} {}", name(model, i), self.act_in_words(model, i)),
            Step::Silence(i, executed) => {
                let executed = match executed {
                    Executed::Yes => "Redis executes it",
                    Executed::No => "Redis does not execute it",
                };
                format!(
                    "{} {}, and no answer comes; {executed}",
                    name(model, i),
                    self.act_in_words(model, i)
                )
            }
            Step::Fails(i) => format!("{} fails, and takes its mark away", name(model, i)),
            Step::Evict(key) => format!("Redis evicts {key:?}"),
            Step::Hears(place, notice) => {
                format!("process {place} hears {}", notice_in_words(model, notice))
            }
            Step::HearsDouble(place, notice) => {
                let notice = notice_in_words(model, notice);
                format!("process {place} hears {notice}, which will come again")
            }
            Step::Interrupt(place) => {
                format!("process {place} loses the connection of its feed, and the notices on it")
            }
            Step::LeaseEnds(place) => format!("the lease of process {place} ends"),
            Step::LeaseRenews(place) => format!("the lease of process {place} is renewed"),
            Step::Subscribes(place) => format!("process {place} subscribes to the feed again"),
            Step::BeginsEpoch(place) => format!("process {place} begins a new epoch and lease"),
            Step::Pays(place) => format!("process {place} has Redis execute its journal"),
            Step::Snapshot => "the server takes a snapshot".to_owned(),
            Step::RollBack => "the server restarts from its snapshot".to_owned(),
            Step::Meets(place) => format!("process {place} asks which server it is"),
            Step::GoesUp(place) => format!("process {place} uses Redis again"),
            Step::Cut(place) => format!("process {place} loses its connection to Redis"),
        }
    }

    fn act_in_words(&self, model: &Model, i: usize) -> String {
        let role = model.role(i);
        match self.actors[i].at {
            At::Starts => start_in_words(model, role).to_owned(),
            At::Gets => format!("asks Redis: {}", held_in_words(self.redis.held)),
            At::Judges(held) => format!("has {}", held_in_words(held)),
            At::Fetches(_) => "asks Redis for tokens".to_owned(),
            At::Compares(entry, _) => format!("compares the tokens of version {}", entry.version),
            At::Begins(_) if matches!(role, Role::Put(_, Known::Before)) => {
                format!("begins in Redis, mark and tokens, with version {}", self.data + 1)
            }
            At::Begins(_) => "begins in Redis: mark and tokens".to_owned(),
            At::Loads(_) => format!("runs its body, which reads version {}", self.data),
            At::NotesTokens(..) => "notes the tokens".to_owned(),
            At::Fills(_, version) => format!("fills Redis with version {version}"),
            At::Keeps(version) => format!("keeps version {version} in memory, if it may"),
            At::Inserts(version) => format!("inserts version {version} into memory"),
            At::LooksAgain => "looks at the generations once more".to_owned(),
            At::Removes => match model.is_off(Rule::RedisFirst) {
                true => "removes and publishes",
                false => "removes",
            }
            .to_owned(),
            At::LoadsAlone => {
                format!("runs its body without Redis, and reads version {}", self.data)
            }
            At::Owes | At::OwesValue => "notes in its journal what it owes".to_owned(),
            At::OwesLate => "notes in its journal what it owes, and returns".to_owned(),
            At::Bumps => "raises its generation, and returns".to_owned(),
            At::Writes(_) if matches!(role, Role::Put(_, Known::Within)) => {
                format!("runs its body, which writes version {}", self.data + 1)
            }
            At::Writes(_) => "has the answer".to_owned(),
            At::Overtakes(_) => {
                "raises its generation, puts the value into memory if it may, and returns"
                    .to_owned()
            }
            At::Scans(_) => format!("scans, and removes {}", held_in_words(self.redis.held)),
            At::Announces(_) => "publishes the pattern".to_owned(),
            At::Sweeps(_) => "clears its memory, and returns".to_owned(),
            At::Done => unreachable!("nothing is left to do"),
        }
    }
}

fn name(model: &Model, i: usize) -> String {
    let role = match model.role(i) {
        Role::Call(_) => "call",
        Role::Invalidate(_, What::Name) => "invalidation of the name",
        Role::Invalidate(_, What::Prefix) => "invalidation of the prefix",
        Role::Put(..) => "put",
        Role::Clear(_) => "clearing",
    };
    format!("process {}: {role} {i}", model.role(i).place())
}

fn start_in_words(model: &Model, role: Role) -> &'static str {
    match role {
        Role::Call(_) => "looks into memory, and notes the generations",
        Role::Put(..) => "notes the generations",
        Role::Clear(_) => "writes, and stops the loads of its process",
        Role::Invalidate(..) if model.is_off(Rule::RedisFirst) => {
            "writes, and raises its generation"
        }
        Role::Invalidate(..) if model.is_off(Rule::RemovedWhenPublished) => "writes, and publishes",
        Role::Invalidate(..) => "writes, removes and publishes",
    }
}

fn held_in_words(held: Held) -> String {
    match held {
        Held::Nothing => "nothing".to_owned(),
        Held::Mark(_) => "a mark".to_owned(),
        Held::Tombstone(_) => "a tombstone".to_owned(),
        Held::Entry(entry) => format!("version {}", entry.version),
    }
}

fn notice_in_words(model: &Model, notice: Notice) -> String {
    match notice {
        Notice::First(writer) => format!("the notice of {}", name(model, writer)),
        Notice::Again(writer) => format!("the notice from the journal of {}", name(model, writer)),
        Notice::NewServer => "that the server is new".to_owned(),
    }
}
