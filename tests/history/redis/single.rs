use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use cache_tests::{Dice, Proxy, RedisServer, Way};

use super::mishap::Mishap;
use super::{Access, Redis, wait};
use crate::processes::{Process, hush, speak};

/// One server, and before it a proxy for every second process; the others are quicker.
pub struct Single {
    server: RedisServer,
    folder: PathBuf,
    saved: bool,
}

/// The faults of the connection of one process.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Cut,
    CutInReply,
    StallInReply,
    Stall,
    StallRequests,
    StallReplies,
    Slow,
    Refuse,
}

const HARMS: [Harm; 8] = [
    Harm::Cut,
    Harm::CutInReply,
    Harm::StallInReply,
    Harm::Stall,
    Harm::StallRequests,
    Harm::StallReplies,
    Harm::Slow,
    Harm::Refuse,
];

impl Single {
    pub fn start() -> Self {
        let server = RedisServer::start();
        let [_, folder]: [String; 2] = server.cli(&["CONFIG", "GET", "dir"]);
        Single { server, folder: PathBuf::from(folder), saved: false }
    }

    /// Restarts the server with its data of a while ago. Nothing is changed meanwhile: an invalidation during the
    /// restart would hide the old data.
    fn restart_old(&mut self, dice: &mut Dice, processes: &mut [Process]) {
        if !self.saved {
            self.save();
            wait(dice);
        }
        hush(processes);
        self.server.kill();
        fs::copy(self.folder.join("old.rdb"), self.folder.join("dump.rdb")).expect("a copy");
        self.server.restart();
        fs::remove_file(self.folder.join("dump.rdb")).expect("what it has loaded");
        wait(dice);
        speak(processes);
    }

    fn save(&mut self) {
        self.server.cli::<()>(&["SAVE"]);
        fs::rename(self.folder.join("dump.rdb"), self.folder.join("old.rdb"))
            .expect("what it saved");
        self.saved = true;
    }
}

impl Redis for Single {
    fn access(&self, process: u64) -> Access {
        let proxy = process.is_multiple_of(2).then(|| Proxy::before(self.server.port()));
        let port = proxy.as_ref().map_or(self.server.port(), Proxy::port);
        Access { url: format!("redis://127.0.0.1:{port}"), proxy }
    }

    fn disturb(&mut self, dice: &mut Dice, processes: &mut [Process]) -> String {
        match dice.below(16) {
            0 => {
                self.restart_old(dice, processes);
                "RestartOld".to_owned()
            }
            1 => {
                self.save();
                "Save".to_owned()
            }
            2..8 => {
                let mishap = *dice.pick(&Mishap::ALL);
                mishap.befall(&self.server, dice);
                format!("{mishap:?}")
            }
            _ => harm_one(dice, processes),
        }
    }

    fn servers(&self) -> Vec<&RedisServer> {
        vec![&self.server]
    }
}

fn harm_one(dice: &mut Dice, processes: &[Process]) -> String {
    let harm = *dice.pick(&HARMS);
    let behind: Vec<&Process> =
        processes.iter().filter(|process| process.proxy.is_some()).collect();
    let Some((process, proxy)) = behind
        .get(dice.below(behind.len() as u64) as usize)
        .and_then(|process| Some((process.number, process.proxy.as_ref()?)))
    else {
        return format!("{harm:?} of nobody");
    };
    harm.befall(proxy, dice);
    proxy.pass();
    format!("{harm:?} of process {process}")
}

impl Harm {
    fn befall(self, proxy: &Proxy, dice: &mut Dice) {
        let bytes = dice.below(3_000) as usize;
        match self {
            Harm::Cut => return proxy.cut(),
            Harm::CutInReply => proxy.cut_after(bytes),
            Harm::StallInReply => proxy.stall_after(bytes),
            Harm::Stall => proxy.stall(),
            Harm::StallRequests => proxy.stall_one_way(Way::Requests),
            Harm::StallReplies => proxy.stall_one_way(Way::Replies),
            Harm::Slow => proxy.slow(Duration::from_millis(dice.within(5..150))),
            Harm::Refuse => {
                proxy.refuse();
                proxy.cut();
            }
        }
        match self {
            // Longer than anything in memory may be believed.
            Harm::Stall | Harm::StallReplies if dice.percent(25) => {
                sleep(Duration::from_millis(dice.within(3_000..5_000)));
            }
            _ => wait(dice),
        }
        // Connections that were held up go on, or are lost.
        if dice.percent(30) {
            proxy.cut();
        }
    }
}
