//! A crate that two packages have, as two services may each have a binary called `api`.
#![allow(missing_docs, reason = "a part of a test")]

use std::future::Future;
use std::pin::Pin;

use cache_runtime::cached;
use serde::Serialize;

#[cached(key_prefix = "api", key = "{id}")]
pub async fn rendered(value: u64, id: u64) -> u64 {
    value * 10 + id
}

#[cached(skip(value))]
pub async fn plain(value: u64, id: u64) -> u64 {
    value * 10 + id
}

/// The future of a load.
pub type Load = Pin<Box<dyn Future<Output = u64> + Send>>;

/// Two of one number serialise alike.
#[derive(Clone, Copy, Debug, Hash, Serialize)]
#[serde(untagged)]
pub enum Id {
    User(u64),
    Team(u64),
}

/// Without a `Hash`, and with a field that serde does not see.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Scaled {
    pub id: u64,
    #[serde(skip)]
    pub scale: f64,
}

/// Nothing tells two of one number apart.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum Opaque {
    User(u64),
    Team(u64),
}

#[cached(skip(load))]
pub async fn by_hash(load: Load, id: Id) -> u64 {
    _ = id;
    load.await
}

#[cached(skip(load))]
pub async fn by_text(load: Load, id: &[Scaled]) -> u64 {
    _ = id;
    load.await
}

#[cached(skip(load))]
pub async fn by_nothing(load: Load, id: Opaque) -> u64 {
    _ = id;
    load.await
}

/// The key is what its author says it is.
#[cached(skip(load, scale))]
pub async fn skipping(load: Load, id: u64, scale: Id) -> u64 {
    _ = (id, scale);
    load.await
}

#[cached(key = (*id,))]
pub async fn by_key(load: Load, id: &u64, scale: Id) -> u64 {
    _ = (id, scale);
    load.await
}
