//! A crate that two packages have, as two services may each have a binary called `api`.
#![allow(missing_docs, reason = "a part of a test")]

use cache_runtime::cached;

#[cached(key_prefix = "api", key = "{id}")]
pub async fn rendered(value: u64, id: u64) -> u64 {
    value * 10 + id
}

#[cached(skip(value))]
pub async fn plain(value: u64, id: u64) -> u64 {
    value * 10 + id
}
