//! A process is stopped, and goes on: what was invalidated meanwhile it has to find out.

use std::thread::sleep;
use std::time::Duration;

use cache_tests::{Proxy, RedisServer, Way, Worker, unique_namespace};

/// For longer than a lease.
const ASLEEP: Duration = Duration::from_millis(2_500);

/// A worker behind a proxy, with copies in memory, and one beside it that has stored `a` as `old`.
struct Sleeper {
    server: RedisServer,
    proxy: Proxy,
    sleeper: Worker,
    other: Worker,
}

fn sleeper() -> Sleeper {
    let server = RedisServer::start();
    let proxy = Proxy::before(server.port());
    let namespace = unique_namespace();
    let spawn = |port: u16| {
        let mut worker = Worker::spawn_with(&[
            ("REDIS_URL", &format!("redis://127.0.0.1:{port}")),
            ("CACHE_NAMESPACE", &namespace),
            ("CACHE_MODE", "tiered"),
            ("REDIS_CONNECT_TIMEOUT", "10s"),
            ("REDIS_TIMEOUT", "20s"),
        ]);
        until(|| worker.call("backend") == "tiered");
        worker
    };
    let (mut other, sleeper) = (spawn(server.port()), spawn(proxy.port()));
    other.call("data old");
    assert_eq!(other.call("get a"), "a=old");
    Sleeper { server, proxy, sleeper, other }
}

fn change(other: &mut Worker) {
    other.call("data new");
    other.call("change a");
    assert_eq!(other.call("get a"), "a=new");
}

fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_question_from_before_is_not_joined_afterwards() {
    let Sleeper { server, proxy, mut sleeper, mut other } = sleeper();
    let asked = || {
        let commands: String = server.cli(&["INFO", "commandstats"]);
        let is_read =
            |line: &&str| line.starts_with("cmdstat_mget") || line.starts_with("cmdstat_get:");
        commands
            .lines()
            .filter(is_read)
            .map(|line| line[..line.find(",usec").unwrap()].to_owned())
            .collect::<Vec<_>>()
    };
    let before = asked();
    proxy.stall_one_way(Way::Replies);
    sleeper.call("begin a");
    until(|| asked() != before);
    sleeper.pause();
    change(&mut other);
    sleep(ASLEEP);
    sleeper.resume();
    sleeper.send("get a");
    // Time to join the question, if it could be.
    sleep(Duration::from_millis(300));
    proxy.pass();
    assert_eq!(sleeper.receive(), "a=new");
}

#[test]
fn a_copy_from_before_is_not_served_afterwards() {
    let Sleeper { server: _server, proxy: _proxy, mut sleeper, mut other } = sleeper();
    assert_eq!(sleeper.call("get a"), "a=old");
    sleeper.pause();
    change(&mut other);
    sleep(ASLEEP);
    sleeper.resume();
    // The coarse clock lags until its thread has run, or until something is not in memory.
    sleeper.call("get b");
    assert_eq!(sleeper.call("get a"), "a=new");
}
