//! Type and const parameters: each instance of a function has entries of its own.

use std::fmt::{Debug, Display};
use std::marker::PhantomData;

use cache_runtime::{CacheValue, cached};
use serde::Serialize;

use crate::check::{load, shapes};

shapes! {
    a_bound: shown(1_u8).await => "1", shown("a").await => "a";
    a_where_clause: debugged(&Some(1)).await => "Some(1)", debugged(&[1]).await => "[1]";
    a_parameter_that_no_argument_has: name_of::<Postgres>().await => "postgres", name_of::<Sqlite>().await => "sqlite";
    a_parameter_of_the_impl: Repo::<Postgres>::NEW.get(1).await => "1 postgres", Repo::<Sqlite>::NEW.get(1).await => "1 sqlite";
    parameters_of_impl_and_function: Repo::<Postgres>::NEW.as_text(1_u8).await => "1 postgres", Repo::<Postgres>::NEW.as_text('1').await => "1 postgres";
    a_const_parameter: sum([1, 2]).await => 3, sum([1, 2, 0]).await => 3;
    a_const_parameter_that_no_argument_has: size::<2>().await => 2, size::<3>().await => 3;
    a_const_parameter_of_the_impl: Grid::<2>.cells(1).await => 3, Grid::<4>.cells(1).await => 5;
    a_bool_parameter: ordered::<true>(2, 1).await => [1, 2], ordered::<false>(2, 1).await => [2, 1];
    a_returned_parameter: converted::<u8>(1).await => 1, converted::<u64>(1).await => 1;
    a_parameter_in_a_vec: repeated('a', 2).await => ['a', 'a'], repeated(1, 2).await => [1, 1];
    a_parameter_in_a_result: parsed::<u8>("1").await => Ok(1), parsed::<u64>("1").await => Ok(1);
    a_returned_result_said_to_be_one: answered::<u8>(1).await => Ok(1), answered::<u64>(1).await => Ok(1);
    a_projection: made::<Postgres>(1).await => 1, made::<Sqlite>(1).await => "1";
    a_projection_behind_self: Postgres.remade(1).await => 1, Sqlite.remade(1).await => "1";
    a_projection_known_by_its_bound: bounded(Postgres).await => Ok(8), bounded_again(Postgres).await => Ok(9);
    an_error_of_self: Postgres.tried(1).await => Ok(1), Postgres.tried(2).await => Ok(2);
    a_projection_of_an_iterator: first(vec![1_u8]).await => Some(1), first(vec![2_u8]).await => Some(2);
    a_bound_on_a_projection: joined(vec![1, 2]).await => "1 2", joined(vec!["a"]).await => "a";
    a_higher_ranked_bound: applied(str::len, "ab").await => 2, applied(str::len, "abc").await => 3;
    an_unsized_parameter: measured("ab").await => 2, measured(&[1_u8][..]).await => 1;
    a_default_parameter: Tagged::<u8>::default().tag().await => "u8 Postgres", Tagged::<u8, Sqlite>::default().tag().await => "u8 Sqlite";
    an_async_closure: loaded_by(async |n| n + 1, 1).await => 2, loaded_by(async |n| n + 1, 2).await => 3;
    a_function_that_gives_a_future: fetched_by(|n| async move { n * 2 }, 1).await => 2, fetched_by(|n| async move { n * 2 }, 2).await => 4;
    lifetimes_types_and_consts_together: mixed("ab", [1_u8, 2]).await => "ab[1, 2]", mixed("ab", [1_u8, 2, 3]).await => "ab[1, 2, 3]";
    a_local_type: local_type(1).await => 2, local_type(2).await => 3;
}

trait Backend {
    const NAME: &'static str;
    type Id: CacheValue + From<u8>;
}

#[derive(Debug, Default)]
struct Postgres;
#[derive(Debug, Default)]
struct Sqlite;

#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
struct TextId(String);

impl From<u8> for TextId {
    fn from(id: u8) -> TextId {
        TextId(id.to_string())
    }
}

impl PartialEq<&str> for TextId {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl Backend for Postgres {
    const NAME: &'static str = "postgres";
    type Id = u64;
}

impl Backend for Sqlite {
    const NAME: &'static str = "sqlite";
    type Id = TextId;
}

#[cached]
async fn shown<T: Serialize + Display>(value: T) -> String {
    load(value.to_string())
}

#[cached]
async fn debugged<T>(value: &T) -> String
where
    T: Debug + Serialize,
    T: ?Sized,
{
    load(format!("{value:?}"))
}

#[cached]
async fn name_of<B: Backend>() -> String {
    load(B::NAME.to_owned())
}

struct Repo<B>(PhantomData<B>);

impl<B: Backend> Repo<B> {
    const NEW: Repo<B> = Repo(PhantomData);

    #[cached(skip(self))]
    async fn get(&self, id: u64) -> String {
        load(format!("{id} {}", B::NAME))
    }

    #[cached(skip(self))]
    async fn as_text<T: Serialize + Display>(&self, id: T) -> String {
        load(format!("{id} {}", B::NAME))
    }
}

#[cached(key = &numbers[..])]
async fn sum<const N: usize>(numbers: [u64; N]) -> u64 {
    load(numbers.iter().sum())
}

#[cached]
async fn size<const N: usize>() -> usize {
    load(N)
}

struct Grid<const SIDE: usize>;

impl<const SIDE: usize> Grid<SIDE> {
    #[cached(skip(self))]
    async fn cells(&self, more: usize) -> usize {
        load(SIDE + more)
    }
}

#[cached]
async fn ordered<const ASCENDING: bool>(a: u8, b: u8) -> [u8; 2] {
    load(if ASCENDING { [a.min(b), a.max(b)] } else { [a.max(b), a.min(b)] })
}

#[cached(output = "plain")]
async fn converted<T: CacheValue + From<u8>>(n: u8) -> T {
    load(T::from(n))
}

#[cached]
async fn repeated<T: CacheValue>(value: T, times: usize) -> Vec<T> {
    load(vec![value; times])
}

#[cached]
async fn parsed<T>(text: &str) -> Result<T, T::Err>
where
    T: CacheValue + std::str::FromStr,
{
    load(text.parse())
}

type Answer<T> = Result<T, &'static str>;

#[cached(output = "result")]
async fn answered<T: CacheValue + From<u8>>(n: u8) -> Answer<T> {
    load(Ok(T::from(n)))
}

#[cached(output = "plain")]
async fn made<B: Backend>(n: u8) -> B::Id {
    load(n.into())
}

#[allow(async_fn_in_trait, reason = "it is the shape under test")]
trait Remade: Backend {
    #[cached(skip(self), output = "plain")]
    async fn remade(&self, n: u8) -> Self::Id {
        load(n.into())
    }
}

impl<B: Backend> Remade for B {}

#[allow(async_fn_in_trait, reason = "it is the shape under test")]
trait Tried {
    type Error: From<String>;

    #[cached(skip(self))]
    async fn tried(&self, n: u8) -> Result<u8, Self::Error> {
        load(if n == 0 { Err("zero".to_owned().into()) } else { Ok(n) })
    }
}

impl Tried for Postgres {
    type Error = String;
}

trait Handler {
    type Output;
    fn handle(&self, n: u8) -> Self::Output;
}

impl Handler for Postgres {
    type Output = Result<u8, String>;
    fn handle(&self, n: u8) -> Result<u8, String> {
        Ok(n)
    }
}

#[cached(skip(handler))]
async fn bounded<H: Handler<Output = Result<u8, String>>>(handler: H) -> H::Output {
    load(handler.handle(8))
}

#[cached(skip(handler))]
async fn bounded_again<H>(handler: H) -> <H as Handler>::Output
where
    H: Handler<Output = Result<u8, String>>,
{
    load(handler.handle(9))
}

#[cached]
async fn first<I>(items: I) -> Option<I::Item>
where
    I: IntoIterator<Item: CacheValue> + Serialize,
{
    load(items.into_iter().next())
}

#[cached]
async fn joined<I>(items: I) -> String
where
    I: IntoIterator<Item: Display> + Serialize,
{
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    load(items.join(" "))
}

#[cached(skip(apply))]
async fn applied<F>(apply: F, text: &str) -> usize
where
    F: for<'a> Fn(&'a str) -> usize,
{
    load(apply(text))
}

#[cached]
async fn measured<T: Serialize + ?Sized>(value: &T) -> usize {
    load(size_of_val(value))
}

struct Tagged<T, B = Postgres>(PhantomData<(T, B)>);

impl<T, B> Default for Tagged<T, B> {
    fn default() -> Tagged<T, B> {
        Tagged(PhantomData)
    }
}

impl<T, B: Default + Debug> Tagged<T, B> {
    #[cached(skip(self))]
    async fn tag(&self) -> String {
        load(format!("{} {:?}", std::any::type_name::<T>(), B::default()))
    }
}

#[cached(skip(loader))]
async fn loaded_by<F: AsyncFn(u64) -> u64>(loader: F, n: u64) -> u64 {
    load(loader(n).await)
}

#[cached(skip(loader))]
async fn fetched_by<F, Fut>(loader: F, n: u64) -> u64
where
    F: FnOnce(u64) -> Fut,
    Fut: Future<Output = u64>,
{
    load(loader(n).await)
}

#[cached(key = (text, &list[..]))]
async fn mixed<'a, T, const N: usize>(text: &'a str, list: [T; N]) -> String
where
    T: Serialize + Debug + 'a,
{
    load(format!("{text}{list:?}"))
}

#[cached]
async fn local_type(n: u8) -> u8 {
    struct Local<T>(T);
    impl<T: Into<u16>> Local<T> {
        fn increased(self) -> u16 {
            self.0.into() + 1
        }
    }
    load(u8::try_from(Local(n).increased()).unwrap())
}
