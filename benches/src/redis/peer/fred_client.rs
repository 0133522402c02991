//! `fred` by hand, on one connection.

use std::sync::Arc;

use fred::bytes::Bytes;
use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike as _, KeysInterface as _};
use fred::types::Builder;
use fred::types::config::Config;

use crate::redis::Ids;

/// A client that many tasks share.
///
/// # Errors
///
/// If the server cannot be reached.
pub async fn connect(url: &str) -> Result<Client, Error> {
    let client = Builder::from_config(Config::from_url(url)?).build()?;
    client.init().await?;
    Ok(client)
}

/// Requests the values of these ids, one command each.
pub async fn get(client: Client, keys: Arc<[String]>, ids: Ids) {
    for id in ids {
        let answer: Result<Option<Bytes>, Error> = client.get(&keys[id as usize]).await;
        assert!(matches!(answer, Ok(Some(_))), "a value: {answer:?}");
    }
}
