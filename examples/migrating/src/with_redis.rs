//! The program with Redis by hand: look in Redis, otherwise load and store; delete after a change.

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, RedisResult};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Currency, Database, Product, Shop, ShopError};

/// The shop, with its connection to Redis.
#[derive(Debug)]
pub struct WithRedis {
    db: Database,
    redis: MultiplexedConnection,
    namespace: String,
}

impl WithRedis {
    /// Returns the shop over this database. All its keys in Redis begin with the namespace.
    pub fn new(db: Database, redis: MultiplexedConnection, namespace: String) -> Self {
        WithRedis { db, redis, namespace }
    }

    // If Redis fails, these do nothing: the database has the value.

    async fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let json: Option<String> = self.redis.clone().get(key).await.ok()?;
        serde_json::from_str(&json?).ok()
    }

    async fn set<T: Serialize>(&self, key: &str, value: &T, seconds: u64) {
        if let Ok(json) = serde_json::to_string(value) {
            let _: RedisResult<()> = self.redis.clone().set_ex(key, json, seconds).await;
        }
    }

    async fn del(&self, keys: &[String]) {
        let _: RedisResult<()> = self.redis.clone().del(keys).await;
    }

    fn product_key(&self, id: u64) -> String {
        format!("{}:product:{id}", self.namespace)
    }

    fn shelf_key(&self, name: &str) -> String {
        format!("{}:shelf:{name}", self.namespace)
    }

    fn price_key(&self, id: u64, currency: Currency) -> String {
        format!("{}:product:{id}:price:{currency}", self.namespace)
    }

    fn barcode_key(&self, barcode: &str) -> String {
        format!("{}:barcode:{barcode}", self.namespace)
    }
}

impl Shop for WithRedis {
    async fn product(&self, id: u64) -> Result<Product, ShopError> {
        let key = self.product_key(id);
        if let Some(product) = self.get(&key).await {
            return Ok(product);
        }
        let product = self.db.product(id).await?;
        self.set(&key, &product, 300).await;
        Ok(product)
    }

    async fn shelf(&self, name: &str) -> Vec<Product> {
        let key = self.shelf_key(name);
        if let Some(products) = self.get(&key).await {
            return products;
        }
        let products = self.db.shelf(name).await;
        self.set(&key, &products, 60).await;
        products
    }

    async fn price(&self, id: u64, currency: Currency) -> Result<u64, ShopError> {
        let key = self.price_key(id, currency);
        if let Some(price) = self.get(&key).await {
            return Ok(price);
        }
        let price = self.db.price(id, currency).await?;
        self.set(&key, &price, 300).await;
        Ok(price)
    }

    async fn with_barcode(&self, barcode: &str) -> Option<u64> {
        let key = self.barcode_key(barcode);
        if let Some(id) = self.get(&key).await {
            return Some(id);
        }
        let id = self.db.with_barcode(barcode).await?;
        self.set(&key, &id, 3600).await;
        Some(id)
    }

    async fn change(&self, product: &Product) -> Result<(), ShopError> {
        self.db.change(product).await?;
        let mut keys = vec![self.product_key(product.id), self.shelf_key(&product.shelf)];
        keys.extend(Currency::ALL.map(|currency| self.price_key(product.id, currency)));
        self.del(&keys).await;
        Ok(())
    }

    async fn add(&self, product: Product) -> Result<Product, ShopError> {
        let product = self.db.add(product).await?;
        self.set(&self.product_key(product.id), &product, 300).await;
        self.del(&[self.shelf_key(&product.shelf)]).await;
        Ok(product)
    }
}
