//! `redis-rs` by hand, on one multiplexed connection: the least that a hit in Redis can cost.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{Client, RedisResult, cmd};

use super::ids::Ids;
use super::size::Size;

/// The number of values that are stored in one pipeline.
const AT_ONCE: usize = 100;

/// A connection that many tasks share.
///
/// # Errors
///
/// If the server cannot be reached.
pub async fn connect(url: &str) -> RedisResult<MultiplexedConnection> {
    Client::open(url)?.get_multiplexed_async_connection().await
}

/// Stores all values of a size.
///
/// # Errors
///
/// If the server says so.
pub async fn fill(connection: &mut MultiplexedConnection, size: Size) -> RedisResult<()> {
    let value = size.value();
    for first in (0..size.keys).step_by(AT_ONCE) {
        let mut pipeline = redis::pipe();
        for id in (first..size.keys).take(AT_ONCE) {
            pipeline.set(key(size, id), &value).ignore();
        }
        pipeline.query_async::<()>(connection).await?;
    }
    Ok(())
}

/// The keys of a size, as [`fill`] has stored them.
pub fn keys(size: Size) -> Arc<[String]> {
    (0..size.keys).map(|id| key(size, id)).collect()
}

/// Returns the Redis keys that each of our hits in mode `redis` reads: the value, and the tokens of its
/// tags.
///
/// # Errors
///
/// If the server says so.
pub async fn keys_of_hits(
    connection: &mut MultiplexedConnection,
) -> RedisResult<Arc<[Vec<String>]>> {
    let find = async |pattern: &str| -> RedisResult<Vec<String>> {
        cmd("KEYS").arg(pattern).query_async(&mut connection.clone()).await
    };
    let tokens = [find("cache:#root").await?, find("cache:#t:redis*").await?].concat();
    let values = find("cache:redis:*").await?;
    Ok(values.into_iter().map(|value| [vec![value], tokens.clone()].concat()).collect())
}

/// Requests the values of these ids, one command each.
pub async fn get(mut connection: MultiplexedConnection, keys: Arc<[String]>, ids: Ids) {
    for id in ids {
        let answer: RedisResult<Option<Vec<u8>>> =
            cmd("GET").arg(&keys[id as usize]).query_async(&mut connection).await;
        assert!(matches!(answer, Ok(Some(_))), "a value: {answer:?}");
    }
}

/// Requests the values of these ids together with other keys, one command each.
pub async fn mget(mut connection: MultiplexedConnection, keys: Arc<[Vec<String>]>, ids: Ids) {
    for id in ids {
        let answer: RedisResult<Vec<Option<Vec<u8>>>> =
            cmd("MGET").arg(&keys[id as usize]).query_async(&mut connection).await;
        assert!(answer.is_ok_and(|values| values.iter().all(Option::is_some)), "the values");
    }
}

fn key(size: Size, id: u64) -> String {
    format!("raw:{}:{id}", size.bytes)
}
