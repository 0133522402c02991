//! The steps that are possible in a state.

use crate::redis::{Held, Keys};
use crate::rules::{Model, Place, Rule, Servers};
use crate::state::{Actor, Actors, At, Feed, Link, Node, Nodes, Notice, Process, World};

#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// An actor does what it is at, with these keys.
    Acts(usize, Keys),
    /// A removal, or a put, whose answer does not come: whether Redis has executed it.
    Silence(usize, Keys, Executed),
    /// A body fails.
    Fails(usize),
    Evict(Keys),
    Receives(Place, Notice),
    /// The same, and the notice will come once more.
    ReceivesTwice(Place, Notice),
    Interrupt(Place),
    LeaseEnds(Place),
    LeaseRenews(Place),
    Subscribes(Place),
    BeginsEpoch(Place),
    SendsPending(Place, Actors),
    Snapshot(Node),
    RollBack(Node),
    AsksRuns(Place),
    RemovesRoot(Place),
    KeepsKnown(Place, bool),
    GoesUp(Place),
    Cut(Place, Node),
    /// A connection was lost, and it is noticed.
    GivesUp(Place),
    Fork,
    /// Memory needs the place of a copy.
    Drops(Place),
    /// A process finds out that it is forked.
    IsForked(Place),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executed {
    Yes,
    No,
}

impl World {
    /// Everything that can happen next.
    pub fn steps(&self, model: &Model) -> Vec<Step> {
        let mut steps = Vec::new();
        for i in model.actors() {
            self.steps_of_actor(model, i, &mut steps);
        }
        for place in (0..self.processes.len()).filter(|place| !self.is_unborn(*place)) {
            self.steps_of_process(model, place, &mut steps);
        }
        steps.extend((self.left.forks > 0).then_some(Step::Fork));
        self.steps_of_servers(model, &mut steps);
        steps
    }

    fn steps_of_actor(&self, model: &Model, i: usize, steps: &mut Vec<Step>) {
        let Actor { at, .. } = self.actors[i];
        if self.is_unborn(model.role(i).place()) {
            return;
        }
        // Of actors that are alike it does not matter which begins first.
        let alike = |other: &usize| model.role(*other) == model.role(i);
        let waits = |other: usize| self.actors[other].at == At::Starts;
        if at == At::Done || at == At::Starts && (0..i).filter(alike).any(waits) {
            return;
        }
        if self.waits_for_notices(model, i) {
            return;
        }
        let asked = self.asked(model, i);
        // The keys that a scan finds may be on different pages.
        let pages = if matches!(at, At::Scans(..)) { asked } else { Keys::NONE };
        let parts = model.parts(asked).filter(|_| pages == Keys::NONE);
        for keys in pages.each().chain(parts) {
            steps.push(Step::Acts(i, keys));
            let reaches = self.reaches(model, model.role(i).place(), keys);
            if self.left.silences > 0 && self.asks_to_write(model, i) && reaches {
                let silence = |executed| Step::Silence(i, keys, executed);
                steps.extend([Executed::Yes, Executed::No].map(silence));
            }
        }
        if self.left.failures > 0 && matches!(at, At::Loads(_) | At::LoadsInner(..)) {
            steps.push(Step::Fails(i));
        }
    }

    fn steps_of_process(&self, model: &Model, place: Place, steps: &mut Vec<Step>) {
        let process = self.processes[place];
        let Process { lease, feed, link, lost, inbox, echoes, journal, memory, .. } = process;
        for notice in inbox.with(echoes).all() {
            steps.push(Step::Receives(place, notice));
            if self.left.doubles > 0 && inbox.has(notice) {
                steps.push(Step::ReceivesTwice(place, notice));
            }
        }
        let mut may = |can: bool, step| steps.extend(can.then_some(step));
        may(feed != Feed::Disconnected && self.left.interruptions > 0, Step::Interrupt(place));
        may(lease && (feed != Feed::Connected || self.left.lapses > 0), Step::LeaseEnds(place));
        let answered = process.has_answer(model);
        may(!lease && feed == Feed::Connected && answered, Step::LeaseRenews(place));
        let identified = matches!(link, Link::Identified | Link::Up) && lost == Nodes::NONE;
        may(feed == Feed::Disconnected && identified, Step::Subscribes(place));
        may(feed == Feed::Subscribed, Step::BeginsEpoch(place));
        for node in model.nodes().each() {
            may(link == Link::Up && !lost.has(node) && self.left.cuts > 0, Step::Cut(place, node));
        }
        may(link == Link::Parents, Step::IsForked(place));
        may(memory.is_some() && self.left.drops > 0, Step::Drops(place));
        may(link == Link::Down, Step::AsksRuns(place));
        may(lost != Nodes::NONE, Step::GivesUp(place));
        let reaches = |keys| self.reaches(model, place, keys);
        may(link == Link::Removes && reaches(Keys::ROOT), Step::RemovesRoot(place));
        if let Link::Keeps(removes) = link {
            may(reaches(Keys::RUNS), Step::KeepsKnown(place, removes));
        }
        may(link == Link::Identified, Step::GoesUp(place));
        // Before or after it has identified the server: it does not read there meanwhile.
        let pending = model.actors().filter(|i| journal & (1 << i) != 0);
        match model.program.servers {
            Servers::One => may(journal != 0, Step::SendsPending(place, journal)),
            _ => pending
                .filter(|i| reaches(model.what(*i).keys().and(model.removed(*i).of(Keys::COUNTER))))
                .for_each(|i| may(true, Step::SendsPending(place, 1 << i))),
        }
    }

    fn steps_of_servers(&self, model: &Model, steps: &mut Vec<Step>) {
        let mut may = |can: bool, step| steps.extend(can.then_some(step));
        let evicts = self.left.evictions > 0;
        may(evicts && self.redis.held != Held::Nothing, Step::Evict(Keys::NAME));
        may(evicts && self.redis.tokens.root.is_some(), Step::Evict(Keys::ROOT));
        may(evicts && self.redis.tokens.prefix.is_some(), Step::Evict(Keys::PREFIX));
        may(evicts && self.redis.counter.is_some(), Step::Evict(Keys::COUNTER));
        may(evicts && self.redis.beside != Held::Nothing, Step::Evict(Keys::BESIDE));
        may(evicts && self.redis.outer != Held::Nothing, Step::Evict(Keys::OUTER));
        may(evicts && self.redis.tokens.name.is_some(), Step::Evict(Keys::NAME_TOKEN));
        may(evicts && self.redis.tokens.cleared.is_some(), Step::Evict(Keys::CLEARED));
        let taken = self.snapshots.iter().flatten().count();
        for node in model.nodes().each() {
            let may_come = usize::from(self.left.rollbacks) > taken;
            may(may_come && self.snapshots[node].is_none(), Step::Snapshot(node));
            may(self.snapshots[node].is_some(), Step::RollBack(node));
        }
    }

    /// Does a step. An error says what it has shown to be wrong.
    pub fn perform(&mut self, model: &Model, step: Step) -> Result<(), String> {
        match step {
            Step::Acts(i, keys) => self.act(model, i, keys)?,
            Step::Silence(i, keys, executed) => self.silence(model, i, keys, executed),
            Step::Fails(i) => self.fail(i),
            Step::Evict(key) => self.evict(model, key),
            Step::Receives(place, notice) => self.receive(model, place, notice),
            Step::ReceivesTwice(place, notice) => {
                self.left.doubles -= 1;
                self.receive(model, place, notice);
                self.processes[place].echoes.add(notice);
            }
            Step::Interrupt(place) => {
                self.left.interruptions -= 1;
                self.processes[place].disconnect();
            }
            Step::LeaseEnds(place) => {
                self.left.lapses -= u8::from(self.processes[place].feed == Feed::Connected);
                self.processes[place].end_lease();
            }
            Step::LeaseRenews(place) => self.processes[place].renew_lease(),
            Step::Subscribes(place) => self.subscribe(model, place),
            Step::BeginsEpoch(place) => self.begin_epoch(model, place),
            Step::SendsPending(place, pending) => self.send_pending(model, place, pending),
            Step::Snapshot(node) => self.snapshots[node] = Some(self.redis.part(model, node)),
            Step::RollBack(node) => self.roll_back(model, node),
            Step::AsksRuns(place) => self.ask_runs(model, place),
            Step::RemovesRoot(place) => self.remove_root(model, place),
            Step::KeepsKnown(place, removes) => self.keep_known(model, place, removes),
            Step::GoesUp(place) => self.go_up(model, place),
            Step::Cut(place, node) => self.cut(model, place, node),
            Step::GivesUp(place) => self.lose_link(model, place),
            Step::Fork => self.fork(model),
            Step::Drops(place) => {
                self.left.drops -= 1;
                self.processes[place].memory = None;
            }
            Step::IsForked(place) => self.restart_after_fork(model, place),
        }
        self.settle(model);
        self.check(model)
    }

    /// From when on a read must see what was written: when no notice of it is to come any more,
    /// or the process does not rely on notices.
    fn settle(&mut self, model: &Model) {
        for (place, process) in self.processes.iter_mut().enumerate() {
            for i in model.actors().filter(|i| model.role(*i).place() != place) {
                if self.confirmed & !process.behind & (1 << i) != 0 {
                    process.required = process.required.max(self.written[i]);
                }
            }
        }
    }

    /// A read that is begun and ended here and now, in each process, from each store.
    fn check(&self, model: &Model) -> Result<(), String> {
        for (place, process) in self.processes.iter().enumerate() {
            let trusts = process.lease || model.is_off(Rule::LeaseCounts);
            for version in [process.memory, process.other, process.outer].into_iter().flatten() {
                if trusts {
                    process.judge(process.required, version, place, "memory")?;
                    process.judge(process.known, version, place, "memory")?;
                }
                // For a while memory is looked at in an outage, too.
                if process.link != Link::Up {
                    process.judge(process.known, version, place, "memory, in an outage")?;
                }
            }
            for key in [Keys::NAME, Keys::BESIDE, Keys::OUTER] {
                let Held::Entry(entry) = self.redis.at(key) else { continue };
                let cached = trusts && process.token_cache.confirm(entry.tokens);
                let reaches = |keys| self.reaches(model, place, keys);
                let confirmed = reaches(Keys::TOKENS) && self.redis.tokens.confirm(entry.tokens);
                let needed = match key {
                    Keys::OUTER => key.and(Keys::NAME_TOKEN).and(Keys::CLEARED),
                    Keys::BESIDE => key.and(Keys::NAME_TOKEN),
                    _ => key,
                };
                let asks = |keys| self.asks_redis(model, place, keys) && reaches(needed);
                let name = if key == Keys::OUTER { key } else { Keys::NAME };
                let all = name.and(needed).and(Keys::TOKENS);
                if cached && asks(name) || confirmed && asks(all) {
                    process.judge(process.required, entry.version, place, "Redis")?;
                }
            }
        }
        Ok(())
    }
}

impl World {
    /// Returns whether a process may read these keys in Redis: it is connected, and the removal of none
    /// of them is pending.
    pub fn asks_redis(&self, model: &Model, place: Place, keys: Keys) -> bool {
        let process = &self.processes[place];
        process.link == Link::Up && !self.pending(model, place).overlaps(keys)
    }

    /// Returns the keys with a pending removal of a process, as far as that counts.
    fn pending(&self, model: &Model, place: Place) -> Keys {
        let journal = self.processes[place].journal;
        let writers = model.actors().filter(|i| journal & (1 << i) != 0);
        let pending = writers.fold(Keys::NONE, |keys, i| keys.and(model.pending(i)));
        match model.off {
            Some(Rule::PendingKeysAreNotRead) => Keys::NONE,
            Some(Rule::PendingTagsAreNotRead) => pending.without(Keys::INHERITED),
            Some(Rule::PendingNamesAreNotRead) => pending.without(Keys::NAME),
            _ => pending,
        }
    }
}

impl Process {
    /// Returns whether the answers to pings have arrived. Over each connection notices and answers come in order.
    pub fn has_answer(&self, model: &Model) -> bool {
        let waits = |notice| model.source_of(notice) == 0 || !model.is_off(Rule::LeaseNeedsAll);
        !self.inbox.all().any(waits)
    }

    /// Checks that a value is new enough.
    pub fn judge(
        &self,
        required: u8,
        version: u8,
        place: Place,
        source: &str,
    ) -> Result<(), String> {
        if version >= required {
            return Ok(());
        }
        Err(format!(
            "a read of process {place} gets version {version} from {source}, and version \
             {required} was confirmed within its bound before it began, or read here"
        ))
    }
}
