use cache_tests::{Dice, RedisServer};

use super::wait;

/// The faults of a server, whether it is alone or one of many.
#[derive(Clone, Copy, Debug)]
pub enum Mishap {
    RestartEmpty,
    PauseRedis,
    KillClients,
    KillSubscribers,
    FlushRedis,
    EvictSome,
}

impl Mishap {
    pub const ALL: [Mishap; 6] = [
        Mishap::RestartEmpty,
        Mishap::PauseRedis,
        Mishap::KillClients,
        Mishap::KillSubscribers,
        Mishap::FlushRedis,
        Mishap::EvictSome,
    ];

    pub fn befall(self, server: &RedisServer, dice: &mut Dice) {
        match self {
            Mishap::RestartEmpty => {
                server.kill();
                if dice.percent(50) {
                    wait(dice);
                }
                server.restart();
            }
            Mishap::PauseRedis => {
                server.pause();
                wait(dice);
                server.resume();
            }
            Mishap::KillClients => try_cli(server, &["CLIENT", "KILL", "TYPE", "normal"]),
            Mishap::KillSubscribers => try_cli(server, &["CLIENT", "KILL", "TYPE", "pubsub"]),
            Mishap::FlushRedis => try_cli(server, &["FLUSHALL"]),
            Mishap::EvictSome => evict(server, dice),
        }
    }
}

/// Placeholders, tokens and values go, as they do where there is not enough memory.
fn evict(server: &RedisServer, dice: &mut Dice) {
    for _ in 0..dice.within(1..20) {
        if let Ok(key) = server.try_cli::<String>(&["RANDOMKEY"]) {
            try_cli(server, &["DEL", &key]);
        }
    }
}

/// It may be refused: there may be nothing to kill.
fn try_cli(server: &RedisServer, command: &[&str]) {
    let _ = server.try_cli::<redis::Value>(command);
}
