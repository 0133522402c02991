//! A call: memory, one GET, tokens where the token cache does not know them, a load.

use crate::redis::{Entry, Held, Id, Keys, Kin, Tokens};
use crate::rules::{Model, Role, Rule};
use crate::state::{Actor, At, Begun, Fill, Found, Noted, Version, World};

impl World {
    /// Makes the next step of an actor, which requests these keys.
    pub fn act(&mut self, model: &Model, i: usize, keys: Keys) -> Result<(), String> {
        if !self.reaches(model, model.role(i).place(), keys) {
            self.lose_link(model, model.role(i).place());
            return Ok(());
        }
        match model.role(i) {
            Role::Call(_)
            | Role::Renews(_)
            | Role::Direct(_)
            | Role::Other(_)
            | Role::Outer(_)
            | Role::DirectOuter(_) => self.call(model, i, keys)?,
            Role::Invalidate(..) => self.invalidate(model, i, keys),
            Role::Put(_, known) => self.put(model, i, known, keys),
            Role::Clear(_) => self.clear(model, i, keys),
        }
        if self.actors[i].at == At::Done {
            self.actors[i] = Actor::DONE;
        }
        Ok(())
    }

    /// Returns the keys that an actor's next step may request.
    pub fn asked(&self, model: &Model, i: usize) -> Keys {
        match self.actors[i].at {
            At::Starts if model.removes_at_once(i) => model.in_order(model.removed(i)),
            At::Gets => model.place(i),
            At::ReadsInner(.., left) => model.inner_order(left),
            At::Scans(_, left) => model.one_by_one(left),
            At::Removes(left) => model.in_order(left),
            At::Fills(Fill { left, .. }) => model.in_order(left),
            At::Announces(_) | At::Warns(_) => Keys::ROOT,
            At::Places(_) => Keys::NAME,
            At::NotesCounter(..) | At::ReadsCounter(_) => Keys::COUNTER,
            At::RemovesCleared(_) => Keys::CLEARED,
            At::NotesTag(_) | At::Stamps(_) => Keys::PREFIX,
            At::Fetches(.., left)
            | At::Reads(.., left)
            | At::Begins(.., left)
            | At::NotesTokens(.., left)
            | At::FetchesInner(.., left)
            | At::BeginsInner(.., left)
            | At::FillsInner(_, Fill { left, .. })
            | At::NotesInner(.., left) => left,
            _ => Keys::NONE,
        }
    }

    fn call(&mut self, model: &Model, i: usize, keys: Keys) -> Result<(), String> {
        self.actors[i].at = match self.actors[i].at {
            At::Starts => self.start_call(model, i),
            At::Gets => At::Judges(self.redis.at(model.place(i))),
            At::Judges(Held::Entry(entry)) if entry.of == model.kin(i) => {
                self.judge_by_token_cache(model, i, entry)?
            }
            At::Judges(Held::Entry(_)) => At::Reads(Found::NOTHING, model.looked_at(i)),
            At::Judges(_) => {
                self.bypass_memory(model, i);
                self.start_load(model, i, None, model.place(i))
            }
            At::Fetches(entry, mut tokens, left) => {
                tokens.read(keys, self.redis.tokens);
                match left.without(keys) {
                    Keys::NONE => At::Compares(entry, tokens),
                    left => At::Fetches(entry, tokens, left),
                }
            }
            At::Compares(entry, tokens) => self.compare(model, i, entry, tokens)?,
            At::Reads(found, left) => self.read(model, i, found, left, keys)?,
            At::Begins(seen, mut begun, left) => {
                self.redis.begin(model, model.maker(i), seen, keys, &mut begun);
                match left.without(keys) {
                    Keys::NONE => At::Loads(begun),
                    left => At::Begins(seen, begun, left),
                }
            }
            At::Loads(begun) if begun.place == Keys::OUTER => self.start_inner(model, i, begun),
            At::Loads(begun) if self.actors[i].old.is_some() => self.ask_source(model, i, begun),
            At::Loads(begun) => self.load(model, i, begun),
            At::NotesTokens(mut begun, version, left) => {
                self.redis.note_tokens(i, keys, &mut begun.tokens);
                match left.without(keys) {
                    Keys::NONE => At::Fills(Fill::new(begun, version, model.filled(i, begun))),
                    left => At::NotesTokens(begun, version, left),
                }
            }
            At::NotesCounter(..) | At::NotesTag(_) | At::ReadsCounter(_) | At::Stamps(_) => {
                self.derive(model, i, keys)
            }
            At::Fills(mut fill) => {
                self.redis.fill(model, i, keys, &mut fill);
                match fill {
                    Fill { left: Keys::NONE, refused: true, .. } => At::Done,
                    Fill { left: Keys::NONE, version, .. } => At::Keeps(version),
                    _ => At::Fills(fill),
                }
            }
            At::Keeps(version) => self.keep(model, i, version),
            At::Inserts(version) => self.insert(model, i, version),
            At::LooksAgain => self.look_again(model, i),
            At::LoadsAlone => At::Keeps(self.version_alone(model, i)),
            _ => self.call_inner(model, i, keys)?,
        };
        Ok(())
    }

    fn start_call(&mut self, model: &Model, i: usize) -> At {
        if model.is_direct(i) {
            return self.start_direct(model, i);
        }
        let first = match model.role(i) {
            Role::Other(_) => Keys::ALL,
            _ => model.place(i),
        };
        let asks = self.asks_redis(model, model.role(i).place(), first);
        let process = &mut self.processes[model.role(i).place()];
        let trusts = process.lease || model.is_off(Rule::LeaseCounts);
        // The contents of memory are checked after every step, so this is right.
        if process.copy_of(model.kin(i)).is_some() && trusts && !model.renews(i) {
            return At::Done;
        }
        self.actors[i].required = process.required.max(process.known);
        self.actors[i].bypasses = process.lapsed && asks;
        if !asks {
            return self.load_alone(model, i);
        }
        self.actors[i].noted = model.noted(i);
        match model.role(i) {
            // It knows by now that it is not alone.
            Role::Other(_) => At::Reads(Found::NOTHING, model.looked_at(i)),
            _ => At::Gets,
        }
    }

    /// Starts a call in mode `redis`, which sees everything that any process has had confirmed.
    fn start_direct(&mut self, model: &Model, i: usize) -> At {
        if !self.asks_redis(model, model.role(i).place(), model.known(i)) {
            return At::Done;
        }
        let confirmed = model.actors().filter(|writer| self.confirmed & (1 << writer) != 0);
        self.actors[i].required = confirmed.map(|writer| self.written[writer]).max().unwrap_or(0);
        match model.kin(i) {
            Kin::Outer => At::Gets,
            _ => At::Reads(Found::NOTHING, model.looked_at(i)),
        }
    }

    /// Entry and tokens side by side.
    fn read(
        &mut self,
        model: &Model,
        i: usize,
        mut found: Found,
        left: Keys,
        keys: Keys,
    ) -> Result<At, String> {
        if keys.has(Keys::NAME) {
            found.held = self.redis.held;
        }
        if keys.has(Keys::BESIDE) {
            found.beside = self.redis.beside;
        }
        found.tokens.read(keys, self.redis.tokens);
        match left.without(keys) {
            Keys::NONE if model.derives(i) && keys != Keys::PREFIX => {
                Ok(self.read_derived(model, i, found))
            }
            Keys::NONE => self.judge_all(model, i, found),
            left => Ok(At::Reads(found, left)),
        }
    }

    /// The tag is known now, and its token is read after the entry.
    fn read_derived(&mut self, model: &Model, i: usize, found: Found) -> At {
        if !self.asks_redis(model, model.role(i).place(), Keys::PREFIX) {
            return self.load_alone(model, i);
        }
        self.actors[i].noted.gain(Noted::PREFIX);
        At::Reads(found, Keys::PREFIX)
    }

    /// Serves a valid value of the own kin, and leaves a valid value of the other kin alone. An invalid
    /// value makes room.
    fn judge_all(&mut self, model: &Model, i: usize, found: Found) -> Result<At, String> {
        let valid = |held| match held {
            Held::Entry(entry) => Some(entry).filter(|entry| found.tokens.confirm(entry.tokens)),
            _ => None,
        };
        let entries = [valid(found.held), valid(found.beside)];
        if let Some(entry) = entries.into_iter().flatten().find(|entry| entry.of == model.kin(i)) {
            return self.serve(model, i, entry.version);
        }
        self.bypass_memory(model, i);
        let (place, held) = match entries[0] {
            Some(_) => (Keys::BESIDE, found.beside),
            None => (Keys::NAME, found.held),
        };
        let seen = match held {
            Held::Entry(entry) => Some(entry.id),
            _ => None,
        };
        Ok(self.start_load(model, i, seen, place))
    }

    fn judge_by_token_cache(
        &mut self,
        model: &Model,
        i: usize,
        entry: Entry,
    ) -> Result<At, String> {
        // Tags that the entry names are known now.
        if model.kin(i) == Kin::Outer {
            self.actors[i].noted.gain(Noted::INNER);
        } else if model.is_off(Rule::TagsNotedBeforeGet) || model.derives(i) {
            self.actors[i].noted.gain(Noted::PREFIX);
        }
        if self.token_cache_confirms(model, i, entry) {
            if model.renews(i) {
                return Ok(self.start_renewal(model, i, entry));
            }
            return self.serve(model, i, entry.version);
        }
        let tokens = model.tokens_of_entry(i);
        if !self.asks_redis(model, model.role(i).place(), tokens) {
            return Ok(self.load_alone(model, i));
        }
        self.actors[i].fetched = model.noted(i);
        Ok(At::Fetches(entry, Tokens::default(), tokens))
    }

    pub fn token_cache_confirms(&self, model: &Model, i: usize, entry: Entry) -> bool {
        let process = &self.processes[model.role(i).place()];
        let trusts = process.lease || model.is_off(Rule::LeaseCounts);
        trusts && !model.is_direct(i) && process.token_cache.confirm(entry.tokens)
    }

    fn compare(
        &mut self,
        model: &Model,
        i: usize,
        entry: Entry,
        tokens: Tokens,
    ) -> Result<At, String> {
        let fetched = std::mem::take(&mut self.actors[i].fetched);
        let token_cache = &mut self.processes[model.role(i).place()].token_cache;
        let unchecked = model.is_off(Rule::TokenCacheNotesFirst);
        if (unchecked || fetched.has(Noted::EPOCH)) && !model.is_direct(i) {
            token_cache.root = tokens.root;
            if unchecked || fetched.has(Noted::PREFIX) {
                token_cache.prefix = tokens.prefix;
            }
            if model.kin(i) == Kin::Outer && (unchecked || fetched.has(Noted::DEPENDENTS)) {
                token_cache.name = tokens.name;
            }
            if model.kin(i) == Kin::Outer && (unchecked || fetched.has(Noted::CLEARED)) {
                token_cache.cleared = tokens.cleared;
            }
        }
        if model.renews(i) {
            return Ok(self.start_renewal(model, i, entry));
        }
        if tokens.confirm(entry.tokens) {
            return self.serve(model, i, entry.version);
        }
        self.bypass_memory(model, i);
        Ok(self.start_load(model, i, Some(entry.id), model.place(i)))
    }

    /// Redis has answered a read that could not look into memory.
    fn bypass_memory(&mut self, model: &Model, i: usize) {
        // Another one may have done it since, or a new epoch have begun.
        let Actor { bypasses, noted, .. } = self.actors[i];
        if bypasses && noted.has(Noted::EPOCH) && !model.is_off(Rule::BypassEndsMemory) {
            self.bump(model, model.role(i).place(), Noted::EPOCH);
        }
    }

    fn serve(&mut self, model: &Model, i: usize, version: Version) -> Result<At, String> {
        let place = model.role(i).place();
        self.processes[place].judge(self.actors[i].required, version, place, "Redis")?;
        self.bypass_memory(model, i);
        if self.actors[i].bypasses {
            let known = &mut self.processes[place].known;
            *known = version.max(*known);
        }
        Ok(At::Keeps(version))
    }

    pub fn start_load(&mut self, model: &Model, i: usize, seen: Option<Id>, place: Keys) -> At {
        if !self.asks_redis(model, model.role(i).place(), model.known(i)) {
            return self.load_alone(model, i);
        }
        self.actors[i].noted = model.noted(i);
        let begun = Begun::at(place);
        At::Begins(seen, begun, model.begun(i, begun))
    }

    /// Redis is unavailable: the value goes to memory, and depends on what is noted now.
    fn load_alone(&mut self, model: &Model, i: usize) -> At {
        self.actors[i].noted = model.noted(i);
        At::LoadsAlone
    }

    /// The body, which reads the data as they are.
    fn load(&mut self, model: &Model, i: usize, begun: Begun) -> At {
        if !self.asks_redis(model, model.role(i).place(), Keys::ALL) {
            return At::Done;
        }
        self.has_value(model, i, begun, self.data)
    }

    /// The value of a load is known.
    pub fn has_value(&self, model: &Model, i: usize, begun: Begun, version: Version) -> At {
        match model.is_off(Rule::TokensNotedFirst) {
            true => At::NotesTokens(begun, version, begun.tokens(model)),
            false => model.after_body(i, begun, version),
        }
    }

    fn keep(&mut self, model: &Model, i: usize, version: Version) -> At {
        if model.is_direct(i) {
            return At::Done;
        }
        if model.is_off(Rule::DerivedCopiesNoteFirst) {
            self.actors[i].noted.gain(Noted::PREFIX);
        }
        if model.is_off(Rule::OuterCopiesNoteInnerFirst) {
            self.actors[i].noted.gain(Noted::INNER);
        }
        let noted = self.actors[i].noted;
        let stamped = noted.has(model.stamps(i)) || model.is_off(Rule::CopiesNoteFirst);
        let rights = model.rights(i);
        if !stamped || !noted.has(rights) {
            return At::Done;
        }
        if model.is_off(Rule::InsertsAtOnce) {
            return At::Inserts(version);
        }
        *self.processes[model.role(i).place()].copy_of(model.kin(i)) = Some(version);
        At::Done
    }

    fn insert(&mut self, model: &Model, i: usize, version: Version) -> At {
        let fresh = self.actors[i].noted.has(model.stamps(i));
        *self.processes[model.role(i).place()].copy_of(model.kin(i)) = fresh.then_some(version);
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
