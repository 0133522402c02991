//! A master that sentinels look after.

use cache_tests::{RedisServer, Sentinels};

use super::traffic::goes_on_in_each_mode;
use super::*;
use crate::stores::until_up;

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_say_where_the_master_is() {
    let sentinels = Sentinels::builder().password("secret").sentinel_password("hidden").start();
    for mode in MODES {
        for protocol in ["resp2", "resp3"] {
            let url = format!("{}&protocol={protocol}", sentinels.url());
            let [here, there] = two(&url, mode, &unique_namespace()).await;
            until_up(&here).await;
            until_up(&there).await;
            everything_works(&here, &there).await;
            let diagnostics = here.diagnose().await;
            assert!(fault(&diagnostics).is_none(), "{diagnostics:#?}");
            let topology = &diagnostic(&diagnostics, "topology").found;
            let port = sentinels.servers()[sentinels.master()].port();
            assert_eq!(*topology, format!("`mymaster` is 127.0.0.1:{port}, as sentinels say"));
            assert!(!format!("{diagnostics:?}").contains("secret"), "{diagnostics:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_sentinels_is_said() {
    let sentinels = Sentinels::builder().sentinel_password("hidden").start();
    let refusal = async |url: String| {
        let config = CacheConfig::default().redis_url(url).require_redis(true);
        let error = CacheManager::connect(config).await.unwrap_err();
        let error = format!("{error:#}");
        assert!(!error.contains("hidden") && !error.contains("wrong"), "{error}");
        error
    };
    let error = refusal(sentinels.url().replace("/mymaster", "/another")).await;
    assert!(error.contains("it does not know a master `another`"), "{error}");
    let error = refusal(sentinels.url().replace("hidden", "wrong")).await;
    assert!(error.contains("no sentinel names a usable master"), "{error}");
    for sentinel in sentinels.sentinels() {
        sentinel.kill();
    }
    let error = refusal(sentinels.url()).await;
    assert_eq!(error.matches("refused").count(), 3, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinel_that_is_silent_makes_nobody_wait_long() {
    let sentinels = Sentinels::start();
    sentinels.sentinels()[0].pause();
    let [here, there] = two(&sentinels.url(), Mode::Tiered, &unique_namespace()).await;
    everything_works(&here, &there).await;
    sentinels.sentinels()[0].resume();
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_go_on_while_a_replica_takes_over() {
    goes_on_in_each_mode(
        || Sentinels::builder().password("secret").start(),
        Sentinels::url,
        |sentinels| {
            sentinels.fail_over();
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_go_on_while_a_master_is_silent_and_comes_back_as_a_replica() {
    goes_on_in_each_mode(Sentinels::start, Sentinels::url, |sentinels| {
        let silent = sentinels.master();
        sentinels.fail_over_by(RedisServer::pause);
        sentinels.servers()[silent].resume();
        sentinels.wait_until_settled();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_go_on_while_master_and_replica_change_places() {
    goes_on_in_each_mode(Sentinels::start, Sentinels::url, |sentinels| {
        sentinels.switch_over();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_that_loses_confirmed_invalidations_brings_nothing_back() {
    for mode in MODES {
        let sentinels = Sentinels::start();
        let namespace = unique_namespace();
        let source = Source::new(1);
        let [here, there] = two(&sentinels.url(), mode, &namespace).await;
        assert_eq!(with(&there, place(&source, 1)).await, 1);
        assert_eq!(with(&there, place(&source, 2)).await, 1);
        sentinels.wait_in_sync();
        source.set(2);
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| {
            sentinels.fail_over_losing(|_| {
                runtime.block_on(async {
                    with(&here, change(&source, 1, 2)).await;
                    here.invalidate_tag("places").await.unwrap();
                    assert_eq!(here.disconnect().await, 0, "confirmed");
                });
            });
        });
        // The replica has the values and tokens of before; who has invalidated them is gone.
        let newcomers = two(&sentinels.url(), mode, &namespace).await;
        for manager in newcomers.iter().chain([&there]) {
            until_up(manager).await;
            for id in [1, 2] {
                assert_eq!(with(manager, place(&source, id)).await, 2, "{mode:?}, {id}");
            }
        }
    }
}
