//! Any bytes in Redis are a value or a miss (R5).

use std::time::Duration;

use cache_runtime::{Error, Status};

use crate::source::Source;
use crate::stores::{Store, TestCache, on_stores};
use crate::video::{Load, NAME, Way, video};

const TTL: Duration = Duration::from_secs(60);
const NEIGHBOUR: &str = "video:neighbour";

/// An entry, and the bytes that stand for it in Redis.
struct Subject {
    cache: TestCache,
    key: String,
    good: Vec<u8>,
    connection: redis::Connection,
}

impl Subject {
    async fn new(cache: TestCache) -> Subject {
        let value = vec!["some text".to_owned(), "more".to_owned()];
        cache.manager.set(NAME, &value, TTL).await.unwrap();
        cache.manager.set(NEIGHBOUR, &1_u8, TTL).await.unwrap();
        let key = cache.redis_key(NAME);
        let good = cache.server().cli(&["GET", &key]);
        let connection = cache.server().connect().unwrap();
        Subject { cache, key, good, connection }
    }

    fn put(&mut self, bytes: &[u8]) {
        redis::cmd("SET").arg(&self.key).arg(bytes).exec(&mut self.connection).unwrap();
    }

    async fn is_read(&self) -> bool {
        self.cache.manager.get::<Vec<String>>(NAME).await.unwrap().is_some()
    }

    /// Refreshes the entry, and checks that the value is stored and everything else is unchanged.
    async fn is_overwritten(&self) {
        let manager = &self.cache.manager;
        let value = vec!["anew".to_owned()];
        let load = async || Ok::<_, Error>(value.clone());
        assert_eq!(manager.get_or_load(NAME, TTL, load).await.unwrap(), value);
        assert_eq!(manager.get(NAME).await.unwrap(), Some(value));
        assert_eq!(manager.get(NEIGHBOUR).await.unwrap(), Some(1_u8));
        assert_eq!(manager.stats().redis_errors, 0);
        assert_eq!(manager.health().await.status, Status::Healthy);
    }
}

async fn on_a_subject(body: impl AsyncFn(&mut Subject)) {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        cache.leaves_endless_keys();
        let mut subject = Subject::new(cache).await;
        assert!(subject.is_read().await);
        body(&mut subject).await;
    })
    .await;
}

// R5: an entry that cannot be decoded exactly is a miss.
#[tokio::test]
async fn an_entry_with_any_byte_changed_is_a_miss() {
    on_a_subject(async |subject: &mut Subject| {
        let good = subject.good.clone();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            subject.put(&bytes);
            assert!(!subject.is_read().await, "byte {at}");
        }
        subject.is_overwritten().await;
    })
    .await;
}

#[tokio::test]
async fn an_entry_cut_anywhere_is_a_miss_and_is_overwritten() {
    on_a_subject(async |subject: &mut Subject| {
        let good = subject.good.clone();
        for length in 0..good.len() {
            subject.put(&good[..length]);
            assert!(!subject.is_read().await, "{length} bytes");
            subject.is_overwritten().await;
        }
    })
    .await;
}

#[tokio::test]
async fn foreign_bytes_are_a_miss_and_are_overwritten() {
    on_a_subject(async |subject: &mut Subject| {
        let magic = subject.good[..4].to_vec();
        let mut foreign =
            vec![b"text".to_vec(), vec![0; 8 << 20], [&subject.good[..], b"x"].concat()];
        for length in [0, 1, 8, 9, 16, 64, 200] {
            for filling in [0, 1, 0x7f, 0xff] {
                // Lengths of 4 GiB and more, and versions that are not ours.
                foreign.push([&magic[..], &vec![filling; length]].concat());
                foreign.push([&magic[..2], &vec![filling; length]].concat());
                foreign.push(vec![filling; length]);
            }
        }
        for bytes in foreign {
            subject.put(&bytes);
            assert!(!subject.is_read().await, "{:?}", &bytes[..bytes.len().min(20)]);
            subject.is_overwritten().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_of_another_kind_is_a_miss_and_is_overwritten() {
    on_a_subject(async |subject: &mut Subject| {
        let commands: [&[&str]; 4] =
            [&["RPUSH", "x"], &["HSET", "x", "y"], &["SADD", "x"], &["ZADD", "1", "x"]];
        for command in commands {
            let (name, arguments) = command.split_first().unwrap();
            subject.cache.server().cli::<()>(&["DEL", &subject.key]);
            let command = [&[*name, &subject.key], arguments].concat();
            subject.cache.server().cli::<()>(&command);
            assert!(!subject.is_read().await, "{name}");
            subject.is_overwritten().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_of_another_kind_is_replaced() {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        for token in ["#root", "#t:video", "#t:team:red"] {
            let source = Source::new(1);
            assert_eq!(video(&source).await, 1);
            let key = cache.redis_key(token);
            for command in [["RPUSH", &key, "x"], ["SET", &key, "short"]] {
                cache.server().cli::<()>(&["DEL", &key]);
                cache.server().cli::<()>(&command);
                source.set(2);
                assert_eq!(video(&source).await, 2, "{command:?}");
                source.set(3);
                Way::Tag.invalidate(&cache.manager).await;
                assert_eq!(video(&source).await, 3, "{command:?}");
            }
            Way::FlushAll.invalidate(&cache.manager).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_mark_of_a_load_that_never_ends_stops_nobody() {
    on_stores(&[Store::Redis], async |cache: TestCache| {
        let source = Source::new(1);
        let peer = cache.peer().await;
        let _forever = Load::begin(&peer, &source).await;
        assert_eq!(video(&source).await, 1);
        assert_eq!(video(&source).await, 1);
        assert_eq!(source.reads(), 2, "the second load is kept");
    })
    .await;
}
