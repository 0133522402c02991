//! The requests that a function of many keys sends to Redis.

use std::collections::{BTreeMap, HashMap};

use cache_runtime::{CacheCall as _, Error, cache_put, with};
use cache_tests::RedisServer;

use super::data::{Rows, many, row, rows, tenfold};
use crate::stores::{Store, TestCache, in_time, on_own_servers, until, until_up};

/// Returns how often each command was called.
fn commands(server: &RedisServer) -> BTreeMap<String, u64> {
    let text: String = server.cli(&["INFO", "commandstats"]);
    let count = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    };
    text.lines().filter_map(count).collect()
}

/// Returns how often these commands were called during `run`.
async fn called<const N: usize>(
    cache: &TestCache,
    names: [&str; N],
    run: impl Future<Output = ()>,
) -> [u64; N] {
    let of = |commands: &BTreeMap<String, u64>, name: &str| {
        commands.get(name).copied().unwrap_or_default()
    };
    let before = commands(cache.server());
    run.await;
    let after = commands(cache.server());
    names.map(|name| of(&after, name) - of(&before, name))
}

#[tokio::test]
async fn a_hundred_ids_are_read_with_one_request_and_their_common_tokens_are_noted_once() {
    on_own_servers(
        |config| config,
        async |cache| {
            let data = Rows::new();
            (1..=100).for_each(|id| data.set(id, id * 10));
            let ids: Vec<u64> = (1..=100).collect();
            let all = async || assert_eq!(many(&data, &ids).await, tenfold(&ids));
            // A first id makes its values known as small, and the scripts as loaded.
            many(&data, &[500]).await;
            let cold = called(&cache, ["mget", "get", "evalsha"], all()).await;
            // For each id a begin and a fill, and the token of the root and that of `many`, noted once. Scripts read
            // the tokens, too.
            let [mget, _, evalsha] = cold;
            assert_eq!((mget, evalsha), (2, 100 + 2 + 100), "{cold:?}");
            // Another process has nothing in memory.
            let other = cache.peer().await;
            let all = async || with(&other, async { all().await }).await;
            if cache.store == Store::Tiered {
                // Once the feed is connected, the tokens are kept.
                until(async || {
                    let [mget] = called(&cache, ["mget"], all()).await;
                    mget == 0
                })
                .await;
            } else {
                let warm = called(&cache, ["mget", "get", "evalsha"], all()).await;
                assert_eq!(warm, [1, 0, 0]);
            }
        },
    )
    .await;
}

#[cache_put(entry = row(data, id), each(id in ids))]
async fn restore(data: &Rows, ids: &[u64]) -> HashMap<u64, u64> {
    _ = data;
    tenfold(ids)
}

#[tokio::test]
async fn the_common_tokens_of_a_hundred_puts_are_noted_once() {
    on_own_servers(
        |config| config,
        async |cache| {
            let data = Rows::new();
            let ids: Vec<u64> = (1..=100).collect();
            // A first put makes the scripts known.
            restore(&data, &[500, 501]).await;
            let put = called(&cache, ["evalsha"], async { _ = restore(&data, &ids).await }).await;
            // For each id a begin and a fill, and the token of the root and that of `row`, noted once.
            assert_eq!(put, [100 + 2 + 100]);
            assert_eq!(rows(&data, &ids).await, Ok(tenfold(&ids)));
            assert_eq!(data.bodies(), Vec::<Vec<u64>>::new());
        },
    )
    .await;
}

async fn of_many(data: Rows, ids: Vec<u64>) -> HashMap<u64, u64> {
    many(&data, &ids).await
}

#[tokio::test]
async fn a_server_that_has_lost_the_scripts_gets_them_again() {
    on_own_servers(
        |config| config,
        async |cache| {
            let data = Rows::new();
            let flush = || cache.server().cli::<()>(&["SCRIPT", "FLUSH"]);
            flush();
            let hold = data.hold();
            let call = cache.spawn(of_many(data.clone(), vec![1, 2, 3]));
            hold.reached().await;
            flush();
            hold.release();
            assert_eq!(in_time(call).await.unwrap(), tenfold(&[1, 2, 3]));
            let other = cache.peer().await;
            assert_eq!(with(&other, many(&data, &[1, 2, 3])).await, tenfold(&[1, 2, 3]));
            assert_eq!(data.bodies(), [[1, 2, 3]], "it was stored");
            assert_eq!(cache.manager.stats().redis_errors, 0);
        },
    )
    .await;
}

#[tokio::test]
async fn while_redis_is_down_the_values_are_kept_in_memory() {
    on_own_servers(
        |config| config,
        async |cache| {
            let data = Rows::new();
            many(&data, &[1, 2]).await;
            cache.server().kill();
            assert_eq!(in_time(many(&data, &[1, 2, 3])).await, tenfold(&[1, 2, 3]));
            let hold = data.hold();
            let call = cache.spawn(of_many(data.clone(), vec![4, 5]));
            hold.reached().await;
            cache.server().restart();
            hold.release();
            assert_eq!(in_time(call).await.unwrap(), tenfold(&[4, 5]));
            until_up(&cache.manager).await;
            assert_eq!(in_time(many(&data, &[1, 5])).await, tenfold(&[1, 5]));
            assert_eq!(cache.manager.stats().flights, 0);
        },
    )
    .await;
}

#[tokio::test]
async fn redis_may_die_while_a_body_runs() {
    on_own_servers(
        |config| config,
        async |cache| {
            let data = Rows::new();
            let hold = data.hold();
            let call = cache.spawn(of_many(data.clone(), vec![1, 2]));
            hold.reached().await;
            cache.server().kill();
            hold.release();
            assert_eq!(in_time(call).await.unwrap(), tenfold(&[1, 2]));
            data.set(1, 11);
            cache.server().restart();
            until_up(&cache.manager).await;
            assert_eq!(in_time(many(&data, &[1])).await[&1], 11, "nothing was stored");
        },
    )
    .await;
}

#[tokio::test]
async fn a_call_of_many_keys_has_no_entry_of_its_own() {
    let cache = TestCache::new(Store::Memory, |config| config).await;
    with(&cache.manager, async {
        let data = Rows::new();
        let error = many(&data, &[1, 2]).cache_entry().peek().await.unwrap_err();
        assert!(matches!(error, Error::NoEntry { .. }), "{error:?}");
        assert!(error.to_string().contains("many"), "{error}");
        assert!(many(&data, &[1]).cache_entry().invalidate().await.is_err());
        assert_eq!(many(&data, &[1, 2]).await, HashMap::from([(1, 10), (2, 20)]));
    })
    .await;
}
