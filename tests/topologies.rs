//! The test support itself: clusters whose masters change and whose slots move, and sentinels that
//! name another master.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::net::TcpStream;
use std::panic;
use std::time::Duration;

use cache_tests::{RedisCluster, RedisServer, Sentinels};
use redis::RedisResult;

fn set(server: &RedisServer, key: &str) {
    server.cli::<()>(&["SET", key, "value"]);
}

fn get(server: &RedisServer, key: &str) -> RedisResult<Option<String>> {
    server.try_cli(&["GET", key])
}

fn has(server: &RedisServer, key: &str) -> bool {
    get(server, key).unwrap().is_some()
}

#[test]
fn a_replica_takes_the_place_of_a_master_that_dies_and_keeps_it() {
    let cluster = RedisCluster::start();
    assert_eq!(cluster.masters(), [0, 1, 2]);
    assert_eq!([0, 1, 2].map(|master| cluster.replica_of(master)), [3, 4, 5]);
    assert_eq!(cluster.url(), [0, 1, 2].map(|master| cluster.node_url(master)).join(","));

    let master = cluster.master_of_key("key");
    let replica = cluster.replica_of(master);
    set(&cluster.nodes()[master], "key");
    assert_eq!(cluster.fail_over(master), replica);
    assert_eq!(cluster.master_of_key("key"), replica);
    assert!(has(&cluster.nodes()[replica], "key"));

    cluster.nodes()[master].restart();
    cluster.wait_until_settled();
    assert_eq!(cluster.replicas_of(replica), [master]);
    assert_eq!(cluster.nodes()[master].cli::<Vec<String>>(&["KEYS", "*"]), ["key"]);
}

#[test]
fn a_master_that_was_paused_too_long_is_a_replica_when_it_goes_on() {
    let cluster = RedisCluster::builder().node_timeout(Duration::from_millis(500)).start();
    let promoted = cluster.fail_over_by(0, RedisServer::pause);
    assert_eq!(cluster.masters(), [1, 2, promoted]);
    assert_eq!(cluster.replicas_of(promoted), []);
    cluster.nodes()[0].resume();
    cluster.wait_until_settled();
    assert_eq!(cluster.replicas_of(promoted), [0]);
}

#[test]
fn only_writes_that_no_replica_saw_are_lost() {
    let cluster = RedisCluster::start();
    let (kept, lost) = ("{tag}kept", "{tag}lost");
    let first = cluster.master_of_key("{tag}");
    set(&cluster.nodes()[first], kept);

    let second = cluster.switch_over(first);
    assert_eq!(cluster.replicas_of(second), [first]);
    assert!(has(&cluster.nodes()[second], kept));

    let third = cluster.fail_over_losing(second, |master| set(master, lost));
    assert_eq!(third, first);
    assert!(has(&cluster.nodes()[third], kept));
    assert!(!has(&cluster.nodes()[third], lost));
}

#[test]
fn a_slot_moves_by_halves_and_many_move_at_once() {
    let mut cluster = RedisCluster::builder().replicas(0).password("secret").start();
    let to = cluster.add_master();
    assert_eq!((to, cluster.masters().len()), (3, 3));

    let from = cluster.master_of_key("{tag}");
    let slot = cluster.slot_of_key("{tag}");
    let keys = ["{tag}1", "{tag}2", "{tag}3"];
    keys.iter().for_each(|key| set(&cluster.nodes()[from], key));
    let mut half_way = cluster.begin_move(slot, from, to);
    assert_eq!(half_way.migrate(2), 2);
    let answers = keys.map(|key| get(&cluster.nodes()[from], key));
    let asked = answers.iter().filter_map(|answer| answer.as_ref().err()?.code());
    assert_eq!(asked.collect::<Vec<_>>(), ["ASK", "ASK"]);
    let all = ["MGET", keys[0], keys[1], keys[2]];
    let error = cluster.nodes()[from].try_cli::<()>(&all).unwrap_err();
    assert_eq!(error.code(), Some("TRYAGAIN"));

    half_way.finish();
    assert_eq!(cluster.master_of_slot(slot), to);
    assert_eq!(cluster.nodes()[to].cli::<Vec<String>>(&all), ["value"; 3]);

    let from = cluster.master_of_slot(0);
    cluster.move_slots(0..250, from, to);
    assert_eq!([0, 249].map(|slot| cluster.master_of_slot(slot)), [to, to]);
    assert_eq!(cluster.master_of_slot(250), from);
}

#[test]
fn sentinels_name_another_master_and_make_a_replica_of_the_old_one() {
    let builder = Sentinels::builder().replicas(2).password("secret");
    let sentinels = builder.sentinel_password("hidden").start();
    let hosts: Vec<_> = sentinels.sentinels().iter().map(RedisServer::port).collect();
    let [first, second, third] = hosts[..] else { panic!("{hosts:?}") };
    let hosts = format!("127.0.0.1:{first},127.0.0.1:{second},127.0.0.1:{third}");
    let url = format!("redis-sentinel://:secret@{hosts}/mymaster?sentinel_password=hidden");
    assert_eq!(sentinels.url(), url);

    set(&sentinels.servers()[0], "key");
    sentinels.wait_in_sync();
    let master = sentinels.fail_over();
    assert_ne!(master, 0);
    assert_eq!(sentinels.master(), master);
    assert!(has(&sentinels.servers()[master], "key"));

    sentinels.servers()[0].restart();
    sentinels.wait_until_settled();
    assert!(has(&sentinels.servers()[0], "key"));
    let error = sentinels.servers()[0].try_cli::<()>(&["SET", "key", "other"]).unwrap_err();
    assert_eq!(error.code(), Some("READONLY"));
}

#[test]
fn two_sentinels_are_enough_and_writes_that_no_replica_saw_are_lost() {
    let sentinels = Sentinels::start();
    let master = sentinels.switch_over();
    assert_eq!(master, 1);
    set(&sentinels.servers()[master], "kept");
    sentinels.sentinels()[0].kill();
    let master = sentinels.fail_over_losing(|master| set(master, "lost"));
    assert_eq!(master, 0);
    assert!(sentinels.is_in_sync());
    assert!(has(&sentinels.servers()[master], "kept"));
    assert!(!has(&sentinels.servers()[master], "lost"));
}

#[test]
fn sentinels_and_their_servers_die_with_a_test_that_panics() {
    let start = || {
        let sentinels = Sentinels::start();
        let all = sentinels.servers().iter().chain(sentinels.sentinels());
        panic::panic_any(all.map(RedisServer::port).collect::<Vec<_>>());
    };
    let ports = *panic::catch_unwind(start).unwrap_err().downcast::<Vec<u16>>().unwrap();
    assert_eq!(ports.len(), 5);
    assert!(ports.into_iter().all(|port| TcpStream::connect(("127.0.0.1", port)).is_err()));
}

/// The commands of the documentation: each topology runs next to a command, which finds it, and ends
/// with the command.
#[test]
fn a_command_is_run_beside_each_kind_of_redis() {
    let documented = include_str!("../cache-runtime/docs/redis.md");
    let with_redis = |arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_with-redis"))
            .args(arguments)
            .output()
            .unwrap()
    };
    for (topology, scheme) in [
        ("single", "redis://"),
        ("tls", "rediss://"),
        ("sentinel", "redis-sentinel://"),
        ("cluster", "redis://"),
    ] {
        let line = format!("cargo run -p cache-tests --bin with-redis -- {topology} cargo run");
        assert!(documented.contains(&line), "{line}");
        let ran = with_redis(&[topology, "sh", "-c", "echo $REDIS_URL; exit 7"]);
        assert_eq!(ran.status.code(), Some(7));
        let url = String::from_utf8(ran.stdout).unwrap();
        assert!(url.starts_with(scheme), "{topology}: {url}");
        assert_eq!(url.contains(','), ["sentinel", "cluster"].contains(&topology), "{url}");
    }
    let ran = with_redis(&["elsewhere"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8(ran.stderr).unwrap().contains("single|tls|sentinel|cluster"));
}
