//! What goes wrong, and what is done about it: evictions, lost connections, the lease, and a
//! server that comes back with older data.

use crate::redis::{Held, What};
use crate::rules::{Model, Place, Role, Rule};
use crate::state::{Actor, At, Feed, Link, Noted, Notice, Notices, Process, World};
use crate::step::Key;

impl World {
    pub fn evict(&mut self, key: Key) {
        self.left.evictions -= 1;
        match key {
            Key::Name => self.redis.held = Held::Nothing,
            Key::Root => self.redis.tokens.root = None,
            Key::Prefix => self.redis.tokens.prefix = None,
        }
    }

    /// A body fails, and its load with it.
    pub fn fail(&mut self, i: usize) {
        self.left.failures -= 1;
        self.redis.release(i);
        self.actors[i] = Actor::DONE;
    }

    /// A notice arrives.
    pub fn hear(&mut self, model: &Model, place: Place, notice: Notice) {
        self.processes[place].inbox.remove(notice);
        let writer = match notice {
            Notice::NewServer => return self.bump(model, place, Noted::EPOCH),
            Notice::First(writer) | Notice::Again(writer) => writer,
        };
        self.processes[place].behind &= !(1 << writer);
        match (model.role(writer), model.what(writer)) {
            (Role::Clear(_), _) => {
                self.sweep_memory(model, place, !model.is_off(Rule::HearersStopLoads), true);
            }
            (_, What::Name) => self.bump(model, place, Noted::NAME),
            (_, What::Prefix) => {
                self.bump(model, place, Noted::PREFIX);
                if model.is_off(Rule::NoticesCarryNoTokens) {
                    let token = crate::redis::Id::new(crate::redis::Kind::Prefix, writer);
                    self.processes[place].mirror.prefix = Some(token);
                }
            }
        }
    }

    pub fn subscribe(&mut self, model: &Model, place: Place) {
        self.processes[place].feed = Feed::Subscribed;
        if model.is_off(Rule::EpochAfterSubscription) {
            self.bump(model, place, Noted::EPOCH);
        }
    }

    /// Notices arrive again: what was known before them counts no more.
    pub fn begin_epoch(&mut self, model: &Model, place: Place) {
        let begun = model.is_off(Rule::EpochAfterSubscription);
        if !begun && !model.is_off(Rule::NewEpochAfterInterruption) {
            self.bump(model, place, Noted::EPOCH);
        }
        let process = &mut self.processes[place];
        process.feed = Feed::Hears;
        process.lease = true;
        process.behind = 0;
    }

    /// The server is another one: it has the data of the snapshot, all connections are lost, and
    /// with them what was sent and not answered.
    pub fn roll_back(&mut self, model: &Model) {
        self.left.rollbacks -= 1;
        let Some(snapshot) = self.snapshot.take() else { return };
        self.redis = snapshot;
        if !model.is_off(Rule::ServersComeBackNew) {
            self.redis.met = false;
        }
        for place in 0..self.processes.len() {
            self.processes[place].disconnect();
            self.lose_link(model, place);
        }
    }

    pub fn cut(&mut self, model: &Model, place: Place) {
        self.left.cuts -= 1;
        self.lose_link(model, place);
    }

    fn lose_link(&mut self, model: &Model, place: Place) {
        self.processes[place].link = Link::Down;
        for i in model.actors().filter(|i| model.role(*i).place() == place) {
            self.lose_answer(model, i);
        }
    }

    fn lose_answer(&mut self, model: &Model, i: usize) {
        match (model.role(i), self.actors[i].at) {
            (Role::Call(_), At::Gets | At::Fetches(_) | At::Begins(_) | At::Fills(..)) => {
                self.actors[i] = Actor::DONE;
            }
            (Role::Put(..), At::Begins(_)) => {
                if self.written[i] == 0 {
                    self.data += 1;
                    self.written[i] = self.data;
                }
                self.actors[i].at = At::OwesValue;
            }
            (Role::Put(..), At::Fills(..)) => self.actors[i].at = At::OwesValue,
            _ => {}
        }
    }

    /// A process is connected again, and asks first which server it is.
    pub fn meet(&mut self, model: &Model, place: Place) {
        self.processes[place].link = Link::Met;
        if !self.redis.meet(model) {
            return;
        }
        for (other, process) in self.processes.iter_mut().enumerate() {
            if other != place && process.feed.receives(model) {
                process.inbox.add(Notice::NewServer);
            }
        }
    }
}

impl World {
    /// Redis is used again. Unless the feed has been heard all the time, nothing from before counts.
    pub fn go_up(&mut self, model: &Model, place: Place) {
        let process = &mut self.processes[place];
        process.link = Link::Up;
        if process.feed != Feed::Hears && !model.is_off(Rule::NewEpochAfterOutage) {
            process.end_lease();
            self.bump(model, place, Noted::EPOCH);
        }
    }
}

impl Process {
    /// From here on it relies on nothing that notices could make stale.
    pub fn end_lease(&mut self) {
        self.lease = false;
        self.behind = 0;
    }

    /// The connection of the feed is lost, and with it the notices on their way.
    pub fn disconnect(&mut self) {
        self.feed = Feed::Deaf;
        self.inbox = Notices::default();
    }
}
