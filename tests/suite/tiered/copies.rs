//! Copies in memory: which values are copied, which requests a read sends to Redis, and the lifetime of
//! a copy.

use std::time::Duration;

use cache_runtime::{CacheManager, SetOptions, Ttl, cached, with};
use cache_tests::RedisServer;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::{From, fetch, own_tiered, until_received};
use crate::source::Source;
use crate::stores::{Store, TestCache, on_store, on_stores, until};
use crate::video::{NAME, Way, call, receives, video};

const SECOND: Duration = Duration::from_secs(1);
const TIERED: [Store; 1] = [Store::Tiered];

#[tokio::test]
async fn a_value_is_in_memory_once_it_was_loaded_or_read() {
    on_stores(&TIERED, async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        assert_eq!(fetch(&cache.manager, &source).await, (1, From::Load));
        assert_eq!(fetch(&cache.manager, &source).await, (1, From::Memory));
        assert_eq!(fetch(&peer, &source).await, (1, From::Redis));
        assert_eq!(fetch(&peer, &source).await, (1, From::Memory));
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_read_is_one_get_once_the_tokens_are_known() {
    let cache = own_tiered(|config| config).await;
    let (peer, manager) = (cache.peer().await, &cache.manager);
    let names: Vec<String> = (0..10).map(|i| format!("user:{i}")).collect();
    for name in &names {
        peer.set(name, &1_u64, SetOptions::forever()).await.unwrap();
    }
    assert_eq!(manager.get(&names[0]).await.unwrap(), Some(1_u64));
    cache.server().cli::<()>(&["CONFIG", "RESETSTAT"]);
    for name in &names[1..] {
        assert_eq!(manager.get(name).await.unwrap(), Some(1_u64));
    }
    let stats: String = cache.server().cli(&["INFO", "commandstats"]);
    assert!(stats.contains("cmdstat_get:calls=9,"), "{stats}");
    assert!(!stats.contains("cmdstat_mget"), "{stats}");
    for name in &names {
        assert_eq!(manager.get(name).await.unwrap(), Some(1_u64));
    }
    assert_eq!(manager.stats().total.memory_hits, 10);
}

#[tokio::test]
async fn callers_at_once_share_one_read() {
    let cache = own_tiered(|config| config).await;
    let (source, peer) = (Source::new(1), cache.peer().await);
    assert_eq!(fetch(&peer, &source).await, (1, From::Load));
    cache.server().cli::<()>(&["CONFIG", "RESETSTAT"]);
    let calls: Vec<_> = (0..256).map(|_| call(&cache.manager, &source)).collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 1);
    }
    let stats: String = cache.server().cli(&["INFO", "commandstats"]);
    // With the tokens, none of which it has seen before.
    assert!(stats.contains("cmdstat_mget:calls=1,"), "{stats}");
    assert_eq!(source.reads(), 1);
}

#[tokio::test]
async fn a_copy_ends_with_its_entry() {
    on_stores(&TIERED, async |cache: TestCache| {
        let (source, peer) = (Source::new(1), cache.peer().await);
        assert_eq!(video(&source).await, 1);
        cache.clock.advance(30 * SECOND);
        // It has been there for half of its minute; the server's time goes on by itself.
        assert_eq!(fetch(&peer, &source).await, (1, From::Redis));
        cache.clock.advance(20 * SECOND);
        assert_eq!(fetch(&peer, &source).await, (1, From::Memory));
        source.set(2);
        // Two managers are of one opinion about the server's time to a few milliseconds.
        cache.clock.advance(10 * SECOND + SECOND / 20);
        assert_eq!(fetch(&peer, &source).await, (2, From::Load));
    })
    .await;
}

#[tokio::test]
async fn a_copy_ends_with_the_memory_ttl() {
    let settings = |config: cache_runtime::CacheConfig| config.memory_ttl(5 * SECOND);
    on_store(Store::Tiered, settings, async |cache: TestCache| {
        let source = Source::new(1);
        assert_eq!(video(&source).await, 1);
        // Nobody is told of this.
        cache.server().cli::<()>(&["DEL", &cache.redis_key(NAME)]);
        source.set(2);
        cache.clock.advance(4 * SECOND);
        assert_eq!(fetch(&cache.manager, &source).await, (1, From::Memory));
        cache.clock.advance(SECOND);
        assert_eq!(fetch(&cache.manager, &source).await, (2, From::Load));
    })
    .await;
}

#[tokio::test]
async fn a_copy_has_the_age_of_its_entry() {
    on_stores(&TIERED, async |cache: TestCache| {
        let manager = &cache.manager;
        cache.peer().await.set("a", &1_u64, Ttl::For(60 * SECOND)).await.unwrap();
        cache.clock.advance(20 * SECOND);
        assert_eq!(manager.get("a").await.unwrap(), Some(1_u64));
        let left = manager.ttl("a").await.unwrap().unwrap().duration().unwrap();
        // The server's time goes on by itself, and is known but for the time of a round trip.
        assert!(left < 50 * SECOND, "{left:?}");
    })
    .await;
}

#[tokio::test]
async fn many_values_come_from_memory_and_the_rest_in_one_question() {
    let cache = own_tiered(|config| config).await;
    let (peer, manager) = (cache.peer().await, &cache.manager);
    for i in 0..6_u64 {
        peer.set(&format!("n:{i}"), &i, SECOND * 60).await.unwrap();
    }
    let names: Vec<String> = (0..7).map(|i| format!("n:{i}")).collect();
    assert_eq!(manager.get_many::<u64>(&names[..3]).await.unwrap(), [Some(0), Some(1), Some(2)]);
    cache.server().cli::<()>(&["CONFIG", "RESETSTAT"]);
    let all: Vec<Option<u64>> = manager.get_many(&names).await.unwrap();
    assert_eq!(all, [Some(0), Some(1), Some(2), Some(3), Some(4), Some(5), None]);
    let stats: String = cache.server().cli(&["INFO", "commandstats"]);
    assert!(stats.contains("cmdstat_mget:calls=1,"), "{stats}");
    let counts = manager.stats().total;
    assert_eq!((counts.memory_hits, counts.redis_hits, counts.misses), (3, 6, 1));
}

#[tokio::test]
async fn many_values_are_read_by_their_names_alone_once_the_tokens_are_known() {
    let cache = own_tiered(|config| config).await;
    let (peer, manager) = (cache.peer().await, &cache.manager);
    let names: Vec<String> = (0..200).map(|id| format!("user:{id}")).collect();
    let pairs = names.iter().map(|name| (name, &1_u64));
    peer.set_many(pairs, SetOptions::forever()).await.unwrap();
    let requests = Requests::of(&cache);
    assert_eq!(found(manager, &names[..100]).await, 100);
    assert_eq!(requests.keys_read(), [102], "with the tokens of the root and of the prefix");
    assert_eq!(found(manager, &names[100..]).await, 100);
    assert_eq!(requests.keys_read(), [100]);
    assert_eq!(found(manager, &names).await, 200);
    assert_eq!(requests.keys_read(), [0; 0], "all are in memory");
    peer.invalidate_prefix("user").await.unwrap();
    until(async || found(manager, &names).await == 0).await;
}

#[tokio::test]
async fn the_own_tags_of_many_values_are_looked_up_together() {
    let cache = own_tiered(|config| config).await;
    let (peer, manager) = (cache.peer().await, &cache.manager);
    let names: Vec<String> = (0..100).map(|id| format!("user:{id}")).collect();
    for (id, name) in names.iter().enumerate() {
        let options = SetOptions::forever().tag(format!("of:{id}"));
        peer.set(name, &1_u64, options).await.unwrap();
    }
    let requests = Requests::of(&cache);
    for is_cold in [true, false] {
        assert_eq!(found(manager, &names).await, 100);
        let keys = requests.keys_read();
        if is_cold {
            assert_eq!(keys, [102, 102], "the values, then the tokens of all tags");
        } else {
            assert_eq!(keys, [0; 0], "all are in memory");
        }
    }
    peer.invalidate_tag("of:7").await.unwrap();
    until(async || found(manager, &names).await == 99).await;
    assert_eq!(manager.get::<u64>("user:7").await.unwrap(), None);
}

#[tokio::test]
async fn many_values_are_read_in_small_parts_only_if_they_are_known_to_be_large() {
    let cache = own_tiered(|config| config.redis_timeout(10 * SECOND)).await;
    let (peer, manager) = (cache.peer().await, &cache.manager);
    let large = "x".repeat(20 << 10);
    for (prefix, value) in [("small", "x"), ("large", large.as_str())] {
        let names: Vec<String> = (0..300).map(|id| format!("{prefix}:{id}")).collect();
        let value = value.to_owned();
        let pairs = names.iter().map(|name| (name, &value));
        peer.set_many(pairs, SetOptions::forever()).await.unwrap();
        assert_eq!(manager.get(&names[0]).await.unwrap().as_ref(), Some(&value));
        let requests = Requests::of(&cache);
        let read = manager.get_many::<String>(&names[1..]).await.unwrap();
        assert!(read.iter().all(|read| read.as_ref() == Some(&value)), "{prefix}");
        let keys = requests.keys_read();
        match prefix {
            "small" => assert_eq!(keys, [256, 43]),
            _ => assert_eq!(keys[..2], [16, 50], "the next parts are about 1 MiB: {keys:?}"),
        }
    }
}

/// Returns how many of these names have a value.
async fn found(manager: &CacheManager, names: &[String]) -> usize {
    manager.get_many::<u64>(names).await.unwrap().into_iter().flatten().count()
}

/// The requests that a server receives for values and tokens, by its log of commands.
struct Requests<'a>(&'a RedisServer);

impl<'a> Requests<'a> {
    /// Watches the server of this cache.
    fn of(cache: &'a TestCache) -> Self {
        let server = cache.server();
        for (setting, value) in [("slowlog-log-slower-than", "0"), ("slowlog-max-len", "1000")] {
            server.cli::<()>(&["CONFIG", "SET", setting, value]);
        }
        server.cli::<()>(&["SLOWLOG", "RESET"]);
        Requests(server)
    }

    /// Returns the number of keys of each read since the last call.
    fn keys_read(&self) -> Vec<usize> {
        let log: Vec<(u64, u64, u64, Vec<String>, String, String)> =
            self.0.cli(&["SLOWLOG", "GET", "1000"]);
        self.0.cli::<()>(&["SLOWLOG", "RESET"]);
        let reads = log.iter().rev().map(|(_, _, _, command, ..)| command);
        let reads = reads.filter(|command| ["GET", "MGET"].contains(&command[0].as_str()));
        reads.map(|command| number_of_arguments(command)).collect()
    }
}

/// Returns the number of arguments of a command in the log, which names the first 31 parts of a command.
fn number_of_arguments(command: &[String]) -> usize {
    let rest = command.last().and_then(|last| last.strip_prefix("... ("));
    match rest {
        Some(rest) => command.len() - 2 + rest.split(' ').next().unwrap().parse::<usize>().unwrap(),
        None => command.len() - 1,
    }
}

#[cached(tier = "tiered", key_prefix = "tiers:tiered", skip(source))]
async fn tiered(source: &Source) -> u64 {
    source.read().await
}

#[cached(tier = "redis", key_prefix = "tiers:redis", skip(source))]
async fn strict(source: &Source) -> u64 {
    source.read().await
}

#[tokio::test]
async fn a_function_may_choose_another_tier_than_the_configuration() {
    for store in Store::WITH_REDIS {
        on_stores(&[store], async |cache: TestCache| {
            let (source, manager) = (Source::new(1), &cache.manager);
            let hits = || (manager.stats().total.memory_hits, manager.stats().total.redis_hits);
            tiered(&source).await;
            let heard = async || manager.health().await.feed_lag.is_some();
            crate::stores::until(heard).await;
            assert_eq!(tiered(&source).await, 1);
            let (memory, redis) = hits();
            assert_eq!(tiered(&source).await, 1);
            assert_eq!(hits(), (memory + 1, redis), "{store:?}");
            strict(&source).await;
            assert_eq!(strict(&source).await, 1);
            assert_eq!(hits(), (memory + 1, redis + 1), "{store:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_too_large_for_memory_is_read_from_redis() {
    let cache = own_tiered(|config| config.memory_capacity(64 << 10)).await;
    until_received(&cache.manager).await;
    let large = "x".repeat(200_000);
    cache.manager.set("large", &large, SECOND * 60).await.unwrap();
    for _ in 0..2 {
        assert_eq!(cache.manager.get::<String>("large").await.unwrap().as_ref(), Some(&large));
    }
    assert_eq!(cache.manager.stats().total.redis_hits, 2);
}

/// The removal in Redis is held up, and its notice has not been received. A value that is read from Redis meanwhile
/// is copied, and the copy must not stay.
#[tokio::test]
async fn what_is_copied_while_redis_is_told_of_an_invalidation_does_not_stay() {
    let cache = own_tiered(|config| config).await;
    let (peer, manager) = (cache.peer().await, &cache.manager);
    for way in Way::ALL {
        let source = Source::new(1);
        receives(&peer, &source, 1).await;
        // The connection of a runtime of its own, so that it is not this one's that is held up.
        let invalidator = manager.clone();
        let (is_ready, ready) = oneshot::channel();
        let (begin, begins) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                invalidator.health().await;
                is_ready.send(()).unwrap();
                begins.await.unwrap();
                way.invalidate(&invalidator).await;
            });
        });
        ready.await.unwrap();
        cache.server().cli::<()>(&["CLIENT", "PAUSE", "60000", "WRITE"]);
        begin.send(()).unwrap();
        until(async || {
            let clients: String = cache.server().cli(&["INFO", "clients"]);
            !clients.contains("blocked_clients:0")
        })
        .await;
        source.set(2);
        assert_eq!(fetch(manager, &source).await, (1, From::Redis), "{way:?}");
        assert_eq!(with(manager, video(&source)).await, 1, "{way:?}");
        assert!(!thread.is_finished());
        cache.server().cli::<()>(&["CLIENT", "UNPAUSE"]);
        thread.join().unwrap();
        assert_eq!(with(manager, video(&source)).await, 2, "{way:?}");
        // Nobody here has the value of this round in memory at the beginning of the next.
        way.invalidate(manager).await;
        receives(&peer, &Source::new(3), 3).await;
        way.invalidate(manager).await;
    }
}
