//! Causes the faults of a history.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use cache_tests::{Dice, PostgresDatabase, Proxy, RedisServer, Way};

use crate::checker::Record;
use crate::children::{Child, Role, Setting};
use crate::plan::Plan;

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    PauseRedis,
    RestartRedis,
    KillClients,
    FlushRedis,
    KillBackends,
    KillProcess,
}

impl Fault {
    pub const ALL: [Fault; 6] = [
        Fault::PauseRedis,
        Fault::RestartRedis,
        Fault::KillClients,
        Fault::FlushRedis,
        Fault::KillBackends,
        Fault::KillProcess,
    ];
}

/// Makes things go wrong, one after the other.
pub struct Disturber<'a> {
    dice: Dice,
    redis: &'a RedisServer,
    database: &'a PostgresDatabase<'a>,
    /// Before the database, for one of the processes.
    proxy: &'a Proxy,
    /// The kinds of faults that may happen.
    faults: &'static [Fault],
    pub done: BTreeMap<Fault, u64>,
    /// The records of processes that were killed, and the number of operations that they had done.
    pub killed: Vec<Record>,
    pub lost_operations: u64,
    next_process: u64,
}

impl<'a> Disturber<'a> {
    pub fn new(
        plan: &Plan,
        redis: &'a RedisServer,
        database: &'a PostgresDatabase<'a>,
        proxy: &'a Proxy,
    ) -> Self {
        Disturber {
            dice: Dice::of(plan.seed, 0),
            redis,
            database,
            proxy,
            faults: if plan.is_calm { &[] } else { &Fault::ALL },
            done: BTreeMap::new(),
            killed: Vec::new(),
            lost_operations: 0,
            next_process: plan.processes,
        }
    }

    /// Returns true if each kind of faults has been there.
    pub fn is_complete(&self) -> bool {
        self.done.len() == self.faults.len()
    }

    /// Causes a fault: each kind once, and then any. It has ended when this returns.
    pub fn disturb(&mut self, setting: &Setting<'_>, children: &mut [Child]) {
        if self.faults.is_empty() {
            return;
        }
        let next = self.faults.iter().find(|fault| !self.done.contains_key(fault));
        let fault = *next.unwrap_or_else(|| self.dice.pick(self.faults));
        match fault {
            Fault::PauseRedis => {
                self.redis.pause();
                self.wait();
                self.redis.resume();
            }
            Fault::RestartRedis => {
                self.redis.kill();
                self.wait();
                self.redis.restart();
            }
            Fault::KillClients => self.ask_redis(&["CLIENT", "KILL", "TYPE", "normal"]),
            Fault::FlushRedis => self.ask_redis(&["FLUSHALL"]),
            Fault::KillBackends => self.kill_backends(),
            Fault::KillProcess => self.kill_process(setting, children),
        }
        *self.done.entry(fault).or_default() += 1;
    }

    /// Lets everything work for a while.
    pub fn calm(&mut self) {
        let millis = if self.dice.percent(30) { 800..1_500 } else { 100..500 };
        sleep(Duration::from_millis(self.dice.within(millis)));
    }

    fn wait(&mut self) {
        sleep(Duration::from_millis(self.dice.within(10..200)));
    }

    /// It may be refused: there may be nothing to kill.
    fn ask_redis(&self, command: &[&str]) {
        if let Err(error) = self.redis.try_cli::<()>(command) {
            println!("{command:?}: {error}");
        }
    }

    fn kill_backends(&mut self) {
        let count = self.dice.within(1..6);
        self.database.psql(&format!(
            "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid() \
             order by random() limit {count}) as victims"
        ));
    }

    fn kill_process(&mut self, setting: &Setting<'_>, children: &mut [Child]) {
        for child in children.iter_mut().filter(|child| child.has(Role::Mortal)) {
            self.replace(setting, child);
            child.obey("start", "started");
        }
    }

    fn replace(&mut self, setting: &Setting<'_>, child: &mut Child) {
        self.next_process += 1;
        let (record, operations) = child.replace(setting, self.next_process);
        self.killed.push(record);
        self.lost_operations += operations;
    }

    /// Kills a process that alone commits while Redis does not answer. No later change hides what it leaves.
    pub fn kill_without_redis(&mut self, setting: &Setting<'_>, children: &mut [Child]) {
        for child in children.iter_mut().filter(|child| child.has(Role::Mortal)) {
            child.obey("write", "writing");
            child.obey("start", "started");
            self.redis.pause();
            sleep(Duration::from_millis(800));
            self.replace(setting, child);
            self.redis.resume();
        }
    }

    /// Cuts a process off from the database while its commits are under way.
    pub fn cut_commits(&mut self, children: &mut [Child]) {
        for child in children.iter_mut().filter(|child| child.has(Role::Proxied)) {
            child.obey("write", "writing");
            child.obey("start", "started");
            for _ in 0..10 {
                self.proxy.stall_one_way(Way::Replies);
                sleep(Duration::from_millis(self.dice.within(20..60)));
                self.proxy.cut();
                self.proxy.pass();
                sleep(Duration::from_millis(self.dice.within(20..100)));
            }
            child.obey("stop", "stopped");
        }
    }
}
