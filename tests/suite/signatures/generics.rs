//! Type parameters: each instance of a function has entries of its own.

use std::marker::PhantomData;

use cache_runtime::{CacheValue, cached};
use serde::Serialize;

use crate::stores::{TestCache, on_each_store};

trait Backend {
    const NAME: &'static str;
}

struct Postgres;
struct Sqlite;

impl Backend for Postgres {
    const NAME: &'static str = "postgres";
}

impl Backend for Sqlite {
    const NAME: &'static str = "sqlite";
}

struct Repo<B>(PhantomData<B>);

impl<B: Backend> Repo<B> {
    #[cached(skip(self))]
    async fn get(&self, id: u64) -> String {
        format!("{id} of {}", B::NAME)
    }

    #[cached(key_prefix = "repo", key = "{id}")]
    async fn named(id: u64) -> String {
        format!("{id} of {}", B::NAME)
    }
}

#[cached]
async fn name_of<B: Backend>(id: u64) -> String {
    format!("{id} of {}", B::NAME)
}

#[tokio::test]
async fn instances_never_see_each_others_values() {
    on_each_store(async |cache: TestCache| {
        for _ in 0..2 {
            assert_eq!(name_of::<Postgres>(1).await, "1 of postgres");
            assert_eq!(name_of::<Sqlite>(1).await, "1 of sqlite");
            assert_eq!(Repo::<Postgres>(PhantomData).get(1).await, "1 of postgres");
            assert_eq!(Repo::<Sqlite>(PhantomData).get(1).await, "1 of sqlite");
        }
        assert_eq!(cache.manager.stats().total.loads, 4);
        assert_eq!(cache.manager.stats().sites.len(), 4);
    })
    .await;
}

/// Two instances whose template gives one name: the entry is one's or the other's.
#[tokio::test]
async fn instances_with_one_name_do_not_take_the_others_value() {
    on_each_store(async |_: TestCache| {
        for _ in 0..2 {
            assert_eq!(Repo::<Postgres>::named(1).await, "1 of postgres");
            assert_eq!(Repo::<Sqlite>::named(1).await, "1 of sqlite");
        }
    })
    .await;
}

#[cached(output = "plain")]
async fn any_value<T, const N: usize>(numbers: [u8; N]) -> T
where
    T: CacheValue + From<u8>,
    [u8; N]: Serialize,
{
    T::from(numbers.iter().sum())
}

#[tokio::test]
async fn type_and_const_parameters_tell_calls_apart() {
    on_each_store(async |cache: TestCache| {
        for _ in 0..2 {
            assert_eq!(any_value::<u8, 2>([1, 2]).await, 3);
            assert_eq!(any_value::<u64, 2>([1, 2]).await, 3);
            assert_eq!(any_value::<u64, 3>([1, 2, 0]).await, 3);
            assert!((any_value::<f64, 2>([1, 2]).await - 3.0).abs() < f64::EPSILON);
        }
        assert_eq!(cache.manager.stats().total.loads, 4);
    })
    .await;
}

mod here {
    #[super::cached]
    pub(super) async fn place(_: u8) -> String {
        "here".to_owned()
    }
}

mod there {
    #[super::cached]
    pub(super) async fn place(_: u8) -> String {
        "there".to_owned()
    }
}

#[tokio::test]
async fn functions_of_one_name_in_two_modules_are_two() {
    on_each_store(async |_: TestCache| {
        for _ in 0..2 {
            assert_eq!(here::place(1).await, "here");
            assert_eq!(there::place(1).await, "there");
        }
    })
    .await;
}
