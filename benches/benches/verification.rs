//! Measures the cost of reading back and comparing each value before it is stored in Redis.
//!
//! The parts are made with the codec alone, as the cache does them for a type with `PartialEq`: encoded; and
//! decoded again, compared, and encoded again from what was read back. Beside them are whole misses, which
//! encode, verify and store: how large a part of a miss that is.

use std::sync::atomic::{AtomicU64, Ordering};

use cache_benches::redis::Failure;
use cache_benches::{Contender, Effort, compare};
use cache_runtime::{Bincode, CacheConfig, CacheManager, Codec as _, Mode, cached, with};
use cache_tests::RedisServer;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

/// About 50 bytes, encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Item {
    id: u64,
    title: String,
    price: f64,
    seen: bool,
}

type Items = Vec<Item>;

/// A name, how many items make a value of that size, and how many values a turn makes.
const SIZES: [(&str, u64, usize); 3] =
    [("100 B", 2, 2_000), ("10 kB", 200, 500), ("1 MB", 20_000, 10)];

static NEXT: AtomicU64 = AtomicU64::new(0);

fn items(count: u64) -> Items {
    let item = |id| Item {
        id: id << 40,
        title: format!("The title of item {id:08}"),
        price: id as f64 / 3.0,
        seen: id % 2 == 0,
    };
    (0..count).map(item).collect()
}

#[cached(ttl = "1h", skip(value))]
async fn stored(_call: u64, value: &Items) -> Items {
    value.clone()
}

fn encoded(value: &Items) -> Vec<u8> {
    let mut bytes = Vec::new();
    Bincode::encode(value, &mut bytes).expect("plain data");
    bytes
}

fn verified(value: &Items) -> Vec<u8> {
    let bytes = encoded(value);
    let back: Items = Bincode::decode(&bytes).expect("what was just encoded");
    let mut again = Vec::with_capacity(bytes.len());
    Bincode::encode(&back, &mut again).expect("plain data");
    assert!(back == *value && again == bytes);
    bytes
}

fn main() -> Result<(), Failure> {
    let server = RedisServer::start();
    let runtime = Runtime::new()?;
    let config = CacheConfig::default().mode(Mode::Redis).redis_url(server.url());
    let config = config.require_redis(true).max_value_size(8 << 20);
    let manager = runtime.block_on(CacheManager::connect(config))?;
    for (name, count, calls) in SIZES {
        let value = items(count);
        let misses = async |calls: usize| {
            for _ in 0..calls {
                stored(NEXT.fetch_add(1, Ordering::Relaxed), &value).await;
            }
        };
        let effort = Effort::full(21, calls);
        let turn = |make: fn(&Items) -> Vec<u8>| {
            let value = &value;
            move || (0..effort.calls).for_each(|_| drop(std::hint::black_box(make(value))))
        };
        let contenders = vec![
            Contender::new("encoded", turn(encoded)),
            Contender::new("encoded and verified", turn(verified)),
            Contender::new("a miss that is stored", || {
                runtime.block_on(with(&manager, misses(effort.calls)));
            }),
        ];
        let title = format!("verification, {name} ({} bytes)", encoded(&value).len());
        compare("verification", &title, effort, contenders);
    }
    let counts = manager.stats().total;
    assert_eq!((counts.misses, counts.lossy), (counts.stores, 0), "each value was stored");
    Ok(())
}
