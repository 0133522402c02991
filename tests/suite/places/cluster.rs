//! Redis Cluster: six processes, three of them masters.

use std::thread::sleep;

use cache_tests::{RedisCluster, RedisServer};

use super::traffic::goes_on_in_each_mode;
use super::*;
use crate::log::Log;
use crate::stores::until_up;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_does_everything_that_one_server_does() {
    let cluster = RedisCluster::builder().password("secret").start();
    for mode in [Mode::Redis, Mode::Tiered] {
        for protocol in ["resp2", "resp3"] {
            // One node is enough to find the others.
            let url = format!("{}?protocol={protocol}", cluster.node_url(1));
            let [here, there] = two(&url, mode, &unique_namespace()).await;
            until_up(&here).await;
            until_up(&there).await;
            everything_works(&here, &there).await;
            let diagnostics = here.diagnose().await;
            assert!(fault(&diagnostics).is_none(), "{diagnostics:#?}");
            assert_eq!(diagnostic(&diagnostics, "topology").found, "a cluster of 3 masters");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_spread_over_the_masters() {
    let cluster = RedisCluster::start();
    let namespace = unique_namespace();
    let [here, _] = two(&cluster.url(), Mode::Redis, &namespace).await;
    let names: Vec<String> = (0..100).map(|id| format!("item:{id}")).collect();
    let values = names.iter().map(|name| (name.as_str(), &1_u64));
    here.set_many(values, SetOptions::default()).await.unwrap();
    let mut entries = 0;
    for master in cluster.masters() {
        let keys: Vec<String> =
            cluster.nodes()[master].cli(&["KEYS", &format!("{namespace}:item:*")]);
        assert!(keys.len() > 10, "{master}: {keys:?}");
        entries += keys.len();
    }
    assert_eq!(entries, 100);
    assert_eq!(here.clear("item:*").await.unwrap(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_go_on_while_a_replica_takes_over() {
    goes_on_in_each_mode(
        || RedisCluster::builder().password("secret").start(),
        RedisCluster::url,
        |cluster| {
            cluster.fail_over(0);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_go_on_while_a_master_is_silent_and_comes_back_as_a_replica() {
    goes_on_in_each_mode(RedisCluster::start, RedisCluster::url, |cluster| {
        cluster.fail_over_by(0, RedisServer::pause);
        cluster.nodes()[0].resume();
        cluster.wait_until_settled();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_go_on_while_master_and_replica_change_places() {
    goes_on_in_each_mode(RedisCluster::start, RedisCluster::url, |cluster| {
        cluster.switch_over(1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_go_on_while_slots_move() {
    goes_on_in_each_mode(
        || RedisCluster::builder().replicas(0).start(),
        RedisCluster::url,
        |cluster| {
            cluster.move_slots(0..3_000, 0, 1);
            cluster.move_slots(0..1_500, 1, 2);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_go_on_while_a_master_joins_and_the_one_they_knew_leaves() {
    goes_on_in_each_mode(
        || RedisCluster::builder().replicas(0).start(),
        |cluster| cluster.node_url(0),
        |cluster| {
            let new = cluster.add_master();
            cluster.move_slots(0..5_461, 0, new);
            cluster.nodes()[0].kill();
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_that_loses_confirmed_invalidations_brings_nothing_back() {
    for mode in MODES {
        let cluster = RedisCluster::start();
        let namespace = unique_namespace();
        let source = Source::new(1);
        // The name's node, a tag's, the root's: whichever loses what it has confirmed.
        for key in ["place:1", "#t:place", "#root"] {
            let [here, there] = two(&cluster.url(), mode, &namespace).await;
            assert_eq!(with(&there, place(&source, 1)).await, source.read().await);
            let master = cluster.master_of_key(&format!("{namespace}:{key}"));
            let value = source.read().await + 1;
            source.set(value);
            let runtime = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| {
                cluster.fail_over_losing(master, |_| {
                    runtime.block_on(async {
                        match key {
                            "place:1" => with(&here, change(&source, 1, value)).await,
                            "#t:place" => here.invalidate_prefix("place").await.unwrap(),
                            _ => _ = here.flush_all().await,
                        }
                        assert_eq!(here.disconnect().await, 0, "confirmed");
                    });
                });
            });
            let newcomer = two(&cluster.url(), mode, &namespace).await;
            for manager in newcomer.iter().chain([&there]) {
                until_up(manager).await;
                assert_eq!(with(manager, place(&source, 1)).await, value, "{mode:?}, {key}");
            }
            tokio::task::block_in_place(|| {
                cluster.nodes()[master].restart();
                cluster.wait_until_settled();
            });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_master_is_followed_although_the_queried_node_learns_of_it_late() {
    let cluster = RedisCluster::builder().node_timeout(Duration::from_secs(4)).start();
    let config = CacheConfig::default()
        .namespace(unique_namespace())
        .mode(Mode::Tiered)
        .redis_url(cluster.url())
        // Nobody else is to notice it.
        .redis_health_check_interval(Duration::from_secs(600));
    let manager = CacheManager::connect(config).await.unwrap();
    with(&manager, place(&Source::new(1), 1)).await;
    until(async || manager.health().await.feed_lag.is_some()).await;
    let before = manager.stats().feed_interruptions;
    tokio::task::block_in_place(|| {
        let mut masters = cluster.masters();
        masters.sort_by_key(|master| cluster.nodes()[*master].port());
        let filter = |packets: &str| {
            let asked = &cluster.nodes()[masters[0]];
            asked.cli::<()>(&["DEBUG", "DROP-CLUSTER-PACKET-FILTER", packets]);
        };
        // It votes for the new master, and does not receive that node's own messages.
        filter("1");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                sleep(Duration::from_millis(1_500));
                filter("-1");
            });
            cluster.switch_over(masters[1]);
        });
    });
    until(async || manager.stats().feed_interruptions > before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_on_their_way_are_found_on_both_nodes() {
    for mode in MODES {
        let cluster = RedisCluster::builder().replicas(0).start();
        let namespace = unique_namespace();
        let [here, there] = two(&cluster.url(), mode, &namespace).await;
        until_up(&there).await;
        let source = Source::new(1);
        assert_eq!(with(&here, place(&source, 1)).await, 1);
        for key in ["place:1", "#t:place", "#root"] {
            let slot = cluster.slot_of_key(&format!("{namespace}:{key}"));
            let from = cluster.master_of_slot(slot);
            let mut moving = cluster.begin_move(slot, from, (from + 1) % 3);
            for migrated in [false, true] {
                if migrated {
                    moving.migrate(100);
                }
                changes_are_seen(&here, &there, &WAYS[..5]).await;
                // A pattern cannot be scanned while keys move: all of the namespace is stale.
                let fresh = CacheManager::connect(here.config().clone()).await.unwrap();
                fresh.set("other", &1, SetOptions::default()).await.unwrap();
                let (log, _guard) = Log::capture();
                assert_eq!(fresh.clear("pl?ce:*").await.unwrap(), 1);
                assert_eq!(fresh.clear("pl?ce:*").await.unwrap(), 0);
                let said = log.lines("WARN");
                let said = said.iter().filter(|line| line.contains("keys keep moving")).count();
                assert_eq!(said, 1, "the second one is counted");
                assert_eq!(fresh.get::<u64>("other").await.unwrap(), None, "{key}, {migrated}");
            }
            moving.finish();
            everything_works(&here, &there).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_whose_key_has_moved_is_still_a_hit() {
    let cluster = RedisCluster::builder().replicas(0).start();
    let namespace = unique_namespace();
    let [here, _] = two(&cluster.url(), Mode::Redis, &namespace).await;
    let source = Source::new(1);
    with(&here, place(&source, 1)).await;
    let slot = cluster.slot_of_key(&format!("{namespace}:place:1"));
    let from = cluster.master_of_slot(slot);
    let mut moving = cluster.begin_move(slot, from, (from + 1) % 3);
    while moving.migrate(10) > 0 {}
    with(&here, place(&source, 1)).await;
    moving.finish();
    with(&here, place(&source, 1)).await;
    assert_eq!(source.reads(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_values_are_read_from_all_nodes_although_some_are_on_their_way() {
    let cluster = RedisCluster::builder().replicas(0).start();
    let namespace = unique_namespace();
    let [here, _] = two(&cluster.url(), Mode::Redis, &namespace).await;
    let names: Vec<String> = (0..100).map(|id| format!("item:{id}")).collect();
    let values: Vec<u64> = (0..100).collect();
    let pairs = names.iter().map(String::as_str).zip(&values);
    assert_eq!(here.set_many(pairs, SetOptions::default()).await.unwrap().stored, 100);
    let list = format!("{namespace}:item:list");
    cluster.nodes()[cluster.master_of_key(&list)].cli::<()>(&["RPUSH", &list, "not an entry"]);
    let all_are_read = async |when: &str| {
        let asked: Vec<_> =
            names.iter().map(String::as_str).chain(["item:none", "item:list"]).collect();
        let read = here.get_many::<u64>(&asked).await.unwrap();
        let expected: Vec<_> = (0..100).map(Some).chain([None, None]).collect();
        assert_eq!(read, expected, "{when}");
    };
    all_are_read("before").await;
    for key in ["item:7", "#t:item", "#root"] {
        let slot = cluster.slot_of_key(&format!("{namespace}:{key}"));
        let from = cluster.master_of_slot(slot);
        let mut moving = cluster.begin_move(slot, from, (from + 1) % 3);
        all_are_read("the key is still there").await;
        while moving.migrate(10) > 0 {}
        all_are_read("the key is gone, and the slot is not").await;
        moving.finish();
        all_are_read("the slot is gone").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_on_one_node_is_named() {
    let cluster = RedisCluster::builder().password("secret").start();
    let master = &cluster.nodes()[cluster.masters()[2]];
    master.cli::<()>(&["ACL", "SETUSER", "default", "-getrange"]);
    let manager = two(&cluster.url(), Mode::Tiered, &unique_namespace()).await[0].clone();
    manager.set("a", &1, Duration::from_secs(60)).await.unwrap();
    assert_eq!(manager.get("a").await.unwrap(), Some(1), "in memory");
    let health = manager.health().await;
    let reason = health.reason.unwrap();
    assert_eq!(health.backend, "memory");
    assert!(
        reason.contains("+getrange") && reason.contains(&master.port().to_string()),
        "{reason}"
    );
    master.cli::<()>(&["ACL", "SETUSER", "default", "+getrange"]);
    until_up(&manager).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_only_a_cluster_needs_is_missing_until_it_is_granted() {
    let cluster = RedisCluster::builder().replicas(0).password("secret").start();
    let master = &cluster.nodes()[cluster.masters()[2]];
    master.cli::<()>(&["ACL", "SETUSER", "default", "-cluster|nodes"]);
    let config = CacheConfig::default()
        .namespace(unique_namespace())
        .mode(Mode::Redis)
        .redis_url(cluster.url())
        .redis_health_check_interval(Duration::from_millis(50));
    let manager = CacheManager::connect(config).await.unwrap();
    let refusals = || {
        let stats: String = master.cli(&["INFO", "commandstats"]);
        let of_nodes = stats.lines().find(|line| line.starts_with("cmdstat_cluster|nodes:"));
        let refused = of_nodes.and_then(|line| line.split("rejected_calls=").nth(1));
        refused.and_then(|text| text.split(',').next()?.parse::<u64>().ok()).unwrap_or_default()
    };
    let is_missing = async || {
        let reason = manager.health().await.reason;
        reason.is_some_and(|reason| reason.contains("+cluster|nodes"))
    };
    until(async || refusals() >= 3 && is_missing().await).await;
    master.cli::<()>(&["ACL", "SETUSER", "default", "+cluster|nodes"]);
    until(async || !is_missing().await).await;
}
