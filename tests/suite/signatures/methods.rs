//! Methods: `self` is left out or named, whatever it is.

use std::pin::Pin;
use std::sync::Arc;

use cache_runtime::{cache_invalidate, cached};
use cache_tests::Counter;

use crate::stores::{TestCache, on_each_store};

#[derive(Clone, Default)]
struct Shop {
    id: u64,
    runs: Counter,
}

impl Shop {
    fn new(id: u64) -> Shop {
        Shop { id, runs: Counter::new() }
    }

    #[cached(skip(self))]
    async fn without_self(&self, item: u64) -> u64 {
        self.runs.hit();
        self.id * 100 + item
    }

    #[cached(key_prefix = "shop_method", key = "{self.id}:{item}")]
    async fn by_template(self: Arc<Self>, item: u64) -> u64 {
        self.runs.hit();
        self.id * 100 + item
    }

    #[cached(key = (self.id, item))]
    async fn by_expression(&mut self, item: u64) -> u64 {
        self.runs.hit();
        self.id * 100 + item
    }

    #[cached(key = self.id)]
    async fn consumed(mut self) -> u64 {
        self.runs.hit();
        self.id += 1;
        self.id
    }

    #[cached]
    async fn of_the_type(item: u64) -> u64 {
        item
    }

    #[cache_invalidate(prefix = "shop_method:{self.id}")]
    async fn change(&mut self) -> &u64 {
        &self.id
    }
}

#[tokio::test]
async fn a_skipped_self_tells_nothing_apart() {
    on_each_store(async |_: TestCache| {
        let (one, two) = (Shop::new(1), Shop::new(2));
        assert_eq!(one.without_self(5).await, 105);
        assert_eq!(two.without_self(5).await, 105);
        assert_eq!(two.without_self(6).await, 206);
        assert_eq!((one.runs.count(), two.runs.count()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_self_in_the_key_tells_shops_apart() {
    on_each_store(async |_: TestCache| {
        let (mut one, mut two) = (Shop::new(1), Shop::new(2));
        for _ in 0..2 {
            assert_eq!(Arc::new(one.clone()).by_template(5).await, 105);
            assert_eq!(Arc::new(two.clone()).by_template(5).await, 205);
            assert_eq!(one.by_expression(5).await, 105);
            assert_eq!(two.by_expression(5).await, 205);
            assert_eq!(one.clone().consumed().await, 2);
            assert_eq!(two.clone().consumed().await, 3);
            assert_eq!(Shop::of_the_type(5).await, 5);
        }
        assert_eq!((one.runs.count(), two.runs.count()), (3, 3));
    })
    .await;
}

#[tokio::test]
async fn a_method_invalidates_by_its_self() {
    on_each_store(async |_: TestCache| {
        let (mut one, two) = (Shop::new(1), Shop::new(2));
        let call = async |shop: &Shop| Arc::new(shop.clone()).by_template(5).await;
        call(&one).await;
        call(&two).await;
        assert_eq!(*one.change().await, 1);
        call(&one).await;
        call(&two).await;
        assert_eq!((one.runs.count(), two.runs.count()), (2, 1));
    })
    .await;
}

trait Native {
    fn native(&self, item: u64) -> impl Future<Output = u64> + Send;
}

impl Native for Shop {
    #[cached(key = (self.id, item))]
    async fn native(&self, item: u64) -> u64 {
        self.runs.hit();
        self.id * 100 + item
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A trait as `#[async_trait]` expands it.
trait Dyn {
    fn boxed<'a>(&'a self, item: &'a str) -> Boxed<'a, Result<u64, String>>;
}

impl Dyn for Shop {
    #[cached(key_prefix = "boxed", key = "{self.id}:{item}")]
    fn boxed<'a>(
        &'a self,
        item: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<u64, String>> + Send + 'a>> {
        Box::pin(async move {
            self.runs.hit();
            let item: u64 = item.parse().map_err(|_| item.to_owned())?;
            Ok(self.id * 100 + item)
        })
    }
}

#[tokio::test]
async fn methods_of_traits_are_cached() {
    on_each_store(async |_: TestCache| {
        let shop = Shop::new(1);
        let by_trait: &dyn Dyn = &shop;
        for _ in 0..2 {
            assert_eq!(Native::native(&shop, 5).await, 105);
            assert_eq!(by_trait.boxed("6").await, Ok(106));
        }
        assert_eq!(shop.runs.count(), 2);
        assert_eq!(by_trait.boxed("six").await, Err("six".to_owned()));
        assert_eq!(by_trait.boxed("six").await, Err("six".to_owned()));
        assert_eq!(shop.runs.count(), 4, "errors are not stored");
    })
    .await;
}
