//! Return types: what is stored of them, under whatever name.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::error::Error;
use std::fmt::{self, Debug};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use async_trait::async_trait;
use cache_runtime::{CacheManager, cached, with};
use cache_tests::Counter;
use serde::{Deserialize, Serialize};

use crate::check::{load, shapes};

shapes! {
    a_number: number(1).await => 1, number(2).await => 2;
    a_text: text(1).await => "1", text(2).await => "2";
    nothing_written: silent(1).await => (), silent(2).await => ();
    a_unit: unit(1).await => (), unit(2).await => ();
    an_option: some_if_even(2).await => Some(2), some_if_even(1).await => None;
    a_tuple_and_an_array: pair(1).await => (1, [1, 1]), pair(2).await => (2, [2, 2]);
    a_map: map(1).await => HashMap::from([(1, 2)]), map(2).await => HashMap::from([(2, 4)]);
    a_struct_with_a_parameter: page(1).await => Page { items: vec![1] }, page(2).await => Page { items: vec![2] };
    a_nested_enum: reply(1).await => Reply::Many(vec![Reply::One(1)]), reply(0).await => Reply::Nothing;
    a_box: boxed(1).await => Box::new(1), boxed(2).await => Box::new(2);
    an_arc: arc(1).await => Arc::new(1), arc(2).await => Arc::new(2);
    an_owned_cow: cow(1).await => "1", cow(2).await => "2";
    a_type_in_parentheses: parentheses(1).await => Some(1), parentheses(2).await => Some(2);
    self_as_a_type: Page::first(1).await => Page { items: vec![1] }, Page::first(2).await => Page { items: vec![2] };
    a_type_from_a_macro: from_a_macro(1).await => [1], from_a_macro(2).await => [2];
    a_result: result(1).await => Ok(1), result(2).await => Ok(2);
    a_result_by_its_path: by_path(1).await.ok() => Some(1), by_path(2).await.ok() => Some(2);
    a_result_of_an_option: found(2).await => Ok(Some(2)), found(1).await => Ok(None);
    a_result_of_an_arc: shared(1).await => Ok(Arc::new(1)), shared(2).await => Ok(Arc::new(2));
    a_result_of_a_unit: done(1).await => Ok(()), done(2).await => Ok(());
    a_result_that_never_fails: certain(1).await => Ok(1), certain(2).await => Ok(2);
    an_option_of_a_result: maybe(1).await => Some(Ok(1)), maybe(2).await => Some(Ok(2));
    an_alias: alias(1).await.ok() => Some(1), alias(2).await.ok() => Some(2);
    an_alias_without_parameters: answer(1).await.ok() => Some(1), answer(2).await.ok() => Some(2);
    an_alias_with_its_own_order: swapped(1).await.ok() => Some(1), swapped(2).await.ok() => Some(2);
    an_alias_called_option: by_another_name(1).await.ok() => Some(1), by_another_name(2).await.ok() => Some(2);
    a_type_called_result_that_is_none: counts(1).await => BTreeMap::from([(1, "one".to_owned())]), counts(2).await => BTreeMap::from([(2, "one".to_owned())]);
    an_io_result: input(1).await.unwrap() => 1, input(2).await.unwrap() => 2;
    a_formatting_result: written(1).await => Ok(()), written(2).await => Ok(());
    an_anyhow_result: any_error(1).await.unwrap() => 1, any_error(2).await.unwrap() => 2;
    a_boxed_error: boxed_error(1).await.unwrap() => 1, boxed_error(2).await.unwrap() => 2;
    a_boxed_error_that_can_be_sent: sent_error(1).await.unwrap() => 1, sent_error(2).await.unwrap() => 2;
    an_error_without_any_trait: silent_error(1).await.ok() => Some(1), silent_error(2).await.ok() => Some(2);
    an_error_that_cannot_be_sent: local_error(1).await => Ok(1), local_error(2).await => Ok(2);
    a_generic_error: generic_error::<String>(1).await => Ok(1), generic_error::<String>(2).await => Ok(2);
    a_boxed_error_under_async_trait: Shelf.read(1).await.unwrap() => 1, Shelf.read(2).await.unwrap() => 2;
    an_anyhow_result_under_async_trait: Shelf.reread(1).await.unwrap() => 1, Shelf.reread(2).await.unwrap() => 2;
}

/// No error is stored, whatever it is and whatever the return type is called.
#[tokio::test]
async fn no_error_is_stored() {
    fails_twice("result", async || result(0).await.is_err()).await;
    fails_twice("alias", async || alias(0).await.is_err()).await;
    fails_twice("answer", async || answer(0).await.is_err()).await;
    fails_twice("swapped", async || swapped(0).await.is_err()).await;
    fails_twice("another name", async || by_another_name(0).await.is_err()).await;
    fails_twice("io", async || input(0).await.is_err()).await;
    fails_twice("fmt", async || written(0).await.is_err()).await;
    fails_twice("anyhow", async || any_error(0).await.is_err()).await;
    fails_twice("box", async || boxed_error(0).await.is_err()).await;
    fails_twice("box of send", async || sent_error(0).await.is_err()).await;
    fails_twice("no trait", async || silent_error(0).await.is_err()).await;
    fails_twice("not send", async || local_error(0).await.is_err()).await;
    fails_twice("generic", async || generic_error::<&str>(0).await.is_err()).await;
    fails_twice("async_trait", async || Shelf.read(0).await.is_err()).await;
    fails_twice("async_trait and anyhow", async || Shelf.reread(0).await.is_err()).await;
}

async fn fails_twice(what: &str, failed: impl AsyncFn() -> bool) {
    let manager = CacheManager::builder().build().unwrap();
    let failures = Counter::new();
    with(&manager, async {
        for _ in 0..2 {
            if failed().await {
                failures.hit();
            }
        }
    })
    .await;
    assert_eq!((failures.count(), manager.stats().total.hits()), (2, 0), "{what}");
}

#[cached]
async fn number(n: u64) -> u64 {
    load(n)
}

#[cached]
async fn text(n: u64) -> String {
    load(n.to_string())
}

#[cached]
async fn silent(n: u64) {
    load(n);
}

#[cached]
#[allow(clippy::unused_unit, reason = "it is the shape under test")]
async fn unit(n: u64) -> () {
    load(n);
}

#[cached]
async fn some_if_even(n: u64) -> Option<u64> {
    load(n.is_multiple_of(2).then_some(n))
}

#[cached]
async fn pair(n: u64) -> (u64, [u64; 2]) {
    load((n, [n; 2]))
}

#[cached]
async fn map(n: u64) -> HashMap<u64, u64> {
    load(HashMap::from([(n, n * 2)]))
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Page<T> {
    items: Vec<T>,
}

#[cached]
async fn page(n: u64) -> Page<u64> {
    load(Page { items: vec![n] })
}

impl Page<u64> {
    #[cached]
    async fn first(n: u64) -> Self {
        load(Self { items: vec![n] })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Reply {
    Nothing,
    One(u64),
    Many(Vec<Reply>),
}

#[cached]
async fn reply(n: u64) -> Reply {
    load(if n == 0 { Reply::Nothing } else { Reply::Many(vec![Reply::One(n)]) })
}

#[cached]
async fn boxed(n: u64) -> Box<u64> {
    load(Box::new(n))
}

#[cached]
async fn arc(n: u64) -> Arc<u64> {
    load(Arc::new(n))
}

#[cached]
async fn cow(n: u64) -> Cow<'static, str> {
    load(n.to_string().into())
}

#[cached]
#[allow(unused_parens, reason = "it is the shape under test")]
async fn parentheses(n: u64) -> (Option<u64>) {
    load(Some(n))
}

macro_rules! list_of {
    ($item:ty) => { Vec<$item> };
}

#[cached]
async fn from_a_macro(n: u64) -> list_of!(u64) {
    load(vec![n])
}

fn positive<E>(n: u64, error: E) -> Result<u64, E> {
    load(if n == 0 { Err(error) } else { Ok(n) })
}

#[cached]
async fn result(n: u64) -> Result<u64, String> {
    positive(n, "zero".to_owned())
}

/// Not `Clone`, not `Debug`, not an `Error`.
struct Silent;

#[cached]
async fn by_path(n: u64) -> core::result::Result<u64, Silent> {
    positive(n, Silent)
}

#[cached]
async fn found(n: u64) -> Result<Option<u64>, String> {
    load(Ok(n.is_multiple_of(2).then_some(n)))
}

#[cached]
async fn shared(n: u64) -> Result<Arc<u64>, String> {
    load(Ok(Arc::new(n)))
}

#[cached]
async fn done(n: u64) -> Result<(), String> {
    load(n);
    Ok(())
}

#[cached]
async fn certain(n: u64) -> Result<u64, Infallible> {
    load(Ok(n))
}

#[cached]
async fn maybe(n: u64) -> Option<Result<u64, String>> {
    load(Some(Ok(n)))
}

type Alias<T> = Result<T, Silent>;

#[cached]
async fn alias(n: u64) -> Alias<u64> {
    positive(n, Silent)
}

type Answer = Result<u64, Silent>;

#[cached]
async fn answer(n: u64) -> Answer {
    positive(n, Silent)
}

type Swapped<E, T> = Result<T, E>;

#[cached]
async fn swapped(n: u64) -> Swapped<Silent, u64> {
    positive(n, Silent)
}

mod misleading {
    pub(super) type Option<T> = core::result::Result<T, super::Silent>;
    pub(super) type Result<T, E> = std::collections::BTreeMap<T, E>;
}

#[cached]
async fn by_another_name(n: u64) -> misleading::Option<u64> {
    positive(n, Silent)
}

#[cached]
async fn counts(n: u64) -> misleading::Result<u64, String> {
    load(BTreeMap::from([(n, "one".to_owned())]))
}

#[cached]
async fn input(n: u64) -> io::Result<u64> {
    positive(n, io::Error::other("zero"))
}

#[cached]
async fn written(n: u64) -> fmt::Result {
    positive(n, fmt::Error).map(drop)
}

#[cached]
async fn any_error(n: u64) -> anyhow::Result<u64> {
    let n = positive(n, io::Error::other("zero"))?;
    anyhow::ensure!(n < 100, "{n} is too large");
    Ok(n)
}

#[cached]
async fn boxed_error(n: u64) -> Result<u64, Box<dyn Error>> {
    Ok(positive(n, "zero")?)
}

#[cached]
async fn sent_error(n: u64) -> Result<u64, Box<dyn Error + Send + Sync>> {
    Ok(positive(n, "zero")?)
}

#[cached]
async fn silent_error(n: u64) -> Result<u64, Silent> {
    positive(n, Silent)
}

#[cached]
async fn local_error(n: u64) -> Result<u64, Rc<str>> {
    positive(n, "zero".into())
}

#[cached]
async fn generic_error<E: Debug + From<&'static str>>(n: u64) -> Result<u64, E> {
    positive(n, "zero".into())
}

struct Shelf;

#[async_trait]
trait Read {
    async fn read(&self, n: u64) -> Result<u64, Box<dyn Error + Send + Sync>>;
    async fn reread(&self, n: u64) -> anyhow::Result<u64>;
}

#[async_trait]
impl Read for Shelf {
    #[cached(skip(self))]
    async fn read(&self, n: u64) -> Result<u64, Box<dyn Error + Send + Sync>> {
        Ok(positive(n, "zero")?)
    }

    #[cached(skip(self))]
    async fn reread(&self, n: u64) -> anyhow::Result<u64> {
        Ok(positive(n, io::Error::other("zero"))?)
    }
}
