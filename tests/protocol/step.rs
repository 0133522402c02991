//! What can happen next.

use crate::redis::Held;
use crate::rules::{Model, Place, Rule};
use crate::state::{Actor, At, Feed, Link, Notice, Process, World};

#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// An actor does what it is at.
    Acts(usize),
    /// A removal, or a put, whose answer does not come: whether Redis has executed it.
    Silence(usize, Executed),
    /// A body fails.
    Fails(usize),
    Evict(Key),
    Hears(Place, Notice),
    /// The same, and the notice will come once more.
    HearsDouble(Place, Notice),
    Interrupt(Place),
    LeaseEnds(Place),
    LeaseRenews(Place),
    Subscribes(Place),
    BeginsEpoch(Place),
    Pays(Place),
    Snapshot,
    RollBack,
    Meets(Place),
    GoesUp(Place),
    Cut(Place),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executed {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug)]
pub enum Key {
    Name,
    Root,
    Prefix,
}

impl World {
    /// Everything that can happen next.
    pub fn steps(&self, model: &Model) -> Vec<Step> {
        let mut steps = Vec::new();
        for i in model.actors() {
            self.steps_of_actor(model, i, &mut steps);
        }
        for place in 0..self.processes.len() {
            self.steps_of_process(place, &mut steps);
        }
        self.steps_of_server(&mut steps);
        steps
    }

    fn steps_of_actor(&self, model: &Model, i: usize, steps: &mut Vec<Step>) {
        let Actor { at, .. } = self.actors[i];
        // Of actors that are alike it does not matter which begins first.
        let alike = |other: &usize| model.role(*other) == model.role(i);
        let waits = |other: usize| self.actors[other].at == At::Starts;
        if at == At::Done || at == At::Starts && (0..i).filter(alike).any(waits) {
            return;
        }
        steps.push(Step::Acts(i));
        if self.left.silences > 0 && self.asks_to_write(model, i) {
            steps.extend([Step::Silence(i, Executed::Yes), Step::Silence(i, Executed::No)]);
        }
        if self.left.failures > 0 && matches!(at, At::Loads(_)) {
            steps.push(Step::Fails(i));
        }
    }

    fn steps_of_process(&self, place: Place, steps: &mut Vec<Step>) {
        let Process { lease, feed, link, inbox, journal, .. } = self.processes[place];
        for notice in inbox.all() {
            steps.push(Step::Hears(place, notice));
            if self.left.doubles > 0 {
                steps.push(Step::HearsDouble(place, notice));
            }
        }
        let mut may = |can: bool, step| steps.extend(can.then_some(step));
        may(feed != Feed::Deaf && self.left.interruptions > 0, Step::Interrupt(place));
        may(lease && (feed != Feed::Hears || self.left.lapses > 0), Step::LeaseEnds(place));
        may(!lease && feed == Feed::Hears && inbox.is_empty(), Step::LeaseRenews(place));
        may(feed == Feed::Deaf && link != Link::Down, Step::Subscribes(place));
        may(feed == Feed::Subscribed, Step::BeginsEpoch(place));
        // Before or after it has met the server: it does not read there meanwhile.
        may(journal != 0, Step::Pays(place));
        may(link == Link::Down, Step::Meets(place));
        may(link == Link::Met, Step::GoesUp(place));
        may(link == Link::Up && self.left.cuts > 0, Step::Cut(place));
    }

    fn steps_of_server(&self, steps: &mut Vec<Step>) {
        let mut may = |can: bool, step| steps.extend(can.then_some(step));
        let evicts = self.left.evictions > 0;
        may(evicts && self.redis.held != Held::Nothing, Step::Evict(Key::Name));
        may(evicts && self.redis.tokens.root.is_some(), Step::Evict(Key::Root));
        may(evicts && self.redis.tokens.prefix.is_some(), Step::Evict(Key::Prefix));
        may(self.left.rollbacks > 0 && self.snapshot.is_none(), Step::Snapshot);
        may(self.snapshot.is_some(), Step::RollBack);
    }

    /// Does a step. An error says what it has shown to be wrong.
    pub fn perform(&mut self, model: &Model, step: Step) -> Result<(), String> {
        match step {
            Step::Acts(i) => self.act(model, i)?,
            Step::Silence(i, executed) => self.silence(model, i, executed),
            Step::Fails(i) => self.fail(i),
            Step::Evict(key) => self.evict(key),
            Step::Hears(place, notice) => self.hear(model, place, notice),
            Step::HearsDouble(place, notice) => {
                self.left.doubles -= 1;
                self.hear(model, place, notice);
                self.processes[place].inbox.add(notice);
            }
            Step::Interrupt(place) => {
                self.left.interruptions -= 1;
                self.processes[place].disconnect();
            }
            Step::LeaseEnds(place) => {
                self.left.lapses -= u8::from(self.processes[place].feed == Feed::Hears);
                self.processes[place].end_lease();
            }
            Step::LeaseRenews(place) => self.processes[place].lease = true,
            Step::Subscribes(place) => self.subscribe(model, place),
            Step::BeginsEpoch(place) => self.begin_epoch(model, place),
            Step::Pays(place) => self.pay(model, place),
            Step::Snapshot => self.snapshot = Some(self.redis),
            Step::RollBack => self.roll_back(model),
            Step::Meets(place) => self.meet(model, place),
            Step::GoesUp(place) => self.go_up(model, place),
            Step::Cut(place) => self.cut(model, place),
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
            if let Some(version) = process.memory.filter(|_| trusts) {
                process.judge(process.required, version, place, "memory")?;
            }
            let Held::Entry(entry) = self.redis.held else { continue };
            let mirrored = trusts && process.mirror.confirm(entry.tokens);
            let fresh = mirrored || self.redis.tokens.confirm(entry.tokens);
            if fresh && process.asks_redis(model) {
                process.judge(process.required, entry.version, place, "Redis")?;
            }
        }
        Ok(())
    }
}

impl Process {
    /// Whether a value is new enough.
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
             {required} was confirmed within its bound before it began"
        ))
    }

    pub fn asks_redis(&self, model: &Model) -> bool {
        let debts_count = !model.is_off(Rule::DebtsKeepFromRedis);
        self.link == Link::Up && (self.journal == 0 || !debts_count)
    }
}
