//! Methods under `#[async_trait]`, which has made boxes of them when the attribute sees them.

use std::rc::Rc;
use std::sync::Arc;

use async_trait::async_trait;
use cache_runtime::cached;
use serde::Serialize;

use crate::check::{load, shapes};

shapes! {
    in_an_impl: ONE.stored(2).await => 102, TWO.stored(2).await => 202;
    a_default: ONE.guessed(2).await => 12, TWO.guessed(3).await => 13;
    a_default_per_implementor: ONE.origin().await => "shop", Kiosk.origin().await => "kiosk";
    through_dyn: as_dyn(&ONE).stored(2).await => 102, as_dyn(&Kiosk).stored(2).await => 2;
    through_a_box: boxed(ONE).stored(2).await => 102, boxed(TWO).stored(2).await => 202;
    without_send: ONE.local(2).await => 102, TWO.local(2).await => 202;
    of_a_generic_type: Holder(1_u8).shown(2).await => "1 2", Holder('a').shown(2).await => "a 2";
    with_generics: ONE.kept(1_u8).await => "1", ONE.kept('a').await => "a";
    by_unique_reference: Shop(1).counted(2).await => 3, Shop(2).counted(2).await => 4;
    by_value: Shop(1).consumed(2).await => 3, Shop(2).consumed(2).await => 4;
    in_an_arc: Arc::new(ONE).shared(2).await => 3, Arc::new(TWO).shared(2).await => 4;
    with_impl_trait: ONE.summed([1, 2]).await => 3, ONE.summed([1, 2, 3]).await => 6;
    without_a_return_type: ONE.noticed(1).await => (), ONE.noticed(2).await => ();
    with_an_error_that_borrows: ONE.checked("a").await => Ok(1), ONE.checked("ab").await => Ok(2);
    without_self: Shop::founded(2).await => 2, Shop::founded(3).await => 3;
}

struct Shop(u64);

struct Kiosk;

const ONE: Shop = Shop(1);
const TWO: Shop = Shop(2);

struct Holder<T>(T);

#[async_trait]
trait Store {
    fn place() -> &'static str
    where
        Self: Sized;

    async fn stored(&self, n: u64) -> u64;

    #[cached(skip(self))]
    async fn guessed(&self, n: u64) -> u64 {
        load(n + 10)
    }

    #[cached(skip(self))]
    async fn origin(&self) -> String
    where
        Self: Sized,
    {
        load(Self::place().to_owned())
    }
}

#[async_trait]
impl Store for Shop {
    fn place() -> &'static str {
        "shop"
    }

    #[cached(key = "{self.0}:{n}")]
    async fn stored(&self, n: u64) -> u64 {
        load(self.0 * 100 + n)
    }
}

#[async_trait]
impl Store for Kiosk {
    fn place() -> &'static str {
        "kiosk"
    }

    #[cached(skip(self))]
    async fn stored(&self, n: u64) -> u64 {
        load(n)
    }
}

fn as_dyn(store: &dyn Store) -> &dyn Store {
    store
}

fn boxed(store: impl Store + 'static) -> Box<dyn Store> {
    Box::new(store)
}

#[async_trait(?Send)]
trait Local {
    async fn local(&self, n: u64) -> u64;
}

#[async_trait(?Send)]
impl Local for Shop {
    #[cached(key = (self.0, n))]
    async fn local(&self, n: u64) -> u64 {
        let total = Rc::new(self.0 * 100 + n);
        tokio::task::yield_now().await;
        load(*total)
    }
}

#[async_trait]
trait Shown {
    async fn shown(&self, n: u64) -> String;
}

#[async_trait]
impl<T: ToString + Send + Sync> Shown for Holder<T> {
    #[cached(skip(self))]
    async fn shown(&self, n: u64) -> String {
        load(format!("{} {n}", self.0.to_string()))
    }
}

#[async_trait]
trait Various: Sized {
    async fn kept<T: ToString + Send>(&self, value: T) -> String;
    async fn counted(&mut self, n: u64) -> u64;
    async fn consumed(mut self, n: u64) -> u64;
    async fn shared(self: Arc<Self>, n: u64) -> u64;
    async fn founded(n: u64) -> u64;
    async fn summed(&self, numbers: impl IntoIterator<Item = u64> + Serialize + Send) -> u64;
    async fn noticed(&self, n: u64);
    async fn checked<'a>(&self, text: &'a str) -> Result<usize, &'a str>;
}

#[async_trait]
impl Various for Shop {
    #[cached(skip(self, value))]
    async fn kept<T: ToString + Send>(&self, value: T) -> String {
        load(value.to_string())
    }

    #[cached(key = (self.0, n))]
    async fn counted(&mut self, n: u64) -> u64 {
        self.0 += n;
        load(self.0)
    }

    #[cached(key = (self.0, n))]
    async fn consumed(mut self, n: u64) -> u64 {
        self.0 += n;
        load(self.0)
    }

    #[cached(key = (self.0, n))]
    async fn shared(self: Arc<Self>, n: u64) -> u64 {
        load(self.0 + n)
    }

    #[cached]
    async fn founded(n: u64) -> u64 {
        load(n)
    }

    #[cached(key = numbers)]
    async fn summed(&self, numbers: impl IntoIterator<Item = u64> + Serialize + Send) -> u64 {
        load(numbers.into_iter().sum())
    }

    #[cached(skip(self))]
    async fn noticed(&self, n: u64) {
        load(n);
    }

    #[cached(skip(self))]
    async fn checked<'a>(&self, text: &'a str) -> Result<usize, &'a str> {
        load(if text.is_empty() { Err(text) } else { Ok(text.len()) })
    }
}
