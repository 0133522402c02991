//! Several processes, one Redis.

use std::sync::Arc;

use cache_tests::{RedisServer, Worker, unique_namespace};

use crate::stores::{shared_server, wait_for};

/// Some processes that share a namespace, each with data of its own, so that a value tells who
/// has loaded it.
pub fn workers<const N: usize>() -> (Arc<RedisServer>, [Worker; N]) {
    let server = shared_server();
    let (url, namespace) = (server.url(), unique_namespace());
    let workers = std::array::from_fn(|number| {
        let mut worker = spawn(&url, &namespace);
        worker.call(&format!("data of-{number}"));
        worker
    });
    (server, workers)
}

/// Returns a process that keeps its values in Redis, patient enough for a busy machine.
fn spawn(url: &str, namespace: &str) -> Worker {
    Worker::spawn_with(&[
        ("REDIS_URL", url),
        ("CACHE_NAMESPACE", namespace),
        ("CACHE_MODE", "redis"),
        ("REDIS_CONNECT_TIMEOUT", "10s"),
        ("REDIS_TIMEOUT", "5s"),
    ])
}

#[test]
fn a_process_gets_what_another_has_loaded() {
    let (_server, [mut first, mut second]) = workers();
    assert_eq!(first.call("get a"), "a=of-0");
    assert_eq!(second.call("get a"), "a=of-0");
    assert_eq!(second.call("loads"), "0");
    assert_eq!(second.call("get b"), "b=of-1");
    assert_eq!(first.call("get b"), "b=of-1");
    assert_eq!(first.call("loads"), "1");
}

#[test]
fn a_process_started_later_gets_what_is_there() {
    let (server, namespace) = (shared_server(), unique_namespace());
    let mut first = spawn(&server.url(), &namespace);
    first.call("data early");
    assert_eq!(first.call("get a"), "a=early");
    assert!(first.finish(), "a process that has used the cache ends well");
    let mut second = spawn(&server.url(), &namespace);
    assert_eq!(second.call("get a"), "a=early");
}

#[test]
fn an_invalidation_in_one_process_is_seen_by_the_next_call_in_another() {
    for invalidate in
        ["change a", "change-all", "delete item:a", "clear item:*", "clear *a", "flush"]
    {
        let (_server, [mut first, mut second]) = workers();
        assert_eq!(first.call("get a"), "a=of-0");
        assert_eq!(second.call("get a"), "a=of-0");
        second.call(invalidate);
        first.call("data new");
        assert_eq!(first.call("get a"), "a=new", "{invalidate}");
        assert_eq!(second.call("get a"), "a=new", "{invalidate}");
    }
}

#[test]
fn an_invalidation_of_one_item_leaves_the_others() {
    let (_server, [mut first, mut second]) = workers();
    first.call("get a");
    first.call("get b");
    second.call("change a");
    second.call("get a");
    assert_eq!(first.call("get a"), "a=of-1");
    assert_eq!(first.call("get b"), "b=of-0");
}

#[test]
fn a_load_in_one_process_that_an_invalidation_in_another_overtook_is_not_served() {
    for invalidate in
        ["change a", "change-all", "delete item:a", "clear item:*", "clear *a", "flush"]
    {
        let (server, [mut slow, mut other, mut third]) = workers();
        slow.call("delay 150");
        slow.send("get a");
        wait_for_a_mark(&server, &mut third, "item");
        other.call(invalidate);
        assert_eq!(slow.receive(), "a=of-0");
        assert_eq!(other.call("get a"), "a=of-1", "{invalidate}");
        assert_eq!(third.call("get a"), "a=of-1", "{invalidate}");
    }
}

/// Waits until a process in this worker's namespace has begun to load `prefix:a`: it leaves a
/// placeholder.
pub fn wait_for_a_mark(server: &RedisServer, worker: &mut Worker, prefix: &str) {
    let key = format!("{}:{prefix}:a", worker.call("env CACHE_NAMESPACE"));
    wait_for(|| server.cli::<bool>(&["EXISTS", &key]));
}

#[test]
fn a_value_set_directly_is_seen_by_other_processes() {
    let (_server, [mut first, mut second]) = workers();
    first.call("set user:1 Ada");
    assert_eq!(second.call("peek user:1"), "Ada");
    second.call("set user:1 Grace");
    assert_eq!(first.call("peek user:1"), "Grace");
    assert_eq!(second.call("delete user:1"), "true");
    assert_eq!(first.call("peek user:1"), "none");
}

#[test]
fn namespaces_are_apart() {
    let server = shared_server();
    let mut first = spawn(&server.url(), &unique_namespace());
    let mut second = spawn(&server.url(), &unique_namespace());
    first.call("data of-0");
    second.call("data of-1");
    assert_eq!(first.call("get a"), "a=of-0");
    assert_eq!(second.call("get a"), "a=of-1");
    second.call("flush");
    assert_eq!(first.call("get a"), "a=of-0");
    assert_eq!(first.call("loads"), "1");
}

#[test]
fn what_a_killed_process_has_invalidated_stays_so() {
    let (_server, [mut first, mut second]) = workers();
    assert_eq!(first.call("get a"), "a=of-0");
    second.call("change a");
    second.kill();
    first.call("data new");
    assert_eq!(first.call("get a"), "a=new");
}

#[test]
fn a_process_killed_while_it_loads_hinders_nobody() {
    let (server, [mut slow, mut other]) = workers();
    slow.call("delay 60000");
    slow.send("get a");
    wait_for_a_mark(&server, &mut other, "item");
    slow.kill();
    assert_eq!(other.call("get a"), "a=of-1");
    assert_eq!(other.call("get a"), "a=of-1");
    assert_eq!(other.call("loads"), "1", "the value has been stored over the mark");
}

#[test]
fn what_was_invalidated_while_redis_was_down_does_not_come_back_in_any_process() {
    let server = RedisServer::start();
    let namespace = unique_namespace();
    let [mut first, mut second] = [(); 2].map(|()| spawn(&server.url(), &namespace));
    first.call("data old");
    assert_eq!(first.call("get a"), "a=old");
    assert_eq!(second.call("get a"), "a=old");
    server.cli::<()>(&["SAVE"]);
    server.kill();
    second.call("change a");
    first.call("data new");
    second.call("data new");
    assert_eq!(second.call("get a"), "a=new");
    server.restart();
    for worker in [&mut first, &mut second] {
        wait_for(|| worker.call("backend") == "redis");
    }
    assert_eq!(first.call("get a"), "a=new");
    assert_eq!(second.call("get a"), "a=new");
}
