//! A value written by one version of a program and read by another: as it was, or not at all.

use std::fmt::Debug;
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, DefaultCodec, Error};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::stores::{Store, TestCache, on_store, on_stores};

const TTL: Duration = Duration::from_secs(60);
const NAME: &str = "video:1";

/// Versions of one type: the same name, each in a module of its own.
macro_rules! versions {
    ($($module:ident { $($item:tt)* })*) => {
        $(pub mod $module {
            use super::*;
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            $($item)*
        })*
    };
}

versions! {
    written { pub struct Video { pub likes: u32, pub views: u32, pub title: String, pub length: Option<u32> } }
    unchanged { pub struct Video { pub likes: u32, pub views: u32, pub title: String, pub length: Option<u32> } }
    reordered { pub struct Video { pub views: u32, pub likes: u32, pub title: String, pub length: Option<u32> } }
    added { pub struct Video { pub likes: u32, pub views: u32, pub title: String, pub length: Option<u32>, #[serde(default)] pub shares: u32 } }
    removed { pub struct Video { pub likes: u32, pub views: u32, pub title: String } }
    removed_first { pub struct Video { pub views: u32, pub title: String, pub length: Option<u32> } }
    renamed { pub struct Video { pub likes: u32, pub clicks: u32, pub title: String, pub length: Option<u32> } }
    widened { pub struct Video { pub likes: u32, pub views: u64, pub title: String, pub length: Option<u32> } }
    signed { pub struct Video { pub likes: i32, pub views: u32, pub title: String, pub length: Option<u32> } }
    as_bytes { pub struct Video { pub likes: u32, pub views: u32, pub title: Vec<u8>, pub length: Option<u32> } }
    required { pub struct Video { pub likes: u32, pub views: u32, pub title: String, pub length: u32 } }
    as_tuple { pub struct Video(pub u32, pub u32, pub String, pub Option<u32>); }
}

fn video() -> written::Video {
    written::Video { likes: 1, views: 2, title: "abc".into(), length: Some(3) }
}

/// Returns whether the entry can be read as a `V`. The stored entry stays unchanged.
async fn is_read_as<V>(cache: &CacheManager) -> bool
where
    V: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let read = cache.get::<V>(NAME).await.unwrap();
    assert_eq!(cache.get_many::<V>(&[NAME]).await.unwrap()[0].is_some(), read.is_some());
    read.is_some()
}

// R5: an entry carries the digest of its shape.
#[tokio::test]
async fn a_struct_of_another_version_is_a_miss() {
    for codec in [DefaultCodec::Bincode, DefaultCodec::MessagePack] {
        let with_codec = |config: CacheConfig| config.codec(codec);
        on_store(Store::Redis, with_codec, async |cache: TestCache| {
            let cache = &cache.manager;
            cache.set(NAME, &video(), TTL).await.unwrap();
            assert!(is_read_as::<written::Video>(cache).await);
            assert!(is_read_as::<unchanged::Video>(cache).await);
            assert!(!is_read_as::<reordered::Video>(cache).await);
            assert!(!is_read_as::<added::Video>(cache).await);
            assert!(!is_read_as::<removed::Video>(cache).await);
            assert!(!is_read_as::<removed_first::Video>(cache).await);
            assert!(!is_read_as::<renamed::Video>(cache).await);
            assert!(!is_read_as::<widened::Video>(cache).await);
            assert!(!is_read_as::<signed::Video>(cache).await);
            assert!(!is_read_as::<as_bytes::Video>(cache).await);
            assert!(!is_read_as::<required::Video>(cache).await);
            assert!(!is_read_as::<as_tuple::Video>(cache).await);
            assert!(!is_read_as::<Vec<u32>>(cache).await);
            assert_eq!(cache.get(NAME).await.unwrap(), Some(video()));
        })
        .await;
    }
}

#[tokio::test]
async fn an_unchanged_struct_in_a_list_is_read_and_a_changed_one_is_a_miss() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let cache = &cache.manager;
        cache.set(NAME, &vec![video(), video()], TTL).await.unwrap();
        assert!(is_read_as::<Vec<unchanged::Video>>(cache).await);
        assert!(!is_read_as::<Vec<reordered::Video>>(cache).await);
        assert!(!is_read_as::<Option<unchanged::Video>>(cache).await);
    })
    .await;
}

#[tokio::test]
async fn a_miss_by_shape_is_loaded_and_stored_beside_what_is_there() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let cache = &cache.manager;
        cache.set(NAME, &video(), TTL).await.unwrap();
        let new = reordered::Video { views: 2, likes: 1, title: "abc".into(), length: Some(3) };
        let load = async || Ok::<_, Error>(new.clone());
        assert_eq!(cache.get_or_load(NAME, TTL, load).await.unwrap(), new);
        assert_eq!(cache.get(NAME).await.unwrap(), Some(new));
        assert_eq!(cache.get(NAME).await.unwrap(), Some(video()));
        cache.delete(NAME).await.unwrap();
        assert!(!is_read_as::<reordered::Video>(cache).await);
        assert!(!is_read_as::<written::Video>(cache).await);
    })
    .await;
}

mod enums {
    use super::*;

    versions! {
        written { pub enum Kind { A(u8), B(u8), C { x: u8, y: u8 }, D } }
        unchanged { pub enum Kind { A(u8), B(u8), C { x: u8, y: u8 }, D } }
        reordered { pub enum Kind { B(u8), A(u8), C { x: u8, y: u8 }, D } }
        inserted { pub enum Kind { Z, A(u8), B(u8), C { x: u8, y: u8 }, D } }
        renamed { pub enum Kind { A(u8), E(u8), F { x: u8, y: u8 }, G } }
        swapped { pub enum Kind { A(u8), B(u8), C { y: u8, x: u8 }, D } }
    }
}

#[tokio::test]
async fn an_enum_with_its_variants_moved_is_a_miss() {
    use enums::written::Kind;
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let cache = &cache.manager;
        for value in [
            vec![Kind::A(1), Kind::B(2)],
            vec![Kind::B(1), Kind::D],
            vec![Kind::C { x: 1, y: 2 }, Kind::B(1)],
        ] {
            cache.set(NAME, &value, TTL).await.unwrap();
            assert_eq!(cache.get(NAME).await.unwrap(), Some(value.clone()));
            assert!(is_read_as::<Vec<enums::unchanged::Kind>>(cache).await);
            assert!(!is_read_as::<Vec<enums::reordered::Kind>>(cache).await, "{value:?}");
            assert!(!is_read_as::<Vec<enums::inserted::Kind>>(cache).await, "{value:?}");
            assert!(!is_read_as::<Vec<enums::renamed::Kind>>(cache).await, "{value:?}");
        }
        cache.set(NAME, &vec![Kind::C { x: 1, y: 2 }], TTL).await.unwrap();
        assert!(!is_read_as::<Vec<enums::swapped::Kind>>(cache).await);
    })
    .await;
}

#[tokio::test]
async fn a_value_of_another_type_is_a_miss_in_memory_too() {
    on_stores(&[Store::Memory, Store::Outage], async |cache: TestCache| {
        let cache = &cache.manager;
        cache.set(NAME, &video(), TTL).await.unwrap();
        assert!(is_read_as::<written::Video>(cache).await);
        assert!(!is_read_as::<reordered::Video>(cache).await);
        assert!(!is_read_as::<u32>(cache).await);
    })
    .await;
}
