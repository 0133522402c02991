//! Every receiver, trait methods, and the boxed form that `#[async_trait]` makes.

#![deny(warnings)]

use std::pin::Pin;
use std::sync::Arc;

use cache_runtime::{cache_invalidate, cached};

#[derive(Clone)]
struct Shop {
    id: u64,
}

impl Shop {
    #[cached(skip(self))]
    async fn skipped(&self, item: u64) -> u64 {
        item + self.id
    }

    #[cached(key = "{self.id}:{item}")]
    async fn template(self: Arc<Self>, item: u64) -> u64 {
        item + self.id
    }

    #[cached(key = (self.id, item))]
    async fn expression(&mut self, item: u64) -> u64 {
        self.id += item;
        self.id
    }

    #[cached(skip(self))]
    async fn by_value(mut self, item: u64) -> u64 {
        self.id += item;
        self.id
    }

    #[cached(key = "all")]
    async fn constant(&self) -> u64 {
        self.id
    }

    #[cache_invalidate(prefix = "shop:{self.id}")]
    async fn change(&mut self, item: u64) -> &u64 {
        self.id = item;
        &self.id
    }
}

trait Native {
    fn get(&self, item: u64) -> impl Future<Output = u64> + Send;
}

impl Native for Shop {
    #[cached(skip(self))]
    async fn get(&self, item: u64) -> u64 {
        item + self.id
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

trait Dyn {
    fn get<'a>(&'a self, item: &'a str) -> Boxed<'a, Result<u64, String>>;
}

impl Dyn for Shop {
    #[cached(key = "{self.id}:{item}")]
    fn get<'a>(
        &'a self,
        item: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<u64, String>> + Send + 'a>> {
        Box::pin(async move {
            let __self = self;
            let number: u64 = item.parse().map_err(|_| item.to_owned())?;
            Ok(number + __self.id)
        })
    }
}

fn is_send(_: impl Send) {}

fn main() {
    let mut shop = Shop { id: 1 };
    is_send(shop.skipped(1));
    is_send(Arc::new(shop.clone()).template(1));
    is_send(shop.expression(1));
    is_send(shop.clone().by_value(1));
    is_send(shop.constant());
    is_send(shop.change(1));
    is_send(Native::get(&shop, 1));
    is_send(Dyn::get(&shop, "1"));
}
