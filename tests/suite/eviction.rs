//! Redis has no room left and evicts what has not been used for long: entries, placeholders and tokens alike.

use std::convert::identity;
use std::time::Duration;

use cache_runtime::SetOptions;
use redis::Connection;

use crate::source::Source;
use crate::stores::{TestCache, on_own_servers};
use crate::video::{Load, Way, call, receives};

/// The server has room for about two hundred values of this size.
const ROOM: u64 = 1_000_000;
const FILLER: usize = 5_000;
/// This many of them take some of the other keys with them when they go, and leave some.
const SOME: u64 = 100;

/// A server that is full.
struct Full {
    connection: Connection,
    written: u64,
}

impl Full {
    fn new(cache: &TestCache) -> Full {
        let server = cache.server();
        let limit = (number_in(&server.cli::<String>(&["INFO", "memory"]), "used_memory:") + ROOM)
            .to_string();
        server.cli::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
        server.cli::<()>(&["CONFIG", "SET", "maxmemory", &limit]);
        Full { connection: server.connect().unwrap(), written: 0 }
    }

    /// Writes until this many keys have had to go: the oldest, and those beside them by chance.
    fn evict(&mut self, keys: u64) {
        let wanted = self.evicted() + keys;
        while self.evicted() < wanted {
            let mut writes = redis::pipe();
            for _ in 0..20 {
                self.written += 1;
                let value = "x".repeat(FILLER);
                writes.set(format!("filler:{}", self.written), value).ignore();
            }
            writes.exec(&mut self.connection).unwrap();
        }
    }

    fn evicted(&mut self) -> u64 {
        let stats: String = redis::cmd("INFO").arg("stats").query(&mut self.connection).unwrap();
        number_in(&stats, "evicted_keys:")
    }
}

fn number_in(info: &str, name: &str) -> u64 {
    info.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn an_invalidation_outlasts_what_redis_evicts() {
    on_own_servers(identity, async |cache: TestCache| {
        let (peer, mut full) = (cache.peer().await, Full::new(&cache));
        let source = Source::new(0);
        for (value, way) in (1..).zip([Way::ALL; 3].concat()) {
            for process in [&cache.manager, &peer] {
                receives(process, &source, value - 1).await;
            }
            source.set(value);
            way.invalidate(&cache.manager).await;
            full.evict(SOME);
            // The evicted tokens are created again, for another entry.
            let options = SetOptions::ttl(Duration::from_secs(60)).tag("team:red");
            cache.manager.set("video:meta:8", &value, options).await.unwrap();
            assert_eq!(call(&cache.manager, &source).await.unwrap(), value, "{way:?}");
            assert_eq!(call(&cache.peer().await, &source).await.unwrap(), value, "{way:?}");
            receives(&peer, &source, value).await;
            // The next round begins with some of what its entry depends on.
            full.evict(SOME);
        }
        assert_eq!(
            cache.manager.stats().redis_outages,
            0,
            "the server was written to all the time"
        );
    })
    .await;
}

#[tokio::test]
async fn a_load_whose_mark_and_tokens_are_evicted_is_not_kept() {
    on_own_servers(identity, async |cache: TestCache| {
        let (peer, mut full) = (cache.peer().await, Full::new(&cache));
        let source = Source::new(0);
        let every_way =
            [&cache.manager, &peer].into_iter().flat_map(|by| Way::ALL.map(|way| (by, way)));
        for (value, (by, way)) in (1..).zip(every_way) {
            let load = Load::begin(&cache.manager, &source).await;
            full.evict(SOME);
            source.set(value);
            way.invalidate(by).await;
            full.evict(SOME);
            assert_eq!(load.end().await, value - 1);
            assert_eq!(call(&cache.manager, &source).await.unwrap(), value, "{way:?}");
            assert_eq!(call(&cache.peer().await, &source).await.unwrap(), value, "{way:?}");
            Way::Key.invalidate(&cache.manager).await;
        }
        assert_eq!(
            cache.manager.stats().redis_outages,
            0,
            "the server was written to all the time"
        );
    })
    .await;
}
