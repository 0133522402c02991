//! Values that share a name with others that are of no use to them: of another version of the program, as
//! during a rolling deploy, or of another function.

use std::cell::Cell;
use std::time::Duration;

use cache_runtime::{CacheCall as _, CacheManager, cache, cache_put, cached, with};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_each_store, on_stores, until};

tokio::task_local! {
    /// The version of the program that a task belongs to.
    static VERSION: u8;
}

thread_local! {
    /// The version of the program whose body has run last, for tasks of the cache.
    static LAST: Cell<u8> = const { Cell::new(0) };
}

fn version() -> u8 {
    VERSION.try_with(|version| *version).unwrap_or_else(|_| LAST.get())
}

/// The value that a program stores for a video. Each version has fields of its own.
#[derive(Clone, Debug, PartialEq)]
struct Video {
    views: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Video")]
struct First {
    views: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Video")]
struct Second {
    views: u64,
    shares: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Video")]
struct Third {
    shares: u32,
    views: u64,
    length: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Video")]
struct Fourth {
    clicks: u64,
}

impl Serialize for Video {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Video { views } = *self;
        match version() {
            1 => First { views }.serialize(serializer),
            2 => Second { views, shares: 0 }.serialize(serializer),
            3 => Third { shares: 0, views, length: None }.serialize(serializer),
            _ => Fourth { clicks: views }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Video {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let views = match version() {
            1 => First::deserialize(deserializer)?.views,
            2 => Second::deserialize(deserializer)?.views,
            3 => Third::deserialize(deserializer)?.views,
            _ => Fourth::deserialize(deserializer)?.clicks,
        };
        Ok(Video { views })
    }
}

#[cached(ttl = "1m", key_prefix = "video", key = "{id}", tags = ["red"])]
async fn video(source: &Source, id: u64) -> Video {
    Video { views: id * 100 + source.read().await }
}

#[cached(ttl = "1m", skip(source))]
async fn hashed(source: &Source, id: u64) -> Video {
    Video { views: id * 100 + source.read().await }
}

#[cached(ttl = "1m", key_prefix = "shared", key = "{id}", coalesce = "fleet")]
async fn shared(source: &Source, id: u64) -> Video {
    Video { views: id * 100 + source.read().await }
}

#[cached(ttl = "1m", stale_while_revalidate = "10m", key_prefix = "refreshed", key = "{id}")]
async fn refreshed(source: &Source, version: u8, id: u64) -> Video {
    let views = id * 100 + source.read().await;
    LAST.set(version);
    Video { views }
}

#[cache_put(entry = video(source, id))]
async fn put_video(source: &Source, id: u64) -> Video {
    Video { views: id * 100 + source.read().await }
}

/// A process that runs this version of the program, with data of its own.
struct Process {
    manager: CacheManager,
    version: u8,
    source: Source,
}

impl Process {
    /// Returns one for each version; the first one is that of the test's cache.
    async fn of_versions<const N: usize>(cache: &TestCache) -> [Process; N] {
        let mut processes = Vec::new();
        for version in 1..=N as u8 {
            let manager = if version == 1 { cache.manager.clone() } else { cache.peer().await };
            processes.push(Process { manager, version, source: Source::new(1) });
        }
        processes.try_into().unwrap_or_else(|_| unreachable!("one for each"))
    }

    async fn run<T>(&self, future: impl Future<Output = T>) -> T {
        with(&self.manager, VERSION.scope(self.version, future)).await
    }

    async fn video(&self, id: u64) -> u64 {
        self.run(video(&self.source, id)).await.views
    }
}

#[tokio::test]
async fn each_version_of_a_function_keeps_its_hits() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let processes: [Process; 2] = Process::of_versions(&cache).await;
        for round in 0..20 {
            for process in &processes {
                for id in 0..10 {
                    assert_eq!(process.video(id).await, id * 100 + 1, "round {round}");
                    let hashed = process.run(hashed(&process.source, id)).await;
                    assert_eq!(hashed.views, id * 100 + 1);
                }
            }
        }
        for process in &processes {
            assert_eq!(process.source.reads(), 20, "version {}", process.version);
        }
        // A process that starts only now finds what its version has stored.
        let late = Process { manager: cache.peer().await, version: 2, source: Source::new(2) };
        assert_eq!(late.video(3).await, 301);
        assert_eq!(late.source.reads(), 0);
    })
    .await;
}

#[tokio::test]
async fn four_versions_keep_their_hits() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let processes: [Process; 4] = Process::of_versions(&cache).await;
        for _ in 0..5 {
            for process in processes.iter().rev() {
                assert_eq!(process.video(1).await, 101);
            }
        }
        for process in &processes {
            assert_eq!(process.source.reads(), 1, "version {}", process.version);
        }
    })
    .await;
}

#[tokio::test]
async fn each_version_keeps_its_hits_directly() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let processes: [Process; 2] = Process::of_versions(&cache).await;
        for _ in 0..5 {
            for Process { manager, source, version } in &processes {
                let load = || async {
                    Ok::<_, cache_runtime::Error>(Video { views: source.read().await })
                };
                let ttl = Duration::from_secs(60);
                let found = async {
                    let loaded = manager.get_or_load("by:hand", ttl, load).await.unwrap();
                    assert_eq!(manager.get("by:hand").await.unwrap(), Some(loaded.clone()));
                    let many = manager.get_many::<Video>(&["by:hand", "none"]).await.unwrap();
                    assert_eq!(many, [Some(loaded.clone()), None]);
                    loaded.views
                };
                assert_eq!(VERSION.scope(*version, found).await, 1);
            }
        }
        for process in &processes {
            assert_eq!(process.source.reads(), 1, "version {}", process.version);
        }
    })
    .await;
}

#[tokio::test]
async fn a_process_that_reads_many_values_at_once_finds_those_of_its_version() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let names: Vec<String> = (0..10).map(|id| format!("by:hand:{id}")).collect();
        let processes: [Process; 2] = Process::of_versions(&cache).await;
        for Process { manager, source, version } in &processes {
            let load =
                || async { Ok::<_, cache_runtime::Error>(Video { views: source.read().await }) };
            for name in &names {
                let loaded = manager.get_or_load(name, Duration::from_secs(60), load);
                assert_eq!(VERSION.scope(*version, loaded).await.unwrap().views, 1);
            }
        }
        for version in [1, 2] {
            let late = cache.peer().await;
            let read = VERSION.scope(version, late.get_many::<Video>(&names)).await.unwrap();
            assert_eq!(read, vec![Some(Video { views: 1 }); 10], "version {version}");
            assert_eq!(late.stats().total.misses, 0, "version {version}");
        }
    })
    .await;
}

/// The ways to say that a video has changed.
const CHANGES: [&str; 8] = ["entry", "delete", "prefix", "tag", "clear", "clear one", "set", "put"];

async fn change(process: &Process, how: &str) {
    let new = Video { views: 102 };
    process
        .run(async {
            match how {
                "entry" => video(&process.source, 1).cache_entry().invalidate().await.unwrap(),
                "delete" => drop(cache().delete("video:1").await.unwrap()),
                "prefix" => cache().invalidate_prefix("video").await.unwrap(),
                "tag" => cache().invalidate_tag("red").await.unwrap(),
                "clear" => drop(cache().clear("vid*").await.unwrap()),
                "clear one" => drop(cache().clear("video:?").await.unwrap()),
                "set" => cache().set("video:1", &new, Duration::from_secs(60)).await.unwrap(),
                _ => assert_eq!(put_video(&process.source, 1).await, new),
            }
        })
        .await;
}

#[tokio::test]
async fn whatever_removes_a_name_removes_what_each_version_has_stored() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let processes: [Process; 2] = Process::of_versions(&cache).await;
        for how in CHANGES {
            for changing in &processes {
                processes.iter().for_each(|process| process.source.set(1));
                cache.manager.flush_all().await;
                for process in &processes {
                    until(async || process.video(1).await == 101).await;
                }
                processes.iter().for_each(|process| process.source.set(2));
                change(changing, how).await;
                assert_eq!(changing.video(1).await, 102, "{how} by {}", changing.version);
                for process in &processes {
                    // In memory it is received.
                    until(async || process.video(1).await == 102).await;
                    if cache.store.asks_redis_each_time() {
                        assert_eq!(process.video(1).await, 102, "{how}");
                    }
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_removal_is_seen_at_once_by_each_version_that_asks_redis() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let [first, second]: [Process; 2] = Process::of_versions(&cache).await;
        for how in CHANGES {
            cache.manager.flush_all().await;
            for process in [&first, &second] {
                process.source.set(1);
                assert_eq!(process.video(1).await, 101);
                process.source.set(2);
            }
            change(&first, how).await;
            assert_eq!(second.video(1).await, 102, "{how}");
        }
    })
    .await;
}

/// The entry under the name may be gone when what is beside it is still there.
#[tokio::test]
async fn clearing_finds_what_is_beside_a_name_that_has_no_entry() {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        let [first, second]: [Process; 2] = Process::of_versions(&cache).await;
        assert_eq!((first.video(1).await, second.video(1).await), (101, 101));
        let gone: u64 = cache.server().cli(&["DEL", &cache.redis_key("video:1")]);
        assert_eq!(gone, 1);
        assert_eq!(second.video(1).await, 101);
        assert_eq!(second.source.reads(), 1);
        second.source.set(2);
        assert_eq!(cache.manager.clear("video:*").await.unwrap(), 1);
        assert_eq!(second.video(1).await, 102);
    })
    .await;
}

#[tokio::test]
async fn flushing_leaves_no_entry_beside_a_name() {
    on_stores(&Store::ONE_SERVER, async |cache: TestCache| {
        let processes: [Process; 2] = Process::of_versions(&cache).await;
        for process in &processes {
            process.video(1).await;
        }
        let beside = cache.redis_key("#beside:*");
        assert_eq!(cache.server().cli::<Vec<String>>(&["KEYS", &beside]).len(), 1);
        assert_eq!(cache.manager.flush_all().await, 2);
        assert_eq!(cache.server().cli::<Vec<String>>(&["KEYS", &beside]).len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_load_beside_a_name_that_was_removed_meanwhile_is_not_stored() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let [first, second]: [Process; 2] = Process::of_versions(&cache).await;
        assert_eq!(first.video(1).await, 101);
        let hold = second.source.hold();
        let call = second.video(1);
        let meanwhile = async {
            hold.reached().await;
            second.source.set(2);
            cache.manager.delete("video:1").await.unwrap();
            hold.release();
        };
        let (old, ()) = tokio::join!(call, meanwhile);
        assert_eq!(old, 101);
        assert_eq!(second.video(1).await, 102);
    })
    .await;
}

/// Refreshing what is past its TTL says nothing about the data of others.
#[tokio::test]
async fn each_version_refreshes_its_stale_value_and_leaves_the_others() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let processes: [Process; 2] = Process::of_versions(&cache).await;
        let call = async |process: &Process| {
            process.run(refreshed(&process.source, process.version, 1)).await.views
        };
        for process in &processes {
            assert_eq!(call(process).await, 101);
        }
        cache.clock.advance(Duration::from_secs(61));
        for process in &processes {
            process.source.set(2);
            call(process).await;
            until(async || call(process).await == 102).await;
        }
        for process in &processes {
            assert_eq!(call(process).await, 102);
            assert_eq!(process.source.reads(), 2, "version {}", process.version);
        }
    })
    .await;
}

#[tokio::test]
async fn versions_that_wait_for_one_load_get_values_of_their_own() {
    on_stores(&Store::STRICT, async |cache: TestCache| {
        let [first, second]: [Process; 2] = Process::of_versions(&cache).await;
        let call = async |process: &Process| process.run(shared(&process.source, 1)).await.views;
        let hold = first.source.hold();
        let release = async {
            hold.reached().await;
            // It finds the placeholder of the other version's load, and waits.
            let waiting = call(&second);
            let release = async { hold.release() };
            tokio::join!(waiting, release).0
        };
        assert_eq!(tokio::join!(call(&first), release), (101, 101));
        for process in [&first, &second] {
            assert_eq!(call(process).await, 101);
            assert_eq!(process.source.reads(), 1, "version {}", process.version);
        }
    })
    .await;
}

mod npm {
    use super::*;

    #[cached(ttl = "1m", key = "{name}")]
    pub async fn get(source: &Source, name: &str) -> u64 {
        name.len() as u64 + source.read().await
    }
}

mod pypi {
    use super::*;

    #[cached(ttl = "1m", key = "{name}")]
    pub async fn get(source: &Source, name: &str) -> String {
        format!("{name} {}", source.read().await)
    }
}

mod crates {
    use super::*;

    #[cached(ttl = "1m", key = "{name}")]
    pub async fn get(source: &Source, name: &str) -> u64 {
        name.len() as u64 + 1_000 * source.read().await
    }
}

#[tokio::test]
async fn functions_of_one_name_keep_their_hits() {
    on_each_store(async |cache: TestCache| {
        let (npm, pypi, crates) = (Source::new(1), Source::new(1), Source::new(1));
        for _ in 0..10 {
            assert_eq!(npm::get(&npm, "serde").await, 6);
            assert_eq!(pypi::get(&pypi, "serde").await, "serde 1");
            assert_eq!(crates::get(&crates, "serde").await, 1_005);
        }
        assert_eq!([&npm, &pypi, &crates].map(Source::reads), [1, 1, 1]);
        for removed in ["delete", "clear", "flush", "entry", "prefix"] {
            let now = npm.reads();
            match removed {
                "delete" => drop(cache.manager.delete("get:serde").await.unwrap()),
                "clear" => assert_eq!(cache.manager.clear("get:ser*").await.unwrap(), 3),
                "flush" => assert_eq!(cache.manager.flush_all().await, 3),
                "entry" => crates::get(&crates, "serde").cache_entry().invalidate().await.unwrap(),
                _ => cache.manager.invalidate_prefix("get").await.unwrap(),
            }
            for _ in 0..2 {
                npm::get(&npm, "serde").await;
                pypi::get(&pypi, "serde").await;
                crates::get(&crates, "serde").await;
            }
            let loads = [&npm, &pypi, &crates].map(|source| source.reads() - now);
            assert_eq!(loads, [1, 1, 1], "{removed}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_value_set_directly_is_that_of_all_functions_of_the_name_that_can_use_it() {
    on_each_store(async |cache: TestCache| {
        let (npm, pypi, crates) = (Source::new(1), Source::new(1), Source::new(1));
        assert_eq!(npm::get(&npm, "serde").await, 6);
        assert_eq!(pypi::get(&pypi, "serde").await, "serde 1");
        cache.manager.set("get:serde", &7_u64, Duration::from_secs(60)).await.unwrap();
        for _ in 0..3 {
            assert_eq!(npm::get(&npm, "serde").await, 7);
            assert_eq!(crates::get(&crates, "serde").await, 7);
            assert_eq!(pypi::get(&pypi, "serde").await, "serde 1");
            assert_eq!(cache.manager.get("get:serde").await.unwrap(), Some(7_u64));
        }
        assert_eq!([&npm, &pypi, &crates].map(Source::reads), [1, 2, 0]);
    })
    .await;
}
