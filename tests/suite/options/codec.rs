//! `codec`: how the values of one function are encoded for Redis.

use cache_runtime::{Bincode, Codec, CodecError, MessagePack, cached};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::stores::{Store, TestCache, on_each_store, on_stores};

/// A codec of the user's, whose bytes a test can recognise.
struct Json;

impl Codec for Json {
    const ID: u8 = 200;
    const NAME: &'static str = "json";
    const HUMAN_READABLE: bool = true;

    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        serde_json::to_writer(out, value).map_err(CodecError::new)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        serde_json::from_slice(bytes).map_err(CodecError::new)
    }
}

type Value = Vec<(String, Option<u64>)>;

fn value() -> Value {
    vec![("first".into(), Some(1)), ("second".into(), None)]
}

#[cached(codec = Json, key_prefix = "codec_option", key = "json:{id}")]
async fn in_json(id: u64) -> Value {
    _ = id;
    value()
}

#[cached(codec = Bincode, key_prefix = "codec_option", key = "bincode:{id}")]
async fn in_bincode(id: u64) -> Value {
    _ = id;
    value()
}

#[cached(codec = MessagePack, key_prefix = "codec_option", key = "message_pack:{id}")]
async fn in_message_pack(id: u64) -> Value {
    _ = id;
    value()
}

#[tokio::test]
async fn values_come_back_whole_from_every_codec() {
    on_each_store(async |cache: TestCache| {
        for _ in 0..2 {
            assert_eq!(in_json(1).await, value());
            assert_eq!(in_bincode(1).await, value());
            assert_eq!(in_message_pack(1).await, value());
        }
        assert_eq!(cache.manager.stats().total.loads, 3);
    })
    .await;
}

#[tokio::test]
async fn the_codec_of_a_function_makes_its_bytes() {
    on_stores(&Store::ONE_SERVER, async |cache: TestCache| {
        in_json(1).await;
        in_message_pack(1).await;
        in_bincode(1).await;
        let json = br#"[["first",1],["second",null]]"#.as_slice();
        let message_pack = &in_message_pack_bytes()[..];
        let holds = |name, payload: &[u8]| {
            let stored: Vec<u8> = cache.server().cli(&["GET", &cache.redis_key(name)]);
            stored.windows(payload.len()).any(|part| part == payload)
        };
        for (name, expected) in [
            ("codec_option:json:1", [true, false]),
            ("codec_option:message_pack:1", [false, true]),
            ("codec_option:bincode:1", [false, false]),
        ] {
            assert_eq!([holds(name, json), holds(name, message_pack)], expected, "{name}");
        }
    })
    .await;
}

/// [`value`] in MessagePack, by its specification: arrays `0x90 | len`, strings `0xa0 | len`.
fn in_message_pack_bytes() -> Vec<u8> {
    let mut bytes = vec![0x92, 0x92, 0xa5];
    bytes.extend(b"first");
    bytes.extend([1, 0x92, 0xa6]);
    bytes.extend(b"second");
    bytes.push(0xc0);
    bytes
}
