//! The Redis of a history, and what goes wrong with it.

mod cluster;
mod mishap;
mod single;

use std::thread::sleep;
use std::time::Duration;

use cache_tests::{Dice, Proxy, RedisServer};

use crate::plan::Kind;
use crate::processes::Process;

pub trait Redis {
    /// Returns the access of the process with this number to Redis.
    fn access(&self, process: u64) -> Access;

    /// Causes one fault, which is over when this returns. Returns its description, which begins with one word.
    fn disturb(&mut self, dice: &mut Dice, processes: &mut [Process]) -> String;

    /// Returns the servers that have keys which no other has.
    fn servers(&self) -> Vec<&RedisServer>;
}

/// The access of a process to Redis.
pub struct Access {
    pub url: String,
    pub proxy: Option<Proxy>,
}

/// Returns a Redis of this kind, for this namespace.
pub fn start(kind: Kind, namespace: &str) -> Box<dyn Redis> {
    match kind {
        Kind::Single => Box::new(single::Single::start()),
        Kind::Cluster => Box::new(cluster::Cluster::start(namespace)),
    }
}

/// For as long as something goes wrong: less than a deadline, or some of them.
pub fn wait(dice: &mut Dice) {
    let millis = if dice.percent(30) { 1..100 } else { 100..1_200 };
    sleep(Duration::from_millis(dice.within(millis)));
}
