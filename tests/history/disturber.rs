//! What goes wrong during a history.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use cache_tests::history::{Span, now_us};
use cache_tests::{Dice, Proxy, RedisServer, Way};

use crate::checker::Record;
use crate::processes::{Process, Setting};

/// Something that went wrong.
#[derive(Clone, Debug)]
pub struct Disturbance {
    pub span: Span,
    pub what: String,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    RestartEmpty,
    RestartOld,
    Save,
    PauseRedis,
    KillClients,
    KillSubscribers,
    FlushRedis,
    EvictSome,
    Cut,
    CutInReply,
    StallInReply,
    Stall,
    StallRequests,
    StallReplies,
    Slow,
    Refuse,
    PauseProcess,
    KillProcess,
}

const KINDS: [Kind; 18] = [
    Kind::RestartEmpty,
    Kind::RestartOld,
    Kind::Save,
    Kind::PauseRedis,
    Kind::KillClients,
    Kind::KillSubscribers,
    Kind::FlushRedis,
    Kind::EvictSome,
    Kind::Cut,
    Kind::CutInReply,
    Kind::StallInReply,
    Kind::Stall,
    Kind::StallRequests,
    Kind::StallReplies,
    Kind::Slow,
    Kind::Refuse,
    Kind::PauseProcess,
    Kind::KillProcess,
];

/// Makes things go wrong, one after the other, as the dice will have it.
pub struct Disturber<'a> {
    dice: Dice,
    server: &'a RedisServer,
    folder: PathBuf,
    saved: bool,
    pub done: Vec<Disturbance>,
    /// What processes have recorded that were killed, and how many operations they had done.
    pub killed: Vec<Record>,
    pub lost_operations: u64,
    next_process: u64,
}

impl<'a> Disturber<'a> {
    pub fn new(seed: u64, server: &'a RedisServer, next_process: u64) -> Self {
        let [_, folder]: [String; 2] = server.cli(&["CONFIG", "GET", "dir"]);
        Disturber {
            dice: Dice::of(seed, 0),
            server,
            folder: PathBuf::from(folder),
            saved: false,
            done: Vec::new(),
            killed: Vec::new(),
            lost_operations: 0,
            next_process,
        }
    }

    /// One thing goes wrong, and is well again when this returns.
    pub fn disturb(&mut self, setting: &Setting<'_>, processes: &mut [Process]) {
        let kind = *self.dice.pick(&KINDS);
        let begin = now_us();
        let what = self.make(kind, setting, processes);
        self.done.push(Disturbance { span: Span { begin, end: now_us() }, what });
    }

    /// A time in which nothing goes wrong, mostly a short one.
    pub fn calm(&mut self) {
        let millis = if self.dice.percent(20) { 500..1_500 } else { 20..400 };
        sleep(Duration::from_millis(self.dice.within(millis)));
    }

    fn make(&mut self, kind: Kind, setting: &Setting<'_>, processes: &mut [Process]) -> String {
        match kind {
            Kind::PauseProcess | Kind::KillProcess => {
                self.disturb_process(kind, setting, processes)
            }
            Kind::Cut
            | Kind::CutInReply
            | Kind::StallInReply
            | Kind::Stall
            | Kind::StallRequests
            | Kind::StallReplies
            | Kind::Slow
            | Kind::Refuse => self.disturb_connection(kind, processes),
            Kind::RestartOld => {
                self.restart_old(processes);
                format!("{kind:?}")
            }
            _ => {
                self.disturb_redis(kind);
                format!("{kind:?}")
            }
        }
    }

    fn disturb_redis(&mut self, kind: Kind) {
        match kind {
            Kind::RestartEmpty => self.restart_empty(),
            Kind::Save => self.save(),
            Kind::PauseRedis => {
                self.server.pause();
                self.wait();
                self.server.resume();
            }
            Kind::KillClients => drop(self.try_cli(&["CLIENT", "KILL", "TYPE", "normal"])),
            Kind::KillSubscribers => drop(self.try_cli(&["CLIENT", "KILL", "TYPE", "pubsub"])),
            Kind::FlushRedis => drop(self.try_cli(&["FLUSHALL"])),
            _ => self.evict(),
        }
    }

    /// A server without anything.
    fn restart_empty(&mut self) {
        self.server.kill();
        if self.dice.percent(50) {
            self.wait();
        }
        self.server.restart();
    }

    /// A server with what it had a while ago. Nothing is changed meanwhile: what is invalidated while
    /// it is away would hide what it brings back.
    fn restart_old(&mut self, processes: &mut [Process]) {
        if !self.saved {
            self.save();
            self.wait();
        }
        processes.iter_mut().for_each(|process| process.hush(true));
        // What is under way comes to its end.
        sleep(Duration::from_millis(60));
        self.server.kill();
        fs::copy(self.folder.join("old.rdb"), self.folder.join("dump.rdb")).expect("a copy");
        self.server.restart();
        fs::remove_file(self.folder.join("dump.rdb")).expect("what it has loaded");
        self.wait();
        processes.iter_mut().for_each(|process| process.hush(false));
    }

    fn save(&mut self) {
        self.server.cli::<()>(&["SAVE"]);
        fs::rename(self.folder.join("dump.rdb"), self.folder.join("old.rdb"))
            .expect("what it saved");
        self.saved = true;
    }

    /// Marks, tokens and values go, as they do where there is not enough memory.
    fn evict(&mut self) {
        for _ in 0..self.dice.within(1..20) {
            if let Ok(key) = self.server.try_cli::<String>(&["RANDOMKEY"]) {
                let _ = self.try_cli(&["DEL", &key]);
            }
        }
    }

    fn disturb_connection(&mut self, kind: Kind, processes: &mut [Process]) -> String {
        let behind: Vec<&Process> =
            processes.iter().filter(|process| process.proxy.is_some()).collect();
        let Some((process, proxy)) = behind
            .get(self.dice.below(behind.len() as u64) as usize)
            .and_then(|process| Some((process.number, process.proxy.as_ref()?)))
        else {
            return format!("{kind:?} of nobody");
        };
        self.harm(kind, proxy);
        proxy.pass();
        format!("{kind:?} of process {process}")
    }

    fn harm(&mut self, kind: Kind, proxy: &Proxy) {
        let bytes = self.dice.below(3_000) as usize;
        match kind {
            Kind::Cut => return proxy.cut(),
            Kind::CutInReply => proxy.cut_after(bytes),
            Kind::StallInReply => proxy.stall_after(bytes),
            Kind::Stall => proxy.stall(),
            Kind::StallRequests => proxy.stall_one_way(Way::Requests),
            Kind::StallReplies => proxy.stall_one_way(Way::Replies),
            Kind::Slow => proxy.slow(Duration::from_millis(self.dice.within(5..150))),
            _ => {
                proxy.refuse();
                proxy.cut();
            }
        }
        match kind {
            // Longer than anything in memory may be believed.
            Kind::Stall | Kind::StallReplies if self.dice.percent(25) => {
                sleep(Duration::from_millis(self.dice.within(3_000..5_000)));
            }
            _ => self.wait(),
        }
        // Connections that were held up go on, or are lost.
        if self.dice.percent(30) {
            proxy.cut();
        }
    }

    fn disturb_process(
        &mut self,
        kind: Kind,
        setting: &Setting<'_>,
        processes: &mut [Process],
    ) -> String {
        let chosen = self.dice.below(processes.len() as u64) as usize;
        let process = &mut processes[chosen];
        let number = process.number;
        if matches!(kind, Kind::PauseProcess) {
            // Also for longer than it may believe its memory without having asked.
            let long = Duration::from_millis(self.dice.within(2_000..3_000));
            let is_long = self.dice.percent(30);
            process.pause(|| if is_long { sleep(long) } else { self.wait() });
            return format!("PauseProcess {number}");
        }
        self.next_process += 1;
        let (record, operations) = process.replace(setting, self.next_process);
        self.killed.push(record);
        self.lost_operations += operations;
        format!("KillProcess {number}, then came {}", self.next_process)
    }

    /// For as long as something goes wrong: less than a deadline, or some of them.
    fn wait(&mut self) {
        let millis = if self.dice.percent(30) { 1..100 } else { 100..1_200 };
        sleep(Duration::from_millis(self.dice.within(millis)));
    }

    /// It may be refused: there may be nothing to kill.
    fn try_cli(&self, command: &[&str]) -> redis::RedisResult<redis::Value> {
        self.server.try_cli(command)
    }
}
