//! A call: memory, one GET, tokens where the mirror does not know them, a load.

use crate::redis::{Entry, Held, Id, Tokens};
use crate::rules::{Model, Role, Rule};
use crate::state::{Actor, At, Begun, Noted, Version, World};

impl World {
    /// The next step of an actor.
    pub fn act(&mut self, model: &Model, i: usize) -> Result<(), String> {
        match model.role(i) {
            Role::Call(_) => self.call(model, i)?,
            Role::Invalidate(..) => self.invalidate(model, i),
            Role::Put(_, known) => self.put(model, i, known),
            Role::Clear(_) => self.clear(model, i),
        }
        if self.actors[i].at == At::Done {
            self.actors[i] = Actor::DONE;
        }
        Ok(())
    }

    fn call(&mut self, model: &Model, i: usize) -> Result<(), String> {
        self.actors[i].at = match self.actors[i].at {
            At::Starts => self.start_call(model, i),
            At::Gets => At::Judges(self.redis.held),
            At::Judges(Held::Entry(entry)) => self.judge_by_mirror(model, i, entry)?,
            At::Judges(_) => self.start_load(model, i, None),
            At::Fetches(entry) => At::Compares(entry, self.redis.tokens),
            At::Compares(entry, tokens) => self.compare(model, i, entry, tokens)?,
            At::Begins(seen) => At::Loads(self.redis.begin(model, i, seen)),
            At::Loads(begun) => self.load(model, i, begun),
            At::NotesTokens(begun, version) => {
                let tokens = self.redis.note_tokens(i);
                At::Fills(Begun { tokens, ..begun }, version)
            }
            At::Fills(begun, version) => match self.redis.fill(model, i, begun, version) {
                true => At::Keeps(version),
                false => At::Done,
            },
            At::Keeps(version) => self.keep(model, i, version),
            At::Inserts(version) => self.insert(model, i, version),
            At::LooksAgain => self.look_again(model, i),
            At::LoadsAlone => At::Keeps(self.data),
            at => unreachable!("no step of a call: {at:?}"),
        };
        Ok(())
    }

    fn start_call(&mut self, model: &Model, i: usize) -> At {
        let process = &self.processes[model.role(i).place()];
        let trusts = process.lease || model.is_off(Rule::LeaseCounts);
        // What memory holds is looked at after every step, so this is right.
        if process.memory.is_some() && trusts {
            return At::Done;
        }
        let asks = process.asks_redis(model);
        self.actors[i].required = process.required;
        if !asks {
            return self.load_alone(i);
        }
        self.actors[i].noted = Noted::ALL;
        At::Gets
    }

    fn judge_by_mirror(&mut self, model: &Model, i: usize, entry: Entry) -> Result<At, String> {
        if model.is_off(Rule::TagsNotedBeforeGet) {
            self.actors[i].noted.gain(Noted::PREFIX);
        }
        let process = &self.processes[model.role(i).place()];
        let trusts = process.lease || model.is_off(Rule::LeaseCounts);
        if trusts && process.mirror.confirm(entry.tokens) {
            return self.serve(model, i, entry.version);
        }
        if !process.asks_redis(model) {
            return Ok(self.load_alone(i));
        }
        self.actors[i].fetched = Noted::ALL;
        Ok(At::Fetches(entry))
    }

    fn compare(
        &mut self,
        model: &Model,
        i: usize,
        entry: Entry,
        tokens: Tokens,
    ) -> Result<At, String> {
        let fetched = std::mem::take(&mut self.actors[i].fetched);
        let mirror = &mut self.processes[model.role(i).place()].mirror;
        let unchecked = model.is_off(Rule::MirrorNotesFirst);
        if unchecked || fetched.has(Noted::EPOCH) {
            mirror.root = tokens.root;
            if unchecked || fetched.has(Noted::PREFIX) {
                mirror.prefix = tokens.prefix;
            }
        }
        if tokens.confirm(entry.tokens) {
            return self.serve(model, i, entry.version);
        }
        Ok(self.start_load(model, i, Some(entry.id)))
    }

    fn serve(&self, model: &Model, i: usize, version: Version) -> Result<At, String> {
        let place = model.role(i).place();
        self.processes[place].judge(self.actors[i].required, version, place, "Redis")?;
        Ok(At::Keeps(version))
    }

    fn start_load(&mut self, model: &Model, i: usize, seen: Option<Id>) -> At {
        if !self.processes[model.role(i).place()].asks_redis(model) {
            return self.load_alone(i);
        }
        self.actors[i].noted = Noted::ALL;
        At::Begins(seen)
    }

    /// Redis is away: the value goes to memory, and depends on what is noted now.
    fn load_alone(&mut self, i: usize) -> At {
        self.actors[i].noted = Noted::ALL;
        At::LoadsAlone
    }

    /// The body, which reads the data as they are.
    fn load(&mut self, model: &Model, i: usize, begun: Begun) -> At {
        if !self.processes[model.role(i).place()].asks_redis(model) {
            return At::Done;
        }
        match model.is_off(Rule::TokensNotedFirst) {
            true => At::NotesTokens(begun, self.data),
            false => At::Fills(begun, self.data),
        }
    }

    fn keep(&mut self, model: &Model, i: usize, version: Version) -> At {
        let noted = self.actors[i].noted;
        let stamped = noted.has(Noted::STAMPS) || model.is_off(Rule::CopiesNoteFirst);
        if !stamped || !noted.has(Noted::SWEEPS) {
            return At::Done;
        }
        if model.is_off(Rule::InsertsAtOnce) {
            return At::Inserts(version);
        }
        self.processes[model.role(i).place()].memory = Some(version);
        At::Done
    }

    fn insert(&mut self, model: &Model, i: usize, version: Version) -> At {
        let fresh = self.actors[i].noted.has(Noted::STAMPS);
        self.processes[model.role(i).place()].memory = fresh.then_some(version);
        At::LooksAgain
    }

    fn look_again(&mut self, model: &Model, i: usize) -> At {
        if !self.actors[i].noted.has(Noted::SWEEPS) {
            self.bump(model, model.role(i).place(), Noted::NAME);
        }
        At::Done
    }

    /// A generation of a process is raised.
    pub fn bump(&mut self, model: &Model, place: usize, what: Noted) {
        self.processes[place].bump(what);
        for i in model.actors().filter(|i| model.role(*i).place() == place) {
            self.actors[i].bump(what);
        }
    }
}
