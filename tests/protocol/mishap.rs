//! The faults, and the reactions to them: evictions, lost connections, the lease, and servers that come
//! back with older data.

use crate::redis::{Keys, What};
use crate::rules::{Model, Place, Role, Rule};
use crate::state::{Actor, At, Feed, Link, Node, Nodes, Noted, Notice, Notices, Process, World};

const PARENT: Place = 0;
const CHILD: Place = 1;

impl World {
    pub fn evict(&mut self, model: &Model, key: Keys) {
        self.left.evictions -= 1;
        self.redis.evict(model, key);
    }

    /// A body fails, and its load with it.
    pub fn fail(&mut self, i: usize) {
        self.left.failures -= 1;
        self.redis.release(i);
        self.actors[i] = Actor::DONE;
    }

    /// A notice arrives.
    pub fn receive(&mut self, model: &Model, place: Place, notice: Notice) {
        let process = &mut self.processes[place];
        // The one that is waited for comes first.
        match process.inbox.has(notice) {
            true => process.inbox.remove(notice),
            false => process.echoes.remove(notice),
        }
        let writer = match notice {
            Notice::NewServer => return self.bump(model, place, Noted::EPOCH),
            Notice::Clears(_) => return self.scan_memory(model, place, true, true),
            Notice::First(writer) | Notice::Again(writer) | Notice::Cleared(writer) => writer,
        };
        self.processes[place].pass(model, writer);
        if model.has_forked(self) && model.is_off(Rule::ForksHaveTheirOwnNumber) {
            return;
        }
        match (model.role(writer), model.what(writer)) {
            _ if notice == Notice::Cleared(writer) => self.bump(model, place, Noted::CLEARED),
            (Role::Clear(_), _) => {
                self.scan_memory(model, place, !model.is_off(Rule::ReceiversStopLoads), true);
                if !model.is_off(Rule::ReceiversRaiseCleared) {
                    self.bump(model, place, Noted::CLEARED);
                }
            }
            (_, What::Everything) => self.bump(model, place, Noted::EPOCH),
            (_, What::Name) => self.bump(model, place, Noted::NAME),
            (_, What::Prefix | What::PrefixAndOwn) => {
                self.bump(model, place, Noted::PREFIX);
                if model.is_off(Rule::NoticesCarryNoTokens) {
                    let token = crate::redis::Id::new(crate::redis::Kind::Prefix, writer);
                    self.processes[place].token_cache.prefix = Some(token);
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
        process.feed = Feed::Connected;
        process.renew_lease();
        process.behind = 0;
    }

    /// A server is another one: it has the data of the snapshot, all connections to it are lost, and
    /// with them what was sent and not answered. The feed is lost with one of its connections.
    pub fn roll_back(&mut self, model: &Model, node: Node) {
        self.left.rollbacks -= 1;
        let Some(snapshot) = self.snapshots[node].take() else { return };
        self.redis.take_over(model, node, &snapshot);
        if !model.is_off(Rule::ServersComeBackNew) {
            self.redis.runs[node] += 1;
        }
        for place in 0..self.processes.len() {
            self.processes[place].disconnect();
            self.lose_connection(model, place, node);
        }
    }

    pub fn cut(&mut self, model: &Model, place: Place, node: Node) {
        self.left.cuts -= 1;
        self.lose_connection(model, place, node);
    }

    /// While a process has not noticed it, it asks the other node.
    fn lose_connection(&mut self, model: &Model, place: Place, node: Node) {
        let process = &mut self.processes[place];
        if process.link == Link::Down {
            return;
        }
        process.lost = process.lost.with(node);
        if process.lost == model.nodes() {
            self.lose_link(model, place);
        }
    }

    /// Returns whether a process is still connected to the servers that have these keys.
    pub fn reaches(&self, model: &Model, place: Place, keys: Keys) -> bool {
        !self.processes[place].lost.overlaps(model.program.servers.nodes_of(keys))
    }

    /// It is noticed that a connection is lost: all others are given up, too.
    pub fn lose_link(&mut self, model: &Model, place: Place) {
        self.processes[place].link = Link::Down;
        self.processes[place].lost = Nodes::NONE;
        for i in model.actors().filter(|i| model.role(*i).place() == place) {
            self.lose_answer(model, i);
        }
    }

    fn lose_answer(&mut self, model: &Model, i: usize) {
        match (model.role(i), self.actors[i].at) {
            (
                Role::Call(_)
                | Role::Renews(_)
                | Role::Direct(_)
                | Role::Other(_)
                | Role::Outer(_)
                | Role::DirectOuter(_),
                At::Gets
                | At::ReadsInner(..)
                | At::FetchesInner(..)
                | At::BeginsInner(..)
                | At::FillsInner(..)
                | At::NotesInner(..)
                | At::Fetches(..)
                | At::Reads(..)
                | At::Begins(..)
                | At::NotesCounter(..)
                | At::NotesTag(_)
                | At::ReadsCounter(_)
                | At::Stamps(_)
                | At::Fills(_),
            ) => self.actors[i] = Actor::DONE,
            (Role::Invalidate(..), At::Removes(_)) => self.actors[i].at = At::Queues,
            (Role::Put(..), At::Begins(..)) => {
                if self.written[i] == 0 {
                    self.data += 1;
                    self.written[i] = self.data;
                }
                self.actors[i].at = At::QueuesValue;
            }
            (
                Role::Put(..),
                At::NotesCounter(..)
                | At::NotesTag(_)
                | At::ReadsCounter(_)
                | At::Stamps(_)
                | At::Places(_)
                | At::Fills(_),
            ) => self.actors[i].at = At::QueuesValue,
            _ => {}
        }
    }

    /// A process is connected again, and first checks whether these servers are identified.
    pub fn ask_runs(&mut self, model: &Model, place: Place) {
        let new = model.nodes().each().any(|node| !self.redis.knows(node));
        let removes = new && !model.is_off(Rule::NewServerLosesRoot);
        self.processes[place].link = match (new, removes) {
            (true, true) if !model.is_off(Rule::RootGoesFirst) => Link::Removes,
            (true, _) => Link::Keeps(removes),
            // The record of them is only renewed.
            (false, _) => Link::Identified,
        };
    }

    /// Removes the root token of a server that is not identified, since its data may be older than what
    /// was confirmed.
    pub fn remove_root(&mut self, model: &Model, place: Place) {
        self.redis.remove(model, 0, Keys::ROOT);
        let received = model.subscribes_to(model.source_of(Notice::NewServer));
        for (other, process) in self.processes.iter_mut().enumerate() {
            if other != place && process.feed.receives(model) && received {
                process.inbox.add(Notice::NewServer);
            }
        }
        self.processes[place].link = match model.is_off(Rule::RootGoesFirst) {
            true => Link::Identified,
            false => Link::Keeps(false),
        };
    }

    /// The servers that it is connected to are known.
    pub fn keep_known(&mut self, model: &Model, place: Place, removes: bool) {
        let process = &mut self.processes[place];
        self.redis.keep_known(model.nodes().without(process.lost));
        process.link = if removes { Link::Removes } else { Link::Identified };
    }
}

impl World {
    /// The second process is a child of the first from here on: with its memory, and without its tasks. It
    /// receives none of the notices that the writers of its parent have published or will publish soon.
    pub fn fork(&mut self, model: &Model) {
        self.left.forks -= 1;
        let mut child = self.processes[PARENT];
        child.inbox = Notices::default();
        child.echoes = Notices::default();
        child.lost = Nodes::NONE;
        child.link = Link::Parents;
        if !model.is_off(Rule::ForksHaveTheirOwnFeed) {
            child.feed = Feed::Disconnected;
        }
        if child.lease {
            let writers = model.actors().filter(|i| self.actors[*i].at != At::Done);
            child.behind |= writers.fold(0, |set, i| set | 1 << i);
        }
        self.processes[CHILD] = child;
    }

    /// Returns whether this process is still to be forked.
    pub fn is_unborn(&self, place: Place) -> bool {
        place == CHILD && self.left.forks > 0
    }

    pub fn restart_after_fork(&mut self, model: &Model, place: Place) {
        let process = &mut self.processes[place];
        process.link = Link::Down;
        if model.is_off(Rule::ForksHaveTheirOwnFeed) {
            return;
        }
        process.end_lease();
        if !model.is_off(Rule::ForksBeginAnEpoch) {
            self.bump(model, place, Noted::EPOCH);
        }
    }

    /// Redis is used again. Unless the feed was connected all the time, earlier state no longer counts.
    pub fn go_up(&mut self, model: &Model, place: Place) {
        let process = &mut self.processes[place];
        process.link = Link::Up;
        if process.feed != Feed::Connected && !model.is_off(Rule::NewEpochAfterOutage) {
            process.end_lease();
            self.bump(model, place, Noted::EPOCH);
        }
    }
}

impl Process {
    /// The notice of a writer has been received. That of a `clear` has two parts.
    fn pass(&mut self, model: &Model, writer: usize) {
        let is_clear = matches!(model.role(writer), Role::Clear(_));
        let both = [Notice::First(writer), Notice::Cleared(writer)];
        if !is_clear || !both.into_iter().any(|notice| self.inbox.has(notice)) {
            self.behind &= !(1 << writer);
        }
    }

    /// From here on it relies on nothing that notices could make stale.
    pub fn end_lease(&mut self) {
        self.lapsed |= self.lease;
        self.lease = false;
        self.behind = 0;
    }

    pub fn renew_lease(&mut self) {
        self.lapsed = false;
        self.lease = true;
    }

    /// The connection of the feed is lost, and with it the notices on their way.
    pub fn disconnect(&mut self) {
        self.feed = Feed::Disconnected;
        self.inbox = Notices::default();
        self.echoes = Notices::default();
    }
}
