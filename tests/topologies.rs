//! The test support itself: clusters whose masters change and whose slots move.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use cache_tests::{RedisCluster, RedisServer};
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
