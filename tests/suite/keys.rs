//! Different calls have different entries; equal calls have the same.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

use cache_runtime::{CacheManager, cached, with};
use cache_tests::Counter;
use proptest::prelude::*;
use serde::Serialize;

use crate::stores::{TestCache, on_each_store};

#[cached]
async fn pair(a: &str, b: &str) -> String {
    format!("{a:?}, {b:?}")
}

#[cached(key_prefix = "rendered", key = "{a}:{b}")]
async fn rendered_pair(a: &str, b: &str) -> String {
    format!("{a:?}, {b:?}")
}

#[cached(key_prefix = "joined", key = "{a}")]
async fn rendered_one(a: String) -> String {
    a
}

#[cached]
async fn option(text: Option<&str>) -> String {
    format!("{text:?}")
}

#[cached]
async fn nested(pairs: ((u8, u8), u8, Vec<u8>, Vec<u8>)) -> String {
    format!("{pairs:?}")
}

#[cached]
async fn generic<T: Serialize + std::fmt::Debug + Send + Sync>(value: T) -> String {
    format!("{}: {value:?}", std::any::type_name::<T>())
}

// R5: distinct arguments have distinct keys.
#[tokio::test]
async fn texts_that_look_alike_when_joined_are_apart() {
    let pairs = [
        ("a:b", "c"),
        ("a", "b:c"),
        ("a%3Ab", "c"),
        ("", "a"),
        ("a", ""),
        ("a\0", "b"),
        ("a", "\0b"),
        ("*", "a"),
        ("[a-z]", "a"),
        ("%", "%25"),
        ("%25", "%"),
        ("{a}", "{b}"),
        ("None", "null"),
    ];
    on_each_store(async |_: TestCache| {
        for _ in ["loaded", "from the cache"] {
            for (a, b) in pairs {
                assert_eq!(pair(a, b).await, format!("{a:?}, {b:?}"));
                assert_eq!(rendered_pair(a, b).await, format!("{a:?}, {b:?}"));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn no_value_and_texts_that_say_so_are_apart() {
    on_each_store(async |_: TestCache| {
        for _ in ["loaded", "from the cache"] {
            for text in [None, Some(""), Some("None"), Some("null")] {
                assert_eq!(option(text).await, format!("{text:?}"));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn nested_values_are_apart() {
    let values = [
        ((1, 2), 3, vec![], vec![4]),
        ((1, 2), 3, vec![4], vec![]),
        ((1, 23), 0, vec![4], vec![]),
        ((12, 3), 0, vec![4], vec![]),
        ((1, 2), 3, vec![0], vec![4]),
    ];
    on_each_store(async |_: TestCache| {
        for _ in ["loaded", "from the cache"] {
            for value in &values {
                assert_eq!(nested(value.clone()).await, format!("{value:?}"));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn type_parameters_are_part_of_the_key() {
    on_each_store(async |_: TestCache| {
        for _ in ["loaded", "from the cache"] {
            assert_eq!(generic(1_u8).await, "u8: 1");
            assert_eq!(generic(1_u64).await, "u64: 1");
            assert_eq!(generic("1").await, "&str: \"1\"");
            assert_eq!(generic(String::from("1")).await, "alloc::string::String: \"1\"");
            assert_eq!(generic((1_u8,)).await, "(u8,): (1,)");
            assert_eq!(generic([1_u8]).await, "[u8; 1]: [1]");
        }
    })
    .await;
}

mod here {
    #[cache_runtime::cached]
    pub async fn name(id: u64) -> String {
        format!("here {id}")
    }
}

mod there {
    #[cache_runtime::cached]
    pub async fn name(id: u64) -> String {
        format!("there {id}")
    }
}

struct Users;
struct Teams;

impl Users {
    #[cached(skip(self))]
    async fn name(&self, id: u64) -> String {
        format!("user {id}")
    }
}

impl Teams {
    #[cached(skip(self))]
    async fn name(&self, id: u64) -> String {
        format!("team {id}")
    }
}

trait Backend: Send + Sync {
    const NAME: &str;
}
struct Postgres;
struct Sqlite;
impl Backend for Postgres {
    const NAME: &str = "postgres";
}
impl Backend for Sqlite {
    const NAME: &str = "sqlite";
}

struct Repo<B>(B);

impl<B: Backend> Repo<B> {
    #[cached(skip(self))]
    async fn name(&self, id: u64) -> String {
        format!("{} {id}", B::NAME)
    }
}

// R5: so have distinct functions.
#[tokio::test]
async fn functions_of_one_name_are_apart() {
    on_each_store(async |_: TestCache| {
        for _ in ["loaded", "from the cache"] {
            assert_eq!(here::name(1).await, "here 1");
            assert_eq!(there::name(1).await, "there 1");
            assert_eq!(Users.name(1).await, "user 1");
            assert_eq!(Teams.name(1).await, "team 1");
            assert_eq!(Repo(Postgres).name(1).await, "postgres 1");
            assert_eq!(Repo(Sqlite).name(1).await, "sqlite 1");
        }
    })
    .await;
}

#[cached(key_prefix = "shared", key = "{id}")]
async fn number(id: u64) -> u64 {
    id
}

#[cached(key_prefix = "shared", key = "{id}")]
async fn next_number(id: u64) -> u64 {
    id + 1
}

#[tokio::test]
async fn functions_that_render_one_name_do_not_get_each_others_values() {
    on_each_store(async |_: TestCache| {
        for _ in 0..3 {
            assert_eq!(number(1).await, 1);
            assert_eq!(next_number(1).await, 2);
        }
    })
    .await;
}

#[cached(skip(runs))]
async fn size(map: HashMap<u32, u32>, runs: &Counter) -> usize {
    runs.hit();
    map.len()
}

#[tokio::test]
async fn maps_of_equal_content_are_one_key_in_whatever_order() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        // Each map has a random order of its own.
        for _ in 0..20 {
            let map: HashMap<u32, u32> = (0..50).map(|i| (i, i)).collect();
            assert_eq!(size(map, &runs).await, 50);
        }
        assert_eq!(runs.count(), 1);
    })
    .await;
}

#[cached(skip(runs))]
async fn float(x: f64, runs: &Counter) -> u64 {
    runs.hit();
    x.to_bits()
}

#[tokio::test]
async fn the_zeros_are_one_key_and_so_is_every_nan() {
    on_each_store(async |_: TestCache| {
        let runs = Counter::new();
        for x in [0.0, -0.0, f64::NAN, -f64::NAN, f64::from_bits(0x7ff8_0000_0000_0001)] {
            float(x, &runs).await;
        }
        assert_eq!(runs.count(), 2);
        for x in [1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE] {
            assert_eq!(float(x, &runs).await, x.to_bits());
        }
        assert_eq!(runs.count(), 7);
    })
    .await;
}

/// Texts made of what names and patterns treat specially.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ab:%*?{}\\[\\]#\\\\-]{0,6}", "(%3A|%25|%|:|a){0,6}", any::<String>(),]
}

/// Runs one case with the cache of all cases: they must not disturb each other either.
fn in_memory<T>(future: impl Future<Output = T>) -> T {
    static MANAGER: LazyLock<CacheManager> =
        LazyLock::new(|| CacheManager::builder().build().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(with(&MANAGER, future))
}

async fn twice<T: Display>(call: impl AsyncFn() -> T) -> [String; 2] {
    [call().await.to_string(), call().await.to_string()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_two_pairs_are_apart(pairs in proptest::collection::vec((text(), text()), 2..8)) {
        in_memory(async {
            for (a, b) in pairs.iter().chain(&pairs) {
                let expected = format!("{a:?}, {b:?}");
                assert_eq!(twice(async || pair(a, b).await).await, [&expected[..]; 2]);
                assert_eq!(twice(async || rendered_pair(a, b).await).await, [&expected[..]; 2]);
            }
        });
    }

    #[test]
    fn any_two_texts_in_a_template_are_apart(texts in proptest::collection::vec(text(), 2..8)) {
        in_memory(async {
            for text in texts.iter().chain(&texts) {
                assert_eq!(&rendered_one(text.clone()).await, text);
            }
        });
    }

    #[test]
    fn any_two_values_of_one_type_are_apart(
        values in proptest::collection::vec(any::<(Option<String>, Vec<u8>, Option<i8>)>(), 2..8),
    ) {
        in_memory(async {
            for value in values.iter().chain(&values) {
                let text = generic(value.clone()).await;
                assert!(text.ends_with(&format!(": {value:?}")), "{text} for {value:?}");
            }
        });
    }
}
