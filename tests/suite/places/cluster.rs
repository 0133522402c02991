//! Redis Cluster: six processes, three of them masters.

use std::sync::atomic::{AtomicBool, Ordering};

use cache_runtime::Status;
use cache_tests::RedisCluster;

use super::*;
use crate::stores::{until, until_up};

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
            let checks = here.diagnose().await;
            assert!(fault(&checks).is_none(), "{checks:#?}");
            assert_eq!(check(&checks, "topology").found, "a cluster of 3 masters");
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
