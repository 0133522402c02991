use std::thread::sleep;
use std::time::Duration;

use cache_tests::history::{GROUPS, Key, OWNERS, ROWS, owner_tag};
use cache_tests::{Dice, RedisCluster, RedisServer};

use super::mishap::Mishap;
use super::{Access, Redis, wait};
use crate::processes::{Process, hush, speak};

/// This many slots move at a time, or some less.
const SLOTS: usize = 300;

/// So long after it was dropped half-way something is invalidated once more.
const AFTERTHOUGHT: Duration = Duration::from_millis(550);

/// Three masters with a replica each. The nodes say themselves where they are: nothing can be put
/// before them.
pub struct Cluster {
    nodes: RedisCluster,
    /// The slots of the history's keys.
    slots: Vec<u16>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A master dies, and comes back once its replica has taken its place.
    FailOver,
    /// The same, and what it has confirmed at last is on no replica.
    LoseConfirmed,
    /// A master is silent until its replica has taken its place.
    Silence,
    /// Master and replica change places.
    SwitchOver,
    MoveSlots,
    /// One slot is on its way for a while.
    MoveByHalves,
    Mishap,
}

const KINDS: [Kind; 10] = [
    Kind::FailOver,
    Kind::LoseConfirmed,
    Kind::LoseConfirmed,
    Kind::Silence,
    Kind::SwitchOver,
    Kind::MoveSlots,
    Kind::MoveByHalves,
    Kind::MoveByHalves,
    Kind::Mishap,
    Kind::Mishap,
];

impl Cluster {
    pub fn start(namespace: &str) -> Self {
        let nodes = RedisCluster::start();
        let names = Key::all().flat_map(|key| [key.name(), format!("#t:{}", key.tag())]);
        let prefixes = (0..GROUPS).map(|group| format!("#t:datum:{group}"));
        let owners = (0..OWNERS).map(|owner| format!("#t:{}", owner_tag(owner)));
        let outer = ["pair", "tower", "wall"]
            .iter()
            .flat_map(|prefix| (0..ROWS).map(move |row| format!("{prefix}:{row}")));
        let counters = (0..16).map(|number| format!("#removals:{number}"));
        let others = ["#t:datum", "#t:#cleared", "#root", "#stats"].map(str::to_owned);
        let all = names.chain(prefixes).chain(owners).chain(outer).chain(counters).chain(others);
        let slots = all.map(|key| nodes.slot_of_key(&format!("{namespace}:{key}"))).collect();
        Cluster { nodes, slots }
    }

    fn change_master(&self, kind: Kind, dice: &mut Dice) {
        let master = *dice.pick(&self.nodes.masters());
        let node = &self.nodes.nodes()[master];
        match kind {
            Kind::Silence => _ = self.nodes.fail_over_by(master, RedisServer::pause),
            Kind::SwitchOver => _ = self.nodes.switch_over(master),
            _ => _ = self.nodes.fail_over(master),
        }
        if dice.percent(50) {
            wait(dice);
        }
        match kind {
            Kind::Silence => node.resume(),
            Kind::SwitchOver => {}
            _ => node.restart(),
        }
        self.nodes.wait_until_settled();
    }

    /// Before and after what is lost nothing is changed: what is invalidated then would hide it.
    fn lose_confirmed(&self, dice: &mut Dice, processes: &mut [Process]) {
        let master = *dice.pick(&self.nodes.masters());
        let millis = if dice.percent(70) { 0..30 } else { 30..400 };
        let time = Duration::from_millis(dice.within(millis));
        hush(processes);
        sleep(AFTERTHOUGHT);
        self.nodes.fail_over_losing(master, |_| {
            // The processes do all the writing.
            speak(processes);
            sleep(time);
            hush(processes);
        });
        sleep(Duration::from_millis(dice.within(500..2_000)));
        speak(processes);
        self.nodes.nodes()[master].restart();
    }

    /// Some slots go to another master, and one of them has keys of the history.
    fn move_slots(&self, dice: &mut Dice) {
        let (slot, from, to) = self.pick_move(dice);
        let owned = self.nodes.slots_of(from);
        let place = owned.partition_point(|other| *other < slot);
        let first = place.saturating_sub(SLOTS / 2);
        let last = owned.len().min(first + SLOTS);
        self.nodes.move_slots(owned[first..last].iter().copied(), from, to);
    }

    fn move_by_halves(&self, dice: &mut Dice) {
        let (slot, from, to) = self.pick_move(dice);
        let mut moving = self.nodes.begin_move(slot, from, to);
        for _ in 0..dice.below(3) {
            wait(dice);
            moving.migrate(dice.within(1..4) as usize);
        }
        wait(dice);
        moving.finish();
    }

    /// Returns a slot of the history's keys, who has it, and another master.
    fn pick_move(&self, dice: &mut Dice) -> (u16, usize, usize) {
        let slot = *dice.pick(&self.slots);
        let from = self.nodes.master_of_slot(slot);
        let mut others = self.nodes.masters();
        others.retain(|master| *master != from);
        (slot, from, *dice.pick(&others))
    }
}

impl Redis for Cluster {
    /// One node is enough to find the others, and of these any may be gone.
    fn access(&self, process: u64) -> Access {
        let node = process as usize % self.nodes.nodes().len();
        let url =
            if process.is_multiple_of(2) { self.nodes.node_url(node) } else { self.nodes.url() };
        Access { url, proxy: None }
    }

    fn disturb(&mut self, dice: &mut Dice, processes: &mut [Process]) -> String {
        let kind = *dice.pick(&KINDS);
        let what = match kind {
            Kind::FailOver | Kind::Silence | Kind::SwitchOver => {
                // Somebody may sleep through it all.
                match processes.iter_mut().find(|_| dice.percent(10)) {
                    None => self.change_master(kind, dice),
                    Some(process) => process.pause(|| self.change_master(kind, dice)),
                }
                format!("{kind:?}")
            }
            Kind::LoseConfirmed => {
                self.lose_confirmed(dice, processes);
                format!("{kind:?}")
            }
            Kind::MoveSlots => {
                self.move_slots(dice);
                format!("{kind:?}")
            }
            Kind::MoveByHalves => {
                self.move_by_halves(dice);
                format!("{kind:?}")
            }
            Kind::Mishap => {
                let (mishap, master) =
                    (*dice.pick(&Mishap::ALL), *dice.pick(&self.nodes.masters()));
                mishap.befall(&self.nodes.nodes()[master], dice);
                format!("{mishap:?} of node {master}")
            }
        };
        self.nodes.wait_until_settled();
        what
    }

    fn servers(&self) -> Vec<&RedisServer> {
        self.nodes.masters().into_iter().map(|master| &self.nodes.nodes()[master]).collect()
    }
}
